/* life: jobs per second through their whole life, and what the broker's processor pays for one.
 * Must never count the warm-up. */
#include "base/clock.h"
#include "tests/bench/figures.h"
#include "tests/bench/fleet.h"

static void measure(struct fleet *fleet, uint64_t for_ms)
{
    sleep_ms(for_ms / 5 < 1000 ? for_ms / 5 : 1000);
    uint64_t settled = atomic_load(&fleet->settled), began = clock_mono_us();
    double cpu_us = daemon_cpu_us(fleet->daemon);
    sleep_ms(for_ms);
    cpu_us = daemon_cpu_us(fleet->daemon) - cpu_us;
    double jobs = (double)(atomic_load(&fleet->settled) - settled);
    double seconds = (double)(clock_mono_us() - began) / 1e6;
    figure_add("life", jobs / seconds, "jobs/s", fleet->setup);
    if (jobs > 0)
        figure_add("life_broker_cpu", cpu_us / jobs, "us/job", fleet->setup);
}

void bench_life(const struct bench_options *options)
{
    struct setup setups[SETUPS_MAX];
    size_t count = bench_setups(options, setups);
    for (size_t i = 0; i < count; i++) {
        struct daemon daemon;
        static struct fleet fleet;
        daemon_start(&daemon, options);
        fleet_open(&fleet, &daemon, setups[i], (uint32_t)options->payload);
        fleet_add_workers(&fleet);
        fleet_flow(&fleet);
        measure(&fleet, options->seconds);
        fleet_close(&fleet, false);
        daemon_stop(&daemon);
        daemon_remove(&daemon);
    }
}
