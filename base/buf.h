/* A growing run of bytes that owns its memory.
 * Must never shrink, move or free behind the caller's back except where a function says so.
 */
#ifndef REEVE_BASE_BUF_H
#define REEVE_BASE_BUF_H

#include "base/slice.h"

/* {0} is valid and empty. Pointers into `at` die with the next call that may grow it. Not
 * thread-safe. */
struct buf {
    uint8_t *at;
    size_t len;
    size_t cap;
};

/* Makes room for `more` bytes after `len`, doubling. 0, -ENOMEM or -EOVERFLOW; unchanged on error.
 */
int buf_reserve(struct buf *buf, size_t more);

/* Copies `size` bytes to the end (`data` may be NULL when size is 0, and must not point into
 * `buf`). 0, -ENOMEM or -EOVERFLOW; unchanged on error. */
int buf_append(struct buf *buf, const void *data, size_t size);

/* The same for a text. */
int buf_append_text(struct buf *buf, struct text text);

/* Appends formatted text without its final zero. 0, -ENOMEM, -EOVERFLOW, or -EINVAL (bad format or
 * encoding); unchanged on error. */
int buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forgets the content, keeps the memory. */
void buf_clear(struct buf *buf);

/* Frees the memory; `buf` is {0} afterwards and may be used again. NULL is allowed. */
void buf_fini(struct buf *buf);

/* What it holds; borrowed until the next call that may change `buf`. */
struct slice buf_slice(const struct buf *buf);

/* The same as a text. */
struct text buf_text(const struct buf *buf);

#endif
