/* SPDX-License-Identifier: MPL-2.0
 *
 * Reeve's client library: submit jobs to a broker, read them, follow them to their end.
 *
 *     struct reeve *reeve;
 *     struct reeve_options options = {0};
 *     if (reeve_connect(&options, &reeve) != REEVE_OK)
 *         ...
 *     struct reeve_spec spec = {0};
 *     spec.type = "ingest";
 *     spec.params_json = "{\"path\": \"/usr/share/doc\"}";
 *     char id[REEVE_ID_SIZE], *job = NULL;
 *     if (reeve_submit(reeve, &spec, id, NULL) != REEVE_OK ||
 *         reeve_wait(reeve, id, 60000, NULL, &job) != REEVE_OK)
 *         fprintf(stderr, "%s\n", reeve_error(reeve)->message);
 *     else
 *         puts(job);
 *     reeve_free(job);
 *     reeve_close(&reeve);
 *
 * Threads: a handle is used by one thread at a time; threads that work at the same time have a
 * handle each. Calls block until they are answered or their time is up (`timeout_ms` of the
 * options, 10 s by default, over all reconnects). Nothing runs in the background: between calls a
 * handle is silent. Not usable in a child after fork.
 *
 * Strings are UTF-8, end with a zero and are copied. JSON that comes back is the caller's, given
 * back with reeve_free. Every function that can fail returns a reeve_code; what was wrong in
 * detail is in reeve_error. Ids are UUIDs in their usual text; any form of it is taken. Times are
 * milliseconds; points in time, since 1970.
 *
 * Ids are made here (UUIDv7) and sent with the job, so that a request which had to be sent again,
 * because the broker restarted, never makes two jobs.
 *
 * Structs are zeroed before they are filled: zero is a good default for every member, now and in
 * later versions. */
#ifndef REEVE_H
#define REEVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef REEVE_API
#define REEVE_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define REEVE_ID_SIZE 37 /* an id's text with its final zero */

struct reeve;

/* --- what calls return ------------------------------------------------------------------------ */

enum reeve_code {
    REEVE_OK = 0,

    /* The broker's answers. */
    REEVE_INVALID_REQUEST = 1, /* reeve_error names the field; also of arguments checked here */
    REEVE_UNAUTHORIZED = 2,
    REEVE_FORBIDDEN = 3,
    REEVE_NOT_FOUND = 4,
    REEVE_CONFLICT = 5, /* the job's state does not allow that */
    REEVE_GONE = 6,     /* it existed and has been deleted */
    REEVE_PAYLOAD_TOO_LARGE = 7,
    REEVE_IDEMPOTENCY_MISMATCH = 8,
    REEVE_RATE_LIMITED = 9,
    REEVE_QUEUE_FULL = 10,
    REEVE_STORE_FULL = 11,
    REEVE_UNAVAILABLE = 12, /* the broker is not there, or not ready: try again later */
    REEVE_SERVER_ERROR = 13,
    REEVE_UNSUPPORTED_VERSION = 16, /* broker and library do not understand each other */

    /* Of this side. */
    REEVE_TIMEOUT = 100, /* the time is up; what was asked for may have taken effect all the same */
    REEVE_STOPPED = 101, /* a callback said so */
    REEVE_BUSY = 102,    /* called from inside a callback of the same handle */
    REEVE_NO_MEMORY = 103,
    REEVE_SYSTEM = 104 /* sockets could not be made or are of no use any more */
};

/* The last failure of a handle. */
struct reeve_error {
    int code;
    const char *name;    /* "NOT_FOUND" */
    const char *message; /* a sentence */
    const char *field;   /* what it is about, "params" or "jobs[3].type"; "" when nothing */
    const char *job;     /* the job that is in the way of a REEVE_CONFLICT; "" when none */
};

/* Never NULL; REEVE_OK before the first failure. Borrowed until the next call with this handle. */
REEVE_API const struct reeve_error *reeve_error(const struct reeve *reeve);

/* "NOT_FOUND" for REEVE_NOT_FOUND; never NULL. */
REEVE_API const char *reeve_code_name(int code);

