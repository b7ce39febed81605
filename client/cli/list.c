/* The commands list and count.
 * Must never ask for more than one page.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/rfc3339.h"
#include "client/cli/filter.h"
#include "client/cli/print.h"
#include "client/cli/table.h"
#include "client/cli/view.h"
#include "client/jobs.h"

static const char *const heads[] = {"ID",       "STATUS", "TYPE", "QUEUE",
                                    "PROGRESS", "AGE",    "NAME", NULL};

static void add_progress(struct table *table, struct slice encoded)
{
    struct wire_progress progress;
    struct fault fault;
    if (encoded.len > 0 &&
        shape_decode(encoded, &shape_progress, KEYS_NAMES, &progress, &fault) == 0 &&
        progress.fraction.set)
        table_printf(table, "%d%%", view_percent(progress.fraction.value));
    else
        table_add(table, TEXT("-"));
}

/* How old a job is on a terminal, when it was made elsewhere. */
static void add_age(struct table *table, uint64_t created_at)
{
    char words[RFC3339_LEN + 1 + PRINT_SPAN_SIZE];
    uint64_t now = clock_wall_ms();
    if (print_to_terminal())
        print_span(now > created_at ? now - created_at : 0, words);
    else
        rfc3339_format(created_at, words);
    table_add(table, text_of(words));
}

static void add_job(struct table *table, const struct wire_job *job)
{
    char id[REEVE_ID_SIZE];
    uuid_format(&job->id, id);
    table_add(table, text_of(id));
    table_add(table, text_of(job_state_word(job->status)));
    table_add(table, job->type);
    table_add(table, job->queue);
    add_progress(table, job->progress);
    add_age(table, job->created_at);
    table_add(table, job->name);
}

/* On a terminal one is told where a list does not end. */
static void tell_more(const struct msg_jobs *jobs, uint32_t shown)
{
    if (!print_to_terminal() || jobs->next_cursor.len == 0)
        return;
    printf("(%u", shown);
    if (jobs->total.set)
        printf(" of %s%llu", jobs->total_capped ? "more than " : "",
               (unsigned long long)jobs->total.value);
    printf("; more with --limit, or --cursor %.*s)\n", (int)jobs->next_cursor.len,
           jobs->next_cursor.at);
}

static int print_list(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct table table;
    struct list_iter iter;
    struct wire_job job;
    struct fault fault;
    int rc = list_open(answer->jobs.jobs, &iter) == 0 ? 1 : -1;
    (void)arg;
    table_init(&table, heads);
    while (rc == 1) {
        rc = list_next(&iter, &shape_job, KEYS_NAMES, &job, &fault);
        if (rc == 1)
            add_job(&table, &job);
    }
    table_print(&table);
    if (rc < 0)
        return handle_fail(reeve, REEVE_SERVER_ERROR, "", "the broker's answer cannot be read");
    tell_more(&answer->jobs, iter.index);
    return REEVE_OK;
}

int cli_list(struct cli *cli)
{
    const struct cli_settings *settings = &cli->settings;
    struct cli_filter filter = {0};
    char *json = NULL;
    int status = cli_filter_read(cli, &filter);
    filter.wanted.limit = settings->limit == SETTING_ABSENT ? 0 : (uint32_t)settings->limit;
    filter.wanted.cursor = settings->cursor;
    filter.wanted.offset = settings->offset == SETTING_ABSENT ? 0 : (uint32_t)settings->offset;
    filter.wanted.sort = settings->sort;
    filter.wanted.order = settings->oldest_first ? "asc" : settings->order;
    if (status == EXIT_GOOD) {
        int code = settings->json ? reeve_list(cli->reeve, &filter.wanted, &json)
                                  : jobs_list(cli->reeve, &filter.wanted, print_list, NULL);
        print_json(json);
        status = cli_failed(cli, code);
    }
    cli_filter_fini(&filter);
    return status;
}

int cli_count(struct cli *cli)
{
    struct cli_filter filter = {0};
    uint64_t count = 0;
    bool capped = false;
    int status = cli_filter_read(cli, &filter);
    if (status == EXIT_GOOD)
        status = cli_failed(cli, reeve_count(cli->reeve, &filter.wanted, &count, &capped));
    cli_filter_fini(&filter);
    if (status == EXIT_GOOD && cli->settings.json)
        printf("{\"total\":%llu,\"total_capped\":%s}\n", (unsigned long long)count,
               capped ? "true" : "false");
    else if (status == EXIT_GOOD)
        printf("%s%llu\n", capped ? "at least " : "", (unsigned long long)count);
    return status;
}
