/* SPDX-License-Identifier: MPL-2.0
 *
 * Reeve's worker library: functions in C or C++ as handlers of jobs.
 *
 *     static int resize(struct reeve_job *job, void *arg)
 *     {
 *         ...
 *         reeve_job_progress(job, 0.5, "half of it");
 *         if (reeve_job_cancelled(job))
 *             return -1;
 *         reeve_job_result(job, "{\"width\": 640}");
 *         return 0;
 *     }
 *
 *     struct reeve_worker *worker;
 *     if (reeve_worker_new(&(struct reeve_worker_options){.concurrency = 4}, &worker) == 0 &&
 *         reeve_worker_handle(worker, "resize", resize, NULL) == 0)
 *         reeve_worker_run(worker);
 *     reeve_worker_destroy(&worker);
 *
 * The worker connects, takes jobs, reports, reconnects for ever with jittered backoff and keeps
 * results until the broker has settled them. Its socket, heartbeats and timeouts are served by the
 * thread in reeve_worker_run, which no handler ever blocks; handlers run in `concurrency` threads.
 *
 * A job may be run again although it ran before (its worker was lost, its result came too late):
 * handlers protect what they write with reeve_job_fence, which only grows.
 *
 * Functions return 0 or a negative errno unless they say otherwise. Strings are UTF-8, end with a
 * zero, and are copied. Nothing here installs a signal handler or reads the environment. SIGPIPE is
 * the program's own business (libzmq raises none). */
#ifndef REEVE_WORKER_H
#define REEVE_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef REEVE_API
#define REEVE_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct reeve_worker;
struct reeve_job;

/* --- the worker ------------------------------------------------------------------------------ */

/* Zero is a good default for every member, now and in later versions. */
struct reeve_worker_options {
    const char *broker;        /* the broker's workers endpoint; NULL: tcp://127.0.0.1:5571 */
    const char *name;          /* for people; NULL: HOST-PID */
    const char *program;       /* "my-worker 1.2"; NULL: the library's name and version */
    const char *const *queues; /* served in turn; NULL: only "default" */
    size_t queue_count;
    unsigned concurrency; /* handlers at once, 1 to 4096; 0: 4 */

    /* Called in reeve_worker_run's thread with `arg` when the broker has taken the worker for the
     * first time. Must not block. NULL: nobody. */
    void (*on_ready)(void *arg);
    void *arg;
    const char *curve_key;    /* file with a key pair (`reeve keygen`), for a broker with CURVE */
    const char *curve_server; /* that broker's public key; both or none */
    void *reserved[2];
};

/* Makes a worker; nothing is connected yet. -EINVAL (a text too long or empty, concurrency out of
 * its bounds), -ENOMEM, -EACCES (keys that can't be used, said on stderr). */
REEVE_API int reeve_worker_new(const struct reeve_worker_options *options,
                               struct reeve_worker **worker_out);

/* Not while reeve_worker_run is running. NULL is fine; *worker is NULL afterwards. */
REEVE_API void reeve_worker_destroy(struct reeve_worker **worker);

/* The attempt has failed or not, unless the handler says more (below): 0 completed, anything else
 * failed. Called in one of the pool's threads, in several at once where concurrency > 1. `job`
 * lives until the handler returns. Must not let a C++ exception out. */
typedef int reeve_handler(struct reeve_job *job, void *arg);

/* Registers the handler of a type, before reeve_worker_run. `arg` is borrowed until
 * reeve_worker_destroy. -EEXIST: the type has one; -EINVAL; -ENOSPC: more than 256; -ENOMEM. */
REEVE_API int reeve_worker_handle(struct reeve_worker *worker, const char *type,
                                  reeve_handler *handler, void *arg);

/* Works until drained or stopped. Call it once; the broker need not be there yet. 0: ended in good
 * order. -EINVAL: no handler, or an endpoint that can't be read; -ENOMEM; -EAGAIN: no more threads;
 * -EACCES: the broker does not let this worker in, said on stderr.
 * On an error handlers are told to stop and waited for, and their jobs go to others when this
 * worker's silence is noticed. */
REEVE_API int reeve_worker_run(struct reeve_worker *worker);

/* Takes nothing new, finishes what runs, waits until all results are settled; then
 * reeve_worker_run returns. From any thread, and from a signal handler. */
REEVE_API void reeve_worker_drain(struct reeve_worker *worker);

/* Tells all handlers to stop, gives their jobs back (unless they still complete), and ends as soon
 * as they have returned; waits at most 5 s for a broker that does not answer. From any thread, and
 * from a signal handler. */
REEVE_API void reeve_worker_stop(struct reeve_worker *worker);

/* --- inside a handler: what the job is --------------------------------------------------------
 * From any thread while the handler runs. Strings live until it returns; never NULL unless said. */

REEVE_API const char *reeve_job_id(const struct reeve_job *job); /* a UUID's text */
REEVE_API const char *reeve_job_type(const struct reeve_job *job);
REEVE_API const char *reeve_job_queue(const struct reeve_job *job);
REEVE_API const char *reeve_job_owner(const struct reeve_job *job);
REEVE_API const char *reeve_job_name(const struct reeve_job *job);        /* "" where it has none */
REEVE_API const char *reeve_job_traceparent(const struct reeve_job *job); /* "" where it has none */
REEVE_API uint64_t reeve_job_attempt(const struct reeve_job *job);        /* 1 the first time */
REEVE_API uint64_t reeve_job_segment(const struct reeve_job *job);
REEVE_API uint64_t reeve_job_fence(const struct reeve_job *job);
REEVE_API uint64_t reeve_job_timeout_ms(const struct reeve_job *job); /* 0: none */

