/* The command journal: what happened to all jobs, and with -f what happens.
 * Must never print an event twice, nor hide that some are no longer kept.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/rfc3339.h"
#include "client/cli/cli.h"
#include "client/cli/print.h"
#include "client/journal.h"
#include "proto/json.h"

enum { POLL_MS = 500 };

/* Events printed so far: up to `after`, `left` more may come. */
struct reading {
    struct cli *cli;
    uint64_t after, left;
    bool more;
};

static void print_column(struct text text, int width)
{
    print_text(stdout, text.len ? text : TEXT("-"));
    size_t columns = print_columns(text.len ? text : TEXT("-"));
    if (!print_to_terminal())
        putchar('\t');
    else
        printf("%*s", columns < (size_t)width ? width - (int)columns + 2 : 2, "");
}

/* What is particular to the event: why, or of what it failed, or who runs it. */
static void print_detail(const struct wire_event *event)
{
    struct wire_failure failure;
    struct wire_worker_ref worker;
    struct fault fault;
    if (event->reason.len) {
        print_text(stdout, event->reason);
    } else if (event->error.len &&
               shape_decode(event->error, &shape_failure, KEYS_NAMES, &failure, &fault) == 0) {
        print_text(stdout, failure.type);
        fputs(": ", stdout);
        print_text(stdout, failure.message);
    } else if (event->worker.len &&
               shape_decode(event->worker, &shape_worker_ref, KEYS_NAMES, &worker, &fault) == 0) {
        print_text(stdout, worker.name);
    }
    putchar('\n');
}

static void print_event(const struct wire_event *event)
{
    char seq[24], at[RFC3339_LEN + 1], job[REEVE_ID_SIZE];
    snprintf(seq, sizeof seq, "%" PRIu64, event->seq);
    rfc3339_format(event->at, at);
    uuid_format(&event->job, job);
    print_column(text_of(seq), 6);
    print_column(text_of(at), RFC3339_LEN);
    print_column(text_of(job), UUID_TEXT_LEN);
    print_column(event->type, 9);
    print_column(text_of(job_state_word(event->status)), 9);
    print_column(event->job_type, 12);
    print_column(event->queue, 8);
    print_column(event->owner, 9);
    print_detail(event);
}

static void print_line(const struct reading *reading, const struct wire_event *event)
{
    struct buf json = {0};
    if (!reading->cli->settings.json)
        print_event(event);
    else if (json_from_struct(event, &shape_event, &json) == 0)
        printf("%.*s\n", (int)json.len, (const char *)json.at);
    buf_fini(&json);
}

static void say_missed(const struct reading *reading)
{
    fprintf(stderr, "%s: events after %" PRIu64 " are no longer kept\n",
            reading->cli->table->program, reading->after);
}

static int take(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct reading *reading = arg;
    const struct msg_journal *journal = &answer->journal;
    struct list_iter iter;
    struct wire_event event;
    struct fault fault;
    (void)reeve;
    if (journal->missed)
        say_missed(reading);
    reading->after = journal->next;
    reading->more = journal->more;
    if (list_open(journal->events, &iter) != 0)
        return REEVE_OK;
    while (list_next(&iter, &shape_event, KEYS_NAMES, &event, &fault) == 1) {
        print_line(reading, &event);
        reading->left--;
    }
    fflush(stdout);
    return REEVE_OK;
}

static struct reeve_journal_filter filter_of(const struct cli *cli)
{
    const struct cli_settings *settings = &cli->settings;
    return (struct reeve_journal_filter){
        .after = settings->journal_after == SETTING_ABSENT ? 0 : settings->journal_after,
        .types = settings->of_events,
        .owner = settings->journal_owner,
        .limit = LIST_LIMIT_MAX};
}

static int read_kept(struct reading *reading)
{
    struct reeve_journal_filter filter = filter_of(reading->cli);
    int code = REEVE_OK;
    do {
        filter.after = reading->after;
        if (reading->left < filter.limit)
            filter.limit = (uint32_t)reading->left;
        code = journal_get(reading->cli->reeve, &filter, take, reading);
    } while (code == REEVE_OK && reading->more && reading->left > 0);
    return code;
}

/* Waits with the connection alive, so that it notices a broker that comes back. */
static int wait_a_little(struct cli *cli)
{
    uint64_t until = clock_mono_ms() + POLL_MS;
    int code = REEVE_OK;
    while (code == REEVE_OK && clock_mono_ms() < until)
        code = handle_turn(cli->reeve, until);
    return code;
}

static int print_page(struct cli *cli)
{
    char *json = NULL;
    struct reeve_journal_filter filter = filter_of(cli);
    if (cli->settings.journal_limit != SETTING_ABSENT)
        filter.limit = (uint32_t)cli->settings.journal_limit;
    int code = reeve_journal(cli->reeve, &filter, &json);
    print_json(json);
    return cli_failed(cli, code);
}

int cli_journal(struct cli *cli)
{
    struct reading reading = {
        .cli = cli, .left = cli->settings.journal_limit, .after = filter_of(cli).after};
    if (cli->settings.json && !cli->settings.journal_follow)
        return print_page(cli);
    int code = read_kept(&reading);
    while (code == REEVE_OK && cli->settings.journal_follow && reading.left > 0) {
        code = wait_a_little(cli);
        if (code == REEVE_OK)
            code = read_kept(&reading);
    }
    return cli_failed(cli, code);
}
