/* The listening socket: an address as people write it, bound, and what came of it.
 * Must never bind more than it was told. */
#ifndef REEVE_GATEWAY_HTTP_LISTEN_H
#define REEVE_GATEWAY_HTTP_LISTEN_H

#include <stdbool.h>

enum { LISTEN_TEXT_SIZE = 80, LISTEN_UNREADABLE = 1 };

struct listening {
    int fd;
    bool loopback;               /* only this machine can reach it */
    char text[LISTEN_TEXT_SIZE]; /* as bound: "127.0.0.1:8080", "[::1]:41234" */
};

/* `address` is ADDR:PORT, [ADDR6]:PORT or localhost:PORT; port 0 takes a free one. 0;
 * LISTEN_UNREADABLE: no such address; -EADDRINUSE, another -errno. */
int listen_open(const char *address, struct listening *listening_out);

/* Would it be a loopback address? false too where it can't be read. Opens nothing. */
bool listen_is_loopback(const char *address);

#endif
