/* Following jobs with their news as structs: what reeve_follow, reeve_wait and the command line
 * share. Internal. */
#ifndef REEVE_CLIENT_FOLLOW_H
#define REEVE_CLIENT_FOLLOW_H

#include "client/handle.h"
#include "client/watch.h"

enum { FOLLOW_JOBS_MAX = 1000 };

/* News of job `index` of those that are followed. 0 goes on, anything else stops. The handle must
 * not be used inside. */
typedef int follow_news(void *arg, size_t index, const struct watch_news *news);

/* What reeve_follow does. The same codes; REEVE_INVALID_REQUEST for an id twice, or too many. */
int follow_run(struct reeve *reeve, const struct uuid *ids, size_t count,
               const struct reeve_follow_options *options, follow_news *on_news, void *arg);

#endif
