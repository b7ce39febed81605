/* A dispatch's way through the worker: run, perhaps stopped, finished, settled.
 *
 * Must never have two handlers of one job at once, nor forget a result before it is settled. */
#include "worker/session_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/tooth.h"

static const char *const reason_words[] = {"",      "cancelled", "timeout",
                                           "stale", "released",  "stuck"};

const char *wsession_reason_word(enum wsession_reason reason)
{
    return reason_words[reason];
}

struct hold *hold_find(const struct wsession *session, const struct uuid *job, uint64_t fence)
{
    struct wsession_hold id = {*job, fence};
    struct hold *hold;
    HASH_FIND(hh, session->holds, &id, sizeof id, hold);
    return hold;
}

static struct hold *hold_new(struct wsession *session, const struct wire_dispatch_item *item)
{
    struct hold *hold = calloc(1, sizeof *hold);
    if (!hold)
        return NULL;
    hold->id = (struct wsession_hold){item->job, item->fence};
    hold->timeout_ms = item->timeout_ms;
    hold->state = HOLD_WAITS;
    HASH_ADD(hh, session->holds, id, sizeof hold->id, hold);
    if (hold_find(session, &item->job, item->fence) != hold) {
        free(hold);
        return NULL;
    }
    session->running++;
    return hold;
}

static void done_dequeue(struct wsession *session, struct hold *hold)
{
    if (!hold->done_queued)
        return;
    hold->done_queued = false;
    DL_DELETE2(session->unsaid, hold, done_prev, done_next);
}

static void done_enqueue(struct wsession *session, struct hold *hold)
{
    hold->done_request = 0;
    if (hold->done_queued)
        return;
    hold->done_queued = true;
    DL_APPEND2(session->unsaid, hold, done_prev, done_next);
}

static void hold_free(struct wsession *session, struct hold *hold)
{
    CHECK(hold->state == HOLD_FINISHED);
    done_dequeue(session, hold);
    reports_fini(session, hold);
    HASH_DEL(session->holds, hold);
    buf_fini(&hold->dispatch);
    buf_fini(&hold->done);
    free(hold);
}

/* --- running --------------------------------------------------------------------------------- */

static struct hold *runs(const struct wsession *session, const struct uuid *job)
{
    struct hold *hold;
    HASH_FIND(by_job, session->handlers, job, sizeof *job, hold);
    return hold;
}

static int hold_run(struct wsession *session, struct hold *hold, struct slice dispatch)
{
    struct wsession_effect effect = {.kind = WSESSION_RUN, .hold = hold->id};
    HASH_ADD(by_job, session->handlers, id.job, sizeof hold->id.job, hold);
    if (runs(session, &hold->id.job) != hold)
        return -ENOMEM;
    hold->state = HOLD_RUNS;
    session_beat_by(session, session->now.mono_ms + WSESSION_LISTED_MS);
    int rc = effect_add(session, &effect, dispatch);
    if (rc == 0 && hold->timeout_ms > 0) {
        hold->timeout.key = session->now.mono_ms + hold->timeout_ms;
        rc = heap_push(&session->timeouts, &hold->timeout);
    }
    return rc;
}

/* The handler is gone: its slot is free. */
static void hold_rest(struct wsession *session, struct hold *hold)
{
    if (hold->state == HOLD_FINISHED)
        return;
    if (hold->state == HOLD_RUNS)
        HASH_DELETE(by_job, session->handlers, hold);
    hold->state = HOLD_FINISHED;
    heap_remove(&session->timeouts, &hold->timeout);
    session->running--;
    session->zombies -= hold->stale;
    if (hold->stale)
        session_beat_soon(session);
}

/* The broker counts this hold no longer as ours, but its handler still takes a slot. */
static void set_stale(struct wsession *session, struct hold *hold)
{
    if (hold->stale || hold->state == HOLD_FINISHED)
        return;
    hold->stale = true;
    session->zombies++;
    session_beat_soon(session);
}

static int finish(struct wsession *session, struct hold *hold, const struct wire_done_item *done);

/* Reports that the handler is told to stop. Of a lease that is gone nobody wants to hear it. */
static int tell_step(struct wsession *session, struct hold *hold)
{
    struct wire_step step = {.step = TEXT("told"), .reason = text_of(reason_words[hold->stop])};
    struct buf value = {0};
    if (hold->stop == WSESSION_STALE)
        return 0;
    int rc = shape_encode(&value, &shape_step, &step, KEYS_NAMES);
    struct wire_report_item item = {.step = buf_slice(&value)};
    if (rc == 0)
        rc = reports_take(session, hold, &item);
    buf_fini(&value);
    return rc;
}

