/* A request target, split at its slashes and decoded: "/v1/jobs/ab%2Fc?limit=5" becomes the
 * segments v1, jobs, ab/c and the parameter limit = 5.
 *
 * Splitting comes before decoding, so that an encoded slash stays inside its segment. Every text is
 * valid UTF-8 without control characters, or the target is refused.
 * Must never know a route. Pure. */
#ifndef REEVE_GATEWAY_HTTP_TARGET_H
#define REEVE_GATEWAY_HTTP_TARGET_H

#include <stdbool.h>

#include "base/slice.h"

enum { TARGET_LEN_MAX = 8 * 1024, TARGET_SEGMENTS_MAX = 12, TARGET_PARAMS_MAX = 32 };

struct target_param {
    struct text name, value;
};

/* Texts point into the bytes that were parsed. "/" has no segments; "/v1/" has two, the second
 * empty. */
struct target {
    struct text path; /* as it came, undecoded, without the query: for logs */
    size_t segment_count;
    size_t param_count;
    struct text segments[TARGET_SEGMENTS_MAX];
    struct target_param params[TARGET_PARAMS_MAX];
};

/* Splits and decodes in place: `raw` is overwritten, but for `path`, which is a copy that follows
 * it: `raw` has room for 2 * len + 1 bytes. An absolute target ("http://host/path") is taken as its
 * path. 0; 1: it is malformed or beyond the bounds, *problem_out says why (a static string), and
 * only `path` is set. */
int target_parse(char *raw, size_t len, struct target *target_out, const char **problem_out);

/* The first parameter of that name, NULL where there is none. */
const struct target_param *target_param(const struct target *target, struct text name);

#endif
