/* What a program says, and what its end means.
 * Must never hold more of it than its bounds. */
#include "worker/exec_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "proto/json.h"
#include "proto/pack.h"
#include "worker/words.h"

enum { EXIT_TRY_LATER = 75, CUT_NOTE_MAX = 40, ERROR_LINE_MAX = MESSAGE_LEN_MAX - CUT_NOTE_MAX };

static void on_error_line(void *arg, struct text line, size_t left_out)
{
    struct exec_said *said = arg;
    char more[CUT_NOTE_MAX + 1];
    struct buf words = {0};
    if (line.len == 0 && left_out == 0)
        return;
    snprintf(more, sizeof more, "… (%zu bytes more)", left_out);
    if (words_fit(&words, line, ERROR_LINE_MAX) == 0 &&
        (left_out == 0 || buf_append_text(&words, text_of(more)) == 0))
        job_log(said->job, TEXT("info"), buf_text(&words), (struct slice){0});
    buf_clear(&said->last_error);
    words_fit(&said->last_error, line, EXEC_LAST_LINE_MAX);
    buf_fini(&words);
}

static void on_report_line(void *arg, struct text line, size_t left_out)
{
    struct exec_said *said = arg;
    tell_line(&said->tell, said->job, line, left_out);
}

void exec_said_init(struct exec_said *said, struct reeve_job *job)
{
    *said = (struct exec_said){.job = job};
    said->errors = (struct lines){.max = ERROR_LINE_MAX, .each = on_error_line, .arg = said};
    said->reports = (struct lines){.max = TELL_LINE_MAX, .each = on_report_line, .arg = said};
}

void exec_said_fini(struct exec_said *said)
{
    buf_fini(&said->output);
    buf_fini(&said->last_error);
    buf_fini(&said->errors.line);
    buf_fini(&said->reports.line);
    tell_fini(&said->tell);
}

void exec_said_take(struct exec_said *said, int stream, struct slice bytes)
{
    if (stream == 2) {
        lines_feed(&said->errors, bytes);
    } else if (stream == 3) {
        lines_feed(&said->reports, bytes);
    } else if (said->output.len + bytes.len > EXEC_OUTPUT_MAX ||
               buf_append(&said->output, bytes.at, bytes.len) < 0) {
        said->output_too_big = true;
        buf_clear(&said->output);
    }
}

void exec_said_end(struct exec_said *said)
{
    lines_end(&said->errors);
    lines_end(&said->reports);
}

/* --- the result --------------------------------------------------------------------------------
 */

static struct text trimmed(struct text text, const char *what)
{
    while (text.len > 0 && strchr(what, text.at[text.len - 1]))
        text.len--;
    return text;
}

/* What is no JSON is a text. */
static int result_value(struct text output, struct buf *out)
{
    struct fault fault;
    struct buf words = {0};
    int rc = json_to_msgpack(output, out, &fault);
    if (rc <= 0)
        return rc;
    output = trimmed(output, "\r\n");
    buf_clear(out);
    rc = words_fit(&words, output, 3 * output.len);
    if (rc == 0)
        rc = pack_text(out, buf_text(&words));
    buf_fini(&words);
    return rc;
}

static void set_result(struct exec_said *said)
{
    char message[100];
    struct buf value = {0};
    struct text output = buf_text(&said->output);
    int rc = 0;
    if (trimmed(output, " \t\r\n").len > 0 && !said->output_too_big)
        rc = result_value(output, &value);
    if (rc == 0 && value.len > 0 && !said->output_too_big)
        rc = reeve_job_result_msgpack(said->job, value.at, value.len);
    if (said->output_too_big || rc == -EMSGSIZE) {
        snprintf(message, sizeof message, "the result is larger than %d bytes", RESULT_SIZE_MAX);
        reeve_job_fail(said->job, "ResultTooLarge", message, false);
    } else if (rc < 0) {
        reeve_job_fail(said->job, "ResultError", strerror(-rc), true);
    }
    buf_fini(&value);
}

/* --- the end -----------------------------------------------------------------------------------
 */

static void fail_as_told(struct exec_said *said)
{
    struct wire_failure failure;
    struct fault fault;
    if (shape_decode(buf_slice(&said->tell.error), &shape_failure, KEYS_NAMES, &failure, &fault) ==
        0)
        job_fail(said->job, failure.type, failure.message, failure.retryable);
}

/* What it wrote as its result goes nowhere: the job has not ended. */
static void ask_as_told(struct exec_said *said)
{
    if (trimmed(buf_text(&said->output), " \t\r\n").len > 0 || said->output_too_big)
        job_log(said->job, TEXT("warning"),
                TEXT("it has asked, so what it wrote on stdout is no result"), (struct slice){0});
    job_ask(said->job, buf_slice(&said->tell.question));
}

static void drop_question(struct exec_said *said)
{
    if (said->tell.question.len)
        job_log(said->job, TEXT("warning"),
                TEXT("its question is not asked: only exit status 0 asks"), (struct slice){0});
}

static void fail_by_status(struct exec_said *said, int status)
{
    struct buf message = {0};
    const struct buf *last = &said->last_error;
    if (WIFSIGNALED(status))
        buf_printf(&message, "killed by SIG%s",
                   sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
    else
        buf_printf(&message, "exit status %d", WEXITSTATUS(status));
    if (last->len)
        buf_printf(&message, ": %.*s", (int)last->len, (const char *)last->at);
    job_fail(said->job, TEXT("ExitError"), buf_text(&message), true);
    buf_fini(&message);
}

/* One that meant to ask has not completed. */
static void end_well(struct exec_said *said)
{
    if (said->tell.misasked)
        reeve_job_fail(said->job, "QuestionError", "its question can't be read, or is too large",
                       false);
    else if (said->tell.question.len)
        ask_as_told(said);
    else
        set_result(said);
}

static void end_badly(struct exec_said *said, int status)
{
    drop_question(said);
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_TRY_LATER)
        reeve_job_again(said->job, said->tell.retry_after_ms);
    else if (said->tell.error.len)
        fail_as_told(said);
    else
        fail_by_status(said, status);
}

void exec_conclude(struct exec_said *said, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        end_well(said);
    else
        end_badly(said, status);
}
