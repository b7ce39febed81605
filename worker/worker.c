/* The public side of a worker: what it is made of, and how it is told to end.
 * Must never touch the connection: that is loop.c's. */
#include "worker/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "proto/limits.h"
#include "proto/utf8.h"
#include "worker/loop.h"

enum { CONCURRENCY_DEFAULT = 4 };

static const char broker_default[] = "tcp://127.0.0.1:5571";
static const char queue_default[] = "default";
static const char program_default[] = "libreeve " REEVE_VERSION;

struct reeve_worker {
    char *broker, *name, *program;
    struct client_curve curve;
    char host[HOST_LEN_MAX + 1];
    char **queues;
    size_t queue_count;
    unsigned concurrency;
    void (*on_ready)(void *arg);
    void *arg;
    struct job_handler *handlers;
    size_t handler_count;
    struct inbox *inbox;
    atomic_ullong lost_after_ms;
    bool has_run;
};

/* --- making ------------------------------------------------------------------------------------
 */

static bool is_name(const char *text, size_t max)
{
    size_t len = text ? strlen(text) : 0;
    if (len == 0 || len > max || !utf8_valid((struct text){text, len}))
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return true;
}

static void set_host(struct reeve_worker *worker)
{
    if (gethostname(worker->host, sizeof worker->host - 1) != 0 ||
        !is_name(worker->host, HOST_LEN_MAX))
        snprintf(worker->host, sizeof worker->host, "localhost");
}

static char *own_name(const struct reeve_worker *worker)
{
    char name[NAME_LEN_MAX + 1];
    snprintf(name, sizeof name, "%.*s-%ld", NAME_LEN_MAX - 30, worker->host, (long)getpid());
    return strdup(name);
}

static int copy_queues(struct reeve_worker *worker, const struct reeve_worker_options *options)
{
    const char *preset = queue_default;
    const char *const *queues = options->queue_count ? options->queues : &preset;
    size_t count = options->queue_count ? options->queue_count : 1;
    if (count > WORKER_QUEUES_MAX)
        return -EINVAL;
    worker->queues = calloc(count, sizeof *worker->queues);
    if (!worker->queues)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        if (!is_name(queues[i], QUEUE_LEN_MAX))
            return -EINVAL;
        worker->queues[i] = strdup(queues[i]);
        if (!worker->queues[i])
            return -ENOMEM;
        worker->queue_count++;
    }
    return 0;
}

static int load_keys(struct reeve_worker *worker, const struct reeve_worker_options *options)
{
    char problem[4500];
    if (client_curve_load(options->curve_key, options->curve_server, &worker->curve, problem,
                          sizeof problem) == 0)
        return 0;
    log_error("key_unusable", "%s", problem);
    return -EACCES;
}

static int set_up(struct reeve_worker *worker, const struct reeve_worker_options *options)
{
    bool fit = (!options->broker || is_name(options->broker, ENDPOINT_LEN_MAX)) &&
               (!options->name || is_name(options->name, NAME_LEN_MAX)) &&
               (!options->program || is_name(options->program, NAME_LEN_MAX)) &&
               options->concurrency <= WORKER_SLOTS_MAX;
    if (!fit)
        return -EINVAL;
    set_host(worker);
    worker->broker = strdup(options->broker ? options->broker : broker_default);
    worker->program = strdup(options->program ? options->program : program_default);
    worker->name = options->name ? strdup(options->name) : own_name(worker);
    if (!worker->broker || !worker->program || !worker->name)
        return -ENOMEM;
    worker->concurrency = options->concurrency ? options->concurrency : CONCURRENCY_DEFAULT;
    worker->on_ready = options->on_ready;
    worker->arg = options->arg;
    atomic_init(&worker->lost_after_ms, LOST_AFTER_DEFAULT_MS);
    int rc = load_keys(worker, options);
    if (rc == 0)
        rc = copy_queues(worker, options);
    return rc < 0 ? rc : inbox_new(&worker->inbox);
}

