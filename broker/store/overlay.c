/* Changes that wait for their commit.
 * Must never forget what an undo needs: an entry's first change after a mark is written down
 * before it is made.
 */
#include "broker/store/overlay.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"

/* An entry as it was at the mark. */
struct overlay_undo {
    struct keymap_entry *entry;
    uint8_t *value;
    uint32_t value_len, value_cap;
    enum overlay_kind kind;
};

void overlay_init(struct overlay *overlay, size_t size_max)
{
    *overlay = (struct overlay){.stamp = 1};
    arena_init(&overlay->arena, size_max);
}

void overlay_fini(struct overlay *overlay)
{
    arena_fini(&overlay->arena);
    free(overlay->undo);
    *overlay = (struct overlay){0};
}

void overlay_reset(struct overlay *overlay)
{
    arena_reset(&overlay->arena);
    memset(overlay->maps, 0, sizeof overlay->maps);
    overlay->undo_count = 0;
    overlay->stamp = 1;
}

enum overlay_kind overlay_get(struct overlay *overlay, enum store_table table, struct slice key,
                              struct slice *value_out)
{
    const struct keymap_entry *entry = keymap_find(&overlay->maps[table], key);
    if (!entry)
        return OVERLAY_NOTHING;
    if (entry->kind == OVERLAY_PUT)
        *value_out = overlay_value(entry);
    return entry->kind;
}

/* Room for one more line of undo. The arena's bound is its bound too: one line an entry at most. */
static int reserve_undo(struct overlay *overlay)
{
    if (overlay->undo_count < overlay->undo_cap)
        return 0;
    size_t cap = overlay->undo_cap == 0 ? 256 : overlay->undo_cap * 2;
    struct overlay_undo *undo = realloc(overlay->undo, cap * sizeof *undo);
    if (!undo)
        return -ENOMEM;
    overlay->undo = undo;
    overlay->undo_cap = cap;
    return 0;
}

/* The entry to change, or NULL; there is room to write its old state down. */
static struct keymap_entry *entry_for(struct overlay *overlay, enum store_table table,
                                      struct slice key)
{
    if (reserve_undo(overlay) < 0)
        return NULL;
    return keymap_find_or_insert(&overlay->maps[table], &overlay->arena, key);
}

static bool changed_since_mark(const struct overlay *overlay, const struct keymap_entry *entry)
{
    return entry->stamp == overlay->stamp;
}

static void write_down(struct overlay *overlay, struct keymap_entry *entry)
{
    if (changed_since_mark(overlay, entry))
        return;
    overlay->undo[overlay->undo_count++] =
        (struct overlay_undo){entry, entry->value, entry->value_len, entry->value_cap, entry->kind};
    entry->stamp = overlay->stamp;
}

int overlay_put(struct overlay *overlay, enum store_table table, struct slice key,
                struct slice value)
{
    CHECK(value.len <= UINT32_MAX);
    struct keymap_entry *entry = entry_for(overlay, table, key);
    if (!entry)
        return -ENOMEM;
    uint8_t *at = entry->value;
    bool fits = changed_since_mark(overlay, entry) && value.len <= entry->value_cap;
    if (!fits && value.len > 0)
        at = arena_alloc(&overlay->arena, value.len);
    if (!at && value.len > 0)
        return -ENOMEM;
    if (value.len > 0)
        memmove(at, value.at, value.len);
    write_down(overlay, entry);
    if (!fits) {
        entry->value = value.len > 0 ? at : NULL;
        entry->value_cap = (uint32_t)value.len;
    }
    entry->value_len = (uint32_t)value.len;
    entry->kind = OVERLAY_PUT;
    return 0;
}

int overlay_del(struct overlay *overlay, enum store_table table, struct slice key)
{
    struct keymap_entry *entry = entry_for(overlay, table, key);
    if (!entry)
        return -ENOMEM;
    write_down(overlay, entry);
    entry->value = NULL;
    entry->value_len = entry->value_cap = 0;
    entry->kind = OVERLAY_DEL;
    return 0;
}

void overlay_mark(struct overlay *overlay)
{
    overlay->undo_count = 0;
    overlay->stamp++;
    CHECK(overlay->stamp != 0);
}

bool overlay_undo(struct overlay *overlay)
{
    bool any = overlay->undo_count > 0;
    while (overlay->undo_count > 0) {
        const struct overlay_undo *old = &overlay->undo[--overlay->undo_count];
        old->entry->value = old->value;
        old->entry->value_len = old->value_len;
        old->entry->value_cap = old->value_cap;
        old->entry->kind = (uint8_t)old->kind;
        old->entry->stamp = 0;
    }
    return any;
}

static struct keymap_entry *skip_nothing(struct keymap_place *place,
                                         struct keymap_place (*step)(struct keymap_place))
{
    struct keymap_entry *entry = keymap_at(*place);
    while (entry && entry->kind == OVERLAY_NOTHING) {
        *place = step(*place);
        entry = keymap_at(*place);
    }
    return entry;
}

struct keymap_entry *overlay_seek(const struct overlay *overlay, enum store_table table,
                                  struct slice from, struct keymap_place *place_out)
{
    *place_out = keymap_seek(&overlay->maps[table], from);
    return skip_nothing(place_out, keymap_next);
}

struct keymap_entry *overlay_next(struct keymap_place *place)
{
    *place = keymap_next(*place);
    return skip_nothing(place, keymap_next);
}

struct keymap_entry *overlay_seek_below(const struct overlay *overlay, enum store_table table,
                                        struct slice from, struct keymap_place *place_out)
{
    const struct keymap *map = &overlay->maps[table];
    *place_out = (struct keymap_place){0};
    if (from.len > 0)
        *place_out = keymap_seek(map, from);
    *place_out = keymap_at(*place_out) ? keymap_prev(*place_out) : keymap_last(map);
    return skip_nothing(place_out, keymap_prev);
}

struct keymap_entry *overlay_prev(struct keymap_place *place)
{
    *place = keymap_prev(*place);
    return skip_nothing(place, keymap_prev);
}
