/* How a walk finds its jobs: which indexes it reads, chosen by the exact counters, and how many
 * jobs there can be at most. Internal to the walk. Reads nothing of the store. */
#ifndef REEVE_BROKER_CORE_PLAN_H
#define REEVE_BROKER_CORE_PLAN_H

#include "broker/core/filter.h"
#include "broker/core/stream.h"

/* The states; the owner, type and queue where they are named. */
enum { PLAN_SOURCES_MAX = 4 };

struct plan {
    struct source sources[PLAN_SOURCES_MAX]; /* a job that fits is in each of them */
    size_t count;                            /* 0: no job fits */
    struct stream *streams;                  /* behind the sources */
    uint64_t most;                           /* so many jobs fit at most */
};

/* 0, -ENOMEM. plan_fini is due after either. */
int plan_make(const struct core *core, const struct filter *filter, struct plan *plan_out);
void plan_fini(struct plan *plan);

/* Forgets what the streams have read ahead. */
void plan_forget(struct plan *plan);

/* How many jobs fit, from the counters alone: where nothing but states and at most one of owner,
 * type and queue narrows the filter. False: not known so. */
bool plan_count(const struct core *core, const struct filter *filter, uint64_t *total_out);

#endif
