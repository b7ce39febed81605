/* The message `list_jobs`: a page of jobs by creation, filtered, with a total. Reads only.
 *
 * The status table gives, per status, the jobs in order of creation; a page is a merge of the
 * wanted statuses. Other filters are looked up job by job, within a bounded number of rows. */
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "broker/core/caller.h"
#include "broker/core/counter.h"
#include "broker/core/query.h"
#include "broker/core/reply.h"

enum { ROWS_AT_ONCE = 64, ROWS_MAX = 5000, PLACE_LEN = 24 };

/* One status's jobs, in order, read a few at a time. A place is created | id, as in the key. */
struct stream {
    enum job_state status;
    uint8_t place[ROWS_AT_ONCE][PLACE_LEN];
    size_t count, index;
    bool drained;
};

struct listing {
    const struct msg_list_jobs *ask;
    struct caller caller;
    struct stream *streams;
    size_t stream_count;
    uint8_t cursor[PLACE_LEN];
    bool has_cursor;
    uint32_t found, examined;
    uint64_t limit;
};

static int fill(struct core *core, const struct listing *listing, struct stream *stream)
{
    uint8_t prefix = (uint8_t)stream->status;
    uint8_t after[1 + PLACE_LEN] = {prefix};
    const uint8_t *last = stream->count         ? stream->place[stream->count - 1]
                          : listing->has_cursor ? listing->cursor
                                                : NULL;
    if (last)
        memcpy(after + 1, last, PLACE_LEN);
    struct store_range range = {.table = TABLE_STATUS,
                                .prefix = {&prefix, 1},
                                .after = {after, last ? sizeof after : 0},
                                .limit = ROWS_AT_ONCE,
                                .reverse = !listing->ask->oldest_first};
    int rc = store_scan(core->store, &range, &core->rows);
    if (rc < 0)
        return rc;
    stream->index = 0;
    stream->count = core->rows.count;
    stream->drained = core->rows.count < ROWS_AT_ONCE;
    for (size_t i = 0; i < stream->count; i++)
        memcpy(stream->place[i], core->rows.at[i].key.at + 1, PLACE_LEN);
    return 0;
}

/* The next place of all streams in order: 1, 0 at the end, -errno. */
static int next_place(struct core *core, struct listing *listing, uint8_t place_out[PLACE_LEN])
{
    struct stream *best = NULL;
    for (size_t i = 0; i < listing->stream_count; i++) {
        struct stream *stream = &listing->streams[i];
        if (stream->index == stream->count && !stream->drained) {
            int rc = fill(core, listing, stream);
            if (rc < 0)
                return rc;
        }
        if (stream->index == stream->count)
            continue;
        int order =
            best ? memcmp(stream->place[stream->index], best->place[best->index], PLACE_LEN) : 0;
        if (!best || (listing->ask->oldest_first ? order < 0 : order > 0))
            best = stream;
    }
    if (!best)
        return 0;
    memcpy(place_out, best->place[best->index++], PLACE_LEN);
    return 1;
}

static bool fits(const struct listing *listing, const struct rec_state *s)
{
    const struct msg_list_jobs *ask = listing->ask;
    if (ask->type.len && !text_eq(ask->type, s->type))
        return false;
    if (ask->queue.len && !text_eq(ask->queue, s->queue))
        return false;
    if (ask->of_owner.len && !text_eq(ask->of_owner, s->owner))
        return false;
    return listing->caller.sees_all || text_eq(listing->caller.owner, s->owner);
}

static int examine(struct core *core, struct listing *listing, const uint8_t place[PLACE_LEN],
                   bool *fits_out)
{
    struct uuid id;
    memcpy(id.at, place + 8, sizeof id.at);
    int rc = job_load(core, &id, &core->job);
    *fits_out = rc == 0 && fits(listing, &core->job.s);
    return rc < 0 ? rc : 0;
}

/* Appends the page. Afterwards `cursor` is the last place that was looked at. */
static int collect(struct core *core, struct listing *listing, bool *more_out)
{
    uint8_t place[PLACE_LEN];
    int rc = 0;
    *more_out = false;
    while (listing->found < listing->limit && listing->examined < ROWS_MAX &&
           core->answer.len < PAGE_SIZE_MAX) {
        bool fit;
        rc = next_place(core, listing, place);
        if (rc <= 0)
            return rc;
        rc = examine(core, listing, place, &fit);
        if (rc == 0 && fit)
            rc = job_render(core, &core->job, DETAIL_LIST, &core->answer);
        if (rc < 0)
            return rc;
        listing->found += fit;
        listing->examined++;
        memcpy(listing->cursor, place, PLACE_LEN);
    }
    rc = next_place(core, listing, place);
    *more_out = rc == 1;
    return rc < 0 ? rc : 0;
}

static uint64_t sum_of(const struct listing *listing, const struct counter *counter)
{
    uint64_t sum = 0;
    for (size_t i = 0; counter && i < listing->stream_count; i++)
        sum += counter->count[listing->streams[i].status];
    return sum;
}

