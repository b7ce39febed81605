/* Whose turn it is: never beyond a worker's credit; higher priorities first; the oldest of a group
 * first; and one group's backlog does not keep another group waiting. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/sim/oracle_parts.h"
#include "tests/sim/trace.h"

/* Who was served last in one priority of one queue. */
struct lane_turn {
    char key[80]; /* queue/priority */
    char group[64];
    uint64_t batch; /* when */
    UT_hash_handle hh;
};

void turns_forget(struct oracle *oracle)
{
    struct lane_turn *turn, *next;
    HASH_ITER(hh, oracle->turns, turn, next)
    {
        HASH_DEL(oracle->turns, turn);
        free(turn);
    }
}

/* What a worker has for sure: given to it, or listed by it, since its last hello. */
static uint64_t held_by(const struct world *world, const struct model_session *session)
{
    struct model_job *job, *next;
    uint64_t held = 0;
    HASH_ITER(hh, world->oracle->jobs, job, next)
    {
        const struct run *run = run_last(job);
        held += run && run->end == RUN_LIVE && !run->restarted &&
                uuid_eq(&run->session, &session->id) &&
                (run->started_at >= session->hello_at || run->listed_at >= session->hello_at);
    }
    return held;
}

static struct text queue_of(const struct model_job *job)
{
    struct text queue = job->wish->spec.queue;
    return queue.len ? queue : TEXT("default");
}

static struct text group_of(const struct model_job *job)
{
    const struct wire_spec *spec = &job->wish->spec;
    return spec->group.len ? spec->group : spec->owner.len ? spec->owner : job->wish->deed->owner;
}

static uint64_t priority_of(const struct model_job *job)
{
    kind_opt priority = job->wish->spec.priority;
    return priority.set ? priority.value : PRIORITY_DEFAULT;
}

/* Whoever has taken workers down runs alone, and waits for a worker of its own. */
static bool runs_alone(const struct model_job *job)
{
    uint64_t max = opt_or(job->wish->spec.max_lost, LOST_DEFAULT);
    return job->lost > 0 && (job->lost >= 2 || job->lost + 1 >= max);
}

/* A job that waited all along and could have gone to the same worker: of the same queue and type.
 */
static void compare(struct world *world, const struct model_job *given,
                    const struct model_job *waits, const struct lane_turn *turn)
{
    if (waits->deleted || waits->status != JOB_PENDING || waits == given || runs_alone(given) ||
        runs_alone(waits) || !text_eq(queue_of(given), queue_of(waits)) ||
        !text_eq(given->wish->spec.type, waits->wish->spec.type))
        return;
    uint64_t priority = priority_of(given);
    DEMAND(world, priority_of(waits) <= priority, "%s goes before %s, of a higher priority",
           trace_name(world, &given->id), trace_name(world, &waits->id));
    if (priority_of(waits) != priority)
        return;
    bool same = text_eq(group_of(given), group_of(waits));
    bool fresh = given->run_count == 1 && waits->run_count == 0 && !given->was_delayed &&
                 !waits->was_delayed;
    bool older = waits->ready_turn < given->ready_turn && waits->ready_at <= given->ready_at;
    DEMAND(world, !same || !fresh || !older, "%s goes before %s, which is older",
           trace_name(world, &given->id), trace_name(world, &waits->id));
    bool twice = turn->batch && text_is(group_of(given), turn->group);
    DEMAND(world, same || !twice || waits->ready_batch >= turn->batch,
           "%s goes before %s, whose group it would be the turn of", trace_name(world, &given->id),
           trace_name(world, &waits->id));
}

static struct lane_turn *turn_of(struct oracle *oracle, const struct model_job *job)
{
    struct lane_turn *turn;
    char key[sizeof turn->key];
    struct text queue = queue_of(job);
    snprintf(key, sizeof key, "%.*s/%u", (int)queue.len, queue.at, (unsigned)priority_of(job));
    HASH_FIND_STR(oracle->turns, key, turn);
    if (turn)
        return turn;
    turn = calloc(1, sizeof *turn);
    CHECK(turn);
    memcpy(turn->key, key, sizeof key);
    HASH_ADD_STR(oracle->turns, key, turn);
    return turn;
}

static void take_turn(struct world *world, const struct model_job *given,
                      const struct model_session *session)
{
    struct model_job *job, *next;
    struct lane_turn *turn = turn_of(world->oracle, given);
    DEMAND(world, held_by(world, session) <= session->slots,
           "%s: no worker gets more than it asked for (%s: %llu)", trace_name(world, &given->id),
           session->name, (unsigned long long)session->slots);
    DEMAND(world, !runs_alone(given) || held_by(world, session) == 1,
           "%s: who has taken workers down runs alone", trace_name(world, &given->id));
    HASH_ITER(hh, world->oracle->jobs, job, next)
    {
        compare(world, given, job, turn);
    }
    if (runs_alone(given))
        return; /* it has no place in the turn of the groups */
    struct text group = group_of(given);
    snprintf(turn->group, sizeof turn->group, "%.*s", (int)group.len, group.at);
    turn->batch = world->oracle->batches;
}

struct given {
    uint64_t fence;
    const struct model_job *job;
    const struct model_session *session;
};

struct hand_out {
    struct given *at;
    size_t count, cap;
};

static void hand_out_add(struct world *world, struct hand_out *all, uint32_t peer,
                         const struct message *message)
{
    struct list_iter iter;
    struct wire_dispatch_item item;
    struct fault fault;
    CHECK(list_open(message->dispatch.jobs, &iter) == 0);
    while (list_next(&iter, &shape_dispatch_item, KEYS_NAMES, &item, &fault) == 1) {
        struct given given = {item.fence, model_find(world, &item.job), session_at(world, peer)};
        DEMAND(world, given.job && given.session, "a dispatch is of a job, and to a worker");
        if (all->count == all->cap) {
            all->cap = all->cap ? 2 * all->cap : 16;
            all->at = realloc(all->at, all->cap * sizeof *all->at);
            CHECK(all->at);
        }
        all->at[all->count++] = given;
    }
}

static int by_fence(const void *a, const void *b)
{
    uint64_t x = ((const struct given *)a)->fence, y = ((const struct given *)b)->fence;
    return (x > y) - (x < y);
}

void turn_taken(struct world *world, const struct batch_seen *seen)
{
    struct hand_out all = {0};
    for (size_t i = 0; i < seen->effects->count; i++) {
        const struct effect *effect = &seen->effects->at[i];
        struct slice frame = {seen->effects->bytes.at + effect->offset, effect->len};
        struct message message;
        struct fault fault;
        if (effect->kind == EFFECT_SEND_WORKER && message_decode(frame, &message, &fault) == 0 &&
            message.id == MSG_DISPATCH)
            hand_out_add(world, &all, effect->peer, &message);
    }
    if (all.count > 1)
        qsort(all.at, all.count, sizeof *all.at, by_fence);
    for (size_t i = 0; i < all.count; i++)
        take_turn(world, all.at[i].job, all.at[i].session);
    free(all.at);
}
