/* Who may come in, and as what: the list of keys in force, its file, and what its changes revoke.
 *
 * Owned by the loop's thread. Must never know a secret. */
#ifndef REEVE_BROKER_SERVER_AUTH_H
#define REEVE_BROKER_SERVER_AUTH_H

#include "broker/core/auth.h"

struct server_auth;

/* Reads the list. 0, -errno, said on the log. */
int server_auth_open(const char *path, struct server_auth **auth_out);
void server_auth_close(struct server_auth **auth); /* NULL is fine */

size_t server_auth_count(const struct server_auth *auth);

/* As zap_admit: workers' keys get in at `workers`, others at `clients`, those of gateways and
 * admins also at `events`. Who is turned away is said on the log, at most once a second. */
bool server_auth_admit(void *auth, struct text key, struct text domain, struct text address);

/* What the key of a message may be; one that is not listed where it is not. Lives until the second
 * next reload. */
const struct core_auth *server_auth_of(const struct server_auth *auth, struct text key);

/* A connection of the events socket: its descriptor, and its key. */
void server_auth_watches(struct server_auth *auth, int fd, struct text key);

/* Reads the file again. Where it can't be read or understood, the old list stays and the log says
 * so. Watchers whose key is revoked are cut off; what else is to be done is said by
 * server_auth_take_revoked. 0, -ENOMEM. Not while a batch is under way. */
int server_auth_reload(struct server_auth *auth);

/* The keys that the last reload revoked, once, in order of their bytes; borrowed until the next.
 * false: none. */
bool server_auth_take_revoked(struct server_auth *auth, const struct text **keys_out,
                              size_t *count_out);

#endif
