/* The connection over real sockets, with a broker that restarts, stays away, is deaf or says no.
 * Must never sleep for readiness: everything is waited for with a deadline.
 */
#include "tests/testing.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "client/conn.h"
#include "client/endpoint.h"
#include "tests/client/fake_broker.h"

#define PATIENCE_MS 20000

static const struct uuid JOB = {{1, 2, 3}};

struct result {
    unsigned calls, resent;
    int status;
    enum message_id id;
    uint64_t deleted_first_byte;
};

static void on_outcome(void *arg, const struct conn_outcome *outcome)
{
    struct result *result = arg;
    result->calls++;
    result->status = outcome->status;
    result->resent += outcome->resent;
    result->id = outcome->answer ? outcome->answer->id : MSG_NONE;
    if (result->id == MSG_DELETED)
        result->deleted_first_byte = outcome->answer->deleted.id.at[0];
}

/* Deletes are done, everything else is not found. */
static bool answer(void *arg, const struct message *request, struct buf *bytes,
                   struct message *answer_out)
{
    (void)arg;
    (void)bytes;
    answer_out->id = MSG_ERROR;
    answer_out->error.code = TEXT("NOT_FOUND");
    if (request->id == MSG_DELETE) {
        answer_out->id = MSG_DELETED;
        answer_out->deleted.id = request->delete.id;
    }
    return true;
}

static struct conn *open_conn(const char *endpoint)
{
    struct conn *conn;
    struct conn_options options = {.broker = endpoint, .calls_max = 100};
    assert_good(conn_open(&options, &conn));
    return conn;
}

static void turn(struct conn *conn)
{
    int fds[CONN_FDS_MAX];
    struct pollfd polls[CONN_FDS_MAX];
    size_t count = conn_fds(conn, fds);
    for (size_t i = 0; i < count; i++)
        polls[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    uint64_t deadline = conn_next_deadline(conn), now = clock_mono_ms();
    uint64_t wait = deadline <= now ? 0 : deadline - now;
    poll(polls, count, (int)(wait < 20 ? wait : 20));
    assert_good(conn_process(conn, clock_mono_ms()));
}

/* Runs the connection until `condition`, and fails where that takes too long. */
#define RUN_UNTIL(conn, condition)                        \
    do {                                                  \
        uint64_t give_up = clock_mono_ms() + PATIENCE_MS; \
        while (!(condition)) {                            \
            assert_true(clock_mono_ms() < give_up);       \
            turn(conn);                                   \
        }                                                 \
    } while (0)

static void delete_job(struct conn *conn, uint8_t first_byte, uint64_t timeout_ms,
                       struct result *result)
{
    struct message request = {.id = MSG_DELETE, .delete.id = {{first_byte}}};
    assert_good(conn_call_outcome(conn, &request, timeout_ms, on_outcome, result));
}

TEST(calls_are_answered)
{
    struct fake_broker *fake = fake_start(answer, NULL, NULL);
    struct conn *conn = open_conn(fake_endpoint(fake));
    struct result results[50] = {0};
    for (uint8_t i = 0; i < 50; i++)
        delete_job(conn, i + 1, PATIENCE_MS, &results[i]);
    for (uint8_t i = 0; i < 50; i++) {
        RUN_UNTIL(conn, results[i].calls);
        assert_int_equal(results[i].status, 0);
        assert_int_equal(results[i].deleted_first_byte, i + 1);
    }
    assert_true(conn_is_up(conn));
    assert_int_equal(conn_limits(conn).batch_jobs_max, 4);
    assert_int_equal(fake_count(fake, MSG_HELLO), 1);
    conn_close(&conn);
    assert_null(conn);
    uint64_t give_up = clock_mono_ms() + PATIENCE_MS;
    while (fake_count(fake, MSG_BYE) == 0)
        assert_true(clock_mono_ms() < give_up);
    fake_free(fake);
}

TEST(what_was_open_is_sent_again_after_a_restart)
{
    struct fake_broker *first = fake_start(answer, NULL, NULL);
    struct conn *conn = open_conn(fake_endpoint(first));
    struct result a = {0}, b = {0};
    fake_deaf(first, true);
    delete_job(conn, 7, PATIENCE_MS, &a);
    RUN_UNTIL(conn, fake_count(first, MSG_DELETE) == 1);
    uint64_t stopped = clock_mono_ms();
    fake_stop(first);
    RUN_UNTIL(conn, !conn_is_up(conn));
    assert_true(clock_mono_ms() - stopped < 4000); /* not only after a long silence */
    delete_job(conn, 8, PATIENCE_MS, &b);
    struct fake_broker *second = fake_start(answer, NULL, first);
    RUN_UNTIL(conn, a.calls && b.calls);
    assert_int_equal(a.status, 0);
    assert_int_equal(a.deleted_first_byte, 7);
    assert_int_equal(a.resent, 1);
    assert_int_equal(b.deleted_first_byte, 8);
    assert_int_equal(fake_count(second, MSG_HELLO), 1);
    assert_true(conn_is_up(conn));
    conn_close(&conn);
    fake_free(first);
    fake_free(second);
}

TEST(a_call_without_a_broker_times_out)
{
    struct fake_broker *gone = fake_start(answer, NULL, NULL);
    fake_stop(gone);
    struct conn *conn = open_conn(fake_endpoint(gone));
    struct result result = {0};
    uint64_t before = clock_mono_ms();
    delete_job(conn, 1, 100, &result);
    RUN_UNTIL(conn, result.calls);
    assert_int_equal(result.status, -ETIMEDOUT);
    assert_true(clock_mono_ms() - before >= 100);
    assert_false(conn_is_up(conn));
    conn_close(&conn);
    fake_free(gone);
}

TEST(a_refused_session_says_why)
{
    struct fake_broker *fake = fake_start(answer, NULL, NULL);
    struct conn *conn = open_conn(fake_endpoint(fake));
    struct result result = {0};
    fake_refuse(fake, "FORBIDDEN");
    delete_job(conn, 1, PATIENCE_MS, &result);
    RUN_UNTIL(conn, result.calls);
    assert_int_equal(result.status, -ECONNREFUSED);
    assert_non_null(conn_refusal(conn));
    assert_int_equal(conn_refusal(conn)->error, WIRE_FORBIDDEN);
    conn_close(&conn);
    fake_free(fake);
}

TEST(close_ends_open_calls_and_takes_no_new_ones)
{
    struct fake_broker *fake = fake_start(answer, NULL, NULL);
    struct conn *conn = open_conn(fake_endpoint(fake));
    struct result a = {0}, b = {0};
    delete_job(conn, 1, PATIENCE_MS, &a);
    delete_job(conn, 2, PATIENCE_MS, &b);
    conn_abandon(conn, &b);
    conn_close(&conn);
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.status, -ECONNABORTED);
    assert_int_equal(b.calls, 0);
    fake_free(fake);
}

