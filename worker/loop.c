/* The turns of the connection's thread. */
#include "worker/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "worker/socket.h"

enum {
    FRAMES_A_TURN = 256, /* then the handlers' turn comes */
    LINGER_MS = 1000,    /* for bye, and results after a release */
    SILENT_START_MS = 3000
};

struct loop {
    const struct loop_config *config;
    struct wsocket *socket;
    struct wsession *session;
    struct pool *pool;
    struct wsession_effects effects;
    struct wsession_now now;
    struct reeve_job *jobs; /* list: given to the pool, not finished */
    uint64_t started_at;
    bool was_ready, connected, said_waiting, send_failed, ended;
};

static void set_now(struct loop *loop)
{
    loop->now = (struct wsession_now){clock_mono_ms(), clock_wall_ms(), random_u64()};
}

/* --- effects -----------------------------------------------------------------------------------
 */

static void run_task(struct pool_task *task)
{
    job_run((struct reeve_job *)(void *)((char *)task - offsetof(struct reeve_job, task)));
}

static const struct job_handler *handler_of(const struct loop *loop, const char *type)
{
    for (size_t i = 0; i < loop->config->handler_count; i++)
        if (strcmp(loop->config->handlers[i].type, type) == 0)
            return &loop->config->handlers[i];
    return NULL;
}

#define TRACE_SIZE (TRACEPARENT_LEN_MAX + 8)

/* " trace 00-…" where the job came with one, so that its lines here are found by it. */
static const char *trace_of(const struct reeve_job *job, char out[TRACE_SIZE])
{
    const char *trace = reeve_job_traceparent(job);
    snprintf(out, TRACE_SIZE, "%s%s", *trace ? " trace " : "", trace);
    return out;
}

static int run_job(struct loop *loop, struct slice dispatch)
{
    char trace[TRACE_SIZE];
    struct reeve_job *job;
    int rc = job_new(dispatch, loop->config->inbox, &job);
    if (rc < 0)
        return rc;
    job->handler = handler_of(loop, reeve_job_type(job));
    DL_APPEND(loop->jobs, job);
    log_debug("job_started", "%s job %s attempt %llu fence %llu%s", reeve_job_type(job), job->id,
              (unsigned long long)job->item.attempt, (unsigned long long)job->item.fence,
              trace_of(job, trace));
    pool_give(loop->pool, &job->task);
    return 0;
}

static void stop_job(struct loop *loop, const struct wsession_effect *effect)
{
    struct reeve_job *job;
    char trace[TRACE_SIZE];
    DL_FOREACH(loop->jobs, job)
    {
        if (job->hold.fence != effect->hold.fence || !uuid_eq(&job->hold.job, &effect->hold.job))
            continue;
        log_debug("job_stopped", "job %s: %s%s", job->id, wsession_reason_word(effect->reason),
                  trace_of(job, trace));
        job_stop(job, effect->reason, effect->grace_ms);
        return;
    }
}

static int send_frame(struct loop *loop, struct slice frame)
{
    if (loop->send_failed)
        return 0; /* its connection is given up: the session says it again */
    int rc = wsocket_send(loop->socket, frame);
    loop->send_failed = rc == -EAGAIN;
    return rc == -EAGAIN ? 0 : rc;
}

static void reconnect(struct loop *loop)
{
    if (loop->connected)
        log_warning("broker_silent", "no word from the broker: connecting anew");
    loop->connected = false;
    loop->send_failed = false;
    int rc = wsocket_reopen(loop->socket);
    if (rc < 0)
        log_error("no_connection", "connecting: %s", strerror(-rc));
}

static void welcomed(struct loop *loop)
{
    struct wsession_figures figures = wsession_figures(loop->session);
    atomic_store(loop->config->lost_after_ms, figures.lost_after_ms);
    if (!loop->connected && loop->was_ready)
        log_info("connected", "connected again to %s", loop->config->broker);
    loop->connected = true;
    if (!loop->was_ready && loop->config->on_ready)
        loop->config->on_ready(loop->config->arg);
    loop->was_ready = true;
}

