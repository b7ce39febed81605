/* All open connections: how many, from where, and how long each may still take.
 * Must never touch a socket after connection_closed. */
#include "gateway/http/connections.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uthash.h>
#include <utlist.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "gateway/http/linger.h"
#include "gateway/http/outflow.h"

enum { SWEEP_MS = 250 };

/* How many connections an address has open. */
struct address {
    char name[INET6_ADDRSTRLEN];
    size_t count;
    UT_hash_handle hh;
};

struct connection {
    int fd;
    enum phase phase;
    enum crowd crowd;
    bool linger;
    uint64_t deadline_ms; /* 0: none */
    struct outflow *outflow;
    struct address *address;
    struct connection *prev, *next;
};

struct connections {
    struct connections_config config;
    pthread_mutex_t lock; /* over everything below but the thread's own */
    struct connection *open;
    size_t count;
    struct address *addresses;
    int handed[LINGER_SOCKETS_MAX]; /* sockets on their way to `lingers` */
    size_t handed_count;
    bool stopping;
    pthread_t thread;
    int wake_fd;
    struct lingers lingers; /* the thread's */
};

static void name_address(const struct sockaddr *address, char out[INET6_ADDRSTRLEN])
{
    const void *bytes = NULL;
    if (address->sa_family == AF_INET)
        bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    else if (address->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    if (!bytes || !inet_ntop(address->sa_family, bytes, out, INET6_ADDRSTRLEN))
        snprintf(out, INET6_ADDRSTRLEN, "local");
}

/* One more from this address. NULL: out of memory. */
static struct address *address_take(struct connections *connections, const char *name)
{
    struct address *address;
    HASH_FIND_STR(connections->addresses, name, address);
    if (!address) {
        address = calloc(1, sizeof *address);
        if (!address)
            return NULL;
        snprintf(address->name, sizeof address->name, "%s", name);
        HASH_ADD_STR(connections->addresses, name, address);
    }
    address->count++;
    return address;
}

static void address_give(struct connections *connections, struct address *address)
{
    if (--address->count > 0)
        return;
    HASH_DEL(connections->addresses, address);
    free(address);
}

static enum crowd crowd_of(const struct connections *connections, const struct address *address)
{
    size_t each = connections->config.per_address_max;
    if (connections->count > connections->config.count_max)
        return CROWD_ALL;
    return each > 0 && address->count > each ? CROWD_ADDRESS : CROWD_NONE;
}

/* Under the lock. */
static void enter(struct connections *connections, struct connection *connection, enum phase phase)
{
    uint64_t patience = connections->config.patience_ms[phase];
    connection->phase = phase;
    connection->deadline_ms = patience ? clock_mono_ms() + patience : 0;
    outflow_release(&connection->outflow);
}

struct connection *connection_opened(struct connections *connections, int fd,
                                     const struct sockaddr *address)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return NULL;
    char name[INET6_ADDRSTRLEN];
    name_address(address, name);
    pthread_mutex_lock(&connections->lock);
    connection->fd = fd;
    connection->address = address_take(connections, name);
    if (connection->address) {
        connections->count++;
        connection->crowd = crowd_of(connections, connection->address);
        enter(connections, connection, PHASE_HEAD);
        DL_APPEND(connections->open, connection);
    }
    pthread_mutex_unlock(&connections->lock);
    if (!connection->address) {
        free(connection);
        return NULL;
    }
    return connection;
}

/* Keeps the socket open beyond its server, for the thread to drain. Under the lock. */
static void hand_over(struct connections *connections, int fd)
{
    if (connections->handed_count == LINGER_SOCKETS_MAX)
        return;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return;
    connections->handed[connections->handed_count++] = copy;
    uint64_t one = 1;
    ssize_t ignored = write(connections->wake_fd, &one, sizeof one);
    (void)ignored;
}

void connection_closed(struct connections *connections, struct connection *connection)
{
    if (!connection)
        return;
    pthread_mutex_lock(&connections->lock);
    if (connection->linger)
        hand_over(connections, connection->fd);
    outflow_release(&connection->outflow);
    DL_DELETE(connections->open, connection);
    connections->count--;
    address_give(connections, connection->address);
    pthread_mutex_unlock(&connections->lock);
    free(connection);
}

enum crowd connection_crowd(const struct connection *connection)
{
    return connection->crowd;
}

const char *connection_address(const struct connection *connection)
{
    return connection->address->name;
}