/* The library's own, "0.1.0". */
REEVE_API const char *reeve_version(void);

/* --- the handle ------------------------------------------------------------------------------- */

struct reeve_options {
    const char *broker; /* the broker's clients endpoint; NULL: "tcp://127.0.0.1:5570" */
    const char *events; /* its events endpoint; NULL: the broker says it */
    const char *owner;  /* whose jobs these are; NULL: the broker decides */
    const char *role;   /* "producer", "observer" (may not change anything), "admin"; NULL: what the
                           key is, without one "producer" */
    const char *program;      /* "my-program 1.2", for the broker's log; NULL: the library */
    uint32_t timeout_ms;      /* of every call, over all reconnects; 0: 10000 */
    uint32_t window;          /* batches of reeve_submit_many under way; 0: 8, at most 64 */
    uint32_t batch;           /* jobs in each; 0: 100, at most 1000 or what the broker takes */
    const char *curve_key;    /* file with a key pair (`reeve keygen`), for a broker with CURVE */
    const char *curve_server; /* that broker's public key; both or none */
};

/* Why reeve_connect would not take the keys, as a sentence in `problem`: a file that others may
 * read, no key in it, one of the two missing. REEVE_OK or REEVE_UNAUTHORIZED. */
REEVE_API int reeve_check_keys(const struct reeve_options *options, char *problem, size_t size);

/* Makes a handle. Does not wait for the broker: the first call does. `options` may be NULL. On
 * failure *reeve_out is NULL: REEVE_INVALID_REQUEST (an endpoint that cannot be read, a text that
 * is too long), REEVE_UNAUTHORIZED (keys that can't be used: see reeve_check_keys),
 * REEVE_NO_MEMORY, REEVE_SYSTEM. */
REEVE_API int reeve_connect(const struct reeve_options *options, struct reeve **reeve_out);

/* Says goodbye and frees the handle; may take 200 ms. NULL is fine; *reeve is NULL afterwards. */
REEVE_API void reeve_close(struct reeve **reeve);

/* Gives back what a call handed out. NULL is fine. */
REEVE_API void reeve_free(void *memory);

/* --- submitting ------------------------------------------------------------------------------- */

/* One job to be done. Only `type` is required. */
struct reeve_spec {
    const char *type;        /* which handler */
    const char *params_json; /* any JSON value; NULL: none (or the next two) */
    const void *params_msgpack;
    size_t params_msgpack_size; /* one msgpack value instead of JSON */
    const char *id;             /* the caller's own UUID; NULL: made here */
    const char *queue;          /* NULL: "default" */
    bool has_priority;          /* otherwise 5 */
    uint8_t priority;           /* 0 to 9, 9 first */
    const char *group;          /* fairness within a queue; NULL: the owner */
    const char *owner;          /* an admin may submit for others */
    const char *name;           /* for people */
    const char *description;
    const char *metadata_json;     /* a JSON object */
    uint64_t run_at_ms;            /* not before; 0: now */
    uint64_t delay_ms;             /* the same from now on; one of the two */
    uint64_t timeout_ms;           /* of one run; 0: an hour */
    uint32_t max_attempts;         /* 0: 3 */
    uint32_t max_lost;             /* runs that may take their worker down; 0: 3 */
    uint64_t backoff_ms;           /* before the second attempt, doubled with each; 0: 2 s */
    uint64_t backoff_cap_ms;       /* up to this; 0: 10 minutes */
    uint64_t retention_ms;         /* kept after its end; 0: what the broker is set to */
    uint64_t result_retention_ms;  /* its result, at most as long; 0: 30 days */
    uint64_t start_deadline_ms;    /* fails unless it has started by then; 0: never */
    uint64_t stuck_timeout_ms;     /* the longest silence while it runs; 0: any */
    const char *on_stuck;          /* then: "retry" (NULL), "fail" */
    const char *unique_key;        /* one job per owner, queue and key that has not ended */
    const char *unique_policy;     /* where another has it: "reject" (NULL), "return", "replace",
                                      "supersede" */
    const char *const *depends_on; /* ids of jobs that have to complete first */
    size_t depends_on_count;       /* at most 10000 */
    const char *on_parent_failure; /* where one fails or is cancelled: "cancel" (NULL), "run" */
    const char *traceparent;       /* of W3C trace context */
    const char *idempotency_key;   /* the same key and content within 24 h: the same job. Not with
                                      reeve_submit_many */
};

