/* The journal: what happened to all jobs, one record a commit, bounded by size and age.
 *
 * The record's key is the seq of its first event, its value a rec_journal. An event says only what
 * is not as in the event before it in the record: `at`, `job`, `owner`, `queue` and `job_type` are
 * absent where they are the same, `seq` where it is the next; the first event says all. Events of
 * the types log and progress are left out: they are many, change nothing about where a job stands,
 * and rest in the job's own tables. Nothing else of the broker reads the journal. */
#ifndef REEVE_BROKER_CORE_JOURNAL_H
#define REEVE_BROKER_CORE_JOURNAL_H

#include "broker/core/memory.h"

/* An event just got its seq. Nothing is written before the batch settles, but for records that
 * would get too large. 0, -errno. */
int journal_add(struct core *core, const struct job *job, const struct wire_event *event);

/* The end of a batch: writes its record, removes a slice of what is too old or too much; sets
 * core->again where there is more. 0, -errno. */
int journal_settle(struct core *core);

/* When a tick is wanted so that what is too old goes, as wall_ms; UINT64_MAX: never. */
uint64_t journal_next(const struct core *core);

/* Forgets the batch's events and reads the bounds. 0, -errno, -EBADMSG. */
int journal_load(struct core *core);
void journal_fini(struct core *core);

/* Walks the events of one record, each made whole again. Texts point into the record. */
struct journal_reader {
    struct list_iter iter;
    struct wire_event last;
};
int journal_open(struct slice events, struct journal_reader *reader_out); /* 0, -EBADMSG */
/* 1: *event_out is the next; 0: the end; -EBADMSG. */
int journal_read(struct journal_reader *reader, struct wire_event *event_out);

int handle_get_journal(struct core *core, struct session *session, const struct message *message);

#endif
