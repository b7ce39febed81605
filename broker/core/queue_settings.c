/* Settings as a value: decode, change, encode. The only list of their names beside shapes.def. */
#include "broker/core/queue_settings.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "broker/core/job.h"
#include "broker/core/name.h"
#include "broker/core/reply.h"

/* The settings that are one number: the same name in struct queue_settings, wire_queue_limits and
 * `clear`. */
static const struct {
    const char *name;
    size_t here, there;
    uint64_t least;
    bool of_budgets;
} numbers[] = {
#define NUMBER(name, least, of_budgets)                                                         \
    {                                                                                           \
#name, offsetof(struct queue_settings, name), offsetof(struct wire_queue_limits, name), \
            (least), (of_budgets)                                                               \
    }
    NUMBER(concurrency, 1, true),
    NUMBER(group_concurrency, 1, false),
    NUMBER(ageing_ms, 1, false),
    NUMBER(length_max, 0, false),
#undef NUMBER
};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static struct opt_u64 *opt_at(void *base, size_t offset)
{
    return (struct opt_u64 *)(void *)((char *)base + offset);
}

static struct opt_u64 *number_of(struct queue_settings *settings, size_t i)
{
    return opt_at(settings, numbers[i].here);
}

/* --- groups ---------------------------------------------------------------------------------- */

static struct text name_of(const struct group_setting *group)
{
    return (struct text){group->name, group->name_len};
}

