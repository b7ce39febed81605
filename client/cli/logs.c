/* The command logs: what is kept, and with -f what comes after it.
 * Must never print a line twice, nor leave one out, where the two meet.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/rfc3339.h"
#include "client/cli/print.h"
#include "client/cli/stay.h"
#include "client/follow.h"
#include "client/jobs.h"
#include "proto/json.h"

static const char *const levels[] = {"debug", "info", "warning", "error"};
enum { LEVEL_COUNT = 4 };

/* Lines printed so far: up to `last`, `left` more may come. */
struct tail {
    struct cli *cli;
    uint64_t last, left;
    uint64_t rev; /* of the job, before the lines were read */
    size_t level;
    uint32_t got; /* lines of the last page */
    enum job_state status;
};

static size_t level_of(struct text word)
{
    size_t level = 0;
    while (level < LEVEL_COUNT && !text_is(word, levels[level]))
        level++;
    return level;
}

/* --- a line ----------------------------------------------------------------------------------- */

static void print_plain(const struct wire_log *log)
{
    char at[RFC3339_LEN + 1];
    rfc3339_format(log->at, at);
    printf("%s ", at);
    print_text(stdout, log->level);
    putchar(' ');
    print_text(stdout, log->message);
    if (log->context.len > 0) {
        putchar(' ');
        print_value(stdout, log->context);
    }
    putchar('\n');
}

static void print_line(const struct tail *tail, const struct wire_log *log)
{
    struct buf json = {0};
    if (!tail->cli->settings.json)
        print_plain(log);
    else if (json_from_struct(log, &shape_log, &json) == 0)
        printf("%.*s\n", (int)json.len, (const char *)json.at);
    buf_fini(&json);
}

/* --- what is kept ----------------------------------------------------------------------------- */

static int take_page(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct tail *tail = arg;
    struct list_iter iter;
    struct wire_log log;
    struct fault fault;
    (void)reeve;
    tail->got = 0;
    if (answer->logs.dropped > 0 && tail->last == 0)
        fprintf(stderr, "%s: the first %llu lines are no longer kept\n", tail->cli->table->program,
                (unsigned long long)answer->logs.dropped);
    if (list_open(answer->logs.logs, &iter) != 0)
        return REEVE_OK;
    while (list_next(&iter, &shape_log, KEYS_NAMES, &log, &fault) == 1) {
        print_line(tail, &log);
        tail->got++;
        tail->last = log.seq;
    }
    if (answer->logs.next > tail->last)
        tail->last = answer->logs.next;
    return REEVE_OK;
}

static int print_kept(struct tail *tail, const struct uuid *id)
{
    int code = REEVE_OK;
    uint64_t limit;
    do {
        limit = tail->left < LIST_LIMIT_MAX ? tail->left : LIST_LIMIT_MAX;
        const struct reeve_log_filter filter = {
            .level = tail->cli->settings.level, .after = tail->last, .limit = (uint32_t)limit};
        code = jobs_logs(tail->cli->reeve, id, &filter, take_page, tail);
        if (code == REEVE_OK)
            tail->left -= tail->got;
    } while (code == REEVE_OK && tail->left > 0 && tail->got == limit);
    return code;
}

/* --- what comes ------------------------------------------------------------------------------- */

static int take_rev(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct tail *tail = arg;
    struct wire_job job;
    struct fault fault;
    if (shape_decode(answer->job_is.job, &shape_job, KEYS_NAMES, &job, &fault) != 0)
        return handle_fail(reeve, REEVE_SERVER_ERROR, fault.field, "%s", fault.problem);
    tail->rev = job.rev;
    return REEVE_OK;
}

static int on_news(void *arg, size_t index, const struct watch_news *news)
{
    struct tail *tail = arg;
    struct wire_log log;
    struct fault fault;
    (void)index;
    if (!news->event || news->event->log.len == 0 ||
        shape_decode(news->event->log, &shape_log, KEYS_NAMES, &log, &fault) != 0)
        return 0;
    if (log.seq <= tail->last || level_of(log.level) < tail->level)
        return 0;
    print_line(tail, &log);
    fflush(stdout);
    tail->last = log.seq;
    return --tail->left == 0;
}

/* The rev is read before the lines: what comes after it is in the lines or in the events. */
static int follow_lines(struct tail *tail, const struct uuid *id)
{
    int code = jobs_get(tail->cli->reeve, id, take_rev, tail);
    if (code == REEVE_OK)
        code = print_kept(tail, id);
    if (code != REEVE_OK || tail->left == 0)
        return code;
    fflush(stdout);
    const struct reeve_follow_options options = {.has_after = true, .after = tail->rev};
    code = follow_run(tail->cli->reeve, id, 1, &options, on_news, tail);
    return code == REEVE_STOPPED ? REEVE_OK : code;
}

static int print_page(struct cli *cli)
{
    char *json = NULL;
    const struct cli_settings *settings = &cli->settings;
    const struct reeve_log_filter filter = {
        .level = settings->level,
        .after = settings->after_seq == SETTING_ABSENT ? 0 : settings->after_seq,
        .limit = settings->limit == SETTING_ABSENT ? LIST_LIMIT_MAX : (uint32_t)settings->limit};
    int code = reeve_logs(cli->reeve, cli->words.at[1], &filter, &json);
    print_json(json);
    return cli_failed(cli, code);
}

int cli_logs(struct cli *cli)
{
    const struct cli_settings *settings = &cli->settings;
    struct tail tail = {.cli = cli, .left = settings->limit};
    struct uuid *ids;
    size_t count = 0;
    if (settings->level && level_of(text_of(settings->level)) == LEVEL_COUNT)
        return settings_exit(settings_wrong(
            cli->table, "--level: '%s' is not debug, info, warning or error", settings->level));
    tail.level = settings->level ? level_of(text_of(settings->level)) : 0;
    tail.last = settings->after_seq == SETTING_ABSENT ? 0 : settings->after_seq;
    int status = cli_ids(cli, &ids, &count);
    if (status == EXIT_GOOD && settings->json && !settings->follow)
        status = print_page(cli);
    else if (status == EXIT_GOOD)
        status = cli_failed(cli, settings->follow ? follow_lines(&tail, &ids[0])
                                                  : print_kept(&tail, &ids[0]));
    free(ids);
    return status;
}
