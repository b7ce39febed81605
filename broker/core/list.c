/* The message `list_jobs`: a page of the jobs that fit a filter, with a total. Reads only. */
#include "broker/core/plan.h"
#include "broker/core/query.h"
#include "broker/core/reply.h"
#include "broker/core/walk.h"

struct listing {
    const struct msg_list_jobs *ask;
    struct filter filter;
    struct walk_from from;
    struct walk *walk;
    uint32_t found;
    uint64_t limit;
    struct walk_place place; /* behind the page */
    bool more;
};

static int read_order(struct core *core, const struct msg_list_jobs *ask, struct walk_from *from)
{
    from->oldest_first = text_is(ask->order, "asc");
    if (ask->order.len && !from->oldest_first && !text_is(ask->order, "desc"))
        return refuse(core, WIRE_INVALID_REQUEST, "order", "expected asc or desc");
    if (walk_place_parse(ask->cursor, &from->place) != 0)
        return refuse(core, WIRE_INVALID_REQUEST, "cursor",
                      "expected next_cursor of an earlier page");
    return 0;
}

/* Appends the page's jobs. */
static int collect(struct core *core, struct listing *listing)
{
    int rc = WALK_JOB;
    while (rc == WALK_JOB && listing->found < listing->limit && core->answer.len < PAGE_SIZE_MAX) {
        rc = walk_next(listing->walk, &core->job);
        if (rc != WALK_JOB)
            break;
        int failed = job_render(core, &core->job, DETAIL_LIST, &core->answer);
        if (failed < 0)
            return failed;
        listing->found++;
    }
    listing->place = walk_place(listing->walk);
    if (rc == WALK_JOB)
        rc = walk_has_more(listing->walk);
    listing->more = rc > 0;
    return rc < 0 ? rc : 0;
}

static int set_total(struct core *core, struct listing *listing, struct msg_jobs *answer)
{
    uint64_t total;
    if (plan_count(core, &listing->filter, &total)) {
        answer->total = opt_of(total);
        return 0;
    }
    int rc = listing->more ? WALK_JOB : WALK_END;
    total = listing->found;
    walk_allow(listing->walk, WALK_ROWS_DEFAULT);
    while (rc == WALK_JOB) {
        rc = walk_next(listing->walk, &core->job);
        total += rc == WALK_JOB;
    }
    answer->total = opt_of(total);
    answer->total_capped = rc == WALK_PAUSED || listing->from.place.set;
    return rc < 0 ? rc : 0;
}

static int make_page(struct core *core, struct listing *listing)
{
    struct message answer = {.id = MSG_JOBS};
    char cursor[WALK_CURSOR_LEN];
    size_t mark;
    buf_clear(&core->answer);
    int rc = list_begin(&core->answer, &mark);
    if (rc == 0)
        rc = collect(core, listing);
    if (rc < 0)
        return rc;
    list_end(&core->answer, mark, listing->found);
    if (listing->more) {
        walk_place_format(&listing->place, cursor);
        answer.jobs.next_cursor = (struct text){cursor, sizeof cursor};
    }
    answer.jobs.jobs = buf_slice(&core->answer);
    rc = set_total(core, listing, &answer.jobs);
    return rc < 0 ? rc : reply(core, &answer);
}

int handle_list_jobs(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_list_jobs *ask = &message->list_jobs;
    struct caller caller = caller_of(session, message);
    struct listing listing = {.ask = ask, .limit = ask->limit ? ask->limit : LIST_LIMIT_DEFAULT};
    int rc = filter_read(core, &caller, ask->filter, &listing.filter);
    if (rc == 0)
        rc = read_order(core, ask, &listing.from);
    if (rc != 0)
        return rc;
    rc = walk_start(core, &listing.filter, &listing.from, &listing.walk);
    if (rc < 0)
        return refuse(core, WIRE_UNAVAILABLE, "", "out of memory");
    rc = make_page(core, &listing);
    walk_end(&listing.walk);
    return rc;
}