static int hold_stop(struct wsession *session, struct hold *hold, enum wsession_reason reason,
                     uint64_t grace_ms)
{
    struct wsession_effect effect = {
        .kind = WSESSION_STOP, .reason = reason, .hold = hold->id, .grace_ms = grace_ms};
    bool again = hold->stop == reason;
    hold->stop = reason;
    heap_remove(&session->timeouts, &hold->timeout);
    if (hold->state == HOLD_RUNS) {
        int rc = again ? 0 : tell_step(session, hold);
        return rc < 0 ? rc : effect_add(session, &effect, (struct slice){0});
    }
    return finish(session, hold, &(struct wire_done_item){.outcome = TEXT("released")});
}

/* An older dispatch of the same job that runs here is in vain: it is ended first. */
static int wait_for_twin(struct wsession *session, struct hold *hold, struct hold *twin,
                         struct slice dispatch)
{
    set_stale(session, twin);
    int rc = twin->stop ? 0 : hold_stop(session, twin, WSESSION_STALE, session->grace_ms);
    return rc < 0 ? rc : buf_append(&hold->dispatch, dispatch.at, dispatch.len);
}

/* --- dispatch -------------------------------------------------------------------------------- */

static int dispatch_one(struct wsession *session, struct slice bytes)
{
    struct wire_dispatch_item item;
    struct fault fault;
    if (shape_decode(bytes, &shape_dispatch_item, KEYS_NAMES, &item, &fault) != 0)
        return effect_note(session, "a dispatch can't be read: %s: %s", fault.field, fault.problem);
    if (hold_find(session, &item.job, item.fence) || HASH_COUNT(session->holds) >= WORKER_SLOTS_MAX)
        return 0; /* it came twice; or it is never listed, and the broker takes it back */
    bool room =
        TOOTH(room_for_all) || (session->running < session->config.slots && !session->draining);
    struct hold *hold = hold_new(session, &item);
    if (!hold)
        return -ENOMEM;
    if (!room)
        return hold_stop(session, hold, WSESSION_RELEASED, 0);
    struct hold *twin = TOOTH(twins_run) ? NULL : runs(session, &item.job);
    return twin ? wait_for_twin(session, hold, twin, bytes) : hold_run(session, hold, bytes);
}

int holds_dispatch(struct wsession *session, const struct msg_dispatch *dispatch)
{
    struct list_iter iter;
    struct slice item;
    int more, rc = 0;
    if (list_open(dispatch->jobs, &iter) != 0)
        return effect_note(session, "a dispatch has no list of jobs");
    while (rc == 0 && (more = list_next_any(&iter, &item)) == 1)
        rc = dispatch_one(session, item);
    return rc;
}

/* --- finishing ------------------------------------------------------------------------------- */

static int encode_timeout(const struct hold *hold, struct wire_done_item *item, struct buf *error)
{
    char text[80];
    int len = snprintf(text, sizeof text, "the handler ran longer than its timeout of %llu ms",
                       (unsigned long long)hold->timeout_ms);
    struct wire_failure failure = {
        .type = TEXT("JobTimeoutError"), .message = {text, (size_t)len}, .retryable = true};
    *item = (struct wire_done_item){.outcome = TEXT("failed"), .box = item->box};
    int rc = shape_encode(error, &shape_failure, &failure, KEYS_NAMES);
    item->error = buf_slice(error);
    return rc;
}

/* What a handler says of its own end counts only while nobody told it to stop. */
static int word_outcome(const struct hold *hold, struct wire_done_item *item, struct buf *error)
{
    bool completed = text_is(item->outcome, "completed") || text_is(item->outcome, "asked");
    if (hold->stop == WSESSION_TIMEOUT)
        return encode_timeout(hold, item, error);
    bool in_vain = hold->stop == WSESSION_STALE || hold->stop == WSESSION_STUCK;
    if (hold->stop == WSESSION_CANCELLED || (in_vain && !completed))
        *item = (struct wire_done_item){.outcome = TEXT("ended"), .box = item->box};
    else if (hold->stop == WSESSION_RELEASED && !completed)
        *item = (struct wire_done_item){.outcome = TEXT("released"), .box = item->box};
    return 0;
}

static int finish(struct wsession *session, struct hold *hold, const struct wire_done_item *done)
{
    struct wire_done_item item = *done;
    struct buf error = {0};
    int rc = word_outcome(hold, &item, &error);
    item.job = hold->id.job;
    item.fence = hold->id.fence;
    item.stopped = text_of(reason_words[hold->stop]);
    buf_clear(&hold->done);
    if (rc == 0)
        rc = shape_encode(&hold->done, &shape_done_item, &item, KEYS_NAMES);
    buf_fini(&error);
    if (rc < 0)
        return rc;
    hold_rest(session, hold);
    done_enqueue(session, hold);
    return 0;
}