/* Submits one job; when it returns REEVE_OK the job is on the broker's disk. `id_out` (may be NULL)
 * gets its id (with the unique policy "return" perhaps that of the job that was there), `job_out`
 * (may be NULL) the job as accepted, as JSON. REEVE_CONFLICT: another job has its unique key or its
 * id; reeve_error's `job` says which. */
REEVE_API int reeve_submit(struct reeve *reeve, const struct reeve_spec *spec,
                           char id_out[REEVE_ID_SIZE], char **job_out);

/* What became of one job of many. */
struct reeve_submitted {
    int code;               /* REEVE_OK: accepted */
    char id[REEVE_ID_SIZE]; /* also of one that got no answer: it can be asked for by it */
    char message[160];      /* of a failure, cut to this */
};

/* Submits `count` jobs in batches, several of them under way at a time; each job is accepted or
 * refused for itself. `answers_out` has room for `count`. REEVE_OK: all were answered, look at each
 * answer's code. Otherwise the first failure of a whole batch; its jobs, and those not sent any
 * more, have it as their code. */
REEVE_API int reeve_submit_many(struct reeve *reeve, const struct reeve_spec *specs, size_t count,
                                struct reeve_submitted *answers_out);

/* --- reading and changing --------------------------------------------------------------------- */

/* The numbers are the broker's own and never change. */
enum reeve_state {
    REEVE_SCHEDULED = 1,
    REEVE_PENDING = 2,
    REEVE_RUNNING = 3,
    REEVE_COMPLETED = 4,
    REEVE_FAILED = 5,
    REEVE_CANCELLED = 6,
    REEVE_BLOCKED = 7,
    REEVE_WAITING = 8
};

/* "pending"; never NULL. */
REEVE_API const char *reeve_state_name(enum reeve_state state);

/* One job as JSON, with its result where it has one. */
REEVE_API int reeve_get(struct reeve *reeve, const char *id, char **job_out);

/* Where a job stands. */
REEVE_API int reeve_status(struct reeve *reeve, const char *id, enum reeve_state *state_out);

struct reeve_filter {
    const char *status; /* "failed", or several: "failed,cancelled"; NULL: all */
    const char *type;
    const char *queue;
    const char *owner; /* an admin's word */
    const char *group;
    const char *name;           /* what the job's name begins with */
    const char *metadata_json;  /* a JSON object: each key must have this value; a text also finds
                                   a number or flag that is written so */
    uint64_t created_after_ms;  /* at this time or later; 0: any */
    uint64_t created_before_ms; /* before this time; 0: any */
    uint64_t ended_before_ms;   /* only jobs that ended before this time; 0: any */
    const char *cause;          /* only failed jobs of this cause, as reeve_causes tells it */
    bool system;                /* jobs of the system queue `reeve` too */
    const char *sort;           /* "created_at" (NULL), "updated_at", "name": at most 10,000 jobs
                                   can be sorted by the last two */
    const char *order;          /* "asc", "desc"; NULL: the newest first, names from a to z */
    uint32_t limit;             /* 0: 50, at most 1000 */
    const char *cursor;         /* `next_cursor` of the page before */
    uint32_t offset;            /* instead: leave out so many, at most 10,000 */
};

/* {"jobs": [...], "total", "total_capped", "limit", "has_more", "next_cursor"}; newest first. The
 * jobs leave out params, stages, errors and result. `filter` may be NULL. */
REEVE_API int reeve_list(struct reeve *reeve, const struct reeve_filter *filter, char **list_out);

/* How many jobs there are of these. *capped_out (may be NULL): there are at least so many; never
 * where nothing but states and one of owner, type and queue is asked for. `filter` may be NULL. */
