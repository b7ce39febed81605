/* The ROUTER of fake_broker.h. */
#include "tests/worker/fake_broker.h"

#include <stdio.h>
#include <zmq.h>

#include "base/clock.h"
#include "tests/testing.h"

enum { PATIENCE_MS = 10000 };

static void bind_to(struct fake_broker *broker, const char *endpoint)
{
    int zero = 0;
    broker->context = zmq_ctx_new();
    broker->router = zmq_socket(broker->context, ZMQ_ROUTER);
    zmq_setsockopt(broker->router, ZMQ_LINGER, &zero, sizeof zero);
    assert_int_equal(zmq_bind(broker->router, endpoint), 0);
}

void fake_broker_open(struct fake_broker *broker)
{
    size_t size = sizeof broker->endpoint;
    memset(broker, 0, sizeof *broker);
    bind_to(broker, "tcp://127.0.0.1:*");
    zmq_getsockopt(broker->router, ZMQ_LAST_ENDPOINT, broker->endpoint, &size);
}

void fake_broker_close(struct fake_broker *broker)
{
    zmq_close(broker->router);
    zmq_ctx_term(broker->context);
    broker->router = broker->context = NULL;
}

void fake_broker_reopen(struct fake_broker *broker)
{
    bind_to(broker, broker->endpoint);
    broker->forgetful = true;
}

void fake_broker_fini(struct fake_broker *broker)
{
    if (broker->router)
        fake_broker_close(broker);
}

static void receive(struct fake_broker *broker, uint64_t until)
{
    struct fault fault;
    uint64_t now = clock_mono_ms();
    zmq_pollitem_t item = {.socket = broker->router, .events = ZMQ_POLLIN};
    if (now > until || zmq_poll(&item, 1, (long)(until - now)) <= 0)
        fail_msg("no message came");
    broker->peer_len = (size_t)zmq_recv(broker->router, broker->peer, sizeof broker->peer, 0);
    int size = zmq_recv(broker->router, broker->frame, sizeof broker->frame, 0);
    assert_in_range(size, 1, sizeof broker->frame);
    if (message_decode((struct slice){broker->frame, (size_t)size}, &broker->message, &fault) != 0)
        fail_msg("bad message: %s %s", fault.field, fault.problem);
    assert_true(message_senders(broker->message.id) & FROM_WORKER);
}

void fake_broker_send(struct fake_broker *broker, struct message *message)
{
    struct buf frame = {0};
    assert_good(message_encode(&frame, message));
    zmq_send(broker->router, broker->peer, broker->peer_len, ZMQ_SNDMORE);
    zmq_send(broker->router, frame.at, frame.len, 0);
    buf_fini(&frame);
}

static void acknowledge(struct fake_broker *broker)
{
    struct list_iter iter;
    struct wire_report_item item;
    struct fault fault;
    struct buf items = {0};
    size_t mark;
    struct message answer = {.id = MSG_REPORTED};
    assert_good(list_open(broker->message.report.items, &iter));
    assert_good(list_begin(&items, &mark));
    while (list_next(&iter, &shape_report_item, KEYS_NAMES, &item, &fault) == 1) {
        struct wire_reported_item stored = {.job = item.job, .fence = item.fence, .n = item.n};
        assert_good(shape_encode(&items, &shape_reported_item, &stored, KEYS_NAMES));
        broker->reports++;
    }
    list_end(&items, mark, iter.count);
    answer.reported.items = buf_slice(&items);
    fake_broker_send(broker, &answer);
    buf_fini(&items);
}

const struct message *fake_broker_await(struct fake_broker *broker, enum message_id id)
{
    uint64_t until = clock_mono_ms() + PATIENCE_MS;
    for (;;) {
        receive(broker, until);
        if (broker->message.id == MSG_HELLO) {
            broker->forgetful = false;
        } else if (broker->forgetful) {
            struct message answer = {.id = MSG_ERROR, .error.code = TEXT("UNKNOWN_SESSION")};
            fake_broker_send(broker, &answer);
            continue;
        }
        if (broker->message.id == MSG_HEARTBEAT) {
            broker->beats++;
            fake_broker_send(broker, &(struct message){.id = MSG_BEAT});
        } else if (broker->message.id == MSG_REPORT) {
            acknowledge(broker);
        }
        if (broker->message.id == id)
            return &broker->message;
    }
}

void fake_broker_welcome(struct fake_broker *broker, uint64_t heartbeat_ms)
{
    const struct message *hello = fake_broker_await(broker, MSG_HELLO);
    struct message answer = {.id = MSG_WELCOME, .envelope.request = hello->envelope.request};
    answer.welcome = (struct msg_welcome){.version = PROTOCOL_VERSION,
                                          .heartbeat_ms = heartbeat_ms,
                                          .lost_after_ms = 10 * heartbeat_ms};
    fake_broker_send(broker, &answer);
}

static struct uuid job_of(char letter)
{
    struct uuid job;
    memset(&job, letter, sizeof job);
    return job;
}

/* Sends a message whose only content is a list of one item. */
static void send_item(struct fake_broker *broker, enum message_id id, const struct shape *shape,
                      const void *item)
{
    struct buf list = {0};
    size_t mark;
    struct message message = {.id = id};
    assert_good(list_begin(&list, &mark));
    assert_good(shape_encode(&list, shape, item, KEYS_NAMES));
    list_end(&list, mark, 1);
    if (id == MSG_DISPATCH)
        message.dispatch.jobs = buf_slice(&list);
    else if (id == MSG_STOP)
        message.stop.items = buf_slice(&list);
    else
        message.settled.items = buf_slice(&list);
    fake_broker_send(broker, &message);
    buf_fini(&list);
}

void fake_broker_dispatch(struct fake_broker *broker, char letter, uint64_t fence, const char *type,
                          struct slice params)
{
    struct wire_dispatch_item item = {.job = job_of(letter),
                                      .fence = fence,
                                      .type = text_of(type),
                                      .queue = TEXT("default"),
                                      .attempt = 1,
                                      .params = params};
    send_item(broker, MSG_DISPATCH, &shape_dispatch_item, &item);
}

void fake_broker_stop(struct fake_broker *broker, char letter, uint64_t fence, const char *reason)
{
    struct wire_stop_item item = {
        .job = job_of(letter), .fence = fence, .reason = text_of(reason), .grace_ms = 100};
    send_item(broker, MSG_STOP, &shape_stop_item, &item);
}

void fake_broker_settle(struct fake_broker *broker, char letter, uint64_t fence)
{
    struct wire_settled_item item = {
        .job = job_of(letter), .fence = fence, .verdict = TEXT("accepted")};
    send_item(broker, MSG_SETTLED, &shape_settled_item, &item);
}

struct wire_done_item fake_broker_done(const struct message *message,
                                       struct wire_failure *failure_out)
{
    struct list_iter iter;
    struct wire_done_item item;
    struct fault fault;
    assert_good(list_open(message->done.items, &iter));
    assert_int_equal(list_next(&iter, &shape_done_item, KEYS_NAMES, &item, &fault), 1);
    memset(failure_out, 0, sizeof *failure_out);
    if (item.error.len)
        assert_good(shape_decode(item.error, &shape_failure, KEYS_NAMES, failure_out, &fault));
    return item;
}
