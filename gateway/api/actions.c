/* The routes that change a job: cancel, retry, delete.
 * Must never report a failure that is only the echo of a success: a question that went out twice,
 * because the broker restarted in between, may find its own work done. */
#include "gateway/api/ask.h"
#include "gateway/api/body.h"
#include "gateway/api/error.h"
#include "gateway/api/job.h"
#include "gateway/api/routes.h"

/* 0: the body is read. 1: it was not, and that is answered. */
static int read_body(struct request *request, const struct body_field *fields, size_t count)
{
    struct fault fault;
    struct buf *scratch = ask_scratch(request);
    int rc = scratch ? body_read(buf_text(&request->body), fields, count, scratch, &fault) : -1;
    if (rc == 0)
        return 0;
    if (rc > 0)
        api_fault(request, &fault);
    else
        api_fail_memory(request);
    return 1;
}

static enum wire_error error_of(const struct message *answer)
{
    return answer->id == MSG_ERROR ? wire_error_of(answer->error.code) : WIRE_OK;
}

static void fail(struct request *request, const struct message *answer)
{
    struct fault fault;
    ask_fault(answer, &fault);
    ask_fail(request, answer, &fault);
}

/* --- cancel and retry ------------------------------------------------------------------------- */

/* The second of two equal questions was refused: what did the first one do? */
static void ask_job_again(struct request *request, answer_step *then)
{
    struct uuid id;
    if (job_path_id(request, &id) != 0)
        return;
    struct message *message = ask_message(request, MSG_GET_JOB);
    if (!message)
        return;
    message->get_job.id = id;
    ask(request, then);
}

static enum job_state status_of(const struct message *answer)
{
    struct wire_job job;
    struct fault fault;
    bool good = shape_decode(answer->job_is.job, &shape_job, KEYS_NAMES, &job, &fault) == 0;
    return good ? job.status : JOB_NONE;
}

static void looked_after_cancel(struct request *request, const struct message *answer)
{
    enum job_state status = status_of(answer);
    if (status == JOB_CANCELLED)
        job_respond_is(request, answer);
    else
        api_fail(request, WIRE_CONFLICT, NULL, "the job is %s: there is nothing to cancel",
                 job_state_word(status));
}

static void cancelled(struct request *request, const struct message *answer)
{
    if (error_of(answer) == WIRE_OK)
        job_respond_is(request, answer);
    else if (error_of(answer) == WIRE_CONFLICT && ask_resent(request))
        ask_job_again(request, looked_after_cancel);
    else
        fail(request, answer);
}

void job_cancel(struct request *request)
{
    struct uuid id;
    struct text reason;
    const struct body_field fields[] = {{"reason", MESSAGE_LEN_MAX, &reason}};
    if (job_path_id(request, &id) != 0)
        return;
    struct message *message = ask_message(request, MSG_CANCEL);
    if (!message || read_body(request, fields, 1) != 0)
        return;
    message->cancel.id = id;
    message->cancel.reason = reason;
    ask_errors(request);
    ask(request, cancelled);
}

static void looked_after_retry(struct request *request, const struct message *answer)
{
    enum job_state status = status_of(answer);
    if (!job_state_is_terminal(status))
        job_respond_is(request, answer);
    else
        api_fail(request, WIRE_CONFLICT, NULL, "the job is %s", job_state_word(status));
}

static void retried(struct request *request, const struct message *answer)
{
    if (error_of(answer) == WIRE_OK)
        job_respond_is(request, answer);
    else if (error_of(answer) == WIRE_CONFLICT && ask_resent(request))
        ask_job_again(request, looked_after_retry);
    else
        fail(request, answer);
}

void job_retry(struct request *request)
{
    struct uuid id;
    if (job_path_id(request, &id) != 0)
        return;
    struct message *message = ask_message(request, MSG_RETRY);
    if (!message || read_body(request, NULL, 0) != 0)
        return;
    message->retry.id = id;
    ask_errors(request);
    ask(request, retried);
}

/* --- delete ----------------------------------------------------------------------------------- */

static void deleted(struct request *request, const struct message *answer)
{
    bool echo = error_of(answer) == WIRE_NOT_FOUND && ask_resent(request);
    if (error_of(answer) == WIRE_OK || echo)
        respond(request, 204, NULL, NULL);
    else
        fail(request, answer);
}

void job_delete(struct request *request)
{
    struct uuid id;
    if (job_path_id(request, &id) != 0)
        return;
    struct message *message = ask_message(request, MSG_DELETE);
    if (!message)
        return;
    message->delete.id = id;
    ask_errors(request);
    ask(request, deleted);
}
