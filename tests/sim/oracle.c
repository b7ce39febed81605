/* Deeds and jobs, and the comparison with what is durable. */
#include "tests/sim/oracle.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "broker/core/check.h"
#include "tests/sim/names.h"
#include "tests/sim/oracle_parts.h"
#include "tests/sim/trace.h"

struct oracle *oracle_new(struct world *world)
{
    struct oracle *oracle = calloc(1, sizeof *oracle);
    struct stream stream = stream_of(world->seed, 'o');
    CHECK(oracle);
    oracle->check_every = chance(&stream, 2) ? 1 : 20 + draw(&stream, 400);
    return oracle;
}

static void job_free(struct oracle *oracle, struct model_job *job)
{
    HASH_DEL(oracle->jobs, job);
    free(job->runs);
    free(job->steps);
    free(job->log_hashes);
    free(job);
}

static void jobs_fini(struct oracle *oracle)
{
    struct model_job *job, *next;
    HASH_ITER(hh, oracle->jobs, job, next)
    {
        job_free(oracle, job);
    }
}

void oracle_destroy(struct oracle **oracle_at)
{
    struct oracle *oracle = *oracle_at;
    struct model_session *session, *next_session;
    struct model_key *key, *next_key;
    jobs_fini(oracle);
    HASH_ITER(hh, oracle->sessions, session, next_session)
    {
        HASH_DEL(oracle->sessions, session);
        free(session);
    }
    HASH_ITER(hh, oracle->keys, key, next_key)
    {
        HASH_DEL(oracle->keys, key);
        free(key);
    }
    for (struct deed *deed = oracle->deeds, *next; deed; deed = next) {
        next = deed->next;
        buf_fini(&deed->jobs);
        free(deed);
    }
    turns_forget(oracle);
    free(oracle->wishes);
    buf_fini(&oracle->scratch);
    buf_fini(&oracle->expected);
    free(oracle);
    *oracle_at = NULL;
}

/* --- deeds ------------------------------------------------------------------------------------ */

struct deed *oracle_deed(struct world *world)
{
    struct oracle *oracle = world->oracle;
    struct deed *deed = calloc(1, sizeof *deed);
    CHECK(deed);
    deed->next = oracle->deeds;
    oracle->deeds = deed;
    oracle->deed_count++;
    return deed;
}

void oracle_wish(struct world *world, struct deed *deed, struct wire_spec *spec, size_t filler)
{
    struct oracle *oracle = world->oracle;
    CHECK(deed->count < DEED_WISHES_MAX);
    if (oracle->wish_count == oracle->wish_cap) {
        oracle->wish_cap = oracle->wish_cap ? 2 * oracle->wish_cap : 64;
        oracle->wishes = realloc(oracle->wishes, oracle->wish_cap * sizeof *oracle->wishes);
        CHECK(oracle->wishes);
    }
    struct wish *wish = &deed->wishes[deed->count++];
    oracle->wishes[oracle->wish_count++] = wish;
    *wish = (struct wish){.serial = oracle->wish_count, .deed = deed};
    buf_clear(&oracle->scratch);
    CHECK(pack_marked(&oracle->scratch, wish->serial, 0, filler) == 0);
    spec->params = buf_slice(&oracle->scratch);
    CHECK(shape_encode(&deed->jobs, &shape_spec, spec, KEYS_NAMES) == 0);
}

/* Puts the list's head before its items, and lets the wishes point at them. */
void oracle_wished(struct world *world, struct deed *deed)
{
    struct buf list = {0};
    struct list_iter iter;
    struct fault fault;
    size_t mark;
    (void)world;
    CHECK(list_begin(&list, &mark) == 0);
    CHECK(buf_append(&list, deed->jobs.at, deed->jobs.len) == 0);
    list_end(&list, mark, (uint32_t)deed->count);
    buf_fini(&deed->jobs);
    deed->jobs = list;
    CHECK(list_open(buf_slice(&list), &iter) == 0);
    for (size_t i = 0; i < deed->count; i++)
        CHECK(list_next(&iter, &shape_spec, KEYS_NAMES, &deed->wishes[i].spec, &fault) == 1);
}

struct deed *oracle_any_deed(struct world *world, struct stream *stream)
{
    struct oracle *oracle = world->oracle;
    struct deed *deed = oracle->deeds;
    for (uint64_t i = draw(stream, oracle->deed_count); deed && i > 0; i--)
        deed = deed->next;
    return deed;
}