/* Exact from the counters where at most one name narrows the list. */
static bool count_exactly(const struct core *core, const struct listing *listing,
                          uint64_t *total_out)
{
    const struct msg_list_jobs *ask = listing->ask;
    struct text owner = listing->caller.sees_all ? ask->of_owner : listing->caller.owner;
    int names = (ask->type.len > 0) + (ask->queue.len > 0) + (owner.len > 0);
    if (names > 1)
        return false;
    const struct counter *counter = core->all;
    if (ask->type.len)
        counter = counter_find(core, 't', ask->type);
    else if (ask->queue.len)
        counter = counter_find(core, 'q', ask->queue);
    else if (owner.len)
        counter = counter_find(core, 'o', owner);
    *total_out = sum_of(listing, counter);
    return true;
}

static int set_total(struct core *core, struct listing *listing, bool more, struct msg_jobs *answer)
{
    uint64_t total;
    if (count_exactly(core, listing, &total)) {
        answer->total = opt_of(total);
        return 0;
    }
    uint8_t place[PLACE_LEN];
    int rc = 0;
    total = listing->found;
    for (uint32_t n = 0; more && n < ROWS_MAX; n++) {
        bool fit = false;
        rc = next_place(core, listing, place);
        if (rc == 1)
            rc = examine(core, listing, place, &fit);
        else
            more = false;
        if (rc < 0)
            return rc;
        total += fit;
    }
    answer->total = opt_of(total);
    answer->total_capped = more || listing->ask->cursor.len > 0;
    return 0;
}

static int read_cursor(struct core *core, struct listing *listing)
{
    struct text cursor = listing->ask->cursor;
    if (cursor.len == 0)
        return 0;
    bool good = cursor.len == 2 * PLACE_LEN;
    for (size_t i = 0; good && i < cursor.len; i++) {
        char c = cursor.at[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        good = digit >= 0;
        listing->cursor[i / 2] = (uint8_t)(listing->cursor[i / 2] << 4 | (digit & 15));
    }
    listing->has_cursor = good;
    return good ? 0
                : refuse(core, WIRE_INVALID_REQUEST, "cursor",
                         "expected next_cursor of an earlier page");
}

static void write_cursor(const struct listing *listing, char out[2 * PLACE_LEN])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < PLACE_LEN; i++) {
        out[2 * i] = digits[listing->cursor[i] >> 4];
        out[2 * i + 1] = digits[listing->cursor[i] & 15];
    }
}

static int choose_streams(struct core *core, struct listing *listing)
{
    struct list_iter iter;
    struct text word;
    bool wanted[JOB_STATE_COUNT] = {false};
    if (list_open(listing->ask->status, &iter) != 0)
        return refuse(core, WIRE_INVALID_REQUEST, "status", "expected a list of states");
    while (list_next_text(&iter, &word) == 1) {
        enum job_state status = job_state_of(word);
        if (status == JOB_NONE)
            return refuse(core, WIRE_INVALID_REQUEST, "status", "\"%.*s\" is no state",
                          (int)(word.len < 40 ? word.len : 40), word.at);
        wanted[status] = true;
    }
    for (unsigned i = 1; i < JOB_STATE_COUNT; i++)
        if (iter.count == 0 || wanted[i])
            listing->streams[listing->stream_count++] =
                (struct stream){.status = (enum job_state)i};
    return 0;
}

static int make_page(struct core *core, struct listing *listing)
{
    struct message answer = {.id = MSG_JOBS};
    char cursor[2 * PLACE_LEN];
    size_t mark;
    bool more = false;
    buf_clear(&core->answer);
    int rc = list_begin(&core->answer, &mark);
    if (rc == 0)
        rc = collect(core, listing, &more);
    if (rc < 0)
        return rc;
    list_end(&core->answer, mark, listing->found);
    if (more) {
        write_cursor(listing, cursor);
        answer.jobs.next_cursor = (struct text){cursor, sizeof cursor};
    }
    answer.jobs.jobs = buf_slice(&core->answer);
    rc = set_total(core, listing, more, &answer.jobs);
    return rc < 0 ? rc : reply(core, &answer);
}

int handle_list_jobs(struct core *core, struct session *session, const struct message *message)
{
    struct listing listing = {.ask = &message->list_jobs,
                              .caller = caller_of(session, message),
                              .limit = message->list_jobs.limit ? message->list_jobs.limit
                                                                : LIST_LIMIT_DEFAULT};
    listing.streams = calloc(JOB_STATE_COUNT, sizeof *listing.streams);
    if (!listing.streams)
        return refuse(core, WIRE_UNAVAILABLE, "", "out of memory");
    int rc = choose_streams(core, &listing);
    if (rc == 0)
        rc = read_cursor(core, &listing);
    if (rc == 0)
        rc = make_page(core, &listing);
    free(listing.streams);
    return rc;
}
