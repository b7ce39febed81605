/* The ZAP handler (RFC 27).
 * Must never let anything in that the callback did not. */
#include "broker/server_zap.h"

#include <czmq.h>

#include "broker/core/auth.h"

enum { KEY_BYTES = 32, FRAMES_MAX = 7 };

/* The frames of a request that matter, in their places. */
enum frame { VERSION, REQUEST, DOMAIN, ADDRESS, IDENTITY, MECHANISM, CREDENTIALS };

struct zap {
    zsock_t *owned;
    void *socket;
    zmq_msg_t frames[FRAMES_MAX];
    int count; /* frames that are open */
};

int zap_open(struct zap **zap_out)
{
    struct zap *zap = calloc(1, sizeof *zap);
    *zap_out = zap;
    if (!zap)
        return -ENOMEM;
    zap->owned = zsock_new(ZMQ_REP);
    zap->socket = zap->owned ? zsock_resolve(zap->owned) : NULL;
    if (zap->socket && zmq_bind(zap->socket, "inproc://zeromq.zap.01") == 0)
        return 0;
    int rc = zap->socket ? -zmq_errno() : -ENOMEM;
    zap_close(zap_out);
    return rc;
}

static void release(struct zap *zap)
{
    while (zap->count > 0)
        zmq_msg_close(&zap->frames[--zap->count]);
}

void zap_close(struct zap **zap)
{
    if (!*zap)
        return;
    release(*zap);
    zsock_destroy(&(*zap)->owned);
    free(*zap);
    *zap = NULL;
}

void *zap_socket(const struct zap *zap)
{
    return zap->socket;
}

static struct text text_at(struct zap *zap, enum frame frame)
{
    if ((int)frame >= zap->count)
        return (struct text){0};
    return (struct text){zmq_msg_data(&zap->frames[frame]), zmq_msg_size(&zap->frames[frame])};
}

/* Frames beyond those of CURVE are read and dropped: the answer is no, then. 1: a request. */
static int receive(struct zap *zap, bool *whole_out)
{
    bool more = true;
    *whole_out = true;
    while (more) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, zap->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            return zmq_errno() == EAGAIN || zmq_errno() == EINTR ? 0 : -zmq_errno();
        }
        more = zmq_msg_more(&frame);
        if (zap->count < FRAMES_MAX) {
            zap->frames[zap->count++] = frame;
        } else {
            *whole_out = false;
            zmq_msg_close(&frame);
        }
    }
    return 1;
}

static bool admitted(struct zap *zap, bool whole, zap_admit *admit, void *arg,
                     char key[AUTH_KEY_LEN + 1])
{
    struct text bytes = text_at(zap, CREDENTIALS);
    key[0] = '\0';
    if (!whole || !text_is(text_at(zap, VERSION), "1.0") ||
        !text_is(text_at(zap, MECHANISM), "CURVE") || bytes.len != KEY_BYTES ||
        !zmq_z85_encode(key, (const uint8_t *)bytes.at, KEY_BYTES))
        return false;
    return admit(arg, text_of(key), text_at(zap, DOMAIN), text_at(zap, ADDRESS));
}

static int send_text(struct zap *zap, struct text text, int flags)
{
    int sent;
    do {
        sent = zmq_send(zap->socket, text.at, text.len, flags);
    } while (sent < 0 && zmq_errno() == EINTR);
    return sent < 0 ? -zmq_errno() : 0;
}

static int answer(struct zap *zap, bool yes, const char *key)
{
    const struct text frames[] = {
        TEXT("1.0"),
        text_at(zap, REQUEST),
        yes ? TEXT("200") : TEXT("400"),
        yes ? TEXT("OK") : TEXT("this key is not listed"),
        text_of(yes ? key : ""),
        TEXT(""),
    };
    const size_t count = sizeof frames / sizeof *frames;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = send_text(zap, frames[i], i + 1 < count ? ZMQ_SNDMORE : 0);
    return rc;
}

int zap_serve(struct zap *zap, zap_admit *admit, void *arg)
{
    char key[AUTH_KEY_LEN + 1];
    bool whole;
    int rc = 1;
    for (int i = 0; rc == 1 && i < ZAP_ANSWERS_MAX; i++) {
        rc = receive(zap, &whole);
        if (rc == 1) {
            bool yes = admitted(zap, whole, admit, arg, key);
            int sent = answer(zap, yes, key);
            rc = sent < 0 ? sent : 1;
        }
        release(zap);
    }
    return rc < 0 ? rc : 0;
}
