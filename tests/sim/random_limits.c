/* Random limits: the real core with queues, groups and budgets whose settings change all the time,
 * against a model that knows only what an outsider sees.
 *
 * Drawn from one seed: settings, submits, results, cancels, goodbyes, and (every other seed) deaths
 * of workers; kills of the broker at any moment. After each batch: the store's own check; no queue,
 * group or budget runs more than it may, handlers that are still ending among them, unless more ran
 * when its limit was lowered; no more jobs have started in any window than its rates say; what was
 * lost twice runs alone. In seeds without deaths also the other way round: while a worker has a
 * free slot, no job waits whose gates are all open.
 *
 *     random_limits [SEEDS [FIRST]]     runs so many seeds; a failure prints its seed */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "broker/core/check.h"
#include "broker/core/core.h"
#include "broker/store/store_mem.h"
#include "proto/json.h"

enum { QUEUES = 3, GROUPS = 3, BUDGETS = 2, WORKERS = 3, SLOTS = 4, JOBS = 400, STEPS = 300 };
enum { STARTS = 2000, ADMIN = 1 };
static const uint64_t windows[] = {200, 1000, 3000};

struct rate {
    uint64_t max, window, since; /* max 0: none; it counts starts from number `since` on */
};

/* What a queue or a budget is limited to, and when jobs started under it. */
struct limit {
    uint64_t concurrency;
    struct rate rates[sizeof windows / sizeof *windows]; /* by window */
    uint64_t starts[STARTS];
    size_t started;
};

struct queue {
    struct limit limit;
    bool paused;
    uint64_t group_max, own_max[GROUPS];
    int budget; /* -1: none */
};

enum life { WAITS, RUNS, ENDS, GONE };

struct job {
    char id[UUID_TEXT_LEN + 1];
    int queue, group, worker;
    int lost;
    enum life life;
    uint64_t fence;
};

struct worker {
    bool up;
    uint64_t epoch;
    uint32_t peer;
};

enum { DEAD = WORKERS };

struct sim {
    uint64_t seed, draws, now, batch, beaten;
    bool deadly;
    struct store *store;
    struct core *core;
    struct effects effects;
    struct queue queues[QUEUES];
    struct limit budgets[BUDGETS];
    struct job jobs[JOBS];
    size_t job_count;
    struct worker workers[WORKERS + 1]; /* [DEAD]: processes that died, until they are lost */
    uint32_t peers;
    struct buf json, frame;
};

static uint64_t draw(struct sim *sim, uint64_t below)
{
    uint64_t z =
        sim->seed * UINT64_C(0x9e3779b97f4a7c15) + ++sim->draws * UINT64_C(0xd1342543de82ef95);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static void fail(const struct sim *sim, const char *what)
{
    printf("violated: %s\nseed %" PRIu64 " at %" PRIu64 " ms\n", what, sim->seed, sim->now);
    exit(1);
}

static struct core_now clocks(struct sim *sim)
{
    return (struct core_now){sim->now, UINT64_C(1893456000000) + sim->now, draw(sim, UINT64_MAX)};
}

static void start_core(struct sim *sim)
{
    struct core_config config;
    core_config_init(&config);
    config.program = TEXT("sim");
    CHECK(core_new(&config, sim->store, clocks(sim), &sim->core) == 0);
}

/* --- the model -------------------------------------------------------------------------------- */

static uint64_t count_running(const struct sim *sim, int queue, int group, int budget)
{
    uint64_t count = 0;
    for (size_t i = 0; i < sim->job_count; i++) {
        const struct job *job = &sim->jobs[i];
        bool counts = job->life == RUNS || job->life == ENDS;
        counts &= queue < 0 || job->queue == queue;
        counts &= group < 0 || job->group == group;
        counts &= budget < 0 || sim->queues[job->queue].budget == budget;
        count += counts;
    }
    return count;
}

static uint64_t count_starts(const struct sim *sim, const struct limit *limit,
                             const struct rate *rate)
{
    uint64_t count = 0;
    for (size_t i = limit->started; i > rate->since; i--)
        if (limit->starts[i - 1] + rate->window > sim->now)
            count++;
    return count;
}

static uint64_t group_max(const struct queue *queue, int group)
{
    return queue->own_max[group] ? queue->own_max[group] : queue->group_max;
}

static bool has_room(const struct sim *sim, const struct limit *limit, uint64_t running)
{
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
        if (limit->rates[i].max &&
            count_starts(sim, limit, &limit->rates[i]) >= limit->rates[i].max)
            return false;
    return limit->concurrency == 0 || running < limit->concurrency;
}

/* May one more job of these names start? */
static bool is_open(const struct sim *sim, int queue_at, int group)
{
    const struct queue *queue = &sim->queues[queue_at];
    uint64_t max = group_max(queue, group);
    if (queue->paused || !has_room(sim, &queue->limit, count_running(sim, queue_at, -1, -1)))
        return false;
    if (queue->budget >= 0 &&
        !has_room(sim, &sim->budgets[queue->budget], count_running(sim, -1, -1, queue->budget)))
        return false;
    return max == 0 || count_running(sim, queue_at, group, -1) < max;
}

/* --- what the broker says --------------------------------------------------------------------- */

static struct job *job_of(struct sim *sim, const struct uuid *id)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(id, text);
    for (size_t i = 0; i < sim->job_count; i++)
        if (strcmp(sim->jobs[i].id, text) == 0)
            return &sim->jobs[i];
    fail(sim, "only jobs that were submitted are dispatched");
    return NULL;
}

