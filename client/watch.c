/* Follows one job: snapshot first, then every event in order of its rev, until the end.
 * Must never touch a socket, a clock or memory of its own, and never deliver an event twice.
 */
#include "client/watch.h"

#include <errno.h>

#include "base/buf.h"
#include "proto/pack.h"

void watch_init(struct watch *watch, const struct uuid *job, struct opt_u64 after,
                watch_deliver *deliver, void *arg)
{
    *watch = (struct watch){.job = *job, .after = after, .deliver = deliver, .arg = arg};
    watch->snapshot_wanted = true;
}

/* --- delivering ------------------------------------------------------------------------------- */

static struct watch_news news_of(const struct watch *watch, enum watch_news_kind kind)
{
    return (struct watch_news){.kind = kind, .status = watch->now.status, .rev = watch->last};
}

static void deliver_kind(struct watch *watch, enum watch_news_kind kind)
{
    const struct watch_news news = news_of(watch, kind);
    watch->deliver(watch->arg, &news);
}

static void finish_gone(struct watch *watch, const struct wire_fault *error)
{
    struct watch_news news = news_of(watch, WATCH_GONE);
    news.error = *error;
    watch->done = true;
    watch->deliver(watch->arg, &news);
}

static void finish_missing(struct watch *watch, enum wire_error error)
{
    const struct wire_fault fault = {.code = text_of(wire_error_code(error)),
                                     .message = text_of(wire_error_message(error))};
    finish_gone(watch, &fault);
}

/* Nothing is missing, and nothing more will come. */
static void finish_if_ended(struct watch *watch)
{
    bool complete =
        !watch->snapshot_wanted && watch->last >= watch->seen && watch->now.rev >= watch->seen;
    if (watch->done || !complete || !job_state_is_terminal(watch->now.status) || watch->now.ending)
        return;
    watch->done = true;
    deliver_kind(watch, WATCH_ENDED);
}

/* Events are missing that nobody has: the stream starts again from the job as it is. */
static void reset(struct watch *watch)
{
    watch->snapshot_wanted = true;
    deliver_kind(watch, WATCH_RESET);
}

/* --- what is known ---------------------------------------------------------------------------- */

static void note_standing(struct watch *watch, const struct wire_standing *standing)
{
    if (standing->status == JOB_NONE) {
        finish_missing(watch, WIRE_NOT_FOUND);
        return;
    }
    if (standing->rev > watch->seen)
        watch->seen = standing->rev;
    if (standing->rev >= watch->now.rev)
        watch->now = *standing;
}

/* What an event says of where the job stands. A running job that is cancelled has a handler that
 * still has to go: `ended` follows. */
static void note_event(struct watch *watch, const struct wire_event *event)
{
    struct wire_standing *now = &watch->now;
    if (event->rev <= now->rev)
        return;
    now->rev = event->rev;
    if (event->status == JOB_CANCELLED && now->status == JOB_RUNNING)
        now->ending = true;
    else if (text_is(event->type, "ended") ||
             (event->status != JOB_NONE && !job_state_is_terminal(event->status)))
        now->ending = false;
    if (event->status != JOB_NONE)
        now->status = event->status;
}

/* Without events, short jobs are asked for often and long ones seldom. */
static void wait_quietly(struct watch *watch, uint64_t now_ms)
{
    uint32_t wait = WATCH_QUIET_MS;
    if (watch->blind) {
        wait = watch->blind_ms ? 2 * watch->blind_ms : WATCH_BLIND_MS;
        watch->blind_ms = wait < WATCH_QUIET_MS ? wait : WATCH_QUIET_MS;
        wait = watch->blind_ms;
    }
    watch->quiet_at = now_ms + wait;
}