/* A dispatch that waited for the end of an older one of its job begins. */
static int start_waiting(struct wsession *session, const struct uuid *job)
{
    struct hold *hold, *next;
    HASH_ITER(hh, session->holds, hold, next)
    {
        if (hold->state != HOLD_WAITS || !uuid_eq(&hold->id.job, job))
            continue;
        int rc = hold_run(session, hold, buf_slice(&hold->dispatch));
        buf_fini(&hold->dispatch);
        return rc;
    }
    return 0;
}

int holds_finished(struct wsession *session, const struct wsession_event *event)
{
    struct hold *hold = hold_find(session, &event->hold.job, event->hold.fence);
    if (!hold || hold->state != HOLD_RUNS)
        return 0;
    int rc = finish(session, hold, event->done);
    return rc < 0 || !hold->stale ? rc : start_waiting(session, &event->hold.job);
}

/* --- stopping -------------------------------------------------------------------------------- */

static enum wsession_reason reason_of(struct text word)
{
    for (unsigned i = 1; i < sizeof reason_words / sizeof *reason_words; i++)
        if (text_is(word, reason_words[i]))
            return (enum wsession_reason)i;
    return WSESSION_CANCELLED;
}

static int stop_one(struct wsession *session, const struct wire_stop_item *item)
{
    struct hold *hold = hold_find(session, &item->job, item->fence);
    if (!hold || hold->state == HOLD_FINISHED)
        return 0;
    enum wsession_reason reason = reason_of(item->reason);
    if (reason == WSESSION_STALE || reason == WSESSION_TIMEOUT)
        set_stale(session, hold); /* it has ended the lease */
    if (hold->stop == WSESSION_CANCELLED || hold->stop == reason)
        return 0; /* it has been told; the broker says it until the handler is gone */
    uint64_t grace = item->grace_ms ? item->grace_ms : session->grace_ms;
    return hold_stop(session, hold, reason, grace);
}

int holds_stop(struct wsession *session, const struct msg_stop *stop)
{
    struct list_iter iter;
    struct wire_stop_item item;
    struct fault fault;
    int more, rc = 0;
    if (list_open(stop->items, &iter) != 0)
        return effect_note(session, "the broker's `stop` has no list of items");
    while (rc == 0 && (more = list_next(&iter, &shape_stop_item, KEYS_NAMES, &item, &fault)) != 0)
        rc = more == 1
                 ? stop_one(session, &item)
                 : effect_note(session, "a stop can't be read: %s: %s", fault.field, fault.problem);
    return rc;
}

int holds_stale(struct wsession *session, struct slice list)
{
    struct list_iter iter;
    struct wire_hold item;
    struct fault fault;
    int rc = 0;
    if (list_open(list, &iter) != 0)
        return effect_note(session, "the broker's `stale` is no list");
    while (rc == 0 && list_next(&iter, &shape_hold, KEYS_NAMES, &item, &fault) == 1) {
        struct hold *hold = hold_find(session, &item.job, item.fence);
        if (!hold || hold->state == HOLD_FINISHED || hold->stop == WSESSION_CANCELLED)
            continue; /* its end is on the way already */
        set_stale(session, hold);
        if (!hold->stop)
            rc = hold_stop(session, hold, WSESSION_STALE, session->grace_ms);
    }
    return rc;
}

int holds_release(struct wsession *session)
{
    struct hold *hold, *next;
    int rc = 0;
    HASH_ITER(hh, session->holds, hold, next)
    {
        if (rc < 0 || hold->state == HOLD_FINISHED)
            continue;
        enum wsession_reason reason = hold->stop ? hold->stop : WSESSION_RELEASED;
        rc = hold_stop(session, hold, reason, WSESSION_RELEASE_GRACE_MS);
    }
    return rc;
}

int holds_expire(struct wsession *session)
{
    struct heap_node *node;
    int rc = 0;
    while (rc == 0 && (node = heap_peek(&session->timeouts)) && node->key <= session->now.mono_ms)
        rc = hold_stop(session, HEAP_ENTRY(node, struct hold, timeout), WSESSION_TIMEOUT,
                       session->grace_ms);
    return rc;
}

/* --- settling -------------------------------------------------------------------------------- */

