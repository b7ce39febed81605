/* The message `get_why`: the first gate that stops a job. Reads only. */
#include "broker/core/why.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/duration.h"
#include "base/rfc3339.h"
#include "broker/core/caller.h"
#include "broker/core/gate.h"
#include "broker/core/pace.h"
#include "broker/core/parents.h"
#include "broker/core/place.h"
#include "broker/core/reply.h"
#include "broker/core/unique.h"
#include "broker/core/workers.h"
#include "proto/pack.h"

/* An answer being made. Its details gather in core->nested. */
struct why {
    struct core *core;
    const struct job *job;
    const char *reason; /* NULL: nothing has stopped the job yet */
    char text[512];
    uint32_t details;
    struct opt_u64 position;
    bool position_is_minimum;
    uint64_t start;
};

static void say(struct why *why, const char *reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(struct why *why, const char *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    why->reason = reason;
}

static int tell_name(struct why *why, const char *name)
{
    why->details++;
    return pack_text(&why->core->nested, text_of(name));
}

static int tell_number(struct why *why, const char *name, uint64_t value)
{
    int rc = tell_name(why, name);
    return rc < 0 ? rc : pack_u64(&why->core->nested, value);
}

static int tell_text(struct why *why, const char *name, struct text value)
{
    int rc = tell_name(why, name);
    return rc < 0 ? rc : pack_text(&why->core->nested, value);
}

static int tell_time(struct why *why, const char *name, uint64_t wall_ms)
{
    char text[RFC3339_LEN + 1];
    rfc3339_format(wall_ms, text);
    return tell_text(why, name, text_of(text));
}

/* --- the gates, in their order --------------------------------------------------------------- */

static int ask_finished(struct why *why)
{
    const struct rec_state *s = &why->job->s;
    if (!job_state_is_terminal(s->status))
        return 0;
    say(why, "finished", "the job has ended: it is %s%s", job_state_word(s->status),
        s->ending ? ", its handler is being stopped" : "");
    return tell_time(why, "completed_at", s->completed_at);
}

static int ask_running(struct why *why)
{
    const struct rec_state *s = &why->job->s;
    struct wire_worker_ref worker = {0};
    struct fault fault;
    if (s->status != JOB_RUNNING)
        return 0;
    if (s->worker.len)
        shape_decode(s->worker, &shape_worker_ref, KEYS_NAMES, &worker, &fault);
    say(why, "running", "it runs on %.*s, attempt %" PRIu64, (int)worker.name.len,
        worker.name.len ? worker.name.at : "", s->attempt);
    int rc = tell_time(why, "started_at", s->started_at);
    if (rc == 0)
        rc = tell_text(why, "worker", worker.name);
    return rc < 0 ? rc : tell_text(why, "host", worker.host);
}

static int ask_due(struct why *why)
{
    const struct rec_state *s = &why->job->s;
    char at[RFC3339_LEN + 1], wait[DURATION_TEXT_SIZE];
    if (s->status != JOB_SCHEDULED)
        return 0;
    uint64_t now = why->core->now.wall_ms;
    rfc3339_format(s->due_at, at);
    duration_format(s->due_at > now ? s->due_at - now : 0, wait);
    say(why, "not_due", "it is not due before %s, in %s", at, wait);
    why->start = s->due_at;
    return tell_time(why, "run_at", s->due_at);
}

static int ask_question(struct why *why)
{
    const struct rec_state *s = &why->job->s;
    char until[RFC3339_LEN + 1];
    if (s->status != JOB_WAITING)
        return 0;
    rfc3339_format(s->question_until, until);
    say(why, "question", "its handler has asked a question; it waits for the answer until %s",
        until);
    int rc = tell_number(why, "question", s->question_n);
    return rc < 0 ? rc : tell_time(why, "expires_at", s->question_until);
}

/* Whose limit it is, in words. */
static void name_limit(const struct why *why, const struct gate_verdict *verdict, char *out,
                       size_t size)
{
    struct text name = verdict->budget.len ? verdict->budget : why->job->s.queue;
    snprintf(out, size, "%s '%.*s'", verdict->budget.len ? "budget" : "queue", (int)name.len,
             name.at);
}

static void say_gate(struct why *why, const struct gate_verdict *verdict)
{
    const struct rec_state *s = &why->job->s;
    char limit[BUDGET_LEN_MAX + QUEUE_LEN_MAX], window[DURATION_TEXT_SIZE];
    name_limit(why, verdict, limit, sizeof limit);
    switch (verdict->gate) {
    case GATE_OPEN:
        break;
    case GATE_PAUSED:
        say(why, verdict->reason, "%s is paused", limit);
        break;
    case GATE_RATE_LIMIT:
        duration_format(verdict->window_ms, window);
        say(why, verdict->reason, "%s starts at most %" PRIu64 " jobs in any %s", limit,
            verdict->max, window);
        break;
    case GATE_QUEUE_LIMIT:
        say(why, verdict->reason, "%s runs %" PRIu64 " jobs, and may run %" PRIu64, limit,
            verdict->in_use, verdict->max);
        break;
    case GATE_GROUP_LIMIT:
        say(why, verdict->reason, "group '%.*s' runs %" PRIu64 " jobs of %s, and may run %" PRIu64,
            (int)s->group.len, s->group.at, verdict->in_use, limit, verdict->max);
        break;
    }
}

static int tell_gate(struct why *why, const struct gate_verdict *verdict)
{
    int rc = 0;
    if (verdict->gate != GATE_PAUSED)
        rc = tell_number(why, "max", verdict->max);
    if (rc == 0 && verdict->gate != GATE_PAUSED)
        rc = tell_number(why, "in_use", verdict->in_use);
    if (rc == 0 && verdict->window_ms)
        rc = tell_number(why, "window_ms", verdict->window_ms);
    if (rc == 0 && verdict->opens_at)
        rc = tell_time(why, "opens_at", verdict->opens_at);
    if (rc == 0 && verdict->budget.len)
        rc = tell_text(why, "budget", verdict->budget);
    return rc;
}

static int set_place(struct why *why);

/* When the window opens that lets the job through: each lets `max` others through before. */
static uint64_t window_of(const struct why *why, const struct gate_verdict *verdict)
{
    if (verdict->opens_at == 0 || verdict->max == 0 || why->position_is_minimum)
        return 0;
    return verdict->opens_at + (why->position.value - 1) / verdict->max * verdict->window_ms;
}

static int ask_gates(struct why *why)
{
    const struct core *core = why->core;
    const struct rec_state *s = &why->job->s;
    struct gate_verdict verdict;
    if (gate_queue(core, s->queue, &verdict) && gate_group(core, s->queue, s->group, &verdict))
        return 0;
    say_gate(why, &verdict);
    int rc = tell_gate(why, &verdict);
    if (rc == 0)
        rc = set_place(why);
    if (verdict.gate == GATE_PAUSED)
        why->start = 0; /* when it goes on is up to people */
    else if (verdict.gate == GATE_RATE_LIMIT && why->start < window_of(why, &verdict))
        why->start = window_of(why, &verdict);
    return rc;
}

static int ask_parents(struct why *why)
{
    const struct rec_state *s = &why->job->s;
    char name[UUID_TEXT_LEN + 1];
    struct uuid first;
    if (s->status != JOB_BLOCKED || s->open_parents == 0)
        return 0;
    int rc = parents_first_open(why->core, &why->job->id, &first);
    uuid_format(&first, name);
    say(why, "parents", "it waits for %" PRIu64 " of the %" PRIu64 " job%s it depends on: %s%s",
        s->open_parents, s->parents, s->parents == 1 ? "" : "s", name,
        s->open_parents > 1 ? " and others" : "");
    if (rc == 0)
        rc = tell_number(why, "open", s->open_parents);
    if (rc == 0)
        rc = tell_number(why, "parents", s->parents);
    return rc < 0 ? rc : tell_text(why, "first", text_of(name));
}

static int ask_unique(struct why *why)
{
    char name[UUID_TEXT_LEN + 1];
    struct uuid holder;
    if (why->job->s.status != JOB_BLOCKED)
        return 0;
    int rc = unique_waits_for(why->core, why->job, &holder);
    uuid_format(&holder, name);
    say(why, "unique", "it waits until job %s, which has its unique key, is gone", name);
    return rc < 0 ? rc : tell_text(why, "holder", text_of(name));
}

static int ask_worker(struct why *why)
{
    const struct rec_state *s = &why->job->s;
    if (workers_capable(why->core, s->queue, s->type).workers > 0)
        return 0;
    say(why, "no_worker", "no connected worker takes type '%.*s' from queue '%.*s'",
        (int)s->type.len, s->type.at, (int)s->queue.len, s->queue.at);
    int rc = tell_text(why, "type", s->type);
    if (rc == 0)
        rc = tell_text(why, "queue", s->queue);
    return rc < 0 ? rc : tell_number(why, "workers", why->core->worker_count);
}

/* It has taken its worker down too often to run beside others. */
static int ask_alone(struct why *why)
{
    const struct rec_state *s = &why->job->s;
    if (!s->alone)
        return 0;
    say(why, "alone",
        "it was lost %" PRIu64 " times with its worker: it waits for one that holds nothing else",
        s->lost);
    int rc = tell_number(why, "lost", s->lost);
    return rc < 0 ? rc : set_place(why);
}

/* Only where the queue has been handing out jobs lately. */
static void estimate(struct why *why)
{
    double pace = pace_of_queue(why->core, why->job->s.queue);
    double wait = pace > 0 ? (double)why->position.value * 1000.0 / pace : 0;
    if (wait > 0 && wait < (double)DELAY_MAX_MS && !why->position_is_minimum)
        why->start = why->core->now.wall_ms + (uint64_t)wait;
}

static int set_place(struct why *why)
{
    struct place_in_line place;
    int rc = place_of(why->core, why->job, &place);
    why->position = opt_of(place.ahead + 1);
    why->position_is_minimum = place.is_minimum;
    estimate(why);
    return rc;
}

static int ask_place(struct why *why)
{
    const struct rec_state *s = &why->job->s;
    struct capable capable = workers_capable(why->core, s->queue, s->type);
    int rc = set_place(why);
    uint64_t ahead = why->position.value - 1;
    if (rc < 0)
        return rc;
    if (ahead)
        say(why, "behind", "%s%" PRIu64 " other%s of its queue %s first",
            why->position_is_minimum ? "more than " : "", ahead, ahead == 1 ? "" : "s",
            ahead == 1 ? "goes" : "go");
    else
        say(why, "behind", "it is next: %" PRIu64 " of %" PRIu64 " slots that take it are busy",
            capable.busy, capable.slots);
    rc = tell_number(why, "ahead", ahead);
    if (rc == 0)
        rc = tell_number(why, "slots", capable.slots);
    return rc < 0 ? rc : tell_number(why, "busy", capable.busy);
}

typedef int question(struct why *why);

/* By status first; then, for a pending job, as the pick meets them. */
static question *const questions[] = {ask_finished, ask_running, ask_due,   ask_question,
                                      ask_parents,  ask_unique,  ask_gates, ask_worker,
                                      ask_alone,    ask_place};

/* --- the answer ------------------------------------------------------------------------------- */

static int make_details(struct why *why, struct slice *details_out)
{
    struct core *core = why->core;
    buf_clear(&core->value);
    int rc = pack_map(&core->value, why->details);
    if (rc == 0)
        rc = pack_raw(&core->value, buf_slice(&core->nested));
    *details_out = buf_slice(&core->value);
    return rc;
}

int handle_get_why(struct core *core, struct session *session, const struct message *message)
{
    struct caller caller = caller_of(session, message);
    int rc = caller_load(core, &caller, &message->get_why.id, &core->job);
    if (rc != 0)
        return rc;
    struct why why = {.core = core, .job = &core->job};
    buf_clear(&core->nested);
    for (size_t i = 0; i < sizeof questions / sizeof *questions && !why.reason && rc == 0; i++)
        rc = questions[i](&why);
    struct message answer = {.id = MSG_WHY};
    if (rc == 0)
        rc = make_details(&why, &answer.why.details);
    if (rc < 0)
        return rc;
    answer.why.id = core->job.id;
    answer.why.status = core->job.s.status;
    answer.why.reason = text_of(why.reason);
    answer.why.text = text_of(why.text);
    answer.why.position = why.position;
    answer.why.position_is_minimum = why.position_is_minimum;
    answer.why.estimated_start = why.start;
    return reply(core, &answer);
}
