/* What the two halves of the streams share: follow.c (frames, beginning, ending) and follow_ask.c
 * (questions to the broker). Must never be included by anybody else. */
#ifndef REEVE_GATEWAY_STREAM_FOLLOW_PARTS_H
#define REEVE_GATEWAY_STREAM_FOLLOW_PARTS_H

#include <uthash.h>

#include "base/heap.h"
#include "client/watch.h"
#include "gateway/stream/follow.h"

/* Streams of one job. */
struct followed {
    struct uuid job;
    struct follow *first;
    UT_hash_handle hh;
};

struct follow {
    struct follows *home;
    struct watch watch;
    struct outflow *outflow;
    struct follow_start *start; /* until it has begun */
    struct followed *followed;  /* NULL: retired */
    struct follow *prev, *next; /* in followed->first */
    struct heap_node timer;
    struct revs_batch *batch; /* whose answer is awaited */
    size_t batch_index;
    bool asking; /* the answer to a question of its own is awaited */
    struct link_task task;
    bool begun; /* its outflow was given away: `gone` will come */
    bool ended; /* nothing more is to be delivered */
    bool admin;
    size_t owner_len;
    char owner[OWNER_LEN_MAX];
};

/* One get_revs for many; an entry is NULL where the stream has gone since. */
struct revs_batch {
    struct follows *home;
    size_t count;
    struct follow *at[WATCHED_REVS_MAX];
};

struct follows {
    struct link *link;
    uint32_t beat_ms, stall_ms;
    bool closing;
    struct followed *jobs;
    struct heap timers;
    struct buf scratch; /* lists of questions */
    struct buf json, frame;
    struct link_task end_task;
};

/* follow.c */
void follow_finish_start(struct follow *follow, int status);
void follow_fail_start(struct follow *follow, const struct wire_fault *error);
/* After anything that may have delivered something; the follow may be gone afterwards. */
void follow_settle(struct follow *follow);
struct followed *follow_find(const struct follows *home, const struct uuid *job);

/* follow_ask.c */
void follow_leave_batch(struct follow *follow);
/* Asks what the streams want to know by now. */
void follow_ask_due(struct follows *home, uint64_t now_ms);

#endif
