/* Finding the next job of a queue by seeks in the ready table. Reads the table only. */
#include "broker/core/lane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/tooth.h"

#include "broker/core/gate.h"
#include "broker/core/ready.h"

enum { SEEKS_MAX = 2000 }; /* groups looked at for one pick; then the next pick goes on */

/* Where a search is looking. */
struct search {
    struct core *core;
    const struct worker *worker;
    const struct queue *queue; /* NULL: no settings */
    struct text name;          /* as in keys */
    uint64_t priority;
    struct text group;
};

/* The oldest head among the lanes of the types that the worker names. 1, 0, -errno. */
static int pick_named(const struct search *search, struct rec_ready *best)
{
    const struct worker *worker = search->worker;
    int found = 0;
    for (size_t i = 0; i < worker->type_count; i++) {
        struct rec_key key;
        struct rec_ready head;
        struct slice lane =
            key_ready_lane(&key, search->name, search->priority, search->group, worker->types[i]);
        int rc = ready_seek(search->core, lane, (struct slice){0}, &head);
        if (rc < 0)
            return rc;
        if (rc == 1 && (!found || ready_is_older(&head, best))) {
            *best = head;
            found = 1;
        }
    }
    return found;
}

/* The oldest head among all lanes of the group, walking from type to type. 1, 0, -errno. */
static int pick_any(const struct search *search, struct rec_ready *best)
{
    struct rec_key prefix_key, lane_key, after_key;
    struct rec_ready head;
    struct slice prefix =
        key_ready_group(&prefix_key, search->name, search->priority, search->group);
    struct slice after = {0};
    int rc = 1, walked = 0;
    for (; walked < WORKER_TYPES_MAX; walked++) {
        rc = ready_seek(search->core, prefix, after, &head);
        if (rc <= 0)
            break;
        if (walked == 0 || ready_is_older(&head, best))
            *best = head;
        after = ready_behind(&after_key, key_ready_lane(&lane_key, search->name, search->priority,
                                                        search->group, head.type));
    }
    return rc < 0 ? rc : walked > 0;
}

/* A job of the group, unless it runs all it may. 1, 0, -errno. */
static int pick_in_group(struct search *search, struct text group, struct rec_ready *best)
{
    struct gate_verdict verdict;
    search->group = group;
    if (!gate_group_at(search->queue, group, &verdict))
        return 0;
    return search->worker->type_count ? pick_named(search, best) : pick_any(search, best);
}

static struct text from_of(const struct lane_mark *walk)
{
    return (struct text){walk->from, walk->from_len};
}

/* The group behind walk->from goes into it. 1, 0: there is none, -errno. */
static int next_group(const struct search *search, struct lane_mark *walk)
{
    struct rec_key key, after_key;
    struct rec_ready first;
    struct slice after = {0};
    if (walk->from_len)
        after = ready_behind(&after_key,
                             key_ready_group(&key, search->name, search->priority, from_of(walk)));
    struct slice prefix = key_ready_priority(&key, search->name, search->priority);
    int rc = ready_seek(search->core, prefix, after, &first);
    if (rc == 1)
        memcpy(walk->from, first.group.at, walk->from_len = first.group.len);
    return rc;
}

