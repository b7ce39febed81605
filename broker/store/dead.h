/* Stretches of tables where nothing lives any more: what a batch deleted still lies in the tree,
 * under tombstones, until the commit. A scan that has waded through such a stretch remembers it,
 * and the next one jumps over it: taking a queue's first job a thousand times in one batch costs a
 * thousand steps, not a million.
 *
 * Must hear of everything that may come alive: dead_touch for every put, dead_clear for every undo
 * and at the end of the batch. It may forget at any time. Not thread-safe. */
#ifndef REEVE_BROKER_STORE_DEAD_H
#define REEVE_BROKER_STORE_DEAD_H

#include "broker/store/store.h"

enum { DEAD_RANGES = 16 };

/* A key, or the smallest key behind one: that key and a zero byte. */
struct bound {
    size_t len;
    uint8_t at[STORE_KEY_MAX + 1];
};

static inline struct slice bound_slice(const struct bound *bound)
{
    return (struct slice){bound->at, bound->len};
}

static inline void bound_set(struct bound *bound, struct slice bytes)
{
    if (bytes.len > 0)
        memcpy(bound->at, bytes.at, bytes.len);
    bound->len = bytes.len;
}

/* No key in [from, to) lives; an empty `to` with `endless` is the end of the table. */
struct dead_range {
    enum store_table table;
    bool used, endless;
    struct bound from, to;
};

struct dead {
    unsigned count, next;
    struct dead_range ranges[DEAD_RANGES];
};

/* The stretch that `from` lies in, or NULL. Valid until the next call. */
const struct dead_range *dead_find(const struct dead *dead, enum store_table table,
                                   struct slice from);

/* Nothing lives from `from` up to `to`, excluded; NULL: to the end of the table. */
void dead_note(struct dead *dead, enum store_table table, struct slice from,
               const struct slice *to);

/* This key may live from now on. */
void dead_touch(struct dead *dead, enum store_table table, struct slice key);

void dead_clear(struct dead *dead);

#endif
