/* Roles and their words. */
#include "broker/core/auth.h"

static const char *const words[] = {
    [ROLE_PRODUCER] = "producer", [ROLE_GATEWAY] = "gateway", [ROLE_ADMIN] = "admin",
    [ROLE_OBSERVER] = "observer", [ROLE_WORKER] = "worker",
};

enum { ROLES = sizeof words / sizeof *words };

const char *role_word(enum session_role role)
{
    return words[role];
}

bool role_parse(struct text word, enum session_role *role_out)
{
    for (unsigned i = 0; i < ROLES; i++) {
        if (text_is(word, words[i])) {
            *role_out = (enum session_role)i;
            return true;
        }
    }
    return false;
}

bool role_sees_events(enum session_role role)
{
    return role == ROLE_GATEWAY || role == ROLE_ADMIN;
}