/* The first place whose name is not before `group`. */
static size_t place_of(const struct queue_settings *settings, struct text group)
{
    size_t low = 0, high = settings->group_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (text_cmp(name_of(&settings->groups[middle]), group) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct group_setting *group_setting_find(const struct queue_settings *settings,
                                               struct text group)
{
    if (settings->group_count == 0)
        return NULL;
    size_t at = place_of(settings, group);
    bool found = at < settings->group_count && text_eq(name_of(&settings->groups[at]), group);
    return found ? &settings->groups[at] : NULL;
}

static int grow(struct queue_settings *settings)
{
    if (settings->group_count < settings->group_cap)
        return 0;
    size_t cap = settings->group_cap ? settings->group_cap * 2 : 4;
    struct group_setting *groups = realloc(settings->groups, cap * sizeof *groups);
    if (!groups)
        return -ENOMEM;
    settings->groups = groups;
    settings->group_cap = cap;
    return 0;
}

/* Takes what `given` says of its group; there is room for one more. 0, -ENOMEM. */
static int merge_group(struct queue_settings *settings, const struct wire_queue_group *given)
{
    size_t at = place_of(settings, given->group);
    struct group_setting *group;
    if (!group_setting_find(settings, given->group)) {
        if (grow(settings) < 0)
            return -ENOMEM;
        group = &settings->groups[at];
        memmove(group + 1, group, (settings->group_count - at) * sizeof *group);
        memset(group, 0, sizeof *group);
        memcpy(group->name, given->group.at, group->name_len = given->group.len);
        settings->group_count++;
    }
    group = &settings->groups[at];
    if (given->concurrency.set)
        group->concurrency = given->concurrency;
    if (given->weight.set)
        group->weight = given->weight;
    return 0;
}

static bool remove_group(struct queue_settings *settings, struct text name)
{
    size_t at = place_of(settings, name);
    if (!group_setting_find(settings, name))
        return false;
    struct group_setting *group = &settings->groups[at];
    memmove(group, group + 1, (--settings->group_count - at) * sizeof *group);
    return true;
}

/* --- records --------------------------------------------------------------------------------- */

static int read_groups(struct slice list, struct queue_settings *settings)
{
    struct list_iter iter;
    struct wire_queue_group group;
    struct fault fault;
    int more, rc = list_open(list, &iter) == 0 ? 0 : -EBADMSG;
    while (rc == 0 &&
           (more = list_next(&iter, &shape_queue_group, KEYS_NAMES, &group, &fault)) != 0)
        rc = more < 0 ? -EBADMSG : merge_group(settings, &group);
    return rc;
}

static int read_rates(struct slice list, struct queue_settings *settings)
{
    struct list_iter iter;
    struct fault fault;
    int more = list_open(list, &iter) == 0 ? 1 : -1;
    while (more == 1 && settings->rate_count < QUEUE_RATES_MAX) {
        more = list_next(&iter, &shape_rate, KEYS_NAMES, &settings->rates[settings->rate_count],
                         &fault);
        settings->rate_count += more == 1;
    }
    return more < 0 ? -EBADMSG : 0;
}

static int read_limits(struct slice map, struct queue_settings *settings)
{
    struct wire_queue_limits limits = {0};
    struct fault fault;
    if (map.len && shape_decode(map, &shape_queue_limits, KEYS_NAMES, &limits, &fault) != 0)
        return -EBADMSG;
    for (size_t i = 0; i < NUMBERS; i++)
        *number_of(settings, i) = *opt_at(&limits, numbers[i].there);
    if (limits.budget.len)
        memcpy(settings->budget, limits.budget.at, settings->budget_len = limits.budget.len);
    int rc = read_rates(limits.rates, settings);
    return rc < 0 ? rc : read_groups(limits.groups, settings);
}

int queue_settings_read(struct slice record, struct queue_settings *settings)
{
    struct rec_queue rec;
    struct fault fault;
    if (shape_decode(record, &shape_rec_queue, KEYS_NUMBERS, &rec, &fault) != 0)
        return -EBADMSG;
    settings->paused = rec.paused;
    if (rec.defaults.len && shape_decode(rec.defaults, &shape_queue_defaults, KEYS_NAMES,
                                         &settings->defaults, &fault) != 0)
        return -EBADMSG;
    return read_limits(rec.limits, settings);
}

int budget_settings_read(struct slice record, struct queue_settings *settings)
{
    struct rec_budget rec;
    struct fault fault;
    if (shape_decode(record, &shape_rec_budget, KEYS_NUMBERS, &rec, &fault) != 0)
        return -EBADMSG;
    return read_limits(rec.limits, settings);
}

static int pack_groups(const struct queue_settings *settings, struct buf *out)
{
    size_t mark;
    int rc = list_begin(out, &mark);
    for (size_t i = 0; i < settings->group_count && rc == 0; i++) {
        const struct group_setting *group = &settings->groups[i];
        struct wire_queue_group item = {name_of(group), group->concurrency, group->weight, 0};
        rc = shape_encode(out, &shape_queue_group, &item, KEYS_NAMES);
    }
    if (rc == 0)
        list_end(out, mark, (uint32_t)settings->group_count);
    return rc;
}

static int pack_rates(const struct queue_settings *settings, struct buf *out)
{
    size_t mark;
    int rc = list_begin(out, &mark);
    for (size_t i = 0; i < settings->rate_count && rc == 0; i++)
        rc = shape_encode(out, &shape_rate, &settings->rates[i], KEYS_NAMES);
    if (rc == 0)
        list_end(out, mark, (uint32_t)settings->rate_count);
    return rc;
}

/* Rates and groups are packed into core->nested, one behind the other. */
int queue_pack_limits(struct core *core, const struct queue_settings *settings,
                      const struct meter *meter, struct buf *out)
{
    struct wire_queue_limits limits = {.budget = {settings->budget, settings->budget_len}};
    struct queue_settings copy = *settings; /* not owned: only its numbers are looked at */
    for (size_t i = 0; i < NUMBERS; i++)
        *opt_at(&limits, numbers[i].there) = *number_of(&copy, i);
    buf_clear(&core->nested);
    int rc =
        meter ? meter_pack_rates(core, meter, &core->nested) : pack_rates(settings, &core->nested);
    size_t split = core->nested.len;
    if (rc == 0)
        rc = pack_groups(settings, &core->nested);
    if (rc < 0)
        return rc;
    if (settings->rate_count)
        limits.rates = (struct slice){core->nested.at, split};
    if (settings->group_count)
        limits.groups = (struct slice){core->nested.at + split, core->nested.len - split};
    return shape_encode(out, &shape_queue_limits, &limits, KEYS_NAMES);
}

int queue_settings_write(struct core *core, const struct queue_settings *settings,
                         struct slice *record_out)
{
    struct rec_queue rec = {.paused = settings->paused};
    buf_clear(&core->scratch);
    int rc = queue_pack_limits(core, settings, NULL, &core->scratch);
    rec.limits = buf_slice(&core->scratch);
    if (rc == 0)
        rc = shape_keep(&core->value, &shape_queue_defaults, &settings->defaults, KEYS_NAMES,
                        &rec.defaults);
    return rc < 0 ? rc
                  : shape_keep(&core->record, &shape_rec_queue, &rec, KEYS_NUMBERS, record_out);
}

int budget_settings_write(struct core *core, const struct queue_settings *settings,
                          struct slice *record_out)
{
    struct rec_budget rec = {0};
    buf_clear(&core->scratch);
    int rc = queue_pack_limits(core, settings, NULL, &core->scratch);
    rec.limits = buf_slice(&core->scratch);
    return rc < 0 ? rc
                  : shape_keep(&core->record, &shape_rec_budget, &rec, KEYS_NUMBERS, record_out);
}

bool queue_settings_are_none(const struct queue_settings *settings)
{
    struct queue_settings copy = *settings;
    bool any =
        settings->paused || settings->rate_count || settings->group_count || settings->budget_len;
    for (size_t i = 0; i < NUMBERS; i++)
        any |= number_of(&copy, i)->set;
    for (size_t i = 0; i < shape_queue_defaults.count; i++)
        any |= opt_at(&copy.defaults, shape_queue_defaults.fields[i].offset)->set;
    return !any;
}

/* --- changes --------------------------------------------------------------------------------- */

static bool clear_number(struct queue_settings *settings, struct text name, bool is_budget)
{
    for (size_t i = 0; i < NUMBERS; i++)
        if (text_is(name, numbers[i].name) && (numbers[i].of_budgets || !is_budget)) {
            *number_of(settings, i) = (struct opt_u64){0};
            return true;
        }
    return false;
}

static bool clear_default(struct queue_settings *settings, struct text name)
{
    for (size_t i = 0; i < shape_queue_defaults.count; i++) {
        const struct field *field = &shape_queue_defaults.fields[i];
        if (text_is(name, field->name)) {
            *opt_at(&settings->defaults, field->offset) = (struct opt_u64){0};
            return true;
        }
    }
    return false;
}

static bool begins(struct text name, const char *with, struct text *rest_out)
{
    struct text head = text_of(with);
    if (name.len <= head.len || memcmp(name.at, head.at, head.len) != 0)
        return false;
    *rest_out = (struct text){name.at + head.len, name.len - head.len};
    return true;
}

/* Of a queue only. false: there is no such setting. */
static bool clear_other(struct queue_settings *settings, struct text name)
{
    struct text rest;
    if (text_is(name, "groups"))
        settings->group_count = 0;
    else if (begins(name, "groups.", &rest))
        remove_group(settings, rest); /* not there is as good as gone */
    else if (text_is(name, "budget"))
        settings->budget_len = 0;
    else if (text_is(name, "defaults"))
        memset(&settings->defaults, 0, sizeof settings->defaults);
    else if (begins(name, "defaults.", &rest))
        return clear_default(settings, rest);
    else
        return false;
    return true;
}

static void clear_all(struct queue_settings *settings)
{
    queue_settings_fini(settings);
    *settings = (struct queue_settings){.paused = settings->paused};
}

static bool clear_one(struct queue_settings *settings, struct text name, bool is_budget)
{
    if (text_is(name, "all"))
        clear_all(settings);
    else if (text_is(name, "rates"))
        settings->rate_count = 0;
    else
        return clear_number(settings, name, is_budget) ||
               (!is_budget && clear_other(settings, name));
    return true;
}

static int clear_named(struct core *core, const struct queue_change *change,
                       struct queue_settings *settings)
{
    struct list_iter iter;
    struct text name;
    int more = list_open(change->clear, &iter) == 0 ? 1 : -1;
    while (more == 1 && (more = list_next_text(&iter, &name)) == 1)
        if (!clear_one(settings, name, change->is_budget))
            return refuse(core, WIRE_INVALID_REQUEST, "clear", "there is no setting '%.*s'%s",
                          name.len < 64 ? (int)name.len : 64, name.at,
                          change->is_budget ? " of a budget" : "");
    return more == 0 ? 0 : refuse(core, WIRE_INVALID_REQUEST, "clear", "expected a list of names");
}

static int change_numbers(struct core *core, const struct queue_change *change,
                          struct wire_queue_limits *limits, struct queue_settings *settings)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        const struct opt_u64 *given = opt_at(limits, numbers[i].there);
        if (!given->set)
            continue;
        if (change->is_budget && !numbers[i].of_budgets)
            return refuse(core, WIRE_INVALID_REQUEST, numbers[i].name,
                          "a budget has concurrency and rates only");
        if (given->value < numbers[i].least)
            return refuse(core, WIRE_INVALID_REQUEST, numbers[i].name, "expected at least 1");
        *number_of(settings, i) = *given;
    }
    return 0;
}

