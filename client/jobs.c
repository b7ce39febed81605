/* Reading and changing single jobs, lists, logs and figures: a request, an answer, a text.
 * Must never keep anything between calls.
 */
#include "client/jobs.h"

#include "client/answer.h"
#include "client/filter.h"
#include "proto/json.h"

_Static_assert((int)REEVE_SCHEDULED == (int)JOB_SCHEDULED, "states.def");
_Static_assert((int)REEVE_PENDING == (int)JOB_PENDING, "states.def");
_Static_assert((int)REEVE_RUNNING == (int)JOB_RUNNING, "states.def");
_Static_assert((int)REEVE_COMPLETED == (int)JOB_COMPLETED, "states.def");
_Static_assert((int)REEVE_FAILED == (int)JOB_FAILED, "states.def");
_Static_assert((int)REEVE_CANCELLED == (int)JOB_CANCELLED, "states.def");
_Static_assert((int)REEVE_BLOCKED == (int)JOB_BLOCKED, "states.def");
_Static_assert((int)REEVE_WAITING == (int)JOB_WAITING, "states.def");

const char *reeve_state_name(enum reeve_state state)
{
    bool known = (int)state > JOB_NONE && (int)state < JOB_STATE_COUNT;
    return job_state_word(known ? (enum job_state)state : JOB_NONE);
}

/* --- one job ---------------------------------------------------------------------------------- */

static int take_job(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_job(answer, &text), &text, arg);
}

int jobs_get(struct reeve *reeve, const struct uuid *id, handle_use *use, void *arg)
{
    struct message request = {.id = MSG_GET_JOB, .get_job = {.id = *id, .result = true}};
    return handle_call(reeve, &request, MSG_JOB_IS, use, arg);
}

/* Enters the handle and reads the id: how every call about one job begins. */
static int begin(struct reeve *reeve, const char *text, struct uuid *id_out)
{
    int code = handle_enter(reeve);
    return code == REEVE_OK ? handle_read_id(reeve, text, id_out) : code;
}

int reeve_get(struct reeve *reeve, const char *id, char **job_out)
{
    struct uuid uuid;
    int code = begin(reeve, id, &uuid);
    return code == REEVE_OK ? jobs_get(reeve, &uuid, take_job, job_out) : code;
}

static int take_state(void *arg, struct reeve *reeve, const struct message *answer)
{
    enum reeve_state *state_out = arg;
    struct wire_job job;
    struct fault fault;
    if (shape_decode(answer->job_is.job, &shape_job, KEYS_NAMES, &job, &fault) != 0)
        return handle_fail(reeve, REEVE_SERVER_ERROR, fault.field, "%s", fault.problem);
    *state_out = (enum reeve_state)job.status;
    return REEVE_OK;
}

int reeve_status(struct reeve *reeve, const char *id, enum reeve_state *state_out)
{
    struct message request = {.id = MSG_GET_JOB};
    int code = begin(reeve, id, &request.get_job.id);
    return code == REEVE_OK ? handle_call(reeve, &request, MSG_JOB_IS, take_state, state_out)
                            : code;
}

/* --- changing --------------------------------------------------------------------------------- */

/* A request that went out twice may have been refused because of its own first copy: then the job
 * is as it was asked to be. */
struct change {
    handle_use *use;
    void *arg;
    bool cancelled, revived; /* what the job has to be, to count as changed */
};

static int take_if_changed(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct change *change = arg;
    enum reeve_state state = REEVE_FAILED;
    int code = take_state(&state, reeve, answer);
    if (code != REEVE_OK)
        return code;
    bool revived = state != REEVE_FAILED && state != REEVE_CANCELLED;
    if ((change->cancelled && state == REEVE_CANCELLED) || (change->revived && revived))
        return change->use(change->arg, reeve, answer);
    return REEVE_CONFLICT;
}

static int change_job(struct reeve *reeve, const struct message *request, const struct uuid *id,
                      struct change *change)
{
    int code = handle_call(reeve, request, MSG_JOB_IS, change->use, change->arg);
    if (code != REEVE_CONFLICT || !reeve->resent)
        return code;
    char message[sizeof reeve->message];
    memcpy(message, reeve->message, sizeof message);
    code = jobs_get(reeve, id, take_if_changed, change);
    return code == REEVE_CONFLICT ? handle_fail(reeve, code, "", "%s", message) : code;
}

