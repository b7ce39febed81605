/* The next job for a worker: its queues by turn, and those jobs that must run alone. */
#include "broker/core/pick.h"

#include <string.h>

#include "base/check.h"
#include "broker/core/counter.h"
#include "broker/core/gate.h"
#include "broker/core/lane.h"
#include "broker/core/ready.h"

/* Nothing for this worker, also of its other queues: it is set apart. */
enum { PICK_APART = 3 };

bool pick_is_alone(uint64_t lost, uint64_t max_lost)
{
    return lost >= 2 || (lost == 1 && max_lost <= 2);
}

int picks_begin(struct core *core)
{
    core->gates_open = UINT64_MAX;
    if (!core->suspects)
        return 0;
    struct rec_ready ready;
    struct slice all = text_slice(TEXT(READY_ALONE));
    int rc = ready_seek(core, all, (struct slice){0}, &ready);
    core->suspects = rc != 0;
    return rc < 0 ? rc : 0;
}

void picks_changed(struct core *core)
{
    struct session *session;
    DL_FOREACH(core->workers, session)
    {
        session->worker->mark.seq = UINT64_MAX;
    }
}

static void note_opening(struct core *core, uint64_t opens)
{
    if (opens < core->gates_open)
        core->gates_open = opens;
}

static bool is_open(struct core *core, const struct queue *queue)
{
    struct gate_verdict verdict;
    if (gate_queue_at(core, queue, &verdict))
        return true;
    if (verdict.gate == GATE_RATE_LIMIT)
        note_opening(core, verdict.opens_mono);
    return false;
}

static bool comes_first(const struct lane_found *a, const struct lane_found *b)
{
    if (a->effective != b->effective)
        return a->effective > b->effective;
    return a->at != b->at ? a->at < b->at : a->arrival < b->arrival;
}

/* Is another worker about to run a job alone? One that can't take any doesn't count. */
static bool another_is_apart(const struct core *core, const struct session *session)
{
    const struct session *apart = core->apart;
    return apart && apart != session && apart->peer != 0 &&
           apart->worker->held < apart->worker->slots;
}

/* The oldest job of the queue that must run alone. 1, 0, -errno. */
static int find_suspect(struct core *core, const struct worker *worker, const struct queue *queue,
                        struct text name, struct lane_found *found_out)
{
    char apart[1 + QUEUE_LEN_MAX] = READY_ALONE;
    CHECK(name.len <= QUEUE_LEN_MAX);
    memcpy(apart + 1, name.at, name.len);
    return lane_find(core, worker, queue, (struct text){apart, 1 + name.len}, NULL, found_out);
}

/* `rc` is what was found of the queue's other jobs, in *found. */
static int or_suspect(struct core *core, struct session *session, const struct queue *queue,
                      struct text name, int rc, struct lane_found *found)
{
    struct lane_found suspect;
    int any = find_suspect(core, session->worker, queue, name, &suspect);
    if (any < 0)
        return any;
    bool is_next = any == 1 && (rc != 1 || comes_first(&suspect, found));
    if (!is_next || (session->worker->held > 0 && another_is_apart(core, session)))
        return rc;
    if (session->worker->held > 0) {
        core->apart = session;
        return PICK_APART;
    }
    *found = suspect;
    return 1;
}

static int pick_in_queue(struct core *core, struct session *session, struct text name,
                         struct lane_found *found)
{
    const struct counter *counter = counter_find(core, 'q', name);
    if (!counter || counter->count[JOB_PENDING] == 0)
        return 0;
    const struct queue *queue = queue_find(core, name);
    if (!is_open(core, queue))
        return 0;
    int rc = lane_find(core, session->worker, queue, name, &session->worker->mark.lane, found);
    if (rc < 0 || !core->suspects)
        return rc;
    return or_suspect(core, session, queue, name, rc, found);
}

/* A pick that goes on passes over queues that it has seen; but not for good. */
static bool goes_on(struct core *core, struct pick_mark *mark)
{
    if (!mark->lane.is_set) {
        mark->queue = 0;
        mark->seq = core->seq;
        mark->opens = UINT64_MAX;
        return false;
    }
    if (mark->opens > core->now.mono_ms)
        note_opening(core, mark->opens);
    else
        mark->seq = UINT64_MAX;
    return true;
}

static int pick_taken(struct core *core, struct session *session, size_t turn,
                      const struct lane_found *found, struct uuid *job_out)
{
    struct worker *worker = session->worker;
    if (core->apart == session)
        core->apart = NULL;
    lane_take(found);
    *job_out = found->job;
    worker->queue_turn = (turn + 1) % worker->queue_count;
    worker->mark.lane.is_set = false;
    return 1;
}

int pick_job(struct core *core, struct session *session, struct uuid *job_out)
{
    struct worker *worker = session->worker;
    struct pick_mark *mark = &worker->mark;
    if (worker->alone > 0)
        return 0;
    bool resumed = goes_on(core, mark);
    for (size_t i = mark->queue; i < worker->queue_count; i++) {
        struct lane_found found;
        size_t turn = (worker->queue_turn + i) % worker->queue_count;
        int rc = pick_in_queue(core, session, worker->queues[turn], &found);
        if (rc == 1)
            return pick_taken(core, session, turn, &found, job_out);
        if (rc == LANE_CUT) {
            mark->queue = i;
            mark->opens = core->gates_open;
            core->again = true;
        }
        mark->lane.is_set = rc == LANE_CUT;
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
    if (resumed && mark->seq != core->seq)
        core->again = true;
    return 0;
}