int holds_settled(struct wsession *session, const struct msg_settled *settled)
{
    struct list_iter iter;
    struct wire_settled_item item;
    struct fault fault;
    int more;
    if (list_open(settled->items, &iter) != 0)
        return effect_note(session, "the broker's `settled` has no list of items");
    while ((more = list_next(&iter, &shape_settled_item, KEYS_NAMES, &item, &fault)) == 1) {
        struct hold *hold = hold_find(session, &item.job, item.fence);
        if (!hold || hold->state != HOLD_FINISHED)
            continue;
        session->stale_count += text_is(item.verdict, "stale");
        hold_free(session, hold);
    }
    return more < 0 ? effect_note(session, "the broker's `settled` can't be read") : 0;
}

static int send_done(struct wsession *session, struct hold *hold)
{
    int rc = reports_send_all(session, hold);
    if (rc == 0 && hold->done_alone)
        rc = batch_send(session);
    if (rc == 0)
        rc = batch_add_encoded(session, MSG_DONE, buf_slice(&hold->done), &hold->done_request);
    if (rc == 0 && hold->done_alone)
        rc = batch_send(session);
    hold->done_at = session->now.mono_ms;
    return rc;
}

int holds_send(struct wsession *session)
{
    /* All reports first, so that they and the results share few messages. */
    struct hold *hold;
    int rc = 0;
    DL_FOREACH2(session->unsaid, hold, done_next)
    {
        rc = rc < 0 ? rc : reports_send_all(session, hold);
    }
    while (rc == 0 && (hold = session->unsaid)) {
        rc = send_done(session, hold);
        done_dequeue(session, hold);
    }
    return rc;
}

void holds_resend(struct wsession *session, uint64_t older_than)
{
    struct hold *hold, *next;
    bool reports = session->flying > 0 && session->flew_at <= older_than;
    HASH_ITER(hh, session->holds, hold, next)
    {
        if (reports)
            reports_resend(session, hold);
        if (hold->state == HOLD_FINISHED && hold->done_at <= older_than &&
            !TOOTH(result_not_resent))
            done_enqueue(session, hold);
    }
}

/* Replaces a result that the broker will not take by a failure that says so. */
static int fail_refused(struct wsession *session, struct hold *hold, const struct msg_error *error)
{
    char text[MESSAGE_LEN_MAX];
    bool fits = error->message.len < sizeof text / 2; /* a cut text may be no UTF-8 */
    int len = snprintf(text, sizeof text, "the broker did not take the result: %.*s: %.*s",
                       (int)error->code.len, error->code.at, fits ? (int)error->message.len : 0,
                       error->message.at);
    struct wire_failure failure = {.type = TEXT("ResultRefused"), .message = {text, (size_t)len}};
    struct buf encoded = {0};
    int rc = shape_encode(&encoded, &shape_failure, &failure, KEYS_NAMES);
    struct wire_done_item item = {.outcome = TEXT("failed"), .error = buf_slice(&encoded)};
    hold->stop = WSESSION_GOES_ON;
    hold->done_replaced = true;
    if (rc == 0)
        rc = finish(session, hold, &item);
    buf_fini(&encoded);
    return rc;
}

int holds_refused(struct wsession *session, uint64_t request, const struct msg_error *error)
{
    struct hold *hold, *next;
    uint32_t reports = 0, results = 0;
    HASH_ITER(hh, session->holds, hold, next)
    {
        reports += reports_in(hold, request);
        results += hold->done_request == request;
    }
    int rc = 0;
    HASH_ITER(hh, session->holds, hold, next)
    {
        if (reports_in(hold, request))
            reports_refused(session, hold, request, reports == 1);
        if (rc < 0 || hold->done_request != request || hold->done_replaced)
            continue;
        hold->done_alone = true;
        done_enqueue(session, hold);
        rc = results == 1 ? fail_refused(session, hold, error) : 0;
    }
    return rc < 0 || reports != 1 ? rc : effect_note(session, "a report was refused and is gone");
}

int holds_list(const struct wsession *session, struct buf *out)
{
    size_t mark;
    uint32_t count = 0;
    struct hold *hold, *next;
    int rc = list_begin(out, &mark);
    HASH_ITER(hh, session->holds, hold, next)
    {
        struct wire_hold item = {.job = hold->id.job, .fence = hold->id.fence};
        if (TOOTH(beat_leaves_one_out) && hold == session->holds && next)
            continue;
        rc = rc < 0 ? rc : shape_encode(out, &shape_hold, &item, KEYS_NAMES);
        count++;
    }
    if (rc == 0)
        list_end(out, mark, count);
    return rc;
}

void holds_fini(struct wsession *session)
{
    struct hold *hold, *next;
    HASH_ITER(hh, session->holds, hold, next)
    {
        hold_rest(session, hold);
        hold_free(session, hold);
    }
}