/* JSON texts, made when first asked for. NULL: out of memory (for the checkpoint: or none). */
REEVE_API const char *reeve_job_params(struct reeve_job *job);   /* "{}" where there are none */
REEVE_API const char *reeve_job_metadata(struct reeve_job *job); /* "{}" where there is none */
REEVE_API const char *reeve_job_saved(struct reeve_job *job);    /* the last attempt's checkpoint */
/* What it asked and was answered, oldest first: [{"kind", "prompt", "answer", "at"}, …]. */
REEVE_API const char *reeve_job_answers(struct reeve_job *job);
/* The ids of the jobs it depends on, the first 1000 of reeve_job_depends_on_total: ["…", …]. Their
 * results: reeve_parents. */
REEVE_API const char *reeve_job_depends_on(struct reeve_job *job);
REEVE_API uint64_t reeve_job_depends_on_total(const struct reeve_job *job);

/* The params as they came, one msgpack value; *size_out = 0 where there are none. */
REEVE_API const void *reeve_job_params_msgpack(const struct reeve_job *job, size_t *size_out);

/* --- inside a handler: what it has to say ------------------------------------------------------
 * From any thread while the handler runs; these may wait a moment where more is said than the
 * connection's thread can take over, never for the broker. -EINVAL: a value out of its bounds;
 * -ENOMEM. Texts that are too long are cut. */

/* How much is done, 0 to 1; the latest counts. `message` may be NULL. */
REEVE_API int reeve_job_progress(struct reeve_job *job, double fraction, const char *message);
/* The same in items; the fraction is completed / total. */
REEVE_API int reeve_job_items(struct reeve_job *job, uint64_t completed, uint64_t total,
                              const char *message);

enum reeve_level { REEVE_LOG_DEBUG, REEVE_LOG_INFO, REEVE_LOG_WARNING, REEVE_LOG_ERROR };
/* A line of the job's log. `context_json`: an object's text, or NULL; -EINVAL where it is none. */
REEVE_API int reeve_job_log(struct reeve_job *job, enum reeve_level level, const char *message,
                            const char *context_json);

enum reeve_stage {
    REEVE_STAGE_PENDING,
    REEVE_STAGE_RUNNING,
    REEVE_STAGE_COMPLETED,
    REEVE_STAGE_FAILED,
    REEVE_STAGE_SKIPPED
};
/* Where a named stage stands. `fraction` < 0: unknown. */
REEVE_API int reeve_job_stage(struct reeve_job *job, const char *name, enum reeve_stage status,
                              double fraction);

/* Keeps a JSON value (64 KiB at most) for the next attempt: reeve_job_saved there. -EMSGSIZE. */
REEVE_API int reeve_job_checkpoint(struct reeve_job *job, const char *json);

/* --- inside a handler: being stopped -----------------------------------------------------------
 */

/* Should it end now? After a cancel, past its timeout, when its lease is lost, when the worker
 * stops. Cheap: ask often. */
REEVE_API bool reeve_job_cancelled(const struct reeve_job *job);
/* Why: "cancelled", "timeout", "stuck", "stale", "released"; "" while it may go on. */
REEVE_API const char *reeve_job_cancel_reason(const struct reeve_job *job);

/* Has `callback` called once, in a thread of its own, when the job is to be stopped (at once, where
 * it already is). The handler's return waits until it is through. NULL: no more, after waiting for
 * one that runs; not from inside the callback. -ENOMEM, -EAGAIN: no thread could be had. */
typedef void reeve_cancel_callback(struct reeve_job *job, void *arg);
REEVE_API int reeve_job_on_cancel(struct reeve_job *job, reeve_cancel_callback *callback,
                                  void *arg);

/* --- inside a handler: its end; the last word counts --------------------------------------------
 */

/* What the job is completed with when the handler returns 0; without it: null. -EINVAL: no JSON
 * (or more than 32 levels deep); -EMSGSIZE: over 1 MiB as msgpack. */
REEVE_API int reeve_job_result(struct reeve_job *job, const char *json);
/* The same, given as one msgpack value. */
REEVE_API int reeve_job_result_msgpack(struct reeve_job *job, const void *value, size_t size);

/* The attempt has failed, whatever the handler returns. `retryable`: another attempt may help.
 * Without this call a handler that returns other than 0 has failed with type HandlerError and may
 * be tried again. */
REEVE_API int reeve_job_fail(struct reeve_job *job, const char *type, const char *message,
                             bool retryable);

/* Asks a person, and ends: when the handler has returned 0, the job waits without a slot for an
 * answer, at most timeout_ms (0: an hour; then it fails). Answered, the handler runs again in a
 * further segment of the same attempt, with its checkpoint and reeve_job_answers. `kind`: a word
 * for the sort of question, 1 to 64 bytes; `prompt_json`: any JSON value up to 64 KiB, or NULL.
 * -EINVAL; -EMSGSIZE. A handler that returns other than 0 has failed, and nobody is asked. */
REEVE_API int reeve_job_ask(struct reeve_job *job, const char *kind, const char *prompt_json,
                            uint64_t timeout_ms);

/* Not now: try again in retry_after_ms (0: the broker decides). Counts as no failure. */
REEVE_API int reeve_job_again(struct reeve_job *job, uint64_t retry_after_ms);

#ifdef __cplusplus
}
#endif

#endif
