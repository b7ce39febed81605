/* Who is asking, and may they? Must never let a request through that no mode has looked at. */
#include "gateway/auth/auth.h"

static const char *const mode_words[] = {
#define MODE(name) #name,
    AUTH_MODES(MODE)
#undef MODE
};

int auth_mode_parse(const char *word, enum auth_mode *mode_out)
{
    for (size_t i = 0; i < sizeof mode_words / sizeof *mode_words; i++) {
        if (strcmp(word, mode_words[i]) == 0) {
            *mode_out = (enum auth_mode)i;
            return 0;
        }
    }
    return 1;
}

bool auth_lists_origin(const struct auth *auth, struct text origin)
{
    for (size_t i = 0; i < auth->origins->count; i++) {
        struct text listed = text_of(auth->origins->at[i]);
        if (text_is(listed, "*") || origin_eq(listed, origin))
            return true;
    }
    return false;
}

/* A web page can make a browser send anything but a foreign Host and a foreign Origin. */
static int check_page(const struct auth *auth, const struct request *request, struct fault *fault)
{
    struct text host = request_header(request, "Host");
    struct text origin = request_header(request, "Origin");
    if (auth->loopback && !host_is_local(host))
        return fault_set(fault, WIRE_FORBIDDEN, "Host",
                         "without authentication only this machine's own names are served "
                         "(localhost, 127.0.0.1, [::1])");
    bool plain_read = request->method == METHOD_GET || request->method == METHOD_HEAD;
    if (origin.len == 0 || plain_read || origin_is_of(origin, host) ||
        auth_lists_origin(auth, origin))
        return 0;
    return fault_set(fault, WIRE_FORBIDDEN, "Origin",
                     "pages of this origin may not do that (see --cors-origin)");
}

static int admit_none(const struct auth *auth, struct request *request, struct fault *fault)
{
    request->caller = (struct caller){TEXT("anonymous"), true};
    return check_page(auth, request, fault);
}

static int (*const admit[])(const struct auth *, struct request *, struct fault *) = {
#define MODE(name) admit_##name,
    AUTH_MODES(MODE)
#undef MODE
};

int auth_admit(const struct auth *auth, struct request *request, struct fault *fault)
{
    return admit[auth->mode](auth, request, fault);
}
