/* One job inside this worker: from its dispatch to the end of its handler.
 *
 * What reeve_worker.h promises of a `struct reeve_job`, and what the connection's thread and the
 * handlers that run programs need beside it. Must never be touched by the connection's thread
 * between giving it to the pool and its INBOX_FINISHED, but for job_stop. */
#ifndef REEVE_WORKER_JOB_H
#define REEVE_WORKER_JOB_H

#include <pthread.h>
#include <stdatomic.h>

#include "proto/codec.h"
#include "worker/inbox.h"
#include "worker/pool.h"
#include "worker/reeve_worker.h"
#include "worker/session.h"

struct job_handler {
    char *type;
    reeve_handler *function;
    void *arg;
};

enum job_text { JOB_TYPE, JOB_QUEUE, JOB_OWNER, JOB_NAME, JOB_TRACEPARENT, JOB_TEXTS };
enum job_json { JOB_PARAMS, JOB_METADATA, JOB_SAVED, JOB_ANSWERS, JOB_DEPENDS_ON, JOB_JSONS };
enum job_outcome { OUTCOME_NONE, OUTCOME_FAILED, OUTCOME_AGAIN, OUTCOME_ASKED };

struct reeve_job {
    struct pool_task task;
    struct inbox_item finished;
    struct inbox *inbox;
    const struct job_handler *handler; /* NULL: this worker has none for its type */
    struct wsession_hold hold;
    struct buf bytes; /* the dispatch, into which `item` points */
    struct wire_dispatch_item item;
    char id[UUID_TEXT_LEN + 1];
    char *texts[JOB_TEXTS];

    atomic_int reason; /* enum wsession_reason */

    pthread_mutex_t lock; /* everything below */
    char *json[JOB_JSONS];
    uint64_t grace_ms;
    int stop_fd; /* eventfd, or -1 */
    reeve_cancel_callback *callback;
    void *callback_arg;
    pthread_t bell; /* runs the callback */
    bool ringing;
    enum job_outcome outcome;
    struct buf result, error, question;
    struct buf box; /* what was measured, encoded */
    uint64_t retry_after_ms;

    struct reeve_job *prev, *next; /* the connection thread's list */
};

/* Copies the dispatch (a dispatch_item, names as keys). 0, -ENOMEM, -EINVAL: it can't be read. */
int job_new(struct slice dispatch, struct inbox *inbox, struct reeve_job **job_out);
void job_destroy(struct reeve_job **job); /* its handler does not run; NULL is fine */

/* Runs the handler in the calling thread and queues INBOX_FINISHED. */
void job_run(struct reeve_job *job);

/* Tells the handler to stop; again with another grace. Never waits for it. */
void job_stop(struct reeve_job *job, enum wsession_reason reason, uint64_t grace_ms);

/* How it has ended, for WSESSION_FINISHED; points into the job. */
struct wire_done_item job_done(const struct reeve_job *job);

/* --- for handlers that are part of this program ------------------------------------------------
 */

/* A descriptor that is readable whenever the handler is told to stop (again); closed with the job.
 * The descriptor, or -errno. */
int job_stop_fd(struct reeve_job *job);
/* What it was told: the grace from SIGTERM to SIGKILL. Resets the descriptor. */
uint64_t job_stop_grace(struct reeve_job *job);

/* Reports an encoded value of that kind. 0, -ENOMEM. */
int job_report(struct reeve_job *job, enum inbox_kind kind, struct slice value);
/* The same from a struct. */
int job_report_shape(struct reeve_job *job, enum inbox_kind kind, const struct shape *shape,
                     const void *value);
/* A log line; the message is made fit; context is an encoded map, or empty. */
int job_log(struct reeve_job *job, struct text level, struct text message, struct slice context);

/* What was measured of a process that ran the handler, instead of the thread. */
void job_box(struct reeve_job *job, const struct wire_box *box);

/* As reeve_job_ask, of an encoded wire_question. 0, -ENOMEM. */
int job_ask(struct reeve_job *job, struct slice question);
/* Is this a word for a sort of question? */
bool job_is_kind(struct text kind);

/* As reeve_job_fail, of texts. */
int job_fail(struct reeve_job *job, struct text type, struct text message, bool retryable);

#endif
