/* Questions and answers. The only code that writes the answer table.
 * Must never take an answer for a question that it was not given to. */
#include "broker/core/ask.h"

#include <errno.h>

#include "broker/core/caller.h"
#include "broker/core/control.h"
#include "broker/core/job.h"
#include "broker/core/name.h"
#include "broker/core/outcome.h"
#include "broker/core/reply.h"

/* --- rows ------------------------------------------------------------------------------------ */

/* Question `n` counts from 1. Points into `kept`. 0, STORE_NOT_FOUND, -errno. */
static int row_get(struct core *core, const struct uuid *job, uint64_t n, struct buf *kept,
                   struct wire_answered *row_out)
{
    struct rec_key key;
    struct slice value;
    struct fault fault;
    int rc = n ? store_get(core->store, TABLE_ANSWER, key_job_n(&key, job, n - 1), &value)
               : STORE_NOT_FOUND;
    if (rc != 0)
        return rc;
    buf_clear(kept);
    rc = buf_append(kept, value.at, value.len);
    if (rc < 0)
        return rc;
    return shape_decode(buf_slice(kept), &shape_answered, KEYS_NUMBERS, row_out, &fault) == 0
               ? 0
               : -EBADMSG;
}

static int row_put(struct core *core, const struct uuid *job, uint64_t n,
                   const struct wire_answered *row)
{
    struct rec_key key;
    struct slice value;
    int rc = shape_keep(&core->record, &shape_answered, row, KEYS_NUMBERS, &value);
    if (rc < 0)
        return rc;
    return store_put(core->store, TABLE_ANSWER, key_job_n(&key, job, n - 1), value);
}

static struct wire_question question_of(const struct wire_answered *row, uint64_t n)
{
    return (struct wire_question){.n = n,
                                  .kind = row->kind,
                                  .prompt = row->prompt,
                                  .asked_at = row->asked_at,
                                  .expires_at = row->expires_at};
}

/* --- asking ---------------------------------------------------------------------------------- */

int ask_read(struct slice encoded, struct wire_question *question_out, const char **problem_out)
{
    struct fault fault;
    if (encoded.len == 0 ||
        shape_decode(encoded, &shape_question, KEYS_NAMES, question_out, &fault) != 0) {
        *problem_out = "its question can't be read, or is too large";
        return 1;
    }
    if (!name_is_fit(question_out->kind, KIND_LEN_MAX)) {
        *problem_out = "its question has no kind";
        return 1;
    }
    return 0;
}

/* Keeps it as the job's next one; the oldest goes where there are too many. */
static int keep_question(struct core *core, struct job *job, const struct wire_question *asked)
{
    struct rec_key key;
    uint64_t n = ++job->s.question_n;
    struct wire_answered row = {.kind = asked->kind,
                                .prompt = asked->prompt,
                                .asked_at = asked->asked_at,
                                .expires_at = asked->expires_at};
    int rc = row_put(core, &job->id, n, &row);
    if (rc == 0 && n > ANSWERS_KEPT_MAX)
        rc = store_del(core->store, TABLE_ANSWER,
                       key_job_n(&key, &job->id, n - 1 - ANSWERS_KEPT_MAX));
    return rc < 0 ? rc : 0;
}

int ask_park(struct core *core, struct job *job, const struct wire_question *question)
{
    struct wire_question asked = *question;
    uint64_t timeout =
        question->timeout_ms ? question->timeout_ms : (uint64_t)QUESTION_TIMEOUT_DEFAULT_MS;
    core->changed = true;
    asked.asked_at = core->now.wall_ms;
    asked.expires_at = core->now.wall_ms + timeout;
    asked.timeout_ms = 0;
    job->s.question_until = asked.expires_at;
    int rc = keep_question(core, job, &asked);
    if (rc == 0)
        rc = job_move(core, job, JOB_WAITING);
    if (rc < 0)
        return rc;
    asked.n = job->s.question_n;
    struct wire_event event = {.type = TEXT("question"), .attempt = opt_of(job->s.attempt)};
    rc = shape_keep(&core->value, &shape_question, &asked, KEYS_NAMES, &event.question);
    if (rc == 0)
        rc = job_emit(core, job, &event);
    return rc < 0 ? rc : job_save(core, job);
}

int ask_expire(struct core *core, const struct uuid *id)
{
    struct job *job = &core->job;
    int rc = job_load(core, id, job);
    if (rc != 0 || job->s.status != JOB_WAITING)
        return rc < 0 ? rc : 0;
    return outcome_unanswered(core, job);
}

/* --- reading --------------------------------------------------------------------------------- */

int ask_open(struct core *core, const struct job *job, struct buf *kept, struct slice *question_out)
{
    struct wire_answered row;
    if (job->s.status != JOB_WAITING)
        return 0;
    int rc = row_get(core, &job->id, job->s.question_n, &core->record, &row);
    if (rc != 0)
        return rc < 0 ? rc : -EBADMSG;
    struct wire_question question = question_of(&row, job->s.question_n);
    return shape_keep(kept, &shape_question, &question, KEYS_NAMES, question_out);
}