/* Dispatches come by worker, not in their order: so one is taken back while it is judged. Whether
 * all of them together were allowed is what counts, since nothing ends while jobs are dispatched.
 */
static void take_start(struct sim *sim, int worker, const struct wire_dispatch_item *item)
{
    struct job *job = job_of(sim, &item->job);
    struct queue *queue = &sim->queues[job->queue];
    struct limit *budget = queue->budget >= 0 ? &sim->budgets[queue->budget] : NULL;
    if (job->life != WAITS)
        fail(sim, "only waiting jobs are dispatched");
    if (!is_open(sim, job->queue, job->group))
        fail(sim, "a job starts only where all gates are open");
    job->life = RUNS;
    job->worker = worker;
    job->fence = item->fence;
    CHECK(queue->limit.started < STARTS);
    queue->limit.starts[queue->limit.started++] = sim->now;
    if (budget) {
        CHECK(budget->started < STARTS);
        budget->starts[budget->started++] = sim->now;
    }
}

static void take_dispatch(struct sim *sim, int worker, struct slice jobs)
{
    struct list_iter iter;
    struct wire_dispatch_item item;
    struct fault fault;
    CHECK(list_open(jobs, &iter) == 0);
    while (list_next(&iter, &shape_dispatch_item, KEYS_NAMES, &item, &fault) == 1)
        take_start(sim, worker, &item);
}

/* Losses are only seen as events. */
static void take_event(struct sim *sim, struct slice map)
{
    struct wire_event event;
    struct fault fault;
    CHECK(shape_decode(map, &shape_event, KEYS_NAMES, &event, &fault) == 0);
    struct job *job = job_of(sim, &event.job);
    job->lost += text_is(event.type, "lost");
    if (text_is(event.type, "lost") || text_is(event.type, "pending"))
        job->life = WAITS;
    else if (text_is(event.type, "failed") || text_is(event.type, "ended") ||
             text_is(event.type, "completed"))
        job->life = GONE;
    else if (text_is(event.type, "cancelled"))
        job->life = job->life == RUNS ? ENDS : GONE;
}

static void take_effect(struct sim *sim, const struct effect *effect)
{
    struct message message;
    struct fault fault;
    struct slice frame = {sim->effects.bytes.at + effect->offset, effect->len};
    if (effect->kind == EFFECT_FORGET)
        return;
    CHECK(message_decode(frame, &message, &fault) == 0);
    if (effect->kind == EFFECT_PUBLISH)
        take_event(sim, message.event_is.event);
    for (int i = 0; i < WORKERS; i++)
        if (message.id == MSG_DISPATCH && sim->workers[i].peer == effect->peer)
            take_dispatch(sim, i, message.dispatch.jobs);
    if (message.id == MSG_ERROR && effect->peer == ADMIN &&
        !text_is(message.error.code, "CONFLICT"))
        fail(sim, "the admin's messages are good");
}

/* --- a batch ---------------------------------------------------------------------------------- */

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
        fail(sim, "the store is sound");
    store_snapshot_close(&snapshot);
}

static size_t count_held(const struct sim *sim, int worker)
{
    size_t held = 0;
    for (size_t i = 0; i < sim->job_count; i++)
        held += sim->jobs[i].worker == worker &&
                (sim->jobs[i].life == RUNS || sim->jobs[i].life == ENDS);
    return held;
}

static bool any_slot_is_free(const struct sim *sim)
{
    for (int i = 0; i < WORKERS; i++)
        if (sim->workers[i].up && count_held(sim, i) < SLOTS)
            return true;
    return false;
}

