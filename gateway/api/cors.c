/* CORS headers. Must never name an origin that is not listed. */
#include "gateway/api/cors.h"

static bool lists_any(const struct auth *auth)
{
    for (size_t i = 0; i < auth->origins->count; i++) {
        if (strcmp(auth->origins->at[i], "*") == 0)
            return true;
    }
    return false;
}

void cors_answer(const struct auth *auth, struct request *request)
{
    struct text origin = request_header(request, "Origin");
    if (auth->origins->count == 0)
        return;
    response_header(request, "Vary", "Origin");
    if (origin.len == 0 || !auth_lists_origin(auth, origin))
        return;
    if (lists_any(auth)) {
        response_header(request, "Access-Control-Allow-Origin", "*");
    } else {
        response_header(request, "Access-Control-Allow-Origin", "%.*s", (int)origin.len, origin.at);
        response_header(request, "Access-Control-Allow-Credentials", "true");
    }
    response_header(request, "Access-Control-Expose-Headers",
                    "ETag, Location, Retry-After, X-Request-ID, traceparent");
}

void cors_preflight(const struct auth *auth, struct request *request, const char *allow)
{
    struct text origin = request_header(request, "Origin");
    if (request_header(request, "Access-Control-Request-Method").len == 0 ||
        !auth_lists_origin(auth, origin))
        return;
    response_header(request, "Access-Control-Allow-Methods", "%s", allow);
    response_header(request, "Access-Control-Allow-Headers",
                    "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, "
                    "traceparent, X-Request-ID");
    response_header(request, "Access-Control-Max-Age", "600");
}
