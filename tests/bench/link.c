/* One connection to the broker.
 * Must never lose a message in silence. */
#include "tests/bench/link.h"

#include <unistd.h>

#include "base/random.h"
#include "proto/pack.h"

enum { WELCOME_MS = 20000, GOODBYE_MS = 1000 };

static void pack_words(struct buf *out, struct text word)
{
    check(pack_array(out, 1), "hello");
    check(pack_text(out, word), "hello");
}

static void say_hello(struct link *link, const char *role, uint32_t slots)
{
    struct buf queues = {0}, types = {0};
    struct message message = {.id = MSG_HELLO};
    struct msg_hello *hello = &message.hello;
    pack_words(&queues, TEXT("default"));
    pack_words(&types, TEXT("bench"));
    hello->version = PROTOCOL_VERSION;
    random_bytes(hello->session.at, sizeof hello->session.at);
    hello->epoch = 1;
    hello->role = text_of(role);
    hello->program = TEXT("reeve-bench");
    if (slots > 0) {
        hello->name = TEXT("bench");
        hello->host = TEXT("localhost");
        hello->pid = (uint64_t)getpid();
        hello->queues = buf_slice(&queues);
        hello->types = buf_slice(&types);
        hello->slots = slots;
    }
    link_send(link, &message);
    buf_fini(&queues);
    buf_fini(&types);
}

static void set_option(void *socket, int option, int value)
{
    if (zmq_setsockopt(socket, option, &value, sizeof value) != 0)
        die("a socket option was refused: %s", zmq_strerror(zmq_errno()));
}

static void open_as(struct link *link, void *context, const char *endpoint, const char *role,
                    uint32_t slots)
{
    zmq_msg_t frame;
    struct message message;
    *link = (struct link){.socket = zmq_socket(context, ZMQ_DEALER)};
    if (!link->socket)
        die("no socket could be made: %s", zmq_strerror(zmq_errno()));
    set_option(link->socket, ZMQ_LINGER, GOODBYE_MS);
    set_option(link->socket, ZMQ_SNDHWM, 0);
    set_option(link->socket, ZMQ_RCVHWM, 0);
    if (zmq_connect(link->socket, endpoint) != 0)
        die("%s: %s", endpoint, zmq_strerror(zmq_errno()));
    say_hello(link, role, slots);
    if (!link_receive(link, &frame, WELCOME_MS))
        die("the broker at %s does not answer", endpoint);
    link_read(&frame, MSG_WELCOME, &message);
    zmq_msg_close(&frame);
}

void link_open(struct link *link, void *context, const char *endpoint, uint32_t slots)
{
    open_as(link, context, endpoint, slots > 0 ? "worker" : "producer", slots);
}

void link_open_admin(struct link *link, void *context, const char *endpoint)
{
    open_as(link, context, endpoint, "admin", 0);
}

void link_close(struct link *link)
{
    zmq_close(link->socket);
    buf_fini(&link->out);
}

void link_send(struct link *link, const struct message *message)
{
    buf_clear(&link->out);
    check(message_encode(&link->out, message), "encoding a message");
    link_send_frame(link, buf_slice(&link->out));
}

void link_send_frame(struct link *link, struct slice frame)
{
    if (zmq_send(link->socket, frame.at, frame.len, 0) < 0)
        die("sending failed: %s", zmq_strerror(zmq_errno()));
}

bool link_receive(struct link *link, zmq_msg_t *frame, long wait_ms)
{
    zmq_msg_init(frame);
    if (zmq_msg_recv(frame, link->socket, ZMQ_DONTWAIT) >= 0)
        return true;
    zmq_pollitem_t item = {.socket = link->socket, .events = ZMQ_POLLIN};
    if (wait_ms != 0 && zmq_poll(&item, 1, wait_ms) == 1 &&
        zmq_msg_recv(frame, link->socket, ZMQ_DONTWAIT) >= 0)
        return true;
    zmq_msg_close(frame);
    return false;
}

void link_read(zmq_msg_t *frame, enum message_id id, struct message *message_out)
{
    struct fault fault;
    struct slice bytes = {zmq_msg_data(frame), zmq_msg_size(frame)};
    if (message_decode(bytes, message_out, &fault) != 0)
        die("the broker sent bytes that are no message: %s %s", fault.field, fault.problem);
    if (message_out->id == MSG_ERROR)
        die("the broker answered %.*s: %.*s", (int)message_out->error.code.len,
            message_out->error.code.at, (int)message_out->error.message.len,
            message_out->error.message.at);
    if (message_out->id != id)
        die("the broker sent %s where %s was expected", message_name(message_out->id),
            message_name(id));
}