/* Lost twice, it may be poison: nobody runs beside it. */
static void check_suspects_are_alone(struct sim *sim)
{
    for (size_t i = 0; i < sim->job_count && sim->deadly; i++)
        if (sim->jobs[i].lost >= 2 && sim->jobs[i].life == RUNS && sim->jobs[i].worker != DEAD &&
            count_held(sim, sim->jobs[i].worker) > 1)
            fail(sim, "a job that was lost twice runs alone");
}

static void check_nobody_waits_in_vain(struct sim *sim)
{
    if (sim->deadly || !any_slot_is_free(sim))
        return;
    for (size_t i = 0; i < sim->job_count; i++)
        if (sim->jobs[i].life == WAITS && is_open(sim, sim->jobs[i].queue, sim->jobs[i].group))
            fail(sim, "while a slot is free, no job waits whose gates are open");
}

/* Events first: what has ended makes room for what is dispatched in the same batch. */
static void run_batch(struct sim *sim, struct core_event *event)
{
    event->now = clocks(sim);
    event->free_bytes = UINT64_MAX;
    effects_clear(&sim->effects);
    sim->effects.watched = true;
    CHECK(store_begin(sim->store) == 0);
    CHECK(core_step(sim->core, event, &sim->effects) == 0);
    CHECK(core_settle(sim->core, clocks(sim), &sim->effects) == 0);
    CHECK(store_commit(sim->store) == 0);
    for (int publish = 1; publish >= 0; publish--)
        for (size_t i = 0; i < sim->effects.count; i++)
            if ((sim->effects.at[i].kind == EFFECT_PUBLISH) == (publish == 1))
                take_effect(sim, &sim->effects.at[i]);
    if (sim->batch++ % 8 == 0)
        check_store(sim);
    check_suspects_are_alone(sim);
    if (core_next_deadline(sim->core) > sim->now)
        check_nobody_waits_in_vain(sim);
}

static void say(struct sim *sim, uint32_t peer, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(struct sim *sim, uint32_t peer, const char *format, ...)
{
    char text[4000];
    struct message message;
    struct fault fault;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_clear(&sim->frame);
    CHECK(json_to_msgpack(text_of(text), &sim->frame, &fault) == 0);
    CHECK(message_decode(buf_slice(&sim->frame), &message, &fault) == 0);
    struct core_event event = {.kind = CORE_MESSAGE,
                               .socket = peer == ADMIN ? CORE_CLIENTS : CORE_WORKERS,
                               .peer = peer,
                               .message = &message};
    run_batch(sim, &event);
}

static void let_time_pass(struct sim *sim, uint64_t ms)
{
    uint64_t until = sim->now + ms;
    for (int ticks = 0; core_next_deadline(sim->core) <= until; ticks++) {
        struct core_event event = {.kind = CORE_TICK};
        uint64_t next = core_next_deadline(sim->core);
        CHECK(ticks < 2000); /* no busy loop */
        sim->now = next > sim->now ? next : sim->now;
        run_batch(sim, &event);
    }
    sim->now = until;
    check_nobody_waits_in_vain(sim); /* it was called when a rate opened */
}

/* --- what happens ----------------------------------------------------------------------------- */

static void greet_admin(struct sim *sim)
{
    say(sim, ADMIN,
        "{\"msg\":\"hello\",\"version\":1,\"session\":\"01900000-0000-7000-8000-000000000001\","
        "\"epoch\":1,\"role\":\"admin\"}");
}

/* What the process had goes with it; the broker hears of that by the new one's hello. */
static void die(struct sim *sim, int at)
{
    for (size_t i = 0; i < sim->job_count; i++) {
        struct job *job = &sim->jobs[i];
        if (job->worker == at && (job->life == RUNS || job->life == ENDS))
            job->worker = DEAD;
    }
}

/* A worker that is new lists nothing; one that only reconnects lists what it has. */
static void greet_worker(struct sim *sim, int at, bool anew)
{
    struct worker *worker = &sim->workers[at];
    char running[3000] = "";
    size_t len = 0;
    if (anew)
        die(sim, at);
    worker->up = true;
    worker->epoch += anew;
    worker->peer = ++sim->peers;
    for (size_t i = 0; i < sim->job_count && !anew; i++) {
        const struct job *job = &sim->jobs[i];
        if (job->worker == at && (job->life == RUNS || job->life == ENDS))
            len += (size_t)snprintf(running + len, sizeof running - len,
                                    "%s{\"job\":\"%s\",\"fence\":%" PRIu64 "}", len ? "," : "",
                                    job->id, job->fence);
    }
    say(sim, worker->peer,
        "{\"msg\":\"hello\",\"version\":1,\"session\":\"01900000-0000-7000-8000-00000000010%d\","
        "\"epoch\":%" PRIu64 ",\"role\":\"worker\",\"queues\":[\"q0\",\"q1\",\"q2\"],"
        "\"types\":[\"t\"],\"slots\":%d,\"running\":[%s]}",
        at, worker->epoch, SLOTS, running);
    if (anew) /* what it had is lost at the next tick */
        let_time_pass(sim, 1);
}

static void submit(struct sim *sim)
{
    static const char form[] =
        "{\"id\":\"%s\",\"type\":\"t\",\"queue\":\"q%d\",\"group\":\"g%d\",\"priority\":%d,"
        "\"max_lost\":100,\"max_attempts\":1}";
    char list[3000] = "", item[400];
    size_t len = 0;
    for (uint64_t left = 1 + draw(sim, 5); left > 0 && sim->job_count < JOBS; left--) {
        struct job *job = &sim->jobs[sim->job_count++];
        struct uuid id = uuid_v7(UINT64_C(1893456000000) + sim->now, 1, sim->job_count);
        uuid_format(&id, job->id);
        job->queue = (int)draw(sim, QUEUES);
        job->group = (int)draw(sim, GROUPS);
        snprintf(item, sizeof item, form, job->id, job->queue, job->group, (int)draw(sim, 3));
        len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len ? "," : "", item);
    }
    if (len)
        say(sim, ADMIN, "{\"msg\":\"submit\",\"jobs\":[%s]}", list);
}

