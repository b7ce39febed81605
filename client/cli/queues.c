/* The commands queues, queue, budgets, budget.
 * Must never change anything that no option names.
 */
#include "client/queues.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/duration.h"
#include "client/answer.h"
#include "client/cli/cli.h"
#include "client/cli/print.h"
#include "client/cli/queue_change.h"
#include "client/cli/table.h"
#include "proto/json.h"

/* --- words for settings ------------------------------------------------------------------------
 */

static int add_word(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int add_word(struct buf *out, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return buf_printf(out, "%s%s", out->len ? ", " : "", text);
}

static int add_rates(struct buf *out, struct slice list)
{
    struct list_iter iter;
    struct wire_rate rate;
    struct fault fault;
    char time[DURATION_TEXT_SIZE];
    int rc = 0;
    if (list_open(list, &iter) != 0)
        return 0;
    while (rc == 0 && list_next(&iter, &shape_rate, KEYS_NAMES, &rate, &fault) == 1) {
        duration_format(rate.window_ms, time);
        rc = add_word(out, "rate %" PRIu64 "/%s", rate.max, time);
    }
    return rc;
}

static int add_groups(struct buf *out, struct slice list)
{
    struct list_iter iter;
    struct wire_queue_group group;
    struct fault fault;
    int rc = 0;
    if (list_open(list, &iter) != 0)
        return 0;
    while (rc == 0 && list_next(&iter, &shape_queue_group, KEYS_NAMES, &group, &fault) == 1) {
        if (group.concurrency.set)
            rc = add_word(out, "group-limit %.*s=%" PRIu64, (int)group.group.len, group.group.at,
                          group.concurrency.value);
        if (rc == 0 && group.weight.set)
            rc = add_word(out, "weight %.*s=%" PRIu64, (int)group.group.len, group.group.at,
                          group.weight.value);
    }
    return rc;
}

static int add_limits(struct buf *out, struct slice map)
{
    struct wire_queue_limits limits;
    struct fault fault;
    char time[DURATION_TEXT_SIZE];
    int rc = 0;
    if (map.len == 0 || shape_decode(map, &shape_queue_limits, KEYS_NAMES, &limits, &fault) != 0)
        return 0;
    if (limits.concurrency.set)
        rc = add_word(out, "limit %" PRIu64, limits.concurrency.value);
    if (rc == 0 && limits.group_concurrency.set)
        rc = add_word(out, "group-limit %" PRIu64, limits.group_concurrency.value);
    if (rc == 0)
        rc = add_rates(out, limits.rates);
    if (rc == 0 && limits.length_max.set)
        rc = add_word(out, "length %" PRIu64, limits.length_max.value);
    if (rc == 0 && limits.ageing_ms.set) {
        duration_format(limits.ageing_ms.value, time);
        rc = add_word(out, "ageing %s", time);
    }
    if (rc == 0 && limits.budget.len)
        rc = add_word(out, "budget %.*s", (int)limits.budget.len, limits.budget.at);
    return rc == 0 ? add_groups(out, limits.groups) : rc;
}

/* Fields with `_ms` are worded as the options take them. */
static int add_defaults(struct buf *out, struct slice map)
{
    struct wire_queue_defaults defaults;
    struct fault fault;
    char time[DURATION_TEXT_SIZE];
    int rc = 0;
    if (map.len == 0 ||
        shape_decode(map, &shape_queue_defaults, KEYS_NAMES, &defaults, &fault) != 0)
        return 0;
    for (size_t i = 0; i < shape_queue_defaults.count && rc == 0; i++) {
        const struct field *field = &shape_queue_defaults.fields[i];
        struct opt_u64 value;
        memcpy(&value, (const char *)&defaults + field->offset, sizeof value);
        if (!value.set)
            continue;
        if (field->name_len > 3 && strcmp(field->name + field->name_len - 3, "_ms") == 0) {
            duration_format(value.value, time);
            rc = add_word(out, "default %.*s=%s", field->name_len - 3, field->name, time);
        } else {
            rc = add_word(out, "default %s=%" PRIu64, field->name, value.value);
        }
    }
    return rc;
}

/* --- rows --------------------------------------------------------------------------------------
 */

static const char *const queue_heads[] = {"QUEUE",  "STATE",    "WAITING", "RUNNING",
                                          "OLDEST", "SETTINGS", NULL};
static const char *const budget_heads[] = {"BUDGET", "QUEUES", "RUNNING", "SETTINGS", NULL};

static void add_settings(struct table *table, struct slice limits, struct slice defaults)
{
    struct buf words = {0};
    int rc = add_limits(&words, limits);
    if (rc == 0)
        rc = add_defaults(&words, defaults);
    table_add(table, rc == 0 && words.len ? buf_text(&words) : TEXT("-"));
    buf_fini(&words);
}

static void add_queue(struct table *table, const struct wire_queue *queue)
{
    char oldest[PRINT_SPAN_SIZE] = "-";
    if (queue->oldest_seconds.set)
        print_span((uint64_t)(queue->oldest_seconds.value * 1000), oldest);
    table_add(table, queue->name);
    table_add(table, queue->paused ? TEXT("paused") : TEXT("open"));
    table_printf(table, "%" PRIu64, opt_or(queue->depth, 0));
    table_printf(table, "%" PRIu64, opt_or(queue->in_use, opt_or(queue->running, 0)));
    table_add(table, text_of(oldest));
    add_settings(table, queue->limits, queue->defaults);
}

static void add_budget(struct table *table, const struct wire_budget *budget)
{
    table_add(table, budget->name);
    table_printf(table, "%" PRIu64, opt_or(budget->queues, 0));
    table_printf(table, "%" PRIu64, opt_or(budget->in_use, 0));
    add_settings(table, budget->limits, (struct slice){0});
}

/* --- queues ------------------------------------------------------------------------------------
 */

/* Pages go into one table; `next` is where the following page begins. */
struct listing {
    struct table table;
    char next[QUEUE_LEN_MAX + 1];
};

static int take_page(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct listing *listing = arg;
    struct list_iter iter;
    struct wire_queue queue;
    struct fault fault;
    (void)reeve;
    if (list_open(answer->queues.queues, &iter) == 0)
        while (list_next(&iter, &shape_queue, KEYS_NAMES, &queue, &fault) == 1)
            add_queue(&listing->table, &queue);
    snprintf(listing->next, sizeof listing->next, "%.*s", (int)answer->queues.next.len,
             answer->queues.next.len ? answer->queues.next.at : "");
    return REEVE_OK;
}

int cli_queues(struct cli *cli)
{
    struct listing listing = {0};
    char after[sizeof listing.next];
    char *json = NULL;
    int code;
    if (cli->settings.json) {
        code = reeve_queues(cli->reeve, NULL, LIST_LIMIT_MAX, &json);
        print_json(json);
        return cli_failed(cli, code);
    }
    table_init(&listing.table, queue_heads);
    do {
        memcpy(after, listing.next, sizeof after);
        code =
            queues_list(cli->reeve, after[0] ? after : NULL, LIST_LIMIT_MAX, take_page, &listing);
    } while (code == REEVE_OK && listing.next[0]);
    table_print(&listing.table);
    return cli_failed(cli, code);
}

/* --- one queue ---------------------------------------------------------------------------------
 */

static int print_queue(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct table table;
    struct wire_queue queue;
    struct fault fault;
    (void)arg;
    if (shape_decode(answer->queue_is.queue, &shape_queue, KEYS_NAMES, &queue, &fault) != 0)
        return handle_fail(reeve, REEVE_SERVER_ERROR, fault.field, "%s", fault.problem);
    table_init(&table, queue_heads);
    add_queue(&table, &queue);
    table_print(&table);
    return REEVE_OK;
}

static int show_queue(struct cli *cli, const char *name)
{
    char *json = NULL;
    int code = cli->settings.json ? reeve_queue(cli->reeve, name, &json)
                                  : queues_get(cli->reeve, name, print_queue, NULL);
    print_json(json);
    return cli_failed(cli, code);
}

static int change_queue(struct cli *cli, const char *name, const struct reeve_queue_change *change)
{
    char *json = NULL;
    int code = cli->settings.json ? reeve_queue_set(cli->reeve, name, change, &json)
                                  : queues_set(cli->reeve, name, change, print_queue, NULL);
    print_json(json);
    return cli_failed(cli, code);
}

static int out_of_memory(const struct cli *cli)
{
    fprintf(stderr, "%s: out of memory\n", cli->table->program);
    return EXIT_FAILED;
}

int cli_queue(struct cli *cli)
{
    const char *name = cli->words.at[1];
    struct queue_wish *wish = calloc(1, sizeof *wish);
    if (!wish)
        return out_of_memory(cli);
    int status = queue_wish_read(cli, wish);
    if (status == EXIT_GOOD)
        status = wish->any ? change_queue(cli, name, &wish->change) : show_queue(cli, name);
    queue_wish_fini(wish);
    free(wish);
    return status;
}

/* --- budgets -----------------------------------------------------------------------------------
 */

static int print_budgets(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct table table;
    struct list_iter iter;
    struct wire_budget budget;
    struct fault fault;
    (void)arg;
    (void)reeve;
    table_init(&table, budget_heads);
    if (list_open(answer->budgets.budgets, &iter) == 0)
        while (list_next(&iter, &shape_budget, KEYS_NAMES, &budget, &fault) == 1)
            add_budget(&table, &budget);
    table_print(&table);
    return REEVE_OK;
}

int cli_budgets(struct cli *cli)
{
    char *json = NULL;
    int code = cli->settings.json ? reeve_budgets(cli->reeve, &json)
                                  : budgets_list(cli->reeve, print_budgets, NULL);
    print_json(json);
    return cli_failed(cli, code);
}

static int print_one(const struct wire_budget *budget)
{
    struct table table;
    table_init(&table, budget_heads);
    add_budget(&table, budget);
    table_print(&table);
    return REEVE_OK;
}

static int print_budget(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct wire_budget budget;
    struct fault fault;
    (void)arg;
    if (shape_decode(answer->budget_is.budget, &shape_budget, KEYS_NAMES, &budget, &fault) != 0)
        return handle_fail(reeve, REEVE_SERVER_ERROR, fault.field, "%s", fault.problem);
    return print_one(&budget);
}

/* `arg` is the cli: the one that its words name, out of all. */
static int find_budget(void *arg, struct reeve *reeve, const struct message *answer)
{
    const struct cli *cli = arg;
    struct list_iter iter;
    struct slice item;
    struct wire_budget budget;
    struct fault fault;
    struct buf text = {0};
    if (list_open(answer->budgets.budgets, &iter) != 0)
        return REEVE_SERVER_ERROR;
    while (list_next_any(&iter, &item) == 1) {
        if (shape_decode(item, &shape_budget, KEYS_NAMES, &budget, &fault) != 0 ||
            !text_is(budget.name, cli->words.at[1]))
            continue;
        if (!cli->settings.json)
            return print_one(&budget);
        char *json = NULL;
        int code = answer_take(reeve, json_from_shape(item, &shape_budget, &text), &text, &json);
        print_json(json);
        return code;
    }
    return handle_fail(reeve, REEVE_NOT_FOUND, "budget", "there is no budget '%.80s'",
                       cli->words.at[1]);
}

static int change_budget(struct cli *cli, char *name, const struct reeve_queue_change *change)
{
    char *json = NULL;
    int code = cli->settings.json ? reeve_budget_set(cli->reeve, name, change, &json)
                                  : budgets_set(cli->reeve, name, change, print_budget, NULL);
    print_json(json);
    return cli_failed(cli, code);
}

static int remove_budget(struct cli *cli, const char *name)
{
    int code = reeve_budget_remove(cli->reeve, name);
    if (code == REEVE_OK && !cli->settings.json)
        printf("%s removed\n", name);
    return cli_failed(cli, code);
}

int cli_budget(struct cli *cli)
{
    char *name = cli->words.at[1];
    if (cli->settings.remove)
        return remove_budget(cli, name);
    struct queue_wish *wish = calloc(1, sizeof *wish);
    if (!wish)
        return out_of_memory(cli);
    cli->settings.length = SETTING_ABSENT; /* no option of this command */
    int status = queue_wish_read(cli, wish);
    if (status == EXIT_GOOD)
        status = wish->any ? change_budget(cli, name, &wish->change)
                           : cli_failed(cli, budgets_list(cli->reeve, find_budget, cli));
    queue_wish_fini(wish);
    free(wish);
    return status;
}
