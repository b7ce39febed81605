/* Walks over the status table: per state, the jobs in order of creation; a walk merges the states
 * that are wanted. Other parts of the filter are looked up job by job. */
#include "broker/core/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_AT_ONCE = 64 };

/* One state's jobs, in order, read a few at a time. A place is created | id, as in the key. */
struct stream {
    enum job_state status;
    uint8_t place[ROWS_AT_ONCE][WALK_PLACE_LEN];
    size_t count, index;
    bool drained;
};

struct walk {
    struct core *core;
    const struct filter *filter;
    struct walk_place place;
    bool oldest_first;
    uint32_t rows_left;
    size_t stream_count;
    struct stream streams[JOB_STATE_COUNT];
};

int walk_start(struct core *core, const struct filter *filter, const struct walk_from *from,
               struct walk **walk_out)
{
    struct walk *walk = calloc(1, sizeof *walk);
    *walk_out = walk;
    if (!walk)
        return -ENOMEM;
    walk->core = core;
    walk->filter = filter;
    walk->place = from->place;
    walk->oldest_first = from->oldest_first;
    walk->rows_left = from->rows_max ? from->rows_max : WALK_ROWS_DEFAULT;
    for (unsigned i = 1; i < JOB_STATE_COUNT && !filter->nothing; i++)
        if (filter->statuses & (1u << i))
            walk->streams[walk->stream_count++].status = (enum job_state)i;
    return 0;
}

void walk_end(struct walk **walk)
{
    free(*walk);
    *walk = NULL;
}

void walk_allow(struct walk *walk, uint32_t rows)
{
    walk->rows_left += rows;
}

struct walk_place walk_place(const struct walk *walk)
{
    return walk->place;
}

static int fill(struct walk *walk, struct stream *stream)
{
    struct core *core = walk->core;
    uint8_t prefix = (uint8_t)stream->status;
    uint8_t after[1 + WALK_PLACE_LEN] = {prefix};
    const uint8_t *last = stream->count     ? stream->place[stream->count - 1]
                          : walk->place.set ? walk->place.at
                                            : NULL;
    if (last)
        memcpy(after + 1, last, WALK_PLACE_LEN);
    struct store_range range = {.table = TABLE_STATUS,
                                .prefix = {&prefix, 1},
                                .after = {after, last ? sizeof after : 0},
                                .limit = ROWS_AT_ONCE,
                                .reverse = !walk->oldest_first};
    int rc = store_scan(core->store, &range, &core->rows);
    if (rc < 0)
        return rc;
    stream->index = 0;
    stream->count = core->rows.count;
    stream->drained = core->rows.count < ROWS_AT_ONCE;
    for (size_t i = 0; i < stream->count; i++) {
        if (core->rows.at[i].key.len != 1 + WALK_PLACE_LEN)
            return -EBADMSG;
        memcpy(stream->place[i], core->rows.at[i].key.at + 1, WALK_PLACE_LEN);
    }
    return 0;
}

static bool is_before(const struct walk *walk, const uint8_t *a, const uint8_t *b)
{
    int order = memcmp(a, b, WALK_PLACE_LEN);
    return walk->oldest_first ? order < 0 : order > 0;
}

/* The stream's next row that lies ahead; a job that moved to another state while the walk stood
 * there shows a second time. 1, 0 at the end, -errno. */
static int advance(struct walk *walk, struct stream *stream)
{
    for (;;) {
        if (stream->index == stream->count) {
            int rc = stream->drained ? 0 : fill(walk, stream);
            if (rc < 0 || stream->index == stream->count)
                return rc;
        }
        if (!walk->place.set || is_before(walk, walk->place.at, stream->place[stream->index]))
            return 1;
        stream->index++;
    }
}

/* The stream with the next place of all. 1, 0 at the end, -errno. */
static int find_next(struct walk *walk, struct stream **best_out)
{
    struct stream *best = NULL;
    for (size_t i = 0; i < walk->stream_count; i++) {
        struct stream *stream = &walk->streams[i];
        int rc = advance(walk, stream);
        if (rc < 0)
            return rc;
        if (rc == 1 &&
            (!best || is_before(walk, stream->place[stream->index], best->place[best->index])))
            best = stream;
    }
    *best_out = best;
    return best != NULL;
}

int walk_has_more(struct walk *walk)
{
    struct stream *best;
    return find_next(walk, &best);
}

/* Looks at the row the walk stands at. 1: its job fits. */
static int examine(struct walk *walk, struct job *job)
{
    struct uuid id;
    memcpy(id.at, walk->place.at + 8, sizeof id.at);
    int rc = job_load(walk->core, &id, job);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    return filter_fits(walk->core, walk->filter, job);
}

int walk_next(struct walk *walk, struct job *job)
{
    for (;;) {
        struct stream *best;
        int rc = find_next(walk, &best);
        if (rc <= 0)
            return rc < 0 ? rc : WALK_END;
        if (walk->rows_left == 0)
            return WALK_PAUSED;
        walk->rows_left--;
        memcpy(walk->place.at, best->place[best->index++], WALK_PLACE_LEN);
        walk->place.set = true;
        rc = examine(walk, job);
        if (rc != 0)
            return rc < 0 ? rc : WALK_JOB;
    }
}

/* --- places as text ----------------------------------------------------------------------------
 */

void walk_place_format(const struct walk_place *place, char out[WALK_CURSOR_LEN])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < WALK_PLACE_LEN; i++) {
        out[2 * i] = digits[place->at[i] >> 4];
        out[2 * i + 1] = digits[place->at[i] & 15];
    }
}

int walk_place_parse(struct text text, struct walk_place *place_out)
{
    *place_out = (struct walk_place){0};
    if (text.len == 0)
        return 0;
    bool good = text.len == WALK_CURSOR_LEN;
    for (size_t i = 0; good && i < text.len; i++) {
        char c = text.at[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        good = digit >= 0;
        place_out->at[i / 2] = (uint8_t)(place_out->at[i / 2] << 4 | (digit & 15));
    }
    place_out->set = good;
    return good ? 0 : 1;
}
