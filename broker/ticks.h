/* When the loop must wake up although nobody speaks, and when the core gets its tick.
 *
 * Input goes before time: while more input waits than one batch takes, and for a moment after the
 * broker itself was away (stopped, swapped out, a slow disk), the tick is put off, so that
 * heartbeats which came in time are read before leases expire. It is never put off for ever.
 * Pure: clocks come as arguments, in milliseconds that never step back. */
#ifndef REEVE_BROKER_TICKS_H
#define REEVE_BROKER_TICKS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TICK_LATE_MAX_MS = 1000, /* wall clocks step: due times are looked at this often anyway */
    TICK_PUT_OFF_MAX_MS = 500,
    TICK_GAP_MS = 1000, /* away for longer than this: input first */
    TICK_DRAIN_MS = 100 /* and for this long */
};

/* {.last_ms = .seen_ms = now} is a valid start. */
struct ticks {
    uint64_t last_ms;       /* the last tick */
    uint64_t seen_ms;       /* when the loop was last known to run */
    uint64_t not_before_ms; /* input first, until then */
};

/* How long to wait for input, given core_next_deadline. -1: for ever. */
int64_t ticks_wait_ms(const struct ticks *ticks, uint64_t deadline_ms, uint64_t now_ms);

/* The loop runs; until now it meant to wait `waited_ms` at most (< 0: any time). */
void ticks_seen(struct ticks *ticks, int64_t waited_ms, uint64_t now_ms);

/* Whether this batch ends with a tick. `more`: input is waiting that the batch had no room for. */
bool ticks_due(struct ticks *ticks, uint64_t deadline_ms, uint64_t now_ms, bool more);

#endif