REEVE_API int reeve_count(struct reeve *reeve, const struct reeve_filter *filter,
                          uint64_t *count_out, bool *capped_out);

/* Cancels a job that has not ended; a running one is told to stop. `reason` and `job_out` may be
 * NULL. REEVE_CONFLICT: it has ended, or is cancelled already. */
REEVE_API int reeve_cancel(struct reeve *reeve, const char *id, const char *reason, char **job_out);

/* The same, and everything that depends on it, all the way down; the job itself may have ended.
 * What is below is cancelled a part at a time, after the answer. */
REEVE_API int reeve_cancel_tree(struct reeve *reeve, const char *id, const char *reason,
                                char **job_out);

/* Makes a failed or cancelled job pending again (blocked, while parents of it have not ended).
 * `job_out` may be NULL. REEVE_CONFLICT: it has not ended so, or another job has its unique key. */
REEVE_API int reeve_retry(struct reeve *reeve, const char *id, char **job_out);

/* A new job that does a job which has ended again, with other params and at once: its `retry_of` is
 * the old one. `id_out` and `job_out` (the new job) may be NULL. */
REEVE_API int reeve_retry_with(struct reeve *reeve, const char *id, const char *params_json,
                               char id_out[REEVE_ID_SIZE], char **job_out);

/* The jobs that a job depends on, in the order of its submit, without the first `after`, at most
 * `limit` (0: 50, at most 1000): {"parents": [{"id", "status", "result", "gone"}], "total",
 * "next"}. Without "status": deleted. "gone": it completed, its result is not kept any more.
 * "next": what to ask `after` for the next page; absent on the last. */
REEVE_API int reeve_parents(struct reeve *reeve, const char *id, uint64_t after, uint32_t limit,
                            char **parents_out);

/* Removes a job that has ended. REEVE_CONFLICT: it has not, or a job that depends on it has not. */
REEVE_API int reeve_delete(struct reeve *reeve, const char *id);

/* The result of a completed job as JSON; REEVE_CONFLICT while there is none. */
REEVE_API int reeve_result(struct reeve *reeve, const char *id, char **result_out);

struct reeve_log_filter {
    const char *level; /* at least: "debug", "info", "warning", "error"; NULL: all */
    uint64_t after;    /* `next` of the page before */
    uint32_t limit;    /* 0: 100, at most 1000 */
};

/* {"logs": [{"seq", "at", "level", "message", "context"}], "total", "next", "dropped"}. `filter`
 * may be NULL. */
REEVE_API int reeve_logs(struct reeve *reeve, const char *id, const struct reeve_log_filter *filter,
                         char **logs_out);

/* Why a job is not running: {"id", "status", "reason", "text", "details", "position",
 * "position_is_minimum", "estimated_start"}; what does not apply or is not known is absent. */
REEVE_API int reeve_why(struct reeve *reeve, const char *id, char **why_out);

/* What a waiting job asks: {"n", "kind", "prompt", "asked_at", "expires_at"}. REEVE_CONFLICT: it
 * asks nothing. */
REEVE_API int reeve_question(struct reeve *reeve, const char *id, char **question_out);

/* Answers it: `answer_json` is any JSON value up to 64 KiB. The job goes on as soon as a worker has
 * a slot. `question`: the `n` of the question that is meant, so that the answer never counts for
 * another one, and may be sent twice; 0: the one that is open (the same answer within a second
 * counts once). `job_out` may be NULL. REEVE_CONFLICT: nothing is asked, or another question. */
REEVE_API int reeve_answer(struct reeve *reeve, const char *id, const char *answer_json,
                           uint64_t question, char **job_out);

/* The black boxes of a job, one for each time that it was run, oldest first:
 * {"attempts": [{"n", "segment", "fence", "worker", "host", "pid", "started_at", "ended_at",
 * "outcome", "exit_code", "signal", "oom", "cpu_ms", "rss_max_bytes", "error", "log_first",
 * "log_last", "log_tail"}], "total"}. What is not known is left out; the one that runs has no
 * outcome yet. */
REEVE_API int reeve_attempts(struct reeve *reeve, const char *id, char **attempts_out);

