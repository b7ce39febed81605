/* Keys and values of the store's tables: how they are built, and what rests in them.
 *
 * Values are shapes (proto/codec.h) with numbers as keys, so that an old file is readable by a new
 * broker: add a row with a new number, never change or reuse one; what is absent reads as zero.
 * Changing what a key looks like, or what a field means, is a new FORMAT_VERSION and a migration.
 *
 * Key builders fill a caller's `struct rec_key` and return its bytes; they never fail, since every
 * part is bounded by proto/limits.h. Pure. */
#ifndef REEVE_BROKER_STORE_RECORD_H
#define REEVE_BROKER_STORE_RECORD_H

#include <stdint.h>

#include "base/slice.h"
#include "base/uuid.h"
#include "broker/store/store.h"
#include "proto/codec.h"

/* 2: the index table has its rows, and rows of the system queue are set apart (migrate.h). */
enum { FORMAT_VERSION = 2 };

/* Where a job stands. Its lane's names are here too, so that a transition never reads the spec.
 *   ready_at, ready_seq   its place in the ready table, while pending
 *   due_at                when it leaves `scheduled`
 *   fence, ending         the current dispatch; `ending`: cancelled, its handler not yet gone
 *   failures, lost, again what counts against max_attempts, max_lost and AGAIN_MAX
 *   report_n              the last report of this fence that was stored
 *   log_*, event_first    bounds of what is kept in the log and event tables
 *   retention_ms          as submitted, if it was
 *   session, session_key  who holds the dispatch: a session, and the key it is bound to, if any
 *   cause                 the fingerprint of its failure, while failed
 *   operation             the operation that made it run again and waits to see how that ends
 *   checkpointed          the checkpoint table has something for the next attempt
 *   start_by              when it fails unless it has started before; 0: it may wait for ever
 *   parents, open_parents how many it depends on, and how many of them it still waits for
 *   run_anyway            a parent that fails or is cancelled does not take it along
 *   has_children          others depend on it: its end is told to them
 *   keyed                 its spec has a unique key, held or waited for until it has ended
 *   tree                  the last cancel of a whole tree that came by here (a number of `seq`)
 *   result_until          when its result goes; result_gone: it went
 *   segment, segment_at   which dispatch of the attempt, and when it began
 *   attempt_n             black boxes ever kept: the number of the next one
 *   log_before            the last log line before this segment
 *   question_n, _until    questions asked ever; until when the last one waits for its answer
 *   resumes               answered: the next dispatch goes on with the attempt
 *   defaulted             bit n: field n of wire_queue_defaults came from its queue, not the submit
 *   alone                 lost so often that nothing may run beside it on its worker
 * Nested maps rest as they travel, with names as keys. */
