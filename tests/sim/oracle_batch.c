/* What came in with a batch, and what goes out to workers: read from the messages alone. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/sim/oracle_parts.h"
#include "tests/sim/trace.h"

/* --- sessions --------------------------------------------------------------------------------- */

struct model_session *session_at(const struct world *world, uint32_t peer)
{
    struct model_session *session, *next;
    HASH_ITER(hh, world->oracle->sessions, session, next)
    {
        if (peer != 0 && session->peer == peer)
            return session;
    }
    return NULL;
}

static struct model_session *session_of(struct world *world, const struct uuid *id)
{
    struct oracle *oracle = world->oracle;
    struct model_session *session;
    HASH_FIND(hh, oracle->sessions, id, sizeof *id, session);
    if (session)
        return session;
    session = calloc(1, sizeof *session);
    CHECK(session);
    session->id = *id;
    HASH_ADD(hh, oracle->sessions, id, sizeof session->id, session);
    return session;
}

/* The session's live dispatches: marked. */
static void mark_runs(struct world *world, const struct uuid *session, bool restarted, bool left)
{
    struct model_job *job, *next;
    HASH_ITER(hh, world->oracle->jobs, job, next)
    {
        struct run *run = run_last(job);
        if (!run || run->end != RUN_LIVE || !uuid_eq(&run->session, session))
            continue;
        run->restarted |= restarted;
        run->left |= left;
    }
}

static void listed(struct world *world, const struct model_session *session, struct slice running)
{
    struct list_iter iter;
    struct wire_hold hold;
    struct fault fault;
    if (list_open(running, &iter) != 0)
        return;
    while (list_next(&iter, &shape_hold, KEYS_NAMES, &hold, &fault) == 1) {
        struct model_job *job = model_find(world, &hold.job);
        struct run *run = job ? run_find(job, hold.fence) : NULL;
        if (!run || run->end != RUN_LIVE || !uuid_eq(&run->session, &session->id))
            continue;
        run->listed_at = world->now;
        run->restarted = false;
    }
}

static void hello(struct world *world, uint32_t peer, const struct msg_hello *hello)
{
    struct model_session *session = session_of(world, &hello->session);
    if (hello->epoch < session->epoch)
        return; /* refused */
    if (hello->epoch > session->epoch && session->epoch != 0)
        mark_runs(world, &session->id, true, false);
    struct model_session *before = session_at(world, peer);
    if (before)
        before->peer = 0;
    session->epoch = hello->epoch;
    session->peer = peer;
    session->slots = hello->slots;
    session->hello_at = world->now;
    size_t len = hello->name.len < sizeof session->name ? hello->name.len : 0;
    memcpy(session->name, hello->name.at, len);
    listed(world, session, hello->running);
}

static void hear_one(struct world *world, const struct input *input)
{
    const struct message *message = input->message;
    struct model_session *session = session_at(world, input->peer);
    if (input->kind == CORE_SEND_FAILED && session)
        session->peer = 0;
    if (!message || input->socket != CORE_WORKERS)
        return;
    if (message->id == MSG_HELLO) {
        hello(world, input->peer, &message->hello);
    } else if (message->id == MSG_HEARTBEAT && session) {
        session->slots = message->heartbeat.slots;
        listed(world, session, message->heartbeat.running);
    } else if (message->id == MSG_BYE && session) {
        mark_runs(world, &session->id, false, true);
        session->peer = 0;
    }
}

void batch_hear(struct world *world, const struct batch_seen *seen)
{
    for (size_t i = 0; i < seen->count; i++)
        hear_one(world, &seen->inputs[i]);
}

/* --- causes ----------------------------------------------------------------------------------- */

bool batch_done(const struct batch_seen *seen, const struct uuid *job, uint64_t fence,
                struct wire_done_item *item_out)
{
    struct list_iter iter;
    struct fault fault;
    for (size_t i = 0; i < seen->count; i++) {
        const struct message *message = seen->inputs[i].message;
        if (!message || message->id != MSG_DONE || list_open(message->done.items, &iter) != 0)
            continue;
        while (list_next(&iter, &shape_done_item, KEYS_NAMES, item_out, &fault) == 1)
            if (item_out->fence == fence && uuid_eq(&item_out->job, job))
                return true;
    }
    return false;
}

bool batch_report(const struct batch_seen *seen, const struct model_job *job,
                  struct wire_report_item *item_out)
{
    uint64_t fence = run_last(job)->fence;
    struct list_iter iter;
    struct fault fault;
    for (size_t i = 0; i < seen->count; i++) {
        const struct message *message = seen->inputs[i].message;
        if (!message || message->id != MSG_REPORT || list_open(message->report.items, &iter) != 0)
            continue;
        while (list_next(&iter, &shape_report_item, KEYS_NAMES, item_out, &fault) == 1)
            if (item_out->fence == fence && uuid_eq(&item_out->job, &job->id) &&
                item_out->n > job->report_n && (!job->ending || item_out->step.len > 0))
                return true;
    }
    return false;
}

bool batch_asks(const struct batch_seen *seen, enum message_id id, const struct uuid *job)
{
    for (size_t i = 0; i < seen->count; i++) {
        const struct message *message = seen->inputs[i].message;
        if (!message || message->id != id)
            continue;
        const struct uuid *asked = id == MSG_CANCEL  ? &message->cancel.id
                                   : id == MSG_RETRY ? &message->retry.id
                                                     : &message->delete.id;
        if (uuid_eq(asked, job))
            return true;
    }
    return false;
}

bool batch_submits(const struct batch_seen *seen, const struct wish *wish)
{
    struct slice jobs = buf_slice(&wish->deed->jobs);
    for (size_t i = 0; i < seen->count; i++) {
        const struct message *message = seen->inputs[i].message;
        if (message && message->id == MSG_SUBMIT && slice_eq(message->submit.jobs, jobs))
            return true;
    }
    return false;
}

static bool find_in_dispatch(const struct message *message, const struct uuid *job,
                             struct wire_dispatch_item *item_out)
{
    struct list_iter iter;
    struct fault fault;
    CHECK(list_open(message->dispatch.jobs, &iter) == 0);
    while (list_next(&iter, &shape_dispatch_item, KEYS_NAMES, item_out, &fault) == 1)
        if (uuid_eq(&item_out->job, job))
            return true;
    return false;
}

bool batch_dispatch(const struct batch_seen *seen, const struct uuid *job, uint32_t *peer_out,
                    struct wire_dispatch_item *item_out)
{
    struct message message;
    struct fault fault;
    for (size_t i = 0; i < seen->effects->count; i++) {
        const struct effect *effect = &seen->effects->at[i];
        struct slice frame = {seen->effects->bytes.at + effect->offset, effect->len};
        *peer_out = effect->peer;
        if (effect->kind == EFFECT_SEND_WORKER && message_decode(frame, &message, &fault) == 0 &&
            message.id == MSG_DISPATCH && find_in_dispatch(&message, job, item_out))
            return true;
    }
    return false;
}
