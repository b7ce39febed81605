/* Leases in memory and their table. The only code that grants, renews and drops them. */
#include "broker/core/lease.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/tooth.h"
#include "broker/core/gather.h"
#include "broker/core/job.h"
#include "broker/core/outcome.h"
#include "broker/core/queue.h"

uint64_t fence_next(struct core *core)
{
    core->numbers_dirty = true;
    return ++core->fence;
}

static void attach(struct lease *lease, struct session *session)
{
    struct worker *worker = session->worker;
    lease->holder = session;
    lease->prev = NULL;
    lease->next = worker->leases;
    if (worker->leases)
        worker->leases->prev = lease;
    worker->leases = lease;
    worker->held++;
    worker->alone += lease->alone;
}

static void detach(struct lease *lease)
{
    struct worker *worker = lease->holder ? lease->holder->worker : NULL;
    if (!worker)
        return;
    if (lease->prev)
        lease->prev->next = lease->next;
    else
        worker->leases = lease->next;
    if (lease->next)
        lease->next->prev = lease->prev;
    worker->held--;
    worker->alone -= lease->alone;
    lease->holder = NULL;
}

/* The heap's key is never later than what it stands for: it is brought up to date when it is on
 * top, so that renewing costs nothing. */
static int lease_add(struct core *core, const struct job *job, struct lease **lease_out)
{
    struct lease *lease = calloc(1, sizeof *lease);
    if (!lease)
        return -ENOMEM;
    lease->fence = job->s.fence;
    lease->job = job->id;
    lease->session_id = job->s.session;
    if (job->s.session_key.len == AUTH_KEY_LEN)
        memcpy(lease->key, job->s.session_key.at, AUTH_KEY_LEN);
    lease->ending = job->s.ending;
    lease->alone = job->s.alone;
    lease->since = job->s.segment_at ? job->s.segment_at : job->s.started_at;
    lease->deadline =
        core->now.mono_ms + (TOOTH(restart_without_grace) ? 0 : core->config.lost_after_ms);
    lease->timeout_at = lease->stuck_at = UINT64_MAX;
    lease->node.key = lease->deadline;
    if (heap_push(&core->lease_heap, &lease->node) < 0) {
        free(lease);
        return -ENOMEM;
    }
    HASH_ADD(hh, core->leases, fence, sizeof lease->fence, lease);
    if (lease_find(core, job->s.fence, &job->id) != lease) {
        heap_remove(&core->lease_heap, &lease->node);
        free(lease);
        return -ENOMEM;
    }
    *lease_out = lease;
    return queue_hold(core, lease, job->s.queue, job->s.group);
}

static void lease_free(struct core *core, struct lease *lease)
{
    queue_release(lease);
    detach(lease);
    heap_remove(&core->lease_heap, &lease->node);
    HASH_DEL(core->leases, lease);
    free(lease);
}

/* The worker ends a handler at its timeout; the broker gives it time to do so and to say so. */
static uint64_t backstop(const struct core *core, uint64_t timeout_ms)
{
    return core->now.mono_ms + timeout_ms + core->config.grace_ms + 2 * core->config.lost_after_ms;
}

static uint64_t end_of(const struct core *core, const struct lease *lease)
{
    uint64_t deadline = lease->deadline;
    if (deadline < core->lease_floor)
        deadline = core->lease_floor;
    if (deadline > lease->stuck_at)
        deadline = lease->stuck_at;
    return deadline < lease->timeout_at ? deadline : lease->timeout_at;
}

/* The terms that the job's spec sets, from now on. */
static void set_terms(struct core *core, struct lease *lease, const struct wire_spec *spec)
{
    lease->timeout_at = backstop(core, opt_or(spec->timeout_ms, TIMEOUT_DEFAULT_MS));
    lease->stuck_ms = opt_or(spec->stuck_timeout_ms, 0);
    lease_heard(core, lease);
    heap_update(&core->lease_heap, &lease->node, end_of(core, lease));
}

