/* The commands that show one job: get and result.
 * Must never leave out what a job says; must make it harmless.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/rfc3339.h"
#include "client/cli/cli.h"
#include "client/cli/print.h"
#include "client/cli/view.h"
#include "client/jobs.h"

enum { NAME_WIDTH = 12 };

enum { PARENTS_SHOWN = 10 };

static void put_name(const char *name)
{
    printf("%-*s ", NAME_WIDTH, name);
}

static void put_text(const char *name, struct text text)
{
    if (text.len == 0)
        return;
    put_name(name);
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

static void put_value(const char *name, struct slice value)
{
    if (value.len == 0)
        return;
    put_name(name);
    print_value(stdout, value);
    putchar('\n');
}

static void put_status(const struct wire_job *job, bool ending)
{
    char span[PRINT_SPAN_SIZE] = "";
    uint64_t took = job->completed_at - job->started_at;
    bool over = job_state_is_terminal(job->status);
    if (over && job->started_at && job->completed_at >= job->started_at)
        print_span(took, span);
    put_name("status");
    printf("%s%s%s%s\n", job_state_word(job->status), span[0] ? " after " : "", span,
           ending ? " (its handler is still stopping)" : "");
}

static void put_attempt(const struct wire_job *job)
{
    if (!job->attempt.set)
        return;
    put_name("attempt");
    printf("%llu of %llu", (unsigned long long)job->attempt.value,
           (unsigned long long)opt_or(job->max_attempts, ATTEMPTS_DEFAULT));
    if (opt_or(job->lost, 0) > 0)
        printf(", %llu lost", (unsigned long long)job->lost.value);
    putchar('\n');
}

static void put_progress(struct slice encoded)
{
    struct wire_progress progress;
    struct fault fault;
    if (encoded.len == 0 ||
        shape_decode(encoded, &shape_progress, KEYS_NAMES, &progress, &fault) != 0)
        return;
    put_name("progress");
    if (progress.fraction.set)
        printf("%d%% ", view_percent(progress.fraction.value));
    print_text(stdout, progress.message);
    putchar('\n');
}

static void put_stages(struct slice stages)
{
    struct list_iter iter;
    struct wire_stage stage;
    struct fault fault;
    if (stages.len == 0 || list_open(stages, &iter) != 0)
        return;
    while (list_next(&iter, &shape_stage, KEYS_NAMES, &stage, &fault) == 1) {
        char span[PRINT_SPAN_SIZE] = "";
        if (stage.duration_seconds.value > 0)
            print_span((uint64_t)(stage.duration_seconds.value * 1000), span);
        put_name(iter.index == 1 ? "stages" : "");
        print_text(stdout, stage.name);
        putchar(' ');
        print_text(stdout, stage.status);
        printf("%s%s\n", span[0] ? " " : "", span);
    }
}

static void put_failure(const char *name, struct slice encoded)
{
    struct wire_failure failure;
    struct fault fault;
    if (encoded.len == 0 ||
        shape_decode(encoded, &shape_failure, KEYS_NAMES, &failure, &fault) != 0)
        return;
    put_name(name);
    print_text(stdout, failure.type);
    fputs(failure.type.len && failure.message.len ? ": " : "", stdout);
    print_text(stdout, failure.message);
    if (failure.attempt)
        printf(" (attempt %llu)", (unsigned long long)failure.attempt);
    putchar('\n');
}

/* All of them only where there are more than the last. */
static void put_failures(const struct wire_job *job)
{
    struct list_iter iter;
    struct slice item;
    if (job->errors.len > 0 && list_open(job->errors, &iter) == 0 && iter.count > 1) {
        while (list_next_any(&iter, &item) == 1)
            put_failure(iter.index == 1 ? "errors" : "", item);
    } else {
        put_failure("error", job->error);
    }
}

static void put_cancel(struct slice encoded)
{
    struct wire_cancellation cancel;
    struct fault fault;
    if (encoded.len > 0 &&
        shape_decode(encoded, &shape_cancellation, KEYS_NAMES, &cancel, &fault) == 0)
        put_text("cancelled", cancel.reason.len ? cancel.reason : TEXT("without a reason"));
}

static void put_question(struct slice encoded)
{
    struct wire_question question;
    struct fault fault;
    if (encoded.len == 0 ||
        shape_decode(encoded, &shape_question, KEYS_NAMES, &question, &fault) != 0)
        return;
    put_name("question");
    printf("%llu ", (unsigned long long)question.n);
    print_text(stdout, question.kind);
    putchar('\n');
    put_value("prompt", question.prompt);
    put_time("until", question.expires_at);
}

