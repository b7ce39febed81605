/* Writing and trimming the journal. The only code that changes its table. */
#include "broker/core/journal.h"

#include <errno.h>

#include "base/endian.h"
#include "broker/core/job.h"

enum {
    RECORD_SIZE = 256 * 1024, /* a record ends once it is larger */
    TRIM_SLICE = 2,           /* records removed by a batch at most */
    TRIM_SLICE_BEHIND = 31,   /* the same where more are waiting */
    TRIM_SLACK_MS = 60 * 1000 /* what is too old goes in steps of this */
};

static bool is_left_out(const struct wire_event *event)
{
    return text_is(event->type, "log") || text_is(event->type, "progress");
}

/* Keeps a copy of the text and says whether it is the one before. */
static bool is_as_before(struct journal_text *before, struct text text)
{
    if (before->len == text.len && (text.len == 0 || memcmp(before->at, text.at, text.len) == 0))
        return true;
    before->len = text.len < sizeof before->at ? text.len : 0;
    if (before->len > 0)
        memcpy(before->at, text.at, text.len);
    return false;
}

static void leave_out_known(struct journal *journal, const struct job *job,
                            struct wire_event *event)
{
    bool first = journal->count == 0;
    struct text owner = job->s.owner, queue = job->s.queue, type = job->s.type;
    event->owner = is_as_before(&journal->owner, owner) && !first ? (struct text){0} : owner;
    event->queue = is_as_before(&journal->queue, queue) && !first ? (struct text){0} : queue;
    event->job_type = is_as_before(&journal->type, type) && !first ? (struct text){0} : type;
    uint64_t seq = event->seq, at = event->at;
    if (!first && seq == journal->seq + 1)
        event->seq = 0;
    if (!first && at == journal->at)
        event->at = 0;
    if (!first && uuid_eq(&journal->job, &job->id))
        event->job = (struct uuid){{0}};
    journal->seq = seq;
    journal->at = at;
    journal->job = job->id;
}

static int begin_record(struct journal *journal, const struct wire_event *event)
{
    buf_clear(&journal->events);
    journal->first_seq = event->seq;
    journal->first_at = event->at;
    return list_begin(&journal->events, &journal->mark);
}

static int end_record(struct core *core)
{
    struct journal *journal = &core->journal;
    uint8_t key[8];
    struct slice value;
    list_end(&journal->events, journal->mark, journal->count);
    journal->count = 0;
    journal->total += journal->events.len;
    struct rec_journal record = {
        .total = journal->total, .at = journal->first_at, .events = buf_slice(&journal->events)};
    put_be64(key, journal->first_seq);
    if (journal->oldest_at == UINT64_MAX)
        journal->oldest_at = journal->first_at;
    int rc = shape_keep(&core->record, &shape_rec_journal, &record, KEYS_NUMBERS, &value);
    return rc < 0 ? rc
                  : store_put(core->store, TABLE_JOURNAL, (struct slice){key, sizeof key}, value);
}

int journal_add(struct core *core, const struct job *job, const struct wire_event *event)
{
    struct journal *journal = &core->journal;
    if (core->config.journal_bytes == 0 || is_left_out(event))
        return 0;
    int rc = journal->count > 0 && journal->events.len > RECORD_SIZE ? end_record(core) : 0;
    if (rc == 0 && journal->count == 0)
        rc = begin_record(journal, event);
    if (rc < 0)
        return rc;
    struct wire_event row = *event;
    leave_out_known(journal, job, &row);
    journal->count++;
    return shape_encode(&journal->events, &shape_event, &row, KEYS_NUMBERS);
}

/* --- trimming ----------------------------------------------------------------------------------
 */

static bool is_over(const struct core *core)
{
    const struct journal *journal = &core->journal;
    if (journal->oldest_at == UINT64_MAX)
        return false;
    uint64_t kept = journal->total - journal->trimmed;
    uint64_t age =
        core->now.wall_ms > journal->oldest_at ? core->now.wall_ms - journal->oldest_at : 0;
    return kept > core->config.journal_bytes || age > core->config.journal_age_ms;
}

static int read_record(const struct store_row *row, struct rec_journal *record_out)
{
    struct fault fault;
    bool good = row->key.len == 8 &&
                shape_decode(row->value, &shape_rec_journal, KEYS_NUMBERS, record_out, &fault) == 0;
    return good ? 0 : -EBADMSG;
}

/* Takes note of a row as the oldest one; removes it where that is too much. 1: it stays. */
static int trim_row(struct core *core, const struct store_row *row, bool may_remove)
{
    struct journal *journal = &core->journal;
    struct rec_journal record;
    int rc = read_record(row, &record);
    if (rc < 0)
        return rc;
    journal->oldest_at = record.at;
    if (!may_remove || !is_over(core))
        return 1;
    journal->trimmed = record.total;
    rc = store_del(core->store, TABLE_JOURNAL, row->key);
    return rc < 0 ? rc : 0;
}

/* The oldest rows, and one more to see what is the oldest then. */
static int trim(struct core *core)
{
    size_t slice = core->journal.behind ? TRIM_SLICE_BEHIND : TRIM_SLICE;
    struct store_range range = {.table = TABLE_JOURNAL, .limit = slice + 1};
    int rc = store_scan(core->store, &range, &core->rows);
    for (size_t i = 0; i < core->rows.count && rc == 0; i++)
        rc = trim_row(core, &core->rows.at[i], i < slice);
    if (rc < 0)
        return rc;
    if (rc == 0)
        core->journal.oldest_at = UINT64_MAX; /* nothing is left */
    core->journal.behind = is_over(core);
    core->again |= core->journal.behind;
    return 0;
}

int journal_settle(struct core *core)
{
    int rc = core->journal.count > 0 ? end_record(core) : 0;
    return rc == 0 && is_over(core) ? trim(core) : rc;
}

uint64_t journal_next(const struct core *core)
{
    uint64_t oldest = core->journal.oldest_at;
    if (oldest == UINT64_MAX || core->config.journal_age_ms > UINT64_MAX - oldest - TRIM_SLACK_MS)
        return UINT64_MAX;
    return oldest + core->config.journal_age_ms + TRIM_SLACK_MS;
}

/* --- memory ------------------------------------------------------------------------------------
 */

static int load_end(struct core *core, bool newest)
{
    struct store_range range = {.table = TABLE_JOURNAL, .limit = 1, .reverse = newest};
    struct rec_journal record;
    int rc = store_scan(core->store, &range, &core->rows);
    if (rc < 0 || core->rows.count == 0)
        return rc;
    rc = read_record(&core->rows.at[0], &record);
    if (rc < 0)
        return rc;
    if (newest) {
        core->journal.total = record.total;
        return 0;
    }
    core->journal.oldest_at = record.at;
    core->journal.trimmed = record.total - record.events.len;
    return 0;
}

int journal_load(struct core *core)
{
    struct journal *journal = &core->journal;
    journal->count = 0;
    journal->total = journal->trimmed = 0;
    journal->oldest_at = UINT64_MAX;
    journal->behind = false;
    int rc = load_end(core, false);
    return rc < 0 ? rc : load_end(core, true);
}

void journal_fini(struct core *core)
{
    buf_fini(&core->journal.events);
}
