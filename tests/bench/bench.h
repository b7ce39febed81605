/* What the parts of reeve-bench share: the options, one setup to measure, and how to give up.
 *
 * reeve-bench speaks the wire itself, with libzmq and the codec, so that the broker is measured
 * and not a library. Must never leave a broker or its folder behind. */
#ifndef REEVE_TESTS_BENCH_BENCH_H
#define REEVE_TESTS_BENCH_BENCH_H

#include <stdint.h>

#include "base/settings.h"

struct bench_options {
#define SETTING(field, name, letter, kind, ...) SETTING_TYPE_##kind field;
#include "tests/bench/settings.def"
#undef SETTING
};

/* One point to measure at. */
struct setup {
    uint32_t window, workers, batch;
};

enum { SETUPS_MAX = 64 };

/* The setups that the options ask for, smallest first; returns how many. */
size_t bench_setups(const struct bench_options *options, struct setup out[SETUPS_MAX]);

/* The modes. */
void bench_life(const struct bench_options *options);
void bench_idle(const struct bench_options *options);
void bench_backlog(const struct bench_options *options);
void bench_list(const struct bench_options *options);

/* Says why and ends the program with 1; what was started or made is stopped and removed. */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Ends the program where `rc` is negative: -errno of one of our functions. */
void check(int rc, const char *what);

void sleep_ms(uint64_t ms);

#endif
