/* The command attempts: a row for each run of a job, with its last log lines below.
 * Must never show as a zero what nobody measured.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/rfc3339.h"
#include "client/cli/cli.h"
#include "client/cli/print.h"
#include "client/cli/table.h"
#include "client/jobs.h"

static const char *const heads[] = {"ATTEMPT", "SEGMENT", "OUTCOME", "STARTED", "TOOK", "EXIT",
                                    "CPU",     "RSS",     "WORKER",  "ERROR",   NULL};

static void add_took(struct table *table, const struct wire_attempt *row)
{
    char span[PRINT_SPAN_SIZE] = "-";
    if (row->ended_at >= row->started_at && row->started_at)
        print_span(row->ended_at - row->started_at, span);
    table_add(table, text_of(span));
}

static void add_exit(struct table *table, const struct wire_attempt *row)
{
    if (row->signal.len)
        table_printf(table, "%.*s%s", (int)row->signal.len, row->signal.at,
                     row->oom ? " (out of memory)" : "");
    else if (row->exit_code.set)
        table_printf(table, "%llu", (unsigned long long)row->exit_code.value);
    else
        table_add(table, TEXT("-"));
}

static void add_used(struct table *table, const struct wire_attempt *row)
{
    char span[PRINT_SPAN_SIZE] = "-";
    if (row->cpu_ms.set)
        print_span(row->cpu_ms.value, span);
    table_add(table, text_of(span));
    if (row->rss_max_bytes.set)
        table_printf(table, "%.1fM", (double)row->rss_max_bytes.value / (1024.0 * 1024.0));
    else
        table_add(table, TEXT("-"));
}

static void add_error(struct table *table, struct slice encoded)
{
    struct wire_failure failure = {0};
    struct fault fault;
    if (encoded.len > 0)
        shape_decode(encoded, &shape_failure, KEYS_NAMES, &failure, &fault);
    table_printf(table, "%.*s%s%.*s", (int)failure.type.len, failure.type.at,
                 failure.type.len && failure.message.len ? ": " : "", (int)failure.message.len,
                 failure.message.at);
}

static void add_row(struct table *table, const struct wire_attempt *row)
{
    char at[RFC3339_LEN + 1] = "-";
    if (row->started_at)
        rfc3339_format(row->started_at, at);
    table_printf(table, "%llu", (unsigned long long)row->n);
    table_printf(table, "%llu", (unsigned long long)row->segment);
    table_add(table, row->outcome.len ? row->outcome : TEXT("(running)"));
    table_add(table, text_of(at));
    add_took(table, row);
    add_exit(table, row);
    add_used(table, row);
    table_add(table, row->worker.len ? row->worker : TEXT("-"));
    add_error(table, row->error);
}

/* On a terminal, below the table: what it said last. */
static void print_tail(const struct wire_attempt *row)
{
    struct list_iter lines;
    struct wire_log log;
    struct fault fault;
    if (row->log_tail.len == 0 || list_open(row->log_tail, &lines) != 0)
        return;
    printf("\nattempt %llu, segment %llu, last lines:\n", (unsigned long long)row->n,
           (unsigned long long)row->segment);
    while (list_next(&lines, &shape_log, KEYS_NAMES, &log, &fault) == 1) {
        fputs("  ", stdout);
        print_text(stdout, log.level);
        putchar(' ');
        print_text(stdout, log.message);
        putchar('\n');
    }
}

static int each(const struct msg_attempts *attempts, struct table *table)
{
    struct list_iter iter;
    struct wire_attempt row;
    struct fault fault;
    int more;
    if (list_open(attempts->attempts, &iter) != 0)
        return -1;
    while ((more = list_next(&iter, &shape_attempt, KEYS_NAMES, &row, &fault)) == 1) {
        if (table)
            add_row(table, &row);
        else
            print_tail(&row);
    }
    return more;
}

static int print_attempts(void *arg, struct reeve *reeve, const struct message *answer)
{
    const struct msg_attempts *attempts = &answer->attempts;
    struct table table;
    (void)arg;
    table_init(&table, heads);
    int rc = each(attempts, &table);
    table_print(&table);
    if (rc == 0 && print_to_terminal())
        rc = each(attempts, NULL);
    return rc == 0
               ? REEVE_OK
               : handle_fail(reeve, REEVE_SERVER_ERROR, "", "the broker's answer cannot be read");
}

int cli_attempts(struct cli *cli)
{
    char *json = NULL;
    struct uuid *ids;
    size_t count = 0;
    int status = cli_ids(cli, &ids, &count);
    if (status != EXIT_GOOD)
        return status;
    int code = cli->settings.json ? reeve_attempts(cli->reeve, cli->words.at[1], &json)
                                  : jobs_attempts(cli->reeve, &ids[0], print_attempts, NULL);
    free(ids);
    print_json(json);
    return cli_failed(cli, code);
}
