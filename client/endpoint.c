/* Endpoints as text: `tcp://HOST:PORT`, `tcp://SOURCE;HOST:PORT`, and others that have no host.
 * Must never resolve a name or open anything.
 */
#include "client/endpoint.h"

#include <errno.h>
#include <stdio.h>

/* The host and the port of a tcp endpoint; host.at is NULL where it is none. */
struct parts {
    struct text host;
    struct text port;
};

static size_t last_of(struct text text, char wanted)
{
    size_t at = text.len;
    while (at > 0 && text.at[at - 1] != wanted)
        at--;
    return at;
}

static struct parts parts_of(struct text endpoint)
{
    struct text scheme = TEXT("tcp://");
    if (endpoint.len < scheme.len || memcmp(endpoint.at, scheme.at, scheme.len) != 0)
        return (struct parts){0};
    struct text rest = {endpoint.at + scheme.len, endpoint.len - scheme.len};
    size_t port = last_of(rest, ':');
    if (port == 0)
        return (struct parts){0};
    struct text host = {rest.at, port - 1};
    size_t source = last_of(host, ';');
    return (struct parts){{host.at + source, host.len - source}, {rest.at + port, rest.len - port}};
}

static bool is_wildcard(struct text host)
{
    return text_is(host, "*") || text_is(host, "0.0.0.0") || text_is(host, "[::]") ||
           text_is(host, "::");
}

int endpoint_of_events(struct text broker, struct text events, char out[ENDPOINT_SIZE])
{
    struct parts parts = parts_of(events);
    struct text host = parts_of(broker).host;
    int len;
    if (events.len == 0)
        return -EINVAL;
    if (!host.at || is_wildcard(host))
        host = TEXT("127.0.0.1");
    if (parts.host.at && is_wildcard(parts.host))
        len = snprintf(out, ENDPOINT_SIZE, "tcp://%.*s:%.*s", (int)host.len, host.at,
                       (int)parts.port.len, parts.port.at);
    else
        len = snprintf(out, ENDPOINT_SIZE, "%.*s", (int)events.len, events.at);
    return len < ENDPOINT_SIZE ? 0 : -ENAMETOOLONG;
}
