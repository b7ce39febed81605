/* Staying until jobs have ended, and the commands wait and watch.
 * Must never leave because the broker restarts.
 */
#include "client/cli/stay.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/cli/print.h"
#include "client/follow.h"
#include "client/jobs.h"

struct staying {
    struct view *views;
    struct screen screen;
};

static int on_news(void *arg, size_t index, const struct watch_news *news)
{
    struct staying *staying = arg;
    view_update(&staying->views[index], news);
    screen_news(&staying->screen, index, news);
    return 0;
}

/* The first word with the broker has a deadline; a missing job is found out by following it. */
static int first_contact(struct cli *cli, const struct uuid *id)
{
    int code = jobs_get(cli->reeve, id, NULL, NULL);
    bool missing = code == REEVE_NOT_FOUND || code == REEVE_GONE;
    return missing ? EXIT_GOOD : cli_failed(cli, code);
}

static int print_job(const struct cli *cli, const struct uuid *id)
{
    char text[REEVE_ID_SIZE];
    char *json = NULL;
    uuid_format(id, text);
    int code = reeve_get(cli->reeve, text, &json);
    print_json(json);
    return cli_failed(cli, code);
}

/* Where the time was over: the jobs as they are, so that their ids are not lost. */
static int time_is_over(struct cli *cli, const struct stay *stay, const struct uuid *ids,
                        size_t count)
{
    fprintf(stderr, "%s: not ended within the time\n", cli->table->program);
    for (size_t i = 0; stay->print_jobs && i < count; i++)
        print_job(cli, &ids[i]);
    return EXIT_TIMED_OUT;
}

/* Failed before cancelled before missing before completed. */
static int worse(int a, int b)
{
    static const int order[] = {EXIT_JOB_FAILED, EXIT_JOB_CANCELLED, EXIT_FAILED};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (a == order[i] || b == order[i])
            return order[i];
    }
    return a;
}

static int tell_missing(const struct cli *cli, const struct view *view)
{
    char id[REEVE_ID_SIZE];
    uuid_format(&view->id, id);
    fprintf(stderr, "%s: %s: %s\n", cli->table->program, id, view->error);
    return EXIT_FAILED;
}

static int sum_up(const struct cli *cli, const struct stay *stay, const struct view *views,
                  size_t count)
{
    int status = EXIT_GOOD;
    for (size_t i = 0; i < count; i++) {
        int own = views[i].missing ? tell_missing(cli, &views[i]) : cli_exit_of(views[i].status);
        if (!views[i].missing && stay->print_jobs) {
            int printed = print_job(cli, &views[i].id);
            own = printed == EXIT_GOOD ? own : printed;
        }
        status = worse(status, own);
    }
    return status;
}

static int follow(struct cli *cli, const struct uuid *ids, size_t count, const struct stay *stay,
                  struct view *views)
{
    struct staying staying = {.views = views};
    const struct reeve_follow_options options = {
        .has_after = stay->after.set,
        .after = stay->after.value,
        .timeout_ms = stay->timeout_ms == SETTING_ABSENT ? 0 : stay->timeout_ms};
    for (size_t i = 0; i < count; i++)
        view_init(&views[i], &ids[i]);
    screen_init(&staying.screen, stay->screen, views, count);
    int code = follow_run(cli->reeve, ids, count, &options, on_news, &staying);
    screen_end(&staying.screen);
    if (code == REEVE_TIMEOUT)
        return time_is_over(cli, stay, ids, count);
    return code == REEVE_OK ? sum_up(cli, stay, views, count) : cli_failed(cli, code);
}

int stay_with(struct cli *cli, const struct uuid *ids, size_t count, const struct stay *stay,
              struct view *views_out)
{
    int status = first_contact(cli, &ids[0]);
    if (status != EXIT_GOOD)
        return status;
    struct view *views = views_out ? views_out : calloc(count, sizeof *views);
    if (!views)
        return cli_failed(cli, handle_fail_memory(cli->reeve));
    status = follow(cli, ids, count, stay, views);
    if (!views_out)
        free(views);
    return status;
}

enum screen_kind stay_screen(const struct cli *cli)
{
    const char *terminal = getenv("TERM");
    bool smart = print_to_terminal() && terminal && strcmp(terminal, "dumb") != 0;
    return cli->settings.json ? SCREEN_JSON : smart ? SCREEN_BARS : SCREEN_LINES;
}

/* --- commands --------------------------------------------------------------------------------- */

static void print_ends(const struct view *views, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char id[REEVE_ID_SIZE];
        uuid_format(&views[i].id, id);
        if (!views[i].missing)
            printf("%s %s\n", id, job_state_word(views[i].status));
    }
}

int cli_wait(struct cli *cli)
{
    const struct stay stay = {.screen = SCREEN_NOTHING,
                              .timeout_ms = cli->settings.timeout_ms,
                              .print_jobs = cli->settings.json};
    struct uuid *ids;
    size_t count = 0;
    int status = cli_ids(cli, &ids, &count);
    struct view *views = status == EXIT_GOOD ? calloc(count, sizeof *views) : NULL;
    if (status == EXIT_GOOD && !views)
        status = cli_failed(cli, handle_fail_memory(cli->reeve));
    if (status == EXIT_GOOD) {
        status = stay_with(cli, ids, count, &stay, views);
        if (!cli->settings.json && status != EXIT_TRY_AGAIN)
            print_ends(views, count);
    }
    free(views);
    free(ids);
    return status;
}

int cli_watch(struct cli *cli)
{
    uint64_t after = cli->settings.after;
    const struct stay stay = {.screen = stay_screen(cli),
                              .timeout_ms = cli->settings.timeout_ms,
                              .after = {after, after != SETTING_ABSENT}};
    struct uuid *ids;
    size_t count = 0;
    int status = cli_ids(cli, &ids, &count);
    if (status == EXIT_GOOD)
        status = stay_with(cli, ids, count, &stay, NULL);
    free(ids);
    return status;
}