static int carry_out(struct loop *loop, const struct wsession_effect *effect)
{
    struct slice bytes = wsession_effect_bytes(&loop->effects, effect);
    switch (effect->kind) {
    case WSESSION_SEND:
        return send_frame(loop, bytes);
    case WSESSION_RECONNECT:
        reconnect(loop);
        return 0;
    case WSESSION_RUN:
        return run_job(loop, bytes);
    case WSESSION_STOP:
        stop_job(loop, effect);
        return 0;
    case WSESSION_WELCOMED:
        welcomed(loop);
        return 0;
    case WSESSION_NOTE:
        log_warning("session", "%.*s", (int)bytes.len, (const char *)bytes.at);
        return 0;
    case WSESSION_REFUSED:
        return -EACCES;
    case WSESSION_ENDED:
        loop->ended = true;
        return 0;
    }
    return 0;
}

static int carry_out_all(struct loop *loop)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < loop->effects.count; i++)
        rc = carry_out(loop, &loop->effects.at[i]);
    wsession_effects_clear(&loop->effects);
    return rc;
}

/* --- events ------------------------------------------------------------------------------------
 */

static int step(struct loop *loop, struct wsession_event *event)
{
    event->now = loop->now;
    return wsession_step(loop->session, event, &loop->effects);
}

static int step_plain(struct loop *loop, enum wsession_event_kind kind)
{
    return step(loop, &(struct wsession_event){.kind = kind});
}

static int take_frame(struct loop *loop, struct slice frame)
{
    struct message message;
    struct fault fault;
    if (message_decode(frame, &message, &fault) != 0) {
        log_warning("bad_message", "from the broker: %s: %s", fault.field, fault.problem);
        return 0;
    }
    return step(loop, &(struct wsession_event){.kind = WSESSION_MESSAGE, .message = &message});
}

static int take_frames(struct loop *loop)
{
    struct slice frame;
    int rc = 0, got = 0;
    for (int i = 0; rc == 0 && i < FRAMES_A_TURN; i++) {
        got = wsocket_receive(loop->socket, &frame);
        if (got <= 0)
            break;
        rc = take_frame(loop, frame);
    }
    return got < 0 ? got : rc;
}

static int take_finished(struct loop *loop, struct reeve_job *job)
{
    struct wire_done_item done = job_done(job);
    char trace[TRACE_SIZE];
    int rc =
        step(loop,
             &(struct wsession_event){.kind = WSESSION_FINISHED, .hold = job->hold, .done = &done});
    log_debug("job_ended", "job %s: %.*s%s", job->id, (int)done.outcome.len, done.outcome.at,
              trace_of(job, trace));
    DL_DELETE(loop->jobs, job);
    job_destroy(&job);
    return rc;
}

static int take_report(struct loop *loop, struct inbox_item *item)
{
    struct wire_report_item report = {.at = item->at};
    struct slice *const members[] = {[INBOX_PROGRESS] = &report.progress,
                                     [INBOX_STAGE] = &report.stage,
                                     [INBOX_LOG] = &report.log,
                                     [INBOX_CHECKPOINT] = &report.checkpoint,
                                     [INBOX_STEP] = &report.step};
    *members[item->kind] = item->value;
    struct wsession_event event = {
        .kind = WSESSION_REPORT, .hold = item->job->hold, .report = &report};
    int rc = step(loop, &event);
    free(item);
    return rc;
}

static int take_inbox(struct loop *loop)
{
    int rc = 0;
    for (struct inbox_item *item = inbox_take(loop->config->inbox), *next; item; item = next) {
        next = item->next;
        int taken =
            item->kind == INBOX_FINISHED ? take_finished(loop, item->job) : take_report(loop, item);
        rc = rc < 0 ? rc : taken;
    }
    unsigned words = inbox_words(loop->config->inbox);
    if (rc == 0 && (words & INBOX_STOP))
        rc = step_plain(loop, WSESSION_RELEASE);
    else if (rc == 0 && (words & INBOX_DRAIN))
        rc = step_plain(loop, WSESSION_DRAIN);
    return rc;
}

