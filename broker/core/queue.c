/* Queues with settings, and budgets, in memory. The only code that counts what runs under them. */
#include "broker/core/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "broker/core/counter.h"
#include "broker/core/job.h"
#include "broker/core/queue_settings.h"
#include "broker/core/reply.h"

struct queue *queue_find(const struct core *core, struct text name)
{
    struct queue *queue;
    HASH_FIND(hh, core->queues, name.at, name.len, queue);
    return queue;
}

struct budget *budget_find(const struct core *core, struct text name)
{
    struct budget *budget;
    HASH_FIND(hh, core->budgets, name.at, name.len, budget);
    return budget;
}

/* --- groups ---------------------------------------------------------------------------------- */

static struct queue_group *group_find(const struct queue *queue, struct text name)
{
    struct queue_group *group;
    HASH_FIND(hh, queue->groups, name.at, name.len, group);
    return group;
}

uint64_t queue_group_max(const struct queue *queue, struct text group)
{
    const struct group_setting *own = group_setting_find(&queue->settings, group);
    if (own && own->concurrency.set)
        return own->concurrency.value;
    return opt_or(queue->settings.group_concurrency, 0);
}

uint64_t queue_group_running(const struct queue *queue, struct text group)
{
    const struct queue_group *found = group_find(queue, group);
    return found ? found->running : 0;
}

uint64_t queue_weight(const struct queue *queue, struct text group)
{
    const struct group_setting *own = queue ? group_setting_find(&queue->settings, group) : NULL;
    return own ? opt_or(own->weight, 1) : 1;
}

static struct queue_group *group_of(struct queue *queue, struct text name)
{
    struct queue_group *group = group_find(queue, name);
    if (group)
        return group;
    group = calloc(1, sizeof *group);
    if (!group)
        return NULL;
    CHECK(name.len <= sizeof group->name);
    memcpy(group->name, name.at, group->name_len = name.len);
    HASH_ADD_KEYPTR(hh, queue->groups, group->name, group->name_len, group);
    if (group_find(queue, name) == group)
        return group;
    free(group); /* out of memory inside the table */
    return NULL;
}

/* --- what runs ------------------------------------------------------------------------------- */

static int hold(struct queue *queue, struct lease *lease, struct text group)
{
    lease->group = group_of(queue, group);
    if (!lease->group)
        return -ENOMEM;
    lease->queue = queue;
    lease->group->running++;
    queue->meter.running++;
    if (queue->budget)
        queue->budget->meter.running++;
    return 0;
}

int queue_hold(struct core *core, struct lease *lease, struct text queue_name, struct text group)
{
    struct queue *queue = queue_find(core, queue_name);
    return queue ? hold(queue, lease, group) : 0;
}

void queue_release(struct lease *lease)
{
    struct queue *queue = lease->queue;
    struct queue_group *group = lease->group;
    if (!queue)
        return;
    CHECK(queue->meter.running > 0 && group->running > 0);
    queue->meter.running--;
    if (queue->budget) {
        CHECK(queue->budget->meter.running > 0);
        queue->budget->meter.running--;
    }
    if (--group->running == 0) {
        HASH_DEL(queue->groups, group);
        free(group);
    }
    lease->queue = NULL;
    lease->group = NULL;
}

void queue_start(struct core *core, const struct lease *lease)
{
    struct queue *queue = lease->queue;
    if (!queue)
        return;
    meter_start(core, &queue->meter);
    if (queue->budget)
        meter_start(core, &queue->budget->meter);
}

/* A queue gets its first settings: what runs of it counts from now on. As many steps as there are
 * leases, as at a restart. */
static int adopt_leases(struct core *core, struct queue *queue)
{
    struct text name = {queue->name, queue->name_len};
    struct lease *lease, *next;
    int rc = 0;
    HASH_ITER(hh, core->leases, lease, next)
    {
        struct job *job = &core->job;
        if (lease->queue || rc < 0)
            continue;
        rc = job_load(core, &lease->job, job);
        if (rc > 0)
            rc = -EBADMSG;
        if (rc == 0 && text_eq(job->s.queue, name))
            rc = hold(queue, lease, job->s.group);
    }
    return rc;
}

/* --- submits --------------------------------------------------------------------------------- */

uint64_t queue_depth(const struct core *core, struct text name)
{
    const struct counter *counter = counter_find(core, 'q', name);
    if (!counter)
        return 0;
    return counter->count[JOB_PENDING] + counter->count[JOB_SCHEDULED] +
           counter->count[JOB_BLOCKED];
}

void queue_claims_begin(struct core *core)
{
    core->claim++;
}

