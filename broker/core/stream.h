/* Rows of the tables by which jobs are listed, in order of creation: what a walk reads.
 *
 * A stream is all keys with one prefix; a source is the union of some streams. A place is
 * created_at | job, as all these keys end. `edge` is a place or NULL (the beginning): what is asked
 * for lies strictly behind it in the direction of the walk, and it only ever moves on. Internal to
 * the walk. Reads only; core->rows is its work space. */
#ifndef REEVE_BROKER_CORE_STREAM_H
#define REEVE_BROKER_CORE_STREAM_H

#include "broker/core/memory.h"

enum { PLACE_LEN = 24, STREAM_ROWS = 128, STREAM_PREFIX_MAX = 1 + OWNER_LEN_MAX + 1 + 1 };
_Static_assert(QUEUE_LEN_MAX <= OWNER_LEN_MAX && TYPE_LEN_MAX <= OWNER_LEN_MAX, "prefixes fit");

struct stream {
    enum store_table table;
    size_t prefix_len;
    uint8_t prefix[STREAM_PREFIX_MAX];
    bool drained;     /* nothing behind what was read */
    uint16_t at_once; /* how many rows to read next: grows while they are wanted one by one */
    size_t count, index;
    uint8_t place[STREAM_ROWS][PLACE_LEN];
};

struct source {
    struct stream *streams;
    size_t count;
};

/* How to read: by which core, in which direction; `fills` counts the reads of the store. */
struct stream_reader {
    struct core *core;
    bool oldest_first;
    uint32_t fills;
};

void stream_init(struct stream *stream, enum store_table table, struct slice prefix);

/* Forgets what was read ahead, since the table has changed. */
void stream_forget(struct stream *stream);

/* Does `a` lie before `b` in the direction of the walk? */
bool place_is_before(const struct stream_reader *reader, const uint8_t *a, const uint8_t *b);

/* The source's first place behind the edge, which lives until the next call for this source. 1; 0
 * there is none; -errno. */
int source_next(struct stream_reader *reader, struct source *source, const uint8_t *edge,
                const uint8_t **place_out);

#endif