int ask_answers(struct core *core, const struct job *job, struct buf *kept,
                struct slice *answers_out)
{
    struct store_range range = {
        .table = TABLE_ANSWER, .prefix = key_job(&job->id), .limit = ANSWERS_KEPT_MAX};
    size_t mark;
    uint32_t count = 0;
    if (job->s.question_n == 0)
        return 0;
    int rc = store_scan(core->store, &range, &core->rows);
    buf_clear(kept);
    if (rc == 0)
        rc = list_begin(kept, &mark);
    for (size_t i = 0; rc == 0 && i < core->rows.count; i++) {
        struct wire_answered row;
        struct fault fault;
        if (shape_decode(core->rows.at[i].value, &shape_answered, KEYS_NUMBERS, &row, &fault) != 0)
            return -EBADMSG;
        if (row.answer.len == 0)
            continue; /* nobody answered that one */
        row.expires_at = 0;
        rc = shape_encode(kept, &shape_answered, &row, KEYS_NAMES);
        count++;
    }
    if (rc < 0 || count == 0)
        return rc;
    list_end(kept, mark, count);
    *answers_out = buf_slice(kept);
    return 0;
}

int ask_join(struct core *core, const struct uuid *job, struct wire_event *event)
{
    struct wire_question pointer;
    struct wire_answered row;
    struct fault fault;
    if (event->question.len == 0 ||
        shape_decode(event->question, &shape_question, KEYS_NAMES, &pointer, &fault) != 0)
        return 0;
    int rc = row_get(core, job, pointer.n, &core->value, &row);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    struct wire_question question = question_of(&row, pointer.n);
    if (text_is(event->type, "answer")) {
        question = (struct wire_question){.n = pointer.n, .kind = row.kind};
        event->answer = row.answer;
    }
    return shape_keep(&core->nested, &shape_question, &question, KEYS_NAMES, &event->question);
}

int handle_get_question(struct core *core, struct session *session, const struct message *message)
{
    struct caller caller = caller_of(session, message);
    int rc = caller_load(core, &caller, &message->get_question.id, &core->job);
    if (rc != 0)
        return rc;
    if (core->job.s.status != JOB_WAITING)
        return refuse(core, WIRE_CONFLICT, "", "the job is %s: it asks nothing",
                      job_state_word(core->job.s.status));
    struct message answer = {.id = MSG_QUESTION_IS};
    answer.question_is.id = core->job.id;
    rc = ask_open(core, &core->job, &core->value, &answer.question_is.question);
    return rc < 0 ? rc : reply(core, &answer);
}

/* --- answering ------------------------------------------------------------------------------- */

/* Is this what was answered already: that very question, or the last one within a moment? Then it
 * counts once. 1: it is; 0: it is not; REFUSED; -errno. */
enum { REPEATED = 2 };
static int look_for_repeat(struct core *core, const struct job *job, const struct msg_answer *said)
{
    struct wire_answered row;
    bool waits = job->s.status == JOB_WAITING;
    uint64_t last = job->s.question_n - (waits && job->s.question_n > 0);
    uint64_t n = said->question ? said->question : last;
    if (n > last)
        return 0;
    int rc = row_get(core, &job->id, n, &core->value, &row);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    bool same = row.answer.len > 0 && slice_eq(row.answer, said->answer);
    bool lately = core->now.wall_ms <= row.at + ANSWER_REPEAT_MS;
    if (same && (lately || said->question))
        return REPEATED;
    if (said->question)
        return refuse(core, WIRE_CONFLICT, "question", "question %llu is not open any more",
                      (unsigned long long)n);
    return 0;
}

static int check_answer(struct core *core, const struct job *job, const struct msg_answer *said)
{
    if (job->s.status != JOB_WAITING)
        return refuse(core, WIRE_CONFLICT, "", "the job is %s: it asks nothing",
                      job_state_word(job->s.status));
    if (said->question && said->question != job->s.question_n)
        return refuse(core, WIRE_CONFLICT, "question", "expected %llu, the question that is open",
                      (unsigned long long)job->s.question_n);
    return 0;
}

static int take_answer(struct core *core, struct job *job, struct slice answer)
{
    struct wire_answered row;
    uint64_t n = job->s.question_n;
    int rc = row_get(core, &job->id, n, &core->value, &row);
    if (rc != 0)
        return rc < 0 ? rc : -EBADMSG;
    core->changed = true;
    row.answer = answer;
    row.at = core->now.wall_ms;
    rc = row_put(core, &job->id, n, &row);
    job->s.resumes = true;
    if (rc == 0)
        rc = job_move(core, job, JOB_PENDING);
    if (rc < 0)
        return rc;
    struct wire_question question = {.n = n, .kind = row.kind};
    struct wire_event event = {.type = TEXT("answer"), .answer = answer};
    rc = shape_keep(&core->scratch, &shape_question, &question, KEYS_NAMES, &event.question);
    if (rc == 0)
        rc = job_emit(core, job, &event);
    return rc < 0 ? rc : job_save(core, job);
}

int handle_answer(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_answer *said = &message->answer;
    struct job *job = &core->job;
    if (said->answer.len == 0)
        return refuse(core, WIRE_INVALID_REQUEST, "answer", "expected a value");
    int rc = control_load(core, session, message, &said->id);
    if (rc == 0)
        rc = look_for_repeat(core, job, said);
    if (rc == REPEATED)
        return control_answer(core);
    if (rc == 0)
        rc = check_answer(core, job, said);
    if (rc == 0)
        rc = take_answer(core, job, said->answer);
    return rc != 0 ? rc : control_answer(core);
}
