/* Which topics of the events socket somebody subscribes to, so that events nobody wants are neither
 * encoded nor sent.
 *
 * It may say "wanted" of what nobody wants, never the other way round: where it can't keep a topic
 * (too many, no memory) everything counts as wanted from then on. Must never know a socket. */
#ifndef REEVE_BROKER_WATCHERS_H
#define REEVE_BROKER_WATCHERS_H

#include "base/slice.h"
#include "base/uuid.h"

enum { WATCHED_TOPICS_MAX = 100000 };

struct topic;

/* {0} is valid and empty. Not thread-safe. */
struct watchers {
    struct topic *topics;
    size_t prefixes; /* those topics that are no job's id */
    bool overflowed;
};

/* Somebody subscribed to `topic`. True: it is the topic of a job, whose id is *job_out. */
bool watchers_add(struct watchers *watchers, struct text topic, struct uuid *job_out);
/* The last subscriber of `topic` has gone. */
void watchers_remove(struct watchers *watchers, struct text topic);

bool watchers_any(const struct watchers *watchers);
/* Whether somebody wants what is published under this topic (a job's id as text). */
bool watchers_want(const struct watchers *watchers, struct text topic);

void watchers_fini(struct watchers *watchers);

#endif
