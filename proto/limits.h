/* Every bound that both ends of a conversation must agree on: one number, one name, one place.
 *
 * Sizes are bytes unless the name says otherwise, times milliseconds. Bounds that an operator may
 * change are settings of the broker; what stands here is their ceiling or their default. */
#ifndef REEVE_PROTO_LIMITS_H
#define REEVE_PROTO_LIMITS_H

enum {
    PROTOCOL_VERSION = 1,

    /* One ZeroMQ frame. A batch of 1,000 jobs with 4 KiB each fits; so does one 1 MiB payload. */
    MESSAGE_SIZE_MAX = 8 * 1024 * 1024,
    MESSAGE_DEPTH_MAX = 40,       /* nesting of one frame, user values included */
    VALUE_DEPTH_MAX = 32,         /* nesting of a user's value */
    MESSAGE_ITEMS_MAX = 1000000,  /* msgpack items of one frame: what a scan may cost */

    PARAMS_SIZE_MAX = 1024 * 1024,
    RESULT_SIZE_MAX = 1024 * 1024,
    CHECKPOINT_SIZE_MAX = 64 * 1024,
    METADATA_SIZE_MAX = 16 * 1024,
    CONTEXT_SIZE_MAX = 8 * 1024,
    PROMPT_SIZE_MAX = 64 * 1024, /* of a question to a person */
    ANSWER_SIZE_MAX = 64 * 1024,

    BATCH_JOBS_MAX = 1000,
    DEPENDS_MAX = 10000,       /* parents of one job */
    BATCH_DEPENDS_MAX = 20000, /* parents of all jobs of one submit */
    DEPENDS_SHOWN_MAX = 1000,  /* of which so many are named with the job; the rest by page */
    LIST_LIMIT_DEFAULT = 50,
    LIST_LIMIT_MAX = 1000,
    LIST_OFFSET_MAX = 10000,
    LIST_SORT_MAX = 10000,    /* jobs that are sorted by anything but their creation */
    CURSOR_LEN_MAX = 600,
    FILTER_METADATA_MAX = 16, /* keys of metadata in one filter */
    PAGE_SIZE_MAX = 4 * 1024 * 1024, /* a page of jobs, logs or events ends once it is larger */

    TYPE_LEN_MAX = 100,
    QUEUE_LEN_MAX = 64,
    OWNER_LEN_MAX = 100,
    GROUP_LEN_MAX = 100,
    NAME_LEN_MAX = 255,
    DESCRIPTION_LEN_MAX = 1000,
    KEY_LEN_MAX = 200,
    KIND_LEN_MAX = 64, /* what sort of question */
    MESSAGE_LEN_MAX = 2000, /* a log line, an error message, a progress message, a reason */
    TRACEPARENT_LEN_MAX = 55,
    HOST_LEN_MAX = 255,
    ENDPOINT_LEN_MAX = 255,

    PRIORITY_MAX = 9,
    PRIORITY_DEFAULT = 5,
    ATTEMPTS_MAX = 10000,
    ATTEMPTS_DEFAULT = 3,
    LOST_DEFAULT = 3,
    AGAIN_MAX = 100, /* "try again later" answers of one job */
    BACKOFF_DEFAULT_MS = 2000,
    BACKOFF_CAP_DEFAULT_MS = 10 * 60 * 1000,
    TIMEOUT_DEFAULT_MS = 60 * 60 * 1000,
    QUESTION_TIMEOUT_DEFAULT_MS = 60 * 60 * 1000,
    ANSWER_REPEAT_MS = 1000, /* the same answer within this time counts once */
    GRACE_DEFAULT_MS = 10 * 1000, /* from SIGTERM to SIGKILL */

    HEARTBEAT_DEFAULT_MS = 2000,
    LOST_AFTER_DEFAULT_MS = 10 * 1000,

