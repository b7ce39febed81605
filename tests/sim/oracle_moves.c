/* What may happen to a job, and why. Each event of a job must have a cause in its own batch: a
 * message, the time, or the silence of its worker. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/sim/names.h"
#include "tests/sim/oracle_parts.h"
#include "tests/sim/trace.h"
#include "tests/sim/worker.h"

/* One event being explained. */
struct move {
    struct world *world;
    const struct batch_seen *seen;
    struct model_job *job;
    const struct wire_event *event;
};

#define EXPECT(move, cond, what) \
    DEMAND((move)->world, cond, "%s: " what, trace_name((move)->world, &(move)->job->id))

/* --- birth ------------------------------------------------------------------------------------ */

/* A key makes one set of jobs in a day. */
static void use_key(struct world *world, const struct batch_seen *seen, const struct deed *deed)
{
    struct oracle *oracle = world->oracle;
    struct model_key *key;
    char name[sizeof key->name];
    if (!deed->key[0])
        return;
    snprintf(name, sizeof name, "%.*s/%s", (int)deed->owner.len, deed->owner.at, deed->key);
    HASH_FIND_STR(oracle->keys, name, key);
    if (key && key->at != seen->wall_ms)
        DEMAND(world, key->at + IDEMPOTENCY_MS <= oracle->wall_max,
               "an idempotency key makes jobs once (%s)", name);
    if (key && key->at == seen->wall_ms)
        DEMAND(world, key->deed == deed, "an idempotency key is one deed's (%s)", name);
    if (!key) {
        key = calloc(1, sizeof *key);
        CHECK(key);
        memcpy(key->name, name, sizeof name);
        HASH_ADD_STR(oracle->keys, name, key);
    }
    key->deed = deed;
    key->at = seen->wall_ms;
}

/* What is stored is what was asked, with the defaults that jobs.md names. */
static void check_spec(struct world *world, const struct wish *wish, const struct uuid *id,
                       struct slice stored)
{
    struct wire_spec spec = wish->spec;
    struct buf *expected = &world->oracle->expected;
    spec.id = *id;
    if (spec.owner.len == 0)
        spec.owner = wish->deed->owner;
    if (spec.queue.len == 0)
        spec.queue = TEXT("default");
    if (spec.group.len == 0)
        spec.group = spec.owner;
    buf_clear(expected);
    CHECK(shape_encode(expected, &shape_spec, &spec, KEYS_NUMBERS) == 0);
    DEMAND(world, slice_eq(buf_slice(expected), stored),
           "%s: what is stored is what was submitted, byte for byte", trace_name(world, id));
}

static const struct wish *wish_behind(struct world *world, const struct uuid *id,
                                      struct slice stored)
{
    struct wire_spec spec;
    struct fault fault;
    bool readable = shape_decode(stored, &shape_spec, KEYS_NUMBERS, &spec, &fault) == 0;
    DEMAND(world, readable, "%s: its spec can be read", trace_name(world, id));
    const struct wish *wish = wish_of(world, spec.params);
    DEMAND(world, wish, "%s: somebody asked for it", trace_name(world, id));
    return wish;
}

void job_is_born(struct world *world, const struct batch_seen *seen, const struct uuid *id,
                 struct store_snapshot *snapshot)
{
    struct slice stored;
    int rc = store_snapshot_get(snapshot, TABLE_SPEC, key_job(id), &stored);
    DEMAND(world, rc == 0, "%s: a job has its spec", trace_name(world, id));
    const struct wish *wish = wish_behind(world, id, stored);
    check_spec(world, wish, id, stored);
    DEMAND(world, batch_submits(seen, wish), "%s: it is made when it is submitted",
           trace_name(world, id));
    DEMAND(world, !wish->deed->never, "%s: a request that surely had no effect has none",
           trace_name(world, id));
    use_key(world, seen, wish->deed);
    struct model_job *job = calloc(1, sizeof *job);
    CHECK(job);
    job->id = *id;
    job->wish = wish;
    job->spec_hash = hash_of(stored);
    HASH_ADD(hh, world->oracle->jobs, id, sizeof job->id, job);
    world->oracle->wishes[wish->serial - 1]->born++;
}

/* --- bookkeeping ------------------------------------------------------------------------------ */

