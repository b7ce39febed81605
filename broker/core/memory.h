/* What the core keeps in memory, all of it rebuilt from the store or from workers saying hello.
 *
 * Only files in broker/core include this. Everything here belongs to the one owner of the core. */
#ifndef REEVE_BROKER_CORE_MEMORY_H
#define REEVE_BROKER_CORE_MEMORY_H

/* Out of memory inside a table is reported to the caller instead of ending the program. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "base/heap.h"
#include "broker/core/auth.h"
#include "broker/core/core.h"
#include "broker/store/record.h"

/* What a handler of the core returns beside 0 and -errno: the request is refused, core->fault says
 * why, and nothing was changed. */
enum { REFUSED = 1 };

struct session;
struct queue;
struct queue_group;
struct budget;
struct meter;

/* One dispatch in a worker's hands. In memory only; its durable half is the lease table's row. */
struct lease {
    uint64_t fence;
    struct uuid job;
    struct uuid session_id;     /* who holds it, */
    char key[AUTH_KEY_LEN + 1]; /* and the key it has to prove that with; "": none */
    struct session *holder;     /* NULL until that worker says hello again after a restart */
    struct lease *prev, *next;  /* the holder's leases */
    uint64_t since;             /* wall: of the dispatch */
    uint64_t deadline;          /* mono: lost when not listed again before */
    uint64_t timeout_at;        /* mono: the broker's own end of patience; UINT64_MAX: none */
    uint64_t stuck_ms;          /* the longest silence; 0: any */
    uint64_t stuck_at;          /* mono: when that is over; UINT64_MAX: never */
    bool stuck;                 /* it was: its handler is being stopped */
    uint64_t dispatch;          /* the message that it went out with; 0: not known */
    bool listed;                /* the worker has said that it has it */
    bool ending;                /* cancelled: waits for its handler to be gone */
    bool alone;                 /* nothing may run beside it */
    struct queue *queue;        /* whose limits count it; NULL: none do */
    struct queue_group *group;  /* of that queue */
    struct heap_node node;      /* by deadline, lazily */
    UT_hash_handle hh;          /* by fence */
};

/* Items for one worker that wait for the end of the batch, so that they travel together. */
struct gather {
    struct buf items;
    size_t mark;
    uint32_t count;
    uint64_t number; /* of the `dispatch` under way */
};

/* Where a search for a job was cut off, so that the next goes on behind it: a place in a walk over
 * the groups of one priority that began behind `until` and comes round to it. */
struct lane_mark {
    bool is_set;
    bool is_round; /* the walk is past the last group and began anew with the first */
    uint64_t priority;
    size_t from_len, until_len;
    char from[GROUP_LEN_MAX], until[GROUP_LEN_MAX];
};

/* A pick that goes on: in which queue, and what had happened when it began. */
struct pick_mark {
    struct lane_mark lane;
    size_t queue;   /* how many behind the worker's turn */
    uint64_t seq;   /* core->seq */
    uint64_t opens; /* core->gates_open */
};

struct worker {
    struct text *queues;
    size_t queue_count, queue_turn;
    struct text *types; /* none: takes any */
    size_t type_count;
    char *words;    /* the memory behind queues and types */
    struct buf ref; /* its wire_worker_ref, encoded, as it rests in job states */
    uint32_t slots, held;
    uint32_t alone; /* leases beside which nothing may run */
    struct pick_mark mark;
    struct lease *leases;
    struct gather dispatch, settled, reported, stop;
    bool hungry;         /* in this settle: may still get a job */
    bool draining;       /* somebody has asked for it: slots is 0, whatever it says */
    uint64_t pid, since; /* since: wall */
    char program[NAME_LEN_MAX + 1];
};

struct session {
    struct uuid id;
    uint64_t epoch;
    uint32_t peer; /* 0: its connection is gone */
    enum core_socket socket;
    enum session_role role;
    char owner[OWNER_LEN_MAX + 1];
    char key[AUTH_KEY_LEN + 1];  /* which it belongs to; "": nobody has to prove anything */
    uint64_t heard;              /* mono */
    struct heap_node node;       /* by when it is given up, lazily */
    struct worker *worker;       /* NULL for clients */
    struct session *prev, *next; /* among core->workers */
    UT_hash_handle by_id, by_peer;
};

/* What pace.c remembers of a queue (starts) or a type (runs). */
enum { PACE_SLICES = 7, PACE_SLICE_MS = 10 * 1000 };
struct pace {
    uint64_t first, slice; /* numbers of the first and the latest slice of time; from 1 */
    uint32_t started[PACE_SLICES];
    uint32_t runs; /* how many the mean is of, up to a bound: then the old ones fade */
    double run_ms;
};