int queue_claim(struct core *core, struct text name)
{
    struct queue *queue = queue_find(core, name);
    if (!queue || !queue->settings.length_max.set)
        return 0;
    if (queue->claim != core->claim) {
        queue->claim = core->claim;
        queue->claimed = 0;
    }
    if (queue_depth(core, name) + queue->claimed >= queue->settings.length_max.value)
        return refuse(core, WIRE_QUEUE_FULL, "queue", "it takes no more than %llu waiting jobs",
                      (unsigned long long)queue->settings.length_max.value);
    queue->claimed++;
    return 0;
}

/* The spec's field of the same name as a default. */
static struct opt_u64 *spec_field(struct wire_spec *spec, const struct field *like)
{
    for (size_t i = 0; i < shape_spec.count; i++) {
        const struct field *field = &shape_spec.fields[i];
        if (field->name_len == like->name_len &&
            memcmp(field->name, like->name, like->name_len) == 0) {
            CHECK(field->kind == KIND_opt && like->kind == KIND_opt);
            return (struct opt_u64 *)(void *)((char *)spec + field->offset);
        }
    }
    CHECK(false && "a default is a field of SPEC");
    return NULL;
}

static const struct opt_u64 *default_at(const struct queue *queue, const struct field *field)
{
    const char *base = (const char *)&queue->settings.defaults;
    return (const struct opt_u64 *)(const void *)(base + field->offset);
}

uint64_t queue_fill_defaults(const struct core *core, struct wire_spec *spec)
{
    const struct queue *queue = queue_find(core, spec->queue);
    uint64_t filled = 0;
    for (size_t i = 0; queue && i < shape_queue_defaults.count; i++) {
        const struct field *field = &shape_queue_defaults.fields[i];
        const struct opt_u64 *value = default_at(queue, field);
        struct opt_u64 *given = value->set ? spec_field(spec, field) : NULL;
        if (!given || given->set)
            continue;
        *given = *value;
        filled |= UINT64_C(1) << field->number;
    }
    return filled;
}

void queue_strip_defaults(struct wire_spec *spec, uint64_t filled)
{
    for (size_t i = 0; filled && i < shape_queue_defaults.count; i++) {
        const struct field *field = &shape_queue_defaults.fields[i];
        if (filled & (UINT64_C(1) << field->number))
            *spec_field(spec, field) = (struct opt_u64){0};
    }
}

/* --- settings -------------------------------------------------------------------------------- */

static struct queue *queue_new(struct core *core, struct text name)
{
    struct queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return NULL;
    CHECK(name.len <= sizeof queue->name);
    memcpy(queue->name, name.at, queue->name_len = name.len);
    queue->meter.table = TABLE_QUEUE;
    queue->meter.name = (struct text){queue->name, queue->name_len};
    HASH_ADD_KEYPTR(hh, core->queues, queue->name, queue->name_len, queue);
    if (queue_find(core, name) == queue)
        return queue;
    free(queue);
    return NULL;
}

static void queue_free(struct core *core, struct queue *queue)
{
    CHECK(!queue->groups);
    HASH_DEL(core->queues, queue);
    if (queue->budget)
        queue->budget->queues--;
    meter_fini(&queue->meter);
    queue_settings_fini(&queue->settings);
    free(queue);
}

/* The queue has no settings any more: its leases count nowhere. */
static int queue_forget(struct core *core, struct queue *queue)
{
    struct lease *lease, *next;
    HASH_ITER(hh, core->leases, lease, next)
    {
        if (lease->queue == queue)
            queue_release(lease);
    }
    int rc = meters_save(core); /* none is dirty when it goes */
    if (rc == 0)
        rc = meter_set_rates(core, &queue->meter, NULL, 0, true);
    queue_free(core, queue);
    return rc;
}

static void draw_on(struct core *core, struct queue *queue)
{
    const struct queue_settings *settings = &queue->settings;
    struct budget *budget = NULL;
    if (settings->budget_len) {
        budget = budget_find(core, (struct text){settings->budget, settings->budget_len});
        CHECK(budget);
    }
    if (queue->budget) {
        queue->budget->queues--;
        queue->budget->meter.running -= queue->meter.running;
    }
    queue->budget = budget;
    if (budget) {
        budget->queues++;
        budget->meter.running += queue->meter.running;
    }
}

static int apply(struct core *core, struct queue *queue, struct queue_settings *settings,
                 bool store_too)
{
    int rc = meter_set_rates(core, &queue->meter, settings->rates, settings->rate_count, store_too);
    if (rc < 0)
        return rc;
    queue_settings_fini(&queue->settings);
    queue->settings = *settings;
    *settings = (struct queue_settings){0};
    queue->meter.concurrency_max = opt_or(queue->settings.concurrency, 0);
    draw_on(core, queue);
    return 0;
}

int queue_set(struct core *core, struct text name, struct queue_settings *settings)
{
    struct queue *queue = queue_find(core, name);
    if (queue_settings_are_none(settings))
        return queue ? queue_forget(core, queue) : 0;
    int rc = 0;
    if (!queue) {
        queue = queue_new(core, name);
        rc = queue ? adopt_leases(core, queue) : -ENOMEM;
    }
    return rc < 0 ? rc : apply(core, queue, settings, true);
}

