/* Parents, whole trees, and jobs that do another one again.
 * Must never keep anything between calls.
 */
#include "client/relatives.h"

#include "client/answer.h"
#include "proto/json.h"

static int begin(struct reeve *reeve, const char *text, struct uuid *id_out)
{
    int code = handle_enter(reeve);
    return code == REEVE_OK ? handle_read_id(reeve, text, id_out) : code;
}

static int take_job(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_job(answer, &text), &text, arg);
}

static int take_whole(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_whole(answer, &text), &text, arg);
}

/* Twice is as good as once: what has ended is left alone. */
int reeve_cancel_tree(struct reeve *reeve, const char *id, const char *reason, char **job_out)
{
    struct message request = {.id = MSG_CANCEL};
    request.cancel.reason = text_of(reason);
    request.cancel.tree = true;
    int code = begin(reeve, id, &request.cancel.id);
    return code == REEVE_OK ? handle_call(reeve, &request, MSG_JOB_IS, take_job, job_out) : code;
}

/* The new id is made here, so that a request sent again makes no second job. */
int relatives_retry_with(struct reeve *reeve, const struct uuid *id, struct slice params,
                         struct uuid *id_out, handle_use *use, void *arg)
{
    struct message request = {.id = MSG_RETRY};
    request.retry.id = *id;
    request.retry.params = params;
    request.retry.new_id = *id_out = handle_new_id(reeve);
    return handle_call(reeve, &request, MSG_JOB_IS, use, arg);
}

int reeve_retry_with(struct reeve *reeve, const char *id, const char *params_json,
                     char id_out[REEVE_ID_SIZE], char **job_out)
{
    struct buf params = {0};
    struct fault fault;
    struct uuid old, made;
    int code = begin(reeve, id, &old);
    if (code != REEVE_OK)
        return code;
    int rc = json_to_msgpack(text_of(params_json), &params, &fault);
    if (rc < 0)
        code = handle_fail_memory(reeve);
    else if (rc > 0)
        code = handle_fail(reeve, REEVE_INVALID_REQUEST, "params", "params is not JSON: %s",
                           fault.problem);
    else
        code = relatives_retry_with(reeve, &old, buf_slice(&params), &made, take_job, job_out);
    buf_fini(&params);
    if (code == REEVE_OK && id_out)
        uuid_format(&made, id_out);
    return code;
}

int relatives_parents(struct reeve *reeve, const struct uuid *id, uint64_t after, uint32_t limit,
                      handle_use *use, void *arg)
{
    struct message request = {.id = MSG_GET_PARENTS};
    request.get_parents.id = *id;
    request.get_parents.after = after;
    request.get_parents.limit = limit;
    return handle_call(reeve, &request, MSG_PARENTS, use, arg);
}

int reeve_parents(struct reeve *reeve, const char *id, uint64_t after, uint32_t limit,
                  char **parents_out)
{
    struct uuid uuid;
    int code = begin(reeve, id, &uuid);
    return code == REEVE_OK ? relatives_parents(reeve, &uuid, after, limit, take_whole, parents_out)
                            : code;
}
