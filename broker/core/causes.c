/* The message `get_causes`: failed jobs by their cause, a page at a time. Reads only.
 *
 * Whoever sees all gets the exact counts; for others their own jobs are counted, in a bounded
 * number of rows. */
#include <errno.h>
#include <string.h>

#include "base/endian.h"
#include "broker/core/caller.h"
#include "broker/core/cause.h"
#include "broker/core/job.h"
#include "broker/core/reply.h"

enum { ROWS_AT_ONCE = 256, ROWS_MAX = 5000, CAUSES_SEEN_MAX = 10000 };

/* One question under way. */
struct asking {
    const struct msg_get_causes *ask;
    struct caller caller;
    uint64_t limit, rows_left;
    uint32_t found;
    uint64_t cause; /* the one looked at */
};

/* Which of the cause's jobs the caller asks for. */
static bool narrows(const struct asking *asking)
{
    return !asking->caller.sees_all || asking->ask->queue.len > 0;
}

static bool fits(const struct asking *asking, const struct rec_state *s)
{
    if (!asking->caller.sees_all && !text_eq(asking->caller.owner, s->owner))
        return false;
    return asking->ask->queue.len == 0 || text_eq(asking->ask->queue, s->queue);
}

/* What is told of a cause from one of its jobs: the latest that fits. core->job keeps it. */
struct example {
    struct uuid job;
    uint64_t at, count;
    bool at_least;
};

/* One row of the cause: 0, -errno. */
static int look_at(struct core *core, struct asking *asking, struct slice row, struct example *out)
{
    struct uuid id;
    if (row.len != 32) /* the cause's own row */
        return 0;
    asking->rows_left -= asking->rows_left > 0;
    memcpy(id.at, row.at + 16, sizeof id.at);
    int rc = job_load(core, &id, &core->job);
    if (rc != 0 || !fits(asking, &core->job.s))
        return rc < 0 ? rc : 0;
    if (out->count++ == 0) {
        out->job = id;
        out->at = get_be64(row.at + 8);
    }
    return 0;
}

/* Looks at the cause's jobs, the latest first: at one, or at all where they have to be counted. */
static int look(struct core *core, struct asking *asking, struct example *out)
{
    struct rec_key key, last;
    struct slice after = {0};
    bool more = true;
    int rc = 0;
    while (more && asking->rows_left > 0 && rc == 0) {
        struct store_rows rows = {0};
        struct store_range range = {.table = TABLE_CAUSE,
                                    .prefix = key_cause(&key, asking->cause),
                                    .after = after,
                                    .limit = narrows(asking) ? ROWS_AT_ONCE : 1,
                                    .reverse = true};
        rc = store_scan(core->store, &range, &rows);
        for (size_t i = 0; i < rows.count && rc == 0; i++)
            rc = look_at(core, asking, rows.at[i].key, out);
        more = narrows(asking) && rows.count == range.limit;
        if (more) {
            struct slice end = rows.at[rows.count - 1].key;
            memcpy(last.at, end.at, end.len);
            after = (struct slice){last.at, end.len};
        }
        store_rows_fini(&rows);
    }
    out->at_least = more;
    return rc;
}

/* Others see of a cause only what their own job says. */
static int own_words(struct core *core, const struct example *example, struct rec_cause *record)
{
    struct wire_failure failure;
    struct fault fault;
    int rc = job_load(core, &example->job, &core->job);
    if (rc == 0 &&
        shape_decode(core->job.s.error, &shape_failure, KEYS_NAMES, &failure, &fault) == 0) {
        record->error = failure.type;
        record->message = failure.message;
    }
    return rc < 0 ? rc : 0;
}