static struct budget *budget_new(struct core *core, struct text name)
{
    struct budget *budget = calloc(1, sizeof *budget);
    if (!budget)
        return NULL;
    CHECK(name.len <= sizeof budget->name);
    memcpy(budget->name, name.at, budget->name_len = name.len);
    budget->meter.table = TABLE_BUDGET;
    budget->meter.name = (struct text){budget->name, budget->name_len};
    HASH_ADD_KEYPTR(hh, core->budgets, budget->name, budget->name_len, budget);
    if (budget_find(core, name) == budget)
        return budget;
    free(budget);
    return NULL;
}

static void budget_free(struct core *core, struct budget *budget)
{
    HASH_DEL(core->budgets, budget);
    meter_fini(&budget->meter);
    free(budget);
}

static int set_budget(struct core *core, struct text name, const struct queue_settings *settings,
                      bool store_too)
{
    struct budget *budget = budget_find(core, name);
    if (!budget)
        budget = budget_new(core, name);
    if (!budget)
        return -ENOMEM;
    budget->meter.concurrency_max = opt_or(settings->concurrency, 0);
    return meter_set_rates(core, &budget->meter, settings->rates, settings->rate_count, store_too);
}

int budget_set(struct core *core, struct text name, const struct queue_settings *settings)
{
    return set_budget(core, name, settings, true);
}

int budget_remove(struct core *core, struct budget *budget)
{
    CHECK(budget->queues == 0);
    int rc = meters_save(core);
    if (rc == 0)
        rc = meter_set_rates(core, &budget->meter, NULL, 0, true);
    budget_free(core, budget);
    return rc;
}

/* --- start ----------------------------------------------------------------------------------- */

static int load_budget(struct core *core, struct text name, struct slice record)
{
    struct queue_settings settings = {0};
    int rc = budget_settings_read(record, &settings);
    if (rc == 0)
        rc = set_budget(core, name, &settings, false);
    queue_settings_fini(&settings);
    return rc;
}

static int load_queue(struct core *core, struct text name, struct slice record)
{
    struct queue_settings settings = {0};
    int rc = queue_settings_read(record, &settings);
    bool known = settings.budget_len == 0 ||
                 budget_find(core, (struct text){settings.budget, settings.budget_len});
    if (rc == 0 && !known)
        rc = -EBADMSG;
    struct queue *queue = rc == 0 ? queue_new(core, name) : NULL;
    if (rc == 0)
        rc = queue ? apply(core, queue, &settings, false) : -ENOMEM;
    queue_settings_fini(&settings);
    return rc;
}

typedef int load_one(struct core *core, struct text name, struct slice record);

/* Reads the settings in a table; the marks are passed over, each meter reads its own. */
static int load_table(struct core *core, enum store_table table, size_t len_max, load_one *load)
{
    struct store_rows rows = {0};
    struct rec_key last = {.len = 0};
    int rc;
    do {
        struct store_range range = {.table = table, .after = {last.at, last.len}, .limit = 1000};
        rc = store_scan(core->store, &range, &rows);
        for (size_t i = 0; i < rows.count && rc == 0; i++) {
            struct text name;
            uint64_t window_ms;
            bool readable =
                key_limit_parse(rows.at[i].key, &name, &window_ms) == 0 && name.len <= len_max;
            rc = !readable ? -EBADMSG : window_ms ? 0 : load(core, name, rows.at[i].value);
            memcpy(last.at, rows.at[i].key.at, last.len = rows.at[i].key.len);
        }
    } while (rc == 0 && rows.count);
    store_rows_fini(&rows);
    return rc;
}

static int load_meters(struct core *core)
{
    struct queue *queue, *next_queue;
    struct budget *budget, *next_budget;
    int rc = 0;
    HASH_ITER(hh, core->queues, queue, next_queue)
    {
        rc = rc < 0 ? rc : meter_load(core, &queue->meter);
    }
    HASH_ITER(hh, core->budgets, budget, next_budget)
    {
        rc = rc < 0 ? rc : meter_load(core, &budget->meter);
    }
    return rc;
}

int queues_load(struct core *core)
{
    queues_fini(core);
    int rc = load_table(core, TABLE_BUDGET, BUDGET_LEN_MAX, load_budget);
    if (rc == 0)
        rc = load_table(core, TABLE_QUEUE, QUEUE_LEN_MAX, load_queue);
    return rc < 0 ? rc : load_meters(core);
}

void queues_fini(struct core *core)
{
    struct queue *queue, *next_queue;
    struct budget *budget, *next_budget;
    HASH_ITER(hh, core->queues, queue, next_queue)
    {
        queue_free(core, queue);
    }
    HASH_ITER(hh, core->budgets, budget, next_budget)
    {
        budget_free(core, budget);
    }
    core->meters_dirty = NULL;
}
