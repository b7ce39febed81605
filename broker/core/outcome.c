/* How a dispatch ends. Only the current fence can end it; what comes late is refused as stale. */
#include "broker/core/outcome.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/tooth.h"

#include "broker/core/ask.h"
#include "broker/core/attempt.h"
#include "broker/core/gather.h"
#include "broker/core/job.h"
#include "broker/core/lease.h"
#include "broker/core/pace.h"
#include "broker/core/pick.h"
#include "broker/core/reply.h"

static int tell_and_save(struct core *core, struct job *job, struct wire_event *event)
{
    int rc = job_emit(core, job, event);
    return rc < 0 ? rc : job_save(core, job);
}

static int keep_box(struct core *core, struct job *job, const char *outcome, struct slice box)
{
    struct attempt_end end = {.outcome = outcome, .box = box};
    return attempt_keep(core, job, &end);
}

static int ended(struct core *core, struct job *job, const char *reason, struct slice box)
{
    int rc = keep_box(core, job, "cancelled", box);
    if (rc < 0)
        return rc;
    job->s.ending = false;
    job->s.fence = 0; /* whatever its worker still says is stale */
    rc = job_over(core, job);
    if (rc < 0)
        return rc;
    struct wire_event event = {.type = TEXT("ended"), .reason = text_of(reason)};
    return tell_and_save(core, job, &event);
}

int outcome_ended(struct core *core, struct job *job, const char *reason)
{
    return ended(core, job, reason, (struct slice){0});
}

int outcome_released(struct core *core, struct job *job, const char *reason)
{
    int rc = keep_box(core, job, "released", (struct slice){0});
    job->s.fence = 0; /* whatever its worker still says is stale */
    return rc < 0 ? rc : outcome_undone(core, job, reason);
}

/* The dispatch counts for nothing: the next one is what this one was. */
static void uncount(struct job *job)
{
    job->s.resumes = job->s.segment > 1;
    if (job->s.resumes)
        job->s.segment--;
    else
        job->s.attempt -= job->s.attempt > 0 && !TOOTH(undone_still_counts);
}

int outcome_undone(struct core *core, struct job *job, const char *reason)
{
    uncount(job);
    int rc = job_move(core, job, JOB_PENDING);
    if (rc < 0)
        return rc;
    struct wire_event event = {.type = TEXT("pending"), .reason = text_of(reason)};
    return tell_and_save(core, job, &event);
}

static int keep_failure(struct core *core, struct job *job, struct wire_failure *failure)
{
    failure->at = core->now.wall_ms;
    failure->attempt = job->s.attempt;
    int rc = shape_keep(&core->scratch, &shape_failure, failure, KEYS_NAMES, &job->s.error);
    if (rc < 0)
        return rc;
    struct rec_key key;
    uint64_t n = job->s.failure_n++;
    rc = store_put(core->store, TABLE_FAILURE, key_job_n(&key, &job->id, n), job->s.error);
    if (rc == 0 && n >= ERRORS_MAX)
        rc = store_del(core->store, TABLE_FAILURE, key_job_n(&key, &job->id, n - ERRORS_MAX));
    return rc < 0 ? rc : 0;
}

static int fail_for_good(struct core *core, struct job *job)
{
    int rc = job_move(core, job, JOB_FAILED);
    if (rc < 0)
        return rc;
    struct wire_event event = {
        .type = TEXT("failed"), .error = job->s.error, .attempt = opt_of(job->s.attempt)};
    return tell_and_save(core, job, &event);
}

static int retry_at(struct core *core, struct job *job, uint64_t at)
{
    job->s.due_at = at;
    int rc = job_move(core, job, JOB_SCHEDULED);
    if (rc < 0)
        return rc;
    struct wire_event event = {.type = TEXT("retry"),
                               .error = job->s.error,
                               .attempt = opt_of(job->s.attempt),
                               .run_at = at};
    return tell_and_save(core, job, &event);
}

