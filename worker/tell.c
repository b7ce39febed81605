/* Reading what programs tell. */
#include "worker/tell.h"

#include <stdio.h>

#include "proto/json.h"
#include "worker/words.h"

/* --- the words of a line -----------------------------------------------------------------------
 */

#define LINE_FIELDS(F)                                 \
    F(1, f64, progress, 1, none)                       \
    F(2, text, message, TELL_LINE_MAX, none)           \
    F(3, opt, completed, UINT64_MAX, none)             \
    F(4, opt, total, UINT64_MAX, none)                 \
    F(5, text, stage, NAME_LEN_MAX, none)              \
    F(6, text, status, 16, none)                       \
    F(7, text, log, TELL_LINE_MAX, none)               \
    F(8, text, level, 16, none)                        \
    F(9, any, context, CONTEXT_SIZE_MAX, none)         \
    F(10, any, checkpoint, CHECKPOINT_SIZE_MAX, none)  \
    F(11, any, error, TELL_LINE_MAX, none)             \
    F(12, f64, retry_after, DELAY_MAX_MS / 1000, none) \
    F(13, any, ask, TELL_LINE_MAX, none)

#define ERROR_FIELDS(F)                      \
    F(1, text, type, TELL_LINE_MAX, none)    \
    F(2, text, message, TELL_LINE_MAX, none) \
    F(3, any, retry, 8, none)

#define ASK_FIELDS(F)                        \
    F(1, text, kind, KIND_LEN_MAX, none)     \
    F(2, any, prompt, PROMPT_SIZE_MAX, none) \
    F(3, f64, timeout, DELAY_MAX_MS / 1000, none)

SHAPE_STRUCT(tell_words, LINE_FIELDS);
SHAPE_STRUCT(error_words, ERROR_FIELDS);
SHAPE_STRUCT(ask_words, ASK_FIELDS);

#define ROW(tag, field_number, field_kind, member, field_max) \
    {.name = #member,                                         \
     .name_len = sizeof #member - 1,                          \
     .number = (field_number),                                \
     .kind = KIND_##field_kind,                               \
     .offset = offsetof(struct tag, member),                  \
     .max = (field_max)},
#define LINE_ROW(number, kind, name, max, of)  ROW(tell_words, number, kind, name, max)
#define ERROR_ROW(number, kind, name, max, of) ROW(error_words, number, kind, name, max)

#define ASK_ROW(number, kind, name, max, of) ROW(ask_words, number, kind, name, max)

static const struct field line_fields[] = {LINE_FIELDS(LINE_ROW)};
static const struct field error_fields[] = {ERROR_FIELDS(ERROR_ROW)};
static const struct field ask_fields[] = {ASK_FIELDS(ASK_ROW)};
static const struct shape shape_line = {
    "line", line_fields, sizeof line_fields / sizeof *line_fields, sizeof(struct tell_words)};
static const struct shape shape_error = {
    "error", error_fields, sizeof error_fields / sizeof *error_fields, sizeof(struct error_words)};

static const struct shape shape_ask = {"ask", ask_fields, sizeof ask_fields / sizeof *ask_fields,
                                       sizeof(struct ask_words)};

/* --- what they mean ----------------------------------------------------------------------------
 */

static void complain(struct reeve_job *job, const char *problem, struct text line)
{
    struct buf words = {0};
    if (words_fit(&words, text_of(problem), 300) == 0 && buf_append(&words, ": ", 2) == 0 &&
        words_fit(&words, line, 400) == 0)
        job_log(job, TEXT("warning"), buf_text(&words), (struct slice){0});
    buf_fini(&words);
}

static bool is_one_of(struct text word, const char *const *words)
{
    for (; *words; words++)
        if (text_is(word, *words))
            return true;
    return false;
}

static struct text level_of(struct text word)
{
    static const char *const levels[] = {"debug", "info", "warning", "error", NULL};
    if (is_one_of(word, levels))
        return word;
    if (text_is(word, "warn"))
        return TEXT("warning");
    if (text_is(word, "critical") || text_is(word, "fatal"))
        return TEXT("error");
    return TEXT("info");
}

static const char *tell_stage(struct reeve_job *job, const struct tell_words *words)
{
    static const char *const statuses[] = {"pending", "running", "completed",
                                           "failed",  "skipped", NULL};
    struct wire_stage stage = {.name = words->stage,
                               .status = words->status.len ? words->status : TEXT("running"),
                               .progress = words->progress};
    if (!is_one_of(stage.status, statuses))
        return "on descriptor 3: a stage's status is pending, running, completed, failed or "
               "skipped";
    job_report_shape(job, INBOX_STAGE, &shape_stage, &stage);
    return NULL;
}