static void set_step(struct model_job *job, const struct wire_event *event)
{
    if (job->rev > job->step_cap) {
        job->step_cap = job->rev * 2 + 8;
        job->steps = realloc(job->steps, job->step_cap * sizeof *job->steps);
        CHECK(job->steps);
    }
    struct step *step = &job->steps[job->rev - 1];
    *step = (struct step){.status = event->status};
    if (event->type.len < sizeof step->type)
        memcpy(step->type, event->type.at, event->type.len);
}

static void add_run(struct model_job *job, const struct run *run)
{
    if (job->run_count == job->run_cap) {
        job->run_cap = job->run_cap ? 2 * job->run_cap : 4;
        job->runs = realloc(job->runs, job->run_cap * sizeof *job->runs);
        CHECK(job->runs);
    }
    job->runs[job->run_count++] = *run;
}

static void end_run(struct model_job *job, enum run_end end)
{
    struct run *run = run_last(job);
    if (run && run->end == RUN_LIVE)
        run->end = end;
}

static void now_ready(struct move *move)
{
    struct oracle *oracle = move->world->oracle;
    move->job->status = JOB_PENDING;
    move->job->ready_turn = ++oracle->turn;
    move->job->ready_at = move->seen->wall_ms;
    move->job->ready_batch = oracle->batches;
}

static void now_ended(struct move *move, enum job_state status)
{
    move->job->status = status;
    move->job->ended_at = move->seen->wall_ms;
}

/* --- why a dispatch may be taken away ----------------------------------------------------------
 */

