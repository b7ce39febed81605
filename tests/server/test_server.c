/* The loop over a real core, real sockets and a store that can be told to fail: nothing is sent
 * before it is durable, and a full disk costs submits only. */
#include "tests/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "broker/server.h"
#include "broker/store/store_mem.h"

enum { WAIT_MS = 5000, SILENCE_MS = 300 };

struct rig {
    struct store *store;
    struct server *server;
    struct core *core;
    int signals[2]; /* a pipe in place of a signalfd */
    pthread_t thread;
    int result;
    void *context, *socket;
    zmq_msg_t frame; /* what `answer` points into */
    struct message answer;
};

/* --- a store that fails when told to, but never a commit without changes ---------------------- */

static struct store_ops failing_ops;
static const struct store_ops *real_ops;
static atomic_int failures_left, failure;
static bool changed;

static int failing_begin(struct store *store)
{
    changed = false;
    return real_ops->begin(store);
}

static int failing_put(struct store *store, enum store_table table, struct slice key,
                       struct slice value)
{
    changed = true;
    return real_ops->put(store, table, key, value);
}

static int failing_commit(struct store *store)
{
    if (!changed || atomic_load(&failures_left) == 0)
        return real_ops->commit(store);
    atomic_fetch_sub(&failures_left, 1);
    return -atomic_load(&failure);
}

static struct store *failing_store(void)
{
    struct store *store = store_mem_new();
    assert_non_null(store);
    real_ops = store->ops;
    failing_ops = *real_ops;
    failing_ops.begin = failing_begin;
    failing_ops.put = failing_put;
    failing_ops.commit = failing_commit;
    store->ops = &failing_ops;
    return store;
}

static void fail_commits(int count, int error)
{
    atomic_store(&failure, error);
    atomic_store(&failures_left, count);
}

/* --- the rig --------------------------------------------------------------------------------- */

static void *serve(void *at)
{
    struct rig *rig = at;
    rig->result = server_run(rig->server, rig->core, rig->store, rig->signals[0]);
    return NULL;
}

static void send_message(struct rig *rig, const struct message *message)
{
    struct buf bytes = {0};
    assert_good(message_encode(&bytes, message));
    assert_int_equal(zmq_send(rig->socket, bytes.at, bytes.len, 0), bytes.len);
    buf_fini(&bytes);
}

/* The next message, in rig->answer; MSG_NONE when none comes. */
static enum message_id receive(struct rig *rig, long wait_ms)
{
    struct fault fault;
    zmq_pollitem_t item = {.socket = rig->socket, .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, wait_ms) != 1)
        return MSG_NONE;
    zmq_msg_close(&rig->frame);
    zmq_msg_init(&rig->frame);
    assert_true(zmq_msg_recv(&rig->frame, rig->socket, 0) >= 0);
    struct slice bytes = {zmq_msg_data(&rig->frame), zmq_msg_size(&rig->frame)};
    assert_good(message_decode(bytes, &rig->answer, &fault));
    return rig->answer.id;
}

static void say_hello(struct rig *rig)
{
    struct message hello = {.id = MSG_HELLO};
    hello.hello.version = PROTOCOL_VERSION;
    random_bytes(hello.hello.session.at, sizeof hello.hello.session.at);
    hello.hello.epoch = 1;
    hello.hello.role = TEXT("producer");
    send_message(rig, &hello);
    assert_int_equal(receive(rig, WAIT_MS), MSG_WELCOME);
}

static void submit(struct rig *rig, uint64_t request)
{
    struct buf jobs = {0};
    size_t mark;
    struct wire_spec spec = {.type = TEXT("t")};
    struct message message = {.id = MSG_SUBMIT, .envelope.request = request};
    assert_good(list_begin(&jobs, &mark));
    assert_good(shape_encode(&jobs, &shape_spec, &spec, KEYS_NAMES));
    list_end(&jobs, mark, 1);
    message.submit.jobs = buf_slice(&jobs);
    send_message(rig, &message);
    buf_fini(&jobs);
}

static struct uuid first_job(const struct rig *rig)
{
    struct list_iter jobs;
    struct wire_submit_answer answer;
    struct fault fault;
    assert_good(list_open(rig->answer.submitted.jobs, &jobs));
    assert_int_equal(list_next(&jobs, &shape_submit_answer, KEYS_NAMES, &answer, &fault), 1);
    return answer.id;
}

static void cancel(struct rig *rig, uint64_t request, struct uuid job)
{
    struct message message = {.id = MSG_CANCEL, .envelope.request = request};
    message.cancel.id = job;
    send_message(rig, &message);
}