/* Full jitter: anywhere between now and the doubled, capped delay. */
static uint64_t backoff(struct core *core, const struct wire_spec *spec, uint64_t failures)
{
    uint64_t base = opt_or(spec->backoff_ms, BACKOFF_DEFAULT_MS);
    uint64_t cap = opt_or(spec->backoff_cap_ms, BACKOFF_CAP_DEFAULT_MS);
    for (uint64_t i = 1; i < failures && base < cap; i++)
        base *= 2;
    if (base > cap && !TOOTH(backoff_uncapped))
        base = cap;
    return base ? core_draw(core) % (base + 1) : 0;
}

static int attempt_failed(struct core *core, struct job *job, struct wire_failure *failure)
{
    int rc = keep_failure(core, job, failure);
    if (rc < 0)
        return rc;
    job->s.failures++;
    struct wire_spec spec;
    rc = spec_get(core, &job->id, &spec);
    if (rc < 0)
        return rc;
    if (!failure->retryable ||
        job->s.failures >= opt_or(spec.max_attempts, ATTEMPTS_DEFAULT) + TOOTH(retried_once_more))
        return fail_for_good(core, job);
    return retry_at(core, job, core->now.wall_ms + backoff(core, &spec, job->s.failures));
}

int outcome_timeout(struct core *core, struct job *job)
{
    struct wire_failure failure = {.type = TEXT("JobTimeoutError"),
                                   .message = TEXT("it ran longer than its timeout"),
                                   .retryable = true};
    struct attempt_end end = {.outcome = "timeout", .error = &failure};
    int rc = attempt_keep(core, job, &end);
    job->s.fence = 0; /* whatever its worker still says is stale */
    return rc < 0 ? rc : attempt_failed(core, job, &failure);
}

static int stuck(struct core *core, struct job *job, struct slice box, bool heard)
{
    char text[96];
    struct wire_spec spec;
    int rc = spec_get(core, &job->id, &spec);
    if (rc < 0)
        return rc;
    int len =
        snprintf(text, sizeof text, "it reported nothing for its stuck_timeout of %" PRIu64 " ms",
                 opt_or(spec.stuck_timeout_ms, 0));
    struct wire_failure failure = {.type = TEXT("JobTimeoutError"),
                                   .message = {text, (size_t)len},
                                   .retryable = !text_is(spec.on_stuck, "fail")};
    struct attempt_end end = {.outcome = "stuck", .box = box, .error = &failure};
    rc = attempt_keep(core, job, &end);
    if (!heard)
        job->s.fence = 0; /* whatever its worker still says is stale */
    return rc < 0 ? rc : attempt_failed(core, job, &failure);
}

int outcome_stuck(struct core *core, struct job *job)
{
    return stuck(core, job, (struct slice){0}, false);
}

int outcome_unstarted(struct core *core, struct job *job)
{
    struct wire_failure failure = {.type = TEXT("PendingTimeoutError"),
                                   .message = TEXT("it did not start within its start_deadline")};
    int rc = keep_failure(core, job, &failure);
    return rc < 0 ? rc : fail_for_good(core, job);
}

static int poisoned(struct core *core, struct job *job)
{
    struct wire_failure failure = {.type = TEXT("PoisonError"),
                                   .message =
                                       TEXT("it took its worker down as often as max_lost allows")};
    struct attempt_end end = {.outcome = "poisoned", .error = &failure};
    int rc = attempt_keep(core, job, &end);
    job->s.fence = 0;
    if (rc == 0)
        rc = keep_failure(core, job, &failure);
    return rc < 0 ? rc : fail_for_good(core, job);
}

int outcome_unanswered(struct core *core, struct job *job)
{
    struct wire_failure failure = {.type = TEXT("QuestionTimeoutError"),
                                   .message = TEXT("nobody answered its question in time")};
    int rc = keep_failure(core, job, &failure);
    return rc < 0 ? rc : fail_for_good(core, job);
}

