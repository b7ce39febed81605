/* A response body that comes in pieces over time.
 * Must never return 0 from the content reader without having suspended the connection. */
#include "gateway/http/outflow.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

enum {
    BLOCK_SIZE = 1024,
    KEPT_SIZE_MAX = 4 * BLOCK_SIZE,
    SOCKET_SIZE = 64 * 1024 /* what the kernel may hold back for one reader */
};

struct outflow {
    struct outflow_config config;
    pthread_mutex_t lock;
    unsigned references;
    struct buf unread;
    size_t taken;        /* bytes of `unread` that the reader has */
    size_t largest;      /* the largest piece since `unread` was last empty */
    uint64_t written_ms; /* last time something was written */
    uint64_t taken_ms;   /* last time the reader took something, or had nothing to take */
    struct MHD_Connection *mhd;
    int fd; /* -1: no reader (yet, or any more) */
    bool suspended;
    bool ended; /* nothing more comes */
    bool left;  /* nobody reads any more */
};

int outflow_new(const struct outflow_config *config, struct outflow **outflow_out)
{
    struct outflow *outflow = calloc(1, sizeof *outflow);
    if (!outflow)
        return -ENOMEM;
    outflow->config = *config;
    outflow->references = 1;
    outflow->fd = -1;
    outflow->written_ms = outflow->taken_ms = clock_mono_ms();
    pthread_mutex_init(&outflow->lock, NULL);
    *outflow_out = outflow;
    return 0;
}

void outflow_hold(struct outflow *outflow)
{
    pthread_mutex_lock(&outflow->lock);
    outflow->references++;
    pthread_mutex_unlock(&outflow->lock);
}

void outflow_release(struct outflow **outflow_out)
{
    struct outflow *outflow = *outflow_out;
    *outflow_out = NULL;
    if (!outflow)
        return;
    pthread_mutex_lock(&outflow->lock);
    unsigned left = --outflow->references;
    pthread_mutex_unlock(&outflow->lock);
    if (left > 0)
        return;
    buf_fini(&outflow->unread);
    pthread_mutex_destroy(&outflow->lock);
    free(outflow);
}

/* What follows holds the lock. */

static size_t unread_len(const struct outflow *outflow)
{
    return outflow->unread.len - outflow->taken;
}

/* Wakes the reader. Whoever wakes it clears the flag, so that it is woken once per sleep. */
static void wake(struct outflow *outflow)
{
    if (!outflow->suspended)
        return;
    outflow->suspended = false;
    MHD_resume_connection(outflow->mhd);
}

/* The socket fails from now on, and the server closes it. */
static void drop(struct outflow *outflow, const char *why)
{
    if (outflow->left)
        return;
    log_info("stream_dropped", "a reader was dropped: %s, %zu bytes unread", why,
             unread_len(outflow));
    outflow->left = true;
    buf_fini(&outflow->unread);
    outflow->taken = 0;
    if (outflow->fd >= 0)
        shutdown(outflow->fd, SHUT_RDWR);
    wake(outflow);
}

/* Moves what is unread to the front before more is added. */
static void compact(struct outflow *outflow)
{
    size_t len = unread_len(outflow);
    if (outflow->taken == 0)
        return;
    memmove(outflow->unread.at, outflow->unread.at + outflow->taken, len);
    outflow->unread.len = len;
    outflow->taken = 0;
}

/* The reader has everything: a buffer that had to grow is not kept. */
static void emptied(struct outflow *outflow)
{
    buf_clear(&outflow->unread);
    outflow->taken = outflow->largest = 0;
    if (outflow->unread.cap > KEPT_SIZE_MAX)
        buf_fini(&outflow->unread);
}

