/* CURVE on sockets that connect: keys from files, and why a handshake came to nothing.
 *
 * Shared by the client's and the worker's sockets. libzmq tells nobody that a handshake failed, and
 * after some failures doesn't try again either: a monitor on the socket listens for it. Must never
 * let a secret into a log or a sentence. */
#ifndef REEVE_CLIENT_SOCKET_CURVE_H
#define REEVE_CLIENT_SOCKET_CURVE_H

#include "base/curve_key.h"

/* {0}: without CURVE. Holds a secret: wipe it. */
struct client_curve {
    bool on;
    struct curve_pair pair;      /* ours */
    char server[CURVE_KEY_SIZE]; /* the broker's public key */
};

/* From a key file and the broker's public key; NULL or "" for both: without. 0, or -errno and a
 * sentence (one of the two is missing, a file that can't be used, no key, a pair that is none). */
int client_curve_load(const char *key_file, const char *server, struct client_curve *curve_out,
                      char *problem, size_t size);
void client_curve_wipe(struct client_curve *curve);

/* Before the socket connects. 0, -errno (-ENOTSUP: this libzmq is built without CURVE). */
int client_curve_set(void *socket, const struct client_curve *curve);

/* A new pair, whose public key does not begin with `#`: it would be a comment in the broker's list.
 * 0, -ENOTSUP, -errno. */
int client_curve_generate(struct curve_pair *pair_out);

/* What became of the last handshake. */
enum handshake_state {
    HANDSHAKE_NONE = 0, /* there was none yet, or nothing to say of it */
    HANDSHAKE_GOOD,
    HANDSHAKE_REFUSED, /* the broker does not let this key in; libzmq does not try again */
    HANDSHAKE_OTHER,   /* one side speaks CURVE, the other does not; neither does it here */
    HANDSHAKE_HUNG_UP  /* the broker ends it, again and again; libzmq goes on trying. Not said once
                          a handshake went well: the broker is away then, behind a proxy */
};

struct handshake {
    void *socket, *monitor; /* borrowed; owned */
    bool curve, was_good;
    unsigned hang_ups; /* in a row */
    enum handshake_state state;
};

/* Listens to a socket's handshakes, from before it connects. 0, -errno. */
int handshake_open(void *context, void *socket, bool curve, struct handshake *out);
/* Before the socket is closed. {0} is fine. */
void handshake_close(struct handshake *handshake);
/* Takes in what happened; true: the state is another one, or a handshake has failed anew. Never
 * blocks. */
bool handshake_look(struct handshake *handshake);
/* A failure, as what to check; "" otherwise. */
const char *handshake_words(const struct handshake *handshake);

#endif
