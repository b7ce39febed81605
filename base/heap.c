/* Intrusive binary min-heap over an array of node pointers, places counted from 1.
 * Must never look at anything of a node but its key and index.
 */
#include "base/heap.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"

#define FIRST_CAP 16

void heap_init(struct heap *heap)
{
    *heap = (struct heap){0};
}

void heap_fini(struct heap *heap)
{
    if (!heap)
        return;
    for (size_t i = 0; i < heap->count; i++)
        heap->at[i]->index = 0;
    free(heap->at);
    *heap = (struct heap){0};
}

static void place(struct heap *heap, size_t index, struct heap_node *node)
{
    heap->at[index - 1] = node;
    node->index = index;
}

static void sift_up(struct heap *heap, struct heap_node *node)
{
    size_t index = node->index;
    while (index > 1 && heap->at[index / 2 - 1]->key > node->key) {
        place(heap, index, heap->at[index / 2 - 1]);
        index /= 2;
    }
    place(heap, index, node);
}

static size_t lesser_child(const struct heap *heap, size_t index)
{
    size_t left = index * 2;
    if (left < heap->count && heap->at[left]->key < heap->at[left - 1]->key)
        return left + 1;
    return left;
}

static void sift_down(struct heap *heap, struct heap_node *node)
{
    size_t index = node->index;
    while (index <= heap->count / 2) {
        size_t child = lesser_child(heap, index);
        if (heap->at[child - 1]->key >= node->key)
            break;
        place(heap, index, heap->at[child - 1]);
        index = child;
    }
    place(heap, index, node);
}

static int grow(struct heap *heap)
{
    size_t cap = heap->cap ? heap->cap * 2 : FIRST_CAP;
    struct heap_node **at = reallocarray(heap->at, cap, sizeof *at);
    if (!at)
        return -ENOMEM;
    heap->at = at;
    heap->cap = cap;
    return 0;
}

int heap_push(struct heap *heap, struct heap_node *node)
{
    CHECK(node->index == 0);
    if (heap->count == heap->cap) {
        int rc = grow(heap);
        if (rc < 0)
            return rc;
    }
    heap->count++;
    place(heap, heap->count, node);
    sift_up(heap, node);
    return 0;
}

struct heap_node *heap_peek(const struct heap *heap)
{
    return heap->count ? heap->at[0] : NULL;
}

struct heap_node *heap_pop(struct heap *heap)
{
    struct heap_node *first = heap_peek(heap);
    if (first)
        heap_remove(heap, first);
    return first;
}

static void check_member(const struct heap *heap, const struct heap_node *node)
{
    CHECK(node->index >= 1 && node->index <= heap->count);
    CHECK(heap->at[node->index - 1] == node);
}

void heap_update(struct heap *heap, struct heap_node *node, uint64_t key)
{
    check_member(heap, node);
    node->key = key;
    sift_up(heap, node);
    sift_down(heap, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (node->index == 0)
        return;
    check_member(heap, node);
    struct heap_node *last = heap->at[heap->count - 1];
    size_t index = node->index;
    heap->count--;
    node->index = 0;
    if (last == node)
        return;
    place(heap, index, last);
    sift_up(heap, last);
    sift_down(heap, last);
}
