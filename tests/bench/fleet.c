/* Producer and workers.
 * Must never count what the broker has not confirmed. */
#include "tests/bench/fleet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/pack.h"

enum { DRAIN_MS = 30000, IDLE_MS = 100 };

/* --- the producer -------------------------------------------------------------------------- */

void fleet_submit_frame(struct buf *out, uint32_t count, uint32_t payload)
{
    struct buf jobs = {0}, params = {0};
    size_t mark;
    char *filling = calloc(1, payload);
    if (!filling)
        die("out of memory");
    memset(filling, 'x', payload);
    check(pack_text(&params, (struct text){filling, payload}), "the payload");
    struct wire_spec spec = {.type = TEXT("bench"), .params = buf_slice(&params)};
    check(list_begin(&jobs, &mark), "the jobs");
    for (uint32_t i = 0; i < count; i++)
        check(shape_encode(&jobs, &shape_spec, &spec, KEYS_NAMES), "a job");
    list_end(&jobs, mark, count);
    struct message message = {.id = MSG_SUBMIT, .envelope.request = 1};
    message.submit.jobs = buf_slice(&jobs);
    check(message_encode(out, &message), "a submit");
    buf_fini(&jobs);
    buf_fini(&params);
    free(filling);
}

uint64_t fleet_read_answers(struct link *link, uint32_t batch, long wait_ms)
{
    zmq_msg_t frame;
    struct message message;
    struct list_iter jobs;
    uint64_t count = 0;
    while (link_receive(link, &frame, count == 0 ? wait_ms : 0)) {
        link_read(&frame, MSG_SUBMITTED, &message);
        if (list_open(message.submitted.jobs, &jobs) != 0 || jobs.count != batch)
            die("an answer for %u jobs, not %u", jobs.count, batch);
        count += jobs.count;
        zmq_msg_close(&frame);
    }
    return count;
}

/* Jobs whose life is over. */
static uint64_t finished(struct fleet *fleet)
{
    uint64_t answered = atomic_load(&fleet->answered), settled = atomic_load(&fleet->settled);
    return answered < settled ? answered : settled;
}

static bool room(struct fleet *fleet)
{
    uint64_t in_flight = atomic_load(&fleet->submitted) - finished(fleet);
    return !atomic_load(&fleet->stop) && in_flight + fleet->setup.batch <= fleet->setup.window;
}

static void wait_for_news(struct fleet *fleet)
{
    zmq_pollitem_t items[] = {{.socket = fleet->link.socket, .events = ZMQ_POLLIN},
                              {.fd = fleet->settled_fd, .events = ZMQ_POLLIN}};
    uint64_t ignored;
    atomic_store(&fleet->waits, true);
    if (!room(fleet) && zmq_poll(items, 2, IDLE_MS) > 0 && items[1].revents) {
        if (read(fleet->settled_fd, &ignored, sizeof ignored) < 0 && errno != EAGAIN)
            die("eventfd: %s", strerror(errno));
    }
    atomic_store(&fleet->waits, false);
}

static void *produce(void *context)
{
    struct fleet *fleet = context;
    struct buf submit = {0};
    uint32_t batch = fleet->setup.batch;
    fleet_submit_frame(&submit, batch, fleet->payload);
    while (!atomic_load(&fleet->stop)) {
        while (room(fleet)) {
            atomic_fetch_add(&fleet->submitted, batch);
            link_send_frame(&fleet->link, buf_slice(&submit));
        }
        wait_for_news(fleet);
        atomic_fetch_add(&fleet->answered, fleet_read_answers(&fleet->link, batch, 0));
    }
    buf_fini(&submit);
    return NULL;
}

/* --- workers ------------------------------------------------------------------------------- */

static void send_done(struct link *link, struct buf *items, size_t mark, uint32_t count)
{
    struct message message = {.id = MSG_DONE};
    list_end(items, mark, count);
    message.done.items = buf_slice(items);
    link_send(link, &message);
}

/* Answers `batch` jobs at a time. */
static void work(struct fleet_worker *worker, const struct message *message, struct buf *items)
{
    struct list_iter jobs;
    struct wire_dispatch_item job;
    struct fault fault;
    size_t mark = 0;
    uint32_t count = 0;
    int more = list_open(message->dispatch.jobs, &jobs) == 0 ? 0 : -1;
    while (more >= 0 &&
           (more = list_next(&jobs, &shape_dispatch_item, KEYS_NAMES, &job, &fault)) > 0) {
        struct wire_done_item done = {.job = job.job, .fence = job.fence};
        done.outcome = TEXT("completed");
        if (count == 0) {
            buf_clear(items);
            check(list_begin(items, &mark), "a list");
        }
        check(shape_encode(items, &shape_done_item, &done, KEYS_NAMES), "a result");
        if (++count == worker->fleet->setup.batch) {
            send_done(&worker->link, items, mark, count);
            count = 0;
        }
    }
    if (more < 0)
        die("a dispatch could not be read");
    if (count > 0)
        send_done(&worker->link, items, mark, count);
}

