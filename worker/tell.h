/* What a program tells on its file descriptor 3: one JSON object a line.
 *
 *     {"progress":0.65,"message":"…","completed":95,"total":147}
 *     {"stage":"embedding","status":"running","progress":0.4}
 *     {"log":"text","level":"warning","context":{…}}
 *     {"checkpoint":…}
 *     {"ask":{"kind":"confirm","prompt":{…},"timeout":3600}}  a question, before exit status 0
 *     {"error":{"type":"…","message":"…","retry":false}}      words the failure to come
 *     {"retry_after":30}                                      seconds, before exit status 75
 *
 * Must never fail a job for a line it can't read: that is kept as a warning in the job's log. */
#ifndef REEVE_WORKER_TELL_H
#define REEVE_WORKER_TELL_H

#include "worker/job.h"

enum { TELL_LINE_MAX = 256 * 1024 };

/* What the lines said so far, {0} at first. */
struct tell {
    struct opt_f64 fraction;
    struct buf error;    /* an encoded failure: how it will fail, if it does */
    struct buf question; /* an encoded question: what it waits for, if it ends well */
    bool misasked;       /* the last question can't be asked */
    uint64_t retry_after_ms;
};

/* Reads one line and reports what it says. `left_out`: bytes of it that are missing. */
void tell_line(struct tell *tell, struct reeve_job *job, struct text line, size_t left_out);

void tell_fini(struct tell *tell);

#endif
