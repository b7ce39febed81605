/* Picking the next job by seeks in the ready table. Reads the table, changes only whose turn it is.
 */
#include "broker/core/lane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/core/counter.h"
#include "broker/core/ready.h"

enum { SEEKS_MAX = 2000 }; /* groups looked at for one pick; then the next pick goes on */

/* One group of one priority of one queue: where a pick is looking. */
struct place {
    struct text queue;
    uint64_t priority;
    struct text group; /* points at group_at */
    char group_at[GROUP_LEN_MAX];
};

/* The oldest head among the lanes of the types that the worker names. 1, 0, -errno. */
static int pick_named(struct core *core, const struct worker *worker, const struct place *place,
                      struct rec_ready *best)
{
    int found = 0;
    for (size_t i = 0; i < worker->type_count; i++) {
        struct rec_key key;
        struct rec_ready head;
        struct slice lane =
            key_ready_lane(&key, place->queue, place->priority, place->group, worker->types[i]);
        int rc = ready_seek(core, lane, (struct slice){0}, &head);
        if (rc < 0)
            return rc;
        if (rc == 1 && (!found || ready_is_older(&head, best))) {
            *best = head;
            found = 1;
        }
    }
    return found;
}

/* The oldest head among all lanes of the group, walking from type to type. `head` is the first. */
static int pick_any(struct core *core, const struct place *place, struct rec_ready head,
                    struct rec_ready *best)
{
    *best = head;
    for (int walked = 0; walked < WORKER_TYPES_MAX; walked++) {
        struct rec_key prefix_key, lane_key, after_key;
        struct slice lane =
            key_ready_lane(&lane_key, place->queue, place->priority, place->group, head.type);
        struct slice prefix =
            key_ready_group(&prefix_key, place->queue, place->priority, place->group);
        int rc = ready_seek(core, prefix, ready_behind(&after_key, lane), &head);
        if (rc <= 0)
            return rc < 0 ? rc : 1;
        if (ready_is_older(&head, best))
            *best = head;
    }
    return 1;
}

/* Groups in order, from behind `from` (empty: the first) up to `until` (empty: the last). */
static int walk_groups(struct core *core, const struct worker *worker, struct place *place,
                       struct text from, struct text until, struct rec_ready *best)
{
    for (int seeks = 0; seeks < SEEKS_MAX; seeks++) {
        struct rec_key key, after_key;
        struct rec_ready first;
        struct slice after = {0};
        if (from.len)
            after = ready_behind(&after_key,
                                 key_ready_group(&key, place->queue, place->priority, from));
        struct slice prefix = key_ready_priority(&key, place->queue, place->priority);
        int rc = ready_seek(core, prefix, after, &first);
        if (rc <= 0)
            return rc;
        if (until.len && text_cmp(first.group, until) > 0)
            return 0;
        memcpy(place->group_at, first.group.at, first.group.len);
        place->group = from = (struct text){place->group_at, first.group.len};
        rc = worker->type_count ? pick_named(core, worker, place, best)
                                : pick_any(core, place, first, best);
        if (rc != 0)
            return rc;
    }
    core->again = true;
    return 0;
}

static struct turn *find_turn(const struct core *core, struct text queue, uint64_t priority)
{
    uint8_t key[sizeof((struct turn *)0)->key];
    struct turn *turn;
    memcpy(key, queue.at, queue.len);
    key[queue.len] = (uint8_t)priority;
    HASH_FIND(hh, core->turns, key, queue.len + 1, turn);
    return turn;
}

struct text lane_last_group(const struct core *core, struct text queue, uint64_t priority)
{
    const struct turn *turn = find_turn(core, queue, priority);
    return turn ? (struct text){turn->group, turn->group_len} : (struct text){0};
}

static struct turn *turn_of(struct core *core, struct text queue, uint64_t priority)
{
    struct turn *turn = find_turn(core, queue, priority);
    if (turn)
        return turn;
    turn = calloc(1, sizeof *turn);
    if (!turn)
        return NULL;
    memcpy(turn->key, queue.at, queue.len);
    turn->key[queue.len] = (uint8_t)priority;
    turn->key_len = queue.len + 1;
    HASH_ADD_KEYPTR(hh, core->turns, turn->key, turn->key_len, turn);
    return turn;
}

/* The next group behind the one served last that has a job for the worker, coming round once. */
static int pick_in_priority(struct core *core, const struct worker *worker, struct text queue,
                            uint64_t priority, struct rec_ready *best)
{
    struct turn *turn = turn_of(core, queue, priority);
    if (!turn)
        return -ENOMEM;
    struct place place = {.queue = queue, .priority = priority};
    struct text last = {turn->group, turn->group_len};
    int rc = walk_groups(core, worker, &place, last, (struct text){0}, best);
    if (rc == 0 && last.len)
        rc = walk_groups(core, worker, &place, (struct text){0}, last, best);
    if (rc == 1) {
        memcpy(turn->group, place.group.at, place.group.len);
        turn->group_len = place.group.len;
    }
    return rc;
}

static bool has_pending(const struct core *core, struct text queue)
{
    const struct counter *counter = counter_find(core, 'q', queue);
    return counter && counter->count[JOB_PENDING] > 0;
}

static int pick_in_queue(struct core *core, const struct worker *worker, struct text queue,
                         struct rec_ready *best)
{
    if (!has_pending(core, queue))
        return 0;
    struct rec_key key, after_key;
    struct slice after = {0};
    for (int tried = 0; tried <= PRIORITY_MAX; tried++) {
        struct rec_ready first;
        int rc = ready_seek(core, key_ready_queue(&key, queue), after, &first);
        if (rc <= 0)
            return rc;
        uint64_t priority = first.priority;
        rc = pick_in_priority(core, worker, queue, priority, best);
        if (rc != 0)
            return rc;
        after = ready_behind(&after_key, key_ready_priority(&key, queue, priority));
    }
    return 0;
}

int lane_pick(struct core *core, struct worker *worker, struct uuid *job_out)
{
    for (size_t i = 0; i < worker->queue_count; i++) {
        struct rec_ready best;
        size_t turn = (worker->queue_turn + i) % worker->queue_count;
        int rc = pick_in_queue(core, worker, worker->queues[turn], &best);
        if (rc == 0)
            continue;
        if (rc == 1) {
            *job_out = best.job;
            worker->queue_turn = (turn + 1) % worker->queue_count;
        }
        return rc;
    }
    return 0;
}

void turns_fini(struct core *core)
{
    struct turn *turn, *next;
    HASH_ITER(hh, core->turns, turn, next)
    {
        HASH_DEL(core->turns, turn);
        free(turn);
    }
}
