/* Finding the function for a method and a path. Pure.
 * Must never allocate: a table is walked row by row. */
#include "gateway/http/route.h"

#include <stdio.h>

#include "base/check.h"

static const char *const method_words[] = {
#define METHOD(name) #name,
    HTTP_METHODS(METHOD)
#undef METHOD
};

enum http_method method_of(const char *word)
{
    for (unsigned i = 0; i < METHOD_OTHER; i++) {
        if (strcmp(word, method_words[i]) == 0)
            return (enum http_method)i;
    }
    return METHOD_OTHER;
}

/* Does the pattern's part at `at` (of `len` bytes) take the segment? */
static bool part_takes(const char *at, size_t len, struct text segment, struct route_match *match)
{
    if (at[0] != '{')
        return text_eq((struct text){at, len}, segment);
    if (segment.len == 0)
        return false;
    CHECK(match->arg_count < ROUTE_ARGS_MAX);
    match->args[match->arg_count++] = segment;
    return true;
}

static bool pattern_takes(const char *pattern, const struct target *target,
                          struct route_match *match)
{
    size_t taken = 0;
    match->arg_count = 0;
    for (const char *at = pattern + 1; *at; taken++) {
        size_t len = strcspn(at, "/");
        if (taken == target->segment_count || !part_takes(at, len, target->segments[taken], match))
            return false;
        at += len + (at[len] == '/');
    }
    return taken == target->segment_count;
}

enum route_verdict route_find(const struct route_table *table, enum http_method method,
                              const struct target *target, struct route_match *match_out)
{
    enum http_method wanted = method == METHOD_HEAD ? METHOD_GET : method;
    match_out->allowed = 0;
    match_out->route = NULL;
    for (size_t i = 0; i < table->count; i++) {
        const struct route *route = &table->routes[i];
        if (!pattern_takes(route->pattern, target, match_out))
            continue;
        match_out->allowed |= 1u << route->method;
        if (route->method == wanted) {
            match_out->route = route;
            return ROUTE_FOUND;
        }
    }
    return match_out->allowed ? ROUTE_NO_METHOD : ROUTE_NO_PATH;
}

void route_allow(unsigned allowed, char out[ALLOW_SIZE])
{
    size_t len = 0;
    allowed |= 1u << METHOD_OPTIONS;
    if (allowed & 1u << METHOD_GET)
        allowed |= 1u << METHOD_HEAD;
    for (unsigned i = 0; i < METHOD_OTHER; i++) {
        if (allowed & 1u << i)
            len += (size_t)snprintf(out + len, ALLOW_SIZE - len, "%s%s", len ? ", " : "",
                                    method_words[i]);
    }
}