static void note_settled(struct fleet *fleet, const struct message *message)
{
    struct list_iter items;
    struct wire_settled_item item;
    struct fault fault;
    uint64_t one = 1;
    if (list_open(message->settled.items, &items) != 0)
        die("a settled could not be read");
    while (list_next(&items, &shape_settled_item, KEYS_NAMES, &item, &fault) > 0) {
        if (!text_is(item.verdict, "accepted"))
            die("a result was not accepted: %.*s", (int)item.verdict.len, item.verdict.at);
    }
    atomic_fetch_add(&fleet->settled, items.count);
    if (atomic_load(&fleet->waits) && write(fleet->settled_fd, &one, sizeof one) < 0)
        die("eventfd: %s", strerror(errno));
}

static void *run_worker(void *context)
{
    struct fleet_worker *worker = context;
    struct buf items = {0};
    struct message message;
    zmq_msg_t frame;
    while (!atomic_load(&worker->fleet->leave)) {
        if (!link_receive(&worker->link, &frame, IDLE_MS))
            continue;
        uint64_t now = clock_mono_us();
        struct slice bytes = {zmq_msg_data(&frame), zmq_msg_size(&frame)};
        struct fault fault;
        if (message_decode(bytes, &message, &fault) != 0)
            die("the broker sent a worker bytes that are no message");
        if (message.id == MSG_DISPATCH) {
            atomic_store(&worker->fleet->dispatched_us, now);
            work(worker, &message, &items);
        } else {
            link_read(&frame, MSG_SETTLED, &message);
            note_settled(worker->fleet, &message);
        }
        zmq_msg_close(&frame);
    }
    link_send(&worker->link, &(struct message){.id = MSG_BYE});
    buf_fini(&items);
    return NULL;
}

/* --- both ---------------------------------------------------------------------------------- */

void fleet_open(struct fleet *fleet, const struct daemon *daemon, struct setup setup,
                uint32_t payload)
{
    memset(fleet, 0, sizeof *fleet);
    fleet->setup = setup;
    fleet->daemon = daemon;
    fleet->payload = payload;
    fleet->context = zmq_ctx_new();
    fleet->settled_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!fleet->context || fleet->settled_fd < 0)
        die("out of memory or files");
    link_open(&fleet->link, fleet->context, daemon->clients, 0);
}

void fleet_add_workers(struct fleet *fleet)
{
    uint32_t count = fleet->setup.workers;
    uint32_t slots = (fleet->setup.window + count - 1) / count;
    for (uint32_t i = 0; i < count; i++) {
        struct fleet_worker *worker = &fleet->workers[i];
        worker->fleet = fleet;
        link_open(&worker->link, fleet->context, fleet->daemon->workers,
                  slots < WORKER_SLOTS_MAX ? slots : WORKER_SLOTS_MAX);
        if (pthread_create(&worker->thread, NULL, run_worker, worker) != 0)
            die("no thread could be started");
    }
}

void fleet_flow(struct fleet *fleet)
{
    if (pthread_create(&fleet->thread, NULL, produce, fleet) != 0)
        die("no thread could be started");
}

static void drain(struct fleet *fleet)
{
    uint64_t until = clock_mono_ms() + DRAIN_MS;
    while (finished(fleet) < atomic_load(&fleet->submitted)) {
        uint64_t answered = fleet_read_answers(&fleet->link, fleet->setup.batch, 1);
        atomic_fetch_add(&fleet->answered, answered);
        if (clock_mono_ms() > until)
            die("of %lu jobs only %lu were answered and %lu settled",
                (unsigned long)fleet->submitted, (unsigned long)fleet->answered,
                (unsigned long)fleet->settled);
    }
    if (atomic_load(&fleet->settled) != atomic_load(&fleet->submitted))
        die("%lu jobs were submitted, but %lu settled", (unsigned long)fleet->submitted,
            (unsigned long)fleet->settled);
}

void fleet_close(struct fleet *fleet, bool leave_rest)
{
    atomic_store(&fleet->stop, true);
    if (fleet->thread)
        pthread_join(fleet->thread, NULL);
    if (!leave_rest)
        drain(fleet);
    atomic_store(&fleet->leave, true);
    for (uint32_t i = 0; i < fleet->setup.workers && fleet->workers[i].fleet; i++) {
        pthread_join(fleet->workers[i].thread, NULL);
        link_close(&fleet->workers[i].link);
    }
    link_close(&fleet->link);
    zmq_ctx_term(fleet->context);
    close(fleet->settled_fd);
}
