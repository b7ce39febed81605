/* The public library against a fake broker: handlers in C, the connection, the end. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/json.h"
#include "tests/testing.h"
#include "tests/worker/fake_broker.h"
#include "worker/reeve_worker.h"

/* What a test and its handlers share. */
struct bench {
    struct fake_broker broker;
    struct reeve_worker *worker;
    pthread_t thread;
    int rc;
    sem_t gate;      /* handlers wait here */
    atomic_int rung; /* cancel callbacks */
    atomic_int ready;
};

/* --- handlers ----------------------------------------------------------------------------------
 */

static int echo(struct reeve_job *job, void *arg)
{
    (void)arg;
    return reeve_job_result(job, reeve_job_params(job));
}

static int says(struct reeve_job *job, void *arg)
{
    (void)arg;
    int rc = reeve_job_progress(job, 0.5, "half");
    rc |= reeve_job_items(job, 3, 4, NULL);
    rc |= reeve_job_stage(job, "reading", REEVE_STAGE_RUNNING, 0.1);
    rc |= reeve_job_log(job, REEVE_LOG_WARNING, "careful \xff", "{\"page\": 7}");
    rc |= reeve_job_checkpoint(job, "{\"page\": 7}");
    return rc;
}

static int waits(struct reeve_job *job, void *arg)
{
    struct bench *bench = arg;
    (void)job;
    sem_wait(&bench->gate);
    return 0;
}

static void on_cancel(struct reeve_job *job, void *arg)
{
    struct bench *bench = arg;
    assert_true(reeve_job_cancelled(job));
    atomic_fetch_add(&bench->rung, 1);
    sem_post(&bench->gate);
}

static int cancellable(struct reeve_job *job, void *arg)
{
    struct bench *bench = arg;
    reeve_job_on_cancel(job, on_cancel, bench);
    sem_wait(&bench->gate);
    return strcmp(reeve_job_cancel_reason(job), "cancelled") == 0 ? 0 : 1;
}

static int ends(struct reeve_job *job, void *arg)
{
    (void)arg;
    const char *how = reeve_job_params(job);
    if (strcmp(how, "\"again\"") == 0)
        return reeve_job_again(job, 1500);
    if (strcmp(how, "\"fail\"") == 0)
        return reeve_job_fail(job, "NoDisk", "it is full", false);
    if (strcmp(how, "\"ask\"") == 0)
        return reeve_job_ask(job, "confirm", "{\"text\":\"Really?\"}", 5000);
    if (strcmp(how, "\"ask and fail\"") == 0)
        return reeve_job_ask(job, "confirm", NULL, 0) == 0 ? 9 : 0;
    return 7;
}

static int floods(struct reeve_job *job, void *arg)
{
    (void)arg;
    for (int i = 0; i < 20000; i++)
        if (reeve_job_log(job, REEVE_LOG_INFO, "a line", NULL) != 0)
            return 1;
    return 0;
}

/* --- the bench ---------------------------------------------------------------------------------
 */

static void on_ready(void *arg)
{
    struct bench *bench = arg;
    atomic_fetch_add(&bench->ready, 1);
}

static void *run(void *arg)
{
    struct bench *bench = arg;
    bench->rc = reeve_worker_run(bench->worker);
    return NULL;
}

static struct bench *bench_new(void)
{
    static const struct {
        const char *type;
        reeve_handler *handler;
    } rows[] = {{"echo", echo}, {"says", says},    {"waits", waits}, {"cancellable", cancellable},
                {"ends", ends}, {"floods", floods}};
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    fake_broker_open(&bench->broker);
    sem_init(&bench->gate, 0, 0);
    struct reeve_worker_options options = {.broker = bench->broker.endpoint,
                                           .name = "w",
                                           .concurrency = 2,
                                           .on_ready = on_ready,
                                           .arg = bench};
    assert_good(reeve_worker_new(&options, &bench->worker));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_good(reeve_worker_handle(bench->worker, rows[i].type, rows[i].handler, bench));
    assert_good(pthread_create(&bench->thread, NULL, run, bench));
    return bench;
}

static void bench_end(struct bench *bench)
{
    pthread_join(bench->thread, NULL);
    assert_good(bench->rc);
    reeve_worker_destroy(&bench->worker);
    fake_broker_fini(&bench->broker);
    sem_destroy(&bench->gate);
    free(bench);
}

/* Drains it: everything was settled. */
static void bench_destroy(struct bench *bench)
{
    reeve_worker_drain(bench->worker);
    fake_broker_await(&bench->broker, MSG_BYE);
    bench_end(bench);
}

