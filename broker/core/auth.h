/* Who is at the other end, where keys prove it: what a session may be.
 *
 * The server looks a peer's key up in its list and hands what it finds to the core with every
 * message. The core fills a hello from it and refuses one that asks for more. */
#ifndef REEVE_BROKER_CORE_AUTH_H
#define REEVE_BROKER_CORE_AUTH_H

#include "base/slice.h"

enum session_role { ROLE_PRODUCER, ROLE_GATEWAY, ROLE_ADMIN, ROLE_OBSERVER, ROLE_WORKER };

/* A public key as text (Z85). */
enum { AUTH_KEY_LEN = 40 };

/* Borrowed by the core for the batch. */
struct core_auth {
    bool listed; /* false: the key is not, or no longer, in the list; nothing else is set then */
    struct text key;
    enum session_role role;
    struct text owner; /* whose session it is; "": nobody's in particular */
    struct text name;  /* for people */
};

/* "producer", "gateway", "admin", "observer", "worker". */
const char *role_word(enum session_role role);
/* false: there is no such role. */
bool role_parse(struct text word, enum session_role *role_out);

/* May a session of this role see everybody's events? They can't be told apart per watcher. */
bool role_sees_events(enum session_role role);

#endif