static int write_locked(struct outflow *outflow, struct text piece)
{
    if (outflow->left || outflow->ended)
        return -EPIPE;
    if (unread_len(outflow) >= outflow->config.size_max + outflow->largest) {
        drop(outflow, "it was too slow");
        return -ENOBUFS;
    }
    compact(outflow);
    int rc = buf_append_text(&outflow->unread, piece);
    if (rc < 0) {
        drop(outflow, "out of memory");
        return rc;
    }
    outflow->written_ms = clock_mono_ms();
    outflow->largest = piece.len > outflow->largest ? piece.len : outflow->largest;
    if (unread_len(outflow) == piece.len)
        outflow->taken_ms = outflow->written_ms;
    wake(outflow);
    return 0;
}

/* Until here. */

int outflow_write(struct outflow *outflow, struct text piece)
{
    pthread_mutex_lock(&outflow->lock);
    int rc = write_locked(outflow, piece);
    pthread_mutex_unlock(&outflow->lock);
    return rc;
}

void outflow_end(struct outflow *outflow)
{
    pthread_mutex_lock(&outflow->lock);
    outflow->ended = true;
    wake(outflow);
    pthread_mutex_unlock(&outflow->lock);
}

void outflow_tick(struct outflow *outflow, uint64_t now_ms)
{
    pthread_mutex_lock(&outflow->lock);
    if (!outflow->left && !outflow->ended &&
        now_ms >= outflow->written_ms + outflow->config.beat_ms)
        write_locked(outflow, outflow->config.beat);
    if (unread_len(outflow) > 0 && now_ms >= outflow->taken_ms + outflow->config.stall_ms)
        drop(outflow, "it took nothing for too long");
    pthread_mutex_unlock(&outflow->lock);
}

/* The content reader. Sleeping is decided under the lock, so no piece can slip in between. */
static ssize_t read_on(void *arg, uint64_t pos, char *out, size_t max)
{
    struct outflow *outflow = arg;
    (void)pos;
    pthread_mutex_lock(&outflow->lock);
    size_t len = unread_len(outflow);
    ssize_t result;
    if (outflow->left) {
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    } else if (len > 0) {
        len = len < max ? len : max;
        memcpy(out, outflow->unread.at + outflow->taken, len);
        outflow->taken += len;
        outflow->taken_ms = clock_mono_ms();
        if (unread_len(outflow) == 0)
            emptied(outflow);
        result = (ssize_t)len;
    } else if (outflow->ended) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        outflow->suspended = true;
        MHD_suspend_connection(outflow->mhd);
        result = 0;
    }
    pthread_mutex_unlock(&outflow->lock);
    return result;
}

void outflow_leave(struct outflow *outflow)
{
    pthread_mutex_lock(&outflow->lock);
    outflow->left = true;
    outflow->fd = -1;
    outflow->mhd = NULL;
    outflow->suspended = false;
    buf_fini(&outflow->unread);
    outflow->taken = 0;
    pthread_mutex_unlock(&outflow->lock);
    outflow->config.gone(outflow->config.arg);
    outflow_release(&outflow);
}

static void leave_response(void *arg)
{
    outflow_leave(arg);
}

/* Without a bound the kernel takes megabytes for a reader that takes nothing; and a peer that
 * vanished without a word is noticed only by what it does not acknowledge. */
static void tune(int fd, uint32_t stall_ms)
{
    const int size = SOCKET_SIZE;
    const unsigned patience_ms = stall_ms;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
}

struct MHD_Response *outflow_response(struct outflow *outflow, struct MHD_Connection *mhd, int fd)
{
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_SIZE, read_on, outflow, leave_response);
    if (!response)
        return NULL;
    tune(fd, outflow->config.stall_ms);
    pthread_mutex_lock(&outflow->lock);
    outflow->mhd = mhd;
    outflow->fd = fd;
    if (outflow->left) /* dropped before it began */
        shutdown(fd, SHUT_RDWR);
    pthread_mutex_unlock(&outflow->lock);
    return response;
}

const char *outflow_content_type(const struct outflow *outflow)
{
    return outflow->config.content_type;
}
