/* The changes of a batch, in memory and in key order, that lie over the tree on disk until they
 * are committed: per table a map from keys to a new value or a tombstone.
 *
 * It knows nothing of what is below it. One level of undo: everything since the last mark. Nothing
 * is allocated per change; memory is bounded. Keys and values are copied in. What it gives out
 * lives until that key is changed, or undo or reset. Not thread-safe. */
#ifndef REEVE_BROKER_STORE_OVERLAY_H
#define REEVE_BROKER_STORE_OVERLAY_H

#include "broker/store/keymap.h"
#include "broker/store/store.h"

struct overlay_undo;

struct overlay {
    struct arena arena;
    struct keymap maps[STORE_TABLE_COUNT];
    struct overlay_undo *undo;
    size_t undo_count, undo_cap;
    uint32_t stamp; /* of the last mark */
};

/* What an entry says of its key. */
enum overlay_kind {
    OVERLAY_NOTHING, /* made and undone: look below */
    OVERLAY_PUT,
    OVERLAY_DEL
};

void overlay_init(struct overlay *overlay, size_t size_max);
void overlay_fini(struct overlay *overlay);
void overlay_reset(struct overlay *overlay);

/* What it says of a key; with OVERLAY_PUT also the value. */
enum overlay_kind overlay_get(struct overlay *overlay, enum store_table table, struct slice key,
                              struct slice *value_out);

/* 0; -ENOMEM where its bound or the machine's memory is reached: then nothing has changed. The
 * value may be one that this overlay gave out. */
int overlay_put(struct overlay *overlay, enum store_table table, struct slice key,
                struct slice value);
int overlay_del(struct overlay *overlay, enum store_table table, struct slice key);

/* Marks a point; undo goes back to the last mark, or to the last reset. False: nothing to undo. */
void overlay_mark(struct overlay *overlay);
bool overlay_undo(struct overlay *overlay);

/* Steps over entries in key order, those of OVERLAY_NOTHING left out. NULL at the end. */
struct keymap_entry *overlay_seek(const struct overlay *overlay, enum store_table table,
                                  struct slice from, struct keymap_place *place_out);
struct keymap_entry *overlay_next(struct keymap_place *place);

/* The same backwards, from the last key smaller than `from` (empty: from the last). */
struct keymap_entry *overlay_seek_below(const struct overlay *overlay, enum store_table table,
                                        struct slice from, struct keymap_place *place_out);
struct keymap_entry *overlay_prev(struct keymap_place *place);

static inline struct slice overlay_value(const struct keymap_entry *entry)
{
    return (struct slice){entry->value, entry->value_len};
}

#endif
