/* Submitting: one job, or very many in batches of which several are under way.
 * Must never send a job twice under two ids: each has its id before it is sent.
 */
#include <errno.h>
#include <stdio.h>

#include "base/check.h"
#include "client/answer.h"
#include "client/spec.h"
#include "proto/json.h"

/* --- one job ---------------------------------------------------------------------------------- */

struct one {
    char *id_out;
    char **job_out;
};

static int take_submitted(void *arg, struct reeve *reeve, const struct message *answer)
{
    const struct one *one = arg;
    struct list_iter iter;
    struct wire_submit_answer item;
    struct fault fault;
    struct buf text = {0};
    if (list_open(answer->submitted.jobs, &iter) != 0 ||
        list_next(&iter, &shape_submit_answer, KEYS_NAMES, &item, &fault) != 1)
        return handle_fail(reeve, REEVE_SERVER_ERROR, "", "the broker's answer has no job");
    if (one->id_out)
        uuid_format(&item.id, one->id_out);
    if (!one->job_out)
        return REEVE_OK;
    return answer_take(reeve, json_from_shape(item.job, &shape_job, &text), &text, one->job_out);
}

/* The only job of its batch: "jobs[0].type" is told as "type". */
static void shorten_field(struct reeve *reeve)
{
    static const char prefix[] = "jobs[0].";
    size_t len = sizeof prefix - 1;
    if (strncmp(reeve->field, prefix, len) == 0)
        memmove(reeve->field, reeve->field + len, strlen(reeve->field + len) + 1);
}

static int submit_one(struct reeve *reeve, const struct reeve_spec *spec, struct one *one)
{
    struct buf scratch = {0}, jobs = {0};
    struct uuid id;
    size_t mark = 0;
    int code = list_begin(&jobs, &mark) < 0 ? handle_fail_memory(reeve) : REEVE_OK;
    if (code == REEVE_OK)
        code = spec_encode(reeve, spec, &scratch, &jobs, &id);
    if (code == REEVE_OK) {
        list_end(&jobs, mark, 1);
        struct message request = {.id = MSG_SUBMIT};
        request.submit.jobs = buf_slice(&jobs);
        request.submit.whole = one->job_out != NULL;
        request.submit.idempotency_key = text_of(spec->idempotency_key);
        code = handle_call(reeve, &request, MSG_SUBMITTED, take_submitted, one);
        shorten_field(reeve);
    }
    buf_fini(&scratch);
    buf_fini(&jobs);
    return code;
}

int reeve_submit(struct reeve *reeve, const struct reeve_spec *spec, char id_out[REEVE_ID_SIZE],
                 char **job_out)
{
    struct one one = {id_out, job_out};
    int code = handle_enter(reeve);
    return code == REEVE_OK ? submit_one(reeve, spec, &one) : code;
}

/* --- many jobs -------------------------------------------------------------------------------- */

enum {
    CODE_OPEN = -1,                 /* of a job that has no answer yet */
    BATCH_SIZE_WANTED = 1024 * 1024 /* bytes at which a batch goes out although it is not full */
};

/* One batch under way: the jobs from `first` to before `end` that are CODE_OPEN. */
struct batch {
    struct many *many;
    size_t first, end;
    bool open;
};

/* All of one reeve_submit_many. */
struct many {
    struct reeve *reeve;
    const struct reeve_spec *specs;
    struct reeve_submitted *answers;
    size_t count, next; /* jobs; the first that is in no batch yet */
    struct batch batches[HANDLE_WINDOW_MAX];
    uint32_t open; /* batches under way */
    int code;      /* the first failure of a whole batch, and its words */
    char message[MESSAGE_LEN_MAX + 1];
    char field[NAME_LEN_MAX + 1];
    struct buf scratch, jobs;
};

static void answer_with_error(const struct reeve *reeve, struct reeve_submitted *answer)
{
    answer->code = reeve->error.code;
    snprintf(answer->message, sizeof answer->message, "%.*s", (int)sizeof answer->message - 1,
             reeve->error.message);
}

/* All of a batch have failed, as the handle's error says. The first such failure is the whole
 * call's, and nothing more is sent. */
static void fail_batch(struct many *many, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        if (many->answers[i].code == CODE_OPEN)
            answer_with_error(many->reeve, &many->answers[i]);
    }
    if (many->code != REEVE_OK)
        return;
    many->code = many->reeve->error.code;
    snprintf(many->message, sizeof many->message, "%s", many->reeve->error.message);
    snprintf(many->field, sizeof many->field, "%s", many->reeve->error.field);
}

static void answer_one(struct reeve *reeve, const struct wire_submit_answer *item,
                       struct reeve_submitted *answer)
{
    struct wire_fault error;
    struct fault fault;
    answer->code = REEVE_OK;
    if (item->error.len == 0) {
        uuid_format(&item->id, answer->id); /* it may be a job that was there */
        return;
    }
    if (shape_decode(item->error, &shape_fault, KEYS_NAMES, &error, &fault) == 0)
        handle_fail_wire(reeve, &error);
    else
        handle_fail(reeve, REEVE_SERVER_ERROR, "", "the broker's answer cannot be read");
    answer_with_error(reeve, answer);
}