    STAGES_MAX = 64,
    LOGS_MAX = 10000,                 /* log lines kept of one job */
    LOGS_SIZE_MAX = 4 * 1024 * 1024,  /* and their bytes */
    EVENTS_MAX = 1000,                /* events kept of one job */
    JOURNAL_TYPES_MAX = 32,           /* types of events asked for at a time */
    ERRORS_MAX = 20,                  /* attempts' errors kept of one job */
    ANSWERS_KEPT_MAX = 32,            /* questions kept of one job, with their answers */
    ATTEMPTS_KEPT_MAX = 100,          /* black boxes kept of one job */
    LOG_TAIL_MAX = 20,                /* log lines shown with a black box */
    LOG_TAIL_SIZE_MAX = 4096,         /* and the bytes of their messages */
    SIGNAL_LEN_MAX = 16,
    REPORT_ITEMS_MAX = 1000,          /* one report message */

    SCHEDULE_LEN_MAX = 100,
    SCHEDULE_CURSOR_MAX = 201, /* an owner and a name */
    SCHEDULES_OWNER_MAX = 1000, /* schedules of one owner */
    CRON_LEN_MAX = 255,
    ZONE_LEN_MAX = 64,
    PREVIEW_DEFAULT = 10,
    PREVIEW_MAX = 100,             /* ticks of one preview */
    SCHEDULE_MISSED_MAX = 1000,    /* ticks made up for in a row */
    SCHEDULE_LATE_MS = 10 * 1000,  /* a tick that comes later than this was missed */

    WORKER_SLOTS_MAX = 4096,
    WORKER_QUEUES_MAX = 256,
    WORKER_TYPES_MAX = 256,
    SESSIONS_MAX = 100000,
    CAUSE_LEN = 16,               /* a fingerprint in hex */
    CANARIES_MAX = 1000,          /* first jobs of a retry of many */
    OPERATIONS_RUNNING_MAX = 100, /* under way at a time */
    OPERATION_PARAMS_MAX = 64 * 1024, /* params for a retry of many */

    WATCHED_REVS_MAX = 1000, /* jobs in one get_revs */
    CHARGES_MAX = 8,

    BUDGET_LEN_MAX = 64,
    QUEUES_SET_MAX = 4096,   /* queues with settings; they are in memory */
    BUDGETS_MAX = 1024,
    QUEUE_RATES_MAX = 8,     /* rates of one queue or budget */
    QUEUE_GROUPS_MAX = 200,  /* groups of one queue with a limit or a weight of their own */
    QUEUE_CLEAR_MAX = 256,   /* names in one `clear` */
    RATE_COUNT_MAX = 1000000000,
    CONCURRENCY_MAX = 1000000,
    GROUP_WEIGHT_MAX = 1000
};

/* The queue of the house's own jobs. */
#define SYSTEM_QUEUE "reeve"

/* Times that do not fit an int. */
#define DELAY_MAX_MS (UINT64_C(10) * 365 * 24 * 3600 * 1000)
#define TIMEOUT_MAX_MS (UINT64_C(30) * 24 * 3600 * 1000)
#define RETENTION_MAX_MS (UINT64_C(10) * 365 * 24 * 3600 * 1000)
#define RETENTION_DEFAULT_MS (UINT64_C(90) * 24 * 3600 * 1000)
#define RETENTION_RESULT_MS (UINT64_C(30) * 24 * 3600 * 1000)
#define RETENTION_CANCELLED_MS (UINT64_C(7) * 24 * 3600 * 1000)
#define RATE_WINDOW_MAX_MS (UINT64_C(31) * 24 * 3600 * 1000)
#define QUEUE_LENGTH_MAX (UINT64_C(1000000000000))
#define IDEMPOTENCY_MS (UINT64_C(24) * 3600 * 1000)
#define OPERATION_KEPT_MS (UINT64_C(7) * 24 * 3600 * 1000) /* after its end */
#define TIME_MAX_MS (UINT64_C(253402300799999)) /* the end of the year 9999 */

#endif