int jobs_cancel(struct reeve *reeve, const struct uuid *id, const char *reason, handle_use *use,
                void *arg)
{
    struct message request = {.id = MSG_CANCEL};
    struct change change = {.use = use, .arg = arg, .cancelled = true};
    request.cancel.id = *id;
    request.cancel.reason = text_of(reason);
    return change_job(reeve, &request, id, &change);
}

int jobs_retry(struct reeve *reeve, const struct uuid *id, handle_use *use, void *arg)
{
    struct message request = {.id = MSG_RETRY, .retry.id = *id};
    struct change change = {.use = use, .arg = arg, .revived = true};
    return change_job(reeve, &request, id, &change);
}

int reeve_cancel(struct reeve *reeve, const char *id, const char *reason, char **job_out)
{
    struct uuid uuid;
    int code = begin(reeve, id, &uuid);
    return code == REEVE_OK ? jobs_cancel(reeve, &uuid, reason, take_job, job_out) : code;
}

int reeve_retry(struct reeve *reeve, const char *id, char **job_out)
{
    struct uuid uuid;
    int code = begin(reeve, id, &uuid);
    return code == REEVE_OK ? jobs_retry(reeve, &uuid, take_job, job_out) : code;
}

int reeve_delete(struct reeve *reeve, const char *id)
{
    struct message request = {.id = MSG_DELETE};
    int code = begin(reeve, id, &request.delete.id);
    if (code != REEVE_OK)
        return code;
    code = handle_call(reeve, &request, MSG_DELETED, NULL, NULL);
    bool gone = code == REEVE_NOT_FOUND || code == REEVE_GONE;
    return gone && reeve->resent ? REEVE_OK : code;
}

static int take_result(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    struct slice result = answer->result.result;
    int rc = result.len ? json_from_msgpack(result, &text) : buf_append(&text, "null", 4);
    return answer_take(reeve, rc, &text, arg);
}

int reeve_result(struct reeve *reeve, const char *id, char **result_out)
{
    struct message request = {.id = MSG_GET_RESULT};
    int code = begin(reeve, id, &request.get_result.id);
    return code == REEVE_OK ? handle_call(reeve, &request, MSG_RESULT, take_result, result_out)
                            : code;
}

/* --- lists ------------------------------------------------------------------------------------ */

/* Asks with the filter packed into the request. */
static int list_with(struct reeve *reeve, const struct reeve_filter *filter,
                     struct message *request, handle_use *use, void *arg)
{
    struct buf map = {0};
    int code = filter_pack(reeve, filter, &map);
    request->list_jobs.filter = buf_slice(&map);
    if (code == REEVE_OK)
        code = handle_call(reeve, request, MSG_JOBS, use, arg);
    buf_fini(&map);
    return code;
}

int jobs_list(struct reeve *reeve, const struct reeve_filter *filter, handle_use *use, void *arg)
{
    struct message request = {.id = MSG_LIST_JOBS};
    request.list_jobs = (struct msg_list_jobs){
        .sort = text_of(filter->sort),
        .order = text_of(filter->order),
        .limit = opt_of(filter->limit ? filter->limit : LIST_LIMIT_DEFAULT),
        .cursor = text_of(filter->cursor),
        .offset = filter->offset,
    };
    return list_with(reeve, filter, &request, use, arg);
}

struct total {
    uint64_t *count_out;
    bool *capped_out;
};

static int take_total(void *arg, struct reeve *reeve, const struct message *answer)
{
    const struct total *total = arg;
    (void)reeve;
    *total->count_out = answer->jobs.total.value;
    if (total->capped_out)
        *total->capped_out = answer->jobs.total_capped;
    return REEVE_OK;
}

int reeve_count(struct reeve *reeve, const struct reeve_filter *filter, uint64_t *count_out,
                bool *capped_out)
{
    const struct reeve_filter all = {0};
    struct message request = {.id = MSG_LIST_JOBS, .list_jobs.limit = opt_of(0)};
    struct total total = {count_out, capped_out};
    int code = handle_enter(reeve);
    return code == REEVE_OK ? list_with(reeve, filter ? filter : &all, &request, take_total, &total)
                            : code;
}

/* A list and the limit that it was asked with. */
struct page {
    char **out;
    uint64_t limit;
};

static int take_list(void *arg, struct reeve *reeve, const struct message *answer)
{
    const struct page *page = arg;
    struct buf text = {0};
    return answer_take(reeve, answer_jobs(&answer->jobs, page->limit, &text), &text, page->out);
}

