/* Queues with settings, in memory: what they are limited to and what runs under that.
 *
 * A queue without settings is not here at all: queue_find says NULL, and that means that nothing
 * limits it. At most QUEUES_SET_MAX are here, each with at most QUEUE_GROUPS_MAX groups that have
 * something of their own, and a small record for every group with running jobs.
 *
 * Counts of running jobs are those of leases: one is counted from lease_grant (or the reading of
 * leases at start) until it is dropped, *ending* ones included, since the slot, the limits and the
 * handler of a cancelled job are held until that handler is gone. Only lease.c counts. */
#ifndef REEVE_BROKER_CORE_QUEUE_H
#define REEVE_BROKER_CORE_QUEUE_H

#include "broker/core/memory.h"
#include "broker/core/meter.h"

/* What one group of a queue has of its own. */
struct group_setting {
    char name[GROUP_LEN_MAX];
    size_t name_len;
    struct opt_u64 concurrency, weight;
};

/* Settings, decoded. {0} is: none. Every opt of `limits` and `defaults` is at least 1 where 0 would
 * stop all (length_max, priority, max_… as queue_settings.c checks them). */
struct queue_settings {
    bool paused;
    struct opt_u64 concurrency, group_concurrency, ageing_ms, length_max;
    struct wire_rate rates[QUEUE_RATES_MAX];
    size_t rate_count;
    struct group_setting *groups; /* by name; owned */
    size_t group_count, group_cap;
    char budget[BUDGET_LEN_MAX];
    size_t budget_len;
    struct wire_queue_defaults defaults;
};

/* A group with running jobs. */
struct queue_group {
    uint64_t running;
    UT_hash_handle hh;
    size_t name_len;
    char name[GROUP_LEN_MAX];
};

/* A limit that several queues share. */
struct budget {
    struct meter meter;
    uint64_t queues; /* that draw on it */
    UT_hash_handle hh;
    size_t name_len;
    char name[BUDGET_LEN_MAX];
};

struct queue {
    struct queue_settings settings;
    struct meter meter;
    struct budget *budget;      /* NULL: none */
    struct queue_group *groups; /* those with running jobs */
    uint64_t claimed;           /* jobs of the submit that is being checked … */
    uint64_t claim;             /* … which is core->claim */
    UT_hash_handle hh;
    size_t name_len;
    char name[QUEUE_LEN_MAX];
};

/* NULL: it has no settings. */
struct queue *queue_find(const struct core *core, struct text name);
struct budget *budget_find(const struct core *core, struct text name);

/* The limit of a group (its own, or that for every group) and how many of it run. 0: no limit. */
uint64_t queue_group_max(const struct queue *queue, struct text group);
uint64_t queue_group_running(const struct queue *queue, struct text group);

/* How often in a row the group is served: 1 unless it has a weight. `queue` may be NULL. */
uint64_t queue_weight(const struct queue *queue, struct text group);

/* --- for lease.c ----------------------------------------------------------------------------- */

/* The lease of a job of these names counts from now on. 0, -ENOMEM. */
int queue_hold(struct core *core, struct lease *lease, struct text queue, struct text group);
/* It counts no more. */
void queue_release(struct lease *lease);

/* A job of the queue starts, now: its rates count it, whatever becomes of it. */
void queue_start(struct core *core, const struct lease *lease);

/* --- for submit.c ---------------------------------------------------------------------------- */

/* Jobs that wait in the queue: what length_max bounds. */
uint64_t queue_depth(const struct core *core, struct text name);

/* Begins the check of a submit: nothing is claimed yet. */
void queue_claims_begin(struct core *core);

/* May one more job come into the queue, beside those claimed since queue_claims_begin? Then it is
 * claimed. 0, or REFUSED with QUEUE_FULL. */
int queue_claim(struct core *core, struct text name);

/* Fills what the submit left open with the queue's defaults; returns which (bit n: field n of
 * wire_queue_defaults). */
uint64_t queue_fill_defaults(const struct core *core, struct wire_spec *spec);

/* Takes those fields out again: the spec as its submit said it. */
void queue_strip_defaults(struct wire_spec *spec, uint64_t filled);

/* --- for settings.c -------------------------------------------------------------------------- */

/* Gives the queue these settings (taken over; {0} afterwards) in memory; where there are none it
 * leaves memory. The rows of rates that it has no more are deleted. `budget`: NULL for none.
 * 0, -ENOMEM, -errno of the store: the batch must be aborted. */
int queue_set(struct core *core, struct text name, struct queue_settings *settings);
int budget_set(struct core *core, struct text name, const struct queue_settings *settings);
/* Nothing may draw on it. */
int budget_remove(struct core *core, struct budget *budget);

/* Reads the tables of budgets and queues, before leases are read. 0, -errno. */
int queues_load(struct core *core);
/* No lease may be left. */
void queues_fini(struct core *core);

#endif