#define FIELDS_REC_STATE(F)                                                               \
    F(1,  state, status,       0, none)                                                   \
    F(2,  u64,   rev,          UINT64_MAX, none)                                          \
    F(3,  time,  created_at,   TIME_MAX_MS, none)                                         \
    F(4,  time,  updated_at,   TIME_MAX_MS, none)                                         \
    F(5,  text,  queue,        QUEUE_LEN_MAX, none)                                       \
    F(6,  text,  owner,        OWNER_LEN_MAX, none)                                       \
    F(7,  text,  group,        GROUP_LEN_MAX, none)                                       \
    F(8,  text,  type,         TYPE_LEN_MAX, none)                                        \
    F(9,  u64,   priority,     PRIORITY_MAX, none)                                        \
    F(10, time,  due_at,       TIME_MAX_MS, none)                                         \
    F(11, time,  ready_at,     TIME_MAX_MS, none)                                         \
    F(12, u64,   ready_seq,    UINT64_MAX, none)                                          \
    F(13, u64,   attempt,      UINT64_MAX, none)                                          \
    F(14, u64,   failures,     UINT64_MAX, none)                                          \
    F(15, u64,   lost,         UINT64_MAX, none)                                          \
    F(16, u64,   again,        UINT64_MAX, none)                                          \
    F(17, u64,   fence,        UINT64_MAX, none)                                          \
    F(18, flag,  ending,       0, none)                                                   \
    F(19, time,  started_at,   TIME_MAX_MS, none)                                         \
    F(20, time,  completed_at, TIME_MAX_MS, none)                                         \
    F(21, uuid,  session,      0, none)                                                   \
    F(22, map,   worker,       0, WORKER_REF)                                             \
    F(23, map,   progress,     0, PROGRESS)                                               \
    F(24, map,   cancel,       0, CANCELLATION)                                           \
    F(25, map,   error,        0, FAILURE)                                                \
    F(26, u64,   report_n,     UINT64_MAX, none)                                          \
    F(27, u64,   log_next,     UINT64_MAX, none)                                          \
    F(28, u64,   log_first,    UINT64_MAX, none)                                          \
    F(29, u64,   log_bytes,    UINT64_MAX, none)                                          \
    F(30, u64,   event_first,  UINT64_MAX, none)                                          \
    F(31, u64,   failure_n,    UINT64_MAX, none)                                          \
    F(32, time,  expires_at,   TIME_MAX_MS, none)                                         \
    F(33, opt,   retention_ms, RETENTION_MAX_MS, none)                                    \
    F(34, flag,  checkpointed, 0, none)                                                   \
    F(35, time,  start_by,     TIME_MAX_MS, none)                                         \
    F(36, u64,   parents,      DEPENDS_MAX, none)                                         \
    F(37, u64,   open_parents, DEPENDS_MAX, none)                                         \
    F(38, flag,  has_children, 0, none)                                                   \
    F(39, flag,  run_anyway,   0, none)                                                   \
    F(40, flag,  keyed,        0, none)                                                   \
    F(41, u64,   tree,         UINT64_MAX, none)                                          \
    F(42, time,  result_until, TIME_MAX_MS, none)                                         \
    F(43, flag,  result_gone,  0, none)                                                   \
    F(44, opt,   result_retention_ms, RETENTION_MAX_MS, none)                             \
    F(45, u64,   segment,      UINT64_MAX, none)                                          \
    F(46, time,  segment_at,   TIME_MAX_MS, none)                                         \
    F(47, u64,   attempt_n,    UINT64_MAX, none)                                          \
    F(48, u64,   log_before,   UINT64_MAX, none)                                          \
    F(49, u64,   question_n,   UINT64_MAX, none)                                          \
    F(50, time,  question_until, TIME_MAX_MS, none)                                       \
    F(51, flag,  resumes,      0, none)                                                   \
    F(56, u64,   cause,        UINT64_MAX, none)                                          \
    F(57, uuid,  operation,    0, none)                                                   \
    F(61, text,  session_key,  40, none)                                                  \
    F(58, u64,   defaulted,    UINT64_MAX, none)                                          \
    F(59, flag,  alone,        0, none)

/* The stored answer of an idempotency key: the reply's own bytes (its request number 0). */
#define FIELDS_REC_IDEMPOTENCY(F)                                                         \
    F(1, blob, fingerprint, 64, none)                                                     \
    F(2, blob, answer,      MESSAGE_SIZE_MAX, none)                                       \
    F(3, time, at,          TIME_MAX_MS, none)

/* A durable operation: what everybody sees of it (a wire_operation), and where it stands.
 *   sees_all   it was asked for by somebody who may change everybody's jobs
 *   place      behind the last job that was looked at
 *   paced_at   since when its jobs are counted against per_second
 *   paced_n    how many were changed since */
#define FIELDS_REC_OPERATION(F)                                                           \
    F(1, map,  operation, 0, OPERATION)                                                   \
    F(2, flag, sees_all,  0, none)                                                        \
    F(3, blob, place,     24, none)                                                       \
    F(4, time, paced_at,  TIME_MAX_MS, none)                                              \
    F(5, u64,  paced_n,   UINT64_MAX, none)

