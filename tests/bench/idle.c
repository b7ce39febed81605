/* idle: how long one job alone takes, from its submit to the handler, the answer and the end.
 * Must never have two jobs in flight. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/bench/figures.h"
#include "tests/bench/fleet.h"

enum { SAMPLES_MAX = 200000, WARM_UP = 50 };

struct samples {
    double *handler, *answer, *end; /* microseconds after the submit */
    size_t count;
};

static void one_job(struct fleet *fleet, struct slice submit, struct samples *samples)
{
    uint64_t settled = atomic_load(&fleet->settled) + 1, ignored;
    uint64_t began = clock_mono_us();
    link_send_frame(&fleet->link, submit);
    if (fleet_read_answers(&fleet->link, 1, 10000) != 1)
        die("a submit was not answered");
    double answer = (double)(clock_mono_us() - began);
    zmq_pollitem_t item = {.fd = fleet->settled_fd, .events = ZMQ_POLLIN};
    while (atomic_load(&fleet->settled) < settled) {
        if (zmq_poll(&item, 1, 10000) == 0)
            die("a job did not end");
    }
    double end = (double)(clock_mono_us() - began);
    ssize_t got = read(fleet->settled_fd, &ignored, sizeof ignored);
    (void)got;
    uint64_t dispatched = atomic_load(&fleet->dispatched_us);
    samples->handler[samples->count] = (double)(dispatched - began);
    samples->answer[samples->count] = answer;
    samples->end[samples->count++] = end;
}

static void run(struct fleet *fleet, const struct bench_options *options, struct samples *samples)
{
    struct buf submit = {0};
    fleet_submit_frame(&submit, 1, (uint32_t)options->payload);
    atomic_store(&fleet->waits, true);
    for (int i = 0; i < WARM_UP; i++)
        one_job(fleet, buf_slice(&submit), samples);
    samples->count = 0;
    uint64_t until = clock_mono_ms() + options->seconds;
    while (samples->count < SAMPLES_MAX && (samples->count < 10 || clock_mono_ms() < until))
        one_job(fleet, buf_slice(&submit), samples);
    buf_fini(&submit);
}

static void report(struct samples *samples, struct setup setup)
{
    size_t n = samples->count;
    figure_add("idle_p50", percentile(samples->handler, n, 50), "us", setup);
    figure_add("idle_p99", percentile(samples->handler, n, 99), "us", setup);
    figure_add("idle_answer_p50", percentile(samples->answer, n, 50), "us", setup);
    figure_add("idle_life_p50", percentile(samples->end, n, 50), "us", setup);
}

void bench_idle(const struct bench_options *options)
{
    static struct fleet fleet;
    struct daemon daemon;
    struct setup setup = {.window = 1, .workers = 1, .batch = 1};
    struct samples samples = {0};
    samples.handler = calloc(3 * (size_t)SAMPLES_MAX, sizeof *samples.handler);
    if (!samples.handler)
        die("out of memory");
    samples.answer = samples.handler + SAMPLES_MAX;
    samples.end = samples.answer + SAMPLES_MAX;
    daemon_start(&daemon, options);
    fleet_open(&fleet, &daemon, setup, (uint32_t)options->payload);
    fleet_add_workers(&fleet);
    run(&fleet, options, &samples);
    report(&samples, setup);
    fleet_close(&fleet, true);
    daemon_stop(&daemon);
    daemon_remove(&daemon);
    free(samples.handler);
}
