/* Answers of the broker as JSON texts that a program owns.
 * Internal. Must never wait or send. */
#ifndef REEVE_CLIENT_ANSWER_H
#define REEVE_CLIENT_ANSWER_H

#include "base/buf.h"
#include "client/handle.h"

/* Ends the text in `text` and hands it over in *out (NULL out: nobody wants it). Takes the buf in
 * any case. `rc` is what making it returned: < 0 becomes a failure. A code. */
int answer_take(struct reeve *reeve, int rc, struct buf *text, char **out);

/* One JSON object out of a job, events, log… encoded with names. 0, -errno. */
int answer_job(const struct message *answer, struct buf *out);
/* {"jobs": […], "total", "total_capped", "limit", "has_more", "next_cursor"} */
int answer_jobs(const struct msg_jobs *jobs, uint64_t limit, struct buf *out);
/* {"logs": […], "total", "next", "dropped"} */
int answer_logs(const struct msg_logs *logs, struct buf *out);
int answer_operation(const struct message *answer, struct buf *out);
/* All of a message but its envelope: for those that are one object as they are. */
int answer_whole(const struct message *answer, struct buf *out);
/* {"attempts": […], "total"} */
int answer_attempts(const struct msg_attempts *attempts, struct buf *out);

/* One queue; {"queues": […], "next"}. `paused` is always told. */
int answer_queue(struct slice queue, struct buf *out);
int answer_queues(const struct msg_queues *queues, struct buf *out);

#endif
