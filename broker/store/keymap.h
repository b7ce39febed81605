/* An ordered map from keys to entries, in an arena: find, insert, seek, step both ways.
 *
 * Entries never move, keys never change and nothing is ever removed: the whole map goes when its
 * arena is reset. A B+-tree; each node keeps the first bytes in which its keys differ as numbers,
 * so that a search seldom touches the keys themselves. Not thread-safe. */
#ifndef REEVE_BROKER_STORE_KEYMAP_H
#define REEVE_BROKER_STORE_KEYMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "broker/store/arena.h"

/* The map owns and reads the key only; the rest belongs to whoever put the entry in. A new entry
 * is zeroed but for its key. */
struct keymap_entry {
    uint8_t *value;
    uint32_t value_len;
    uint32_t value_cap;
    uint32_t stamp;
    uint16_t key_len;
    uint8_t kind;
    uint8_t key[];
};

struct keymap_node;

/* {0} is an empty map. */
struct keymap {
    struct keymap_node *root;
    struct keymap_node *tail;    /* the last leaf */
    struct keymap_entry *recent; /* what was asked for last */
    unsigned depth;              /* levels above the leaves */
};

/* A place in a map: an entry, or the end. Valid until the next insert. */
struct keymap_place {
    struct keymap_node *leaf;
    unsigned index;
};

static inline struct slice keymap_key(const struct keymap_entry *entry)
{
    return (struct slice){entry->key, entry->key_len};
}

/* The entry of exactly this key, or NULL. */
struct keymap_entry *keymap_find(struct keymap *map, struct slice key);

/* The same, made where it was missing; the key is copied, 65,535 bytes at most. NULL: the arena is
 * full, nothing has changed. */
struct keymap_entry *keymap_find_or_insert(struct keymap *map, struct arena *arena,
                                           struct slice key);

/* The first entry whose key is `key` or greater; an empty key means the very first. */
struct keymap_place keymap_seek(const struct keymap *map, struct slice key);
/* The last entry of all. */
struct keymap_place keymap_last(const struct keymap *map);

/* What is at a place: NULL at the end. */
struct keymap_entry *keymap_at(struct keymap_place place);

/* One step; from the end there is no way further. */
struct keymap_place keymap_next(struct keymap_place place);
struct keymap_place keymap_prev(struct keymap_place place);

#endif
