/* Windows of a queue or a budget, in memory and in their table's rows. */
#include "broker/core/meter.h"

#include <errno.h>
#include <stdlib.h>

#include "base/endian.h"

enum { MARK_SIZE = 24 };

static struct window *window_of(const struct meter *meter, uint64_t window_ms)
{
    for (size_t i = 0; i < meter->window_count; i++)
        if (meter->windows[i]->window_ms == window_ms)
            return meter->windows[i];
    return NULL;
}

static bool is_listed(const struct wire_rate *rates, size_t count, uint64_t window_ms)
{
    for (size_t i = 0; i < count; i++)
        if (rates[i].window_ms == window_ms)
            return true;
    return false;
}

/* At most WINDOW_MARKS rows. */
static int delete_marks(struct core *core, const struct meter *meter, uint64_t window_ms)
{
    struct rec_key key;
    struct store_range range = {.table = meter->table,
                                .prefix = key_limit_rate(&key, meter->name, window_ms),
                                .limit = WINDOW_MARKS};
    int rc = store_scan(core->store, &range, &core->rows);
    for (size_t i = 0; i < core->rows.count && rc >= 0; i++)
        rc = store_del(core->store, meter->table, core->rows.at[i].key);
    return rc < 0 ? rc : 0;
}

/* The windows that are not there yet, in their places of `made`. 0, -ENOMEM. */
static int make_windows(const struct meter *meter, const struct wire_rate *rates, size_t count,
                        struct window **made)
{
    for (size_t i = 0; i < count; i++) {
        if (window_of(meter, rates[i].window_ms))
            continue;
        made[i] = malloc(sizeof *made[i]);
        if (!made[i]) {
            while (i > 0)
                free(made[--i]);
            return -ENOMEM;
        }
        window_init(made[i], rates[i].max, rates[i].window_ms);
    }
    return 0;
}

int meter_set_rates(struct core *core, struct meter *meter, const struct wire_rate *rates,
                    size_t count, bool store_too)
{
    struct window *made[QUEUE_RATES_MAX] = {NULL};
    int rc = make_windows(meter, rates, count, made);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count; i++)
        if (!made[i]) {
            made[i] = window_of(meter, rates[i].window_ms);
            made[i]->max = rates[i].max;
        }
    for (size_t i = 0; i < meter->window_count; i++) {
        struct window *window = meter->windows[i];
        if (is_listed(rates, count, window->window_ms))
            continue;
        if (store_too && rc == 0)
            rc = delete_marks(core, meter, window->window_ms);
        free(window);
    }
    memcpy(meter->windows, made, sizeof made);
    meter->window_count = count;
    return rc;
}

void meter_start(struct core *core, struct meter *meter)
{
    for (size_t i = 0; i < meter->window_count; i++)
        window_start(meter->windows[i], core->now.mono_ms);
    if (meter->window_count == 0 || meter->dirty)
        return;
    meter->dirty = true;
    meter->next_dirty = core->meters_dirty;
    core->meters_dirty = meter;
}

/* When its last start was, on the clock of the wall. */
static uint64_t wall_of(const struct core *core, const struct window *window,
                        const struct window_mark *mark)
{
    uint64_t left = mark->until > core->now.mono_ms ? mark->until - core->now.mono_ms : 0;
    return core->now.wall_ms + left - window->window_ms;
}

static int save_window(struct core *core, const struct meter *meter, struct window *window)
{
    for (; window->saved < window->next; window->saved++) {
        unsigned slot = (unsigned)(window->saved % WINDOW_MARKS);
        const struct window_mark *mark = &window->mark[slot];
        uint8_t value[MARK_SIZE];
        struct rec_key key;
        put_be64(value, window->saved);
        put_be64(value + 8, wall_of(core, window, mark));
        put_be64(value + 16, mark->count);
        int rc = store_put(core->store, meter->table,
                           key_limit_mark(&key, meter->name, window->window_ms, slot),
                           (struct slice){value, sizeof value});
        if (rc < 0)
            return rc;
    }
    return 0;
}

int meters_save(struct core *core)
{
    while (core->meters_dirty) {
        struct meter *meter = core->meters_dirty;
        for (size_t i = 0; i < meter->window_count; i++) {
            int rc = save_window(core, meter, meter->windows[i]);
            if (rc < 0)
                return rc;
        }
        meter->dirty = false;
        core->meters_dirty = meter->next_dirty;
    }
    return 0;
}

static int compare_seq(const void *a, const void *b)
{
    uint64_t x = get_be64(((const struct store_row *)a)->value.at);
    uint64_t y = get_be64(((const struct store_row *)b)->value.at);
    return (x > y) - (x < y);
}

static int load_window(struct core *core, const struct meter *meter, struct window *window)
{
    struct rec_key key;
    struct store_range range = {.table = meter->table,
                                .prefix = key_limit_rate(&key, meter->name, window->window_ms),
                                .limit = WINDOW_MARKS};
    int rc = store_scan(core->store, &range, &core->rows);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < core->rows.count; i++)
        if (core->rows.at[i].value.len != MARK_SIZE)
            return -EBADMSG;
    if (core->rows.count > 1)
        qsort(core->rows.at, core->rows.count, sizeof *core->rows.at, compare_seq);
    for (size_t i = 0; i < core->rows.count; i++) {
        const uint8_t *value = core->rows.at[i].value.at;
        uint64_t at = get_be64(value + 8), wall = core->now.wall_ms;
        window_restore(window, get_be64(value), get_be64(value + 16), at < wall ? wall - at : 0,
                       core->now.mono_ms);
    }
    return 0;
}

int meter_load(struct core *core, struct meter *meter)
{
    int rc = 0;
    for (size_t i = 0; i < meter->window_count && rc == 0; i++)
        rc = load_window(core, meter, meter->windows[i]);
    return rc;
}

void meter_fini(struct meter *meter)
{
    for (size_t i = 0; i < meter->window_count; i++)
        free(meter->windows[i]);
    meter->window_count = 0;
}

int meter_pack_rates(const struct core *core, const struct meter *meter, struct buf *out)
{
    size_t mark;
    int rc = list_begin(out, &mark);
    for (size_t i = 0; i < meter->window_count && rc == 0; i++) {
        const struct window *window = meter->windows[i];
        struct wire_rate rate = {.max = window->max,
                                 .window_ms = window->window_ms,
                                 .used = opt_of(window_used(window, core->now.mono_ms))};
        rc = shape_encode(out, &shape_rate, &rate, KEYS_NAMES);
    }
    if (rc == 0)
        list_end(out, mark, (uint32_t)meter->window_count);
    return rc;
}