static int check_rate(struct core *core, const struct queue_settings *settings,
                      const struct wire_rate *rate)
{
    if (rate->max == 0 || rate->window_ms == 0)
        return refuse(core, WIRE_INVALID_REQUEST, "rates",
                      "expected max and window_ms of at least 1");
    for (size_t i = 0; i < settings->rate_count; i++)
        if (settings->rates[i].window_ms == rate->window_ms)
            return refuse(core, WIRE_INVALID_REQUEST, "rates", "two rates have the same window_ms");
    return 0;
}

static int change_rates(struct core *core, struct slice list, struct queue_settings *settings)
{
    struct list_iter iter;
    struct wire_rate rate;
    int more;
    if (list.len == 0)
        return 0;
    if (list_open(list, &iter) != 0 || iter.count > QUEUE_RATES_MAX)
        return refuse(core, WIRE_INVALID_REQUEST, "rates", "expected at most %d rates",
                      QUEUE_RATES_MAX);
    settings->rate_count = 0;
    while ((more = list_next(&iter, &shape_rate, KEYS_NAMES, &rate, &core->fault)) == 1) {
        int rc = check_rate(core, settings, &rate);
        if (rc != 0)
            return rc;
        rate.used = (struct opt_u64){0};
        settings->rates[settings->rate_count++] = rate;
    }
    if (more < 0)
        fault_within(&core->fault, "rates", iter.index);
    return more < 0 ? REFUSED : 0;
}

