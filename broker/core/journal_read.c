/* Reading the journal. Changes nothing. */
#include <errno.h>

#include "base/endian.h"
#include "broker/core/caller.h"
#include "broker/core/journal.h"
#include "broker/core/reply.h"

enum {
    RECORDS_MAX = 64, /* looked at for one answer */
    EVENTS_MAX_LOOKED = 20000,
    PAGE = 4,
    LIMIT_DEFAULT = 100
};

/* --- a record ----------------------------------------------------------------------------------
 */

int journal_open(struct slice events, struct journal_reader *reader_out)
{
    *reader_out = (struct journal_reader){0};
    return list_open(events, &reader_out->iter) == 0 ? 0 : -EBADMSG;
}

int journal_read(struct journal_reader *reader, struct wire_event *event_out)
{
    struct wire_event *event = event_out;
    struct wire_event *last = &reader->last;
    struct fault fault;
    int more = list_next(&reader->iter, &shape_event, KEYS_NUMBERS, event, &fault);
    if (more <= 0)
        return more < 0 ? -EBADMSG : 0;
    if (event->seq == 0)
        event->seq = last->seq + 1;
    if (event->at == 0)
        event->at = last->at;
    if (uuid_is_null(&event->job))
        event->job = last->job;
    if (event->owner.len == 0)
        event->owner = last->owner;
    if (event->queue.len == 0)
        event->queue = last->queue;
    if (event->job_type.len == 0)
        event->job_type = last->job_type;
    *last = *event;
    return 1;
}

/* --- an answer ---------------------------------------------------------------------------------
 */

struct reading {
    struct core *core;
    const struct msg_get_journal *ask;
    struct text owner; /* only this one's; empty: everybody's */
    uint64_t limit, next;
    uint32_t count, looked, records;
    bool full;
};

static bool is_wanted(const struct reading *reading, const struct wire_event *event)
{
    struct list_iter iter;
    struct text type;
    if (reading->owner.len && !text_eq(reading->owner, event->owner))
        return false;
    if (reading->ask->types.len == 0 || list_open(reading->ask->types, &iter) != 0)
        return true;
    while (list_next_text(&iter, &type) == 1)
        if (text_eq(type, event->type))
            return true;
    return iter.count == 0;
}

static bool is_full(const struct reading *reading)
{
    return reading->count >= reading->limit || reading->looked >= EVENTS_MAX_LOOKED ||
           reading->core->answer.len >= PAGE_SIZE_MAX;
}

static int read_events(struct reading *reading, struct slice events)
{
    struct journal_reader reader;
    struct wire_event event;
    int rc = journal_open(events, &reader);
    while (rc == 0 && (rc = journal_read(&reader, &event)) == 1) {
        rc = 0;
        if (event.seq <= reading->next)
            continue;
        reading->full = is_full(reading);
        if (reading->full)
            return 0;
        reading->looked++;
        reading->next = event.seq;
        if (!is_wanted(reading, &event))
            continue;
        reading->count++;
        rc = shape_encode(&reading->core->answer, &shape_event, &event, KEYS_NAMES);
        if (rc == 0)
            continue;
        break;
    }
    return rc;
}

static int read_row(struct reading *reading, const struct store_row *row)
{
    struct rec_journal record;
    struct fault fault;
    if (shape_decode(row->value, &shape_rec_journal, KEYS_NUMBERS, &record, &fault) != 0)
        return -EBADMSG;
    reading->records++;
    return read_events(reading, record.events);
}

/* A record begins at its key, so what follows `after` begins in the last one that begins at most
 * behind it. Gives the key to scan behind, or none to begin with the first. */
static int find_start(struct reading *reading, uint8_t key[8], struct slice *behind_out)
{
    uint64_t after = reading->ask->after;
    *behind_out = (struct slice){0};
    put_be64(key, after < UINT64_MAX - 2 ? after + 2 : UINT64_MAX);
    struct store_range range = {
        .table = TABLE_JOURNAL, .after = {key, 8}, .limit = 1, .reverse = true};
    struct store_rows *rows = &reading->core->rows;
    int rc = store_scan(reading->core->store, &range, rows);
    if (rc < 0 || rows->count == 0 || rows->at[0].key.len != 8)
        return rc;
    uint64_t first = get_be64(rows->at[0].key.at);
    put_be64(key, first - 1);
    if (first > 0)
        *behind_out = (struct slice){key, 8};
    return 0;
}

static int read_all(struct reading *reading)
{
    uint8_t key[8];
    struct store_range range = {.table = TABLE_JOURNAL, .limit = PAGE};
    struct store_rows *rows = &reading->core->rows;
    int rc = find_start(reading, key, &range.after);
    while (rc == 0 && !reading->full) {
        rc = store_scan(reading->core->store, &range, rows);
        if (rc < 0 || rows->count == 0)
            return rc;
        for (size_t i = 0; i < rows->count && rc == 0 && !reading->full; i++) {
            reading->full = reading->records >= RECORDS_MAX;
            if (!reading->full)
                rc = read_row(reading, &rows->at[i]);
        }
        struct slice last = rows->at[rows->count - 1].key;
        memcpy(key, last.at, last.len < sizeof key ? last.len : sizeof key);
        range.after = (struct slice){key, sizeof key};
    }
    return rc;
}

/* The first event that is kept, and whether there were others behind `after`. */
static int find_oldest(struct reading *reading, struct msg_journal *answer)
{
    struct store_range range = {.table = TABLE_JOURNAL, .limit = 1};
    struct store_rows *rows = &reading->core->rows;
    int rc = store_scan(reading->core->store, &range, rows);
    if (rc < 0 || rows->count == 0 || rows->at[0].key.len != 8)
        return rc;
    answer->oldest = get_be64(rows->at[0].key.at);
    answer->missed = reading->core->journal.trimmed > 0 && reading->ask->after + 1 < answer->oldest;
    return 0;
}

int handle_get_journal(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_get_journal *ask = &message->get_journal;
    struct caller caller = caller_of(session, message);
    struct reading reading = {.core = core,
                              .ask = ask,
                              .owner = caller.sees_all ? ask->of_owner : caller.owner,
                              .limit = ask->limit ? ask->limit : LIMIT_DEFAULT,
                              .next = ask->after};
    struct message answer = {.id = MSG_JOURNAL};
    size_t mark;
    buf_clear(&core->answer);
    int rc = list_begin(&core->answer, &mark);
    if (rc == 0)
        rc = find_oldest(&reading, &answer.journal);
    if (rc == 0)
        rc = read_all(&reading);
    if (rc < 0)
        return rc;
    list_end(&core->answer, mark, reading.count);
    answer.journal.events = buf_slice(&core->answer);
    answer.journal.next = reading.next;
    answer.journal.more = reading.full;
    return reply(core, &answer);
}