void connection_enter(struct connections *connections, struct connection *connection,
                      enum phase phase)
{
    pthread_mutex_lock(&connections->lock);
    enter(connections, connection, phase);
    pthread_mutex_unlock(&connections->lock);
}

void connection_stream(struct connections *connections, struct connection *connection,
                       struct outflow *outflow)
{
    outflow_hold(outflow);
    pthread_mutex_lock(&connections->lock);
    enter(connections, connection, PHASE_WORK);
    connection->outflow = outflow;
    pthread_mutex_unlock(&connections->lock);
}

void connection_linger(struct connections *connections, struct connection *connection)
{
    pthread_mutex_lock(&connections->lock);
    connection->linger = true;
    pthread_mutex_unlock(&connections->lock);
}

size_t connections_count(struct connections *connections)
{
    pthread_mutex_lock(&connections->lock);
    size_t count = connections->count;
    pthread_mutex_unlock(&connections->lock);
    return count;
}

/* Its time is up. Nobody else writes on the socket: in these phases no answer has begun. */
static void expire(struct connections *connections, struct connection *connection)
{
    struct text answer = connections->config.slow_answer;
    if (connection->phase == PHASE_HEAD || connection->phase == PHASE_BODY) {
        ssize_t ignored = send(connection->fd, answer.at, answer.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        (void)ignored;
    }
    log_debug("connection_slow", "%s took too long (phase %d)", connection->address->name,
              (int)connection->phase);
    shutdown(connection->fd, SHUT_RDWR);
    connection->deadline_ms = 0;
}

static void sweep(struct connections *connections, uint64_t now_ms)
{
    struct connection *connection;
    pthread_mutex_lock(&connections->lock);
    DL_FOREACH(connections->open, connection)
    {
        if (connection->deadline_ms != 0 && now_ms >= connection->deadline_ms)
            expire(connections, connection);
        if (connection->outflow)
            outflow_tick(connection->outflow, now_ms);
    }
    pthread_mutex_unlock(&connections->lock);
}

/* Takes over what was handed; false: stop. */
static bool take_handed(struct connections *connections, uint64_t now_ms)
{
    uint64_t ignored;
    ssize_t got = read(connections->wake_fd, &ignored, sizeof ignored);
    (void)got;
    pthread_mutex_lock(&connections->lock);
    while (connections->handed_count > 0)
        linger_add(&connections->lingers, connections->handed[--connections->handed_count], now_ms);
    bool stopping = connections->stopping;
    pthread_mutex_unlock(&connections->lock);
    return !stopping;
}

static void *watch_over(void *arg)
{
    struct connections *connections = arg;
    uint64_t next_ms = 0;
    for (;;) {
        struct pollfd fds[1 + LINGER_SOCKETS_MAX] = {
            {.fd = connections->wake_fd, .events = POLLIN}};
        size_t count = 1 + linger_poll(&connections->lingers, fds + 1);
        poll(fds, (nfds_t)count, SWEEP_MS);
        uint64_t now_ms = clock_mono_ms();
        if (!take_handed(connections, now_ms))
            return NULL;
        linger_step(&connections->lingers, now_ms);
        if (now_ms >= next_ms) {
            sweep(connections, now_ms);
            next_ms = now_ms + SWEEP_MS;
        }
    }
}

int connections_new(const struct connections_config *config, struct connections **out)
{
    struct connections *connections = calloc(1, sizeof *connections);
    if (!connections)
        return -ENOMEM;
    connections->config = *config;
    pthread_mutex_init(&connections->lock, NULL);
    connections->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int error = connections->wake_fd < 0 ? errno : 0;
    if (!error)
        error = pthread_create(&connections->thread, NULL, watch_over, connections);
    if (error) {
        if (connections->wake_fd >= 0)
            close(connections->wake_fd);
        free(connections);
        return -error;
    }
    *out = connections;
    return 0;
}

void connections_destroy(struct connections **out)
{
    struct connections *connections = *out;
    if (!connections)
        return;
    CHECK(connections->open == NULL);
    pthread_mutex_lock(&connections->lock);
    connections->stopping = true;
    uint64_t one = 1;
    ssize_t ignored = write(connections->wake_fd, &one, sizeof one);
    (void)ignored;
    pthread_mutex_unlock(&connections->lock);
    pthread_join(connections->thread, NULL);
    linger_fini(&connections->lingers);
    close(connections->wake_fd);
    pthread_mutex_destroy(&connections->lock);
    free(connections);
    *out = NULL;
}