/* --- many jobs -------------------------------------------------------------------------------- */

/* Something done to all jobs that fit a filter and were there when it was asked for. The broker
 * does it by itself, between other work, and goes on after a restart. */
struct reeve_bulk {
    const char *kind;                  /* "cancel", "retry", "delete", or "purge": what has not
                                          started is cancelled and deleted at once */
    const struct reeve_filter *filter; /* NULL: all; what says how to list means nothing */
    const char *reason;                /* of a cancel */
    uint32_t canaries;                 /* of a retry: so many go first and must have ended */
    uint32_t per_second;               /* of a retry: how fast the rest goes; 0: at once */
    bool has_failures_max;             /* of a retry: it stops by itself once more than … */
    uint32_t failures_max;             /* … so many have failed again; otherwise none may with
                                          canaries, and any number without */
    const char *params_json;           /* of a retry: each job is made anew with these params; the
                                          failed one stays as it is */
};

/* Starts it; REEVE_OK: it is on the broker's disk. `operation_out` (may be NULL) gets the operation
 * as JSON: {"id", "kind", "status": "running" | "done" | "stopped", "examined", "changed",
 * "refused", "problem", …}. */
REEVE_API int reeve_operation_start(struct reeve *reeve, const struct reeve_bulk *bulk,
                                    char id_out[REEVE_ID_SIZE], char **operation_out);

/* How it stands; kept for a week after its end. */
REEVE_API int reeve_operation_get(struct reeve *reeve, const char *id, char **operation_out);

/* Stops it; what it has done stays done. REEVE_CONFLICT: it has ended. */
REEVE_API int reeve_operation_stop(struct reeve *reeve, const char *id, char **operation_out);

/* {"operations": [...], "more"}, the latest first; `after`: the last id of the page before, or
 * NULL. */
REEVE_API int reeve_operations(struct reeve *reeve, const char *after, uint32_t limit,
                               char **operations_out);

/* Failed jobs by their cause: {"causes": [{"cause", "type", "error", "message", "count", "last_at",
 * "example"}], "next"}. `queue`, `type` and `after` (`next` of the page before) may be NULL. */
REEVE_API int reeve_causes(struct reeve *reeve, const char *queue, const char *type,
                           const char *after, uint32_t limit, char **causes_out);

/* The workers with a session, in order of their ids: {"workers": [{"id", "name", "host", "pid",
 * "version", "queues", "types", "slots", "busy", "draining", "away", "running": [{"job", "fence",
 * "since"}], "since"}], "more"}. `after` (the last id of the page before) may be NULL. */
REEVE_API int reeve_workers(struct reeve *reeve, const char *after, uint32_t limit,
                            char **workers_out);

/* A worker gets nothing new and ends when it holds nothing any more. `worker_out` may be NULL. */
REEVE_API int reeve_drain(struct reeve *reeve, const char *id, char **worker_out);

struct reeve_journal_filter {
    uint64_t after;    /* `next` of the page before; 0: from the oldest that is kept */
    const char *types; /* only these types of events: "failed", "failed,cancelled"; NULL: all */
    const char *owner; /* an admin's word */
    uint32_t limit;    /* 0: 100, at most 1000 */
};

/* What happened to all jobs, in order: {"events": [{"seq", "at", "job", "rev", "type", "status",
 * "job_type", "queue", "owner", …}], "next", "oldest", "missed", "more"}, without logs and
 * progress. "missed": some behind `after` are no longer kept; "more": there are more at once; both
 * absent for no. `filter` may be NULL. */
REEVE_API int reeve_journal(struct reeve *reeve, const struct reeve_journal_filter *filter,
                            char **journal_out);

/* The broker's figures as JSON. */
REEVE_API int reeve_stats(struct reeve *reeve, char **stats_out);

/* --- schedules -------------------------------------------------------------------------------- */

