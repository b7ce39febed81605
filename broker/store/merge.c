/* Scans over layers, copied out.
 * Must never step over a row of a lower layer that no upper layer has changed.
 */
#include "broker/store/merge.h"

#include "base/tooth.h"

enum { WADE_MIN = 8 /* shorter dead stretches are not worth remembering */ };

static int show(struct keymap_entry *entry, struct layer_row *row_out)
{
    if (!entry)
        return STORE_NOT_FOUND;
    row_out->key = keymap_key(entry);
    row_out->value = overlay_value(entry);
    row_out->dead = entry->kind == OVERLAY_DEL;
    return 0;
}

static int overlay_layer_seek(struct layer *base, enum store_table table, struct slice from,
                              bool reverse, struct layer_row *row_out)
{
    struct overlay_layer *layer = (struct overlay_layer *)base;
    return show(reverse ? overlay_seek_below(layer->overlay, table, from, &layer->place)
                        : overlay_seek(layer->overlay, table, from, &layer->place),
                row_out);
}

static int overlay_layer_step(struct layer *base, bool reverse, struct layer_row *row_out)
{
    struct overlay_layer *layer = (struct overlay_layer *)base;
    return show(reverse ? overlay_prev(&layer->place) : overlay_next(&layer->place), row_out);
}

void overlay_layer_init(struct overlay_layer *layer, const struct overlay *overlay)
{
    *layer = (struct overlay_layer){
        .layer = {.seek = overlay_layer_seek, .step = overlay_layer_step}, .overlay = overlay};
}

/* One scan under way. */
struct merge {
    struct layer *const *layers;
    size_t count;
    struct dead *dead;
    const struct store_range *range;
    struct bound from; /* where it begins; in reverse: below this */
    size_t waded;      /* dead rows met before the first live one */
};

static int order(struct slice a, struct slice b)
{
    return text_cmp(slice_text(a), slice_text(b));
}

static bool has_prefix(struct slice key, struct slice prefix)
{
    return key.len >= prefix.len && (prefix.len == 0 || memcmp(key.at, prefix.at, prefix.len) == 0);
}

/* The smallest bytes behind all keys with this prefix; empty: there are none, it is all 0xff. */
static void set_behind_prefix(struct bound *bound, struct slice prefix)
{
    bound_set(bound, prefix);
    while (bound->len > 0 && bound->at[bound->len - 1] == 0xff)
        bound->len--;
    if (bound->len > 0)
        bound->at[bound->len - 1]++;
}

static void start_forward(struct merge *merge)
{
    const struct store_range *range = merge->range;
    bound_set(&merge->from, range->prefix);
    if (range->after.len == 0 || order(range->after, range->prefix) < 0)
        return;
    bound_set(&merge->from, range->after);
    merge->from.at[merge->from.len++] = 0;
}

static void start_reverse(struct merge *merge)
{
    const struct store_range *range = merge->range;
    set_behind_prefix(&merge->from, range->prefix);
    if (range->after.len > 0 &&
        (merge->from.len == 0 || order(range->after, bound_slice(&merge->from)) < 0))
        bound_set(&merge->from, range->after);
}

/* Jumps over what is known to be dead. False: nothing lives up to the end of the table. */
static bool jump(struct merge *merge)
{
    const struct dead_range *known =
        merge->dead && !merge->range->reverse
            ? dead_find(merge->dead, merge->range->table, bound_slice(&merge->from))
            : NULL;
    if (!known)
        return true;
    if (!known->endless)
        bound_set(&merge->from, bound_slice(&known->to));
    return !known->endless;
}

static int settle(struct layer *layer, int rc)
{
    layer->ended = rc == STORE_NOT_FOUND;
    return rc < 0 ? rc : 0;
}

static int seek_all(struct merge *merge)
{
    int rc = 0;
    for (size_t i = 0; i < merge->count && rc == 0; i++) {
        struct layer *layer = merge->layers[i];
        rc = settle(layer, layer->seek(layer, merge->range->table, bound_slice(&merge->from),
                                       merge->range->reverse, &layer->row));
    }
    return rc;
}

/* The layer whose row comes next, the uppermost of those with the same key. NULL: the end. */
static struct layer *next_layer(const struct merge *merge)
{
    struct layer *best = NULL;
    for (size_t i = 0; i < merge->count; i++) {
        struct layer *layer = merge->layers[i];
        if (layer->ended)
            continue;
        int sign = best ? order(layer->row.key, best->row.key) : -1;
        if (best && merge->range->reverse)
            sign = -sign;
        if (sign < 0)
            best = layer;
    }
    return best;
}

/* Moves every layer that stands at the key of `top` on, `top` last: the key lies in it. */
static int step_over(const struct merge *merge, struct layer *top)
{
    bool reverse = merge->range->reverse;
    for (size_t i = 0; i < merge->count; i++) {
        struct layer *layer = merge->layers[i];
        if (layer == top || layer->ended || !slice_eq(layer->row.key, top->row.key))
            continue;
        int rc = settle(layer, layer->step(layer, reverse, &layer->row));
        if (rc < 0)
            return rc;
    }
    return settle(top, top->step(top, reverse, &top->row));
}

/* The first live row, or the end, was reached: `top` stands behind all that was waded through. */
static void remember(struct merge *merge, const struct layer *top)
{
    if (merge->dead && !merge->range->reverse && merge->waded >= WADE_MIN)
        dead_note(merge->dead, merge->range->table, bound_slice(&merge->from),
                  top ? &top->row.key : NULL);
    merge->waded = 0;
}

static int walk(struct merge *merge, struct store_rows *rows)
{
    const struct store_range *range = merge->range;
    struct layer *top = next_layer(merge);
    while (top && has_prefix(top->row.key, range->prefix)) {
        int rc = 0;
        if (top->row.dead && !TOOTH(scan_sees_the_dead)) {
            merge->waded += rows->count == 0 ? 1 : 0;
        } else {
            if (rows->count == 0)
                remember(merge, top);
            rc = store_rows_add(rows, top->row.key, top->row.value);
            if (rc == 0 && rows->count == range->limit)
                return 0;
        }
        if (rc == 0)
            rc = step_over(merge, top);
        if (rc < 0)
            return rc;
        top = next_layer(merge);
    }
    remember(merge, top);
    return 0;
}

int merge_scan(struct layer *const *layers, size_t count, struct dead *dead,
               const struct store_range *range, struct store_rows *rows)
{
    struct merge merge = {.layers = layers, .count = count, .dead = dead, .range = range};
    store_rows_clear(rows);
    if (range->limit == 0)
        return 0;
    if (range->reverse)
        start_reverse(&merge);
    else
        start_forward(&merge);
    if (!jump(&merge))
        return 0;
    int rc = seek_all(&merge);
    if (rc == 0)
        rc = walk(&merge, rows);
    if (rc < 0)
        store_rows_clear(rows);
    else
        store_rows_finish(rows);
    return rc;
}