static int run_again(struct core *core, struct job *job)
{
    int rc = keep_box(core, job, "lost", (struct slice){0});
    if (!TOOTH(fence_stays_at_loss))
        job->s.fence = 0; /* whatever that worker still says is stale */
    if (rc == 0)
        rc = job_move(core, job, JOB_PENDING);
    if (rc < 0)
        return rc;
    struct wire_event event = {
        .type = TEXT("lost"), .worker = job->s.worker, .attempt = opt_of(job->s.attempt)};
    return tell_and_save(core, job, &event);
}

int outcome_lost(struct core *core, struct job *job)
{
    job->s.lost++;
    struct wire_spec spec;
    int rc = spec_get(core, &job->id, &spec);
    if (rc < 0)
        return rc;
    uint64_t max = opt_or(spec.max_lost, LOST_DEFAULT);
    bool is_poison = job->s.lost >= max + TOOTH(poison_once_more);
    job->s.alone = pick_is_alone(job->s.lost, max);
    return is_poison ? poisoned(core, job) : run_again(core, job);
}

/* Completion is whole: what was counted is counted to its end. */
static int finish_progress(struct core *core, struct job *job)
{
    struct wire_progress progress = {0};
    struct fault fault;
    if (job->s.progress.len)
        shape_decode(job->s.progress, &shape_progress, KEYS_NAMES, &progress, &fault);
    progress.fraction = f64_of(1);
    if (progress.total.set)
        progress.completed = progress.total;
    return shape_keep(&core->nested, &shape_progress, &progress, KEYS_NAMES, &job->s.progress);
}

static int completed(struct core *core, struct job *job, const struct wire_done_item *item)
{
    static const uint8_t nil = 0xc0;
    struct slice result = item->result.len ? item->result : (struct slice){&nil, 1};
    int rc = keep_box(core, job, "completed", item->box);
    if (rc == 0)
        rc = store_put(core->store, TABLE_RESULT, key_job(&job->id), result);
    if (rc == 0)
        rc = job_move(core, job, JOB_COMPLETED);
    if (rc < 0)
        return rc;
    pace_completed(core, &job->s);
    job->s.error = (struct slice){0};
    struct wire_event event = {.type = TEXT("completed"), .attempt = opt_of(job->s.attempt)};
    rc = job_emit(core, job, &event);
    if (rc == 0)
        rc = finish_progress(core, job);
    return rc < 0 ? rc : job_save(core, job);
}

/* The worker says in `stopped` whether it was itself that ended the handler, and why. */
static int failed_with(struct core *core, struct job *job, const struct wire_done_item *item,
                       struct wire_failure *failure)
{
    struct attempt_end end = {.outcome = "failed", .box = item->box, .error = failure};
    if (text_is(item->stopped, "timeout"))
        end.outcome = "timeout";
    else if (text_is(item->outcome, "ended"))
        end.outcome = "stopped";
    int rc = attempt_keep(core, job, &end);
    return rc < 0 ? rc : attempt_failed(core, job, failure);
}

static int failed(struct core *core, struct job *job, const struct wire_done_item *item)
{
    struct wire_failure failure = {0};
    struct fault fault;
    if (item->error.len &&
        shape_decode(item->error, &shape_failure, KEYS_NAMES, &failure, &fault) != 0)
        failure = (struct wire_failure){.message = TEXT("the worker's error can't be read")};
    if (failure.type.len == 0)
        failure.type = TEXT("Error");
    return failed_with(core, job, item, &failure);
}

static int again(struct core *core, struct job *job, const struct wire_done_item *item)
{
    if (++job->s.again > AGAIN_MAX) {
        struct wire_failure failure = {.type = TEXT("TryAgainError"),
                                       .message =
                                           TEXT("it asked to be tried again later too often")};
        return failed_with(core, job, item, &failure);
    }
    struct wire_spec spec;
    int rc = keep_box(core, job, "again", item->box);
    if (rc == 0)
        rc = spec_get(core, &job->id, &spec);
    if (rc < 0)
        return rc;
    uint64_t wait =
        item->retry_after_ms.set ? item->retry_after_ms.value : backoff(core, &spec, job->s.again);
    return retry_at(core, job, core->now.wall_ms + wait);
}

