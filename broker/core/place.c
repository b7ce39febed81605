/* Counting the jobs before one, in bounded steps, by the order in which lane.c picks. Reads only.
 */
#include "broker/core/place.h"

#include <errno.h>
#include <string.h>

#include "broker/core/lane.h"
#include "broker/core/ready.h"

enum { SEEKS_MAX = 1000 }; /* groups and types looked at for one answer */

/* A count under way. The names are those of the job's state. */
struct line {
    const struct rec_state *s;
    const struct queue *settings; /* NULL: none */
    struct text queue;            /* as in keys */
    char queue_at[1 + QUEUE_LEN_MAX];
    struct rec_ready own;
    struct place_in_line place;
    int seeks;
};

static bool is_full(const struct line *line)
{
    return line->place.ahead >= PLACE_MAX || line->seeks >= SEEKS_MAX;
}

/* Counts the rows under `prefix`, at most `most`. */
static int add_rows(struct core *core, struct line *line, struct slice prefix, uint64_t most)
{
    uint64_t room = PLACE_MAX - line->place.ahead;
    struct store_range range = {
        .table = TABLE_READY, .prefix = prefix, .limit = (size_t)(most < room ? most : room)};
    int rc = store_scan(core->store, &range, &core->rows);
    line->seeks++;
    if (rc == 0)
        line->place.ahead += core->rows.count;
    return rc;
}

static int add_higher_priorities(struct core *core, struct line *line)
{
    int rc = 0;
    for (uint64_t p = PRIORITY_MAX; p > line->s->priority && !is_full(line) && rc == 0; p--) {
        struct rec_key key;
        rc = add_rows(core, line, key_ready_priority(&key, line->queue, p), PLACE_MAX);
    }
    return rc;
}

/* Those of one lane of the job's own group that are older than it: a lane is in order of age. */
static int add_older(struct core *core, struct line *line, struct slice lane)
{
    struct store_range range = {
        .table = TABLE_READY, .prefix = lane, .limit = (size_t)(PLACE_MAX - line->place.ahead)};
    int rc = store_scan(core->store, &range, &core->rows);
    for (size_t i = 0; i < core->rows.count && rc == 0; i++) {
        struct rec_ready row;
        if (key_ready_parse(core->rows.at[i].key, &row) != 0)
            return -EBADMSG;
        if (!ready_is_older(&row, &line->own))
            break;
        line->place.ahead++;
    }
    return rc < 0 ? rc : 0;
}

static int add_own_group(struct core *core, struct line *line)
{
    const struct rec_state *s = line->s;
    struct rec_key group_key, lane_key, after_key;
    struct slice group = key_ready_group(&group_key, line->queue, s->priority, s->group);
    struct slice after = {0};
    for (; !is_full(line); line->seeks++) {
        struct rec_ready head;
        int rc = ready_seek(core, group, after, &head);
        if (rc <= 0)
            return rc;
        struct slice lane =
            key_ready_lane(&lane_key, line->queue, s->priority, s->group, head.type);
        rc = add_older(core, line, lane);
        if (rc < 0)
            return rc;
        after = ready_behind(&after_key, lane);
    }
    return 0;
}

/* Whose turn it is in this priority. */
struct turns {
    struct text last; /* the group served last … */
    uint64_t left;    /* … and how often more in a row */
    uint64_t round;   /* in which round the job has its turn: 0 is the one that begins now */
    bool at_once;     /* it goes within the turns that its group has left */
};

static struct turns turns_of(const struct core *core, const struct line *line, uint64_t own)
{
    const struct rec_state *s = line->s;
    uint64_t served;
    struct turns turns = {.last = lane_last_group(core, line->queue, s->priority, &served)};
    uint64_t weight = turns.last.len ? queue_weight(line->settings, turns.last) : 0;
    turns.left = served < weight ? weight - served : 0;
    if (text_eq(turns.last, s->group)) {
        turns.at_once = own < turns.left;
        own -= turns.at_once ? own : turns.left;
    }
    turns.round = own / queue_weight(line->settings, s->group);
    return turns;
}

/* How many of another group have their turn first: groups between the one served last and the job's
 * own have it one round sooner. */
static uint64_t turns_before(const struct line *line, const struct turns *turns, struct text other)
{
    struct text own = line->s->group;
    bool own_is_after = text_cmp(own, turns->last) > 0;
    bool other_is_after = text_cmp(other, turns->last) > 0;
    bool sooner = own_is_after == other_is_after ? text_cmp(other, own) < 0 : other_is_after;
    uint64_t left = text_eq(other, turns->last) ? turns->left : 0;
    if (turns->at_once)
        return 0;
    return left + (turns->round + sooner) * queue_weight(line->settings, other);
}

static int add_other_groups(struct core *core, struct line *line, uint64_t own)
{
    const struct rec_state *s = line->s;
    char name[GROUP_LEN_MAX];
    struct rec_key priority_key, group_key, after_key;
    const struct turns turns = turns_of(core, line, own);
    struct slice priority = key_ready_priority(&priority_key, line->queue, s->priority);
    struct slice after = {0};
    while (!is_full(line)) {
        struct rec_ready head;
        int rc = ready_seek(core, priority, after, &head);
        if (rc <= 0)
            return rc;
        struct text group = {name, head.group.len};
        memcpy(name, head.group.at, head.group.len);
        struct slice prefix = key_ready_group(&group_key, line->queue, s->priority, group);
        uint64_t most = text_eq(group, s->group) ? 0 : turns_before(line, &turns, group);
        rc = most ? add_rows(core, line, prefix, most) : 0;
        if (rc < 0)
            return rc;
        after = ready_behind(&after_key, prefix);
        line->seeks++;
    }
    return 0;
}

/* Jobs that must run alone wait behind a name of their own. */
static void name_queue(struct line *line)
{
    struct text name = line->s->queue;
    line->queue = name;
    if (!line->s->alone)
        return;
    memcpy(line->queue_at, READY_ALONE, 1);
    memcpy(line->queue_at + 1, name.at, name.len);
    line->queue = (struct text){line->queue_at, 1 + name.len};
}

int place_of(struct core *core, const struct job *job, struct place_in_line *place_out)
{
    struct line line = {.s = &job->s,
                        .settings = queue_find(core, job->s.queue),
                        .own = {.at = job->s.ready_at, .arrival = job->s.ready_seq}};
    name_queue(&line);
    int rc = add_higher_priorities(core, &line);
    uint64_t before = line.place.ahead;
    if (rc == 0)
        rc = add_own_group(core, &line);
    if (rc == 0)
        rc = add_other_groups(core, &line, line.place.ahead - before);
    line.place.is_minimum = is_full(&line);
    *place_out = line.place;
    return rc;
}