static uint64_t latest(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Nothing was wrong for long enough, and its handler runs: it must have been listed. */
static bool was_busy(const struct move *move, const struct run *run)
{
    struct world *world = move->world;
    uint64_t calm_ms = world->lost_after_ms * 3 + 3000;
    if (world->now < calm_ms || sim_broker_trouble_at(world) >= world->now - calm_ms)
        return false;
    return sim_worker_was_busy(world, &run->session, &move->job->id, run->fence,
                               world->now - calm_ms);
}

/* Its worker was silent about it for long enough, or has started anew. */
static void expect_silence(struct move *move, const struct run *run)
{
    struct world *world = move->world;
    uint64_t enough = world->lost_after_ms, now = world->now;
    if (run->restarted)
        return;
    EXPECT(move, now - latest(run->started_at, run->listed_at) >= enough,
           "a lease is not lost while its worker lists it");
    EXPECT(move, now - sim_broker_born_at(world) >= enough,
           "a restart of the broker loses no lease before the grace is over");
    EXPECT(move, !was_busy(move, run),
           "a busy handler does not lose its lease while nothing is wrong");
}

static bool ran_too_long(const struct move *move, const struct run *run)
{
    uint64_t timeout = opt_or(move->job->wish->spec.timeout_ms, TIMEOUT_DEFAULT_MS);
    return move->world->now - run->started_at >= timeout;
}

/* --- the events ------------------------------------------------------------------------------- */

static void on_submitted(struct move *move)
{
    struct model_job *job = move->job;
    const struct wire_spec *spec = &job->wish->spec;
    uint64_t due = spec->delay_ms ? move->seen->wall_ms + spec->delay_ms : spec->run_at;
    EXPECT(move, job->rev == 1, "its first event is `submitted`");
    job->was_delayed = due > move->seen->wall_ms;
    job->due_at = due;
    if (job->was_delayed)
        job->status = JOB_SCHEDULED;
    else
        now_ready(move);
}

static void on_pending(struct move *move)
{
    struct model_job *job = move->job;
    struct run *run = run_last(job);
    struct wire_done_item done;
    if (job->status == JOB_SCHEDULED) {
        EXPECT(move, job->due_at <= move->seen->wall_ms, "it is not early");
        EXPECT(move, move->seen->tick, "time passes at ticks only");
        now_ready(move);
        return;
    }
    EXPECT(move, job->status == JOB_RUNNING && run, "only a running job is taken back");
    bool given =
        batch_done(move->seen, &job->id, run->fence, &done) && text_is(done.outcome, "released");
    if (!given && !run->left && !run->unsent) {
        EXPECT(move, run->listed_at == 0, "what its worker had listed is lost, not undone");
        expect_silence(move, run);
    }
    job->attempt -= job->attempt > 0;
    end_run(job, given ? RUN_ACCEPTED : RUN_OVER);
    now_ready(move);
}

static void check_checkpoint(struct move *move, const struct wire_dispatch_item *item)
{
    uint64_t hash = item->checkpoint.len ? hash_of(item->checkpoint) : 0;
    EXPECT(move, hash == move->job->checkpoint_hash, "the next attempt gets the last checkpoint");
}

static void check_dispatch(struct move *move, const struct wire_dispatch_item *item)
{
    const struct wire_spec *spec = &move->job->wish->spec;
    EXPECT(move, slice_eq(item->params, spec->params), "params arrive as they were submitted");
    EXPECT(move, item->attempt == move->job->attempt, "attempts are counted");
    EXPECT(move, text_eq(item->type, spec->type), "its handler is of its type");
    EXPECT(move, item->timeout_ms == opt_or(spec->timeout_ms, TIMEOUT_DEFAULT_MS),
           "its worker is told its timeout");
    EXPECT(move, item->fence > move->world->oracle->fence_floor,
           "a fence is greater than all before");
}

static void on_running(struct move *move)
{
    struct model_job *job = move->job;
    struct wire_dispatch_item item;
    uint32_t peer;
    EXPECT(move, job->status == JOB_PENDING, "only a ready job is dispatched");
    EXPECT(move, batch_dispatch(move->seen, &job->id, &peer, &item), "who runs it is told so");
    struct model_session *session = session_at(move->world, peer);
    EXPECT(move, session, "a dispatch goes to a worker that has said hello");
    job->attempt++;
    check_dispatch(move, &item);
    check_checkpoint(move, &item);
    struct oracle *oracle = move->world->oracle;
    oracle->fence_max = latest(oracle->fence_max, item.fence);
    oracle->fences++;
    job->status = JOB_RUNNING;
    job->report_n = 0;
    add_run(job, &(struct run){
                     .fence = item.fence, .session = session->id, .started_at = move->world->now});
}

static void count_failure(struct move *move, bool retryable)
{
    struct model_job *job = move->job;
    uint64_t max = opt_or(job->wish->spec.max_attempts, ATTEMPTS_DEFAULT);
    job->failures++;
    bool again = retryable && job->failures < max;
    EXPECT(move, again == text_is(move->event->type, "retry"),
           "a failed attempt is retried as often as max_attempts says");
}

/* A later try has its time: not before now, and within the backoff. */
static void schedule(struct move *move, uint64_t wait_max)
{
    uint64_t at = move->event->run_at, now = move->seen->wall_ms;
    EXPECT(move, at >= now && at <= now + wait_max,
           "the wait before a retry is within its backoff");
    move->job->status = JOB_SCHEDULED;
    move->job->due_at = at;
    move->job->was_delayed = true;
}

static uint64_t backoff_max(const struct wire_spec *spec, uint64_t failures)
{
    uint64_t wait = opt_or(spec->backoff_ms, BACKOFF_DEFAULT_MS);
    uint64_t cap = opt_or(spec->backoff_cap_ms, BACKOFF_CAP_DEFAULT_MS);
    for (uint64_t i = 1; i < failures && wait < cap; i++)
        wait *= 2;
    return wait < cap ? wait : cap;
}

static void retried_by_hand(struct move *move)
{
    struct model_job *job = move->job;
    EXPECT(move, !job->ending, "no retry before its handler is gone");
    EXPECT(move, batch_asks(move->seen, MSG_RETRY, &job->id), "it ends once, unless it is retried");
    job->attempt = job->failures = job->lost = job->again = 0;
    job->was_delayed = true; /* its place is behind others */
    now_ready(move);
}

static bool failure_is_retryable(const struct wire_done_item *done)
{
    struct wire_failure failure;
    struct fault fault;
    if (shape_decode(done->error, &shape_failure, KEYS_NAMES, &failure, &fault) != 0)
        return false;
    return failure.retryable;
}

/* A running job's handler said that it failed, or it ran for too long. */
static void attempt_ended(struct move *move)
{
    struct model_job *job = move->job;
    struct run *run = run_last(job);
    struct wire_done_item done;
    bool again = false;
    EXPECT(move, job->status == JOB_RUNNING && run, "only a running job's attempt ends");
    if (batch_done(move->seen, &job->id, run->fence, &done)) {
        again = text_is(done.outcome, "again") && ++job->again <= AGAIN_MAX;
        bool stopped = text_is(done.outcome, "ended");
        EXPECT(move, again || stopped || text_is(done.outcome, "failed"),
               "it ends as its handler said");
        if (!again)
            count_failure(move, stopped || failure_is_retryable(&done));
        end_run(job, RUN_ACCEPTED);
    } else {
        EXPECT(move, ran_too_long(move, run),
               "an attempt ends by its handler's word or its timeout");
        count_failure(move, true);
        end_run(job, RUN_OVER);
    }
    if (text_is(move->event->type, "failed"))
        now_ended(move, JOB_FAILED);
    else if (again && done.retry_after_ms.set)
        schedule(move, done.retry_after_ms.value);
    else
        schedule(move, backoff_max(&job->wish->spec, again ? job->again : job->failures));
}

static void on_retry(struct move *move)
{
    if (job_state_is_terminal(move->job->status))
        retried_by_hand(move);
    else
        attempt_ended(move);
}

static void count_loss(struct move *move)
{
    struct model_job *job = move->job;
    expect_silence(move, run_last(job));
    uint64_t max = opt_or(job->wish->spec.max_lost, LOST_DEFAULT);
    job->lost++;
    EXPECT(move, (job->lost >= max) == text_is(move->event->type, "failed"),
           "a job may take its worker down max_lost times");
    end_run(job, RUN_OVER);
}

static void on_lost(struct move *move)
{
    EXPECT(move, move->job->status == JOB_RUNNING, "only a running job is lost");
    count_loss(move);
    now_ready(move);
}

static void on_failed(struct move *move)
{
    struct wire_failure failure = {0};
    struct fault fault;
    shape_decode(move->event->error, &shape_failure, KEYS_NAMES, &failure, &fault);
    if (!text_is(failure.type, "PoisonError")) {
        attempt_ended(move);
        return;
    }
    EXPECT(move, move->job->status == JOB_RUNNING, "only a running job is poison");
    count_loss(move);
    now_ended(move, JOB_FAILED);
}

static void on_completed(struct move *move)
{
    struct model_job *job = move->job;
    struct run *run = run_last(job);
    struct wire_done_item done;
    EXPECT(move, job->status == JOB_RUNNING && run, "only a running job completes");
    EXPECT(move,
           batch_done(move->seen, &job->id, run->fence, &done) &&
               text_is(done.outcome, "completed"),
           "only the current fence completes a job");
    end_run(job, RUN_ACCEPTED);
    now_ended(move, JOB_COMPLETED);
}

static void on_cancelled(struct move *move)
{
    struct model_job *job = move->job;
    EXPECT(move, !job_state_is_terminal(job->status), "what has ended is not cancelled");
    EXPECT(move, batch_asks(move->seen, MSG_CANCEL, &job->id), "somebody cancelled it");
    job->ending = job->status == JOB_RUNNING;
    now_ended(move, JOB_CANCELLED);
}

static void on_ended(struct move *move)
{
    struct model_job *job = move->job;
    struct run *run = run_last(job);
    struct wire_done_item done;
    EXPECT(move, job->ending && run, "only a cancelled job's handler has to go");
    bool said = batch_done(move->seen, &job->id, run->fence, &done);
    if (!said && !run->left && !run->unsent && !ran_too_long(move, run))
        expect_silence(move, run);
    job->ending = false;
    end_run(job, said && text_is(done.outcome, "ended") ? RUN_ACCEPTED : RUN_OVER);
}

static struct slice value_of(const struct wire_report_item *item, const char *type)
{
    if (strcmp(type, "progress") == 0)
        return item->progress;
    if (strcmp(type, "stage") == 0)
        return item->stage;
    if (strcmp(type, "stopping") == 0)
        return item->step;
    return strcmp(type, "log") == 0 ? item->log : item->checkpoint;
}

static void on_report(struct move *move, const char *type)
{
    struct model_job *job = move->job;
    struct run *run = run_last(job);
    struct wire_report_item item;
    EXPECT(move, (job->status == JOB_RUNNING || job->ending) && run,
           "only a running job's reports are kept");
    EXPECT(move, batch_report(move->seen, job, &item),
           "a report is kept once, under the current fence");
    EXPECT(move, value_of(&item, type).len > 0, "reports are kept in their order");
    job->report_n = item.n;
    if (strcmp(type, "checkpoint") == 0)
        job->checkpoint_hash = hash_of(item.checkpoint);
}

static void on_progress(struct move *move)
{
    on_report(move, "progress");
}

static void on_stage(struct move *move)
{
    on_report(move, "stage");
}

/* Each line that a handler says differs from all others. */
static void keep_line(struct move *move, uint64_t hash)
{
    struct model_job *job = move->job;
    for (size_t i = 0; i < job->log_count; i++)
        EXPECT(move, job->log_hashes[i] != hash, "a line is logged once");
    if (job->log_count == job->log_cap) {
        job->log_cap = job->log_cap ? 2 * job->log_cap : 16;
        job->log_hashes = realloc(job->log_hashes, job->log_cap * sizeof hash);
        CHECK(job->log_hashes);
    }
    job->log_hashes[job->log_count++] = hash;
}

static void on_log(struct move *move)
{
    struct wire_report_item item;
    if (run_last(move->job) && batch_report(move->seen, move->job, &item))
        keep_line(move, hash_of(item.log));
    on_report(move, "log");
}

static void on_checkpoint(struct move *move)
{
    on_report(move, "checkpoint");
}

static void on_stopping(struct move *move)
{
    on_report(move, "stopping");
}

static const struct {
    const char *type;
    void (*explain)(struct move *);
} kinds[] = {
    {"submitted", on_submitted},   {"pending", on_pending},     {"running", on_running},
    {"retry", on_retry},           {"lost", on_lost},           {"failed", on_failed},
    {"completed", on_completed},   {"cancelled", on_cancelled}, {"ended", on_ended},
    {"progress", on_progress},     {"stage", on_stage},         {"log", on_log},
    {"checkpoint", on_checkpoint}, {"stopping", on_stopping},
};

static void explain(struct move *move)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!text_is(move->event->type, kinds[i].type))
            continue;
        kinds[i].explain(move);
        EXPECT(move, move->event->status == move->job->status, "an event says the state it led to");
        set_step(move->job, move->event);
        return;
    }
    EXPECT(move, false, "its events are of known types");
}