/* What the failures of one cause have in common, beside the rows of its jobs. */
#define FIELDS_REC_CAUSE(F)                                                               \
    F(1, text, type,    TYPE_LEN_MAX, none)                                               \
    F(2, text, error,   NAME_LEN_MAX, none)                                               \
    F(3, text, message, MESSAGE_LEN_MAX, none)                                            \
    F(4, u64,  count,   UINT64_MAX, none)

/* A queue's settings; a budget's. Both tables have rows of rates too: see key_limit_mark. */
#define FIELDS_REC_QUEUE(F)                                                               \
    F(1, flag, paused,   0, none)                                                         \
    F(2, map,  limits,   0, QUEUE_LIMITS)                                                 \
    F(3, map,  defaults, 0, QUEUE_DEFAULTS)

#define FIELDS_REC_BUDGET(F)                                                              \
    F(1, map, limits, 0, QUEUE_LIMITS)

/* A schedule's small half, rewritten at every tick; its spec (wire_spec by numbers) rests in a row
 * of its own, written once.
 *   anchor     where @every counts from
 *   next_at    its timer; 0: paused, or there is no tick any more
 *   made_up    missed ticks made up for in a row, of SCHEDULE_MISSED_MAX */
#define FIELDS_REC_SCHEDULE(F)                    \
    F(1, text, cron, CRON_LEN_MAX, none)          \
    F(2, text, zone, ZONE_LEN_MAX, none)          \
    F(3, text, misfire, 16, none)                 \
    F(4, text, overlap, 16, none)                 \
    F(5, flag, paused, 0, none)                   \
    F(6, time, created_at, TIME_MAX_MS, none)     \
    F(7, time, updated_at, TIME_MAX_MS, none)     \
    F(8, time, anchor, TIME_MAX_MS, none)         \
    F(9, time, next_at, TIME_MAX_MS, none)        \
    F(10, time, last_at, TIME_MAX_MS, none)       \
    F(11, uuid, last_job, 0, none)                \
    F(12, u64, runs, UINT64_MAX, none)            \
    F(13, u64, missed, UINT64_MAX, none)          \
    F(14, u64, skipped, UINT64_MAX, none)         \
    F(15, map, last_error, 0, FAULT)              \
    F(16, time, last_error_at, TIME_MAX_MS, none) \
    F(17, u64, made_up, SCHEDULE_MISSED_MAX, none)

/* The events of one commit (broker/core/journal.h). `total`: the bytes of events ever written,
 * these included; `at` is the first event's. */
#define FIELDS_REC_JOURNAL(F)                                                             \
    F(1, u64,  total,  UINT64_MAX, none)                                                  \
    F(2, time, at,     TIME_MAX_MS, none)                                                 \
    F(3, list, events, UINT32_MAX, EVENT)

SHAPE_STRUCT(rec_journal, FIELDS_REC_JOURNAL);
SHAPE_STRUCT(rec_state, FIELDS_REC_STATE);
SHAPE_STRUCT(rec_queue, FIELDS_REC_QUEUE);
SHAPE_STRUCT(rec_budget, FIELDS_REC_BUDGET);
SHAPE_STRUCT(rec_idempotency, FIELDS_REC_IDEMPOTENCY);
SHAPE_STRUCT(rec_operation, FIELDS_REC_OPERATION);
SHAPE_STRUCT(rec_cause, FIELDS_REC_CAUSE);
SHAPE_STRUCT(rec_schedule, FIELDS_REC_SCHEDULE);
extern const struct shape shape_rec_journal;
extern const struct shape shape_rec_state;
extern const struct shape shape_rec_idempotency;
extern const struct shape shape_rec_operation;
extern const struct shape shape_rec_cause;
extern const struct shape shape_rec_queue;
extern const struct shape shape_rec_budget;
extern const struct shape shape_rec_schedule;

struct rec_key {
    uint8_t at[STORE_KEY_MAX];
    size_t len;
};

/* Names in META that the store itself keeps: 4 bytes big-endian, and the 16 bytes of a UUID made
 * with the data directory. */
#define META_FORMAT   "format"
#define META_INSTANCE "instance"