/* The broker keeps the latest progress whole: a line that only has a message is no step back. */
static const char *tell_progress(struct tell *tell, struct reeve_job *job,
                                 const struct tell_words *words)
{
    struct buf message = {0};
    struct wire_progress progress = {
        .fraction = words->progress, .completed = words->completed, .total = words->total};
    bool counted = words->completed.set && words->total.set && words->total.value > 0;
    if (!progress.fraction.set && counted)
        progress.fraction = f64_of((double)words->completed.value / (double)words->total.value);
    if (!progress.fraction.set)
        progress.fraction = tell->fraction;
    if (progress.fraction.value > 1)
        return "on descriptor 3: completed is more than total";
    tell->fraction = progress.fraction;
    if (words_fit(&message, words->message, MESSAGE_LEN_MAX) == 0) {
        progress.message = buf_text(&message);
        job_report_shape(job, INBOX_PROGRESS, &shape_progress, &progress);
    }
    buf_fini(&message);
    return NULL;
}

static const char *tell_error(struct tell *tell, const struct tell_words *words)
{
    static const uint8_t no = 0xc2; /* msgpack's false */
    struct error_words error;
    struct fault fault;
    struct buf type = {0}, message = {0};
    if (shape_decode(words->error, &shape_error, KEYS_NAMES, &error, &fault) != 0)
        return "on descriptor 3: an error is {\"type\":…,\"message\":…,\"retry\":…}";
    words_fit(&type, error.type.len ? error.type : TEXT("Error"), NAME_LEN_MAX);
    words_fit(&message, error.message, MESSAGE_LEN_MAX);
    struct wire_failure failure = {.type = buf_text(&type),
                                   .message = buf_text(&message),
                                   .retryable = !(error.retry.len == 1 && *error.retry.at == no)};
    buf_clear(&tell->error);
    shape_encode(&tell->error, &shape_failure, &failure, KEYS_NAMES);
    buf_fini(&type);
    buf_fini(&message);
    return NULL;
}

/* The last one counts. */
static const char *tell_ask(struct tell *tell, const struct tell_words *words)
{
    struct ask_words ask;
    struct fault fault;
    bool second = tell->question.len > 0;
    tell->misasked = true;
    if (shape_decode(words->ask, &shape_ask, KEYS_NAMES, &ask, &fault) != 0 ||
        !job_is_kind(ask.kind) || (ask.timeout.set && ask.timeout.value < 0.001))
        return "on descriptor 3: a question is {\"kind\":…,\"prompt\":…,\"timeout\":…}: a kind of "
               "1 "
               "to 64 bytes, a prompt up to 64 KiB, more than 0 seconds";
    tell->misasked = false;
    struct wire_question question = {
        .kind = ask.kind, .prompt = ask.prompt, .timeout_ms = (uint64_t)(ask.timeout.value * 1000)};
    buf_clear(&tell->question);
    shape_encode(&tell->question, &shape_question, &question, KEYS_NAMES);
    return second ? "on descriptor 3: a second question: it replaces the first" : NULL;
}

static const char *tell_log(struct reeve_job *job, const struct tell_words *words)
{
    struct slice context = words->context;
    bool is_map = context.len > 0 && ((*context.at & 0xf0) == 0x80 || (*context.at & 0xfe) == 0xde);
    job_log(job, level_of(words->level), words->log, is_map ? context : (struct slice){0});
    return context.len && !is_map ? "on descriptor 3: a log's context is an object" : NULL;
}

/* Carries out each of the words that are there; returns the last problem, or NULL. */
static const char *carry_out(struct tell *tell, struct reeve_job *job,
                             const struct tell_words *words)
{
    const char *problem = NULL;
    bool progress = words->progress.set || words->completed.set || words->message.len > 0;
    bool known = true;
    if (words->stage.len)
        problem = tell_stage(job, words);
    else if (progress)
        problem = tell_progress(tell, job, words);
    else
        known = words->log.at || words->checkpoint.len || words->error.len ||
                words->retry_after.set || words->ask.len;
    if (words->log.at)
        problem = tell_log(job, words);
    if (words->checkpoint.len)
        job_report(job, INBOX_CHECKPOINT, words->checkpoint);
    if (words->error.len)
        problem = tell_error(tell, words);
    if (words->retry_after.set)
        tell->retry_after_ms = (uint64_t)(words->retry_after.value * 1000);
    if (words->ask.len)
        problem = tell_ask(tell, words);
    return known ? problem : "on descriptor 3: nothing known in this line";
}

void tell_line(struct tell *tell, struct reeve_job *job, struct text line, size_t left_out)
{
    struct tell_words words;
    struct fault fault = {0};
    struct buf value = {0};
    char problem[400];
    const char *wrong = NULL;
    if (line.len == 0 && left_out == 0)
        return;
    if (left_out) {
        wrong = "on descriptor 3: this line is too long";
    } else if (json_to_msgpack(line, &value, &fault) != 0 ||
               shape_decode(buf_slice(&value), &shape_line, KEYS_NAMES, &words, &fault) != 0) {
        snprintf(problem, sizeof problem, "on descriptor 3: %s%s%s", fault.field,
                 fault.field[0] ? ": " : "", fault.problem);
        wrong = problem;
    } else {
        wrong = carry_out(tell, job, &words);
    }
    if (wrong)
        complain(job, wrong, line);
    buf_fini(&value);
}

void tell_fini(struct tell *tell)
{
    buf_fini(&tell->error);
    buf_fini(&tell->question);
}
