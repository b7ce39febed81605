/* The broker that is measured: started on a fresh folder, watched, stopped, started again. */
#ifndef REEVE_TESTS_BENCH_DAEMON_H
#define REEVE_TESTS_BENCH_DAEMON_H

#include <pthread.h>
#include <sys/types.h>

#include "tests/bench/bench.h"

struct daemon {
    char program[4096];
    char folder[4096]; /* removed by daemon_remove */
    char clients[256], workers[256], events[256];
    pid_t pid; /* 0: it does not run */
    int log_fd;
    pthread_t reader;
};

/* Makes the folder and starts a broker on it; returns when it has said `ready`. One at a time.
 * Ends the program on failure. */
void daemon_start(struct daemon *daemon, const struct bench_options *options);
/* The same folder once more, after daemon_stop or daemon_kill. */
void daemon_again(struct daemon *daemon);

void daemon_stop(struct daemon *daemon); /* SIGTERM, and waits; it must end with 0 */
void daemon_kill(struct daemon *daemon); /* SIGKILL, and waits */
void daemon_remove(struct daemon *daemon);

/* Processor time used by it so far, user and system, in microseconds. */
double daemon_cpu_us(const struct daemon *daemon);

struct daemon_memory {
    double private_bytes;   /* Private_Clean + Private_Dirty: pages of files that it maps too */
    double anonymous_bytes; /* Anonymous: heap and stacks */
};
struct daemon_memory daemon_memory(const struct daemon *daemon);

/* What its folder takes on the disk, in bytes. */
double daemon_disk_bytes(const struct daemon *daemon);

#endif
