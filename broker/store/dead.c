/* A few remembered stretches of dead keys.
 * Must never claim that a stretch is dead when a key in it may live: when in doubt, it forgets.
 */
#include "broker/store/dead.h"

#include "base/check.h"

static int order(struct slice a, struct slice b)
{
    return text_cmp(slice_text(a), slice_text(b));
}

static bool holds(const struct dead_range *range, struct slice key)
{
    return order(bound_slice(&range->from), key) <= 0 &&
           (range->endless || order(key, bound_slice(&range->to)) < 0);
}

const struct dead_range *dead_find(const struct dead *dead, enum store_table table,
                                   struct slice from)
{
    if (dead->count == 0)
        return NULL;
    for (unsigned i = 0; i < DEAD_RANGES; i++) {
        const struct dead_range *range = &dead->ranges[i];
        if (range->used && range->table == table && holds(range, from))
            return range;
    }
    return NULL;
}

/* A stretch that ends where the new one begins is made longer, else the oldest makes way. */
static struct dead_range *range_for(struct dead *dead, enum store_table table, struct slice from)
{
    for (unsigned i = 0; i < DEAD_RANGES; i++) {
        struct dead_range *range = &dead->ranges[i];
        if (range->used && range->table == table &&
            (holds(range, from) || (!range->endless && slice_eq(bound_slice(&range->to), from))))
            return range;
    }
    struct dead_range *range = &dead->ranges[dead->next];
    dead->next = (dead->next + 1) % DEAD_RANGES;
    dead->count += range->used ? 0 : 1;
    range->used = true;
    range->table = table;
    bound_set(&range->from, from);
    return range;
}

void dead_note(struct dead *dead, enum store_table table, struct slice from, const struct slice *to)
{
    CHECK(from.len <= STORE_KEY_MAX + 1 && (!to || to->len <= STORE_KEY_MAX));
    struct dead_range *range = range_for(dead, table, from);
    range->endless = !to;
    bound_set(&range->to, to ? *to : (struct slice){0});
}

/* Keeps what lies before the key; that is where scans begin. */
static void shorten(struct dead *dead, struct dead_range *range, struct slice key)
{
    range->endless = false;
    bound_set(&range->to, key);
    if (order(bound_slice(&range->from), key) < 0)
        return;
    range->used = false;
    dead->count--;
}

void dead_touch(struct dead *dead, enum store_table table, struct slice key)
{
    if (dead->count == 0)
        return;
    for (unsigned i = 0; i < DEAD_RANGES; i++) {
        struct dead_range *range = &dead->ranges[i];
        if (range->used && range->table == table && holds(range, key))
            shorten(dead, range, key);
    }
}

void dead_clear(struct dead *dead)
{
    for (unsigned i = 0; i < DEAD_RANGES; i++)
        dead->ranges[i].used = false;
    dead->count = 0;
}
