/* What a handler says of its job: progress, stages, logs, checkpoint, and how it ends.
 * Must never pass on what the broker would refuse: bounds are checked here. */
#include <errno.h>
#include <math.h>

#include "base/clock.h"
#include "proto/json.h"
#include "proto/scan.h"
#include "proto/utf8.h"
#include "worker/job.h"
#include "worker/words.h"

static bool is_fraction(double value)
{
    return value >= 0 && value <= 1; /* NaN is neither */
}

/* A text from the handler, at most `max` bytes, in `buf`, which is the caller's to free. */
static int fit(struct buf *buf, const char *cstr, size_t max, struct text *text_out)
{
    int rc = cstr ? words_fit(buf, text_of(cstr), max) : 0;
    *text_out = buf_text(buf);
    return rc;
}

/* --- on the way --------------------------------------------------------------------------------
 */

int job_report(struct reeve_job *job, enum inbox_kind kind, struct slice value)
{
    int rc = inbox_report(job->inbox, job, kind, clock_wall_ms(), value);
    return rc == -ECANCELED ? 0 : rc; /* nobody listens any more: the worker ends */
}

int job_report_shape(struct reeve_job *job, enum inbox_kind kind, const struct shape *shape,
                     const void *value)
{
    struct buf encoded = {0};
    int rc = shape_encode(&encoded, shape, value, KEYS_NAMES);
    if (rc == 0)
        rc = job_report(job, kind, buf_slice(&encoded));
    buf_fini(&encoded);
    return rc;
}

int job_log(struct reeve_job *job, struct text level, struct text message, struct slice context)
{
    struct buf words = {0};
    int rc = words_fit(&words, message, MESSAGE_LEN_MAX);
    struct wire_log log = {
        .at = clock_wall_ms(), .level = level, .message = buf_text(&words), .context = context};
    if (rc == 0)
        rc = job_report_shape(job, INBOX_LOG, &shape_log, &log);
    buf_fini(&words);
    return rc;
}

static int report_progress(struct reeve_job *job, struct wire_progress *progress,
                           const char *message)
{
    struct buf words = {0};
    int rc = fit(&words, message, MESSAGE_LEN_MAX, &progress->message);
    if (rc == 0)
        rc = job_report_shape(job, INBOX_PROGRESS, &shape_progress, progress);
    buf_fini(&words);
    return rc;
}

int reeve_job_progress(struct reeve_job *job, double fraction, const char *message)
{
    struct wire_progress progress = {.fraction = f64_of(fraction)};
    return is_fraction(fraction) ? report_progress(job, &progress, message) : -EINVAL;
}

int reeve_job_items(struct reeve_job *job, uint64_t completed, uint64_t total, const char *message)
{
    if (total == 0 || completed > total)
        return -EINVAL;
    struct wire_progress progress = {.fraction = f64_of((double)completed / (double)total),
                                     .completed = opt_of(completed),
                                     .total = opt_of(total)};
    return report_progress(job, &progress, message);
}

/* Appends the value of a JSON text. 0, -EINVAL, -EMSGSIZE (over `max` bytes), -ENOMEM. */
static int value_of(const char *json, size_t max, struct buf *out)
{
    struct fault fault;
    int rc = json ? json_to_msgpack(text_of(json), out, &fault) : 1;
    if (rc > 0)
        return -EINVAL;
    return rc == 0 && out->len > max ? -EMSGSIZE : rc;
}

int reeve_job_log(struct reeve_job *job, enum reeve_level level, const char *message,
                  const char *context_json)
{
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    if ((unsigned)level >= sizeof levels / sizeof *levels || !message)
        return -EINVAL;
    struct buf context = {0};
    int rc = context_json ? value_of(context_json, CONTEXT_SIZE_MAX, &context) : 0;
    struct mp_reader reader = mp_reader_of(buf_slice(&context));
    if (rc == 0 && context_json && mp_peek(&reader) != MP_MAP)
        rc = -EINVAL;
    if (rc == 0)
        rc = job_log(job, text_of(levels[level]), text_of(message), buf_slice(&context));
    buf_fini(&context);
    return rc;
}

int reeve_job_stage(struct reeve_job *job, const char *name, enum reeve_stage status,
                    double fraction)
{
    static const char *const words[] = {"pending", "running", "completed", "failed", "skipped"};
    bool known = fraction >= 0;
    if ((unsigned)status >= sizeof words / sizeof *words || !name || !*name || isnan(fraction) ||
        (known && !is_fraction(fraction)))
        return -EINVAL;
    struct buf fitted = {0};
    struct wire_stage stage = {.status = text_of(words[status])};
    if (known)
        stage.progress = f64_of(fraction);
    int rc = fit(&fitted, name, NAME_LEN_MAX, &stage.name);
    if (rc == 0)
        rc = job_report_shape(job, INBOX_STAGE, &shape_stage, &stage);
    buf_fini(&fitted);
    return rc;
}