int reeve_worker_new(const struct reeve_worker_options *options, struct reeve_worker **worker_out)
{
    struct reeve_worker *worker = calloc(1, sizeof *worker);
    int rc = worker ? set_up(worker, options) : -ENOMEM;
    if (rc < 0)
        reeve_worker_destroy(&worker);
    *worker_out = worker;
    return rc;
}

void reeve_worker_destroy(struct reeve_worker **worker)
{
    struct reeve_worker *w = *worker;
    *worker = NULL;
    if (!w)
        return;
    for (size_t i = 0; i < w->queue_count; i++)
        free(w->queues[i]);
    for (size_t i = 0; i < w->handler_count; i++)
        free(w->handlers[i].type);
    free(w->queues);
    free(w->handlers);
    client_curve_wipe(&w->curve);
    free(w->broker);
    free(w->name);
    free(w->program);
    inbox_destroy(&w->inbox);
    free(w);
}

int reeve_worker_handle(struct reeve_worker *worker, const char *type, reeve_handler *handler,
                        void *arg)
{
    if (!is_name(type, TYPE_LEN_MAX) || !handler || worker->has_run)
        return -EINVAL;
    for (size_t i = 0; i < worker->handler_count; i++)
        if (strcmp(worker->handlers[i].type, type) == 0)
            return -EEXIST;
    if (worker->handler_count == WORKER_TYPES_MAX)
        return -ENOSPC;
    struct job_handler *grown =
        realloc(worker->handlers, (worker->handler_count + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    worker->handlers = grown;
    char *copy = strdup(type);
    if (!copy)
        return -ENOMEM;
    grown[worker->handler_count++] = (struct job_handler){copy, handler, arg};
    return 0;
}

/* --- running -----------------------------------------------------------------------------------
 */

static int run(struct reeve_worker *worker, struct text *queues, struct text *types)
{
    for (size_t i = 0; i < worker->queue_count; i++)
        queues[i] = text_of(worker->queues[i]);
    for (size_t i = 0; i < worker->handler_count; i++)
        types[i] = text_of(worker->handlers[i].type);
    uint64_t wall_ms = clock_wall_ms();
    struct loop_config config = {
        .broker = worker->broker,
        .curve = &worker->curve,
        .session = {.id = uuid_v7(wall_ms, random_u64(), random_u64()),
                    .epoch = wall_ms,
                    .program = text_of(worker->program),
                    .name = text_of(worker->name),
                    .host = text_of(worker->host),
                    .pid = (uint64_t)getpid(),
                    .queues = queues,
                    .queue_count = worker->queue_count,
                    .types = types,
                    .type_count = worker->handler_count,
                    .slots = worker->concurrency,
                    .grace_ms = GRACE_DEFAULT_MS},
        .handlers = worker->handlers,
        .handler_count = worker->handler_count,
        .inbox = worker->inbox,
        .on_ready = worker->on_ready,
        .arg = worker->arg,
        .lost_after_ms = &worker->lost_after_ms,
    };
    return loop_run(&config);
}

int reeve_worker_run(struct reeve_worker *worker)
{
    if (worker->handler_count == 0 || worker->has_run)
        return -EINVAL;
    worker->has_run = true;
    struct text *texts = calloc(worker->queue_count + worker->handler_count, sizeof *texts);
    int rc = texts ? run(worker, texts, texts + worker->queue_count) : -ENOMEM;
    free(texts);
    return rc;
}

void reeve_worker_drain(struct reeve_worker *worker)
{
    inbox_say(worker->inbox, INBOX_DRAIN);
}

void reeve_worker_stop(struct reeve_worker *worker)
{
    inbox_say(worker->inbox, INBOX_STOP);
}

uint64_t worker_lost_after_ms(const struct reeve_worker *worker)
{
    return atomic_load(&worker->lost_after_ms);
}

const char *worker_name(const struct reeve_worker *worker)
{
    return worker->name;
}

const char *worker_broker(const struct reeve_worker *worker)
{
    return worker->broker;
}