const struct wish *wish_of(const struct world *world, struct slice params)
{
    uint64_t serial, zero;
    if (!read_marked(params, &serial, &zero) || serial == 0 || serial > world->oracle->wish_count)
        return NULL;
    return world->oracle->wishes[serial - 1];
}

/* --- jobs ------------------------------------------------------------------------------------- */

struct model_job *model_find(const struct world *world, const struct uuid *id)
{
    struct model_job *job;
    HASH_FIND(hh, world->oracle->jobs, id, sizeof *id, job);
    return job;
}

struct run *run_last(const struct model_job *job)
{
    return job->run_count ? &job->runs[job->run_count - 1] : NULL;
}

struct run *run_find(const struct model_job *job, uint64_t fence)
{
    for (size_t i = job->run_count; i > 0; i--)
        if (job->runs[i - 1].fence == fence)
            return &job->runs[i - 1];
    return NULL;
}

/* --- what is durable -------------------------------------------------------------------------- */

static bool row(struct store_snapshot *snapshot, enum store_table table, const struct uuid *id,
                struct slice *value_out)
{
    int rc = store_snapshot_get(snapshot, table, key_job(id), value_out);
    CHECK(rc >= 0);
    return rc == 0;
}

static void take_in(struct world *world, const struct batch_seen *seen, const struct uuid *id,
                    struct store_snapshot *snapshot)
{
    struct slice value;
    struct rec_state state;
    struct fault fault;
    struct model_job *job = model_find(world, id);
    if (!row(snapshot, TABLE_STATE, id, &value)) {
        if (job && !job->deleted)
            job_is_gone(world, seen, job, snapshot);
        return;
    }
    if (job && job->deleted) {
        DEMAND(world, world->oracle->wall_max >= job->deleted_at + IDEMPOTENCY_MS,
               "%s: the id of a deleted job is not used again for a day", trace_name(world, id));
        job_free(world->oracle, job);
        job = NULL;
    }
    if (!job) {
        job_is_born(world, seen, id, snapshot);
        job = model_find(world, id);
    }
    CHECK(row(snapshot, TABLE_STATE, id, &value));
    uint64_t hash = hash_of(value);
    buf_clear(&world->oracle->expected); /* the state lives longer than the next look */
    CHECK(buf_append(&world->oracle->expected, value.at, value.len) == 0);
    bool readable = shape_decode(buf_slice(&world->oracle->expected), &shape_rec_state,
                                 KEYS_NUMBERS, &state, &fault) == 0;
    DEMAND(world, readable, "a job's state can be read");
    job_has_moved(world, seen, job, snapshot, &state);
    job->state_hash = hash;
    job->result_hash = row(snapshot, TABLE_RESULT, id, &value) ? hash_of(value) : 0;
}

/* All or none: after the batch every job of the submit has been made. */
static void check_whole(struct world *world, const struct uuid *id)
{
    const struct model_job *job = model_find(world, id);
    const struct deed *deed = job ? job->wish->deed : NULL;
    for (size_t i = 0; deed && !deed->partial && i < deed->count; i++)
        DEMAND(world, deed->wishes[i].born > 0, "%s: a submit is taken whole or not at all",
               trace_name(world, id));
}

/* What is due at a tick has happened by the end of it. */
static void check_due(struct world *world, const struct batch_seen *seen)
{
    struct model_job *job, *next;
    HASH_ITER(hh, world->oracle->jobs, job, next)
    {
        bool late = !job->deleted && job->status == JOB_SCHEDULED && job->due_at <= seen->wall_ms;
        DEMAND(world, !late, "%s: what is due is ready after a tick", trace_name(world, &job->id));
    }
}

void oracle_committed(struct world *world, const struct batch_seen *seen)
{
    struct oracle *oracle = world->oracle;
    struct store_snapshot *snapshot;
    size_t count;
    const struct uuid *touched = port_touched(sim_broker_store(world), &count);
    batch_hear(world, seen);
    CHECK(store_snapshot_open(sim_broker_store(world), &snapshot) == 0);
    oracle->batches++;
    oracle->wall_max = seen->wall_ms > oracle->wall_max ? seen->wall_ms : oracle->wall_max;
    oracle->fence_floor = oracle->fence_max;
    uint64_t fences = oracle->fences;
    for (size_t i = 0; i < count; i++)
        take_in(world, seen, &touched[i], snapshot);
    for (size_t i = 0; i < count; i++)
        check_whole(world, &touched[i]);
    DEMAND(world, oracle->fence_max - oracle->fence_floor >= oracle->fences - fences,
           "no two dispatches have one fence");
    store_snapshot_close(&snapshot);
    turn_taken(world, seen);
    if (seen->tick)
        check_due(world, seen);
    if (oracle->batches >= oracle->check_at)
        oracle_full_check(world);
}