int reeve_list(struct reeve *reeve, const struct reeve_filter *filter, char **list_out)
{
    const struct reeve_filter all = {0};
    if (!filter)
        filter = &all;
    struct page page = {list_out, filter->limit ? filter->limit : LIST_LIMIT_DEFAULT};
    int code = handle_enter(reeve);
    return code == REEVE_OK ? jobs_list(reeve, filter, take_list, &page) : code;
}

static int take_logs(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_logs(&answer->logs, &text), &text, arg);
}

int jobs_logs(struct reeve *reeve, const struct uuid *id, const struct reeve_log_filter *filter,
              handle_use *use, void *arg)
{
    struct message request = {.id = MSG_GET_LOGS};
    request.get_logs.id = *id;
    if (filter) {
        request.get_logs.level = text_of(filter->level);
        request.get_logs.after = filter->after;
        request.get_logs.limit = filter->limit;
    }
    return handle_call(reeve, &request, MSG_LOGS, use, arg);
}

int reeve_logs(struct reeve *reeve, const char *id, const struct reeve_log_filter *filter,
               char **logs_out)
{
    struct uuid uuid;
    int code = begin(reeve, id, &uuid);
    return code == REEVE_OK ? jobs_logs(reeve, &uuid, filter, take_logs, logs_out) : code;
}

int jobs_why(struct reeve *reeve, const struct uuid *id, handle_use *use, void *arg)
{
    struct message request = {.id = MSG_GET_WHY, .get_why = {.id = *id}};
    return handle_call(reeve, &request, MSG_WHY, use, arg);
}

static int take_why(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_whole(answer, &text), &text, arg);
}

int reeve_why(struct reeve *reeve, const char *id, char **why_out)
{
    struct uuid uuid;
    int code = begin(reeve, id, &uuid);
    return code == REEVE_OK ? jobs_why(reeve, &uuid, take_why, why_out) : code;
}

static int take_question(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    int rc = json_from_shape(answer->question_is.question, &shape_question, &text);
    return answer_take(reeve, rc, &text, arg);
}

int jobs_question(struct reeve *reeve, const struct uuid *id, handle_use *use, void *arg)
{
    struct message request = {.id = MSG_GET_QUESTION, .get_question.id = *id};
    return handle_call(reeve, &request, MSG_QUESTION_IS, use, arg);
}

int reeve_question(struct reeve *reeve, const char *id, char **question_out)
{
    struct uuid uuid;
    int code = begin(reeve, id, &uuid);
    return code == REEVE_OK ? jobs_question(reeve, &uuid, take_question, question_out) : code;
}

int jobs_answer(struct reeve *reeve, const struct uuid *id, struct slice answer, uint64_t question,
                handle_use *use, void *arg)
{
    struct message request = {.id = MSG_ANSWER};
    request.answer.id = *id;
    request.answer.answer = answer;
    request.answer.question = question;
    return handle_call(reeve, &request, MSG_JOB_IS, use, arg);
}

int reeve_answer(struct reeve *reeve, const char *id, const char *answer_json, uint64_t question,
                 char **job_out)
{
    struct uuid uuid;
    struct fault fault;
    struct buf answer = {0};
    int code = begin(reeve, id, &uuid);
    if (code != REEVE_OK)
        return code;
    int rc = json_to_msgpack(text_of(answer_json), &answer, &fault);
    if (rc < 0)
        code = handle_fail_memory(reeve);
    else if (rc > 0)
        code = handle_fail(reeve, REEVE_INVALID_REQUEST, "answer", "no JSON: %s", fault.problem);
    else
        code = jobs_answer(reeve, &uuid, buf_slice(&answer), question, take_job, job_out);
    buf_fini(&answer);
    return code;
}

static int take_attempts(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_attempts(&answer->attempts, &text), &text, arg);
}

int jobs_attempts(struct reeve *reeve, const struct uuid *id, handle_use *use, void *arg)
{
    struct message request = {.id = MSG_GET_ATTEMPTS, .get_attempts.id = *id};
    return handle_call(reeve, &request, MSG_ATTEMPTS, use, arg);
}

int reeve_attempts(struct reeve *reeve, const char *id, char **attempts_out)
{
    struct uuid uuid;
    int code = begin(reeve, id, &uuid);
    return code == REEVE_OK ? jobs_attempts(reeve, &uuid, take_attempts, attempts_out) : code;
}

static int take_stats(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_whole(answer, &text), &text, arg);
}

int reeve_stats(struct reeve *reeve, char **stats_out)
{
    struct message request = {.id = MSG_GET_STATS};
    int code = handle_enter(reeve);
    return code == REEVE_OK ? handle_call(reeve, &request, MSG_STATS, take_stats, stats_out) : code;
}