/* --- a job's changes in one batch ---------------------------------------------------------------
 */

/* Explains the events behind the last known one; those up to `rev` must be there. */
static void explain_events(struct world *world, const struct batch_seen *seen,
                           struct model_job *job, struct store_snapshot *snapshot, uint64_t rev)
{
    struct wire_event event;
    struct fault fault;
    struct slice value;
    struct rec_key key;
    struct move move = {world, seen, job, &event};
    for (;;) {
        int rc = store_snapshot_get(snapshot, TABLE_EVENT, key_job_n(&key, &job->id, job->rev + 1),
                                    &value);
        EXPECT(&move, (rc == 0) == (job->rev < rev) || (rc == 0 && rev == 0),
               "its events are numbered without gaps");
        if (rc != 0)
            return;
        bool readable = shape_decode(value, &shape_event, KEYS_NUMBERS, &event, &fault) == 0;
        EXPECT(&move, readable, "an event can be read");
        job->rev++;
        explain(&move);
    }
}

void job_has_moved(struct world *world, const struct batch_seen *seen, struct model_job *job,
                   struct store_snapshot *snapshot, const struct rec_state *state)
{
    struct move move = {world, seen, job, NULL};
    explain_events(world, seen, job, snapshot, state->rev);
    EXPECT(&move, state->status == job->status && state->ending == job->ending,
           "its state is what its events say");
    EXPECT(&move, state->attempt == job->attempt && state->lost == job->lost,
           "attempts and losses are counted");
    const struct run *run = run_last(job);
    bool live = job->status == JOB_RUNNING || job->ending;
    EXPECT(&move, !live || (run && run->end == RUN_LIVE && state->fence == run->fence),
           "it runs under one live fence");
}

void job_is_gone(struct world *world, const struct batch_seen *seen, struct model_job *job,
                 struct store_snapshot *snapshot)
{
    struct move move = {world, seen, job, NULL};
    explain_events(world, seen, job, snapshot, 0);
    uint64_t usual = job->status == JOB_CANCELLED ? RETENTION_CANCELLED_MS : RETENTION_DEFAULT_MS;
    uint64_t keep = opt_or(job->wish->spec.retention_ms, usual);
    bool old = seen->tick && seen->wall_ms >= job->ended_at + keep;
    bool cancelled = batch_asks(seen, MSG_CANCEL, &job->id);
    EXPECT(&move, (job_state_is_terminal(job->status) && !job->ending) || cancelled,
           "only a job that has ended goes");
    EXPECT(&move, old || batch_asks(seen, MSG_DELETE, &job->id),
           "it stays for its retention, or until it is deleted");
    job->deleted = true;
    job->deleted_at = seen->wall_ms;
}
