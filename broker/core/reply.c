/* Answers to whoever spoke, and refusals. Sends nothing itself: it adds effects. */
#include "broker/core/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "broker/core/effects.h"

static enum effect_kind effect_of(enum core_socket socket)
{
    return socket == CORE_WORKERS ? EFFECT_SEND_WORKER : EFFECT_SEND_CLIENT;
}

static uint64_t request_of(const struct core_event *event)
{
    return event->message ? event->message->envelope.request : event->request;
}

int reply(struct core *core, struct message *message)
{
    const struct core_event *event = core->event;
    message->envelope.request = request_of(event);
    message->envelope.limits = core->limits;
    return effects_add(core->effects, effect_of(event->socket), event->peer, NULL, message);
}

int reply_fault(struct core *core)
{
    const struct fault *fault = &core->fault;
    struct message message = {.id = MSG_ERROR};
    message.error.code = text_of(wire_error_code(fault->error));
    message.error.message =
        text_of(fault->problem[0] ? fault->problem : wire_error_message(fault->error));
    if (fault->field[0])
        message.error.field = text_of(fault->field);
    message.error.job = core->fault_job;
    if (fault->error == WIRE_STORE_FULL || fault->error == WIRE_UNAVAILABLE)
        message.error.retry_after_ms = 5000;
    return reply(core, &message);
}

int send_to(struct core *core, const struct session *session, struct message *message)
{
    if (session->peer == 0)
        return 0;
    return effects_add(core->effects, effect_of(session->socket), session->peer, NULL, message);
}

int refuse(struct core *core, enum wire_error error, const char *field, const char *problem, ...)
{
    char text[2 * sizeof core->fault.problem]; /* fault_set cuts between characters */
    va_list args;
    va_start(args, problem);
    vsnprintf(text, sizeof text, problem, args);
    va_end(args);
    fault_set(&core->fault, error, field, "%s", text);
    core->fault_job = (struct uuid){{0}};
    return REFUSED;
}
