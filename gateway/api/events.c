/* GET /v1/jobs/{id}/events: the job's live stream as server-sent events.
 * Must never keep a stream that its request was not given. */
#include <stdlib.h>

#include "gateway/api/ask.h"
#include "gateway/api/error.h"
#include "gateway/api/job.h"
#include "gateway/api/routes.h"
#include "gateway/gateway.h"
#include "gateway/http/outflow.h"
#include "gateway/stream/follow.h"

static void start_free(void *context)
{
    struct follow_start *start = context;
    follow_start_fini(start);
    free(start);
}

/* What EventSource sends when it comes back: the last id it saw. 0; 1: it is none. */
static int read_last_id(const struct request *request, struct opt_u64 *after_out)
{
    struct text text = request_header(request, "Last-Event-ID");
    uint64_t rev = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || rev > UINT64_MAX / 10 - 1)
            return 1;
        rev = rev * 10 + (uint64_t)(text.at[i] - '0');
    }
    *after_out = (struct opt_u64){rev, text.len > 0};
    return 0;
}

/* On the link's thread. */
static void begun(struct follow_start *start)
{
    request_wake(start->arg);
}

static void respond_stream(struct request *request)
{
    struct follow_start *start = request->context;
    if (start->status < 0) {
        ask_fail_status(request, start->status);
    } else if (start->status > 0) {
        api_fault(request, &start->fault);
    } else {
        response_header(request, "X-Accel-Buffering", "no");
        respond_outflow(request, start->outflow);
        outflow_release(&start->outflow);
    }
}

static void respond_head(struct request *request, const struct message *answer)
{
    (void)answer;
    respond(request, 200, "text/event-stream", NULL);
}

/* HEAD: is there such a stream? No stream is begun for it. */
static void look(struct request *request, const struct uuid *id)
{
    struct message *message = ask_message(request, MSG_GET_JOB);
    if (!message)
        return;
    message->get_job.id = *id;
    ask(request, respond_head);
}

void job_events(struct request *request)
{
    const struct gateway *gateway = request->app;
    struct uuid id;
    struct opt_u64 after;
    if (job_path_id(request, &id) != 0)
        return;
    if (read_last_id(request, &after) != 0) {
        api_fail(request, WIRE_INVALID_REQUEST, "Last-Event-ID", "expected a number");
        return;
    }
    if (request->method == METHOD_HEAD) {
        look(request, &id);
        return;
    }
    struct follow_start *start = calloc(1, sizeof *start);
    if (!start) {
        api_fail_memory(request);
        return;
    }
    request->context = start;
    request->context_free = start_free;
    start->job = id;
    start->after = after;
    start->owner = request->caller.owner;
    start->admin = request->caller.admin;
    start->done = begun;
    start->arg = request;
    request_wait(request, respond_stream);
    int rc = follow_start(gateway->follows, start);
    if (rc < 0) {
        start->status = rc;
        request_wake(request);
    }
}
