/* The list of keys in force.
 * Must never fall back to letting anybody in. */
#include "broker/server_auth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "broker/allowed.h"
#include "broker/server_sockets.h"

enum { WATCHERS_FD_MAX = 1 << 20, REFUSED_LOG_MS = 1000 };

struct watcher {
    char key[AUTH_KEY_LEN + 1]; /* "": none that we know of */
};

struct server_auth {
    char *path;
    struct allowed *list, *before; /* what was revoked points into the list before */
    struct text *revoked;
    size_t revoked_count;
    bool revoked_taken;
    struct watcher *watchers; /* by descriptor */
    size_t watchers_cap;
    uint64_t said_at, unsaid; /* refusals: when the log last said one, how many it did not */
};

int server_auth_open(const char *path, struct server_auth **auth_out)
{
    char problem[4500];
    struct server_auth *auth = calloc(1, sizeof *auth);
    *auth_out = auth;
    if (!auth || !(auth->path = strdup(path))) {
        server_auth_close(auth_out);
        return -ENOMEM;
    }
    int rc = allowed_read(path, &auth->list, problem, sizeof problem);
    if (rc == 0)
        return 0;
    log_error("keys_refused", "--curve-peers: %s", problem);
    server_auth_close(auth_out);
    return rc;
}

void server_auth_close(struct server_auth **auth)
{
    if (!*auth)
        return;
    allowed_destroy(&(*auth)->list);
    allowed_destroy(&(*auth)->before);
    free((*auth)->revoked);
    free((*auth)->watchers);
    free((*auth)->path);
    free(*auth);
    *auth = NULL;
}

size_t server_auth_count(const struct server_auth *auth)
{
    return allowed_count(auth->list);
}

/* --- asking ----------------------------------------------------------------------------------- */

static bool may_enter(const struct core_auth *found, struct text domain)
{
    if (!found)
        return false;
    if (text_is(domain, socket_name(SOCKET_WORKERS)))
        return found->role == ROLE_WORKER;
    if (text_is(domain, socket_name(SOCKET_CLIENTS)))
        return found->role != ROLE_WORKER;
    return text_is(domain, socket_name(SOCKET_EVENTS)) && role_sees_events(found->role);
}

/* A flood of handshakes must not become one of the log's. */
static void say_refused(struct server_auth *auth, const struct core_auth *found, struct text key,
                        struct text domain, struct text address)
{
    uint64_t now = clock_mono_ms();
    if (auth->said_at != 0 && now - auth->said_at < REFUSED_LOG_MS) {
        auth->unsaid++;
        return;
    }
    char more[64] = "";
    if (auth->unsaid > 0)
        snprintf(more, sizeof more, " (and %llu that were not said)",
                 (unsigned long long)auth->unsaid);
    log_warning("key_refused", "%.*s, at the %.*s endpoint from %.*s: %s%s%s%s", (int)key.len,
                key.at, (int)domain.len, domain.at, (int)address.len, address.at,
                found ? "this key is listed as " : "this key is not listed",
                found ? role_word(found->role) : "", found ? ", which has no business here" : "",
                more);
    auth->said_at = now;
    auth->unsaid = 0;
}

bool server_auth_admit(void *arg, struct text key, struct text domain, struct text address)
{
    struct server_auth *auth = arg;
    const struct core_auth *found = allowed_find(auth->list, key);
    if (may_enter(found, domain))
        return true;
    say_refused(auth, found, key, domain, address);
    return false;
}

const struct core_auth *server_auth_of(const struct server_auth *auth, struct text key)
{
    static const struct core_auth stranger = {.listed = false};
    const struct core_auth *found = allowed_find(auth->list, key);
    return found ? found : &stranger;
}

/* --- watchers --------------------------------------------------------------------------------- */

static bool make_room(struct server_auth *auth, size_t fd)
{
    size_t cap = auth->watchers_cap ? auth->watchers_cap : 64;
    while (cap <= fd)
        cap *= 2;
    if (cap == auth->watchers_cap)
        return true;
    struct watcher *grown = realloc(auth->watchers, cap * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + auth->watchers_cap, 0, (cap - auth->watchers_cap) * sizeof *grown);
    auth->watchers = grown;
    auth->watchers_cap = cap;
    return true;
}

/* A descriptor that can't be noted can't be cut off later, so it is now. */
void server_auth_watches(struct server_auth *auth, int fd, struct text key)
{
    if (fd < 0 || key.len != AUTH_KEY_LEN)
        return;
    if (fd >= WATCHERS_FD_MAX || !make_room(auth, (size_t)fd)) {
        shutdown(fd, SHUT_RDWR);
        return;
    }
    memcpy(auth->watchers[fd].key, key.at, AUTH_KEY_LEN);
}

/* libzmq has no way to end one connection of many, but its descriptor has. It may be another's by
 * now (a watcher left, somebody else came): that one connects again, no harm done. Descriptors that
 * are no connections, listening ones too, are never among these. */
static void cut_off(struct server_auth *auth)
{
    for (size_t fd = 0; fd < auth->watchers_cap; fd++) {
        struct watcher *watcher = &auth->watchers[fd];
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        if (!watcher->key[0] || may_enter(allowed_find(auth->list, text_of(watcher->key)),
                                          text_of(socket_name(SOCKET_EVENTS))))
            continue;
        watcher->key[0] = '\0';
        if (getpeername((int)fd, (struct sockaddr *)&peer, &size) == 0)
            shutdown((int)fd, SHUT_RDWR);
    }
}

/* --- the file again --------------------------------------------------------------------------- */

static int take_over(struct server_auth *auth, struct allowed *fresh)
{
    struct text *keys;
    size_t count;
    int rc = allowed_revoked(auth->list, fresh, &keys, &count);
    if (rc < 0)
        return rc;
    free(auth->revoked);
    allowed_destroy(&auth->before);
    auth->before = auth->list;
    auth->list = fresh;
    auth->revoked = keys;
    auth->revoked_count = count;
    auth->revoked_taken = count == 0;
    return 0;
}

int server_auth_reload(struct server_auth *auth)
{
    char problem[4500];
    struct allowed *fresh;
    int rc = allowed_read(auth->path, &fresh, problem, sizeof problem);
    if (rc < 0) {
        log_error("keys_refused", "%s; the keys stay as they were", problem);
        return 0;
    }
    rc = take_over(auth, fresh);
    if (rc < 0) {
        allowed_destroy(&fresh);
        return rc;
    }
    cut_off(auth);
    log_info("keys_read", "%zu keys are listed; %zu were revoked or changed",
             allowed_count(auth->list), auth->revoked_count);
    return 0;
}

bool server_auth_take_revoked(struct server_auth *auth, const struct text **keys_out,
                              size_t *count_out)
{
    if (auth->revoked_taken || auth->revoked_count == 0)
        return false;
    auth->revoked_taken = true;
    *keys_out = auth->revoked;
    *count_out = auth->revoked_count;
    return true;
}