static void call_again(void *arg, const struct message *message, int status)
{
    struct conn **conn = arg;
    const struct message request = {.id = MSG_DELETE, .delete.id = JOB};
    assert_null(message);
    assert_int_equal(status, -ECONNABORTED);
    assert_int_equal(conn_call(*conn, &request, 1000, call_again, arg), -ECONNABORTED);
}

TEST(a_callback_at_close_calls_in_vain)
{
    struct conn *conn = open_conn("tcp://127.0.0.1:1");
    struct conn *handle = conn;
    const struct message request = {.id = MSG_DELETE, .delete.id = JOB};
    assert_good(conn_call(conn, &request, 1000, call_again, &handle));
    conn_close(&conn);
}

TEST(bounds_are_refused_at_once)
{
    struct conn *conn = open_conn("tcp://127.0.0.1:1");
    struct message request = {.id = MSG_DELETE, .delete.id = JOB};
    struct result result = {0};
    for (int i = 0; i < 100; i++)
        assert_good(conn_call_outcome(conn, &request, 1000, on_outcome, &result));
    assert_int_equal(conn_call_outcome(conn, &request, 1000, on_outcome, &result), -EAGAIN);
    assert_int_equal(conn_call_outcome(conn, &request, 0, on_outcome, &result), -EINVAL);
    conn_close(&conn);
    assert_int_equal(result.calls, 100);
}

TEST(options_that_make_no_sense_are_refused)
{
    struct conn *conn;
    const struct conn_options none = {0}, nonsense = {.broker = "nonsense"};
    const struct conn_options owner = {.broker = "tcp://127.0.0.1:1",
                                       .owner = "01234567890123456789012345678901234567890123456789"
                                                "01234567890123456789012345678901234567890123456789"
                                                "!"};
    assert_int_equal(conn_open(&none, &conn), -EINVAL);
    assert_int_equal(conn_open(&nonsense, &conn), -EINVAL);
    assert_int_equal(conn_open(&owner, &conn), -EINVAL);
    assert_null(conn);
}

