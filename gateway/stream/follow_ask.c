/* Questions of the streams to the broker: alone for a job or its events, together for the revs of
 * those that are quiet. Must run on the link's thread. */
#include "gateway/stream/follow_parts.h"

#include <stdlib.h>

#include "base/clock.h"
#include "proto/pack.h"

static void on_answer(void *arg, const struct message *answer, int status)
{
    struct follow *follow = arg;
    follow->asking = false;
    if (follow->start && !answer) {
        follow_finish_start(follow, status);
    } else {
        watch_answer(&follow->watch, clock_mono_ms(), answer);
        if (follow->start && answer->id == MSG_ERROR) {
            struct wire_fault error = {.code = answer->error.code,
                                       .message = answer->error.message};
            follow_fail_start(follow, &error);
        }
    }
    follow_settle(follow);
}

static void ask_alone(struct follow *follow, enum watch_ask ask)
{
    struct follows *home = follow->home;
    struct message request;
    int rc = watch_request(&follow->watch, ask, &home->scratch, &request);
    request.envelope =
        (struct msg_envelope){.owner = {follow->owner, follow->owner_len}, .admin = follow->admin};
    if (ask == WATCH_ASK_JOB)
        request.get_job.result = true; /* a snapshot is what GET of the job would be */
    if (rc == 0)
        rc = conn_call(link_conn(home->link), &request, link_patience_ms(home->link), on_answer,
                       follow);
    if (rc < 0) {
        on_answer(follow, NULL, rc);
        return;
    }
    follow->asking = true;
    follow_settle(follow);
}

void follow_leave_batch(struct follow *follow)
{
    if (follow->batch)
        follow->batch->at[follow->batch_index] = NULL;
    follow->batch = NULL;
}

/* One of the batch's streams of that job, taken out; NULL: there is none left. */
static struct follow *take_answered(const struct revs_batch *batch, const struct uuid *job)
{
    struct followed *followed = follow_find(batch->home, job);
    struct follow *follow = followed ? followed->first : NULL;
    while (follow && follow->batch != batch)
        follow = follow->next;
    if (follow)
        follow_leave_batch(follow);
    return follow;
}

/* What the answer has of each job. */
static void tell_standings(struct revs_batch *batch, struct slice jobs, uint64_t now_ms)
{
    struct list_iter iter;
    struct wire_standing standing;
    struct fault fault;
    if (list_open(jobs, &iter) != 0)
        return;
    while (list_next(&iter, &shape_standing, KEYS_NAMES, &standing, &fault) == 1) {
        struct follow *follow;
        while ((follow = take_answered(batch, &standing.job))) {
            watch_revs(&follow->watch, now_ms, &standing);
            follow_settle(follow);
        }
    }
}

static void on_revs(void *arg, const struct message *answer, int status)
{
    struct revs_batch *batch = arg;
    uint64_t now_ms = clock_mono_ms();
    bool good = status == 0 && answer->id == MSG_REVS;
    if (good)
        tell_standings(batch, answer->revs.jobs, now_ms);
    for (size_t i = 0; i < batch->count; i++) {
        struct follow *follow = batch->at[i];
        if (!follow)
            continue;
        follow->batch = NULL;
        if (good) /* the broker does not know it */
            watch_revs(&follow->watch, now_ms, NULL);
        else
            watch_answer(&follow->watch, now_ms, NULL);
        follow_settle(follow);
    }
    free(batch);
}

static int pack_batch(const struct revs_batch *batch, struct buf *out)
{
    buf_clear(out);
    int rc = pack_array(out, (uint32_t)batch->count);
    for (size_t i = 0; i < batch->count && rc == 0; i++)
        rc = pack_uuid(out, &batch->at[i]->watch.job);
    return rc;
}

/* One question for many quiet streams, whoever they belong to: they have been let in before. */
static void ask_together(struct follows *home, struct revs_batch *batch)
{
    struct message request = {.id = MSG_GET_REVS};
    int rc = pack_batch(batch, &home->scratch);
    request.get_revs.ids = buf_slice(&home->scratch);
    if (rc == 0)
        rc = conn_call(link_conn(home->link), &request, link_patience_ms(home->link), on_revs,
                       batch);
    if (rc < 0)
        on_revs(batch, NULL, rc);
}

static struct revs_batch *new_batch(struct follows *home)
{
    struct revs_batch *batch = calloc(1, sizeof *batch);
    if (batch)
        batch->home = home;
    return batch;
}

/* Puts a stream into the batch that is being gathered; a full one is sent. */
static void gather(struct follow *follow, struct revs_batch **batch)
{
    if (!*batch)
        *batch = new_batch(follow->home);
    if (!*batch) {
        ask_alone(follow, WATCH_ASK_REVS);
        return;
    }
    follow->batch = *batch;
    follow->batch_index = (*batch)->count++;
    (*batch)->at[follow->batch_index] = follow;
    follow_settle(follow);
    if ((*batch)->count == WATCHED_REVS_MAX) {
        ask_together(follow->home, *batch);
        *batch = NULL;
    }
}

void follow_ask_due(struct follows *home, uint64_t now_ms)
{
    struct revs_batch *batch = NULL;
    struct heap_node *node;
    while ((node = heap_peek(&home->timers)) && node->key <= now_ms) {
        struct follow *follow = HEAP_ENTRY(node, struct follow, timer);
        enum watch_ask ask = watch_next_ask(&follow->watch, now_ms);
        if (ask == WATCH_ASK_REVS)
            gather(follow, &batch);
        else if (ask != WATCH_ASK_NOTHING)
            ask_alone(follow, ask);
        else
            heap_update(&home->timers, node, now_ms + 1);
    }
    if (batch)
        ask_together(home, batch);
}
