/* The plan of a walk: the smallest index first, and beside it those of like size, since looking a
 * place up in a second index costs about what reading the job costs. */
#include "broker/core/plan.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "broker/core/counter.h"

enum {
    ENOUGH_ROWS = 256, /* an index with no more rows is read alone */
    LIKE_SIZE = 4,     /* a second one has at most so many times the rows of the first */
    STREAMS_MAX = 2 * JOB_STATE_COUNT + 3 * 2 * CLASS_LAST
};

/* One way to the jobs: by their state (no name), or by a name and the classes of their states. */
struct way {
    char dimension; /* COUNT_ALL: the status table */
    struct text name;
    uint64_t fit;  /* jobs of these states under this name */
    uint64_t rows; /* rows to read: those of whole classes */
};

struct ways {
    struct way at[PLAN_SOURCES_MAX];
    size_t count;
};

static bool is_wanted(const struct filter *filter, unsigned state)
{
    return filter->statuses >> state & 1;
}

/* All states of the classes that the wanted states are of. */
static unsigned whole_classes(const struct filter *filter)
{
    unsigned classes = 0, states = 0;
    for (unsigned i = 1; i < JOB_STATE_COUNT; i++)
        if (is_wanted(filter, i))
            classes |= 1u << class_of((enum job_state)i);
    for (unsigned i = 1; i < JOB_STATE_COUNT; i++)
        if (classes >> class_of((enum job_state)i) & 1)
            states |= 1u << i;
    return states;
}

static uint64_t sum_of(const struct counter *counter, unsigned states)
{
    uint64_t sum = 0;
    for (unsigned i = 1; counter && i < JOB_STATE_COUNT; i++)
        if (states >> i & 1)
            sum += counter->count[i];
    return sum;
}

/* What of a name's jobs the filter does not want since they are the system's. */
static const struct counter *hidden(const struct core *core, const struct filter *filter,
                                    char dimension, struct text name)
{
    if (filter->system || dimension == COUNT_QUEUE)
        return NULL;
    if (dimension == COUNT_ALL)
        return counter_find(core, COUNT_QUEUE, TEXT(SYSTEM_QUEUE));
    return counter_find(core, dimension == COUNT_TYPE ? COUNT_SYSTEM_TYPE : COUNT_SYSTEM_OWNER,
                        name);
}

static void add_way(const struct core *core, const struct filter *filter, char dimension,
                    struct text name, struct ways *ways)
{
    unsigned states = dimension == COUNT_ALL ? filter->statuses : whole_classes(filter);
    const struct counter *all = counter_find(core, dimension, name);
    const struct counter *less = hidden(core, filter, dimension, name);
    ways->at[ways->count++] = (struct way){
        .dimension = dimension,
        .name = name,
        .fit = sum_of(all, filter->statuses) - sum_of(less, filter->statuses),
        .rows = sum_of(all, states) - sum_of(less, states),
    };
}

static void find_ways(const struct core *core, const struct filter *filter, struct ways *ways)
{
    *ways = (struct ways){0};
    add_way(core, filter, COUNT_ALL, TEXT(""), ways);
    if (filter->owner.len)
        add_way(core, filter, COUNT_OWNER, filter->owner, ways);
    if (filter->type.len)
        add_way(core, filter, COUNT_TYPE, filter->type, ways);
    if (filter->queue.len)
        add_way(core, filter, COUNT_QUEUE, filter->queue, ways);
}

/* The status table says nothing that the classes of a name don't, where they are wanted whole. */
static bool is_needless(const struct filter *filter, const struct ways *ways, const struct way *way)
{
    return way->dimension == COUNT_ALL && ways->count > 1 &&
           whole_classes(filter) == filter->statuses;
}

static const struct way *least(const struct filter *filter, const struct ways *ways)
{
    const struct way *best = NULL;
    for (size_t i = 0; i < ways->count; i++)
        if (!is_needless(filter, ways, &ways->at[i]) && (!best || ways->at[i].rows < best->rows))
            best = &ways->at[i];
    return best;
}

/* --- streams --------------------------------------------------------------------------------- */

static void add_status_streams(const struct filter *filter, struct source *source)
{
    struct rec_key key;
    for (int system = 0; system <= filter->system; system++)
        for (unsigned i = 1; i < JOB_STATE_COUNT; i++)
            if (is_wanted(filter, i))
                stream_init(&source->streams[source->count++], TABLE_STATUS,
                            key_status_prefix(&key, (enum job_state)i, system));
}

static void add_index_streams(const struct filter *filter, const struct way *way,
                              struct source *source)
{
    struct rec_key key;
    unsigned states = whole_classes(filter);
    bool taken[CLASS_LAST + 1] = {false};
    for (unsigned i = 1; i < JOB_STATE_COUNT; i++) {
        enum rec_class class = class_of((enum job_state)i);
        if (!(states >> i & 1) || taken[class])
            continue;
        taken[class] = true;
        for (int system = 0; system <= filter->system; system++)
            stream_init(&source->streams[source->count++], TABLE_INDEX,
                        key_index_prefix(&key, way->dimension, way->name, class, system));
    }
}

static void add_source(const struct filter *filter, const struct way *way, struct plan *plan)
{
    struct source *source = &plan->sources[plan->count++];
    const struct source *before = source == plan->sources ? NULL : source - 1;
    source->streams = before ? before->streams + before->count : plan->streams;
    if (way->dimension == COUNT_ALL)
        add_status_streams(filter, source);
    else
        add_index_streams(filter, way, source);
}

int plan_make(const struct core *core, const struct filter *filter, struct plan *plan_out)
{
    struct ways ways;
    *plan_out = (struct plan){.most = UINT64_MAX};
    find_ways(core, filter, &ways);
    for (size_t i = 0; i < ways.count; i++)
        if (ways.at[i].fit < plan_out->most)
            plan_out->most = ways.at[i].fit;
    if (filter->nothing || plan_out->most == 0) {
        plan_out->most = 0;
        return 0;
    }
    plan_out->streams = calloc(STREAMS_MAX, sizeof *plan_out->streams);
    if (!plan_out->streams)
        return -ENOMEM;
    const struct way *best = least(filter, &ways);
    add_source(filter, best, plan_out);
    for (size_t i = 0; i < ways.count && best->rows > ENOUGH_ROWS; i++)
        if (&ways.at[i] != best && !is_needless(filter, &ways, &ways.at[i]) &&
            ways.at[i].rows / LIKE_SIZE <= best->rows)
            add_source(filter, &ways.at[i], plan_out);
    return 0;
}

void plan_fini(struct plan *plan)
{
    free(plan->streams);
    plan->streams = NULL;
}

void plan_forget(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        for (size_t s = 0; s < plan->sources[i].count; s++)
            stream_forget(&plan->sources[i].streams[s]);
}

bool plan_count(const struct core *core, const struct filter *filter, uint64_t *total_out)
{
    struct ways ways;
    find_ways(core, filter, &ways);
    *total_out = filter->nothing ? 0 : ways.at[ways.count - 1].fit;
    return filter->nothing || (ways.count <= 2 && !filter_has_more(filter));
}