void lease_heard(const struct core *core, struct lease *lease)
{
    if (lease->stuck_ms && !lease->stuck)
        lease->stuck_at = core->now.mono_ms + lease->stuck_ms;
}

int lease_grant(struct core *core, struct session *session, const struct job *job,
                const struct wire_spec *spec)
{
    struct lease *lease;
    int rc = lease_add(core, job, &lease);
    if (rc < 0)
        return rc;
    set_terms(core, lease, spec);
    lease->dispatch = session->worker->dispatch.number;
    attach(lease, session);
    queue_start(core, lease);
    struct rec_key key;
    return store_put(core->store, TABLE_LEASE, key_fence(&key, lease->fence), key_job(&job->id));
}

struct lease *lease_find(const struct core *core, uint64_t fence, const struct uuid *job)
{
    struct lease *lease;
    HASH_FIND(hh, core->leases, &fence, sizeof fence, lease);
    return lease && (TOOTH(any_jobs_fence) || uuid_eq(&lease->job, job)) ? lease : NULL;
}

bool lease_is_held_by(const struct lease *lease, const struct session *session)
{
    return uuid_eq(&lease->session_id, &session->id) && strcmp(lease->key, session->key) == 0;
}

bool lease_renew(struct core *core, struct lease *lease, struct session *session)
{
    if (!lease_is_held_by(lease, session))
        return false;
    if (!lease->holder)
        attach(lease, session);
    lease->listed = true;
    if (!TOOTH(beats_renew_nothing))
        lease->deadline = core->now.mono_ms + core->config.lost_after_ms;
    return true;
}

int lease_drop(struct core *core, struct lease *lease)
{
    struct rec_key key;
    int rc = TOOTH(lease_row_stays)
                 ? 0
                 : store_del(core->store, TABLE_LEASE, key_fence(&key, lease->fence));
    lease_free(core, lease);
    return rc < 0 ? rc : 0;
}

void lease_orphan(struct lease *lease)
{
    detach(lease);
}

int lease_undo(struct core *core, struct lease *lease, const char *reason)
{
    struct job *job = &core->job;
    int rc = job_load(core, &lease->job, job);
    if (rc != 0)
        return rc < 0 ? rc : -EBADMSG;
    if (lease->ending) {
        rc = outcome_ended(core, job, reason);
    } else if (lease->listed) {
        rc = outcome_released(core, job, reason);
    } else {
        job->s.fence = 0; /* whatever its worker still says is stale */
        rc = outcome_undone(core, job, reason);
    }
    return rc < 0 ? rc : lease_drop(core, lease);
}

int leases_unsent(struct core *core, struct session *session, uint64_t first)
{
    struct lease *lease = session->worker ? session->worker->leases : NULL;
    int rc = 0;
    for (struct lease *next; lease && rc == 0; lease = next) {
        next = lease->next;
        if (lease->dispatch >= first && !lease->listed)
            rc = lease_undo(core, lease, "its dispatch could not be sent");
    }
    return rc;
}

/* Its holder speaks and does not list it: it never arrived. A holder that is gone may have died of
 * it, sooner than it could say that it had it. */
static bool never_arrived(const struct core *core, const struct lease *lease)
{
    const struct session *holder = lease->holder;
    return (!lease->listed || TOOTH(listed_is_undone)) && holder &&
           holder->heard + core->config.lost_after_ms / 2 > core->now.mono_ms;
}

static int lose(struct core *core, struct lease *lease)
{
    if (never_arrived(core, lease) && !lease->ending)
        return lease_undo(core, lease, "the worker never said that it had it");
    struct job *job = &core->job;
    int rc = job_load(core, &lease->job, job);
    if (rc != 0)
        return rc < 0 ? rc : -EBADMSG;
    rc = lease->ending ? outcome_ended(core, job, "its worker is gone") : outcome_lost(core, job);
    return rc < 0 ? rc : lease_drop(core, lease);
}

