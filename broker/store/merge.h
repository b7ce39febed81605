/* A scan over layers of one store: the overlay's changes above the tree on disk.
 *
 * Each layer gives rows in key order; where two have the same key, the upper one is right, and
 * when its row is dead, there is none. Must never keep a pointer into a layer after it returned:
 * what it finds is copied out. */
#ifndef REEVE_BROKER_STORE_MERGE_H
#define REEVE_BROKER_STORE_MERGE_H

#include "broker/store/dead.h"
#include "broker/store/overlay.h"
#include "broker/store/store.h"

struct layer_row {
    struct slice key, value;
    bool dead;
};

/* First member of every kind of layer. Both functions: 0 with *row_out, which lives until the
 * layer's next call; STORE_NOT_FOUND at the end; < 0 as store.h says. */
struct layer {
    /* To the first key that is `from` or greater; in reverse to the last one smaller than `from`,
     * or with an empty `from` to the last of all. */
    int (*seek)(struct layer *layer, enum store_table table, struct slice from, bool reverse,
                struct layer_row *row_out);
    int (*step)(struct layer *layer, bool reverse, struct layer_row *row_out);
    struct layer_row row; /* merge's own: where the layer stands */
    bool ended;
};

struct overlay_layer {
    struct layer layer;
    const struct overlay *overlay;
    struct keymap_place place;
};
void overlay_layer_init(struct overlay_layer *layer, const struct overlay *overlay);

/* As store_scan. `layers` from the uppermost; `dead` remembers stretches between scans of one
 * batch, NULL where there is nothing to remember. On error `rows` is empty. */
int merge_scan(struct layer *const *layers, size_t count, struct dead *dead,
               const struct store_range *range, struct store_rows *rows);

#endif
