/* The state of a followed job out of its news, and events in words.
 * Must never print.
 */
#include "client/cli/view.h"

#include <stdio.h>

#include "client/cli/print.h"

void view_init(struct view *view, const struct uuid *id)
{
    *view = (struct view){.id = *id};
}

int view_percent(double fraction)
{
    double bounded = fraction < 0 ? 0 : fraction > 1 ? 1 : fraction;
    return (int)(bounded * 100 + 1e-6); /* 0.29 is a little less than 29 hundredths */
}

/* Keeps a harmless copy, cut to the room there is. */
static void keep(char *out, size_t size, struct text text)
{
    struct buf harmless = {0};
    if (print_append(&harmless, text) == 0)
        snprintf(out, size, "%.*s", (int)harmless.len,
                 harmless.at ? (const char *)harmless.at : "");
    buf_fini(&harmless);
}

static void take_progress(struct view *view, struct slice encoded)
{
    struct wire_progress progress;
    struct fault fault;
    if (encoded.len == 0 ||
        shape_decode(encoded, &shape_progress, KEYS_NAMES, &progress, &fault) != 0)
        return;
    view->fraction = progress.fraction;
    keep(view->message, sizeof view->message, progress.message);
}

/* The stage that runs is named beside the bar. */
static void take_stage(struct view *view, const struct wire_stage *stage)
{
    if (text_is(stage->status, "running"))
        keep(view->stage, sizeof view->stage, stage->name);
    else if (text_is(stage->name, view->stage))
        view->stage[0] = '\0';
}

static void take_error(struct view *view, struct slice encoded)
{
    struct wire_failure failure;
    struct fault fault;
    struct buf words = {0};
    if (encoded.len == 0 ||
        shape_decode(encoded, &shape_failure, KEYS_NAMES, &failure, &fault) != 0)
        return;
    if (buf_printf(&words, "%.*s%s%.*s", (int)failure.type.len, failure.type.at,
                   failure.type.len && failure.message.len ? ": " : "", (int)failure.message.len,
                   failure.message.at) == 0)
        keep(view->error, sizeof view->error, buf_text(&words));
    buf_fini(&words);
}

static void take_job(struct view *view, const struct wire_job *job)
{
    struct list_iter iter;
    struct wire_stage stage;
    struct fault fault;
    keep(view->label, sizeof view->label, job->name.len ? job->name : job->type);
    view->started_at = job->started_at;
    view->completed_at = job->completed_at;
    take_progress(view, job->progress);
    take_error(view, job->error);
    if (list_open(job->stages, &iter) != 0)
        return;
    while (list_next(&iter, &shape_stage, KEYS_NAMES, &stage, &fault) == 1)
        take_stage(view, &stage);
}

static void take_event(struct view *view, const struct wire_event *event)
{
    struct wire_stage stage;
    struct fault fault;
    if (event->stage.len > 0 &&
        shape_decode(event->stage, &shape_stage, KEYS_NAMES, &stage, &fault) == 0)
        take_stage(view, &stage);
    take_progress(view, event->progress);
    take_error(view, event->error);
    if (text_is(event->type, "running"))
        view->started_at = event->at;
    if (job_state_is_terminal(event->status))
        view->completed_at = event->at;
    if (text_is(event->type, "completed"))
        view->fraction = f64_of(1);
}

void view_update(struct view *view, const struct watch_news *news)
{
    view->status = news->status;
    if (news->job)
        take_job(view, news->job);
    if (news->event)
        take_event(view, news->event);
    view->ended = news->kind == WATCH_ENDED;
    view->missing = news->kind == WATCH_GONE;
    if (view->missing)
        keep(view->error, sizeof view->error, news->error.message);
}

/* --- events in words -------------------------------------------------------------------------- */