/* The next event in line. */
static void take_event(struct watch *watch, const struct wire_event *event, struct slice encoded)
{
    struct watch_news news;
    note_event(watch, event);
    watch->last = event->rev;
    watch->blind_ms = 0; /* something happens: more may, soon */
    if (watch->seen < watch->last)
        watch->seen = watch->last;
    news = news_of(watch, WATCH_EVENT);
    news.event = event;
    news.encoded = encoded;
    watch->deliver(watch->arg, &news);
    if (text_is(event->type, "deleted"))
        finish_missing(watch, WIRE_GONE);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void ask_again(struct watch *watch, uint64_t now_ms)
{
    watch->ask_at = now_ms + WATCH_AGAIN_MS;
}

static void on_job(struct watch *watch, uint64_t now_ms, const struct msg_job_is *job_is)
{
    struct wire_job job;
    struct fault fault;
    if (shape_decode(job_is->job, &shape_job, KEYS_NAMES, &job, &fault) != 0) {
        ask_again(watch, now_ms);
        return;
    }
    const struct wire_standing standing = {watch->job, job.rev, job.status, job_is->ending, 0};
    bool back = watch->after.set && watch->after.value < job.rev;
    watch->snapshot_wanted = false;
    watch->last = back ? watch->after.value : job.rev;
    watch->after = (struct opt_u64){0};
    watch->now = (struct wire_standing){0};
    note_standing(watch, &standing);
    if (watch->done)
        return;
    struct watch_news news = news_of(watch, WATCH_SNAPSHOT);
    news.rev = job.rev;
    news.job_is = job_is;
    news.job = &job;
    watch->deliver(watch->arg, &news);
}

/* Takes those that are next in line. 1: something is missing in between, or cannot be read. */
static int take_listed(struct watch *watch, struct slice events)
{
    struct list_iter iter, again;
    struct wire_event event;
    struct fault fault;
    struct slice encoded = {0};
    int rc;
    if (list_open(events, &iter) != 0 || list_open(events, &again) != 0)
        return 1;
    while (!watch->done && (rc = list_next(&iter, &shape_event, KEYS_NAMES, &event, &fault)) != 0) {
        if (rc < 0 || list_next_any(&again, &encoded) != 1 || event.rev > watch->last + 1)
            return 1;
        if (event.rev == watch->last + 1)
            take_event(watch, &event, encoded);
    }
    return 0;
}

/* The first event beyond the next rev: what was between is not kept any more. No step forward
 * although there is more to have: it is not there either. */
static void on_events(struct watch *watch, const struct msg_events *events)
{
    struct wire_standing standing;
    struct fault fault;
    uint64_t before = watch->last;
    if (take_listed(watch, events->events) != 0) {
        reset(watch);
        return;
    }
    if (!watch->done && events->standing.len > 0 &&
        shape_decode(events->standing, &shape_standing, KEYS_NAMES, &standing, &fault) == 0)
        note_standing(watch, &standing);
    if (!watch->done && watch->last == before && watch->last < watch->seen)
        reset(watch);
}

/* This job's standing in an answer that may have many. */
static void on_revs(struct watch *watch, uint64_t now_ms, const struct msg_revs *revs)
{
    struct list_iter iter;
    struct wire_standing standing;
    struct fault fault;
    if (list_open(revs->jobs, &iter) != 0) {
        ask_again(watch, now_ms);
        return;
    }
    while (list_next(&iter, &shape_standing, KEYS_NAMES, &standing, &fault) == 1) {
        if (uuid_eq(&standing.job, &watch->job)) {
            note_standing(watch, &standing);
            return;
        }
    }
    finish_missing(watch, WIRE_NOT_FOUND);
}

/* Some errors pass. */
static void on_error(struct watch *watch, uint64_t now_ms, const struct msg_error *error)
{
    const struct wire_fault fault = {.code = error->code, .message = error->message};
    switch (wire_error_of(error->code)) {
    case WIRE_UNAVAILABLE:
    case WIRE_RATE_LIMITED:
    case WIRE_SERVER_ERROR:
    case WIRE_STORE_FULL:
        ask_again(watch, now_ms);
        return;
    default:
        finish_gone(watch, &fault);
    }
}

void watch_answer(struct watch *watch, uint64_t now_ms, const struct message *answer)
{
    enum watch_ask asked = watch->asked;
    watch->asked = WATCH_ASK_NOTHING;
    wait_quietly(watch, now_ms);
    if (watch->done)
        return;
    if (answer && answer->id == MSG_JOB_IS && asked == WATCH_ASK_JOB)
        on_job(watch, now_ms, &answer->job_is);
    else if (answer && answer->id == MSG_EVENTS && asked == WATCH_ASK_EVENTS)
        on_events(watch, &answer->events);
    else if (answer && answer->id == MSG_REVS && asked == WATCH_ASK_REVS)
        on_revs(watch, now_ms, &answer->revs);
    else if (answer && answer->id == MSG_ERROR)
        on_error(watch, now_ms, &answer->error);
    else
        ask_again(watch, now_ms);
    if (watch->blind && watch->blind_ms == 0)
        wait_quietly(watch, now_ms);
    finish_if_ended(watch);
}

void watch_revs(struct watch *watch, uint64_t now_ms, const struct wire_standing *standing)
{
    if (watch->asked == WATCH_ASK_REVS)
        watch->asked = WATCH_ASK_NOTHING;
    wait_quietly(watch, now_ms);
    if (watch->done)
        return;
    if (standing)
        note_standing(watch, standing);
    else
        finish_missing(watch, WIRE_NOT_FOUND);
    finish_if_ended(watch);
}

/* --- what is published ------------------------------------------------------------------------ */

static void on_event(struct watch *watch, uint64_t now_ms, struct slice encoded)
{
    struct wire_event event;
    struct fault fault;
    if (shape_decode(encoded, &shape_event, KEYS_NAMES, &event, &fault) != 0 ||
        !uuid_eq(&event.job, &watch->job))
        return;
    watch->quiet_at = now_ms + WATCH_QUIET_MS;
    if (!watch->snapshot_wanted && event.rev == watch->last + 1)
        take_event(watch, &event, encoded);
    else if (event.rev > watch->seen)
        watch->seen = event.rev;
}

/* Before the snapshot only the rev counts: the snapshot will know better what it means. */
static void on_standing(struct watch *watch, struct slice encoded)
{
    struct wire_standing standing;
    struct fault fault;
    if (shape_decode(encoded, &shape_standing, KEYS_NAMES, &standing, &fault) != 0 ||
        !uuid_eq(&standing.job, &watch->job) || standing.status == JOB_NONE)
        return;
    if (!watch->snapshot_wanted)
        note_standing(watch, &standing);
    else if (standing.rev > watch->seen)
        watch->seen = standing.rev;
}

void watch_published(struct watch *watch, uint64_t now_ms, const struct message *message)
{
    if (watch->done)
        return;
    if (message->id == MSG_EVENT_IS)
        on_event(watch, now_ms, message->event_is.event);
    else if (message->id == MSG_STANDING_IS)
        on_standing(watch, message->standing_is.standing);
    finish_if_ended(watch);
}

/* --- asking ----------------------------------------------------------------------------------- */

static enum watch_ask wanted(const struct watch *watch, uint64_t now_ms)
{
    if (watch->done || watch->asked != WATCH_ASK_NOTHING || now_ms < watch->ask_at)
        return WATCH_ASK_NOTHING;
    if (watch->snapshot_wanted)
        return WATCH_ASK_JOB;
    if (watch->last < watch->seen)
        return WATCH_ASK_EVENTS;
    return now_ms >= watch->quiet_at ? WATCH_ASK_REVS : WATCH_ASK_NOTHING;
}

/* With a new snapshot, what was seen before it counts for nothing; what comes in while it is on its
 * way does. */
enum watch_ask watch_next_ask(struct watch *watch, uint64_t now_ms)
{
    enum watch_ask ask = wanted(watch, now_ms);
    if (ask != WATCH_ASK_NOTHING)
        watch->asked = ask;
    if (ask == WATCH_ASK_JOB)
        watch->seen = 0;
    return ask;
}

static int list_of_one(const struct uuid *job, struct buf *out)
{
    buf_clear(out);
    int rc = pack_array(out, 1);
    return rc == 0 ? pack_uuid(out, job) : rc;
}

int watch_request(const struct watch *watch, enum watch_ask ask, struct buf *scratch,
                  struct message *request_out)
{
    struct message *request = request_out;
    *request = (struct message){.id = MSG_GET_REVS};
    if (ask == WATCH_ASK_JOB) {
        request->id = MSG_GET_JOB;
        request->get_job.id = watch->job;
    } else if (ask == WATCH_ASK_EVENTS) {
        request->id = MSG_GET_EVENTS;
        request->get_events.id = watch->job;
        request->get_events.after = watch->last;
        request->get_events.limit = WATCH_EVENTS_MAX;
    } else {
        int rc = list_of_one(&watch->job, scratch);
        if (rc < 0)
            return rc;
        request->get_revs.ids = buf_slice(scratch);
    }
    return 0;
}

uint64_t watch_next_deadline(const struct watch *watch)
{
    if (watch->done || watch->asked != WATCH_ASK_NOTHING)
        return UINT64_MAX;
    if (watch->snapshot_wanted || watch->last < watch->seen)
        return watch->ask_at;
    return watch->quiet_at > watch->ask_at ? watch->quiet_at : watch->ask_at;
}
