/* The check's rule of the journal: records in order, none missing between two, every event whole.
 */
#include "base/endian.h"
#include "broker/core/check_rule.h"
#include "broker/core/journal.h"

static int check_events(struct check *check, const struct rec_journal *record, uint64_t first)
{
    struct journal_reader reader;
    struct wire_event event;
    bool begins = true; /* only the first one's seq is known */
    int more = journal_open(record->events, &reader) == 0 ? 1 : -1;
    if (reader.iter.count == 0)
        more = -1;
    while (more == 1 && (more = journal_read(&reader, &event)) == 1) {
        bool good = event.seq > check->journal_seq && event.seq <= check->seq &&
                    !uuid_is_null(&event.job) && event.rev > 0 && event.owner.len &&
                    event.queue.len && event.job_type.len;
        good &= !begins || event.seq == first;
        begins = false;
        check->journal_seq = event.seq;
        if (!good)
            return check_violated(check, "whole events in the order of seq, from the key on");
    }
    return more == 0 ? 0 : check_violated(check, "a list of events");
}

int check_journal(struct check *check, const struct store_row *row)
{
    struct rec_journal record;
    if (row->key.len != 8)
        return check_violated(check, "a seq as its key");
    int rc = check_shape(check, &shape_rec_journal, KEYS_NUMBERS, row->value, &record);
    if (rc != 0)
        return rc;
    bool first = check->journal_seq == 0;
    if (!first && record.total != check->journal_total + record.events.len)
        rc = check_violated(check, "to follow the record before it: a total of %llu",
                            (unsigned long long)(check->journal_total + record.events.len));
    check->journal_total = record.total;
    return rc < 0 ? rc : check_events(check, &record, get_be64(row->key.at));
}