/* As many answers as the batch has jobs, in their order; false where there are fewer. */
static bool use_answers(const struct batch *batch, struct slice list)
{
    struct many *many = batch->many;
    struct list_iter iter;
    struct wire_submit_answer item;
    struct fault fault;
    if (list_open(list, &iter) != 0)
        return false;
    for (size_t i = batch->first; i < batch->end; i++) {
        if (many->answers[i].code != CODE_OPEN)
            continue;
        if (list_next(&iter, &shape_submit_answer, KEYS_NAMES, &item, &fault) != 1)
            return false;
        answer_one(many->reeve, &item, &many->answers[i]);
    }
    return true;
}

static void on_batch(void *arg, const struct message *answer, int status)
{
    struct batch *batch = arg;
    struct many *many = batch->many;
    batch->open = false;
    many->open--;
    if (status != 0) {
        handle_fail_status(many->reeve, status);
    } else if (answer->id == MSG_ERROR) {
        const struct wire_fault fault = handle_fault_of(&answer->error);
        handle_fail_wire(many->reeve, &fault);
    } else if (answer->id == MSG_SUBMITTED && use_answers(batch, answer->submitted.jobs)) {
        return;
    } else {
        handle_fail(many->reeve, REEVE_SERVER_ERROR, "", "the broker's answer cannot be read");
    }
    fail_batch(many, batch->first, batch->end);
}

/* Adds the next job to the batch that is being made, or answers it where it cannot be sent. */
static uint32_t add_next(struct many *many)
{
    struct reeve_submitted *answer = &many->answers[many->next];
    const struct reeve_spec *spec = &many->specs[many->next++];
    struct uuid id = {{0}};
    int code = spec->idempotency_key
                   ? handle_fail(many->reeve, REEVE_INVALID_REQUEST, "idempotency_key",
                                 "an idempotency key is for a single submit")
                   : spec_encode(many->reeve, spec, &many->scratch, &many->jobs, &id);
    if (code != REEVE_OK)
        answer_with_error(many->reeve, answer);
    else
        uuid_format(&id, answer->id);
    return code == REEVE_OK;
}

/* Encodes the next jobs into many->jobs: as many as a batch takes, `*count_out`. 0, -ENOMEM. */
static int make_batch(struct many *many, uint32_t *count_out)
{
    uint64_t most = conn_limits(many->reeve->conn).batch_jobs_max;
    uint32_t count = 0;
    size_t mark;
    buf_clear(&many->jobs);
    if (many->reeve->batch < most)
        most = many->reeve->batch;
    int rc = list_begin(&many->jobs, &mark);
    while (rc == 0 && many->next < many->count && count < most &&
           many->jobs.len < BATCH_SIZE_WANTED)
        count += add_next(many);
    if (rc == 0)
        list_end(&many->jobs, mark, count);
    *count_out = count;
    return rc;
}

static struct batch *free_batch(struct many *many)
{
    for (size_t i = 0; i < HANDLE_WINDOW_MAX; i++) {
        if (!many->batches[i].open)
            return &many->batches[i];
    }
    return NULL;
}

/* Makes and sends one batch, if any of the jobs it would take can be sent. 0, -errno. */
static int send_batch(struct many *many)
{
    struct batch *batch = free_batch(many);
    uint32_t jobs = 0;
    CHECK(batch);
    *batch = (struct batch){.many = many, .first = many->next};
    int rc = make_batch(many, &jobs);
    batch->end = many->next;
    if (rc < 0 || jobs == 0)
        return rc;
    struct message request = {.id = MSG_SUBMIT};
    request.submit.jobs = buf_slice(&many->jobs);
    request.submit.partial = true;
    rc = conn_call(many->reeve->conn, &request, many->reeve->timeout_ms, on_batch, batch);
    batch->open = rc == 0;
    many->open += batch->open;
    return rc;
}

/* Until all are answered, or nothing more is sent and what is under way has ended. A code: that of
 * the connection itself. */
static int run(struct many *many)
{
    for (;;) {
        bool more = many->next < many->count && many->code == REEVE_OK;
        int rc = more && many->open < many->reeve->window ? send_batch(many) : -EAGAIN;
        if (rc < 0 && rc != -EAGAIN)
            return handle_fail_status(many->reeve, rc);
        if (rc == 0)
            continue;
        if (many->open == 0)
            return more ? handle_fail_status(many->reeve, rc) : REEVE_OK;
        int code = handle_turn(many->reeve, UINT64_MAX);
        if (code != REEVE_OK)
            return code;
    }
}

static void abandon_batches(struct many *many)
{
    for (size_t i = 0; i < HANDLE_WINDOW_MAX; i++) {
        if (many->batches[i].open)
            conn_abandon(many->reeve->conn, &many->batches[i]);
    }
}

int reeve_submit_many(struct reeve *reeve, const struct reeve_spec *specs, size_t count,
                      struct reeve_submitted *answers_out)
{
    struct many many = {.reeve = reeve, .specs = specs, .answers = answers_out, .count = count};
    int code = handle_enter(reeve);
    if (code != REEVE_OK)
        return code;
    for (size_t i = 0; i < count; i++)
        answers_out[i] = (struct reeve_submitted){.code = CODE_OPEN};
    if (run(&many) != REEVE_OK)
        fail_batch(&many, 0, count);
    if (many.code != REEVE_OK) {
        handle_fail(reeve, many.code, many.field, "%s", many.message);
        fail_batch(&many, 0, count);
    }
    abandon_batches(&many);
    buf_fini(&many.scratch);
    buf_fini(&many.jobs);
    return many.code;
}
