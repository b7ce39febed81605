/* A growing run of bytes that owns its memory.
 * Must never read or write past `cap`, nor change anything when a call fails.
 */
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

#define FIRST_CAP 64

/* No object in C is larger, and pointer differences stay representable. */
#define CAP_MAX ((size_t)PTRDIFF_MAX)

static size_t doubled(size_t cap, size_t needed)
{
    size_t next = cap < FIRST_CAP ? FIRST_CAP : cap;
    while (next < needed)
        next = next > CAP_MAX / 2 ? CAP_MAX : next * 2;
    return next;
}

int buf_reserve(struct buf *buf, size_t more)
{
    CHECK(buf->len <= buf->cap);
    if (more <= buf->cap - buf->len)
        return 0;
    if (more > CAP_MAX - buf->len)
        return -EOVERFLOW;
    size_t cap = doubled(buf->cap, buf->len + more);
    uint8_t *at = realloc(buf->at, cap);
    if (!at)
        return -ENOMEM;
    buf->at = at;
    buf->cap = cap;
    return 0;
}

int buf_append(struct buf *buf, const void *data, size_t size)
{
    int rc = buf_reserve(buf, size);
    if (rc < 0 || size == 0)
        return rc;
    memcpy(buf->at + buf->len, data, size);
    buf->len += size;
    return 0;
}

int buf_append_text(struct buf *buf, struct text text)
{
    return buf_append(buf, text.at, text.len);
}

__attribute__((format(printf, 2, 0))) static int print_at_end(struct buf *buf, const char *fmt,
                                                              va_list args)
{
    va_list measure;
    va_copy(measure, args);
    int len = vsnprintf(NULL, 0, fmt, measure);
    va_end(measure);
    if (len < 0)
        return -EINVAL;
    int rc = buf_reserve(buf, (size_t)len + 1);
    if (rc < 0)
        return rc;
    int written = vsnprintf((char *)buf->at + buf->len, (size_t)len + 1, fmt, args);
    if (written != len)
        return -EINVAL;
    buf->len += (size_t)len;
    return 0;
}

int buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int rc = print_at_end(buf, fmt, args);
    va_end(args);
    return rc;
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
}

void buf_fini(struct buf *buf)
{
    if (!buf)
        return;
    free(buf->at);
    *buf = (struct buf){0};
}

struct slice buf_slice(const struct buf *buf)
{
    return (struct slice){buf->at, buf->len};
}

struct text buf_text(const struct buf *buf)
{
    return slice_text(buf_slice(buf));
}
