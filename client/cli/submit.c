/* The command submit.
 * Must never send what is no JSON: it is said before the broker is asked.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/rfc3339.h"
#include "client/cli/draft.h"
#include "client/cli/pairs.h"
#include "client/cli/print.h"
#include "client/cli/stay.h"
#include "client/jobs.h"
#include "proto/json.h"
#include "proto/pack.h"

static int read_params(const struct cli *cli, struct buf *out)
{
    const char *words = cli->settings.params;
    return words ? cli_value(cli, words, "--params", out) : EXIT_GOOD;
}

static int read_time(const struct cli *cli, uint64_t *at_out)
{
    const char *text = cli->settings.run_at;
    *at_out = 0;
    if (!text || rfc3339_parse(text_of(text), at_out) == 0)
        return EXIT_GOOD;
    return settings_exit(
        settings_wrong(cli->table, "--run-at: '%s' is no time like 2030-01-31T12:00:00Z", text));
}

static uint64_t or_zero(uint64_t value)
{
    return value == SETTING_ABSENT ? 0 : value;
}

/* How long and how often, whom it waits for, who keeps it from running. */
static void fill_terms(const struct cli_settings *settings, struct reeve_spec *spec)
{
    spec->max_lost = (uint32_t)or_zero(settings->max_lost);
    spec->backoff_ms = or_zero(settings->backoff_ms);
    spec->backoff_cap_ms = or_zero(settings->backoff_cap_ms);
    spec->start_deadline_ms = or_zero(settings->start_deadline_ms);
    spec->stuck_timeout_ms = or_zero(settings->stuck_timeout_ms);
    spec->on_stuck = settings->on_stuck;
    spec->unique_key = settings->unique_key;
    spec->unique_policy = settings->unique_policy;
    spec->on_parent_failure = settings->on_parent_failure;
    spec->retention_ms = or_zero(settings->retention_ms);
    spec->result_retention_ms = or_zero(settings->result_retention_ms);
    spec->traceparent = settings->traceparent;
}

static void fill_spec(const struct cli *cli, const struct draft *draft, struct reeve_spec *spec)
{
    const struct cli_settings *settings = &cli->settings;
    *spec = (struct reeve_spec){.id = settings->id,
                                .queue = settings->queue,
                                .has_priority = settings->priority != SETTING_ABSENT,
                                .priority = (uint8_t)settings->priority,
                                .group = settings->group,
                                .owner = settings->owner,
                                .name = settings->name,
                                .description = settings->description,
                                .delay_ms = or_zero(settings->delay_ms),
                                .timeout_ms = or_zero(settings->job_timeout_ms),
                                .max_attempts = (uint32_t)or_zero(settings->max_attempts),
                                .idempotency_key = settings->key};
    fill_terms(settings, spec);
    spec->depends_on = (const char *const *)settings->parents.at;
    spec->depends_on_count = settings->parents.count;
    if (settings->params) {
        spec->params_msgpack = draft->params.at;
        spec->params_msgpack_size = draft->params.len;
    }
    if (settings->metadata.count > 0)
        spec->metadata_json = (const char *)draft->metadata.at;
}

int draft_read(const struct cli *cli, const char *type, struct draft *draft,
               struct reeve_spec *spec)
{
    int status = read_params(cli, &draft->params);
    if (status == EXIT_GOOD)
        status = cli_pairs(cli, "metadata", &cli->settings.metadata, &draft->metadata);
    uint64_t run_at = 0;
    if (status == EXIT_GOOD)
        status = read_time(cli, &run_at);
    if (status == EXIT_GOOD)
        fill_spec(cli, draft, spec);
    spec->type = type;
    spec->run_at_ms = run_at;
    return status;
}

void draft_fini(struct draft *draft)
{
    buf_fini(&draft->params);
    buf_fini(&draft->metadata);
}

/* --- after the submit ------------------------------------------------------------------------- */

static int print_result(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct wire_job job;
    struct fault fault;
    (void)arg;
    (void)reeve;
    if (shape_decode(answer->job_is.job, &shape_job, KEYS_NAMES, &job, &fault) != 0)
        return REEVE_OK;
    if (job.status == JOB_COMPLETED && job.result.len > 0) {
        print_value(stdout, job.result);
        putchar('\n');
    }
    return REEVE_OK;
}

/* On stderr, so that standard output is the id and the result. */
static void tell_end(const struct view *view)
{
    char span[PRINT_SPAN_SIZE] = "";
    bool timed = view->started_at && view->completed_at >= view->started_at;
    if (timed)
        print_span(view->completed_at - view->started_at, span);
    fprintf(stderr, "%s%s%s%s%s\n", job_state_word(view->status), timed ? " in " : "", span,
            view->error[0] && view->status != JOB_COMPLETED ? ": " : "",
            view->status != JOB_COMPLETED ? view->error : "");
}

static int stay_after(struct cli *cli, const struct uuid *id)
{
    struct view view = {0};
    bool watch = cli->settings.watch;
    const struct stay stay = {.screen = watch ? stay_screen(cli) : SCREEN_NOTHING,
                              .timeout_ms = cli->settings.wait_timeout_ms,
                              .after = {0, watch},
                              .print_jobs = cli->settings.json && !watch};
    int status = stay_with(cli, id, 1, &stay, &view);
    if (!view.ended || cli->settings.json)
        return status;
    if (stay.screen != SCREEN_BARS)
        tell_end(&view);
    int code = jobs_get(cli->reeve, id, print_result, NULL);
    return code == REEVE_OK ? status : cli_failed(cli, code);
}

/* What is printed at once: the id, or with --json and without staying the job as accepted. */
static int submit(struct cli *cli, const struct reeve_spec *spec)
{
    char id[REEVE_ID_SIZE];
    char *job = NULL;
    struct uuid uuid;
    bool stays = cli->settings.wait || cli->settings.watch;
    bool whole = cli->settings.json && !stays;
    int code = reeve_submit(cli->reeve, spec, id, whole ? &job : NULL);
    if (code != REEVE_OK)
        return cli_failed(cli, code);
    if (whole)
        print_json(job);
    else if (!cli->settings.json)
        puts(id);
    fflush(stdout);
    if (!stays || uuid_parse(text_of(id), &uuid) != 0)
        return EXIT_GOOD;
    return stay_after(cli, &uuid);
}

int cli_submit(struct cli *cli)
{
    struct draft draft = {0};
    struct reeve_spec spec;
    int status = draft_read(cli, cli->words.at[1], &draft, &spec);
    if (status == EXIT_GOOD)
        status = submit(cli, &spec);
    draft_fini(&draft);
    return status;
}