static int time_out(struct core *core, struct lease *lease)
{
    struct job *job = &core->job;
    int rc = job_load(core, &lease->job, job);
    if (rc != 0)
        return rc < 0 ? rc : -EBADMSG;
    rc = gather_stop(core, lease, "timeout");
    if (rc == 0 && lease->ending)
        rc = outcome_ended(core, job, "it did not end in time");
    else if (rc == 0)
        rc = lease->stuck ? outcome_stuck(core, job) : outcome_timeout(core, job);
    return rc < 0 ? rc : lease_drop(core, lease);
}

/* Its handler is told to stop; what it says then, or its silence, ends the attempt. */
static int call_stuck(struct core *core, struct lease *lease)
{
    uint64_t end = backstop(core, 0);
    lease->stuck_at = UINT64_MAX;
    if (lease->ending)
        return 0;
    lease->stuck = true;
    if (end < lease->timeout_at)
        lease->timeout_at = end;
    return gather_stop(core, lease, "stuck");
}

static int expire(struct core *core, struct lease *lease)
{
    if (lease->timeout_at <= core->now.mono_ms)
        return time_out(core, lease);
    return lease->stuck_at <= core->now.mono_ms ? call_stuck(core, lease) : lose(core, lease);
}

int leases_expire(struct core *core)
{
    struct heap_node *node;
    while ((node = heap_peek(&core->lease_heap)) && node->key <= core->now.mono_ms) {
        struct lease *lease = HEAP_ENTRY(node, struct lease, node);
        uint64_t end = end_of(core, lease);
        if (end > core->now.mono_ms) {
            heap_update(&core->lease_heap, node, end);
            continue;
        }
        core->changed = true;
        int rc = expire(core, lease);
        if (rc < 0)
            return rc;
    }
    return 0;
}

uint64_t leases_next(const struct core *core)
{
    struct heap_node *node = heap_peek(&core->lease_heap);
    return node ? node->key : UINT64_MAX;
}

static int load_one(struct core *core, const struct uuid *id)
{
    struct job *job = &core->job;
    int rc = job_load(core, id, job);
    if (rc != 0)
        return rc < 0 ? rc : -EBADMSG;
    struct lease *lease;
    rc = lease_add(core, job, &lease);
    if (rc < 0)
        return rc;
    struct session *session;
    HASH_FIND(by_id, core->by_id, &lease->session_id, sizeof lease->session_id, session);
    if (session && session->worker && lease_is_held_by(lease, session))
        attach(lease, session);
    lease->listed = true; /* as far as anybody knows: the safe side */
    struct wire_spec spec;
    rc = spec_get(core, id, &spec);
    if (rc == 0)
        set_terms(core, lease, &spec);
    return rc;
}

int leases_load(struct core *core)
{
    uint8_t last[8];
    size_t last_len = 0;
    for (;;) {
        struct store_rows rows = {0};
        struct store_range range = {.table = TABLE_LEASE, .after = {last, last_len}, .limit = 1000};
        int rc = store_scan(core->store, &range, &rows);
        for (size_t i = 0; i < rows.count && rc == 0; i++) {
            struct uuid id;
            bool readable =
                rows.at[i].key.len == sizeof last && key_uuid_parse(rows.at[i].value, &id) == 0;
            rc = readable ? load_one(core, &id) : -EBADMSG;
            if (readable)
                memcpy(last, rows.at[i].key.at, last_len = sizeof last);
        }
        bool more = rows.count > 0;
        store_rows_fini(&rows);
        if (rc < 0 || !more)
            return rc;
    }
}

void leases_fini(struct core *core)
{
    struct lease *lease, *next;
    HASH_ITER(hh, core->leases, lease, next)
    {
        lease_free(core, lease);
    }
}
