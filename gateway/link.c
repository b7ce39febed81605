/* The gateway's one connection to the broker, and the thread that owns it.
 * Must never block a caller, nor hold the lock while something else is called. */
#include "gateway/link.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

struct link {
    struct conn *conn;
    uint64_t answer_ms, away_ms;
    uint32_t calls_max;
    atomic_uint calls; /* open, queued ones too */
    atomic_bool up;
    int wake_fd, refused_fd;
    bool was_up;
    char said[MESSAGE_LEN_MAX + 1]; /* the refusal that was last said on the log; "" none */
    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* over what follows */
    struct link_task *first, **last;
    bool closing, closed, stopping;
    struct link_guest guest;
};

static void wake(struct link *link)
{
    uint64_t one = 1;
    ssize_t ignored = write(link->wake_fd, &one, sizeof one);
    (void)ignored;
}

/* Under the lock. The thread is woken once for all that is queued before it looks. */
static void enqueue(struct link *link, struct link_task *task)
{
    bool idle = link->first == NULL;
    task->next = NULL;
    *link->last = task;
    link->last = &task->next;
    if (idle)
        wake(link);
}

void link_post(struct link *link, struct link_task *task)
{
    pthread_mutex_lock(&link->lock);
    enqueue(link, task);
    pthread_mutex_unlock(&link->lock);
}

/* --- calls ------------------------------------------------------------------------------------ */

static void finish(struct link_call *call, int status)
{
    atomic_fetch_sub(&call->link->calls, 1);
    call->status = status;
    call->done(call);
}

/* The answer's bytes live only now: they are packed again for the asker, who may be slow. */
static void on_outcome(void *arg, const struct conn_outcome *outcome)
{
    struct link_call *call = arg;
    int status = outcome->status;
    call->resent = outcome->resent;
    if (status == 0)
        status = message_encode(&call->answer, outcome->answer);
    finish(call, status);
}

uint64_t link_patience_ms(struct link *link)
{
    return conn_is_up(link->conn) ? link->answer_ms : link->away_ms;
}

static void start_call(struct link_task *task)
{
    struct link_call *call =
        (struct link_call *)(void *)((char *)task - offsetof(struct link_call, task));
    struct link *link = call->link;
    int rc = link->closed ? -ECONNABORTED
                          : conn_call_outcome(link->conn, &call->ask, link_patience_ms(link),
                                              on_outcome, call);
    if (rc < 0)
        finish(call, rc);
}

int link_ask(struct link *link, struct link_call *call)
{
    int rc = 0;
    call->link = link;
    call->task.run = start_call;
    pthread_mutex_lock(&link->lock);
    if (link->closing)
        rc = -ESHUTDOWN;
    else if (atomic_load(&link->calls) >= link->calls_max)
        rc = -EAGAIN;
    if (rc == 0) {
        atomic_fetch_add(&link->calls, 1);
        enqueue(link, &call->task);
    }
    pthread_mutex_unlock(&link->lock);
    return rc;
}

bool link_is_up(struct link *link)
{
    return atomic_load(&link->up);
}

int link_refused_fd(const struct link *link)
{
    return link->refused_fd;
}

