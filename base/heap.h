/* Intrusive binary min-heap: the least key on top; nodes live inside their users' structs.
 * Must never own, free or read anything of a node's surroundings.
 */
#ifndef REEVE_BASE_HEAP_H
#define REEVE_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embed it, zeroed, in what should be ordered. `key` may be set freely while it is in no heap,
 * afterwards only by heap_update. `index` belongs to the heap: 1-based place, 0 = in no heap. */
struct heap_node {
    uint64_t key;
    size_t index;
};

/* {0} is valid and empty. Equal keys come out in no promised, but a repeatable order. Not
 * thread-safe. */
struct heap {
    struct heap_node **at;
    size_t count;
    size_t cap;
};

/* The user's struct around a node. */
#define HEAP_ENTRY(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

void heap_init(struct heap *heap);

/* Frees the heap's own array; the nodes stay their users' and count as in no heap. NULL is allowed.
 */
void heap_fini(struct heap *heap);

/* Adds a node by its key; the node must be in no heap and stay where it is in memory until it is
 * taken out. 0 or -ENOMEM (unchanged). */
int heap_push(struct heap *heap, struct heap_node *node);

/* The node with the least key, or NULL when empty. */
struct heap_node *heap_peek(const struct heap *heap);

/* Takes out and returns the node with the least key, or NULL when empty. */
struct heap_node *heap_pop(struct heap *heap);

/* Gives a node that is in `heap` another key. */
void heap_update(struct heap *heap, struct heap_node *node, uint64_t key);

/* Takes out a node; one that is in no heap is left alone. */
void heap_remove(struct heap *heap, struct heap_node *node);

static inline bool heap_has(const struct heap_node *node)
{
    return node->index != 0;
}

#endif
