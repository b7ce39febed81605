/* Sockets that were answered before their request had been read: what still comes in is read and
 * thrown away for a moment, because closing at once would reset the connection and could take the
 * answer away from a client that is still sending.
 * Must never block, nor keep a socket beyond its time and bytes. One thread. */
#ifndef REEVE_GATEWAY_HTTP_LINGER_H
#define REEVE_GATEWAY_HTTP_LINGER_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LINGER_SOCKETS_MAX = 64, /* beyond it they are closed at once */
    LINGER_MS = 5000,
    LINGER_SIZE_MAX = 64 * 1024 * 1024
};

struct linger_socket {
    int fd;
    uint64_t deadline_ms;
    size_t size; /* read so far */
};

/* {0} is valid and empty. */
struct lingers {
    struct linger_socket at[LINGER_SOCKETS_MAX];
    size_t count;
};

/* Takes the socket over. */
void linger_add(struct lingers *lingers, int fd, uint64_t now_ms);
/* Fills one entry per socket, in order; the number of them. */
size_t linger_poll(const struct lingers *lingers, struct pollfd *fds_out);
/* Reads what is there, closes what has ended. */
void linger_step(struct lingers *lingers, uint64_t now_ms);
void linger_fini(struct lingers *lingers);

#endif