int reeve_job_checkpoint(struct reeve_job *job, const char *json)
{
    struct buf value = {0};
    int rc = value_of(json, CHECKPOINT_SIZE_MAX, &value);
    if (rc == 0)
        rc = job_report(job, INBOX_CHECKPOINT, buf_slice(&value));
    buf_fini(&value);
    return rc;
}

/* --- the end -----------------------------------------------------------------------------------
 */

/* Takes over what `value` holds. */
static void set_result(struct reeve_job *job, struct buf *value)
{
    pthread_mutex_lock(&job->lock);
    struct buf before = job->result;
    job->result = *value;
    job->outcome = OUTCOME_NONE;
    pthread_mutex_unlock(&job->lock);
    *value = before;
}

int reeve_job_result(struct reeve_job *job, const char *json)
{
    struct buf value = {0};
    int rc = value_of(json, RESULT_SIZE_MAX, &value);
    if (rc == 0)
        set_result(job, &value);
    buf_fini(&value);
    return rc;
}

int reeve_job_result_msgpack(struct reeve_job *job, const void *bytes, size_t size)
{
    const char *problem;
    struct buf value = {0};
    if (size > RESULT_SIZE_MAX)
        return -EMSGSIZE;
    if (scan_value((struct slice){bytes, size}, VALUE_DEPTH_MAX, MESSAGE_ITEMS_MAX / 2, &problem) !=
        0)
        return -EINVAL;
    int rc = buf_append(&value, bytes, size);
    if (rc == 0)
        set_result(job, &value);
    buf_fini(&value);
    return rc;
}

static int encode_failure(struct buf *out, struct text type, struct text message, bool retryable)
{
    struct buf type_words = {0}, message_words = {0};
    int rc = words_fit(&type_words, type.len ? type : TEXT("Error"), NAME_LEN_MAX);
    if (rc == 0)
        rc = words_fit(&message_words, message, MESSAGE_LEN_MAX);
    struct wire_failure failure = {
        .type = buf_text(&type_words), .message = buf_text(&message_words), .retryable = retryable};
    if (rc == 0)
        rc = shape_encode(out, &shape_failure, &failure, KEYS_NAMES);
    buf_fini(&type_words);
    buf_fini(&message_words);
    return rc;
}

int job_fail(struct reeve_job *job, struct text type, struct text message, bool retryable)
{
    struct buf error = {0};
    int rc = encode_failure(&error, type, message, retryable);
    if (rc < 0)
        buf_fini(&error);
    pthread_mutex_lock(&job->lock);
    struct buf before = job->error;
    job->error = error;
    job->outcome = OUTCOME_FAILED;
    pthread_mutex_unlock(&job->lock);
    buf_fini(&before);
    return rc;
}

int reeve_job_fail(struct reeve_job *job, const char *type, const char *message, bool retryable)
{
    return job_fail(job, text_of(type), text_of(message), retryable);
}

bool job_is_kind(struct text kind)
{
    for (size_t i = 0; i < kind.len; i++)
        if ((unsigned char)kind.at[i] < 0x20 || kind.at[i] == 0x7f)
            return false;
    return kind.len > 0 && kind.len <= KIND_LEN_MAX && utf8_valid(kind);
}

int job_ask(struct reeve_job *job, struct slice question)
{
    struct buf copy = {0};
    int rc = buf_append(&copy, question.at, question.len);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&job->lock);
    struct buf before = job->question;
    job->question = copy;
    job->outcome = OUTCOME_ASKED;
    pthread_mutex_unlock(&job->lock);
    buf_fini(&before);
    return 0;
}

int reeve_job_ask(struct reeve_job *job, const char *kind, const char *prompt_json,
                  uint64_t timeout_ms)
{
    if (!kind || !job_is_kind(text_of(kind)) || timeout_ms > DELAY_MAX_MS)
        return -EINVAL;
    struct buf prompt = {0}, encoded = {0};
    int rc = prompt_json ? value_of(prompt_json, PROMPT_SIZE_MAX, &prompt) : 0;
    struct wire_question question = {
        .kind = text_of(kind), .prompt = buf_slice(&prompt), .timeout_ms = timeout_ms};
    if (rc == 0)
        rc = shape_encode(&encoded, &shape_question, &question, KEYS_NAMES);
    if (rc == 0)
        rc = job_ask(job, buf_slice(&encoded));
    buf_fini(&prompt);
    buf_fini(&encoded);
    return rc;
}

int reeve_job_again(struct reeve_job *job, uint64_t retry_after_ms)
{
    if (retry_after_ms > DELAY_MAX_MS)
        return -EINVAL;
    pthread_mutex_lock(&job->lock);
    job->outcome = OUTCOME_AGAIN;
    job->retry_after_ms = retry_after_ms;
    pthread_mutex_unlock(&job->lock);
    return 0;
}
