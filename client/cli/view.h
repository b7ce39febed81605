/* What is known of a followed job, kept up to date by its news, and the words for its events.
 * Must never print: lines.c and bars.c do. */
#ifndef REEVE_CLIENT_CLI_VIEW_H
#define REEVE_CLIENT_CLI_VIEW_H

#include "base/buf.h"
#include "client/watch.h"

struct view {
    struct uuid id;
    char label[64]; /* the job's name or type, harmless */
    enum job_state status;
    struct opt_f64 fraction;
    char message[200]; /* of the progress or the running stage, harmless */
    char stage[64];
    char error[200];
    uint64_t started_at, completed_at; /* 0: not known */
    bool ended, missing;
};

void view_init(struct view *view, const struct uuid *id);

/* Takes in what the news say. */
void view_update(struct view *view, const struct watch_news *news);

/* Appends the words for an event: "progress 65% Processing chunks (95/147)". 0, -ENOMEM. */
int view_describe(const struct wire_event *event, struct buf *out);

/* "65%" of a fraction. */
int view_percent(double fraction);

#endif
