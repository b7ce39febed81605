/* Borrowed runs of bytes (slice) and of characters (text): a pointer and a length.
 * Must never own memory, and never assume that a zero byte ends what it points at.
 */
#ifndef REEVE_BASE_SLICE_H
#define REEVE_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes somebody else owns. {0} is empty; `at` may be NULL only when `len` is 0. */
struct slice {
    const uint8_t *at;
    size_t len;
};

/* The same for characters: UTF-8 by intent, not by promise. Print with "%.*s", (int)t.len, t.at. */
struct text {
    const char *at;
    size_t len;
};

/* A text over a string literal, usable in expressions; TEXT_INIT the same for static tables. */
#define TEXT(literal) ((struct text){"" literal, sizeof(literal) - 1})
#define TEXT_INIT(literal)              \
    {                                   \
        "" literal, sizeof(literal) - 1 \
    }

/* Borrows `cstr` (NULL gives the empty text) for as long as the caller keeps it. */
static inline struct text text_of(const char *cstr)
{
    return (struct text){cstr, cstr ? strlen(cstr) : 0};
}

static inline bool text_eq(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Compares with a C string, by length and bytes. */
static inline bool text_is(struct text a, const char *literal)
{
    return text_eq(a, text_of(literal));
}

/* Order of the bytes as unsigned values, a prefix first; < 0, 0, > 0 as memcmp. */
static inline int text_cmp(struct text a, struct text b)
{
    size_t both = a.len < b.len ? a.len : b.len;
    int order = both == 0 ? 0 : memcmp(a.at, b.at, both);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* The same bytes seen as a slice; borrows what `t` borrows. */
static inline struct slice text_slice(struct text t)
{
    return (struct slice){(const uint8_t *)t.at, t.len};
}

/* The same bytes seen as a text; borrows what `s` borrows. */
static inline struct text slice_text(struct slice s)
{
    return (struct text){(const char *)s.at, s.len};
}

#endif