static int append(struct core *core, struct asking *asking, struct rec_cause *record,
                  const struct example *example)
{
    char text[CAUSE_LEN + 1];
    bool narrow = narrows(asking);
    int rc = narrow ? own_words(core, example, record) : 0;
    cause_format(asking->cause, text);
    struct wire_cause wire = {.cause = text_of(text),
                              .type = record->type,
                              .error = record->error,
                              .message = record->message,
                              .count = narrow ? example->count : record->count,
                              .at_least = narrow && example->at_least,
                              .last_at = example->at,
                              .example = example->job};
    asking->found++;
    return rc < 0 ? rc : shape_encode(&core->answer, &shape_cause, &wire, KEYS_NAMES);
}

static int tell(struct core *core, struct asking *asking, struct slice value)
{
    struct rec_cause record;
    struct fault fault;
    struct example example = {0};
    buf_clear(&core->value);
    int rc = buf_append(&core->value, value.at, value.len);
    if (rc == 0 &&
        shape_decode(buf_slice(&core->value), &shape_rec_cause, KEYS_NUMBERS, &record, &fault) != 0)
        return -EBADMSG;
    if (asking->ask->type.len && !text_eq(asking->ask->type, record.type))
        return 0;
    if (rc == 0)
        rc = look(core, asking, &example);
    return rc < 0 || example.count == 0 ? rc : append(core, asking, &record, &example);
}

/* The first cause behind the one looked at. 1 and its value, 0, -errno. */
static int next_cause(struct core *core, struct asking *asking, struct slice *value_out)
{
    uint8_t behind[9];
    put_be64(behind, asking->cause);
    behind[8] = 0xff; /* behind all of its jobs: no time begins with this byte */
    struct store_range range = {
        .table = TABLE_CAUSE, .after = {behind, asking->cause ? sizeof behind : 0}, .limit = 1};
    int rc = store_scan(core->store, &range, &core->rows);
    if (rc < 0 || core->rows.count == 0)
        return rc;
    if (core->rows.at[0].key.len != 8)
        return -EBADMSG;
    asking->cause = get_be64(core->rows.at[0].key.at);
    *value_out = core->rows.at[0].value;
    return 1;
}

static bool has_room(const struct core *core, const struct asking *asking, int seen)
{
    return asking->found < asking->limit && asking->rows_left > 0 && seen < CAUSES_SEEN_MAX &&
           core->answer.len < PAGE_SIZE_MAX;
}

/* Appends the page. *more_out: asking->cause is the last that was looked at, and there are more. */
static int collect(struct core *core, struct asking *asking, bool *more_out)
{
    struct slice value;
    int rc = 1;
    for (int seen = 0; rc == 1 && has_room(core, asking, seen); seen++) {
        rc = next_cause(core, asking, &value);
        int told = rc == 1 ? tell(core, asking, value) : 0;
        if (told < 0)
            return told;
    }
    if (rc != 1)
        return rc;
    uint64_t last = asking->cause;
    rc = next_cause(core, asking, &value);
    asking->cause = last;
    *more_out = rc == 1;
    return rc < 0 ? rc : 0;
}

int handle_get_causes(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_get_causes *ask = &message->get_causes;
    struct asking asking = {.ask = ask,
                            .caller = caller_of(session, message),
                            .limit = ask->limit ? ask->limit : LIST_LIMIT_DEFAULT,
                            .rows_left = ROWS_MAX};
    char next[CAUSE_LEN + 1];
    size_t mark;
    bool more = false;
    if (ask->after.len && cause_parse(ask->after, &asking.cause) != 0)
        return refuse(core, WIRE_INVALID_REQUEST, "after", "expected `next` of an earlier page");
    buf_clear(&core->answer);
    int rc = list_begin(&core->answer, &mark);
    if (rc == 0)
        rc = collect(core, &asking, &more);
    if (rc < 0)
        return rc;
    list_end(&core->answer, mark, asking.found);
    struct message answer = {.id = MSG_CAUSES};
    answer.causes.causes = buf_slice(&core->answer);
    cause_format(asking.cause, next);
    if (more)
        answer.causes.next = text_of(next);
    return reply(core, &answer);
}