/* Jobs that are made again and again. Zeroed before it is filled, as all structs here. */
struct reeve_schedule {
    const char *name;       /* the owner's own */
    const char *cron;       /* "0 3 * * *", six fields: second first, "@daily", "@every 90s" */
    const char *zone;       /* an IANA name, "Europe/Berlin"; NULL: UTC */
    struct reeve_spec spec; /* what is submitted; without id, times, idempotency_key */
    const char *misfire;    /* missed ticks: "once" (NULL) makes one job for all of them, "skip"
                               none, "all" one each */
    const char *overlap;    /* while the last job is there: "allow" (NULL), "skip", "replace" */
    bool paused;            /* it is paused from now on; false leaves that as it is */
};

/* Makes a schedule, or sets it anew. REEVE_OK: it is on the broker's disk. `schedule_out` (may be
 * NULL) gets it as JSON. The schedule belongs to the spec's owner. REEVE_INVALID_REQUEST names the
 * field: `cron`, `zone`, `spec.type`. */
REEVE_API int reeve_schedule_set(struct reeve *reeve, const struct reeve_schedule *schedule,
                                 char **schedule_out);

/* One by its name. `owner`: whose, an admin's word; NULL: the handle's own. `…_out` may be NULL.
 * REEVE_NOT_FOUND. Pausing what is paused is fine. */
REEVE_API int reeve_schedule_get(struct reeve *reeve, const char *name, const char *owner,
                                 char **schedule_out);
REEVE_API int reeve_schedule_pause(struct reeve *reeve, const char *name, const char *owner,
                                   char **schedule_out);
REEVE_API int reeve_schedule_resume(struct reeve *reeve, const char *name, const char *owner,
                                    char **schedule_out);
REEVE_API int reeve_schedule_delete(struct reeve *reeve, const char *name, const char *owner);

/* One job of it now. `id_out` (may be NULL) gets the job's id, `job_out` (may be NULL) the job. */
REEVE_API int reeve_schedule_run(struct reeve *reeve, const char *name, const char *owner,
                                 char id_out[REEVE_ID_SIZE], char **job_out);

struct reeve_schedule_filter {
    const char *owner;  /* NULL: all that the handle may see */
    uint32_t limit;     /* 0: 50, at most 1000 */
    const char *cursor; /* `next_cursor` of the page before */
};

/* {"schedules": [...], "next_cursor"}, by owner and name; without the specs' params. `filter` may
 * be NULL. */
REEVE_API int reeve_schedules(struct reeve *reeve, const struct reeve_schedule_filter *filter,
                              char **schedules_out);

/* When something ticks: a schedule by its name, or an expression. */
struct reeve_preview {
    const char *name, *owner;
    const char *cron, *zone;
    uint64_t after_ms; /* 0: now */
    uint32_t count;    /* 0: 10, at most 100 */
};

/* {"ticks": [{"at", "local"}], "zone"} */
REEVE_API int reeve_schedule_preview(struct reeve *reeve, const struct reeve_preview *preview,
                                     char **preview_out);

/* --- queues ----------------------------------------------------------------------------------- */

/* At most `max` starts in any stretch of `window_ms`. */
struct reeve_rate {
    uint64_t max, window_ms;
};

/* What one group of a queue has of its own. */
struct reeve_queue_group {
    const char *group;
    uint32_t concurrency; /* how many of its jobs may run at once; 0: as it is */
    uint32_t weight;      /* how often in a row it is served; 0: as it is */
};

/* What shall be set of a queue. Zero, NULL: as it is. */
struct reeve_queue_change {
    bool pause, resume;
    uint32_t concurrency;       /* how many jobs may run at once */
    uint32_t group_concurrency; /* how many of each group */
    const struct reeve_rate *rates;
    size_t rate_count; /* these, at most 8, instead of those before */
    const struct reeve_queue_group *groups;
    size_t group_count; /* each changes what it names */
    uint64_t ageing_ms; /* so long waited is a priority more */
    bool has_length_max;
    uint64_t length_max;       /* more waiting jobs are refused: REEVE_QUEUE_FULL */
    const char *budget;        /* the name of a limit that it shares with other queues */
    const char *defaults_json; /* what its jobs are that do not say otherwise: an object with any of
                                  priority, timeout_ms, max_attempts, max_lost, backoff_ms,
                                  backoff_cap_ms, retention_ms, result_retention_ms,
                                  stuck_timeout_ms, start_deadline_ms */
    const char *const *clear;  /* what shall be unset before the rest is set: "all", or names as in
                                  the queue's `limits`, "groups.NAME", "defaults.NAME" */
    size_t clear_count;
};

