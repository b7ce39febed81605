/* Sliding windows per owner and limit: the last whole window, weighed by what of it still counts,
 * plus the current one. Memory only: a restart begins anew. */
#include "broker/core/charge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/core/name.h"
#include "broker/core/reply.h"

struct charge_row {
    uint64_t window; /* number of the current window */
    uint64_t before, current;
    UT_hash_handle hh;
    size_t key_len;
    char key[OWNER_LEN_MAX + 1 + NAME_LEN_MAX];
};

static size_t make_key(char *key, struct text owner, struct text name)
{
    memcpy(key, owner.at, owner.len);
    key[owner.len] = 0;
    memcpy(key + owner.len + 1, name.at, name.len);
    return owner.len + 1 + name.len;
}

static void forget_oldest(struct core *core)
{
    struct charge_row *oldest = core->charges; /* uthash keeps the order of adding */
    HASH_DEL(core->charges, oldest);
    free(oldest);
}

static struct charge_row *row_of(struct core *core, struct text owner, struct text name)
{
    char key[sizeof((struct charge_row *)0)->key];
    size_t len = make_key(key, owner, name);
    struct charge_row *row;
    HASH_FIND(hh, core->charges, key, len, row);
    if (row) { /* used now: to the end of the line */
        HASH_DEL(core->charges, row);
    } else {
        if (HASH_COUNT(core->charges) >= CHARGE_ROWS_MAX)
            forget_oldest(core);
        row = calloc(1, sizeof *row);
        if (!row)
            return NULL;
        memcpy(row->key, key, len);
        row->key_len = len;
    }
    HASH_ADD_KEYPTR(hh, core->charges, row->key, row->key_len, row);
    return row;
}

static void slide(const struct core *core, struct charge_row *row, uint64_t window_ms)
{
    uint64_t window = core->now.mono_ms / window_ms;
    if (window == row->window)
        return;
    row->before = window == row->window + 1 ? row->current : 0;
    row->current = 0;
    row->window = window;
}

static uint64_t used(const struct core *core, const struct charge_row *row, uint64_t window_ms)
{
    uint64_t left = window_ms - core->now.mono_ms % window_ms;
    return row->current + row->before * left / window_ms;
}

static int answer_limit(struct core *core, const struct wire_charge *charge, uint64_t in_use)
{
    uint64_t left = charge->window_ms - core->now.mono_ms % charge->window_ms;
    struct wire_limit limit = {.name = charge->name,
                               .max = charge->max,
                               .remaining = in_use < charge->max ? charge->max - in_use : 0,
                               .reset_at = core->now.wall_ms + left};
    return shape_encode(&core->limits_bytes, &shape_limit, &limit, KEYS_NAMES);
}

static int check_charge(struct core *core, const struct wire_charge *charge)
{
    if (name_is_fit(charge->name, NAME_LEN_MAX) && charge->window_ms > 0 && charge->max > 0)
        return 0;
    return refuse(core, WIRE_INVALID_REQUEST, "charge", "expected a name, a max and a window_ms");
}

/* One pass over the charges: looks whether all fit, or takes them. 1: one does not fit. */
static int pass(struct core *core, const struct caller *caller, struct slice charges, bool take)
{
    struct list_iter iter;
    struct wire_charge charge;
    int more, refused = 0;
    if (list_open(charges, &iter) != 0)
        return refuse(core, WIRE_INVALID_REQUEST, "charge", "expected a list");
    while ((more = list_next(&iter, &shape_charge, KEYS_NAMES, &charge, &core->fault)) == 1) {
        int rc = check_charge(core, &charge);
        if (rc != 0)
            return rc;
        struct charge_row *row = row_of(core, caller->owner, charge.name);
        if (!row)
            return -ENOMEM;
        slide(core, row, charge.window_ms);
        uint64_t in_use = used(core, row, charge.window_ms) + (take ? charge.cost : 0);
        if (take)
            row->current += charge.cost;
        else if (in_use + charge.cost > charge.max)
            refused = refuse(core, WIRE_RATE_LIMITED, "", "at most %llu of %.*s in %llu s",
                             (unsigned long long)charge.max, (int)charge.name.len, charge.name.at,
                             (unsigned long long)(charge.window_ms / 1000));
        rc = answer_limit(core, &charge, in_use);
        if (rc < 0)
            return rc;
    }
    return more < 0 ? REFUSED : refused;
}

int charge_request(struct core *core, const struct caller *caller, struct slice charges)
{
    struct list_iter iter;
    if (charges.len == 0 || list_open(charges, &iter) != 0)
        return 0;
    for (int take = 0; take <= 1; take++) {
        size_t mark;
        buf_clear(&core->limits_bytes);
        int rc = list_begin(&core->limits_bytes, &mark);
        if (rc == 0)
            rc = pass(core, caller, charges, take == 1);
        if (rc < 0)
            return rc;
        list_end(&core->limits_bytes, mark, iter.count);
        core->limits = buf_slice(&core->limits_bytes);
        if (rc != 0)
            return rc;
    }
    return 0;
}

void charges_fini(struct core *core)
{
    struct charge_row *row, *next;
    HASH_ITER(hh, core->charges, row, next)
    {
        HASH_DEL(core->charges, row);
        free(row);
    }
}