/* --- turns -------------------------------------------------------------------------------------
 */

static int flush(struct loop *loop)
{
    int rc = wsession_flush(loop->session, loop->now, &loop->effects);
    return rc < 0 ? rc : carry_out_all(loop);
}

/* A key that is not let in ends the worker: no result of its handlers will be taken. What may be
 * the broker's own trouble does so only before it was ever there. */
static int look_at_handshake(struct loop *loop)
{
    const char *words;
    bool news;
    enum handshake_state state = wsocket_handshake(loop->socket, &news, &words);
    if (!news || state == HANDSHAKE_GOOD || state == HANDSHAKE_NONE)
        return 0;
    bool unsure = state == HANDSHAKE_HUNG_UP && !loop->config->curve->on;
    bool over = state == HANDSHAKE_REFUSED || (!loop->was_ready && !unsure);
    if (over)
        log_error("refused", "the broker at %s refuses this worker: %s", loop->config->broker,
                  words);
    else
        log_warning("refused", "the broker at %s: %s", loop->config->broker, words);
    return over ? -EACCES : 0;
}

static int turn(struct loop *loop)
{
    set_now(loop);
    int rc = take_frames(loop);
    if (rc == 0)
        rc = look_at_handshake(loop);
    if (rc == 0)
        rc = take_inbox(loop);
    if (rc == 0)
        rc = step_plain(loop, WSESSION_TICK);
    if (rc == 0)
        rc = flush(loop);
    if (rc == 0 && loop->send_failed && !loop->ended) {
        rc = step_plain(loop, WSESSION_SEND_FAILED);
        loop->send_failed = false;
        if (rc == 0)
            rc = flush(loop);
    }
    return rc;
}

static int wait_for_more(struct loop *loop)
{
    uint64_t now = clock_mono_ms(), deadline = wsession_next_deadline(loop->session);
    if (!loop->was_ready && !loop->said_waiting && now - loop->started_at > SILENT_START_MS) {
        log_info("waiting", "no broker at %s yet: trying on", loop->config->broker);
        loop->said_waiting = true;
    }
    uint64_t wait = deadline > now ? deadline - now : 0;
    return wsocket_wait(loop->socket, inbox_fd(loop->config->inbox),
                        wait > INT32_MAX ? INT32_MAX : (int64_t)wait);
}

static int open_all(struct loop *loop)
{
    int rc = wsession_new(&loop->config->session, &loop->session);
    if (rc == 0)
        rc = wsocket_new(loop->config->broker, loop->config->curve, &loop->socket);
    if (rc == 0)
        rc = pool_new(loop->config->session.slots, run_task, &loop->pool);
    return rc;
}

/* After an error handlers may still run: they are told, and waited for. */
static void close_all(struct loop *loop)
{
    struct reeve_job *job, *next;
    DL_FOREACH(loop->jobs, job)
    {
        job_stop(job, WSESSION_RELEASED, WSESSION_RELEASE_GRACE_MS);
    }
    inbox_close(loop->config->inbox);
    pool_destroy(&loop->pool);
    for (struct inbox_item *item = inbox_take(loop->config->inbox), *after; item; item = after) {
        after = item->next;
        if (item->kind != INBOX_FINISHED)
            free(item);
    }
    DL_FOREACH_SAFE(loop->jobs, job, next)
    {
        DL_DELETE(loop->jobs, job);
        job_destroy(&job);
    }
    wsocket_destroy(&loop->socket, LINGER_MS);
    wsession_destroy(&loop->session);
    wsession_effects_fini(&loop->effects);
}

int loop_run(const struct loop_config *config)
{
    struct loop loop = {.config = config, .started_at = clock_mono_ms()};
    int rc = open_all(&loop);
    while (rc == 0 && !loop.ended) {
        rc = turn(&loop);
        if (rc == 0 && !loop.ended)
            rc = wait_for_more(&loop);
    }
    if (rc < 0 && rc != -EACCES)
        log_error("worker_failed", "%s", strerror(-rc));
    close_all(&loop);
    return rc;
}
