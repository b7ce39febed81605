/* Asking the broker on a request's behalf: the message goes to the link, the request sleeps, and
 * the step that was named gets the answer. What goes wrong in between is answered here.
 *
 *     struct message *message = ask_message(request, MSG_GET_JOB);
 *     message->get_job.id = id;
 *     ask(request, got_job);
 *
 * Must never be used twice at a time for one request; one after the other is fine. */
#ifndef REEVE_GATEWAY_API_ASK_H
#define REEVE_GATEWAY_API_ASK_H

#include "gateway/http/request.h"
#include "proto/codec.h"

/* The answer is of the kind that the question wants; its bytes live until the next ask_message or
 * the request's end. */
typedef void answer_step(struct request *request, const struct message *answer);

/* The question to fill in, with the caller in its envelope. What it points to must stay until the
 * answer. NULL: out of memory, and that is answered. */
struct message *ask_message(struct request *request, enum message_id id);

/* Bytes for the question to point into; they live as long as the request. */
struct buf *ask_scratch(struct request *request);
/* A handler's own bytes with the same life. */
struct buf *ask_notes(struct request *request);

/* Sends it. A broker's error is answered by itself, but where ask_errors was called before. */
void ask(struct request *request, answer_step *then);

/* Errors of this question go to its step too, which answers with ask_fail unless it knows better.
 * ask_resent: the question that was answered last went out more than once, so that an error may be
 * the echo of its own success. */
void ask_errors(struct request *request);
bool ask_resent(const struct request *request);

/* What an error says; `fault` may then be worded anew before it is answered. */
void ask_fault(const struct message *answer, struct fault *fault_out);
void ask_fail(struct request *request, const struct message *answer, const struct fault *fault);
/* Answers for a call that got no answer: a status of client/conn.h, or link_ask's. */
void ask_fail_status(struct request *request, int status);

#endif