static struct job *draw_job(struct sim *sim, enum life life)
{
    size_t from = sim->job_count ? draw(sim, sim->job_count) : 0;
    for (size_t i = 0; i < sim->job_count; i++) {
        struct job *job = &sim->jobs[(from + i) % sim->job_count];
        if (job->life == life && (life == WAITS || sim->workers[job->worker].up))
            return job;
    }
    return NULL;
}

static void finish(struct sim *sim, enum life life)
{
    static const char *const outcomes[] = {"completed", "completed", "failed", "released"};
    struct job *job = draw_job(sim, life);
    if (!job)
        return;
    const char *outcome = life == ENDS ? "ended" : outcomes[draw(sim, 4)];
    say(sim, sim->workers[job->worker].peer,
        "{\"msg\":\"done\",\"items\":[{\"job\":\"%s\",\"fence\":%" PRIu64 ",\"outcome\":\"%s\"}]}",
        job->id, job->fence, outcome);
}

static void cancel(struct sim *sim)
{
    struct job *job = draw_job(sim, draw(sim, 4) ? RUNS : WAITS);
    if (job)
        say(sim, ADMIN, "{\"msg\":\"cancel\",\"id\":\"%s\"}", job->id);
}

/* The rates of a limit, changed in the model and appended as its `rates`. */
static size_t draw_rates(struct sim *sim, struct limit *limit, char *out, size_t size)
{
    size_t len = (size_t)snprintf(out, size, "\"rates\":["), before = len;
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        struct rate *rate = &limit->rates[i];
        uint64_t max = draw(sim, 2) ? 1 + draw(sim, 6) : 0;
        if (max && !rate->max) /* counts from now on */
            *rate = (struct rate){.window = windows[i], .since = limit->started};
        rate->max = max;
        if (max)
            len += (size_t)snprintf(out + len, size - len,
                                    "%s{\"max\":%" PRIu64 ",\"window_ms\":%" PRIu64 "}",
                                    len > before ? "," : "", max, windows[i]);
    }
    return len + (size_t)snprintf(out + len, size - len, "]");
}

