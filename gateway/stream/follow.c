/* Live streams of jobs: watches in, server-sent events out.
 * Must run on the link's thread but where it says otherwise, and never wait for a reader. */
#include "gateway/stream/follow_parts.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "base/check.h"
#include "base/clock.h"
#include "gateway/http/outflow.h"
#include "gateway/stream/sse.h"
#include "proto/json.h"

enum {
    RETRY_MS = 2000,
    UNREAD_MAX = 256 * 1024 /* of one stream, beside a snapshot */
};

/* --- frames ----------------------------------------------------------------------------------- */

static void write_frame(struct follow *follow, uint64_t id, struct text name)
{
    struct follows *home = follow->home;
    int rc = sse_event(&home->frame, id, name, buf_text(&home->json));
    if (rc == 0)
        rc = outflow_write(follow->outflow, buf_text(&home->frame));
    if (rc < 0) /* the reader is lost: `gone` will come */
        follow->ended = true;
}

static void write_snapshot(struct follow *follow, const struct watch_news *news)
{
    struct follows *home = follow->home;
    if (follow->start)
        sse_retry(&home->frame, RETRY_MS);
    if (json_from_shape(news->job_is->job, &shape_job, &home->json) == 0)
        write_frame(follow, news->rev, TEXT("snapshot"));
}

static void write_reset(struct follow *follow, uint64_t rev)
{
    char job[UUID_TEXT_LEN + 1];
    uuid_format(&follow->watch.job, job);
    if (buf_printf(&follow->home->json, "{\"job\":\"%s\",\"rev\":%llu,\"type\":\"reset\"}", job,
                   (unsigned long long)rev) == 0)
        write_frame(follow, rev, TEXT("reset"));
}

/* --- beginning and ending --------------------------------------------------------------------- */

/* The asker is told; a reference to the outflow goes along where it has begun. */
void follow_finish_start(struct follow *follow, int status)
{
    struct follow_start *start = follow->start;
    follow->start = NULL;
    start->status = status;
    if (status == 0) {
        outflow_hold(follow->outflow);
        start->outflow = follow->outflow;
        follow->begun = true;
    } else {
        follow->ended = true;
    }
    start->done(start);
}

void follow_fail_start(struct follow *follow, const struct wire_fault *error)
{
    fault_set(&follow->start->fault, wire_error_of(error->code), "", "%.*s",
              (int)error->message.len, error->message.at);
    follow_finish_start(follow, 1);
}

static void deliver(void *arg, const struct watch_news *news)
{
    struct follow *follow = arg;
    if (follow->ended)
        return;
    buf_clear(&follow->home->json);
    buf_clear(&follow->home->frame);
    switch (news->kind) {
    case WATCH_SNAPSHOT:
        write_snapshot(follow, news);
        if (follow->start)
            follow_finish_start(follow, 0);
        break;
    case WATCH_EVENT:
        if (json_from_shape(news->encoded, &shape_event, &follow->home->json) == 0)
            write_frame(follow, news->event->rev, news->event->type);
        break;
    case WATCH_RESET:
        write_reset(follow, news->rev);
        break;
    case WATCH_GONE:
        if (follow->start)
            follow_fail_start(follow, &news->error);
        follow->ended = true;
        break;
    case WATCH_ENDED:
        follow->ended = true;
        break;
    }
}

/* It takes no more part in anything; the outflow ends when what is in it has been read. */
static void retire(struct follow *follow)
{
    struct follows *home = follow->home;
    struct followed *followed = follow->followed;
    struct conn *conn = link_conn(home->link);
    if (!followed)
        return;
    follow->followed = NULL;
    outflow_end(follow->outflow);
    follow_leave_batch(follow);
    heap_remove(&home->timers, &follow->timer);
    if (conn) {
        conn_unsubscribe(conn, &follow->watch.job);
        if (follow->asking)
            conn_abandon(conn, follow);
    }
    DL_DELETE(followed->first, follow);
    if (!followed->first) {
        HASH_DEL(home->jobs, followed);
        free(followed);
    }
}

static void follow_free(struct follow *follow)
{
    retire(follow);
    outflow_release(&follow->outflow);
    free(follow);
}

void follow_settle(struct follow *follow)
{
    if (!follow->ended)
        heap_update(&follow->home->timers, &follow->timer, watch_next_deadline(&follow->watch));
    else if (follow->begun)
        retire(follow);
    else
        follow_free(follow); /* nobody has its outflow, so no `gone` will come */
}

/* --- the link's guest ------------------------------------------------------------------------- */

static void on_tick(void *arg, uint64_t now_ms)
{
    follow_ask_due(arg, now_ms);
}

static uint64_t next_deadline(void *arg)
{
    const struct follows *home = arg;
    const struct heap_node *node = heap_peek(&home->timers);
    return node ? node->key : UINT64_MAX;
}

/* The job a published message is about. false: it can't be read. */
static bool topic_of(const struct message *message, struct uuid *job_out)
{
    struct wire_standing standing;
    struct wire_event event;
    struct fault fault;
    if (message->id == MSG_EVENT_IS) {
        if (shape_decode(message->event_is.event, &shape_event, KEYS_NAMES, &event, &fault) != 0)
            return false;
        *job_out = event.job;
        return true;
    }
    if (message->id != MSG_STANDING_IS ||
        shape_decode(message->standing_is.standing, &shape_standing, KEYS_NAMES, &standing,
                     &fault) != 0)
        return false;
    *job_out = standing.job;
    return true;
}

