/* The command dead: failed jobs by their cause.
 * Must never change a job: `reeve retry --cause` does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/rfc3339.h"
#include "client/cli/cli.h"
#include "client/cli/print.h"
#include "client/cli/table.h"
#include "client/operations.h"

static const char *const heads[] = {"CAUSE", "FAILED",  "LAST",    "TYPE",
                                    "ERROR", "MESSAGE", "EXAMPLE", NULL};

/* A page's rows go into one table; `next` is where the following page begins. */
struct causes {
    struct table table;
    char next[CAUSE_LEN + 1];
    uint64_t failed, count;
    bool at_least;
};

static void add(struct causes *causes, const struct wire_cause *cause)
{
    char at[RFC3339_LEN + 1], id[REEVE_ID_SIZE];
    struct table *table = &causes->table;
    rfc3339_format(cause->last_at, at);
    uuid_format(&cause->example, id);
    table_add(table, cause->cause);
    table_printf(table, "%" PRIu64 "%s", cause->count, cause->at_least ? "+" : "");
    table_add(table, text_of(at));
    table_add(table, cause->type);
    table_add(table, cause->error);
    table_add(table, cause->message);
    table_add(table, text_of(id));
    causes->failed += cause->count;
    causes->count++;
    causes->at_least |= cause->at_least;
}

static int take(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct causes *causes = arg;
    struct list_iter iter;
    struct wire_cause cause;
    struct fault fault;
    (void)reeve;
    if (list_open(answer->causes.causes, &iter) == 0)
        while (list_next(&iter, &shape_cause, KEYS_NAMES, &cause, &fault) == 1)
            add(causes, &cause);
    snprintf(causes->next, sizeof causes->next, "%.*s", (int)answer->causes.next.len,
             answer->causes.next.len ? answer->causes.next.at : "");
    return REEVE_OK;
}

static int print_causes(struct cli *cli)
{
    struct causes causes = {0};
    table_init(&causes.table, heads);
    struct msg_get_causes ask = {.queue = text_of(cli->settings.of_queue),
                                 .type = text_of(cli->settings.of_type),
                                 .limit = LIST_LIMIT_MAX};
    char after[sizeof causes.next];
    int code;
    do {
        memcpy(after, causes.next, sizeof after);
        ask.after = text_of(after);
        code = operations_causes(cli->reeve, &ask, take, &causes);
    } while (code == REEVE_OK && causes.next[0]);
    table_print(&causes.table);
    if (code == REEVE_OK && print_to_terminal())
        printf("(%s%" PRIu64 " failed, %" PRIu64 " cause%s)\n", causes.at_least ? "at least " : "",
               causes.failed, causes.count, causes.count == 1 ? "" : "s");
    return cli_failed(cli, code);
}

int cli_dead(struct cli *cli)
{
    char *json = NULL;
    if (!cli->settings.json)
        return print_causes(cli);
    int code = reeve_causes(cli->reeve, cli->settings.of_queue, cli->settings.of_type, NULL,
                            LIST_LIMIT_MAX, &json);
    print_json(json);
    return cli_failed(cli, code);
}
