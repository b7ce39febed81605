/* The check's rules of queues and budgets: what rests of their settings and of their rates. */
#include "base/endian.h"
#include "broker/core/check_rule.h"

enum { MARK_SIZE = 24, MARKS = 100 };

/* What both have. `limits_out` lives as long as the row. */
static int check_limits(struct check *check, struct slice map, struct wire_queue_limits *limits_out)
{
    *limits_out = (struct wire_queue_limits){0};
    if (map.len == 0)
        return 0;
    return check_shape(check, &shape_queue_limits, KEYS_NAMES, map, limits_out);
}

static bool has_rate(struct slice list, uint64_t window_ms)
{
    struct list_iter iter;
    struct wire_rate rate;
    struct fault fault;
    if (list_open(list, &iter) != 0)
        return false;
    while (list_next(&iter, &shape_rate, KEYS_NAMES, &rate, &fault) == 1)
        if (rate.window_ms == window_ms)
            return true;
    return false;
}

/* The limits in the settings of the name that a mark belongs to. */
static int limits_of(struct check *check, struct text name, struct wire_queue_limits *limits_out)
{
    struct rec_key key;
    struct rec_queue queue;
    struct rec_budget budget;
    struct slice value;
    int found = check_has(check, check->table, key_limit(&key, name), &value);
    if (found <= 0)
        return found < 0 ? found : check_violated(check, "settings under that name");
    bool is_queue = check->table == TABLE_QUEUE;
    int rc = is_queue ? check_shape(check, &shape_rec_queue, KEYS_NUMBERS, value, &queue)
                      : check_shape(check, &shape_rec_budget, KEYS_NUMBERS, value, &budget);
    return rc != 0 ? rc : check_limits(check, is_queue ? queue.limits : budget.limits, limits_out);
}

/* A mark is of a rate that is set, in the place of its number. */
static int check_mark(struct check *check, const struct store_row *row, struct text name,
                      uint64_t window_ms)
{
    struct wire_queue_limits limits;
    unsigned slot = row->key.at[row->key.len - 1];
    if (row->value.len != MARK_SIZE || get_be64(row->value.at) % MARKS != slot ||
        get_be64(row->value.at + 16) == 0)
        return check_violated(check, "a mark of starts whose number belongs in this place");
    int rc = limits_of(check, name, &limits);
    if (rc == 0 && !has_rate(limits.rates, window_ms))
        rc = check_violated(check, "a rate of this window among the settings");
    return rc;
}

int check_queue(struct check *check, const struct store_row *row)
{
    struct text name;
    uint64_t window_ms;
    struct rec_queue queue;
    struct rec_key key;
    struct wire_queue_limits limits;
    struct wire_queue_defaults defaults;
    if (key_limit_parse(row->key, &name, &window_ms) != 0 || name.len == 0)
        return check_violated(check, "a key of this table");
    if (window_ms)
        return check_mark(check, row, name, window_ms);
    int rc = check_shape(check, &shape_rec_queue, KEYS_NUMBERS, row->value, &queue);
    if (rc == 0 && queue.defaults.len)
        rc = check_shape(check, &shape_queue_defaults, KEYS_NAMES, queue.defaults, &defaults);
    if (rc == 0)
        rc = check_limits(check, queue.limits, &limits);
    if (rc == 0 && limits.budget.len)
        rc = check_wants(check, true, TABLE_BUDGET, key_limit(&key, limits.budget));
    return rc;
}

int check_budget(struct check *check, const struct store_row *row)
{
    struct text name;
    uint64_t window_ms;
    struct rec_budget budget;
    struct wire_queue_limits limits;
    if (key_limit_parse(row->key, &name, &window_ms) != 0 || name.len == 0)
        return check_violated(check, "a key of this table");
    if (window_ms)
        return check_mark(check, row, name, window_ms);
    int rc = check_shape(check, &shape_rec_budget, KEYS_NUMBERS, row->value, &budget);
    return rc != 0 ? rc : check_limits(check, budget.limits, &limits);
}