/* How many jobs of one queue, type, owner or all are in each state; [JOB_NONE] = ever submitted. */
struct counter {
    char dimension; /* COUNT_… of record.h */
    uint64_t count[JOB_STATE_COUNT];
    uint32_t dirty; /* bit per state: differs from the store */
    struct pace pace;
    struct counter *next_dirty;
    UT_hash_handle hh;
    size_t key_len;
    char key[1 + OWNER_LEN_MAX + 1]; /* dimension, name */
};

/* Where the turn among groups stands in one priority of one queue. */
struct turn {
    char group[GROUP_LEN_MAX + 1];
    size_t group_len;
    uint64_t served; /* how often in a row that group was */
    UT_hash_handle hh;
    size_t key_len;
    uint8_t key[1 + QUEUE_LEN_MAX + 1];
};

struct charge_row;
struct operation;

enum { RATE_BUCKETS = 64, RATE_BUCKET_MS = 5000, RATE_KINDS = 3 };
enum rate_kind { RATE_SUBMITTED, RATE_COMPLETED, RATE_FAILED };

struct rates {
    uint64_t bucket[RATE_BUCKETS]; /* number of the bucket's time slice */
    uint32_t count[RATE_BUCKETS][RATE_KINDS];
};

/* A text of the journal's last event. */
struct journal_text {
    char at[OWNER_LEN_MAX];
    size_t len;
};

/* The events of this batch, and the bounds of what is kept. `total` counts bytes of events ever
 * written, `trimmed` those of them that are gone. */
struct journal {
    struct buf events;
    size_t mark;
    uint32_t count;
    uint64_t first_seq, first_at;
    uint64_t seq, at; /* of the last event; so are the next three */
    struct uuid job;
    struct journal_text owner, queue, type;
    uint64_t total, trimmed;
    uint64_t oldest_at; /* wall; UINT64_MAX: the journal is empty */
    bool behind;        /* more is to be trimmed than one slice */
};
_Static_assert(OWNER_LEN_MAX >= QUEUE_LEN_MAX && OWNER_LEN_MAX >= TYPE_LEN_MAX,
               "a journal_text holds any of the three");

/* A job being worked on: its state, and the bytes behind the state's texts. */
struct job {
    struct uuid id;
    struct rec_state s;
    struct buf bytes;
};

struct core {
    struct core_config config;
    struct store *store;

    /* the current call */
    struct core_now now;
    const struct core_event *event;
    struct effects *effects;
    struct fault fault;
    struct uuid fault_job; /* which job stands in the way, or null */
    struct slice limits;   /* for the reply's envelope */
    uint32_t depends;      /* parents named by the submit so far */
    bool changed;          /* this event has written something */
    bool has_room;         /* as the last event said: new jobs may be made */
    bool is_full;          /* the batch did not fit on the disk: only what must be is done */
    uint64_t index_moves;  /* writes to the tables by which jobs are listed: what was read is old */

    /* numbers that never go back, and whether the store knows the latest */
    uint64_t fence, arrival, seq;
    bool numbers_dirty;
    struct uuid_source ids;

    uint64_t mono_last;   /* the clock at the last call */
    uint64_t lease_floor; /* no lease is lost before: the broker itself was away */
    uint64_t timer_next;  /* wall: nothing is due before; 0: not known */
    uint64_t dispatch;    /* the number of the last `dispatch` */
    size_t dispatched;    /* bytes of params handed out in this settle */
    size_t ticked;        /* ticks of schedules worked off in this event */
    bool again;           /* something bounded stopped early: call again at once */
    bool errands;         /* there may be some: family.c */

    struct session *by_id, *by_peer;
    struct heap session_heap;
    struct lease *leases;
    struct heap lease_heap;
    struct counter *counters;
    size_t counter_count[128]; /* by dimension */
    struct counter *all;       /* the counter of everything */
    struct counter *dirty;     /* those with dirty states, chained */
    struct turn *turns;
    struct queue *queues; /* those with settings */
    struct budget *budgets;
    struct meter *meters_dirty; /* chained */
    uint64_t claim;             /* number of the submit whose jobs claim room in queues */
    uint64_t gates_open;        /* mono: the first of the rates that stopped a pick lets through */
    bool suspects;              /* jobs that must run alone may be waiting */
    struct session *apart;      /* the worker that is to run one: it gets nothing else */
    struct charge_row *charges;
    struct rates rates;
    struct operation *operations; /* those that run, the next first */
    size_t operation_count;
    uint32_t messages; /* taken since the last settle: is there other work? */
    struct session *workers;
    size_t worker_count;

    struct journal journal;

    /* work space, kept to spare allocations */
    struct job job;
    struct buf record, scratch, nested, value, failures, parents, rendered, answer, limits_bytes;
    struct buf schedule_head, schedule_spec, schedule_fault;
    struct store_rows rows;
};

/* The next of a row of draws that this event's random number starts (splitmix64). */
static inline uint64_t core_draw(struct core *core)
{
    uint64_t z = core->now.random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

#endif
