/* Streams: read a few rows at a time, merged by place. */
#include "broker/core/stream.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

/* Rows of the first read, and of one after a jump, which may well jump again. */
enum { FIRST_ROWS = 32, JUMP_ROWS = 4 };

void stream_init(struct stream *stream, enum store_table table, struct slice prefix)
{
    CHECK(prefix.len <= sizeof stream->prefix);
    stream->table = table;
    memcpy(stream->prefix, prefix.at, prefix.len);
    stream->prefix_len = prefix.len;
    stream->at_once = FIRST_ROWS;
}

void stream_forget(struct stream *stream)
{
    stream->drained = false;
    stream->index = stream->count = 0;
    stream->at_once = JUMP_ROWS;
}

bool place_is_before(const struct stream_reader *reader, const uint8_t *a, const uint8_t *b)
{
    int order = memcmp(a, b, PLACE_LEN);
    return reader->oldest_first ? order < 0 : order > 0;
}

/* Read to its end one by one: more at once. Jumped over: few. */
static void choose_size(struct stream *stream, const uint8_t *edge)
{
    if (stream->count == 0)
        return;
    bool jumped = memcmp(stream->place[stream->count - 1], edge, PLACE_LEN) != 0;
    unsigned twice = 2U * stream->at_once;
    stream->at_once = (uint16_t)(jumped ? JUMP_ROWS : twice < STREAM_ROWS ? twice : STREAM_ROWS);
}

static int fill(struct stream_reader *reader, struct stream *stream, const uint8_t *edge)
{
    uint8_t after[STREAM_PREFIX_MAX + PLACE_LEN];
    memcpy(after, stream->prefix, stream->prefix_len);
    if (edge)
        memcpy(after + stream->prefix_len, edge, PLACE_LEN);
    choose_size(stream, edge);
    struct core *core = reader->core;
    struct store_range range = {.table = stream->table,
                                .prefix = {stream->prefix, stream->prefix_len},
                                .after = {after, edge ? stream->prefix_len + PLACE_LEN : 0},
                                .limit = stream->at_once,
                                .reverse = !reader->oldest_first};
    reader->fills++;
    int rc = store_scan(core->store, &range, &core->rows);
    if (rc < 0)
        return rc;
    stream->index = 0;
    stream->count = core->rows.count;
    stream->drained = core->rows.count < stream->at_once;
    for (size_t i = 0; i < stream->count; i++) {
        struct slice key = core->rows.at[i].key;
        if (key.len != stream->prefix_len + PLACE_LEN)
            return -EBADMSG;
        memcpy(stream->place[i], key.at + stream->prefix_len, PLACE_LEN);
    }
    return 0;
}

/* 1: stream->place[stream->index] lies behind the edge; 0 at the end; -errno. */
static int stream_next(struct stream_reader *reader, struct stream *stream, const uint8_t *edge)
{
    for (;;) {
        while (edge && stream->index < stream->count &&
               !place_is_before(reader, edge, stream->place[stream->index]))
            stream->index++;
        if (stream->index < stream->count)
            return 1;
        int rc = stream->drained ? 0 : fill(reader, stream, edge);
        if (rc < 0 || stream->count == 0 || stream->index == stream->count)
            return rc;
    }
}

int source_next(struct stream_reader *reader, struct source *source, const uint8_t *edge,
                const uint8_t **place_out)
{
    const uint8_t *best = NULL;
    for (size_t i = 0; i < source->count; i++) {
        struct stream *stream = &source->streams[i];
        int rc = stream_next(reader, stream, edge);
        if (rc < 0)
            return rc;
        if (rc == 1 && (!best || place_is_before(reader, stream->place[stream->index], best)))
            best = stream->place[stream->index];
    }
    *place_out = best;
    return best != NULL;
}