/* Kinds of timers, as they stand in the timer table's keys. */
enum rec_timer {
    TIMER_DUE = 1,       /* what = job: scheduled → pending */
    TIMER_RETENTION = 2, /* what = job: a finished job goes */
    TIMER_TOMBSTONE = 3, /* what = job: its tombstone goes */
    TIMER_IDEMPOTENCY = 4, /* what = owner | key: the stored answer goes */
    TIMER_SWEEP = 5,       /* what = job, deleted: its events, logs and failures go */
    TIMER_START_DEADLINE = 6, /* what = job: not started in time */
    TIMER_RESULT = 7,      /* what = job: its result goes, before the job does */
    TIMER_QUESTION = 8,    /* what = job: nobody has answered its question */
    TIMER_SCHEDULE = 9,    /* what = owner | name: a schedule ticks */
    TIMER_OPERATION = 10,  /* what = operation, ended: it is forgotten */
    TIMER_FAMILY = 12      /* at 0; what = job | errand | …: see family.c */
};
#define TIMER_KIND_LAST TIMER_FAMILY

struct slice key_job(const struct uuid *job);
/* job | n: events by rev, logs by seq, failures by attempt. */
struct slice key_job_n(struct rec_key *key, const struct uuid *job, uint64_t n);
struct slice key_fence(struct rec_key *key, uint64_t fence);
/* Jobs of the system queue are the house's own. In the tables by which jobs are listed they stand
 * apart, so that a list without them never walks over them. */
static inline bool queue_is_system(struct text queue)
{
    return text_is(queue, SYSTEM_QUEUE);
}

/* status (of the system queue: + KEY_SYSTEM) | created_at | job. */
enum { KEY_SYSTEM = 0x80 };
struct slice key_status(struct rec_key *key, enum job_state status, bool system,
                        uint64_t created_at, const struct uuid *job);

/* dimension | name | class (of the system queue: + KEY_SYSTEM) | created_at | job. The dimensions
 * are COUNT_OWNER, COUNT_TYPE and COUNT_QUEUE. Classes instead of states, so that only birth, end
 * and retry of a job write here. */
enum rec_class { CLASS_ACTIVE = 1, CLASS_COMPLETED, CLASS_FAILED, CLASS_CANCELLED };
#define CLASS_LAST CLASS_CANCELLED
enum rec_class class_of(enum job_state status); /* of a state but JOB_NONE */
struct slice key_index(struct rec_key *key, char dimension, struct text name, enum rec_class class,
                       bool system, uint64_t created_at, const struct uuid *job);

/* What all keys of one status, or of one class, begin with. */
struct slice key_status_prefix(struct rec_key *key, enum job_state status, bool system);
struct slice key_index_prefix(struct rec_key *key, char dimension, struct text name,
                              enum rec_class class, bool system);

struct slice key_timer(struct rec_key *key, uint64_t at, enum rec_timer kind, struct slice what);
struct slice key_idempotency(struct rec_key *key, struct text owner, struct text name);
/* A cause's own row, and that of one job that failed of it. */
struct slice key_cause(struct rec_key *key, uint64_t cause);
struct slice key_cause_job(struct rec_key *key, uint64_t cause, uint64_t ended_at,
                           const struct uuid *job);
struct slice key_unique(struct rec_key *key, struct text owner, struct text queue,
                        struct text name);
/* The children of a job: those that are not over (or are), one. */
struct slice key_children(struct rec_key *key, const struct uuid *parent, bool over);
struct slice key_child(struct rec_key *key, const struct uuid *parent, bool over,
                       const struct uuid *child);
/* A schedule's two rows: 'h' its head (rec_schedule), 's' its spec; and what its timer is for: the
 * key of either without its first byte. With an empty name a prefix: all of that owner. */
struct slice key_schedule(struct rec_key *key, char row, struct text owner, struct text name);
struct slice key_schedule_what(struct rec_key *key, char row, struct slice what);
/* Dimensions of the counter table. Jobs of the system queue are counted by owner and type once
 * more by themselves, so that lists without them have exact totals too. */
