/* A broker in a thread, with real sockets; one mutex guards everything in it.
 * Must never be used outside tests.
 */
#include "tests/testing.h"

#include "tests/client/fake_broker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/check.h"
#include "proto/pack.h"

enum { PEERS_MAX = 64, TOPICS_MAX = 64, ANSWER_SIZE = 1 << 20 };

struct peer {
    uint8_t at[32];
    size_t len;
};

struct fake_broker {
    pthread_t thread;
    pthread_mutex_t mutex;
    void *context, *router, *xpub;
    char endpoint[128], events[128];
    fake_answer *answer;
    void *arg;
    struct peer peers[PEERS_MAX]; /* who said hello */
    size_t peer_count;
    char topics[TOPICS_MAX][UUID_TEXT_LEN + 1];
    size_t topic_count;
    unsigned counts[MSG_COUNT];
    bool stopping, deaf;
    char refusal[32];
};

static void bind_to(void *socket, const char *wanted, char endpoint[128])
{
    size_t size = 128;
    for (int i = 0; zmq_bind(socket, wanted) != 0; i++) {
        CHECK(zmq_errno() == EADDRINUSE && i < 1000);
        zmq_poll(NULL, 0, 5); /* the old sockets still let go of the port */
    }
    CHECK(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
}

static bool knows(const struct fake_broker *fake, const struct peer *peer)
{
    for (size_t i = 0; i < fake->peer_count; i++) {
        if (fake->peers[i].len == peer->len && memcmp(fake->peers[i].at, peer->at, peer->len) == 0)
            return true;
    }
    return false;
}

static void error_answer(struct message *answer, const char *code)
{
    answer->id = MSG_ERROR;
    answer->error.code = text_of(code);
    answer->error.message = TEXT("the fake broker says no");
}

static void hello_answer(struct fake_broker *fake, const struct peer *peer, struct message *answer)
{
    if (fake->refusal[0]) {
        error_answer(answer, fake->refusal);
        return;
    }
    if (!knows(fake, peer)) {
        CHECK(fake->peer_count < PEERS_MAX);
        fake->peers[fake->peer_count++] = *peer;
    }
    answer->id = MSG_WELCOME;
    answer->welcome.version = PROTOCOL_VERSION;
    answer->welcome.batch_jobs_max = 4;
    answer->welcome.events = text_of(fake->events);
}

/* What to say to one message; false: nothing. */
static bool answer_to(struct fake_broker *fake, const struct peer *peer,
                      const struct message *request, struct buf *bytes, struct message *answer)
{
    *answer = (struct message){.envelope.request = request->envelope.request};
    if (request->id == MSG_HELLO) {
        hello_answer(fake, peer, answer);
        return true;
    }
    if (!knows(fake, peer)) {
        error_answer(answer, "UNKNOWN_SESSION");
        return true;
    }
    if (request->id == MSG_PING) {
        answer->id = MSG_PONG;
        return true;
    }
    if (request->id == MSG_BYE || fake->deaf)
        return false;
    bool answered = fake->answer && fake->answer(fake->arg, request, bytes, answer);
    answer->envelope.request = request->envelope.request;
    return answered;
}

static void send_two(void *socket, struct slice head, const struct message *message)
{
    struct buf frame = {0};
    CHECK(message_encode(&frame, message) == 0);
    CHECK(zmq_send(socket, head.at, head.len, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0);
    CHECK(zmq_send(socket, frame.at, frame.len, ZMQ_DONTWAIT) >= 0);
    buf_fini(&frame);
}

static bool serve_request(struct fake_broker *fake)
{
    static uint8_t frame[1 << 22];
    struct peer peer = {0};
    struct message request, answer;
    struct fault fault;
    struct buf bytes = {0};
    int len = zmq_recv(fake->router, peer.at, sizeof peer.at, ZMQ_DONTWAIT);
    if (len < 0)
        return false;
    peer.len = (size_t)len;
    len = zmq_recv(fake->router, frame, sizeof frame, ZMQ_DONTWAIT);
    CHECK(len >= 0 && message_decode((struct slice){frame, (size_t)len}, &request, &fault) == 0);
    CHECK(buf_reserve(&bytes, ANSWER_SIZE) == 0);
    fake->counts[request.id]++;
    if (answer_to(fake, &peer, &request, &bytes, &answer))
        send_two(fake->router, (struct slice){peer.at, peer.len}, &answer);
    buf_fini(&bytes);
    return true;
}

static bool serve_subscription(struct fake_broker *fake)
{
    char topic[64] = "";
    int len = zmq_recv(fake->xpub, topic, sizeof topic - 1, ZMQ_DONTWAIT);
    if (len < 0)
        return false;
    if (topic[0] == 1 && len <= UUID_TEXT_LEN + 1 && fake->topic_count < TOPICS_MAX)
        snprintf(fake->topics[fake->topic_count++], UUID_TEXT_LEN + 1, "%.*s", len - 1, topic + 1);
    return true;
}

static void *run(void *arg)
{
    struct fake_broker *fake = arg;
    for (bool stopping = false; !stopping;) {
        zmq_pollitem_t items[] = {{fake->router, 0, ZMQ_POLLIN, 0}, {fake->xpub, 0, ZMQ_POLLIN, 0}};
        pthread_mutex_lock(&fake->mutex);
        zmq_poll(items, 2, 0);
        while (serve_request(fake) || serve_subscription(fake))
            continue;
        stopping = fake->stopping;
        pthread_mutex_unlock(&fake->mutex);
        zmq_poll(NULL, 0, 1);
    }
    return NULL;
}

struct fake_broker *fake_start(fake_answer *answer, void *arg, const struct fake_broker *before)
{
    int zero = 0, one = 1;
    struct fake_broker *fake = calloc(1, sizeof *fake);
    CHECK(fake);
    fake->answer = answer;
    fake->arg = arg;
    fake->context = zmq_ctx_new();
    fake->router = zmq_socket(fake->context, ZMQ_ROUTER);
    fake->xpub = zmq_socket(fake->context, ZMQ_XPUB);
    zmq_setsockopt(fake->router, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(fake->xpub, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(fake->xpub, ZMQ_XPUB_VERBOSE, &one, sizeof one);
    bind_to(fake->router, before ? before->endpoint : "tcp://127.0.0.1:*", fake->endpoint);
    bind_to(fake->xpub, before ? before->events : "tcp://127.0.0.1:*", fake->events);
    pthread_mutex_init(&fake->mutex, NULL);
    CHECK(pthread_create(&fake->thread, NULL, run, fake) == 0);
    return fake;
}

void fake_stop(struct fake_broker *fake)
{
    pthread_mutex_lock(&fake->mutex);
    fake->stopping = true;
    pthread_mutex_unlock(&fake->mutex);
    pthread_join(fake->thread, NULL);
    zmq_close(fake->router);
    zmq_close(fake->xpub);
    zmq_ctx_term(fake->context);
    fake->context = NULL;
}

void fake_free(struct fake_broker *fake)
{
    if (fake->context)
        fake_stop(fake);
    pthread_mutex_destroy(&fake->mutex);
    free(fake);
}

void fake_lock(struct fake_broker *fake)
{
    pthread_mutex_lock(&fake->mutex);
}

void fake_unlock(struct fake_broker *fake)
{
    pthread_mutex_unlock(&fake->mutex);
}

const char *fake_endpoint(const struct fake_broker *fake)
{
    return fake->endpoint;
}

unsigned fake_count(struct fake_broker *fake, enum message_id id)
{
    pthread_mutex_lock(&fake->mutex);
    unsigned count = fake->counts[id];
    pthread_mutex_unlock(&fake->mutex);
    return count;
}

void fake_deaf(struct fake_broker *fake, bool deaf)
{
    pthread_mutex_lock(&fake->mutex);
    fake->deaf = deaf;
    pthread_mutex_unlock(&fake->mutex);
}

void fake_refuse(struct fake_broker *fake, const char *code)
{
    pthread_mutex_lock(&fake->mutex);
    snprintf(fake->refusal, sizeof fake->refusal, "%s", code);
    pthread_mutex_unlock(&fake->mutex);
}

bool fake_subscribed(struct fake_broker *fake, const struct uuid *job)
{
    char topic[UUID_TEXT_LEN + 1];
    bool found = false;
    uuid_format(job, topic);
    pthread_mutex_lock(&fake->mutex);
    for (size_t i = 0; i < fake->topic_count; i++)
        found = found || strcmp(fake->topics[i], topic) == 0;
    pthread_mutex_unlock(&fake->mutex);
    return found;
}

void fake_publish(struct fake_broker *fake, const struct uuid *job, const struct message *message)
{
    char topic[UUID_TEXT_LEN + 1];
    uuid_format(job, topic);
    pthread_mutex_lock(&fake->mutex);
    send_two(fake->xpub, text_slice(text_of(topic)), message);
    pthread_mutex_unlock(&fake->mutex);
}