void oracle_undone(struct world *world, const struct batch_seen *seen)
{
    batch_hear(world, seen);
    turns_forget(world->oracle);
}

static void check_job(struct world *world, struct store_snapshot *snapshot, struct model_job *job)
{
    struct slice value;
    bool there = row(snapshot, TABLE_STATE, &job->id, &value);
    DEMAND(world, there != job->deleted, "%s: what was accepted is there, what was deleted is not",
           trace_name(world, &job->id));
    if (!there)
        return;
    DEMAND(world, hash_of(value) == job->state_hash, "%s: its state is as it was committed",
           trace_name(world, &job->id));
    DEMAND(world, row(snapshot, TABLE_SPEC, &job->id, &value) && hash_of(value) == job->spec_hash,
           "%s: what was submitted is there, byte for byte", trace_name(world, &job->id));
    bool result = row(snapshot, TABLE_RESULT, &job->id, &value);
    DEMAND(world, (result ? hash_of(value) : 0) == job->result_hash,
           "%s: its result is as it was committed", trace_name(world, &job->id));
}

static void keep_first(void *context, const char *line)
{
    char *first = context;
    if (!first[0])
        snprintf(first, 300, "%s", line);
}

void oracle_full_check(struct world *world)
{
    struct store_snapshot *snapshot;
    struct model_job *job, *next;
    /* Where there are many jobs it takes longer, and is done less often. */
    world->oracle->check_at =
        world->oracle->batches + world->oracle->check_every + HASH_COUNT(world->oracle->jobs) / 2;
    CHECK(store_snapshot_open(sim_broker_store(world), &snapshot) == 0);
    char first[300] = "";
    DEMAND(world, core_check(snapshot, keep_first, first, NULL) == 0,
           "the store is whole within itself (%s)", first);
    HASH_ITER(hh, world->oracle->jobs, job, next)
    {
        check_job(world, snapshot, job);
    }
    store_snapshot_close(&snapshot);
}

void oracle_restarted(struct world *world)
{
    struct model_session *session, *next;
    HASH_ITER(hh, world->oracle->sessions, session, next)
    {
        session->peer = 0;
        session->epoch = 0;
    }
    turns_forget(world->oracle);
    oracle_full_check(world);
}

/* --- questions -------------------------------------------------------------------------------- */

void oracle_any_job(struct world *world, struct stream *stream, struct uuid *id_out)
{
    uint64_t place = draw(stream, HASH_COUNT(world->oracle->jobs));
    struct model_job *job = world->oracle->jobs;
    while (job && place-- > 0)
        job = job->hh.next;
    *id_out = job ? job->id : uuid_v7(1, 2, 3);
}

uint64_t oracle_fence_max(const struct world *world)
{
    return world->oracle->fence_max;
}

bool oracle_is_alive(const struct world *world, const struct uuid *id, uint64_t fence)
{
    const struct model_job *job = model_find(world, id);
    const struct run *run = job ? run_find(job, fence) : NULL;
    return run && run->end == RUN_LIVE;
}

static bool is_open(const struct model_job *job)
{
    return !job->deleted && (!job_state_is_terminal(job->status) || job->ending);
}

size_t oracle_open_jobs(const struct world *world, uint64_t *due_out)
{
    struct model_job *job, *next;
    size_t open = 0;
    *due_out = 0;
    HASH_ITER(hh, world->oracle->jobs, job, next)
    {
        open += is_open(job);
        if (is_open(job) && job->status == JOB_SCHEDULED && job->due_at > *due_out)
            *due_out = job->due_at;
    }
    return open;
}

bool oracle_job_at(const struct world *world, size_t place, struct uuid *id_out)
{
    const struct model_job *job = world->oracle->jobs;
    while (job && place-- > 0)
        job = job->hh.next;
    if (job)
        *id_out = job->id;
    return job != NULL;
}

void oracle_tell_open(struct world *world)
{
    struct model_job *job, *next;
    HASH_ITER(hh, world->oracle->jobs, job, next)
    {
        if (is_open(job))
            trace_note(world, "%s is %s%s still", trace_name(world, &job->id),
                       job_state_word(job->status), job->ending ? " and ending" : "");
    }
}
