/* The one error shape of /v1. Must never fail to answer: without memory, with an empty body. */
#include "gateway/api/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "proto/json.h"

/* Appends ,"name":"value"; without the comma where `first`. */
static int add_text(struct buf *out, bool first, const char *name, struct text value)
{
    int rc = buf_printf(out, "%s\"%s\":", first ? "" : ",", name);
    return rc == 0 ? json_quote(out, value) : rc;
}

/* The field comes first in the message too, so that the message alone is enough. */
static int add_message(struct buf *out, const struct fault *fault)
{
    char line[sizeof fault->field + sizeof fault->problem + 2];
    snprintf(line, sizeof line, "%s%s%s", fault->field, fault->field[0] ? ": " : "",
             fault->problem);
    return add_text(out, false, "message", text_of(line));
}

static int render(struct buf *out, const struct fault *fault, const struct request *request)
{
    int rc = buf_printf(out, "{\"error\":{\"code\":\"%s\"", wire_error_code(fault->error));
    if (rc == 0)
        rc = add_message(out, fault);
    if (rc == 0)
        rc = buf_append_text(out, TEXT(",\"details\":{"));
    if (rc == 0 && fault->field[0])
        rc = add_text(out, true, "field", text_of(fault->field));
    if (rc == 0)
        rc = add_text(out, !fault->field[0], "trace_id", trace_id(&request->trace));
    return rc == 0 ? buf_append_text(out, TEXT("}}}\n")) : rc;
}

static void answer(struct request *request, unsigned status, const struct fault *fault)
{
    struct buf body = {0};
    if (render(&body, fault, request) < 0)
        buf_fini(&body);
    respond_json(request, status, &body);
}

void api_fault(struct request *request, const struct fault *fault)
{
    answer(request, (unsigned)wire_error_status(fault->error), fault);
}

void api_fail(struct request *request, enum wire_error error, const char *field, const char *fmt,
              ...)
{
    struct fault fault = {.error = error};
    va_list args;
    va_start(args, fmt);
    vsnprintf(fault.problem, sizeof fault.problem, fmt, args);
    va_end(args);
    snprintf(fault.field, sizeof fault.field, "%s", field ? field : "");
    api_fault(request, &fault);
}

void api_fail_http(struct request *request, unsigned status, const char *fmt, ...)
{
    struct fault fault = {.error = WIRE_INVALID_REQUEST};
    va_list args;
    va_start(args, fmt);
    vsnprintf(fault.problem, sizeof fault.problem, fmt, args);
    va_end(args);
    answer(request, status, &fault);
}

void api_fail_memory(struct request *request)
{
    api_fail(request, WIRE_SERVER_ERROR, NULL, "the gateway is out of memory");
}

void api_retry_after(struct request *request, uint64_t ms)
{
    uint64_t seconds = (ms + 999) / 1000;
    response_header(request, "Retry-After", "%llu", (unsigned long long)(seconds ? seconds : 1));
}

int api_error_item(struct buf *out, const struct fault *fault)
{
    int rc = buf_printf(out, "{\"code\":\"%s\"", wire_error_code(fault->error));
    if (rc == 0)
        rc = add_message(out, fault);
    if (rc == 0 && fault->field[0])
        rc = add_text(out, false, "field", text_of(fault->field));
    return rc == 0 ? buf_append_text(out, TEXT("}")) : rc;
}

#define SLOW_BODY                                                                      \
    "{\"error\":{\"code\":\"INVALID_REQUEST\",\"message\":\"the request did not come " \
    "in in time\",\"details\":{}}}\n"

struct text api_slow_answer(void)
{
    static char answer_text[512];
    int len = snprintf(answer_text, sizeof answer_text,
                       "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\nConnection: close\r\nServer: reeve\r\n\r\n%s",
                       sizeof SLOW_BODY - 1, SLOW_BODY);
    return (struct text){answer_text, (size_t)len};
}