static int change_groups(struct core *core, struct slice list, struct queue_settings *settings)
{
    struct list_iter iter;
    struct wire_queue_group group;
    int more, rc = 0;
    if (list_open(list, &iter) != 0)
        return refuse(core, WIRE_INVALID_REQUEST, "groups", "expected a list");
    while (rc == 0 &&
           (more = list_next(&iter, &shape_queue_group, KEYS_NAMES, &group, &core->fault)) != 0) {
        if (more < 0)
            rc = REFUSED;
        else if (!name_is_fit(group.group, GROUP_LEN_MAX))
            rc = refuse(core, WIRE_INVALID_REQUEST, "group",
                        "expected 1 to %d bytes without control characters", GROUP_LEN_MAX);
        else if (group.concurrency.set && group.concurrency.value == 0)
            rc = refuse(core, WIRE_INVALID_REQUEST, "concurrency", "expected at least 1");
        else if (group.weight.set && group.weight.value == 0)
            rc = refuse(core, WIRE_INVALID_REQUEST, "weight", "expected at least 1");
        else if (settings->group_count >= QUEUE_GROUPS_MAX &&
                 !group_setting_find(settings, group.group))
            return refuse(core, WIRE_INVALID_REQUEST, "groups",
                          "expected at most %d groups with settings of their own",
                          QUEUE_GROUPS_MAX);
        else if (group.concurrency.set || group.weight.set)
            rc = merge_group(settings, &group);
    }
    if (rc == REFUSED)
        fault_within(&core->fault, "groups", more < 0 ? iter.index : iter.index - 1);
    return rc;
}