/* Groups in order from behind the mark, coming round once, up to walk->until. 1, 0, LANE_CUT. */
static int walk_groups(struct search *search, struct lane_mark *walk, struct rec_ready *best)
{
    struct text until = {walk->until, walk->until_len};
    for (int seeks = 0; seeks < SEEKS_MAX; seeks++) {
        int rc = next_group(search, walk);
        if (rc == 0 && !walk->is_round) {
            walk->is_round = true;
            walk->from_len = 0;
            continue;
        }
        if (rc <= 0 || (walk->is_round && until.len && text_cmp(from_of(walk), until) > 0))
            return rc < 0 ? rc : 0;
        rc = pick_in_group(search, from_of(walk), best);
        if (rc != 0)
            return rc;
    }
    return LANE_CUT;
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

struct text lane_last_group(const struct core *core, struct text name, uint64_t priority,
                            uint64_t *served_out)
{
    const struct turn *turn = find_turn(core, name, priority);
    *served_out = turn ? turn->served : 0;
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

/* A walk over all groups, the one served last at its end. */
static struct lane_mark begin_walk(const struct turn *turn, uint64_t priority)
{
    struct lane_mark walk = {.priority = priority,
                             .is_round = turn->group_len == 0,
                             .from_len = turn->group_len,
                             .until_len = turn->group_len};
    memcpy(walk.from, turn->group, turn->group_len);
    memcpy(walk.until, turn->group, turn->group_len);
    return walk;
}

/* The group served last is served again while its weight lasts. 1, 0, -errno. */
static int pick_again(struct search *search, const struct turn *turn, struct rec_ready *best)
{
    struct text last = {turn->group, turn->group_len};
    if (!search->queue || last.len == 0 || turn->served >= queue_weight(search->queue, last))
        return 0;
    return pick_in_group(search, last, best);
}

static uint64_t effective_of(const struct search *search, uint64_t waits_since)
{
    uint64_t now = search->core->now.wall_ms;
    uint64_t ageing = search->queue ? opt_or(search->queue->settings.ageing_ms, 0) : 0;
    return search->priority + (ageing && now > waits_since ? (now - waits_since) / ageing : 0);
}

static int keep_found(const struct search *search, struct turn *turn, const struct rec_ready *best,
                      struct lane_found *found)
{
    found->job = best->job;
    found->at = best->at;
    found->arrival = best->arrival;
    found->effective = effective_of(search, best->at);
    found->turn = turn;
    memcpy(found->group, search->group.at, found->group_len = search->group.len);
    return 1;
}

/* `mark`, where set, says where a walk of this priority goes on. */
static int find_in_priority(struct search *search, struct lane_mark *mark, struct lane_found *found)
{
    struct rec_ready best;
    struct turn *turn = turn_of(search->core, search->name, search->priority);
    if (!turn)
        return -ENOMEM;
    bool goes_on = mark && mark->is_set;
    int rc = goes_on ? 0 : pick_again(search, turn, &best);
    struct lane_mark walk = goes_on ? *mark : begin_walk(turn, search->priority);
    if (rc == 0)
        rc = walk_groups(search, &walk, &best);
    if (mark) {
        walk.is_set = rc == LANE_CUT;
        *mark = walk;
    }
    return rc == 1 ? keep_found(search, turn, &best, found) : rc;
}

/* The priority behind `after` that has any job. 1, 0, -errno. */
static int next_priority(struct search *search, struct slice after)
{
    struct rec_key key;
    struct rec_ready first;
    int rc = ready_seek(search->core, key_ready_queue(&key, search->name), after, &first);
    if (rc == 1)
        search->priority = first.priority;
    return rc;
}

int lane_find(struct core *core, const struct worker *worker, const struct queue *queue,
              struct text name, struct lane_mark *mark, struct lane_found *found_out)
{
    struct search search = {.core = core, .worker = worker, .queue = queue, .name = name};
    bool compares = queue && queue->settings.ageing_ms.set, any = false;
    struct rec_key key, after_key;
    struct slice after = {0};
    for (int tried = 0; tried <= PRIORITY_MAX; tried++) {
        struct lane_found found;
        int rc = 1;
        if (mark && mark->is_set)
            search.priority = mark->priority;
        else
            rc = next_priority(&search, after);
        if (rc == 1)
            rc = find_in_priority(&search, mark, &found);
        else if (rc == 0)
            break;
        if (rc < 0 || (rc == LANE_CUT && !any && mark))
            return rc;
        if (rc == 1 && (!any || found.effective > found_out->effective)) {
            *found_out = found;
            any = true;
        }
        if (any && !compares)
            break;
        after = ready_behind(&after_key, key_ready_priority(&key, name, search.priority));
    }
    if (any && mark)
        mark->is_set = false;
    return any;
}

void lane_take(const struct lane_found *found)
{
    struct turn *turn = found->turn;
    if (TOOTH(turn_stays))
        return;
    if (turn->group_len == found->group_len &&
        memcmp(turn->group, found->group, found->group_len) == 0) {
        turn->served++;
        return;
    }
    memcpy(turn->group, found->group, turn->group_len = found->group_len);
    turn->served = 1;
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
