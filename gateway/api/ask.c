/* Asking the broker on a request's behalf.
 * Must never touch a request on the link's thread but to wake it. */
#include "gateway/api/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/api/error.h"
#include "gateway/gateway.h"
#include "gateway/link.h"

/* A request's context while it asks. */
struct asking {
    struct link_call call;
    answer_step *then;
    bool wants_errors;
    struct buf scratch, notes;
};

static void asking_free(void *context)
{
    struct asking *asking = context;
    buf_fini(&asking->call.answer);
    buf_fini(&asking->scratch);
    buf_fini(&asking->notes);
    free(asking);
}

static struct asking *asking_of(struct request *request)
{
    if (!request->context) {
        request->context = calloc(1, sizeof(struct asking));
        request->context_free = asking_free;
    }
    return request->context;
}

struct message *ask_message(struct request *request, enum message_id id)
{
    struct asking *asking = asking_of(request);
    if (!asking) {
        api_fail_memory(request);
        return NULL;
    }
    buf_clear(&asking->call.answer);
    asking->wants_errors = false;
    asking->call.ask = (struct message){.id = id};
    asking->call.ask.envelope.owner = request->caller.owner;
    asking->call.ask.envelope.admin = request->caller.admin;
    return &asking->call.ask;
}

struct buf *ask_scratch(struct request *request)
{
    struct asking *asking = asking_of(request);
    return asking ? &asking->scratch : NULL;
}

struct buf *ask_notes(struct request *request)
{
    struct asking *asking = asking_of(request);
    return asking ? &asking->notes : NULL;
}

void ask_errors(struct request *request)
{
    struct asking *asking = request->context;
    asking->wants_errors = true;
}

bool ask_resent(const struct request *request)
{
    const struct asking *asking = request->context;
    return asking->call.resent;
}

/* Would it change something? Then nobody knows whether it did. */
static bool is_change(enum message_id id)
{
    return id == MSG_SUBMIT || id == MSG_CANCEL || id == MSG_RETRY || id == MSG_DELETE;
}

static void fail_unavailable(struct request *request, const char *why)
{
    api_retry_after(request, 2000);
    api_fail(request, WIRE_UNAVAILABLE, NULL, "%s", why);
}

static void fail_status(struct request *request, int status, enum message_id asked)
{
    switch (status) {
    case -EMSGSIZE:
        api_fail(request, WIRE_PAYLOAD_TOO_LARGE, NULL,
                 "the request is larger than the broker takes");
        return;
    case -EAGAIN:
        fail_unavailable(request, "too many requests wait for the broker");
        return;
    case -ETIMEDOUT:
        fail_unavailable(request, is_change(asked) ? "the broker does not answer; what was asked "
                                                     "for may still happen"
                                                   : "the broker does not answer");
        return;
    case -ECONNREFUSED:
        fail_unavailable(request, "the broker refuses this gateway");
        return;
    case -ECONNABORTED:
    case -ESHUTDOWN:
        fail_unavailable(request, "the gateway is stopping");
        return;
    default:
        api_fail(request, WIRE_SERVER_ERROR, NULL, "the broker's answer is of no use (%d)",
                 -status);
    }
}

void ask_fail_status(struct request *request, int status)
{
    fail_status(request, status, MSG_NONE);
}

void ask_fault(const struct message *answer, struct fault *fault_out)
{
    const struct msg_error *error = &answer->error;
    fault_set(fault_out, wire_error_of(error->code), "", "%.*s", (int)error->message.len,
              error->message.at);
    snprintf(fault_out->field, sizeof fault_out->field, "%.*s", (int)error->field.len,
             error->field.len ? error->field.at : "");
}

void ask_fail(struct request *request, const struct message *answer, const struct fault *fault)
{
    int status = wire_error_status(fault->error);
    uint64_t after_ms = answer->error.retry_after_ms;
    if (after_ms > 0 || status == 503 || status == 429)
        api_retry_after(request, after_ms);
    api_fault(request, fault);
}

/* Again on a server thread. */
static void take_answer(struct request *request)
{
    struct asking *asking = request->context;
    struct link_call *call = &asking->call;
    struct message answer;
    struct fault fault;
    int status = call->status;
    if (status == 0 && message_decode(buf_slice(&call->answer), &answer, &fault) != 0)
        status = -EPROTO;
    if (status < 0) {
        fail_status(request, status, call->ask.id);
    } else if (answer.id == MSG_ERROR && !asking->wants_errors) {
        ask_fault(&answer, &fault);
        ask_fail(request, &answer, &fault);
    } else {
        asking->then(request, &answer);
    }
}

static void wake(struct link_call *call)
{
    request_wake(call->arg);
}

void ask(struct request *request, answer_step *then)
{
    struct asking *asking = request->context;
    struct gateway *gateway = request->app;
    asking->then = then;
    asking->call.done = wake;
    asking->call.arg = request;
    request_wait(request, take_answer);
    int rc = link_ask(gateway->link, &asking->call);
    if (rc < 0) {
        asking->call.status = rc;
        request_wake(request);
    }
}