static struct buf json(const char *text)
{
    struct buf value = {0};
    struct fault fault;
    assert_good(json_to_msgpack(text_of(text), &value, &fault));
    return value;
}

/* Dispatches a job and awaits its end, which is settled. */
static struct wire_done_item run_one(struct bench *bench, const char *type, const char *params,
                                     struct wire_failure *failure_out)
{
    struct buf value = json(params);
    fake_broker_dispatch(&bench->broker, 'A', 1, type, buf_slice(&value));
    buf_fini(&value);
    const struct message *done = fake_broker_await(&bench->broker, MSG_DONE);
    struct wire_done_item item = fake_broker_done(done, failure_out);
    fake_broker_settle(&bench->broker, 'A', 1);
    return item;
}

/* --- tests -------------------------------------------------------------------------------------
 */

TEST(a_job_from_dispatch_to_result)
{
    struct bench *bench = bench_new();
    struct wire_failure failure;
    fake_broker_welcome(&bench->broker, 100);
    struct wire_done_item item = run_one(bench, "echo", "{\"a\":[1,\"x\"]}", &failure);
    assert_true(text_is(item.outcome, "completed"));
    struct buf want = json("{\"a\":[1,\"x\"]}");
    assert_true(slice_eq(item.result, buf_slice(&want)));
    buf_fini(&want);
    assert_int_equal(atomic_load(&bench->ready), 1);
    bench_destroy(bench);
}

TEST(what_a_handler_says_arrives_before_its_result)
{
    struct bench *bench = bench_new();
    struct wire_failure failure;
    fake_broker_welcome(&bench->broker, 100);
    struct wire_done_item item = run_one(bench, "says", "{}", &failure);
    assert_true(text_is(item.outcome, "completed"));
    assert_in_range(bench->broker.reports, 4, 5); /* two of progress may be one */
    bench_destroy(bench);
}

TEST(ways_to_end)
{
    struct bench *bench = bench_new();
    struct wire_failure failure;
    fake_broker_welcome(&bench->broker, 100);
    struct wire_done_item item = run_one(bench, "ends", "\"again\"", &failure);
    assert_true(text_is(item.outcome, "again"));
    assert_int_equal(item.retry_after_ms.value, 1500);
    run_one(bench, "ends", "\"fail\"", &failure);
    assert_true(text_is(failure.type, "NoDisk"));
    assert_false(failure.retryable);
    item = run_one(bench, "ends", "\"ask\"", &failure);
    struct wire_question question;
    struct wire_box box;
    struct fault fault;
    assert_true(text_is(item.outcome, "asked"));
    assert_good(shape_decode(item.question, &shape_question, KEYS_NAMES, &question, &fault));
    assert_true(text_is(question.kind, "confirm") && question.timeout_ms == 5000);
    assert_good(shape_decode(item.box, &shape_box, KEYS_NAMES, &box, &fault));
    assert_true(box.cpu_ms.set && !box.exit_code.set && !box.rss_max_bytes.set);
    assert_int_equal(box.pid, getpid());
    run_one(bench, "ends", "\"ask and fail\"", &failure);
    assert_true(text_is(failure.type, "HandlerError"));
    run_one(bench, "ends", "1", &failure);
    assert_true(text_is(failure.type, "HandlerError"));
    assert_true(failure.retryable);
    run_one(bench, "unheard of", "1", &failure);
    assert_true(text_is(failure.type, "NoHandler"));
    bench_destroy(bench);
}

TEST(a_busy_handler_does_not_keep_the_worker_from_beating)
{
    struct bench *bench = bench_new();
    fake_broker_welcome(&bench->broker, 50);
    fake_broker_dispatch(&bench->broker, 'A', 1, "waits", (struct slice){0});
    fake_broker_dispatch(&bench->broker, 'B', 2, "waits", (struct slice){0});
    for (int i = 0; i < 5; i++)
        fake_broker_await(&bench->broker, MSG_HEARTBEAT);
    sem_post(&bench->gate);
    sem_post(&bench->gate);
    uint32_t ended = 0;
    while (ended < 2) {
        struct list_iter iter;
        const struct message *done = fake_broker_await(&bench->broker, MSG_DONE);
        assert_good(list_open(done->done.items, &iter));
        ended += iter.count;
    }
    fake_broker_settle(&bench->broker, 'A', 1);
    fake_broker_settle(&bench->broker, 'B', 2);
    bench_destroy(bench);
}