static void set_queue(struct sim *sim)
{
    int at = (int)draw(sim, QUEUES), group = (int)draw(sim, GROUPS);
    struct queue *queue = &sim->queues[at];
    char set[600] = "", clear[100] = "";
    switch (draw(sim, 8)) {
    case 0:
        queue->paused = draw(sim, 3) == 0;
        break;
    case 1:
        queue->limit.concurrency = 1 + draw(sim, 6);
        snprintf(set, sizeof set, "\"concurrency\":%" PRIu64, queue->limit.concurrency);
        break;
    case 2:
        queue->group_max = 1 + draw(sim, 3);
        snprintf(set, sizeof set, "\"group_concurrency\":%" PRIu64, queue->group_max);
        break;
    case 3:
        queue->own_max[group] = 1 + draw(sim, 4);
        snprintf(set, sizeof set,
                 "\"groups\":[{\"group\":\"g%d\",\"concurrency\":%" PRIu64 ",\"weight\":2}]", group,
                 queue->own_max[group]);
        break;
    case 4:
        queue->budget = (int)draw(sim, BUDGETS);
        snprintf(set, sizeof set, "\"budget\":\"b%d\"", queue->budget);
        break;
    case 5:
        draw_rates(sim, &queue->limit, set, sizeof set);
        break;
    case 6:
        snprintf(set, sizeof set, "\"ageing_ms\":%d", 1 + (int)draw(sim, 500));
        break;
    default:
        snprintf(clear, sizeof clear, "\"all\"");
        *queue = (struct queue){.limit = queue->limit, .paused = queue->paused, .budget = -1};
        queue->limit.concurrency = 0;
        memset(queue->limit.rates, 0, sizeof queue->limit.rates);
    }
    say(sim, ADMIN,
        "{\"msg\":\"set_queue\",\"queue\":\"q%d\",\"%s\":true,\"set\":{%s},"
        "\"clear\":[%s]}",
        at, queue->paused ? "pause" : "resume", set, clear);
}

static void set_budget(struct sim *sim, int at)
{
    struct limit *budget = &sim->budgets[at];
    char set[400] = "";
    if (draw(sim, 2)) {
        budget->concurrency = 1 + draw(sim, 8);
        snprintf(set, sizeof set, "\"concurrency\":%" PRIu64, budget->concurrency);
    } else {
        draw_rates(sim, budget, set, sizeof set);
    }
    say(sim, ADMIN, "{\"msg\":\"set_budget\",\"budget\":\"b%d\",\"set\":{%s}}", at, set);
}

static void restart(struct sim *sim)
{
    core_destroy(&sim->core);
    store_mem_crash(sim->store);
    start_core(sim);
    greet_admin(sim);
    for (int i = 0; i < WORKERS; i++)
        greet_worker(sim, i, false);
}

static void leave(struct sim *sim)
{
    int at = (int)draw(sim, WORKERS);
    if (sim->deadly && draw(sim, 2)) {
        greet_worker(sim, at, true);
        return;
    }
    sim->workers[at].up = false;
    sim->workers[at].epoch++;
    say(sim, sim->workers[at].peer, "{\"msg\":\"bye\"}");
    greet_worker(sim, at, false);
}

static void beat(struct sim *sim)
{
    sim->beaten = sim->now;
    for (int i = 0; i < WORKERS; i++)
        greet_worker(sim, i, false);
    say(sim, ADMIN, "{\"msg\":\"ping\"}");
}

static void step(struct sim *sim)
{
    uint64_t what = draw(sim, 100);
    if (what < 22)
        submit(sim);
    else if (what < 62)
        finish(sim, RUNS);
    else if (what < 68)
        finish(sim, ENDS);
    else if (what < 72)
        cancel(sim);
    else if (what < 84)
        set_queue(sim);
    else if (what < 90)
        set_budget(sim, (int)draw(sim, BUDGETS));
    else if (what < 93)
        leave(sim);
    else if (what < 96)
        restart(sim);
    let_time_pass(sim, draw(sim, 3) ? draw(sim, 60) : draw(sim, 900));
    if (sim->now - sim->beaten > 2000)
        beat(sim);
}

static void run_seed(uint64_t seed)
{
    static struct sim sim;
    memset(&sim, 0, sizeof sim);
    sim.seed = seed;
    sim.deadly = seed % 2 == 0;
    sim.now = 100000;
    sim.peers = 100;
    sim.store = store_mem_new();
    CHECK(sim.store);
    for (int i = 0; i < QUEUES; i++)
        sim.queues[i].budget = -1;
    start_core(&sim);
    greet_admin(&sim);
    for (int i = 0; i < BUDGETS; i++)
        set_budget(&sim, i);
    for (int i = 0; i < WORKERS; i++)
        greet_worker(&sim, i, true);
    for (int i = 0; i < STEPS; i++)
        step(&sim);
    check_store(&sim);
    core_destroy(&sim.core);
    store_close(&sim.store);
    effects_fini(&sim.effects);
    buf_fini(&sim.json);
    buf_fini(&sim.frame);
}

int main(int argc, char **argv)
{
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 20;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (uint64_t seed = first; seed < first + seeds; seed++)
        run_seed(seed);
    printf("%" PRIu64 " seeds: good\n", seeds);
    return 0;
}
