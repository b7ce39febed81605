/* The command schedule: a word says what to do, of the table below.
 * Must never know what a tick is: the broker does.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/rfc3339.h"
#include "client/cli/draft.h"
#include "client/cli/print.h"
#include "client/cli/table.h"
#include "client/schedules.h"

/* --- one schedule ------------------------------------------------------------------------------
 */

static void put_text(const char *name, struct text text)
{
    if (text.len == 0)
        return;
    printf("%-12s ", name);
    print_text(stdout, text);
    putchar('\n');
}

static void put_time(const char *name, uint64_t at)
{
    char words[RFC3339_LEN + 1];
    if (at == 0)
        return;
    rfc3339_format(at, words);
    put_text(name, text_of(words));
}

static void put_spec(struct slice encoded)
{
    struct wire_spec spec;
    struct fault fault;
    if (shape_decode(encoded, &shape_spec, KEYS_NAMES, &spec, &fault) != 0)
        return;
    put_text("type", spec.type);
    put_text("queue", spec.queue);
    if (spec.params.len == 0)
        return;
    printf("%-12s ", "params");
    print_value(stdout, spec.params);
    putchar('\n');
}

static void put_error(const struct wire_schedule *schedule)
{
    struct wire_fault error;
    struct fault fault;
    if (schedule->last_error.len == 0 ||
        shape_decode(schedule->last_error, &shape_fault, KEYS_NAMES, &error, &fault) != 0)
        return;
    put_text("last error", error.message);
    put_time("", schedule->last_error_at);
}

static void put_schedule(const struct wire_schedule *schedule)
{
    char id[REEVE_ID_SIZE] = "";
    uuid_format(&schedule->last_job, id);
    put_text("name", schedule->name);
    put_text("owner", schedule->owner);
    put_text("cron", schedule->cron);
    put_text("zone", schedule->zone);
    put_text("paused", schedule->paused ? TEXT("yes") : TEXT("no"));
    put_time("next", schedule->next_at);
    put_time("last", schedule->last_at);
    if (!uuid_is_null(&schedule->last_job))
        put_text("last job", text_of(id));
    printf("%-12s %" PRIu64 ", %" PRIu64 " missed, %" PRIu64 " skipped\n", "runs",
           schedule->runs.value, schedule->missed.value, schedule->skipped.value);
    put_text("misfire", schedule->misfire);
    put_text("overlap", schedule->overlap);
    put_spec(schedule->spec);
    put_error(schedule);
}

static int print_one(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct wire_schedule schedule;
    struct fault fault;
    (void)arg;
    if (shape_decode(answer->schedule_is.schedule, &shape_schedule, KEYS_NAMES, &schedule,
                     &fault) != 0)
        return handle_fail(reeve, REEVE_SERVER_ERROR, fault.field, "%s", fault.problem);
    put_schedule(&schedule);
    return REEVE_OK;
}

/* --- tables ------------------------------------------------------------------------------------
 */

static const char *const heads[] = {"NAME", "CRON", "ZONE",   "TYPE",  "NEXT",
                                    "LAST", "RUNS", "MISSED", "OWNER", NULL};

static void add_time(struct table *table, uint64_t at, const char *otherwise)
{
    char words[RFC3339_LEN + 1];
    rfc3339_format(at, words);
    table_add(table, at ? text_of(words) : text_of(otherwise));
}

static void add(struct table *table, const struct wire_schedule *schedule)
{
    struct wire_spec spec = {0};
    struct fault fault;
    if (shape_decode(schedule->spec, &shape_spec, KEYS_NAMES, &spec, &fault) != 0)
        spec.type = TEXT("-");
    table_add(table, schedule->name);
    table_add(table, schedule->cron);
    table_add(table, schedule->zone);
    table_add(table, spec.type);
    add_time(table, schedule->next_at, schedule->paused ? "paused" : "-");
    add_time(table, schedule->last_at, "-");
    table_printf(table, "%" PRIu64, schedule->runs.value);
    table_printf(table, "%" PRIu64, schedule->missed.value);
    table_add(table, schedule->owner);
}

static int print_list(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct table table;
    struct list_iter iter;
    struct wire_schedule schedule;
    struct fault fault;
    struct text cursor = answer->schedules.next_cursor;
    int rc = list_open(answer->schedules.schedules, &iter) == 0 ? 1 : -1;
    (void)arg;
    table_init(&table, heads);
    while (rc == 1 && (rc = list_next(&iter, &shape_schedule, KEYS_NAMES, &schedule, &fault)) == 1)
        add(&table, &schedule);
    table_print(&table);
    if (rc < 0)
        return handle_fail(reeve, REEVE_SERVER_ERROR, "", "the broker's answer cannot be read");
    if (cursor.len > 0 && print_to_terminal())
        puts("(there are more: --limit)");
    return REEVE_OK;
}

static int print_ticks(void *arg, struct reeve *reeve, const struct message *answer)
{
    static const char *const tick_heads[] = {"AT", "LOCAL", NULL};
    struct table table;
    struct list_iter iter;
    struct wire_tick tick;
    struct fault fault;
    (void)arg;
    (void)reeve;
    table_init(&table, tick_heads);
    if (list_open(answer->preview.ticks, &iter) == 0)
        while (list_next(&iter, &shape_tick, KEYS_NAMES, &tick, &fault) == 1) {
            add_time(&table, tick.at, "-");
            table_add(&table, tick.local);
        }
    table_print(&table);
    return REEVE_OK;
}

