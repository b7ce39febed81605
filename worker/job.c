/* A job's life between connection and handler, and what its handler may ask of it.
 * Must never hold its lock while it waits for a thread or for the inbox. */
#include "worker/job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "proto/json.h"

/* --- making and freeing ------------------------------------------------------------------------
 */

static int copy_texts(struct reeve_job *job)
{
    const struct text texts[JOB_TEXTS] = {job->item.type, job->item.queue, job->item.owner,
                                          job->item.name, job->item.traceparent};
    for (unsigned i = 0; i < JOB_TEXTS; i++) {
        job->texts[i] = calloc(1, texts[i].len + 1);
        if (!job->texts[i])
            return -ENOMEM;
        if (texts[i].len)
            memcpy(job->texts[i], texts[i].at, texts[i].len);
    }
    return 0;
}

int job_new(struct slice dispatch, struct inbox *inbox, struct reeve_job **job_out)
{
    struct fault fault;
    struct reeve_job *job = calloc(1, sizeof *job);
    *job_out = job;
    if (!job)
        return -ENOMEM;
    CHECK(pthread_mutex_init(&job->lock, NULL) == 0);
    job->stop_fd = -1;
    job->inbox = inbox;
    job->finished = (struct inbox_item){.job = job, .kind = INBOX_FINISHED};
    int rc = buf_append(&job->bytes, dispatch.at, dispatch.len);
    if (rc == 0 && shape_decode(buf_slice(&job->bytes), &shape_dispatch_item, KEYS_NAMES,
                                &job->item, &fault) != 0)
        rc = -EINVAL;
    if (rc == 0)
        rc = copy_texts(job);
    if (rc < 0) {
        job_destroy(job_out);
        return rc;
    }
    job->hold = (struct wsession_hold){job->item.job, job->item.fence};
    uuid_format(&job->item.job, job->id);
    return 0;
}

