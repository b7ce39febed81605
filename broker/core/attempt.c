/* The rows of the attempt table, and the answer made of them.
 * Must never copy log lines, nor write what nobody measured. */
#include "broker/core/attempt.h"

#include <errno.h>

#include "broker/core/caller.h"
#include "broker/core/job.h"
#include "broker/core/reply.h"

/* --- keeping --------------------------------------------------------------------------------- */

/* What is known of the job's present segment while it runs. */
static void describe(const struct job *job, struct wire_attempt *row)
{
    struct wire_worker_ref worker;
    struct fault fault;
    *row = (struct wire_attempt){.n = job->s.attempt,
                                 .segment = job->s.segment,
                                 .fence = job->s.fence,
                                 .started_at = job->s.segment_at};
    if (job->s.worker.len &&
        shape_decode(job->s.worker, &shape_worker_ref, KEYS_NAMES, &worker, &fault) == 0) {
        row->worker = worker.name;
        row->host = worker.host;
    }
    if (job->s.log_next > job->s.log_before) {
        row->log_first = job->s.log_before + 1;
        row->log_last = job->s.log_next;
    }
}

static void add_box(struct slice encoded, struct wire_attempt *row)
{
    struct wire_box box;
    struct fault fault;
    if (encoded.len == 0 || shape_decode(encoded, &shape_box, KEYS_NAMES, &box, &fault) != 0)
        return; /* a worker that measures nothing, or says it badly */
    row->pid = box.pid;
    row->exit_code = box.exit_code;
    row->signal = box.signal;
    row->oom = box.oom;
    row->cpu_ms = box.cpu_ms;
    row->rss_max_bytes = box.rss_max_bytes;
}

int attempt_keep(struct core *core, struct job *job, const struct attempt_end *end)
{
    struct wire_attempt row;
    struct slice value;
    struct rec_key key;
    int rc = 0;
    core->changed = true;
    describe(job, &row);
    row.ended_at = core->now.wall_ms;
    row.outcome = text_of(end->outcome);
    add_box(end->box, &row);
    if (end->error)
        rc = shape_keep(&core->nested, &shape_failure, end->error, KEYS_NAMES, &row.error);
    if (rc == 0)
        rc = shape_keep(&core->record, &shape_attempt, &row, KEYS_NUMBERS, &value);
    if (rc < 0)
        return rc;
    uint64_t n = job->s.attempt_n++;
    rc = store_put(core->store, TABLE_ATTEMPT, key_job_n(&key, &job->id, n), value);
    if (rc == 0 && n >= ATTEMPTS_KEPT_MAX)
        rc =
            store_del(core->store, TABLE_ATTEMPT, key_job_n(&key, &job->id, n - ATTEMPTS_KEPT_MAX));
    return rc < 0 ? rc : 0;
}

/* --- asking ---------------------------------------------------------------------------------- */

/* Where the tail begins among the segment's last lines, so that it is within its bounds. */
static size_t tail_start(const struct store_rows *lines)
{
    struct wire_log log;
    struct fault fault;
    size_t size = 0, at = lines->count;
    while (at > 0) {
        if (shape_decode(lines->at[at - 1].value, &shape_log, KEYS_NUMBERS, &log, &fault) != 0)
            return at;
        size += log.message.len;
        if (size > LOG_TAIL_SIZE_MAX)
            return at;
        at--;
    }
    return at;
}

/* Joins the last lines of the segment that are still kept, without their contexts. */
static int join_tail(struct core *core, struct wire_attempt *row)
{
    struct store_rows *lines = &core->rows;
    struct rec_key key;
    struct wire_log log;
    struct fault fault;
    size_t mark;
    if (row->log_last == 0)
        return 0;
    uint64_t before = row->log_first - 1;
    if (row->log_last - before > LOG_TAIL_MAX)
        before = row->log_last - LOG_TAIL_MAX;
    struct store_range range = {.table = TABLE_LOG,
                                .prefix = key_job(&core->job.id),
                                .after = key_job_n(&key, &core->job.id, before),
                                .limit = (size_t)(row->log_last - before)};
    int rc = store_scan(core->store, &range, lines);
    buf_clear(&core->nested);
    if (rc == 0)
        rc = list_begin(&core->nested, &mark);
    uint32_t count = 0;
    for (size_t i = tail_start(lines); rc == 0 && i < lines->count; i++) {
        if (shape_decode(lines->at[i].value, &shape_log, KEYS_NUMBERS, &log, &fault) != 0)
            return -EBADMSG;
        if (log.seq > row->log_last)
            break; /* the segment's own are gone: these are later ones */
        log.context = (struct slice){0};
        rc = shape_encode(&core->nested, &shape_log, &log, KEYS_NAMES);
        count++;
    }
    if (rc < 0 || count == 0)
        return rc;
    list_end(&core->nested, mark, count);
    row->log_tail = buf_slice(&core->nested);
    return 0;
}

static int append(struct core *core, struct wire_attempt *row)
{
    int rc = join_tail(core, row);
    return rc < 0 ? rc : shape_encode(&core->answer, &shape_attempt, row, KEYS_NAMES);
}

static bool runs(const struct job *job)
{
    return job->s.status == JOB_RUNNING || job->s.ending;
}

/* The rows, oldest first, then the segment that runs. */
static int append_all(struct core *core, const struct store_rows *rows, uint32_t *count_out)
{
    struct wire_attempt row;
    struct fault fault;
    int rc = 0;
    bool running = runs(&core->job);
    size_t first = running && rows->count == ATTEMPTS_KEPT_MAX; /* room for it */
    for (size_t i = first; i < rows->count && rc == 0; i++) {
        if (shape_decode(rows->at[i].value, &shape_attempt, KEYS_NUMBERS, &row, &fault) != 0)
            return -EBADMSG;
        rc = append(core, &row);
    }
    if (rc == 0 && running) {
        describe(&core->job, &row);
        rc = append(core, &row);
    }
    *count_out = (uint32_t)(rows->count - first + running);
    return rc;
}

int handle_get_attempts(struct core *core, struct session *session, const struct message *message)
{
    struct caller caller = caller_of(session, message);
    int rc = caller_load(core, &caller, &message->get_attempts.id, &core->job);
    if (rc != 0)
        return rc;
    struct store_rows rows = {0};
    struct store_range range = {
        .table = TABLE_ATTEMPT, .prefix = key_job(&core->job.id), .limit = ATTEMPTS_KEPT_MAX};
    size_t mark;
    uint32_t count = 0;
    buf_clear(&core->answer);
    rc = store_scan(core->store, &range, &rows);
    if (rc == 0)
        rc = list_begin(&core->answer, &mark);
    if (rc == 0)
        rc = append_all(core, &rows, &count);
    store_rows_fini(&rows);
    if (rc < 0)
        return rc;
    list_end(&core->answer, mark, count);
    struct message answer = {.id = MSG_ATTEMPTS};
    answer.attempts.attempts = buf_slice(&core->answer);
    answer.attempts.total = core->job.s.attempt_n + runs(&core->job);
    return reply(core, &answer);
}
