/* Exact counts of jobs by state, queue, type and owner. Touches only the counter table. */
#include "broker/core/counter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/tooth.h"
#include "broker/core/reply.h"

struct counter *counter_at(const struct core *core, char dimension, struct text name)
{
    char key[sizeof((struct counter *)0)->key];
    if (name.len > OWNER_LEN_MAX)
        return NULL;
    key[0] = dimension;
    if (name.len)
        memcpy(key + 1, name.at, name.len);
    struct counter *counter;
    HASH_FIND(hh, core->counters, key, 1 + name.len, counter);
    return counter;
}

const struct counter *counter_find(const struct core *core, char dimension, struct text name)
{
    return counter_at(core, dimension, name);
}

static struct counter *make(struct core *core, char dimension, struct text name)
{
    CHECK(name.len <= OWNER_LEN_MAX);
    struct counter *counter = calloc(1, sizeof *counter);
    if (!counter)
        return NULL;
    counter->dimension = dimension;
    counter->key[0] = dimension;
    if (name.len)
        memcpy(counter->key + 1, name.at, name.len);
    counter->key_len = 1 + name.len;
    HASH_ADD_KEYPTR(hh, core->counters, counter->key, counter->key_len, counter);
    if (!counter_at(core, dimension, name)) { /* out of memory inside the table */
        free(counter);
        return NULL;
    }
    core->counter_count[(unsigned char)dimension]++;
    return counter;
}

static int admit(struct core *core, char dimension, struct text name)
{
    if (counter_at(core, dimension, name))
        return 0;
    if (core->counter_count[(unsigned char)dimension] >= COUNTER_NAMES_MAX)
        return refuse(core, WIRE_INVALID_REQUEST,
                      dimension == COUNT_QUEUE                                    ? "queue"
                      : dimension == COUNT_TYPE || dimension == COUNT_SYSTEM_TYPE ? "type"
                                                                                  : "owner",
                      "there are %d different ones already; use one of them", COUNTER_NAMES_MAX);
    return make(core, dimension, name) ? 0 : -ENOMEM;
}

int counter_admit(struct core *core, struct text queue, struct text type, struct text owner)
{
    bool system = queue_is_system(queue);
    int rc = admit(core, COUNT_QUEUE, queue);
    if (rc == 0)
        rc = admit(core, COUNT_TYPE, type);
    if (rc == 0)
        rc = admit(core, COUNT_OWNER, owner);
    if (rc == 0 && system)
        rc = admit(core, COUNT_SYSTEM_TYPE, type);
    if (rc == 0 && system)
        rc = admit(core, COUNT_SYSTEM_OWNER, owner);
    return rc;
}

static void bump(struct core *core, struct counter *counter, enum job_state from, enum job_state to)
{
    CHECK(counter);
    if (from != JOB_NONE) {
        CHECK(counter->count[from] > 0);
        counter->count[from]--;
    } else {
        counter->count[JOB_NONE]++;
    }
    if (to != JOB_NONE)
        counter->count[to]++;
    if (!counter->dirty) {
        counter->next_dirty = core->dirty;
        core->dirty = counter;
    }
    counter->dirty |= (1u << from) | (1u << to);
}

void counter_move(struct core *core, const struct rec_state *state, enum job_state from,
                  enum job_state to)
{
    bump(core, core->all, from, to);
    bump(core, counter_at(core, COUNT_QUEUE, state->queue), from, to);
    if (!TOOTH(counter_of_type_stays) || to != JOB_CANCELLED)
        bump(core, counter_at(core, COUNT_TYPE, state->type), from, to);
    bump(core, counter_at(core, COUNT_OWNER, state->owner), from, to);
    if (!queue_is_system(state->queue))
        return;
    bump(core, counter_at(core, COUNT_SYSTEM_TYPE, state->type), from, to);
    bump(core, counter_at(core, COUNT_SYSTEM_OWNER, state->owner), from, to);
}

static int save_one(struct core *core, struct counter *counter)
{
    struct text name = {counter->key + 1, counter->key_len - 1};
    for (unsigned i = 0; i < JOB_STATE_COUNT; i++) {
        if (!(counter->dirty & (1u << i)))
            continue;
        struct rec_key key;
        uint8_t value[8];
        put_be64(value, counter->count[i]);
        int rc = store_put(core->store, TABLE_COUNTER,
                           key_counter(&key, counter->dimension, name, (enum job_state)i),
                           (struct slice){value, sizeof value});
        if (rc < 0)
            return rc;
    }
    counter->dirty = 0;
    return 0;
}

int counters_save(struct core *core)
{
    while (core->dirty) {
        struct counter *counter = core->dirty;
        int rc = save_one(core, counter);
        if (rc < 0)
            return rc;
        core->dirty = counter->next_dirty;
    }
    return 0;
}

static int load_row(struct core *core, const struct store_row *row)
{
    char dimension;
    struct text name;
    enum job_state status;
    if (key_counter_parse(row->key, &dimension, &name, &status) != 0 || row->value.len != 8)
        return -EBADMSG;
    struct counter *counter = counter_at(core, dimension, name);
    if (!counter)
        counter = make(core, dimension, name);
    if (!counter)
        return -ENOMEM;
    counter->count[status] = get_be64(row->value.at);
    return 0;
}

int counters_load(struct core *core)
{
    counters_fini(core);
    core->all = make(core, COUNT_ALL, TEXT(""));
    if (!core->all)
        return -ENOMEM;
    struct rec_key last = {.len = 0};
    for (;;) {
        struct store_range range = {
            .table = TABLE_COUNTER, .after = {last.at, last.len}, .limit = 1000};
        int rc = store_scan(core->store, &range, &core->rows);
        if (rc < 0 || core->rows.count == 0)
            return rc;
        for (size_t i = 0; i < core->rows.count; i++) {
            rc = load_row(core, &core->rows.at[i]);
            if (rc < 0)
                return rc;
        }
        struct slice key = core->rows.at[core->rows.count - 1].key;
        memcpy(last.at, key.at, key.len);
        last.len = key.len;
    }
}

void counters_fini(struct core *core)
{
    struct counter *counter, *next;
    HASH_ITER(hh, core->counters, counter, next)
    {
        HASH_DEL(core->counters, counter);
        free(counter);
    }
    core->all = NULL;
    core->dirty = NULL;
    memset(core->counter_count, 0, sizeof core->counter_count);
}
