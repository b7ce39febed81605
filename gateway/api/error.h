/* The one error shape of /v1:
 *     {"error":{"code","message","details":{"field"?,"trace_id"}}}
 * The message names the field and says what was expected. Codes and statuses are those of
 * proto/errors.def.
 * Must never word an error of another API: dialects have files of their own. */
#ifndef REEVE_GATEWAY_API_ERROR_H
#define REEVE_GATEWAY_API_ERROR_H

#include "gateway/http/request.h"
#include "proto/codec.h"

/* Answers with the error; `field` may be NULL or empty. */
void api_fail(struct request *request, enum wire_error error, const char *field, const char *fmt,
              ...) __attribute__((format(printf, 4, 5)));

/* The same with a status of HTTP's own (405, 414, 415), under the code INVALID_REQUEST. */
void api_fail_http(struct request *request, unsigned status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

void api_fault(struct request *request, const struct fault *fault);

/* Out of memory while the answer was made. */
void api_fail_memory(struct request *request);

/* Says when to come back; with any error. */
void api_retry_after(struct request *request, uint64_t ms);

/* Appends {"code","message","field"?}: an error inside a list of answers. 0, -ENOMEM. */
int api_error_item(struct buf *out, const struct fault *fault);

/* A whole HTTP answer with status 408, for the server to send without a request. */
struct text api_slow_answer(void);

#endif