static int add_progress(struct slice encoded, struct buf *out)
{
    struct wire_progress progress;
    struct fault fault;
    if (shape_decode(encoded, &shape_progress, KEYS_NAMES, &progress, &fault) != 0)
        return 0;
    int rc =
        progress.fraction.set ? buf_printf(out, " %d%%", view_percent(progress.fraction.value)) : 0;
    if (rc == 0 && progress.message.len > 0)
        rc = buf_append(out, " ", 1);
    return rc == 0 ? print_append(out, progress.message) : rc;
}

static int add_stage(struct slice encoded, struct buf *out)
{
    struct wire_stage stage;
    struct fault fault;
    char span[PRINT_SPAN_SIZE] = "";
    if (shape_decode(encoded, &shape_stage, KEYS_NAMES, &stage, &fault) != 0)
        return 0;
    int rc = buf_append(out, " ", 1);
    if (rc == 0)
        rc = print_append(out, stage.name);
    if (rc == 0)
        rc = buf_append(out, " ", 1);
    if (rc == 0)
        rc = print_append(out, stage.status);
    if (rc == 0 && stage.progress.set && text_is(stage.status, "running"))
        rc = buf_printf(out, " %d%%", view_percent(stage.progress.value));
    if (rc < 0 || !(stage.duration_seconds.value > 0))
        return rc;
    print_span((uint64_t)(stage.duration_seconds.value * 1000), span);
    return buf_printf(out, " %s", span);
}

static int add_log(struct slice encoded, struct buf *out)
{
    struct wire_log log;
    struct fault fault;
    if (shape_decode(encoded, &shape_log, KEYS_NAMES, &log, &fault) != 0)
        return 0;
    int rc = buf_append(out, " ", 1);
    if (rc == 0)
        rc = print_append(out, log.level);
    if (rc == 0)
        rc = buf_append(out, " ", 1);
    return rc == 0 ? print_append(out, log.message) : rc;
}

static int add_worker(struct slice encoded, struct buf *out)
{
    struct wire_worker_ref worker;
    struct fault fault;
    if (shape_decode(encoded, &shape_worker_ref, KEYS_NAMES, &worker, &fault) != 0)
        return 0;
    int rc = buf_append_text(out, TEXT(" on "));
    return rc == 0 ? print_append(out, worker.name.len ? worker.name : worker.host) : rc;
}

static int add_question(struct slice encoded, struct buf *out)
{
    struct wire_question question;
    struct fault fault;
    if (shape_decode(encoded, &shape_question, KEYS_NAMES, &question, &fault) != 0)
        return 0;
    int rc = buf_printf(out, " %llu ", (unsigned long long)question.n);
    return rc == 0 ? print_append(out, question.kind) : rc;
}

static int add_error(struct slice encoded, struct buf *out)
{
    struct view view = {0};
    take_error(&view, encoded);
    return view.error[0] ? buf_printf(out, ": %s", view.error) : 0;
}

static int add_reason(struct text reason, struct buf *out)
{
    int rc = buf_append_text(out, TEXT(": "));
    return rc == 0 ? print_append(out, reason) : rc;
}

int view_describe(const struct wire_event *event, struct buf *out)
{
    int rc = print_append(out, event->type);
    if (rc == 0 && event->attempt.set)
        rc = buf_printf(out, " attempt %llu", (unsigned long long)event->attempt.value);
    if (rc == 0 && event->worker.len > 0)
        rc = add_worker(event->worker, out);
    if (rc == 0 && event->progress.len > 0)
        rc = add_progress(event->progress, out);
    if (rc == 0 && event->stage.len > 0)
        rc = add_stage(event->stage, out);
    if (rc == 0 && event->log.len > 0)
        rc = add_log(event->log, out);
    if (rc == 0 && event->question.len > 0)
        rc = add_question(event->question, out);
    if (rc == 0 && event->error.len > 0)
        rc = add_error(event->error, out);
    if (rc == 0 && event->reason.len > 0)
        rc = add_reason(event->reason, out);
    return rc;
}