struct followed *follow_find(const struct follows *home, const struct uuid *job)
{
    struct followed *followed;
    HASH_FIND(hh, home->jobs, job, sizeof *job, followed);
    return followed;
}

static void on_event(void *arg, const struct message *message)
{
    struct follows *home = arg;
    struct uuid job;
    uint64_t now_ms = clock_mono_ms();
    if (!topic_of(message, &job))
        return;
    struct followed *followed = follow_find(home, &job);
    struct follow *follow = followed ? followed->first : NULL;
    while (follow) {
        struct follow *next = follow->next; /* settling may take this one out */
        watch_published(&follow->watch, now_ms, message);
        follow_settle(follow);
        follow = next;
    }
}

/* --- the outside ------------------------------------------------------------------------------ */

static struct follow *follow_of(struct link_task *task)
{
    return (struct follow *)(void *)((char *)task - offsetof(struct follow, task));
}

/* The reader has gone: the last that happens to a stream that had begun. */
static void run_leave(struct link_task *task)
{
    follow_free(follow_of(task));
}

/* On a server thread. */
static void on_gone(void *arg)
{
    struct follow *follow = arg;
    follow->task.run = run_leave;
    link_post(follow->home->link, &follow->task);
}

static int join(struct follow *follow)
{
    struct follows *home = follow->home;
    struct followed *followed = follow_find(home, &follow->watch.job);
    int rc = conn_subscribe(link_conn(home->link), &follow->watch.job);
    if (rc < 0)
        return rc;
    follow->timer.key = 0;
    rc = heap_push(&home->timers, &follow->timer);
    if (rc == 0 && !followed) {
        followed = calloc(1, sizeof *followed);
        rc = followed ? 0 : -ENOMEM;
    }
    if (rc < 0) {
        heap_remove(&home->timers, &follow->timer);
        conn_unsubscribe(link_conn(home->link), &follow->watch.job);
        return rc;
    }
    if (!followed->first) {
        followed->job = follow->watch.job;
        HASH_ADD(hh, home->jobs, job, sizeof followed->job, followed);
    }
    DL_APPEND(followed->first, follow);
    follow->followed = followed;
    return 0;
}

static void run_begin(struct link_task *task)
{
    struct follow *follow = follow_of(task);
    struct follows *home = follow->home;
    struct follow_start *start = follow->start;
    watch_init(&follow->watch, &start->job, start->after, deliver, follow);
    bool closed = home->closing || !link_conn(home->link);
    int rc = closed ? -ECONNABORTED : join(follow);
    if (rc < 0) {
        follow_finish_start(follow, rc);
        follow_free(follow);
    }
}

int follow_start(struct follows *follows, struct follow_start *start)
{
    struct follow *follow = calloc(1, sizeof *follow);
    if (!follow)
        return -ENOMEM;
    const struct outflow_config config = {
        .content_type = "text/event-stream",
        .beat = TEXT(": still here\n\n"),
        .beat_ms = follows->beat_ms,
        .stall_ms = follows->stall_ms,
        .size_max = UNREAD_MAX,
        .gone = on_gone,
        .arg = follow,
    };
    int rc = outflow_new(&config, &follow->outflow);
    if (rc < 0) {
        free(follow);
        return rc;
    }
    CHECK(start->owner.len <= sizeof follow->owner);
    memcpy(follow->owner, start->owner.at, start->owner.len);
    follow->owner_len = start->owner.len;
    follow->admin = start->admin;
    follow->home = follows;
    follow->start = start;
    follow->task.run = run_begin;
    link_post(follows->link, &follow->task);
    return 0;
}

void follow_start_fini(struct follow_start *start)
{
    if (start->outflow)
        outflow_leave(start->outflow);
    start->outflow = NULL;
}

/* A start that has not begun yet fails; it is not left waiting. */
static void end_stream(struct follow *follow)
{
    if (follow->start)
        follow_finish_start(follow, -ECONNABORTED);
    follow->ended = true;
    follow_settle(follow);
}

static void run_end(struct link_task *task)
{
    struct follows *home =
        (struct follows *)(void *)((char *)task - offsetof(struct follows, end_task));
    struct followed *followed, *next;
    home->closing = true;
    HASH_ITER(hh, home->jobs, followed, next)
    {
        struct follow *follow = followed->first;
        while (follow) {
            struct follow *after = follow->next;
            end_stream(follow);
            follow = after;
        }
    }
}

void follows_end(struct follows *follows)
{
    follows->end_task.run = run_end;
    link_post(follows->link, &follows->end_task);
}

int follows_new(struct link *link, uint32_t beat_ms, uint32_t stall_ms,
                struct follows **follows_out)
{
    struct follows *follows = calloc(1, sizeof *follows);
    if (!follows)
        return -ENOMEM;
    follows->link = link;
    follows->beat_ms = beat_ms;
    follows->stall_ms = stall_ms;
    const struct link_guest guest = {on_event, on_tick, next_deadline, follows};
    link_invite(link, &guest);
    *follows_out = follows;
    return 0;
}

void follows_destroy(struct follows **follows_out)
{
    struct follows *follows = *follows_out;
    if (!follows)
        return;
    CHECK(follows->jobs == NULL);
    heap_fini(&follows->timers);
    buf_fini(&follows->scratch);
    buf_fini(&follows->json);
    buf_fini(&follows->frame);
    free(follows);
    *follows_out = NULL;
}
