/* Hosts and web origins as headers carry them. Pure. Must never ask a name server. */
#include "gateway/auth/origin.h"

#include <strings.h>

static bool same(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.at, b.at, a.len) == 0);
}

static bool ends_with(struct text text, struct text end)
{
    return text.len >= end.len && same((struct text){text.at + text.len - end.len, end.len}, end);
}

static bool is_digits(struct text text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    }
    return text.len > 0;
}

/* Takes ":port" off. false: what stands there is no port. */
static bool take_port(struct text *host)
{
    const char *bracket = host->len ? memchr(host->at, ']', host->len) : NULL;
    size_t from = bracket ? (size_t)(bracket - host->at) : 0;
    const char *colon = host->len ? memchr(host->at + from, ':', host->len - from) : NULL;
    if (!colon)
        return true;
    size_t len = (size_t)(colon - host->at);
    struct text port = {colon + 1, host->len - len - 1};
    host->len = len;
    return is_digits(port) && port.len <= 5;
}

/* 127.0.0.0/8, four numbers: "127.evil.example" is a name. */
static bool is_loopback_address(struct text host)
{
    unsigned parts = 0;
    for (size_t from = 0; from <= host.len; parts++) {
        size_t len = 0;
        while (from + len < host.len && host.at[from + len] != '.')
            len++;
        struct text part = {host.at + from, len};
        if (!is_digits(part) || len > 3 || (parts == 0 && !text_is(part, "127")))
            return false;
        from += len + 1;
    }
    return parts == 4;
}

bool host_is_local(struct text host)
{
    if (host.len == 0 || !take_port(&host))
        return false;
    return same(host, TEXT("localhost")) || same(host, TEXT("[::1]")) ||
           ends_with(host, TEXT(".localhost")) || (host.len > 0 && is_loopback_address(host));
}

/* What follows "scheme://"; false where there is none. */
static bool split_scheme(struct text origin, struct text *scheme_out, struct text *rest_out)
{
    for (size_t i = 1; i + 3 < origin.len; i++) {
        if (memcmp(origin.at + i, "://", 3) != 0)
            continue;
        *scheme_out = (struct text){origin.at, i};
        *rest_out = (struct text){origin.at + i + 3, origin.len - i - 3};
        return true;
    }
    return false;
}

bool origin_is_of(struct text origin, struct text host)
{
    struct text scheme, rest;
    if (!split_scheme(origin, &scheme, &rest))
        return false;
    return (same(scheme, TEXT("http")) || same(scheme, TEXT("https"))) && same(rest, host);
}

bool origin_eq(struct text a, struct text b)
{
    return a.len > 0 && same(a, b);
}

bool origin_is_fit(struct text origin)
{
    struct text scheme, rest;
    if (text_is(origin, "*"))
        return true;
    if (!split_scheme(origin, &scheme, &rest) || !take_port(&rest) || rest.len == 0)
        return false;
    for (size_t i = 0; i < rest.len; i++) {
        unsigned char c = (unsigned char)rest.at[i];
        if (c <= ' ' || c >= 0x7f || strchr("/?#@,", c))
            return false;
    }
    return true;
}