/* --- events ----------------------------------------------------------------------------------- */

struct heard {
    unsigned events, standings;
    uint64_t rev;
};

static void on_event(void *arg, const struct message *message)
{
    struct heard *heard = arg;
    struct wire_event event;
    struct fault fault;
    heard->standings += message->id == MSG_STANDING_IS;
    if (message->id != MSG_EVENT_IS)
        return;
    assert_good(shape_decode(message->event_is.event, &shape_event, KEYS_NAMES, &event, &fault));
    heard->events++;
    heard->rev = event.rev;
}

static void publish(struct fake_broker *fake, const struct uuid *job, uint64_t rev)
{
    struct buf bytes = {0};
    const struct wire_event event = {.job = *job, .rev = rev, .type = TEXT("log")};
    struct message message = {.id = MSG_EVENT_IS};
    assert_good(shape_encode(&bytes, &shape_event, &event, KEYS_NAMES));
    message.event_is.event = buf_slice(&bytes);
    fake_publish(fake, job, &message);
    buf_fini(&bytes);
}

TEST(events_come_from_where_welcome_says_and_survive_a_restart)
{
    const struct uuid other = {{9}};
    struct fake_broker *first = fake_start(answer, NULL, NULL);
    struct conn *conn = open_conn(fake_endpoint(first));
    struct heard heard = {0};
    conn_on_event(conn, on_event, &heard);
    assert_good(conn_subscribe(conn, &JOB));
    RUN_UNTIL(conn, fake_subscribed(first, &JOB));
    publish(first, &other, 1);
    publish(first, &JOB, 2);
    RUN_UNTIL(conn, heard.events == 1);
    assert_int_equal(heard.rev, 2);
    fake_stop(first);
    struct fake_broker *second = fake_start(answer, NULL, first);
    RUN_UNTIL(conn, fake_subscribed(second, &JOB));
    publish(second, &JOB, 3);
    RUN_UNTIL(conn, heard.events == 2);
    assert_good(conn_unsubscribe(conn, &JOB));
    conn_close(&conn);
    fake_free(first);
    fake_free(second);
}

static void check_events_endpoint(const char *broker, const char *events, const char *expected)
{
    char out[ENDPOINT_SIZE];
    assert_good(endpoint_of_events(text_of(broker), text_of(events), out));
    assert_string_equal(out, expected);
}

TEST(wildcards_become_the_host_of_the_broker)
{
    char out[ENDPOINT_SIZE];
    check_events_endpoint("tcp://broker:5570", "tcp://*:5572", "tcp://broker:5572");
    check_events_endpoint("tcp://10.0.0.1:5570", "tcp://0.0.0.0:5572", "tcp://10.0.0.1:5572");
    check_events_endpoint("tcp://[fe80::1]:5570", "tcp://[::]:5572", "tcp://[fe80::1]:5572");
    check_events_endpoint("tcp://eth0;broker:5570", "tcp://*:5572", "tcp://broker:5572");
    check_events_endpoint("ipc:///run/clients", "tcp://*:5572", "tcp://127.0.0.1:5572");
    check_events_endpoint("tcp://broker:5570", "tcp://events:1", "tcp://events:1");
    check_events_endpoint("tcp://broker:5570", "ipc:///run/events", "ipc:///run/events");
    assert_int_equal(endpoint_of_events(TEXT("tcp://a:1"), (struct text){0}, out), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_are_answered),
        cmocka_unit_test(what_was_open_is_sent_again_after_a_restart),
        cmocka_unit_test(a_call_without_a_broker_times_out),
        cmocka_unit_test(a_refused_session_says_why),
        cmocka_unit_test(close_ends_open_calls_and_takes_no_new_ones),
        cmocka_unit_test(a_callback_at_close_calls_in_vain),
        cmocka_unit_test(bounds_are_refused_at_once),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(events_come_from_where_welcome_says_and_survive_a_restart),
        cmocka_unit_test(wildcards_become_the_host_of_the_broker),
    };
    return TESTS_RUN(tests);
}
