/* The listening socket. Must never bind more than it was told, nor ask a name server: only
 * addresses and "localhost" are read. */
#include "gateway/http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

struct place {
    struct sockaddr_storage address;
    socklen_t len;
};

static bool is_port(const char *text)
{
    size_t len = strlen(text);
    return len <= 5 && strspn(text, "0123456789") == len && strtoul(text, NULL, 10) <= 65535;
}

/* Splits "HOST:PORT"; HOST may stand in square brackets. */
static bool split(const char *text, char host[64], const char **port_out)
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || colon[1] == '\0')
        return false;
    const char *from = text, *to = colon;
    if (*from == '[') {
        if (to[-1] != ']')
            return false;
        from++, to--;
    } else if (memchr(from, ':', (size_t)(to - from))) {
        return false;
    }
    size_t len = (size_t)(to - from);
    if (len == 0 || len >= 64)
        return false;
    memcpy(host, from, len);
    host[len] = '\0';
    *port_out = colon + 1;
    return is_port(*port_out);
}

static bool read_place(const char *text, struct place *out)
{
    char host[64];
    const char *port;
    if (!split(text, host, &port))
        return false;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found;
    const char *name = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    if (getaddrinfo(name, port, &hints, &found) != 0)
        return false;
    out->len = found->ai_addrlen;
    memcpy(&out->address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

static bool is_loopback(const struct place *place)
{
    const void *at = &place->address;
    if (place->address.ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)at)->sin_addr.s_addr) >> 24 == 127;
    const struct in6_addr *six = &((const struct sockaddr_in6 *)at)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(six);
}

bool listen_is_loopback(const char *address)
{
    struct place place;
    return read_place(address, &place) && is_loopback(&place);
}

static void describe(int fd, char out[LISTEN_TEXT_SIZE])
{
    struct place place = {.len = sizeof place.address};
    char host[INET6_ADDRSTRLEN + 16] = "?", port[8] = "0";
    struct sockaddr *address = (struct sockaddr *)&place.address;
    getsockname(fd, address, &place.len);
    getnameinfo(address, place.len, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    bool six = place.address.ss_family == AF_INET6;
    snprintf(out, LISTEN_TEXT_SIZE, six ? "[%s]:%s" : "%s:%s", host, port);
}

int listen_open(const char *address, struct listening *listening_out)
{
    struct place place;
    if (!read_place(address, &place))
        return LISTEN_UNREADABLE;
    int family = place.address.ss_family;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)&place.address, place.len) < 0 ||
        listen(fd, BACKLOG) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    listening_out->fd = fd;
    listening_out->loopback = is_loopback(&place);
    describe(fd, listening_out->text);
    return 0;
}
