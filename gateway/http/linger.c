/* Sockets that were answered before their request had been read.
 * Must never block, nor keep a socket beyond its time and bytes. */
#include "gateway/http/linger.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

void linger_add(struct lingers *lingers, int fd, uint64_t now_ms)
{
    if (lingers->count == LINGER_SOCKETS_MAX) {
        close(fd);
        return;
    }
    lingers->at[lingers->count++] = (struct linger_socket){fd, now_ms + LINGER_MS, 0};
}

size_t linger_poll(const struct lingers *lingers, struct pollfd *fds_out)
{
    for (size_t i = 0; i < lingers->count; i++)
        fds_out[i] = (struct pollfd){.fd = lingers->at[i].fd, .events = POLLIN};
    return lingers->count;
}

/* Reads at most a bounded amount at a time; false: it has ended. */
static bool drain(struct linger_socket *socket)
{
    char waste[16 * 1024];
    for (int i = 0; i < 64; i++) {
        ssize_t got = recv(socket->fd, waste, sizeof waste, MSG_DONTWAIT);
        if (got <= 0)
            return got < 0;
        socket->size += (size_t)got;
    }
    return true;
}

void linger_step(struct lingers *lingers, uint64_t now_ms)
{
    for (size_t i = lingers->count; i-- > 0;) {
        struct linger_socket *socket = &lingers->at[i];
        if (drain(socket) && socket->size < LINGER_SIZE_MAX && now_ms < socket->deadline_ms)
            continue;
        close(socket->fd);
        *socket = lingers->at[--lingers->count];
    }
}

void linger_fini(struct lingers *lingers)
{
    while (lingers->count > 0)
        close(lingers->at[--lingers->count].fd);
}