static int change_budget(struct core *core, struct text name, struct queue_settings *settings)
{
    if (!name.at)
        return 0;
    if (!budget_find(core, name))
        return refuse(core, WIRE_INVALID_REQUEST, "budget", "there is no budget of that name");
    memcpy(settings->budget, name.at, settings->budget_len = name.len);
    return 0;
}

static int change_limits(struct core *core, const struct queue_change *change,
                         struct queue_settings *settings)
{
    struct wire_queue_limits limits;
    if (change->limits.len == 0)
        return 0;
    int rc = shape_decode(change->limits, &shape_queue_limits, KEYS_NAMES, &limits, &core->fault);
    if (rc == 0 && change->is_budget && (limits.groups.len || limits.budget.len))
        rc = refuse(core, WIRE_INVALID_REQUEST, limits.groups.len ? "groups" : "budget",
                    "a budget has concurrency and rates only");
    if (rc == 0)
        rc = change_numbers(core, change, &limits, settings);
    if (rc == 0)
        rc = change_rates(core, limits.rates, settings);
    if (rc == 0)
        rc = change_groups(core, limits.groups, settings);
    if (rc == 0)
        rc = change_budget(core, limits.budget, settings);
    if (rc > 0)
        fault_within(&core->fault, "set", -1);
    return rc > 0 ? REFUSED : rc;
}

/* What 0 would make senseless, as a submit's own fields are checked. */
static int check_defaults(struct core *core, const struct wire_queue_defaults *defaults)
{
    const struct {
        const char *name;
        const struct opt_u64 *value;
    } positive[] = {{"timeout_ms", &defaults->timeout_ms},
                    {"max_attempts", &defaults->max_attempts},
                    {"max_lost", &defaults->max_lost},
                    {"stuck_timeout_ms", &defaults->stuck_timeout_ms},
                    {"start_deadline_ms", &defaults->start_deadline_ms}};
    for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
        if (positive[i].value->set && positive[i].value->value == 0)
            return refuse(core, WIRE_INVALID_REQUEST, positive[i].name, "expected at least 1");
    return 0;
}

static int change_defaults(struct core *core, struct slice map, struct queue_settings *settings)
{
    struct wire_queue_defaults given;
    if (map.len == 0)
        return 0;
    int rc = shape_decode(map, &shape_queue_defaults, KEYS_NAMES, &given, &core->fault);
    if (rc == 0)
        rc = check_defaults(core, &given);
    if (rc != 0) {
        fault_within(&core->fault, "defaults", -1);
        return REFUSED;
    }
    for (size_t i = 0; i < shape_queue_defaults.count; i++) {
        const struct opt_u64 *from = opt_at(&given, shape_queue_defaults.fields[i].offset);
        if (from->set)
            *opt_at(&settings->defaults, shape_queue_defaults.fields[i].offset) = *from;
    }
    return 0;
}

int queue_settings_change(struct core *core, const struct queue_change *change,
                          struct queue_settings *settings)
{
    if (change->pause && change->resume)
        return refuse(core, WIRE_INVALID_REQUEST, "resume", "expected pause or resume, not both");
    int rc = clear_named(core, change, settings);
    if (rc == 0)
        rc = change_limits(core, change, settings);
    if (rc == 0)
        rc = change_defaults(core, change->defaults, settings);
    settings->paused = change->pause || (settings->paused && !change->resume);
    return rc;
}

int queue_settings_copy(const struct queue_settings *from, struct queue_settings *to)
{
    *to = *from;
    to->group_cap = from->group_count;
    to->groups = NULL;
    if (from->group_count == 0)
        return 0;
    to->groups = malloc(from->group_count * sizeof *to->groups);
    if (!to->groups)
        return -ENOMEM;
    memcpy(to->groups, from->groups, from->group_count * sizeof *to->groups);
    return 0;
}

void queue_settings_fini(struct queue_settings *settings)
{
    free(settings->groups);
    settings->groups = NULL;
    settings->group_count = settings->group_cap = 0;
}