static void put_worker(struct slice encoded)
{
    struct wire_worker_ref worker;
    struct fault fault;
    if (encoded.len == 0 ||
        shape_decode(encoded, &shape_worker_ref, KEYS_NAMES, &worker, &fault) != 0)
        return;
    put_name("worker");
    print_text(stdout, worker.name);
    fputs(worker.host.len ? " on " : "", stdout);
    print_text(stdout, worker.host);
    putchar('\n');
}

static void put_heading(const struct wire_job *job)
{
    char id[REEVE_ID_SIZE];
    uuid_format(&job->id, id);
    put_text("id", text_of(id));
    put_text("type", job->type);
    put_text("name", job->name);
    put_text("description", job->description);
    put_text("queue", job->queue);
    put_name("priority");
    printf("%llu\n", (unsigned long long)opt_or(job->priority, PRIORITY_DEFAULT));
    put_text("owner", job->owner);
}

static void put_id(const char *name, const struct uuid *id)
{
    char text[REEVE_ID_SIZE];
    if (uuid_is_null(id))
        return;
    uuid_format(id, text);
    put_text(name, text_of(text));
}

/* The first of them; `reeve parents` has all. */
static void put_parents(const struct wire_job *job)
{
    struct list_iter iter;
    struct uuid id;
    if (job->depends_on.len == 0 || list_open(job->depends_on, &iter) != 0)
        return;
    uint64_t total = opt_or(job->depends_on_total, iter.count);
    while (iter.index < PARENTS_SHOWN && list_next_uuid(&iter, &id) == 1)
        put_id(iter.index == 1 ? "depends on" : "", &id);
    if (total > iter.index) {
        put_name("");
        printf("and %llu others\n", (unsigned long long)(total - iter.index));
    }
}

static void put_relatives(const struct wire_job *job)
{
    put_text("unique key", job->unique_key);
    put_id("retry of", &job->retry_of);
    put_parents(job);
}

static int print_whole(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct wire_job job;
    struct fault fault;
    (void)arg;
    if (shape_decode(answer->job_is.job, &shape_job, KEYS_NAMES, &job, &fault) != 0)
        return handle_fail(reeve, REEVE_SERVER_ERROR, fault.field, "%s", fault.problem);
    put_heading(&job);
    put_status(&job, answer->job_is.ending);
    put_relatives(&job);
    put_attempt(&job);
    put_progress(job.progress);
    put_stages(job.stages);
    put_failures(&job);
    put_cancel(job.cancel);
    put_question(job.question);
    put_worker(job.worker);
    put_time("created", job.created_at);
    put_time("run at", job.run_at);
    put_time("started", job.started_at);
    put_time("completed", job.completed_at);
    put_time("estimated", job.estimated_completion);
    put_value("metadata", job.metadata);
    put_value("params", job.params);
    put_value("result", job.result);
    if (job.result_gone)
        put_text("result", TEXT("not kept any more"));
    return REEVE_OK;
}

/* --- commands --------------------------------------------------------------------------------- */

static int get_one(struct cli *cli, const struct uuid *id)
{
    char text[REEVE_ID_SIZE];
    char *json = NULL;
    if (!cli->settings.json)
        return jobs_get(cli->reeve, id, print_whole, NULL);
    uuid_format(id, text);
    int code = reeve_get(cli->reeve, text, &json);
    print_json(json);
    return code;
}

int cli_get(struct cli *cli)
{
    struct uuid *ids;
    size_t count = 0;
    int status = cli_ids(cli, &ids, &count);
    for (size_t i = 0; i < count && status != EXIT_TRY_AGAIN; i++) {
        if (i > 0 && !cli->settings.json)
            putchar('\n');
        int own = cli_failed(cli, get_one(cli, &ids[i]));
        status = own == EXIT_GOOD ? status : own;
    }
    free(ids);
    return status;
}

int cli_result(struct cli *cli)
{
    char *json = NULL;
    struct uuid *ids;
    size_t count = 0;
    int status = cli_ids(cli, &ids, &count);
    free(ids);
    if (status != EXIT_GOOD)
        return status;
    int code = reeve_result(cli->reeve, cli->words.at[1], &json);
    print_json(json);
    return cli_failed(cli, code);
}