/* --- what there is to do -----------------------------------------------------------------------
 */

static const char *word_of(const struct cli *cli)
{
    return cli->words.count > 2 ? cli->words.at[2] : NULL;
}

static int set(struct cli *cli)
{
    const struct cli_settings *settings = &cli->settings;
    struct draft draft = {0};
    struct reeve_schedule schedule = {.name = word_of(cli),
                                      .cron = settings->cron,
                                      .zone = settings->zone,
                                      .misfire = settings->misfire,
                                      .overlap = settings->overlap,
                                      .paused = settings->paused};
    char *json = NULL;
    if (!settings->cron || !settings->job_type)
        return settings_exit(settings_wrong(cli->table, "--cron and --type are needed"));
    int status = draft_read(cli, settings->job_type, &draft, &schedule.spec);
    if (status == EXIT_GOOD) {
        int code = settings->json ? reeve_schedule_set(cli->reeve, &schedule, &json)
                                  : schedules_set(cli->reeve, &schedule, print_one, NULL);
        print_json(json);
        status = cli_failed(cli, code);
    }
    draft_fini(&draft);
    return status;
}

static int list(struct cli *cli)
{
    const struct cli_settings *settings = &cli->settings;
    const struct reeve_schedule_filter filter = {
        .owner = settings->owner,
        .limit = settings->limit == SETTING_ABSENT ? 0 : (uint32_t)settings->limit,
        .cursor = settings->cursor};
    char *json = NULL;
    int code = settings->json ? reeve_schedules(cli->reeve, &filter, &json)
                              : schedules_list(cli->reeve, &filter, print_list, NULL);
    print_json(json);
    return cli_failed(cli, code);
}

static int show(struct cli *cli)
{
    char *json = NULL;
    const char *name = word_of(cli), *owner = cli->settings.owner;
    int code = cli->settings.json ? reeve_schedule_get(cli->reeve, name, owner, &json)
                                  : schedules_get(cli->reeve, name, owner, print_one, NULL);
    print_json(json);
    return cli_failed(cli, code);
}

static int change_pause(struct cli *cli, bool paused)
{
    char *json = NULL;
    char **out = cli->settings.json ? &json : NULL;
    const char *name = word_of(cli), *owner = cli->settings.owner;
    int code = paused ? reeve_schedule_pause(cli->reeve, name, owner, out)
                      : reeve_schedule_resume(cli->reeve, name, owner, out);
    print_json(json);
    if (code == REEVE_OK && !cli->settings.json)
        printf("%s %s\n", name, paused ? "paused" : "resumed");
    return cli_failed(cli, code);
}

static int pause_one(struct cli *cli)
{
    return change_pause(cli, true);
}

static int resume_one(struct cli *cli)
{
    return change_pause(cli, false);
}

static int delete_one(struct cli *cli)
{
    const char *name = word_of(cli);
    int code = reeve_schedule_delete(cli->reeve, name, cli->settings.owner);
    if (code == REEVE_OK && !cli->settings.json)
        printf("%s deleted\n", name);
    else if (code == REEVE_OK)
        puts("{\"deleted\":true}");
    return cli_failed(cli, code);
}

static int run_one(struct cli *cli)
{
    char id[REEVE_ID_SIZE];
    char *json = NULL;
    int code = reeve_schedule_run(cli->reeve, word_of(cli), cli->settings.owner, id,
                                  cli->settings.json ? &json : NULL);
    print_json(json);
    if (code == REEVE_OK && !cli->settings.json)
        puts(id);
    return cli_failed(cli, code);
}

/* An expression has blanks or begins with @; anything else is a schedule's name. */
static int preview(struct cli *cli)
{
    const struct cli_settings *settings = &cli->settings;
    const char *what = word_of(cli);
    bool is_name = !strpbrk(what, " \t@");
    const struct reeve_preview asked = {
        .name = is_name ? what : NULL,
        .owner = is_name ? settings->owner : NULL,
        .cron = is_name ? NULL : what,
        .zone = is_name ? NULL : settings->zone,
        .count = settings->count == SETTING_ABSENT ? 0 : (uint32_t)settings->count};
    char *json = NULL;
    int code = settings->json ? reeve_schedule_preview(cli->reeve, &asked, &json)
                              : schedules_preview(cli->reeve, &asked, print_ticks, NULL);
    print_json(json);
    return cli_failed(cli, code);
}

static const struct {
    const char *word;
    bool named;
    cli_run *run;
} actions[] = {
    {"set", true, set},           {"list", false, list},        {"show", true, show},
    {"pause", true, pause_one},   {"resume", true, resume_one}, {"run", true, run_one},
    {"delete", true, delete_one}, {"preview", true, preview},
};

int cli_schedule(struct cli *cli)
{
    const char *word = cli->words.at[1];
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].word, word) != 0)
            continue;
        if (actions[i].named == (word_of(cli) != NULL))
            return actions[i].run(cli);
        return settings_exit(settings_wrong(cli->table,
                                            actions[i].named ? "'%s' wants a name behind it"
                                                             : "'%s' wants nothing behind it",
                                            word));
    }
    return settings_exit(settings_wrong(
        cli->table, "'%.40s' is none of set, list, show, pause, resume, run, delete, preview",
        word));
}
