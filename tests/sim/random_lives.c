/* Random lives: the real core over store_mem under random clients, workers and faults.
 *
 * Every step is drawn from one seed: submits (of jobs that depend on others, share unique keys,
 * have deadlines), cancels of jobs and of whole trees, retries and deletes, workers that say hello,
 * heartbeat, finish, fail, forget, repeat themselves, lie about fences, or die; commits that fail;
 * the broker killed between any two batches; time that jumps. After each batch the store's
 * invariants are checked, and the promises an outsider can see: an answered submit exists, a final
 * result never changes, a fence is never given twice, no worker gets more than its slots. In the
 * end everything heals, and every job must come to its end.
 *
 *     random_lives [SEEDS [FIRST]]     runs so many seeds; a failure prints its seed */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "broker/core/check.h"
#include "broker/core/core.h"
#include "broker/store/record.h"
#include "broker/store/store_mem.h"
#include "proto/pack.h"

enum { WORKERS = 4, SLOTS = 3, JOBS_MAX = 64, STEPS = 400, TYPES = 3, HEAL_MS = 4000 * 1000 };

struct hold {
    struct uuid job;
    uint64_t fence;
};

struct sim_worker {
    bool up, greeted;
    struct uuid session;
    uint32_t peer;
    struct hold holds[SLOTS * 4];
    size_t count;
    struct hold past; /* something it held before, to be repeated */
};

struct sim_job {
    struct uuid id;
    bool deleted;
    enum job_state final; /* seen in an answer; JOB_NONE: not yet */
};

struct sim {
    uint64_t seed, draws, mono, wall;
    uint64_t fence_max, fence_floor; /* the greatest seen; the same, before this batch */
    struct store *store;
    struct core *core;
    struct effects effects;
    struct sim_worker workers[WORKERS];
    struct sim_job jobs[JOBS_MAX];
    size_t job_count;
    uint32_t peers;
    bool client_greeted, healing, failing;
    struct buf frame, list, parents;
};

