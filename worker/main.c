/* reeve-worker: any program as a handler.
 *
 * The keeper is forked first, while there is one thread; then the worker runs in a thread of its
 * own and the first thread watches signals, the keeper and the worker's end. Must never go on
 * without a keeper. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/notify.h"
#include "base/signals.h"
#include "worker/exec.h"
#include "worker/options.h"
#include "worker/worker.h"

enum { ALIVE_MS = 1000 };

struct program {
    struct options options;
    struct option_handler *handlers;
    struct exec *execs; /* one for each handler */
    struct scratch *scratch;
    struct keeper *keeper;
    struct reeve_worker *worker;
    int signal_fd, ended_fd;
    int rc;           /* of reeve_worker_run */
    unsigned signals; /* to end, so far */
};

/* Less than what the broker waits: a job must not run elsewhere beside its handler here. */
static void say_alive(const struct program *program)
{
    keeper_alive(program->keeper, worker_lost_after_ms(program->worker) * 3 / 4);
}

static void on_ready(void *arg)
{
    const struct program *program = arg;
    say_alive(program);
    char text[700];
    snprintf(text, sizeof text, "broker=%s name=%s", worker_broker(program->worker),
             worker_name(program->worker));
    notify_ready(text);
}

static int make_worker(struct program *program)
{
    const struct options *options = &program->options;
    struct reeve_worker_options made = {
        .broker = options->broker,
        .curve_key = options->curve_key,
        .curve_server = options->curve_server,
        .name = options->name,
        .program = "reeve-worker " REEVE_VERSION,
        .queues = (const char *const *)options->queues.at,
        .queue_count = options->queues.count,
        .concurrency = (unsigned)options->concurrency,
        .on_ready = on_ready,
        .arg = program,
    };
    size_t count = options->handlers.count;
    program->execs = calloc(count, sizeof *program->execs);
    int rc = program->execs ? reeve_worker_new(&made, &program->worker) : -ENOMEM;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        program->execs[i] = (struct exec){.keeper = program->keeper,
                                          .scratch = program->scratch,
                                          .command = program->handlers[i].command,
                                          .clients = options->clients};
        rc = reeve_worker_handle(program->worker, program->handlers[i].type, exec_handle,
                                 &program->execs[i]);
    }
    return rc;
}

/* A handler takes five descriptors here. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int start(struct program *program)
{
    int rc = scratch_new(getenv("TMPDIR"), &program->scratch);
    if (rc == 0)
        rc = keeper_start(scratch_path(program->scratch), &program->keeper);
    if (rc < 0)
        return rc;
    raise_file_limit();
    program->signal_fd = signals_open();
    if (program->signal_fd < 0)
        return program->signal_fd;
    program->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return program->ended_fd < 0 ? -errno : make_worker(program);
}

/* --- running -----------------------------------------------------------------------------------
 */

static void *run_worker(void *arg)
{
    struct program *program = arg;
    uint64_t one = 1;
    program->rc = reeve_worker_run(program->worker);
    ssize_t ignored = write(program->ended_fd, &one, sizeof one);
    (void)ignored;
    return NULL;
}

static void on_signal(struct program *program)
{
    int number = signals_read(program->signal_fd);
    if (number != SIGTERM && number != SIGINT)
        return;
    program->signals++;
    if (program->signals == 1) {
        notify_stopping();
        log_info("draining", "finishing what runs; once more: giving it back");
        reeve_worker_drain(program->worker);
    } else if (program->signals == 2) {
        log_info("releasing", "giving back what runs");
        reeve_worker_stop(program->worker);
    }
}

/* Without its keeper a handler would outlive us; what it left behind has become ours. Nothing is
 * said to the broker: its jobs are lost, and counted so, whoever it was that killed the keeper. */
static _Noreturn void keeper_has_died(void)
{
    exec_kill_all();
    keeper_kill_orphans();
    log_error("keeper_died", "the keeper of the handlers has died: ending with them");
    _exit(1);
}

static void watch(struct program *program)
{
    struct pollfd polled[] = {{.fd = program->signal_fd, .events = POLLIN},
                              {.fd = keeper_fd(program->keeper), .events = POLLIN},
                              {.fd = program->ended_fd, .events = POLLIN}};
    while (!polled[2].revents) {
        say_alive(program);
        if (poll(polled, 3, ALIVE_MS) < 0)
            continue;
        if (polled[1].revents)
            keeper_has_died();
        if (polled[0].revents)
            on_signal(program);
    }
}

static int run(struct program *program)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_worker, program) != 0)
        return -EAGAIN;
    watch(program);
    pthread_join(thread, NULL);
    return program->rc;
}

static void stop(struct program *program)
{
    reeve_worker_destroy(&program->worker);
    keeper_stop(&program->keeper);
    scratch_destroy(&program->scratch);
    if (program->signal_fd >= 0)
        close(program->signal_fd);
    if (program->ended_fd >= 0)
        close(program->ended_fd);
    free(program->execs);
    free(program->handlers);
    options_fini(&program->options);
}

int main(int argc, char *argv[])
{
    struct program program = {.signal_fd = -1, .ended_fd = -1};
    int rc = options_load(argc, argv, &program.options, &program.handlers);
    if (rc != SETTINGS_GO_ON)
        return settings_exit(rc);
    rc = start(&program);
    if (rc < 0) {
        log_error("start_failed", "%s",
                  rc == -EINVAL   ? "a name is too long or no text"
                  : rc == -EACCES ? "--curve-key and --curve-server can't be used"
                                  : strerror(-rc));
        stop(&program);
        return rc == -EINVAL || rc == -EACCES ? settings_exit(SETTINGS_WRONG) : 1;
    }
    rc = run(&program);
    int status = rc == 0 ? 0 : 1;
    if (rc == -EINVAL)
        status = settings_exit(options_wrong_broker(&program.options));
    stop(&program);
    return status;
}
