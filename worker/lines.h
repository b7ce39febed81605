/* Cuts a stream of bytes into lines of bounded length.
 * Must never hold more than one line, nor lose count of what it leaves out. */
#ifndef REEVE_WORKER_LINES_H
#define REEVE_WORKER_LINES_H

#include "base/buf.h"

/* Called with each line, without its end ("\n" or "\r\n"), borrowed; of a line longer than the
 * bound, its beginning, and in `left_out` how many bytes were more. */
typedef void lines_each(void *arg, struct text line, size_t left_out);

struct lines {
    size_t max; /* bytes kept of a line */
    lines_each *each;
    void *arg;
    struct buf line;
    size_t left_out;
};

/* Takes the next bytes. 0, -ENOMEM (the line goes on without some of them, counted). */
int lines_feed(struct lines *lines, struct slice bytes);

/* The end: what stands there without a line's end is a line too. Frees the memory. */
void lines_end(struct lines *lines);

#endif