void job_destroy(struct reeve_job **job)
{
    struct reeve_job *j = *job;
    *job = NULL;
    if (!j)
        return;
    CHECK(!j->ringing);
    for (unsigned i = 0; i < JOB_TEXTS; i++)
        free(j->texts[i]);
    for (unsigned i = 0; i < JOB_JSONS; i++)
        free(j->json[i]);
    if (j->stop_fd >= 0)
        close(j->stop_fd);
    buf_fini(&j->bytes);
    buf_fini(&j->result);
    buf_fini(&j->error);
    buf_fini(&j->question);
    buf_fini(&j->box);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

/* --- running -----------------------------------------------------------------------------------
 */

static uint64_t thread_cpu_ms(void)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_THREAD, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

void job_box(struct reeve_job *job, const struct wire_box *box)
{
    buf_clear(&job->box);
    if (shape_encode(&job->box, &shape_box, box, KEYS_NAMES) < 0)
        buf_clear(&job->box); /* no memory: nothing is known */
}

/* A function runs in this very process, in this thread. */
static void box_thread(struct reeve_job *job, uint64_t cpu_before)
{
    struct wire_box box = {.pid = (uint64_t)getpid(),
                           .cpu_ms = opt_of(thread_cpu_ms() - cpu_before)};
    job_box(job, &box);
}

void job_run(struct reeve_job *job)
{
    char message[60];
    int rc = 0;
    uint64_t cpu_before = thread_cpu_ms();
    if (job->handler)
        rc = job->handler->function(job, job->handler->arg);
    else
        reeve_job_fail(job, "NoHandler", "this worker has no handler for its type", true);
    reeve_job_on_cancel(job, NULL, NULL);
    if (rc != 0 && (job->outcome == OUTCOME_NONE || job->outcome == OUTCOME_ASKED)) {
        snprintf(message, sizeof message, "the handler returned %d", rc);
        reeve_job_fail(job, "HandlerError", message, true);
    }
    if (job->handler && job->box.len == 0)
        box_thread(job, cpu_before);
    inbox_finished(job->inbox, &job->finished);
}

struct wire_done_item job_done(const struct reeve_job *job)
{
    struct wire_done_item item = {.outcome = TEXT("completed"), .box = buf_slice(&job->box)};
    if (job->outcome == OUTCOME_FAILED) {
        item.outcome = TEXT("failed");
        item.error = buf_slice(&job->error);
    } else if (job->outcome == OUTCOME_AGAIN) {
        item.outcome = TEXT("again");
        if (job->retry_after_ms)
            item.retry_after_ms = opt_of(job->retry_after_ms);
    } else if (job->outcome == OUTCOME_ASKED) {
        item.outcome = TEXT("asked");
        item.question = buf_slice(&job->question);
    } else {
        item.result = buf_slice(&job->result);
    }
    return item;
}

/* --- stopping ----------------------------------------------------------------------------------
 */

static void *ring(void *arg)
{
    struct reeve_job *job = arg;
    job->callback(job, job->callback_arg);
    return NULL;
}

/* With the lock held. Calls back in a thread of its own, once. */
static int ring_bell(struct reeve_job *job)
{
    if (!job->callback || job->ringing)
        return 0;
    int rc = pthread_create(&job->bell, NULL, ring, job);
    job->ringing = rc == 0;
    return -rc;
}

static void stop_fd_ring(const struct reeve_job *job)
{
    uint64_t one = 1;
    ssize_t ignored = job->stop_fd >= 0 ? write(job->stop_fd, &one, sizeof one) : 0;
    (void)ignored;
}

void job_stop(struct reeve_job *job, enum wsession_reason reason, uint64_t grace_ms)
{
    pthread_mutex_lock(&job->lock);
    job->grace_ms = grace_ms;
    atomic_store(&job->reason, (int)reason);
    stop_fd_ring(job);
    int rc = ring_bell(job);
    pthread_mutex_unlock(&job->lock);
    if (rc < 0)
        log_error("no_thread", "no thread for the cancel callback of job %s", job->id);
}

int job_stop_fd(struct reeve_job *job)
{
    pthread_mutex_lock(&job->lock);
    if (job->stop_fd < 0)
        job->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int fd = job->stop_fd < 0 ? -errno : job->stop_fd;
    if (reeve_job_cancelled(job))
        stop_fd_ring(job);
    pthread_mutex_unlock(&job->lock);
    return fd;
}

uint64_t job_stop_grace(struct reeve_job *job)
{
    uint64_t rings;
    pthread_mutex_lock(&job->lock);
    ssize_t ignored = job->stop_fd >= 0 ? read(job->stop_fd, &rings, sizeof rings) : 0;
    (void)ignored;
    uint64_t grace_ms = job->grace_ms;
    pthread_mutex_unlock(&job->lock);
    return grace_ms;
}

bool reeve_job_cancelled(const struct reeve_job *job)
{
    return atomic_load(&job->reason) != WSESSION_GOES_ON;
}

const char *reeve_job_cancel_reason(const struct reeve_job *job)
{
    return wsession_reason_word((enum wsession_reason)atomic_load(&job->reason));
}

int reeve_job_on_cancel(struct reeve_job *job, reeve_cancel_callback *callback, void *arg)
{
    pthread_mutex_lock(&job->lock);
    bool wait = job->ringing && !callback;
    int rc = 0;
    if (!job->ringing) {
        job->callback = callback;
        job->callback_arg = arg;
        if (reeve_job_cancelled(job))
            rc = ring_bell(job);
    }
    pthread_mutex_unlock(&job->lock);
    if (!wait)
        return rc;
    pthread_join(job->bell, NULL);
    pthread_mutex_lock(&job->lock);
    job->callback = NULL;
    job->ringing = false;
    pthread_mutex_unlock(&job->lock);
    return 0;
}

/* --- what the job is ---------------------------------------------------------------------------
 */

const char *reeve_job_id(const struct reeve_job *job)
{
    return job->id;
}

const char *reeve_job_type(const struct reeve_job *job)
{
    return job->texts[JOB_TYPE];
}

const char *reeve_job_queue(const struct reeve_job *job)
{
    return job->texts[JOB_QUEUE];
}

const char *reeve_job_owner(const struct reeve_job *job)
{
    return job->texts[JOB_OWNER];
}

const char *reeve_job_name(const struct reeve_job *job)
{
    return job->texts[JOB_NAME];
}

const char *reeve_job_traceparent(const struct reeve_job *job)
{
    return job->texts[JOB_TRACEPARENT];
}

uint64_t reeve_job_attempt(const struct reeve_job *job)
{
    return job->item.attempt;
}

uint64_t reeve_job_segment(const struct reeve_job *job)
{
    return job->item.segment;
}

uint64_t reeve_job_fence(const struct reeve_job *job)
{
    return job->item.fence;
}

uint64_t reeve_job_timeout_ms(const struct reeve_job *job)
{
    return job->item.timeout_ms;
}

static char *json_of(struct slice value, const char *otherwise)
{
    if (value.len == 0)
        return otherwise ? strdup(otherwise) : NULL;
    struct buf out = {0};
    int rc = json_from_msgpack(value, &out);
    if (rc == 0)
        rc = buf_append(&out, "", 1);
    if (rc < 0)
        buf_fini(&out);
    return (char *)out.at;
}

static const char *job_json(struct reeve_job *job, enum job_json which, struct slice value,
                            const char *otherwise)
{
    pthread_mutex_lock(&job->lock);
    if (!job->json[which])
        job->json[which] = json_of(value, otherwise);
    const char *json = job->json[which];
    pthread_mutex_unlock(&job->lock);
    return json;
}

const char *reeve_job_params(struct reeve_job *job)
{
    return job_json(job, JOB_PARAMS, job->item.params, "{}");
}

const char *reeve_job_metadata(struct reeve_job *job)
{
    return job_json(job, JOB_METADATA, job->item.metadata, "{}");
}

const char *reeve_job_saved(struct reeve_job *job)
{
    return job_json(job, JOB_SAVED, job->item.checkpoint, NULL);
}

/* [{"kind", "prompt", "answer", "at", "asked_at"}, …] with its final zero. */
static int answers_json(struct slice answers, struct buf *out)
{
    struct list_iter iter;
    struct slice item;
    if (list_open(answers, &iter) != 0)
        return -EINVAL;
    int rc = buf_append(out, "[", 1);
    while (rc == 0 && list_next_any(&iter, &item) == 1) {
        if (iter.index > 1)
            rc = buf_append(out, ",", 1);
        if (rc == 0)
            rc = json_from_shape(item, &shape_answered, out);
    }
    return rc == 0 ? buf_append(out, "]", 2) : rc;
}

/* ["…", …] with its final zero. */
static int ids_json(struct slice ids, struct buf *out)
{
    struct list_iter iter;
    struct uuid id;
    if (list_open(ids, &iter) != 0)
        return -EINVAL;
    int rc = buf_append(out, "[", 1);
    while (rc == 0 && list_next_uuid(&iter, &id) == 1) {
        char text[UUID_TEXT_LEN + 1];
        uuid_format(&id, text);
        rc = buf_printf(out, "%s\"%s\"", iter.index > 1 ? "," : "", text);
    }
    return rc == 0 ? buf_append(out, "]", 2) : rc;
}

/* Made when it is first asked for. */
static const char *list_json(struct reeve_job *job, enum job_json which, struct slice list,
                             int (*make)(struct slice, struct buf *))
{
    pthread_mutex_lock(&job->lock);
    if (!job->json[which]) {
        struct buf out = {0};
        if (make(list, &out) < 0)
            buf_fini(&out);
        job->json[which] = (char *)out.at;
    }
    const char *json = job->json[which];
    pthread_mutex_unlock(&job->lock);
    return json;
}

const char *reeve_job_answers(struct reeve_job *job)
{
    return list_json(job, JOB_ANSWERS, job->item.answers, answers_json);
}

const char *reeve_job_depends_on(struct reeve_job *job)
{
    return list_json(job, JOB_DEPENDS_ON, job->item.depends_on, ids_json);
}

uint64_t reeve_job_depends_on_total(const struct reeve_job *job)
{
    return job->item.depends_on_total;
}

const void *reeve_job_params_msgpack(const struct reeve_job *job, size_t *size_out)
{
    *size_out = job->item.params.len;
    return job->item.params.at;
}