TEST(a_cancel_rings_the_callback_and_waits_for_the_handler)
{
    struct bench *bench = bench_new();
    struct wire_failure failure;
    fake_broker_welcome(&bench->broker, 50);
    fake_broker_dispatch(&bench->broker, 'A', 1, "cancellable", (struct slice){0});
    fake_broker_stop(&bench->broker, 'A', 1, "cancelled");
    fake_broker_stop(&bench->broker, 'A', 1, "cancelled");
    const struct message *done = fake_broker_await(&bench->broker, MSG_DONE);
    assert_true(text_is(fake_broker_done(done, &failure).outcome, "ended"));
    assert_int_equal(atomic_load(&bench->rung), 1);
    fake_broker_settle(&bench->broker, 'A', 1);
    bench_destroy(bench);
}

TEST(a_broker_that_comes_back_gets_hello_and_result_again)
{
    struct bench *bench = bench_new();
    struct wire_failure failure;
    struct list_iter held;
    fake_broker_welcome(&bench->broker, 50);
    fake_broker_dispatch(&bench->broker, 'A', 1, "waits", (struct slice){0});
    fake_broker_await(&bench->broker, MSG_HEARTBEAT);
    fake_broker_close(&bench->broker);
    sem_post(&bench->gate);
    fake_broker_reopen(&bench->broker);
    const struct message *hello = fake_broker_await(&bench->broker, MSG_HELLO);
    assert_good(list_open(hello->hello.running, &held));
    assert_int_equal(held.count, 1);
    struct message answer = {.id = MSG_WELCOME, .welcome = {.heartbeat_ms = 50}};
    fake_broker_send(&bench->broker, &answer);
    const struct message *done = fake_broker_await(&bench->broker, MSG_DONE);
    assert_true(text_is(fake_broker_done(done, &failure).outcome, "completed"));
    fake_broker_settle(&bench->broker, 'A', 1);
    assert_int_equal(atomic_load(&bench->ready), 1);
    bench_destroy(bench);
}

TEST(a_flood_of_logs_blocks_nobody_for_long)
{
    struct bench *bench = bench_new();
    struct wire_failure failure;
    fake_broker_welcome(&bench->broker, 100);
    struct wire_done_item item = run_one(bench, "floods", "{}", &failure);
    assert_true(text_is(item.outcome, "completed"));
    assert_in_range(bench->broker.reports, 1000, 20001);
    bench_destroy(bench);
}

TEST(stop_gives_back_what_runs)
{
    struct bench *bench = bench_new();
    struct wire_failure failure;
    fake_broker_welcome(&bench->broker, 50);
    fake_broker_dispatch(&bench->broker, 'A', 1, "cancellable", (struct slice){0});
    fake_broker_await(&bench->broker, MSG_HEARTBEAT);
    reeve_worker_stop(bench->worker);
    const struct message *done = fake_broker_await(&bench->broker, MSG_DONE);
    assert_true(text_is(fake_broker_done(done, &failure).outcome, "released"));
    fake_broker_settle(&bench->broker, 'A', 1);
    fake_broker_await(&bench->broker, MSG_BYE);
    bench_end(bench);
}

TEST(what_is_wrong_is_refused)
{
    struct reeve_worker *worker;
    const char *const empty[] = {""};
    assert_int_equal(reeve_worker_new(&(struct reeve_worker_options){.concurrency = 5000}, &worker),
                     -EINVAL);
    assert_int_equal(
        reeve_worker_new(&(struct reeve_worker_options){.queues = empty, .queue_count = 1},
                         &worker),
        -EINVAL);
    assert_null(worker);
    assert_good(reeve_worker_new(&(struct reeve_worker_options){.broker = "no endpoint"}, &worker));
    assert_int_equal(reeve_worker_run(worker), -EINVAL);
    assert_int_equal(reeve_worker_handle(worker, "", echo, NULL), -EINVAL);
    assert_good(reeve_worker_handle(worker, "echo", echo, NULL));
    assert_int_equal(reeve_worker_handle(worker, "echo", echo, NULL), -EEXIST);
    assert_int_equal(reeve_worker_run(worker), -EINVAL);
    reeve_worker_destroy(&worker);
    reeve_worker_destroy(&worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_from_dispatch_to_result),
        cmocka_unit_test(what_a_handler_says_arrives_before_its_result),
        cmocka_unit_test(ways_to_end),
        cmocka_unit_test(a_busy_handler_does_not_keep_the_worker_from_beating),
        cmocka_unit_test(a_cancel_rings_the_callback_and_waits_for_the_handler),
        cmocka_unit_test(a_broker_that_comes_back_gets_hello_and_result_again),
        cmocka_unit_test(a_flood_of_logs_blocks_nobody_for_long),
        cmocka_unit_test(stop_gives_back_what_runs),
        cmocka_unit_test(what_is_wrong_is_refused),
    };
    return TESTS_RUN(tests);
}