static uint64_t draw(struct sim *sim, uint64_t below)
{
    uint64_t z =
        sim->seed * UINT64_C(0x9e3779b97f4a7c15) + ++sim->draws * UINT64_C(0xd1342543de82ef95);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static bool chance(struct sim *sim, uint64_t percent)
{
    return !sim->healing && draw(sim, 100) < percent;
}

static void fail(struct sim *sim, const char *what)
{
    printf("violated: %s\nseed %llu at %llu ms\n", what, (unsigned long long)sim->seed,
           (unsigned long long)sim->mono);
    exit(1);
}

static struct core_now now(struct sim *sim)
{
    return (struct core_now){sim->mono, sim->wall, draw(sim, UINT64_MAX)};
}

static void start_core(struct sim *sim)
{
    struct core_config config;
    core_config_init(&config);
    config.program = TEXT("sim");
    CHECK(core_new(&config, sim->store, now(sim), &sim->core) == 0);
}

/* --- what the broker says --------------------------------------------------------------------- */

static struct sim_worker *worker_of(struct sim *sim, uint32_t peer)
{
    for (size_t i = 0; i < WORKERS; i++)
        if (sim->workers[i].up && sim->workers[i].peer == peer)
            return &sim->workers[i];
    return NULL;
}

static void take_dispatch(struct sim *sim, struct sim_worker *worker, struct slice jobs)
{
    struct list_iter iter;
    struct wire_dispatch_item item;
    struct fault fault;
    CHECK(list_open(jobs, &iter) == 0);
    while (list_next(&iter, &shape_dispatch_item, KEYS_NAMES, &item, &fault) == 1) {
        if (item.fence <= sim->fence_floor)
            fail(sim, "a fence is greater than every one before");
        sim->fence_max = item.fence > sim->fence_max ? item.fence : sim->fence_max;
        if (chance(sim, 3))
            continue; /* lost on its way */
        if (worker->count >= sizeof worker->holds / sizeof *worker->holds)
            fail(sim, "a worker never gets more than its slots");
        worker->holds[worker->count++] = (struct hold){item.job, item.fence};
    }
}

static void drop_hold(struct sim_worker *worker, const struct uuid *job, uint64_t fence)
{
    for (size_t i = 0; i < worker->count; i++)
        if (uuid_eq(&worker->holds[i].job, job) && worker->holds[i].fence == fence) {
            worker->past = worker->holds[i];
            worker->holds[i] = worker->holds[--worker->count];
            return;
        }
}

static void take_stale(struct sim_worker *worker, struct slice stale)
{
    struct list_iter iter;
    struct wire_hold hold;
    struct fault fault;
    CHECK(list_open(stale, &iter) == 0);
    while (list_next(&iter, &shape_hold, KEYS_NAMES, &hold, &fault) == 1)
        drop_hold(worker, &hold.job, hold.fence);
}

static void take_settled(struct sim_worker *worker, struct slice items)
{
    struct list_iter iter;
    struct wire_settled_item item;
    struct fault fault;
    CHECK(list_open(items, &iter) == 0);
    while (list_next(&iter, &shape_settled_item, KEYS_NAMES, &item, &fault) == 1)
        drop_hold(worker, &item.job, item.fence);
}

static void tell_worker(struct sim *sim, uint32_t peer, const struct message *message)
{
    struct sim_worker *worker = worker_of(sim, peer);
    if (!worker)
        return;
    if (message->id == MSG_DISPATCH)
        take_dispatch(sim, worker, message->dispatch.jobs);
    else if (chance(sim, 5))
        return; /* lost on its way */
    else if (message->id == MSG_SETTLED)
        take_settled(worker, message->settled.items);
    else if (message->id == MSG_BEAT)
        take_stale(worker, message->beat.stale);
    else if (message->id == MSG_WELCOME)
        take_stale(worker, message->welcome.stale);
    else if (message->id == MSG_ERROR && text_is(message->error.code, "UNKNOWN_SESSION"))
        worker->greeted = false;
}

static struct sim_job *job_of(struct sim *sim, const struct uuid *id)
{
    for (size_t i = 0; i < sim->job_count; i++)
        if (uuid_eq(&sim->jobs[i].id, id))
            return &sim->jobs[i];
    return NULL;
}

static void remember(struct sim *sim, const struct uuid *id)
{
    if (sim->job_count < JOBS_MAX && !job_of(sim, id))
        sim->jobs[sim->job_count++] = (struct sim_job){.id = *id};
}

static void tell_client(struct sim *sim, const struct message *message)
{
    struct list_iter iter;
    struct wire_submit_answer answer;
    struct fault fault;
    if (message->id == MSG_SUBMITTED) {
        CHECK(list_open(message->submitted.jobs, &iter) == 0);
        while (list_next(&iter, &shape_submit_answer, KEYS_NAMES, &answer, &fault) == 1)
            if (!uuid_is_null(&answer.id))
                remember(sim, &answer.id);
    } else if (message->id == MSG_DELETED) {
        struct sim_job *job = job_of(sim, &message->deleted.id);
        if (job)
            job->deleted = true;
    } else if (message->id == MSG_ERROR && text_is(message->error.code, "UNKNOWN_SESSION")) {
        sim->client_greeted = false;
    }
}

static void deliver(struct sim *sim)
{
    sim->fence_floor = sim->fence_max;
    for (size_t i = 0; i < sim->effects.count; i++) {
        const struct effect *effect = &sim->effects.at[i];
        struct slice frame = {sim->effects.bytes.at + effect->offset, effect->len};
        struct message message;
        struct fault fault;
        if (effect->kind == EFFECT_FORGET)
            continue;
        if (message_decode(frame, &message, &fault) != 0) {
            printf("%s: %s: %.*s\n", fault.field, fault.problem, 60, (const char *)frame.at);
            fail(sim, "what the broker sends can be read");
        }
        if (effect->kind == EFFECT_SEND_WORKER)
            tell_worker(sim, effect->peer, &message);
        else if (effect->kind == EFFECT_SEND_CLIENT)
            tell_client(sim, &message);
    }
}

/* --- one batch -------------------------------------------------------------------------------- */

static void crash(struct sim *sim)
{
    core_destroy(&sim->core);
    store_mem_crash(sim->store);
    start_core(sim);
}

static void say_violation(void *context, const char *line)
{
    (void)context;
    printf("%s\n", line);
}

static void check_store(struct sim *sim)
{
    struct store_snapshot *snapshot;
    CHECK(store_snapshot_open(sim->store, &snapshot) == 0);
    if (core_check(snapshot, say_violation, NULL, NULL) != 0)
        fail(sim, "the store's invariants");
    store_snapshot_close(&snapshot);
}

static void batch(struct sim *sim, struct core_event *event)
{
    effects_clear(&sim->effects);
    sim->effects.watched = true;
    event->now = now(sim);
    event->free_bytes = chance(sim, 2) ? 0 : UINT64_MAX;
    int error = chance(sim, 2) ? (draw(sim, 2) ? EIO : ENOSPC) : 0;
    if (error)
        store_mem_fail_commit(sim->store, 1, error, error == EIO && draw(sim, 2));
    CHECK(store_begin(sim->store) == 0);
    CHECK(core_step(sim->core, event, &sim->effects) == 0);
    CHECK(core_settle(sim->core, now(sim), &sim->effects) == 0);
    int rc = store_commit(sim->store);
    if (rc == 0)
        deliver(sim); /* nothing leaves before it is durable */
    else if (rc == -ENOSPC) {
        store_abort(sim->store);
        effects_clear(&sim->effects);
        CHECK(core_rebuild(sim->core, now(sim)) == 0);
    } else
        crash(sim);
    if (chance(sim, 2))
        crash(sim);
    check_store(sim);
}

static void send_message(struct sim *sim, enum core_socket socket, uint32_t peer,
                         const struct message *message)
{
    struct message decoded;
    struct fault fault;
    buf_clear(&sim->frame);
    CHECK(message_encode(&sim->frame, message) == 0);
    CHECK(message_decode(buf_slice(&sim->frame), &decoded, &fault) == 0);
    for (int times = chance(sim, 4) ? 2 : 1; times > 0; times--) { /* sometimes it comes twice */
        struct core_event event = {
            .kind = CORE_MESSAGE, .socket = socket, .peer = peer, .message = &decoded};
        batch(sim, &event);
    }
}

static void pass_time(struct sim *sim, uint64_t ms)
{
    uint64_t end = sim->mono + ms;
    if (chance(sim, 3))
        sim->wall = sim->wall + draw(sim, 20000) - 10000; /* somebody sets the clock */
    while (sim->mono < end) {
        uint64_t next = core_next_deadline(sim->core);
        uint64_t to = next < end ? next : end;
        to = to > sim->mono ? to : sim->mono + 1;
        sim->wall += to - sim->mono;
        sim->mono = to;
        struct core_event event = {.kind = CORE_TICK};
        batch(sim, &event);
    }
}

/* --- clients ---------------------------------------------------------------------------------- */

static const uint32_t client_peer = 1;

static void client_hello(struct sim *sim)
{
    struct message message = {.id = MSG_HELLO};
    message.hello.version = PROTOCOL_VERSION;
    message.hello.session = uuid_v7(1, 1, 1);
    message.hello.role = TEXT("admin");
    sim->client_greeted = true;
    send_message(sim, CORE_CLIENTS, client_peer, &message);
}

static const char *const type_names[TYPES] = {"a", "b", "c"};
static const char *const group_names[] = {"g1", "g2", "g3"};

/* An id that a client may have made for a job. */
static struct uuid own_id(struct sim *sim)
{
    return uuid_v7(2, draw(sim, 40), 7);
}

/* Mostly jobs that are there; two of the same now and then. */
static struct slice some_parents(struct sim *sim)
{
    size_t mark;
    uint32_t count = 1 + (uint32_t)draw(sim, 3);
    buf_clear(&sim->parents);
    CHECK(list_begin(&sim->parents, &mark) == 0);
    for (uint32_t i = 0; i < count; i++) {
        struct uuid id =
            sim->job_count && draw(sim, 4) ? sim->jobs[draw(sim, sim->job_count)].id : own_id(sim);
        CHECK(pack_uuid(&sim->parents, &id) == 0);
    }
    list_end(&sim->parents, mark, count);
    return buf_slice(&sim->parents);
}

/* Whom it waits for, who keeps it from running, and how long. */
static void bind(struct sim *sim, struct wire_spec *spec)
{
    static const char *const keys[] = {"k", "l"};
    static const char *const policies[] = {"reject", "return", "replace", "supersede"};
    if (draw(sim, 3) == 0)
        spec->depends_on = some_parents(sim);
    if (draw(sim, 2))
        spec->on_parent_failure = TEXT("run");
    if (draw(sim, 3) == 0) {
        spec->unique_key = text_of(keys[draw(sim, 2)]);
        spec->unique_policy = text_of(policies[draw(sim, 4)]);
    }
    if (draw(sim, 6) == 0)
        spec->start_deadline_ms = opt_of(1 + draw(sim, 20000));
    if (draw(sim, 6) == 0)
        spec->stuck_timeout_ms = opt_of(1 + draw(sim, 5000));
    if (draw(sim, 6) == 0)
        spec->result_retention_ms = opt_of(draw(sim, 5000));
}

static void submit(struct sim *sim)
{
    struct message message = {.id = MSG_SUBMIT};
    size_t mark;
    uint32_t count = 1 + (uint32_t)draw(sim, 3);
    buf_clear(&sim->list);
    CHECK(list_begin(&sim->list, &mark) == 0);
    for (uint32_t i = 0; i < count; i++) {
        struct wire_spec spec = {.type = text_of(type_names[draw(sim, TYPES)]),
                                 .group = text_of(group_names[draw(sim, 3)]),
                                 .priority = opt_of(draw(sim, 10)),
                                 .max_attempts = opt_of(1 + draw(sim, 3)),
                                 .max_lost = opt_of(1 + draw(sim, 3))};
        if (draw(sim, 3) == 0)
            spec.delay_ms = 1 + draw(sim, 30000);
        if (draw(sim, 4) == 0)
            spec.id = own_id(sim);
        bind(sim, &spec);
        CHECK(shape_encode(&sim->list, &shape_spec, &spec, KEYS_NAMES) == 0);
    }
    list_end(&sim->list, mark, count);
    message.submit.jobs = buf_slice(&sim->list);
    message.submit.partial = draw(sim, 2);
    if (draw(sim, 5) == 0)
        message.submit.idempotency_key = text_of(type_names[draw(sim, TYPES)]);
    send_message(sim, CORE_CLIENTS, client_peer, &message);
}

static void control(struct sim *sim)
{
    if (sim->job_count == 0)
        return;
    struct uuid id = sim->jobs[draw(sim, sim->job_count)].id;
    struct message message = {0};
    switch (draw(sim, 8)) {
    case 6:
    case 7:
        message.id = MSG_ANSWER;
        message.answer.id = id;
        message.answer.answer = (struct slice){(const uint8_t *)"\x01\x02" + draw(sim, 2), 1};
        break;
    case 0:
        message.id = MSG_CANCEL;
        message.cancel.id = id;
        message.cancel.tree = draw(sim, 3) == 0;
        break;
    case 1:
        message.id = MSG_RETRY;
        message.retry.id = id;
        if (draw(sim, 4) == 0)
            message.retry.params = (struct slice){(const uint8_t *)"\x01", 1};
        break;
    case 2:
        message.id = MSG_DELETE;
        message.delete.id = id;
        break;
    case 3:
        message.id = MSG_GET_EVENTS;
        message.get_events.id = id;
        break;
    case 4:
        message.id = MSG_LIST_JOBS;
        break;
    default:
        message.id = MSG_GET_JOB;
        message.get_job.id = id;
    }
    send_message(sim, CORE_CLIENTS, client_peer, &message);
}

/* --- workers ---------------------------------------------------------------------------------- */

static struct slice list_holds(struct sim *sim, const struct sim_worker *worker)
{
    size_t mark;
    uint32_t count = 0;
    buf_clear(&sim->list);
    CHECK(list_begin(&sim->list, &mark) == 0);
    for (size_t i = 0; i < worker->count; i++) {
        struct wire_hold hold = {.job = worker->holds[i].job, .fence = worker->holds[i].fence};
        CHECK(shape_encode(&sim->list, &shape_hold, &hold, KEYS_NAMES) == 0);
        count++;
    }
    list_end(&sim->list, mark, count);
    return buf_slice(&sim->list);
}

static void worker_hello(struct sim *sim, struct sim_worker *worker)
{
    struct message message = {.id = MSG_HELLO};
    message.hello.version = PROTOCOL_VERSION;
    message.hello.session = worker->session;
    message.hello.role = TEXT("worker");
    message.hello.slots = SLOTS;
    message.hello.running = list_holds(sim, worker);
    worker->greeted = true;
    worker->peer = ++sim->peers;
    send_message(sim, CORE_WORKERS, worker->peer, &message);
}

static void heartbeat(struct sim *sim, struct sim_worker *worker)
{
    struct message message = {.id = MSG_HEARTBEAT};
    message.heartbeat.slots = chance(sim, 10) ? 0 : SLOTS;
    message.heartbeat.running = list_holds(sim, worker);
    send_message(sim, CORE_WORKERS, worker->peer, &message);
}

static void report_log(struct sim *sim, struct sim_worker *worker, const struct hold *hold)
{
    static const uint8_t log[] = {0x81, 0xa7, 'm', 'e', 's', 's', 'a', 'g', 'e', 0xa1, 'x'};
    struct wire_report_item item = {
        .job = hold->job, .fence = hold->fence, .n = 1 + draw(sim, 3), .log = {log, sizeof log}};
    struct message message = {.id = MSG_REPORT};
    size_t mark;
    buf_clear(&sim->list);
    CHECK(list_begin(&sim->list, &mark) == 0);
    CHECK(shape_encode(&sim->list, &shape_report_item, &item, KEYS_NAMES) == 0);
    list_end(&sim->list, mark, 1);
    message.report.items = buf_slice(&sim->list);
    send_message(sim, CORE_WORKERS, worker->peer, &message);
}

static void done(struct sim *sim, struct sim_worker *worker, struct hold hold)
{
    static const char *const outcomes[] = {"completed", "completed", "failed", "again",
                                           "released",  "ended",     "asked"};
    static const uint8_t question[] = {0x82, 0xa4, 'k', 'i', 'n', 'd', 0xa1, 'q', 0xaa, 't',  'i',
                                       'm',  'e',  'o', 'u', 't', '_', 'm',  's', 0xcd, 0x27, 0x10};
    struct wire_done_item item = {.job = hold.job, .fence = hold.fence};
    struct message message = {.id = MSG_DONE};
    size_t mark;
    item.outcome = text_of(outcomes[sim->healing ? 0 : draw(sim, 7)]);
    if (text_is(item.outcome, "asked") && !chance(sim, 10))
        item.question = (struct slice){question, sizeof question};
    if (chance(sim, 5))
        item.fence = 1 + draw(sim, sim->fence_max + 2); /* a lie */
    buf_clear(&sim->list);
    CHECK(list_begin(&sim->list, &mark) == 0);
    CHECK(shape_encode(&sim->list, &shape_done_item, &item, KEYS_NAMES) == 0);
    list_end(&sim->list, mark, 1);
    message.done.items = buf_slice(&sim->list);
    send_message(sim, CORE_WORKERS, worker->peer, &message);
}

static void start_worker(struct sim *sim, struct sim_worker *worker)
{
    *worker = (struct sim_worker){.up = true};
    worker->session = uuid_v7(3, sim->draws & 0xfff, sim->draws);
}

static void work(struct sim *sim)
{
    struct sim_worker *worker = &sim->workers[draw(sim, WORKERS)];
    if (!worker->up) {
        start_worker(sim, worker);
    } else if (!worker->greeted || chance(sim, 5)) {
        worker_hello(sim, worker);
    } else if (chance(sim, 4)) {
        worker->up = false; /* killed: what it held is gone */
    } else if (worker->count && draw(sim, 2)) {
        struct hold hold = worker->holds[draw(sim, worker->count)];
        done(sim, worker, chance(sim, 10) && worker->past.fence ? worker->past : hold);
    } else if (worker->count && draw(sim, 3) == 0) {
        report_log(sim, worker, &worker->holds[draw(sim, worker->count)]);
    } else {
        heartbeat(sim, worker);
    }
}

/* --- what must hold --------------------------------------------------------------------------- */

static enum job_state state_of(struct store_snapshot *snapshot, const struct uuid *id)
{
    struct slice value;
    struct rec_state s = {0};
    struct fault fault;
    int rc = store_snapshot_get(snapshot, TABLE_STATE, key_job(id), &value);
    if (rc == 0)
        CHECK(shape_decode(value, &shape_rec_state, KEYS_NUMBERS, &s, &fault) == 0);
    return rc == 0 ? s.status : JOB_NONE;
}

/* Returns whether all jobs have come to their end. */
static bool check_jobs(struct sim *sim)
{
    struct store_snapshot *snapshot;
    bool all = true;
    CHECK(store_snapshot_open(sim->store, &snapshot) == 0);
    for (size_t i = 0; i < sim->job_count; i++) {
        struct sim_job *job = &sim->jobs[i];
        enum job_state status = state_of(snapshot, &job->id);
        if (status == JOB_NONE) {
            if (!job->deleted && job->final == JOB_NONE)
                fail(sim, "an answered submit exists until it is deleted");
            continue;
        }
        if (job->final == JOB_COMPLETED && status != JOB_COMPLETED)
            fail(sim, "a completed job stays completed");
        job->final = job_state_is_terminal(status) ? status : JOB_NONE;
        all &= job->final != JOB_NONE;
    }
    store_snapshot_close(&snapshot);
    return all;
}

/* Faults stop, workers work: everything must come to its end. */
static void heal(struct sim *sim)
{
    sim->healing = true;
    for (uint64_t until = sim->mono + HEAL_MS; sim->mono < until;) {
        for (size_t i = 0; i < WORKERS; i++) {
            struct sim_worker *worker = &sim->workers[i];
            if (!worker->up)
                start_worker(sim, worker);
            if (!worker->greeted)
                worker_hello(sim, worker);
            heartbeat(sim, worker);
            while (worker->greeted && worker->count)
                done(sim, worker, worker->holds[0]);
        }
        if (check_jobs(sim))
            return;
        pass_time(sim, 2000);
    }
    fail(sim, "every job comes to its end once the faults stop");
}

static void run(uint64_t seed)
{
    struct sim sim = {.seed = seed, .mono = 1000, .wall = UINT64_C(1893456000000), .peers = 10};
    sim.store = store_mem_new();
    CHECK(sim.store);
    start_core(&sim);
    for (int step = 0; step < STEPS; step++) {
        if (!sim.client_greeted)
            client_hello(&sim);
        uint64_t what = draw(&sim, 100);
        if (what < 15 && sim.job_count < JOBS_MAX - 4)
            submit(&sim);
        else if (what < 30)
            control(&sim);
        else if (what < 75)
            work(&sim);
        else
            pass_time(&sim, 1 + draw(&sim, chance(&sim, 10) ? 30000 : 1500));
        check_jobs(&sim);
    }
    heal(&sim);
    core_destroy(&sim.core);
    store_close(&sim.store);
    effects_fini(&sim.effects);
    buf_fini(&sim.frame);
    buf_fini(&sim.list);
    buf_fini(&sim.parents);
}

int main(int argc, char **argv)
{
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 200;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (uint64_t seed = first; seed < first + seeds; seed++)
        run(seed);
    printf("random lives: %llu seeds, 0 violations\n", (unsigned long long)seeds);
    return 0;
}