struct conn *link_conn(struct link *link)
{
    return link->conn;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Runs what is queued. false: the thread is to end, nothing is queued any more. */
static bool run_tasks(struct link *link)
{
    for (;;) {
        pthread_mutex_lock(&link->lock);
        struct link_task *task = link->first;
        link->first = NULL;
        link->last = &link->first;
        bool go_on = task || !link->stopping;
        bool close_now = link->closing && !link->closed;
        pthread_mutex_unlock(&link->lock);
        if (close_now) {
            link->closed = true;
            conn_close(&link->conn);
        }
        if (!task)
            return go_on;
        while (task) {
            struct link_task *next = task->next; /* a task may be gone once it ran */
            task->run(task);
            task = next;
        }
    }
}

static uint64_t next_deadline(struct link *link)
{
    if (link->closed)
        return UINT64_MAX;
    uint64_t ours = conn_next_deadline(link->conn);
    uint64_t guest =
        link->guest.next_deadline ? link->guest.next_deadline(link->guest.arg) : UINT64_MAX;
    return ours < guest ? ours : guest;
}

static void wait_until(struct link *link, uint64_t deadline_ms)
{
    struct pollfd fds[1 + CONN_FDS_MAX] = {{.fd = link->wake_fd, .events = POLLIN}};
    int conn_fds_now[CONN_FDS_MAX];
    size_t count = link->closed ? 0 : conn_fds(link->conn, conn_fds_now);
    for (size_t i = 0; i < count; i++)
        fds[1 + i] = (struct pollfd){.fd = conn_fds_now[i], .events = POLLIN};
    uint64_t now_ms = clock_mono_ms();
    uint64_t left = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    poll(fds, (nfds_t)(1 + count), left > 60000 ? 60000 : (int)left);
    if (fds[0].revents) {
        uint64_t ignored;
        ssize_t got = read(link->wake_fd, &ignored, sizeof ignored);
        (void)got;
    }
}

static void note_up(struct link *link)
{
    bool up = conn_is_up(link->conn);
    if (up == atomic_load(&link->up))
        return;
    atomic_store(&link->up, up);
    link->was_up |= up;
    if (up)
        log_info("broker_there", "the broker answers");
    else
        log_warning("broker_away", "the broker does not answer");
}

static void note_refusal(struct link *link)
{
    const struct fault *why = conn_refusal(link->conn);
    uint64_t one = 1;
    if (!why)
        link->said[0] = '\0';
    if (!why || strcmp(link->said, why->problem) == 0)
        return;
    snprintf(link->said, sizeof link->said, "%s", why->problem);
    log_error("broker_refuses", "the broker refuses this gateway: %s", why->problem);
    if (link->was_up)
        return;
    ssize_t ignored = write(link->refused_fd, &one, sizeof one);
    (void)ignored;
}

static void work(struct link *link)
{
    if (link->closed)
        return;
    int rc = conn_process(link->conn, clock_mono_ms());
    if (rc < 0)
        log_error("broker_link", "the connection to the broker failed (%d)", -rc);
    note_up(link);
    note_refusal(link);
    if (link->guest.on_tick)
        link->guest.on_tick(link->guest.arg, clock_mono_ms());
}

static void *run(void *arg)
{
    struct link *link = arg;
    while (run_tasks(link)) {
        work(link);
        wait_until(link, next_deadline(link));
    }
    return NULL;
}

/* --- starting and stopping -------------------------------------------------------------------- */

static int open_conn(const struct link_options *options, struct link *link)
{
    const struct conn_options wanted = {
        .broker = options->broker,
        .events = options->events,
        .role = "gateway",
        .program = options->program,
        .curve = options->curve,
        .calls_max = options->calls_max,
        .always_ping = true,
    };
    return conn_open(&wanted, &link->conn);
}

int link_open(const struct link_options *options, struct link **link_out)
{
    struct link *link = calloc(1, sizeof *link);
    if (!link)
        return -ENOMEM;
    link->answer_ms = options->answer_ms;
    link->away_ms = options->away_ms;
    link->calls_max = options->calls_max;
    link->last = &link->first;
    pthread_mutex_init(&link->lock, NULL);
    link->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    link->refused_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int rc = link->wake_fd < 0 || link->refused_fd < 0 ? -errno : open_conn(options, link);
    if (rc == 0)
        *link_out = link;
    else
        link_stop(&link);
    return rc;
}

void link_invite(struct link *link, const struct link_guest *guest)
{
    link->guest = *guest;
    if (guest->on_event)
        conn_on_event(link->conn, guest->on_event, guest->arg);
}

int link_start(struct link *link)
{
    int rc = -pthread_create(&link->thread, NULL, run, link);
    link->started = rc == 0;
    return rc;
}

void link_close(struct link *link)
{
    pthread_mutex_lock(&link->lock);
    link->closing = true;
    wake(link);
    pthread_mutex_unlock(&link->lock);
}

void link_stop(struct link **link_out)
{
    struct link *link = *link_out;
    if (!link)
        return;
    pthread_mutex_lock(&link->lock);
    link->closing = link->stopping = true;
    if (link->started)
        wake(link);
    pthread_mutex_unlock(&link->lock);
    if (link->started)
        pthread_join(link->thread, NULL);
    CHECK(link->first == NULL && atomic_load(&link->calls) == 0);
    conn_close(&link->conn);
    if (link->wake_fd >= 0)
        close(link->wake_fd);
    if (link->refused_fd >= 0)
        close(link->refused_fd);
    pthread_mutex_destroy(&link->lock);
    free(link);
    *link_out = NULL;
}
