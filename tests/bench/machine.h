/* What the figures were measured on: printed before them. */
#ifndef REEVE_TESTS_BENCH_MACHINE_H
#define REEVE_TESTS_BENCH_MACHINE_H

#include "tests/bench/bench.h"

/* Machine, versions, file system, durability. */
void machine_print(const struct bench_options *options);

/* The disk alone: 4 KiB overwritten in place and synced, again and again. Adds fdatasync_p50. */
void machine_sync_times(const struct bench_options *options);

#endif
