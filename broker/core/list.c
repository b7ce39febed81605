/* The message `list_jobs`: a page of the jobs that fit a filter, with a total. Reads only. */
#include "broker/core/list.h"

#include <errno.h>

#include "broker/core/plan.h"
#include "broker/core/query.h"
#include "broker/core/reply.h"

bool list_is_full(const struct core *core, const struct listing *listing)
{
    return listing->found >= listing->limit || core->answer.len >= PAGE_SIZE_MAX;
}

int list_add(struct core *core, struct listing *listing, const struct job *job)
{
    listing->found++;
    return job_render(core, job, DETAIL_LIST, &core->answer);
}

/* --- what is asked for -------------------------------------------------------------------------
 */

static int read_sort(struct core *core, const struct msg_list_jobs *ask, struct listing *listing)
{
    static const char *const words[] = {"created_at", "updated_at", "name"};
    size_t i = 0;
    while (ask->sort.len && i < 3 && !text_is(ask->sort, words[i]))
        i++;
    if (i == 3)
        return refuse(core, WIRE_INVALID_REQUEST, "sort",
                      "expected created_at, updated_at or name");
    listing->sort = (enum list_sort)i;
    listing->ascending = ask->order.len ? text_is(ask->order, "asc") : listing->sort == SORT_NAME;
    if (ask->order.len && !listing->ascending && !text_is(ask->order, "desc"))
        return refuse(core, WIRE_INVALID_REQUEST, "order", "expected asc or desc");
    return 0;
}

static int read_ask(struct core *core, const struct caller *caller, struct listing *listing)
{
    const struct msg_list_jobs *ask = listing->ask;
    listing->limit = opt_or(ask->limit, LIST_LIMIT_DEFAULT);
    int rc = filter_read(core, caller, ask->filter, &listing->filter);
    if (rc == 0)
        rc = read_sort(core, ask, listing);
    if (rc == 0 && ask->cursor.len && ask->offset)
        rc = refuse(core, WIRE_INVALID_REQUEST, "offset", "expected offset or cursor, not both");
    return rc;
}

/* --- cursors -----------------------------------------------------------------------------------
 */

int cursor_write(struct buf *out, struct slice bytes)
{
    int rc = 0;
    for (size_t i = 0; i < bytes.len && rc == 0; i++)
        rc = buf_printf(out, "%02x", bytes.at[i]);
    return rc;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int cursor_read(struct text digits, struct buf *out)
{
    for (size_t i = 0; i < digits.len; i += 2) {
        int high = digit_of(digits.at[i]);
        int low = i + 1 < digits.len ? digit_of(digits.at[i + 1]) : -1;
        if (high < 0 || low < 0)
            return 1;
        uint8_t byte = (uint8_t)(high << 4 | low);
        int rc = buf_append(out, &byte, 1);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* --- by creation --------------------------------------------------------------------------------
 */

static int skip(struct core *core, struct listing *listing, struct walk *walk)
{
    for (uint64_t n = 0; n < listing->ask->offset; n++) {
        int rc = walk_next(walk, &core->job);
        if (rc == WALK_PAUSED)
            return refuse(core, WIRE_INVALID_REQUEST, "offset",
                          "too far for this filter: go on with next_cursor, or narrow the filter");
        if (rc != WALK_JOB)
            return rc;
    }
    return 0;
}

/* The page, and where the next one begins. */
static int walk_page(struct core *core, struct listing *listing, struct walk *walk)
{
    int rc = WALK_JOB;
    while (!list_is_full(core, listing) && (rc = walk_next(walk, &core->job)) == WALK_JOB) {
        int failed = list_add(core, listing, &core->job);
        if (failed < 0)
            return failed;
    }
    struct walk_place place = walk_place(walk);
    if (rc == WALK_JOB)
        rc = walk_has_more(walk);
    if (rc <= 0 || listing->limit == 0)
        return rc < 0 ? rc : 0;
    char cursor[WALK_CURSOR_LEN];
    walk_place_format(&place, cursor);
    return buf_append(&listing->cursor, cursor, sizeof cursor);
}

/* The total where the counters don't say it: what the walk still finds on top of `count`. */
static int count_on(struct core *core, struct listing *listing, struct walk *walk, uint64_t count)
{
    int rc;
    while ((rc = walk_next(walk, &core->job)) == WALK_JOB)
        count++;
    listing->total = opt_of(count);
    listing->total_capped = rc == WALK_PAUSED;
    return rc < 0 ? rc : 0;
}

static int list_by_creation(struct core *core, struct listing *listing)
{
    const struct msg_list_jobs *ask = listing->ask;
    struct walk_from from = {.oldest_first = listing->ascending,
                             .rows_max = WALK_ROWS_DEFAULT + (uint32_t)ask->offset};
    struct walk *walk;
    if (walk_place_parse(ask->cursor, &from.place) != 0)
        return refuse(core, WIRE_INVALID_REQUEST, "cursor",
                      "expected next_cursor of an earlier page");
    int rc = walk_start(core, &listing->filter, &from, &walk);
    if (rc < 0)
        return rc;
    rc = skip(core, listing, walk);
    if (rc == 0)
        rc = walk_page(core, listing, walk);
    bool whole = !ask->cursor.len && !ask->offset;
    if (rc == 0 && whole && !listing->total.set)
        rc = count_on(core, listing, walk, listing->found);
    walk_end(&walk);
    return rc;
}

/* A later page says the same as the first: counted from the beginning. */
static int count_all(struct core *core, struct listing *listing)
{
    struct walk_from from = {.oldest_first = listing->ascending};
    struct walk *walk;
    int rc = walk_start(core, &listing->filter, &from, &walk);
    if (rc == 0)
        rc = count_on(core, listing, walk, 0);
    walk_end(&walk);
    return rc;
}

/* --- the answer --------------------------------------------------------------------------------
 */

static int make_page(struct core *core, struct listing *listing)
{
    struct message answer = {.id = MSG_JOBS};
    size_t mark;
    uint64_t total;
    if (plan_count(core, &listing->filter, &total))
        listing->total = opt_of(total);
    buf_clear(&core->answer);
    int rc = list_begin(&core->answer, &mark);
    if (rc == 0)
        rc = listing->sort == SORT_CREATED ? list_by_creation(core, listing)
                                           : list_sorted(core, listing);
    if (rc != 0)
        return rc;
    list_end(&core->answer, mark, listing->found);
    answer.jobs.jobs = buf_slice(&core->answer);
    answer.jobs.next_cursor = slice_text(buf_slice(&listing->cursor));
    if (!listing->total.set)
        rc = count_all(core, listing);
    answer.jobs.total = listing->total;
    answer.jobs.total_capped = listing->total_capped;
    return rc < 0 ? rc : reply(core, &answer);
}

int handle_list_jobs(struct core *core, struct session *session, const struct message *message)
{
    struct caller caller = caller_of(session, message);
    struct listing listing = {.ask = &message->list_jobs};
    int rc = read_ask(core, &caller, &listing);
    if (rc == 0)
        rc = make_page(core, &listing);
    buf_fini(&listing.cursor);
    return rc == -ENOMEM ? refuse(core, WIRE_UNAVAILABLE, "", "out of memory") : rc;
}
