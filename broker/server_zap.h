/* ZAP: libzmq asks here, for each connection that shakes hands, whether its key may come in.
 *
 * The answers come from the broker's own loop: no thread, no lock, and the list that is asked is
 * the very one that is in force. libzmq waits for them without harm to connections that stand.
 * The key, once let in, is the User-Id of every message of its connection. Must never let anything
 * in that the callback did not. */
#ifndef REEVE_BROKER_SERVER_ZAP_H
#define REEVE_BROKER_SERVER_ZAP_H

#include "base/slice.h"

enum { ZAP_ANSWERS_MAX = 64 }; /* in one go: the rest waits for the next turn */

struct zap;

/* May this key (Z85) come in at this domain, from this address? Borrowed texts. */
typedef bool zap_admit(void *arg, struct text key, struct text domain, struct text address);

/* Before any socket with CURVE is bound. 0, -errno. */
int zap_open(struct zap **zap_out);
/* After all sockets with CURVE. NULL is fine. */
void zap_close(struct zap **zap);

/* libzmq's socket, to wait for. */
void *zap_socket(const struct zap *zap);

/* Answers what waits. 0, -errno. */
int zap_serve(struct zap *zap, zap_admit *admit, void *arg);

#endif
