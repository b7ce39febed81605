/* A bump allocator over a list of chunks.
 * Must never call malloc per piece: that is what it is here to spare.
 */
#include "broker/store/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

enum { CHUNK_SIZE = 256 * 1024, ARENA_KEEP = 16 * 1024 * 1024 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    alignas(max_align_t) unsigned char at[];
};

void arena_init(struct arena *arena, size_t size_max)
{
    *arena = (struct arena){.held_max = size_max};
}

static void free_list(struct arena *arena, struct arena_chunk **list)
{
    while (*list) {
        struct arena_chunk *chunk = *list;
        *list = chunk->next;
        arena->held -= chunk->size;
        free(chunk);
    }
}

void arena_fini(struct arena *arena)
{
    free_list(arena, &arena->current);
    free_list(arena, &arena->spare);
    free_list(arena, &arena->big);
}

static struct arena_chunk *new_chunk(struct arena *arena, struct arena_chunk **list, size_t size)
{
    if (arena->held > arena->held_max || size > arena->held_max - arena->held)
        return NULL;
    struct arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (!chunk)
        return NULL;
    chunk->size = size;
    chunk->used = 0;
    chunk->next = *list;
    *list = chunk;
    arena->held += size;
    return chunk;
}

static struct arena_chunk *next_chunk(struct arena *arena)
{
    struct arena_chunk *chunk = arena->spare;
    if (!chunk)
        return new_chunk(arena, &arena->current, CHUNK_SIZE);
    arena->spare = chunk->next;
    chunk->used = 0;
    chunk->next = arena->current;
    arena->current = chunk;
    return chunk;
}

/* A big piece may need the room that spare chunks hold. */
static void *alloc_big(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = new_chunk(arena, &arena->big, size);
    if (!chunk && arena->spare) {
        free_list(arena, &arena->spare);
        chunk = new_chunk(arena, &arena->big, size);
    }
    return chunk ? chunk->at : NULL;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > CHUNK_SIZE / 4)
        return alloc_big(arena, size);
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    struct arena_chunk *chunk = arena->current;
    if (!chunk || chunk->size - chunk->used < size)
        chunk = next_chunk(arena);
    if (!chunk)
        return NULL;
    void *piece = chunk->at + chunk->used;
    chunk->used += size;
    return piece;
}

void arena_reset(struct arena *arena)
{
    free_list(arena, &arena->big);
    while (arena->current) {
        struct arena_chunk *chunk = arena->current;
        arena->current = chunk->next;
        chunk->next = arena->spare;
        arena->spare = chunk;
    }
    while (arena->held > ARENA_KEEP) {
        struct arena_chunk *chunk = arena->spare;
        arena->spare = chunk->next;
        arena->held -= chunk->size;
        free(chunk);
    }
}