static void ping(struct rig *rig, uint64_t request)
{
    send_message(rig, &(struct message){.id = MSG_PING, .envelope.request = request});
}

static void start(struct rig *rig)
{
    static const struct server_config wanted = {
        .endpoints = {"tcp://127.0.0.1:*", "tcp://127.0.0.1:*", "tcp://127.0.0.1:*"}};
    struct core_config config;
    struct core_now now = {clock_mono_ms(), clock_wall_ms(), 1};
    *rig = (struct rig){.result = 1};
    core_config_init(&config);
    config.program = TEXT("test");
    rig->store = failing_store();
    assert_good(pipe2(rig->signals, O_NONBLOCK));
    assert_good(server_open(&wanted, &rig->server));
    assert_good(core_new(&config, rig->store, now, &rig->core));
    assert_good(pthread_create(&rig->thread, NULL, serve, rig));
    rig->context = zmq_ctx_new();
    rig->socket = zmq_socket(rig->context, ZMQ_DEALER);
    zmq_msg_init(&rig->frame);
    assert_good(zmq_connect(rig->socket, server_endpoint(rig->server, SOCKET_CLIENTS)));
    say_hello(rig);
}

static void raise_signal(struct rig *rig, uint32_t number)
{
    struct signalfd_siginfo info = {.ssi_signo = number};
    assert_int_equal(write(rig->signals[1], &info, sizeof info), sizeof info);
}

/* What server_run returned, once the thread has ended. */
static int stop(struct rig *rig)
{
    pthread_join(rig->thread, NULL);
    zmq_msg_close(&rig->frame);
    zmq_close(rig->socket);
    zmq_ctx_term(rig->context);
    server_close(&rig->server);
    core_destroy(&rig->core);
    store_close(&rig->store);
    close(rig->signals[0]);
    close(rig->signals[1]);
    return rig->result;
}

TEST(it_serves_until_sigterm)
{
    struct rig rig;
    start(&rig);
    submit(&rig, 7);
    assert_int_equal(receive(&rig, WAIT_MS), MSG_SUBMITTED);
    assert_int_equal(rig.answer.envelope.request, 7);
    raise_signal(&rig, SIGHUP); /* means nothing */
    ping(&rig, 8);
    assert_int_equal(receive(&rig, WAIT_MS), MSG_PONG);
    raise_signal(&rig, SIGTERM);
    assert_int_equal(stop(&rig), 0);
}

TEST(a_full_disk_costs_submits_only)
{
    struct rig rig;
    start(&rig);
    fail_commits(1, ENOSPC);
    submit(&rig, 1);
    ping(&rig, 2);
    assert_int_equal(receive(&rig, WAIT_MS), MSG_ERROR);
    assert_true(text_is(rig.answer.error.code, "STORE_FULL"));
    assert_int_equal(rig.answer.envelope.request, 1);
    assert_int_equal(receive(&rig, WAIT_MS), MSG_PONG);
    for (uint64_t until = clock_mono_ms() + WAIT_MS; rig.answer.id != MSG_SUBMITTED;) {
        assert_true(clock_mono_ms() < until);
        submit(&rig, 3);
        assert_int_not_equal(receive(&rig, WAIT_MS), MSG_NONE);
    }
    raise_signal(&rig, SIGTERM);
    assert_int_equal(stop(&rig), 0);
}

TEST(when_not_even_an_answer_fits_nothing_is_said)
{
    struct rig rig;
    start(&rig);
    submit(&rig, 1);
    assert_int_equal(receive(&rig, WAIT_MS), MSG_SUBMITTED);
    struct uuid job = first_job(&rig);
    fail_commits(2, ENOSPC);
    cancel(&rig, 2, job);
    assert_int_equal(receive(&rig, SILENCE_MS), MSG_NONE);
    cancel(&rig, 3, job);
    assert_int_equal(receive(&rig, WAIT_MS), MSG_JOB_IS);
    assert_int_equal(rig.answer.envelope.request, 3);
    raise_signal(&rig, SIGTERM);
    assert_int_equal(stop(&rig), 0);
}

TEST(nothing_is_said_of_what_is_not_durable)
{
    struct rig rig;
    start(&rig);
    fail_commits(1, EIO);
    submit(&rig, 1);
    assert_int_equal(receive(&rig, SILENCE_MS), MSG_NONE);
    assert_int_equal(stop(&rig), -EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_serves_until_sigterm),
        cmocka_unit_test(a_full_disk_costs_submits_only),
        cmocka_unit_test(when_not_even_an_answer_fits_nothing_is_said),
        cmocka_unit_test(nothing_is_said_of_what_is_not_durable),
    };
    return TESTS_RUN(tests);
}
