/* backlog: how fast jobs queue up, what a queue costs the broker, how soon it is back, and whether
 * lives on top of it are as fast as without.
 * Must never let a worker see the jobs before they are all queued. */
#include "base/clock.h"
#include "tests/bench/figures.h"
#include "tests/bench/fleet.h"

enum { QUEUE_BATCH = 100, QUEUE_WINDOW = 20 * QUEUE_BATCH };

static void queue_jobs(struct fleet *fleet, uint64_t jobs)
{
    struct buf submit = {0};
    uint64_t sent = 0, answered = 0, began = clock_mono_us();
    fleet_submit_frame(&submit, QUEUE_BATCH, fleet->payload);
    while (answered < jobs) {
        while (sent < jobs && sent - answered < QUEUE_WINDOW) {
            link_send_frame(&fleet->link, buf_slice(&submit));
            sent += QUEUE_BATCH;
        }
        uint64_t got = fleet_read_answers(&fleet->link, QUEUE_BATCH, 30000);
        if (got == 0)
            die("submits are not answered any more");
        answered += got;
    }
    double seconds = (double)(clock_mono_us() - began) / 1e6;
    figure_add("backlog_submit", (double)answered / seconds, "jobs/s", fleet->setup);
    buf_fini(&submit);
}

static void report_cost(struct daemon *daemon, uint64_t jobs, struct setup setup)
{
    struct daemon_memory memory = daemon_memory(daemon);
    figure_add("backlog_private", memory.private_bytes / 1048576, "MiB", setup);
    figure_add("backlog_anonymous", memory.anonymous_bytes / 1048576, "MiB", setup);
    figure_add("backlog_disk", daemon_disk_bytes(daemon) / (double)jobs, "bytes/job", setup);
}

/* From the start of the program until a client has been answered. */
static void restart(struct daemon *daemon, const char *name, struct setup setup, uint32_t payload)
{
    static struct fleet fleet;
    uint64_t began = clock_mono_us();
    daemon_again(daemon);
    fleet_open(&fleet, daemon, setup, payload);
    figure_add(name, (double)(clock_mono_us() - began) / 1000, "ms", setup);
    fleet_close(&fleet, true);
}

static void live_on_top(const struct bench_options *options, struct daemon *daemon,
                        struct setup setup)
{
    static struct fleet fleet;
    fleet_open(&fleet, daemon, setup, (uint32_t)options->payload);
    fleet_add_workers(&fleet);
    fleet_flow(&fleet);
    sleep_ms(options->seconds / 5);
    uint64_t settled = atomic_load(&fleet.settled), began = clock_mono_us();
    sleep_ms(options->seconds);
    double seconds = (double)(clock_mono_us() - began) / 1e6;
    double jobs = (double)(atomic_load(&fleet.settled) - settled);
    figure_add("backlog_life", jobs / seconds, "jobs/s", setup);
    fleet_close(&fleet, true);
}

void bench_backlog(const struct bench_options *options)
{
    static struct fleet fleet;
    struct setup setups[SETUPS_MAX], none = {.batch = QUEUE_BATCH, .window = QUEUE_WINDOW};
    size_t count = bench_setups(options, setups);
    uint64_t jobs = (options->jobs + QUEUE_BATCH - 1) / QUEUE_BATCH * QUEUE_BATCH;
    struct daemon daemon;
    daemon_start(&daemon, options);
    fleet_open(&fleet, &daemon, none, (uint32_t)options->payload);
    figure_add("backlog_jobs", (double)jobs, "jobs", none);
    queue_jobs(&fleet, jobs);
    fleet_close(&fleet, true);
    report_cost(&daemon, jobs, none);
    daemon_stop(&daemon);
    restart(&daemon, "backlog_restart", none, (uint32_t)options->payload);
    daemon_kill(&daemon);
    restart(&daemon, "backlog_restart_killed", none, (uint32_t)options->payload);
    report_cost(&daemon, jobs, none);
    for (size_t i = 0; i < count; i++)
        live_on_top(options, &daemon, setups[i]);
    daemon_stop(&daemon);
    daemon_remove(&daemon);
}
