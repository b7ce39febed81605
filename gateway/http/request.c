/* One HTTP request and the answer it gets: the part that handlers call.
 * Must never queue a response itself: the server does, when the handler has returned. */
#include "gateway/http/request.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "gateway/http/outflow.h"

struct text request_header(const struct request *request, const char *name)
{
    return text_of(MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name));
}

void request_wait(struct request *request, request_step *then)
{
    CHECK(!request->then && request->response.status == 0);
    request->then = then;
    MHD_suspend_connection(request->mhd);
}

void request_wake(struct request *request)
{
    struct MHD_Connection *mhd = request->mhd;
    CHECK(!atomic_exchange_explicit(&request->woken, true, memory_order_release));
    MHD_resume_connection(mhd);
}

void respond(struct request *request, unsigned status, const char *content_type, struct buf *body)
{
    struct response *response = &request->response;
    CHECK(response->status == 0 && !request->then);
    response->status = status;
    response->content_type = content_type;
    if (body) {
        response->body = *body;
        *body = (struct buf){0};
    }
}

void respond_json(struct request *request, unsigned status, struct buf *body)
{
    respond(request, status, "application/json", body);
}

void respond_outflow(struct request *request, struct outflow *outflow)
{
    outflow_hold(outflow);
    respond(request, 200, outflow_content_type(outflow), NULL);
    request->response.outflow = outflow;
}

void response_header(struct request *request, const char *name, const char *fmt, ...)
{
    struct buf *headers = &request->response.headers;
    size_t before = headers->len;
    char value[512];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(value, sizeof value, fmt, args);
    va_end(args);
    if (len < 0 || (size_t)len >= sizeof value || buf_append(headers, name, strlen(name) + 1) < 0 ||
        buf_append(headers, value, (size_t)len + 1) < 0)
        headers->len = before;
}

void response_reset(struct request *request)
{
    struct response *response = &request->response;
    if (response->outflow)
        outflow_leave(response->outflow);
    buf_fini(&response->body);
    buf_fini(&response->headers);
    *response = (struct response){0};
}
