/* The commands operations and operation.
 * Must never start one: the commands that do are in bulk.c.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/rfc3339.h"
#include "client/cli/bulk.h"
#include "client/cli/print.h"
#include "client/cli/table.h"
#include "client/operations.h"

static const char *const heads[] = {"ID",      "KIND",    "STATUS",  "CHANGED",
                                    "REFUSED", "CREATED", "PROBLEM", NULL};

static void add(struct table *table, const struct wire_operation *operation)
{
    char id[REEVE_ID_SIZE], at[RFC3339_LEN + 1];
    uuid_format(&operation->id, id);
    rfc3339_format(operation->created_at, at);
    table_add(table, text_of(id));
    table_add(table, operation->kind);
    table_add(table, operation->status);
    table_printf(table, "%" PRIu64, operation->changed);
    table_printf(table, "%" PRIu64, operation->refused);
    table_add(table, text_of(at));
    table_add(table, operation->problem.len ? operation->problem : TEXT("-"));
}

static int print_operations(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct table table;
    struct list_iter iter;
    struct wire_operation operation;
    struct fault fault;
    (void)arg;
    (void)reeve;
    table_init(&table, heads);
    if (list_open(answer->operations.operations, &iter) == 0)
        while (list_next(&iter, &shape_operation, KEYS_NAMES, &operation, &fault) == 1)
            add(&table, &operation);
    table_print(&table);
    return REEVE_OK;
}

int cli_operations(struct cli *cli)
{
    char *json = NULL;
    uint32_t limit = cli->settings.limit == SETTING_ABSENT ? 0 : (uint32_t)cli->settings.limit;
    int code = cli->settings.json
                   ? reeve_operations(cli->reeve, NULL, limit, &json)
                   : operations_list(cli->reeve, NULL, limit, print_operations, NULL);
    print_json(json);
    return cli_failed(cli, code);
}

static int print_one(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct table table;
    struct wire_operation operation;
    struct fault fault;
    (void)arg;
    if (shape_decode(answer->operation_is.operation, &shape_operation, KEYS_NAMES, &operation,
                     &fault) != 0)
        return handle_fail(reeve, REEVE_SERVER_ERROR, fault.field, "%s", fault.problem);
    table_init(&table, heads);
    add(&table, &operation);
    table_print(&table);
    return REEVE_OK;
}

static int stop(struct cli *cli, const char *id)
{
    char *json = NULL;
    int code = reeve_operation_stop(cli->reeve, id, cli->settings.json ? &json : NULL);
    print_json(json);
    if (code == REEVE_OK && !cli->settings.json)
        printf("%s stopped\n", id);
    return cli_failed(cli, code);
}

int cli_operation(struct cli *cli)
{
    const char *text = cli->words.at[1];
    struct uuid id;
    char *json = NULL;
    if (uuid_parse(text_of(text), &id) != 0)
        return settings_exit(settings_wrong(cli->table, "'%.80s' is no id", text));
    if (cli->settings.stop)
        return stop(cli, text);
    if (cli->settings.follow)
        return cli_bulk_follow(cli, &id, "changed");
    int code = cli->settings.json ? reeve_operation_get(cli->reeve, text, &json)
                                  : operations_get(cli->reeve, &id, print_one, NULL);
    print_json(json);
    return cli_failed(cli, code);
}
