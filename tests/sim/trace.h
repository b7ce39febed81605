/* The trace of a world: a line for everything that somebody says, does or suffers, and a hash of
 * all of it that tells two runs apart. Lines are only written where somebody reads them; the hash
 * is always kept. */
#ifndef REEVE_TESTS_SIM_TRACE_H
#define REEVE_TESTS_SIM_TRACE_H

#include <stdio.h>

#include "base/buf.h"
#include "base/uuid.h"
#include "tests/sim/world.h"

struct trace {
    FILE *out; /* NULL: only the hash */
    uint64_t hash, lines;
    struct uuid *names; /* ids in order of appearance: J1, J2, … */
    size_t name_count, name_cap;
};

void trace_fini(struct trace *trace);

/* `who` says a frame: "w1 >" to the broker, "w1 <" from it. */
void trace_frame(struct world *world, const char *who, const char *arrow, struct slice frame);
/* Anything else, printf-style. Only the format goes into the hash. */
void trace_note(struct world *world, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The id's name in the trace, in a buffer that the next call but three uses again. */
const char *trace_name(struct world *world, const struct uuid *id);

#endif
