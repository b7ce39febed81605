/* What every fuzz target offers, and a check that also stops libFuzzer: it aborts.
 * Must never depend on anything but the bytes it is given. */
#ifndef REEVE_TESTS_FUZZ_FUZZ_H
#define REEVE_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

/* One input. Returns 0; whatever is wrong aborts. libFuzzer, or driver.c, calls it. */
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

#endif
