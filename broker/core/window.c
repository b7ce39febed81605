/* A ring of marks. Knows no jobs. */
#include "broker/core/window.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static struct window_mark *mark_of(struct window *window, uint64_t seq)
{
    return &window->mark[seq % WINDOW_MARKS];
}

void window_init(struct window *window, uint64_t max, uint64_t window_ms)
{
    memset(window, 0, sizeof *window);
    window->max = max;
    window->window_ms = window_ms;
}

uint64_t window_used(const struct window *window, uint64_t now)
{
    uint64_t used = window->total;
    for (uint64_t seq = window->oldest; seq < window->next; seq++) {
        const struct window_mark *mark = &window->mark[seq % WINDOW_MARKS];
        if (mark->until > now)
            break;
        used -= mark->count;
    }
    return used;
}

uint64_t window_opens(const struct window *window, uint64_t now)
{
    uint64_t used = window->total, opens = 0;
    for (uint64_t seq = window->oldest; seq < window->next; seq++) {
        const struct window_mark *mark = &window->mark[seq % WINDOW_MARKS];
        if (used < window->max && mark->until > now)
            break;
        used -= mark->count;
        opens = mark->until;
    }
    return opens > now ? opens : 0;
}

static void expire(struct window *window, uint64_t now)
{
    while (window->oldest < window->next && mark_of(window, window->oldest)->until <= now)
        window->total -= mark_of(window, window->oldest++)->count;
    if (window->saved < window->oldest)
        window->saved = window->oldest;
}

/* How long a mark is shared: so that those of one window never fill the ring (a new one begins
 * at least this long after the one before, and at most window_ms / span + 2 count at a time). */
static uint64_t span_of(const struct window *window)
{
    return window->max <= WINDOW_MARKS ? 0 : window->window_ms / (WINDOW_MARKS - 2) + 1;
}

void window_start(struct window *window, uint64_t now)
{
    struct window_mark *last = NULL;
    expire(window, now);
    if (window->next > window->oldest)
        last = mark_of(window, window->next - 1);
    bool full = window->next - window->oldest == WINDOW_MARKS;
    if (!last || (!full && now != last->first && now - last->first >= span_of(window))) {
        last = mark_of(window, window->next++);
        *last = (struct window_mark){.first = now};
    } else if (window->saved == window->next) {
        window->saved--;
    }
    last->until = now + window->window_ms;
    last->count++;
    window->total++;
}

/* What is over is left out, but its number is not used again. */
static void skip(struct window *window, uint64_t seq)
{
    if (window->total == 0 && seq >= window->next)
        window->oldest = window->next = window->saved = seq + 1;
}

void window_restore(struct window *window, uint64_t seq, uint64_t count, uint64_t age_ms,
                    uint64_t now)
{
    if (age_ms >= window->window_ms || count == 0) {
        skip(window, seq);
        return;
    }
    if (seq != window->next) {
        window->oldest = window->next = seq;
        window->total = 0;
    }
    if (window->next - window->oldest == WINDOW_MARKS)
        window->total -= mark_of(window, window->oldest++)->count;
    /* When its first start was is not known any more: it is not shared again. */
    *mark_of(window, seq) =
        (struct window_mark){.until = now + window->window_ms - age_ms, .count = count};
    window->total += count;
    window->saved = ++window->next;
}