/* {"queues": [{"name", "paused", "depth", "running", "oldest_seconds", "limits", "defaults"}],
 * "next"}, by name. `after` (`next` of the page before) may be NULL; limit 0: 100, at most 1000. */
REEVE_API int reeve_queues(struct reeve *reeve, const char *after, uint32_t limit,
                           char **queues_out);

/* One queue. REEVE_NOT_FOUND: no job was ever in it, and nothing is set of it. */
REEVE_API int reeve_queue(struct reeve *reeve, const char *queue, char **queue_out);

/* An admin's word. `queue_out` (the queue as it is now) may be NULL. */
REEVE_API int reeve_queue_set(struct reeve *reeve, const char *queue,
                              const struct reeve_queue_change *change, char **queue_out);

/* {"budgets": [{"name", "queues", "in_use", "limits"}]}: limits that several queues share. */
REEVE_API int reeve_budgets(struct reeve *reeve, char **budgets_out);

/* Makes or changes a budget: `concurrency`, `rates` and `clear` of the change, nothing else. An
 * admin's word. `budget_out` may be NULL. */
REEVE_API int reeve_budget_set(struct reeve *reeve, const char *budget,
                               const struct reeve_queue_change *change, char **budget_out);

/* REEVE_CONFLICT while queues draw on it. */
REEVE_API int reeve_budget_remove(struct reeve *reeve, const char *budget);

/* --- following -------------------------------------------------------------------------------- */

/* Waits until the job has ended (and its handler is gone, where it was cancelled while it ran).
 * timeout_ms: 0 waits for ever, and through any absence of the broker. `state_out` and `job_out`
 * (the ended job as JSON, with its result) may be NULL. REEVE_OK however it ended: look at the
 * state. REEVE_TIMEOUT: it has not ended yet. REEVE_NOT_FOUND, REEVE_GONE. */
REEVE_API int reeve_wait(struct reeve *reeve, const char *id, uint64_t timeout_ms,
                         enum reeve_state *state_out, char **job_out);

enum reeve_news_kind {
    REEVE_SNAPSHOT = 1, /* `json` is the job as it is; always the first */
    REEVE_EVENT,  /* `json` is the event, `type` its type: "running", "progress", "log", … */
    REEVE_RESET,  /* events are missing that nobody keeps any more; a snapshot follows */
    REEVE_ENDED,  /* the last: the job has ended as `state` */
    REEVE_MISSING /* the last: there is no such job (any more) */
};

/* Borrowed during the callback. */
struct reeve_news {
    enum reeve_news_kind kind;
    enum reeve_state state; /* the latest known */
    uint64_t rev;           /* nothing is missing up to here; what `after` wants */
    const char *id;
    const char *type; /* "" where there is none */
    const char *json; /* NULL where there is none */
};

/* 0 goes on, anything else ends reeve_follow with REEVE_STOPPED. Must not use the same handle. */
typedef int reeve_on_news(void *arg, const struct reeve_news *news);

struct reeve_follow_options {
    bool has_after;      /* replay what happened after rev `after` (0: all that is kept) … */
    uint64_t after;      /* … otherwise only what happens from now on */
    uint64_t timeout_ms; /* 0: none */
};

/* Calls back for everything that happens to these jobs (at most 1000), of each job in order,
 * nothing missing and nothing twice, until all have ended; through any absence of the broker.
 * `options` may be NULL. REEVE_OK: all have ended or are missing. REEVE_TIMEOUT, REEVE_STOPPED. */
REEVE_API int reeve_follow(struct reeve *reeve, const char *const *ids, size_t count,
                           const struct reeve_follow_options *options, reeve_on_news *on_news,
                           void *arg);

#ifdef __cplusplus
}
#endif

#endif
