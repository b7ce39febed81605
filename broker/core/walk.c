/* Walks: the rows on which all sources of the plan agree, and of those the jobs that fit. */
#include "broker/core/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/endian.h"
#include "broker/core/plan.h"

_Static_assert((int)PLACE_LEN == (int)WALK_PLACE_LEN, "one kind of place");

struct walk {
    const struct filter *filter;
    struct stream_reader reader;
    struct plan plan;
    struct walk_place edge; /* all up to here was looked at */
    uint64_t moves;         /* of the core when the streams were read */
    uint64_t found;
    uint32_t rows_left;
};

/* The number that a place is, one more or one less: what lies strictly behind the result begins
 * with the place itself. */
static void step_back(const struct stream_reader *reader, uint8_t place[PLACE_LEN])
{
    uint8_t step = reader->oldest_first ? UINT8_MAX : 1; /* -1 or +1, byte by byte */
    uint8_t stop = reader->oldest_first ? UINT8_MAX : 0; /* the byte went round: carry on */
    for (size_t i = PLACE_LEN; i-- > 0;) {
        place[i] = (uint8_t)(place[i] + step);
        if (place[i] != stop)
            return;
    }
}

static void move_edge(struct walk *walk, const uint8_t *place)
{
    memcpy(walk->edge.at, place, PLACE_LEN);
    walk->edge.set = true;
}

/* A span of time is where the walk begins, unless it is further already. */
static void begin_at_span(struct walk *walk)
{
    const struct filter *filter = walk->filter;
    uint64_t time = walk->reader.oldest_first ? filter->created_after : filter->created_before;
    uint8_t place[PLACE_LEN] = {0};
    if (time == 0)
        return;
    put_be64(place, time);
    if (walk->reader.oldest_first)
        step_back(&walk->reader, place);
    if (!walk->edge.set || place_is_before(&walk->reader, walk->edge.at, place))
        move_edge(walk, place);
}

/* … and where it ends. */
static bool is_behind_span(const struct walk *walk, const uint8_t *place)
{
    const struct filter *filter = walk->filter;
    uint64_t created_at = get_be64(place);
    if (!walk->reader.oldest_first)
        return created_at < filter->created_after;
    return filter->created_before && created_at >= filter->created_before;
}

int walk_start(struct core *core, const struct filter *filter, const struct walk_from *from,
               struct walk **walk_out)
{
    struct walk *walk = calloc(1, sizeof *walk);
    *walk_out = walk;
    if (!walk)
        return -ENOMEM;
    walk->filter = filter;
    walk->reader = (struct stream_reader){.core = core, .oldest_first = from->oldest_first};
    walk->edge = from->place;
    walk->rows_left = from->rows_max ? from->rows_max : WALK_ROWS_DEFAULT;
    walk->moves = core->index_moves;
    begin_at_span(walk);
    int rc = plan_make(core, filter, &walk->plan);
    if (rc < 0)
        walk_end(walk_out);
    return rc;
}

void walk_end(struct walk **walk)
{
    if (*walk)
        plan_fini(&(*walk)->plan);
    free(*walk);
    *walk = NULL;
}

void walk_allow(struct walk *walk, uint32_t rows)
{
    walk->rows_left += rows;
}

struct walk_place walk_place(const struct walk *walk)
{
    return walk->edge;
}

/* What was read ahead is old once a job has changed its state, and so is how many there can be. */
static void refresh(struct walk *walk)
{
    uint64_t moves = walk->reader.core->index_moves;
    if (walk->moves == moves)
        return;
    plan_forget(&walk->plan);
    walk->plan.most = UINT64_MAX;
    walk->moves = moves;
}

/* Every source has its next place: the furthest of them, and whether it is that of all. 1; 0 one of
 * them is at its end; -errno. */
static int furthest(struct walk *walk, const uint8_t **place_out, bool *agreed_out)
{
    const uint8_t *edge = walk->edge.set ? walk->edge.at : NULL;
    *place_out = NULL;
    *agreed_out = true;
    for (size_t i = 0; i < walk->plan.count; i++) {
        const uint8_t *place;
        int rc = source_next(&walk->reader, &walk->plan.sources[i], edge, &place);
        if (rc <= 0)
            return rc;
        if (i == 0)
            *place_out = place;
        else if (memcmp(place, *place_out, PLACE_LEN) != 0)
            *agreed_out = false;
        if (place_is_before(&walk->reader, *place_out, place))
            *place_out = place;
    }
    return walk->plan.count > 0 && !is_behind_span(walk, *place_out);
}

/* The next place on which all agree; each read beyond the first counts as a row. WALK_JOB,
 * WALK_END, WALK_PAUSED, -errno. */
static int agree(struct walk *walk, const uint8_t **place_out)
{
    for (;;) {
        bool agreed;
        uint32_t fills = walk->reader.fills;
        int rc = furthest(walk, place_out, &agreed);
        if (rc <= 0)
            return rc < 0 ? rc : WALK_END;
        if (agreed)
            return WALK_JOB;
        uint8_t edge[PLACE_LEN];
        memcpy(edge, *place_out, PLACE_LEN);
        step_back(&walk->reader, edge);
        move_edge(walk, edge);
        fills = walk->reader.fills - fills;
        if (walk->rows_left < fills)
            return WALK_PAUSED;
        walk->rows_left -= fills;
    }
}

/* The counters say when all were found, of which those before `from` are some. */
static bool has_found_all(const struct walk *walk)
{
    return walk->found >= walk->plan.most;
}

int walk_has_more(struct walk *walk)
{
    const uint8_t *place;
    refresh(walk);
    if (has_found_all(walk))
        return 0;
    int rc = agree(walk, &place);
    return rc < 0 ? rc : rc != WALK_END;
}

/* Looks at the row the walk stands at. 1: its job fits. */
static int examine(struct walk *walk, struct job *job)
{
    struct core *core = walk->reader.core;
    struct uuid id;
    memcpy(id.at, walk->edge.at + 8, sizeof id.at);
    int rc = job_load(core, &id, job);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    return filter_fits(core, walk->filter, job);
}

int walk_next(struct walk *walk, struct job *job)
{
    refresh(walk);
    while (!has_found_all(walk)) {
        const uint8_t *place;
        int rc = agree(walk, &place);
        if (rc != WALK_JOB)
            return rc;
        if (walk->rows_left == 0)
            return WALK_PAUSED;
        walk->rows_left--;
        move_edge(walk, place);
        rc = examine(walk, job);
        if (rc < 0)
            return rc;
        walk->found += rc == 1;
        if (rc == 1)
            return WALK_JOB;
    }
    return WALK_END;
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
