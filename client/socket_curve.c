/* CURVE keys on sockets, and a monitor for handshakes.
 * Must never let a secret into a log or a sentence, nor close a monitor's end while libzmq may
 * still write to the other: it would wait for a reader for ever. */
#include "client/socket_curve.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <zmq.h>

enum { HANG_UPS_MAX = 5 };

static int failure(void)
{
    int number = zmq_errno();
    return number > 0 && number < ZMQ_HAUSNUMERO ? -number : -EIO;
}

/* --- keys ------------------------------------------------------------------------------------- */

static bool given(const char *text)
{
    return text && text[0];
}

static int check_pair(const char *file, const struct curve_pair *pair, char *problem, size_t size)
{
    char public_key[CURVE_KEY_SIZE];
    if (zmq_curve_public(public_key, pair->secret_key) != 0) {
        snprintf(problem, size, "this libzmq is built without CURVE");
        return -ENOTSUP;
    }
    if (strcmp(public_key, pair->public_key) == 0)
        return 0;
    snprintf(problem, size, "%s: its public key is not that of its secret key", file);
    return -EINVAL;
}

int client_curve_load(const char *key_file, const char *server, struct client_curve *curve_out,
                      char *problem, size_t size)
{
    *curve_out = (struct client_curve){0};
    if (!given(key_file) && !given(server))
        return 0;
    if (!given(key_file) || !given(server)) {
        snprintf(problem, size, "a key file and the broker's public key need each other: %s",
                 given(server) ? "there is no key file" : "the broker's key is missing");
        return -EINVAL;
    }
    if (!curve_key_is_fit(text_of(server))) {
        snprintf(problem, size, "'%.60s' is no public key of 40 characters (Z85)", server);
        return -EINVAL;
    }
    int rc = curve_pair_read(key_file, &curve_out->pair, problem, size);
    if (rc == 0)
        rc = check_pair(key_file, &curve_out->pair, problem, size);
    if (rc < 0) {
        client_curve_wipe(curve_out);
        return rc;
    }
    memcpy(curve_out->server, server, CURVE_KEY_LEN);
    curve_out->on = true;
    return 0;
}

void client_curve_wipe(struct client_curve *curve)
{
    explicit_bzero(curve, sizeof *curve);
}

int client_curve_set(void *socket, const struct client_curve *curve)
{
    const struct curve_pair *pair = &curve->pair;
    if (!curve->on)
        return 0;
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, curve->server, CURVE_KEY_SIZE) == 0 &&
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, pair->public_key, CURVE_KEY_SIZE) == 0 &&
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, pair->secret_key, CURVE_KEY_SIZE) == 0)
        return 0;
    int rc = failure();
    return rc == -EINVAL ? -ENOTSUP : rc;
}

int client_curve_generate(struct curve_pair *pair_out)
{
    *pair_out = (struct curve_pair){0};
    do {
        if (zmq_curve_keypair(pair_out->public_key, pair_out->secret_key) != 0)
            return failure();
    } while (pair_out->public_key[0] == '#');
    return 0;
}

/* --- handshakes ------------------------------------------------------------------------------- */

static int open_monitor(void *context, struct handshake *handshake)
{
    static atomic_uint last; /* a name is free again only when its socket is quite gone */
    const int none = 0;
    char name[64];
    snprintf(name, sizeof name, "inproc://reeve-handshake-%u", atomic_fetch_add(&last, 1));
    const int events = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                       ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    handshake->monitor = zmq_socket(context, ZMQ_PAIR);
    /* No high-water mark: libzmq's thread would wait for whoever does not look. */
    if (!handshake->monitor ||
        zmq_setsockopt(handshake->monitor, ZMQ_RCVHWM, &none, sizeof none) != 0 ||
        zmq_setsockopt(handshake->monitor, ZMQ_LINGER, &none, sizeof none) != 0 ||
        zmq_socket_monitor(handshake->socket, name, events) != 0 ||
        zmq_connect(handshake->monitor, name) != 0)
        return failure();
    return 0;
}

int handshake_open(void *context, void *socket, bool curve, struct handshake *out)
{
    *out = (struct handshake){.socket = socket, .curve = curve};
    int rc = open_monitor(context, out);
    if (rc < 0)
        handshake_close(out);
    return rc;
}

void handshake_close(struct handshake *handshake)
{
    if (handshake->socket)
        zmq_socket_monitor(handshake->socket, NULL, 0);
    if (handshake->monitor)
        zmq_close(handshake->monitor);
    *handshake = (struct handshake){0};
}

static bool refused(struct handshake *handshake, enum handshake_state state)
{
    handshake->state = state;
    return true;
}

/* The other end closed the connection in the middle of it. Once is a broker that ends; often is one
 * that can't read what our key made of its own, or that saw sooner than we that one of us speaks
 * CURVE and the other does not. */
static bool hung_up(struct handshake *handshake, uint32_t error)
{
    if (handshake->was_good || (error != EPIPE && error != ECONNRESET))
        return false;
    if (++handshake->hang_ups < HANG_UPS_MAX || handshake->state != HANDSHAKE_NONE)
        return false;
    return refused(handshake, HANDSHAKE_HUNG_UP);
}

static bool take_event(struct handshake *handshake, uint16_t event, uint32_t value)
{
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        handshake->hang_ups = 0;
        handshake->was_good = true;
        handshake->state = HANDSHAKE_GOOD;
        return true;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        return refused(handshake, HANDSHAKE_REFUSED);
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        return (handshake->curve || value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH) &&
               refused(handshake, HANDSHAKE_OTHER);
    default:
        return hung_up(handshake, value);
    }
}

/* An event is two frames: its number and value, packed, and an address. 1: there was one. */
static int receive_event(void *monitor, uint16_t *event_out, uint32_t *value_out)
{
    uint8_t head[6] = {0};
    char address[256];
    int more = 0;
    size_t size = sizeof more;
    if (zmq_recv(monitor, head, sizeof head, ZMQ_DONTWAIT) < 0)
        return 0;
    memcpy(event_out, head, sizeof *event_out);
    memcpy(value_out, head + sizeof *event_out, sizeof *value_out);
    if (zmq_getsockopt(monitor, ZMQ_RCVMORE, &more, &size) == 0 && more)
        zmq_recv(monitor, address, sizeof address, ZMQ_DONTWAIT);
    return 1;
}

bool handshake_look(struct handshake *handshake)
{
    uint16_t event;
    uint32_t value;
    bool news = false;
    while (handshake->monitor && receive_event(handshake->monitor, &event, &value))
        news |= take_event(handshake, event, value);
    return news;
}

const char *handshake_words(const struct handshake *handshake)
{
    switch (handshake->state) {
    case HANDSHAKE_REFUSED:
        return "it does not let this key in here: is its public key in the broker's --curve-peers "
               "file, with a role for this endpoint, and has the broker read that (SIGHUP)?";
    case HANDSHAKE_OTHER:
        return handshake->curve
                   ? "it does not speak CURVE: it has no --curve-key, or this is not its endpoint"
                   : "it speaks CURVE only: a key is needed (--curve-key FILE, --curve-server KEY)";
    case HANDSHAKE_HUNG_UP:
        return handshake->curve
                   ? "it hangs up in the handshake: does it speak CURVE, is --curve-server its "
                     "public key, and is this its endpoint?"
                   : "it hangs up in the handshake: perhaps it speaks CURVE only (--curve-key "
                     "FILE, "
                     "--curve-server KEY)";
    default:
        return "";
    }
}
