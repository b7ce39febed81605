/* Giving ready jobs to free slots: never more than a worker asked for, turn by turn. */
#include "broker/core/dispatch.h"

#include <errno.h>

#include "base/tooth.h"

#include "broker/core/ask.h"
#include "broker/core/gather.h"
#include "broker/core/job.h"
#include "broker/core/lease.h"
#include "broker/core/pick.h"
#include "broker/core/pace.h"
#include "broker/core/parents.h"

/* A new attempt; or, after an answer, the next segment of the one that asked. */
static void count(const struct core *core, struct job *job)
{
    if (job->s.resumes) {
        job->s.segment++;
    } else {
        job->s.attempt++;
        job->s.segment = 1;
        job->s.started_at = core->now.wall_ms;
        job->s.progress = (struct slice){0};
    }
    job->s.resumes = false;
}

/* The job is this worker's: its state, its event. */
static int start(struct core *core, struct session *session, struct job *job)
{
    job->s.fence = fence_next(core);
    job->s.report_n = 0;
    count(core, job);
    job->s.segment_at = core->now.wall_ms;
    job->s.log_before = job->s.log_next;
    job->s.session = session->id;
    job->s.session_key = text_of(session->key);
    job->s.worker = buf_slice(&session->worker->ref);
    int rc = job_move(core, job, JOB_RUNNING);
    if (rc < 0)
        return rc;
    struct wire_event event = {
        .type = TEXT("running"), .attempt = opt_of(job->s.attempt), .worker = job->s.worker};
    pace_started(core, &job->s);
    rc = job_emit(core, job, &event);
    return rc < 0 ? rc : job_save(core, job);
}

static int checkpoint_of(struct core *core, const struct job *job, struct slice *checkpoint_out)
{
    struct slice value;
    if (!job->s.checkpointed)
        return 0;
    int rc = store_get(core->store, TABLE_CHECKPOINT, key_job(&job->id), &value);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    buf_clear(&core->value);
    rc = buf_append(&core->value, value.at, value.len);
    *checkpoint_out = buf_slice(&core->value);
    return rc;
}

static int parents_of(struct core *core, const struct job *job, struct wire_dispatch_item *item)
{
    item->depends_on_total = job->s.parents;
    return job->s.parents
               ? parents_list(core, &job->id, DEPENDS_SHOWN_MAX, false, &item->depends_on)
               : 0;
}

static int hand_over(struct core *core, struct session *session, struct job *job)
{
    struct wire_dispatch_item item = {.job = job->id,
                                      .fence = job->s.fence,
                                      .type = job->s.type,
                                      .queue = job->s.queue,
                                      .owner = job->s.owner,
                                      .attempt = job->s.attempt,
                                      .segment = job->s.segment};
    int rc = checkpoint_of(core, job, &item.checkpoint);
    if (rc == 0)
        rc = ask_answers(core, job, &core->rendered, &item.answers);
    if (rc == 0)
        rc = parents_of(core, job, &item);
    if (rc < 0)
        return rc;
    struct wire_spec spec; /* borrowed from the store: nothing is asked of it until it is packed */
    rc = spec_get(core, &job->id, &spec);
    if (rc < 0)
        return rc;
    item.name = spec.name;
    item.params = spec.params;
    item.metadata = spec.metadata;
    item.timeout_ms = opt_or(spec.timeout_ms, TIMEOUT_DEFAULT_MS);
    item.traceparent = spec.traceparent;
    core->dispatched += spec.params.len + item.answers.len;
    rc = gather_add(core, session, &session->worker->dispatch, &shape_dispatch_item, &item);
    return rc < 0 ? rc : lease_grant(core, session, job, &spec);
}

static int give_one(struct core *core, struct session *session, const struct uuid *id)
{
    struct job *job = &core->job;
    int rc = job_load(core, id, job);
    if (rc != 0)
        return rc < 0 ? rc : -EBADMSG;
    rc = start(core, session, job);
    return rc < 0 ? rc : hand_over(core, session, job);
}

static bool is_enough(const struct core *core, int given)
{
    return given >= DISPATCH_MAX || core->dispatched >= DISPATCH_SIZE_MAX;
}

static bool has_room(const struct session *session)
{
    const struct worker *worker = session->worker;
    return session->peer != 0 && worker->held < worker->slots + TOOTH(one_slot_too_many);
}

/* One turn: every hungry worker gets at most one job. Returns how many were given, or -errno. */
static int turn(struct core *core, int before)
{
    struct session *session;
    int given = 0;
    DL_FOREACH(core->workers, session)
    {
        if (!session->worker->hungry)
            continue;
        struct uuid job;
        if (is_enough(core, before + given))
            break;
        int rc = has_room(session) ? pick_job(core, session, &job) : 0;
        if (rc == 1) {
            rc = give_one(core, session, &job);
            given++;
        } else {
            session->worker->hungry = false;
        }
        if (rc < 0)
            return rc;
    }
    return given;
}

/* Who was first in this batch is last in the next. Returns whether anybody has room. */
static bool line_up(struct core *core)
{
    struct session *session, *first = core->workers;
    bool any = false;
    DL_DELETE(core->workers, first);
    DL_APPEND(core->workers, first);
    DL_FOREACH(core->workers, session)
    {
        session->worker->hungry = has_room(session);
        any |= session->worker->hungry;
    }
    return any;
}

int dispatch_ready(struct core *core)
{
    if (core->all->count[JOB_PENDING] == 0 || !core->workers || !line_up(core))
        return 0;
    int rc = picks_begin(core);
    if (rc < 0)
        return rc;
    core->dispatched = 0;
    for (int total = 0; !is_enough(core, total);) {
        int given = turn(core, total);
        if (given <= 0)
            return given;
        total += given;
    }
    core->again = true;
    return 0;
}