#define COUNT_ALL          'a'
#define COUNT_QUEUE        'q'
#define COUNT_TYPE         't'
#define COUNT_OWNER        'o'
#define COUNT_SYSTEM_TYPE  'y'
#define COUNT_SYSTEM_OWNER 'x'
struct slice key_counter(struct rec_key *key, char dimension, struct text name,
                         enum job_state status);

/* In the queue and budget tables: the settings of a name, and what its rates have counted: a ring
 * of marks for each, seq (8 bytes) | wall time of its last start (8) | starts (8). key_limit_name
 * and key_limit_rate are prefixes. */
struct slice key_limit(struct rec_key *key, struct text name);
struct slice key_limit_mark(struct rec_key *key, struct text name, uint64_t window_ms,
                            unsigned slot);
struct slice key_limit_name(struct rec_key *key, struct text name);
struct slice key_limit_rate(struct rec_key *key, struct text name, uint64_t window_ms);
/* Whichever it is: window_ms is 0 for the settings. */
int key_limit_parse(struct slice key, struct text *name_out, uint64_t *window_ms_out);

/* A lane's key, part by part: each returns the bytes so far, a prefix for scans. Texts in keys
 * end with a 0 byte, so that no name is another's prefix; a text with a 0 byte is refused before
 * it gets here. Jobs that must run alone wait apart: their `queue` here is the queue's name behind
 * READY_ALONE, a byte that no name has. */
#define READY_ALONE "\001"
struct slice key_ready_queue(struct rec_key *key, struct text queue);
struct slice key_ready_priority(struct rec_key *key, struct text queue, uint64_t priority);
struct slice key_ready_group(struct rec_key *key, struct text queue, uint64_t priority,
                             struct text group);
struct slice key_ready_lane(struct rec_key *key, struct text queue, uint64_t priority,
                            struct text group, struct text type);
/* The whole key of a pending job. */
struct slice key_ready(struct rec_key *key, const struct rec_state *state, const struct uuid *job);

/* Taking keys apart. 0; 1 where the bytes are not such a key. The texts point into `key`. */
struct rec_ready {
    struct text queue, group, type;
    uint64_t priority, at, arrival;
    struct uuid job;
    bool alone; /* `queue` is the queue's own name all the same */
};
int key_ready_parse(struct slice key, struct rec_ready *ready_out);
int key_timer_parse(struct slice key, uint64_t *at_out, enum rec_timer *kind_out,
                    struct slice *what_out);
int key_status_parse(struct slice key, enum job_state *status_out, bool *system_out,
                     uint64_t *created_out, struct uuid *job_out);
struct rec_index {
    char dimension;
    struct text name;
    enum rec_class class;
    bool system;
    uint64_t created_at;
    struct uuid job;
};
int key_index_parse(struct slice key, struct rec_index *index_out);
int key_counter_parse(struct slice key, char *dimension_out, struct text *name_out,
                      enum job_state *status_out);
int key_child_parse(struct slice key, struct uuid *parent_out, bool *over_out,
                    struct uuid *child_out);
int key_schedule_parse(struct slice key, char *row_out, struct text *owner_out,
                       struct text *name_out);
int key_uuid_parse(struct slice bytes, struct uuid *job_out);

/* Who has a unique key: the value of the unique table, 16 bytes, or 32 with a waiting job. */
struct rec_unique {
    struct uuid holder;
    struct uuid waiter; /* takes it over when the holder has ended; null: nobody */
};
struct slice rec_unique_bytes(const struct rec_unique *unique); /* borrows */
int rec_unique_parse(struct slice value, struct rec_unique *unique_out);

/* Appends a key in words, as a JSON object of its parts by keys.def; {"hex": "…"} where it is no
 * key of that table. The same of any bytes. For people and tools. 0, -ENOMEM. */
int key_describe(enum store_table table, struct slice key, struct buf *out);
int bytes_describe(struct slice bytes, struct buf *out);
/* Whether the keys of a table begin with an id, so that all rows of one job are neighbours. */
bool key_begins_with_job(enum store_table table);

#endif
