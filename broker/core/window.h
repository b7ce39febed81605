/* A rate window: at most `max` starts in any `window_ms`, exact over a sliding window.
 *
 * Starts are kept as marks (a time and a count) in a ring of WINDOW_MARKS. A start counts for
 * window_ms from its mark's time. Up to WINDOW_MARKS starts per window every start has a mark of
 * its own and the window opens to the millisecond; above that, starts that follow each other
 * within a hundredth of the window share a mark, which is dated at the last of them.
 *
 * Why it never lets more than `max` through: a mark's time is never before any start that it
 * counts, so every start is counted for at least window_ms. Let a start be the last of some
 * interval of length window_ms (its ends not both counted): all others in the interval began less
 * than window_ms before it, so all of them were counted when it was let through, and they were
 * fewer than `max`. Sharing only makes a start count longer: by less than the span of its mark,
 * a hundredth of the window.
 *
 * Pure: knows neither store nor core. Times are mono ms. Not thread-safe. */
#ifndef REEVE_BROKER_CORE_WINDOW_H
#define REEVE_BROKER_CORE_WINDOW_H

#include <stdint.h>

enum { WINDOW_MARKS = 100 };

struct window_mark {
    uint64_t first; /* when its first start was */
    uint64_t until; /* when it stops to count: its last start and window_ms */
    uint64_t count;
};

/* Mark number `seq` rests in mark[seq % WINDOW_MARKS]; those from `oldest` to before `next` are
 * kept. `saved`: those from here on have changed since the owner last looked. */
struct window {
    uint64_t max, window_ms;
    uint64_t total; /* of the marks kept */
    uint64_t oldest, next, saved;
    struct window_mark mark[WINDOW_MARKS];
};

void window_init(struct window *window, uint64_t max, uint64_t window_ms);

/* How many starts count now. */
uint64_t window_used(const struct window *window, uint64_t now);

/* When the next start is allowed; 0: now. Otherwise later than `now`. */
uint64_t window_opens(const struct window *window, uint64_t now);

/* A start, now. Whether it is allowed was the caller's question. */
void window_start(struct window *window, uint64_t now);

/* Puts back a mark that rested somewhere, in rising order of `seq` (a gap forgets what is before
 * it). `age_ms`: how long ago its last start was; what counts no more is left out. */
void window_restore(struct window *window, uint64_t seq, uint64_t count, uint64_t age_ms,
                    uint64_t now);

#endif