static int stopped(struct core *core, struct job *job, const struct wire_done_item *item)
{
    struct wire_failure failure = {.type = TEXT("StoppedError"),
                                   .message = TEXT("its handler was stopped"),
                                   .retryable = true};
    return failed_with(core, job, item, &failure);
}

static int released(struct core *core, struct job *job, const struct wire_done_item *item)
{
    int rc = keep_box(core, job, "released", item->box);
    return rc < 0 ? rc : outcome_undone(core, job, "its worker gave it back");
}

static int asked(struct core *core, struct job *job, const struct wire_done_item *item)
{
    struct wire_question question;
    const char *problem;
    if (ask_read(item->question, &question, &problem) != 0) {
        struct wire_failure failure = {.type = TEXT("QuestionError"), .message = text_of(problem)};
        return failed_with(core, job, item, &failure);
    }
    int rc = keep_box(core, job, "asked", item->box);
    return rc < 0 ? rc : ask_park(core, job, &question);
}

static int conclude(struct core *core, struct job *job, const struct wire_done_item *item)
{
    if (job->s.ending)
        return ended(core, job, "its handler is gone", item->box);
    if (text_is(item->outcome, "completed"))
        return completed(core, job, item);
    if (text_is(item->outcome, "again"))
        return again(core, job, item);
    if (text_is(item->outcome, "asked"))
        return asked(core, job, item);
    if (text_is(item->outcome, "released"))
        return released(core, job, item);
    if (text_is(item->outcome, "ended"))
        return stopped(core, job, item);
    return failed(core, job, item);
}

/* Without a lease: the result was accepted before and its answer got lost, or it is stale. */
static int verdict_without_lease(struct core *core, const struct session *session,
                                 const struct wire_done_item *item, const char **verdict_out)
{
    int rc = job_load(core, &item->job, &core->job);
    if (rc < 0)
        return rc;
    const struct rec_state *s = &core->job.s;
    bool same = rc == 0 && item->fence != 0 && s->fence == item->fence;
    bool accepted = same && s->status != JOB_CANCELLED && uuid_eq(&s->session, &session->id);
    *verdict_out = accepted ? "accepted" : "stale";
    return 0;
}

static int settle_one(struct core *core, const struct session *session,
                      const struct wire_done_item *item, const char **verdict_out)
{
    struct lease *lease = lease_find(core, item->fence, &item->job);
    if (!lease)
        return verdict_without_lease(core, session, item, verdict_out);
    *verdict_out = "stale";
    if (!lease_is_held_by(lease, session))
        return 0; /* it knows the fence, but the job is in other hands */
    struct job *job = &core->job;
    int rc = job_load(core, &item->job, job);
    if (rc != 0)
        return rc < 0 ? rc : -EBADMSG;
    *verdict_out = job->s.ending && !text_is(item->outcome, "ended") ? "stale" : "accepted";
    bool done = text_is(item->outcome, "completed") || text_is(item->outcome, "asked");
    bool is_stuck = lease->stuck && !job->s.ending && !done;
    rc = is_stuck ? stuck(core, job, item->box, true) : conclude(core, job, item);
    return rc < 0 ? rc : lease_drop(core, lease);
}

int handle_done(struct core *core, struct session *session, const struct message *message)
{
    struct list_iter iter;
    struct wire_done_item item;
    int more;
    if (list_open(message->done.items, &iter) != 0)
        return refuse(core, WIRE_INVALID_REQUEST, "items", "expected a list");
    while ((more = list_next(&iter, &shape_done_item, KEYS_NAMES, &item, &core->fault)) == 1) {
        struct wire_settled_item settled = {.job = item.job, .fence = item.fence};
        const char *verdict = NULL;
        int rc = settle_one(core, session, &item, &verdict);
        if (rc < 0)
            return rc;
        settled.verdict = text_of(verdict);
        rc = gather_add(core, session, &session->worker->settled, &shape_settled_item, &settled);
        if (rc < 0)
            return rc;
    }
    /* What stood before a bad item is settled; the rest is for the worker to send again. */
    return more < 0 ? reply_fault(core) : 0;
}
