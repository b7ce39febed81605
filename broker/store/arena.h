/* Memory of one batch: handed out piece by piece, taken back all at once.
 *
 * Must never move what it has given out, nor hold more than its bound. Not thread-safe. */
#ifndef REEVE_BROKER_STORE_ARENA_H
#define REEVE_BROKER_STORE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *current; /* where the next piece comes from */
    struct arena_chunk *spare;   /* emptied chunks, kept for the next batch */
    struct arena_chunk *big;     /* pieces too big for a chunk, one each */
    size_t held, held_max;       /* bytes of all chunks, spare ones too */
};

void arena_init(struct arena *arena, size_t size_max);
void arena_fini(struct arena *arena);

/* `size` bytes, aligned for any type, not zeroed; they live until reset. NULL when that would
 * exceed the bound or the machine has no memory: then nothing has changed. */
void *arena_alloc(struct arena *arena, size_t size);

/* Everything given out is gone. Keeps ARENA_KEEP bytes of memory at most. */
void arena_reset(struct arena *arena);

#endif
