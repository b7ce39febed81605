/* The intrusive heap, by hand and against a sorted array. */
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

#define ITEMS  300
#define ROUNDS 20000

struct item {
    const char *name;
    struct heap_node node;
};

TEST(empty_heap_gives_nothing)
{
    struct heap heap;
    heap_init(&heap);
    assert_null(heap_peek(&heap));
    assert_null(heap_pop(&heap));
    heap_fini(&heap);
    heap_fini(NULL);
}

TEST(least_key_comes_out_first)
{
    struct heap heap = {0};
    struct item items[] = {{"c", {3, 0}}, {"a", {1, 0}}, {"b", {2, 0}}};
    for (size_t i = 0; i < 3; i++)
        assert_good(heap_push(&heap, &items[i].node));
    const char *expected[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        struct heap_node *top = heap_peek(&heap);
        assert_ptr_equal(heap_pop(&heap), top);
        assert_string_equal(HEAP_ENTRY(top, struct item, node)->name, expected[i]);
        assert_false(heap_has(top));
    }
    heap_fini(&heap);
}

TEST(update_moves_both_ways)
{
    struct heap heap = {0};
    struct item items[] = {{"a", {10, 0}}, {"b", {20, 0}}, {"c", {30, 0}}};
    for (size_t i = 0; i < 3; i++)
        assert_good(heap_push(&heap, &items[i].node));
    heap_update(&heap, &items[2].node, 5);
    assert_ptr_equal(heap_peek(&heap), &items[2].node);
    heap_update(&heap, &items[2].node, 25);
    assert_ptr_equal(heap_peek(&heap), &items[0].node);
    heap_update(&heap, &items[0].node, UINT64_MAX);
    assert_ptr_equal(heap_pop(&heap), &items[1].node);
    assert_ptr_equal(heap_pop(&heap), &items[2].node);
    assert_ptr_equal(heap_pop(&heap), &items[0].node);
    heap_fini(&heap);
}

TEST(removing_what_is_not_in_is_nothing)
{
    struct heap heap = {0};
    struct heap_node in = {1, 0};
    struct heap_node out = {0, 0};
    assert_good(heap_push(&heap, &in));
    heap_remove(&heap, &out);
    assert_int_equal(heap.count, 1);
    heap_remove(&heap, &in);
    heap_remove(&heap, &in);
    assert_int_equal(heap.count, 0);
    heap_fini(&heap);
}

TEST(nodes_are_free_after_fini)
{
    struct heap heap = {0};
    struct heap_node node = {7, 0};
    assert_good(heap_push(&heap, &node));
    assert_true(heap_has(&node));
    heap_fini(&heap);
    assert_false(heap_has(&node));
    assert_good(heap_push(&heap, &node));
    heap_fini(&heap);
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* The model: the keys of all nodes that are in, sorted. */
static size_t sorted_keys(const struct heap_node *nodes, uint64_t out[ITEMS])
{
    size_t count = 0;
    for (size_t i = 0; i < ITEMS; i++) {
        if (heap_has(&nodes[i]))
            out[count++] = nodes[i].key;
    }
    qsort(out, count, sizeof out[0], by_value);
    return count;
}

static void check_against_model(const struct heap *heap, const struct heap_node *nodes)
{
    uint64_t keys[ITEMS];
    size_t count = sorted_keys(nodes, keys);
    assert_int_equal(heap->count, count);
    if (count > 0)
        assert_true(heap_peek(heap)->key == keys[0]);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(heap->at[i]->index, i + 1);
        assert_true(i == 0 || heap->at[(i + 1) / 2 - 1]->key <= heap->at[i]->key);
    }
}

static unsigned draw(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*seed >> 33);
}

static void one_move(struct heap *heap, struct heap_node *node, uint64_t *seed)
{
    uint64_t key = draw(seed) % 50; /* few keys, so that many are equal */
    if (!heap_has(node)) {
        node->key = key;
        assert_good(heap_push(heap, node));
    } else if (draw(seed) % 3 == 0) {
        heap_remove(heap, node);
    } else {
        heap_update(heap, node, key);
    }
}

TEST(random_moves_agree_with_a_sorted_array)
{
    static struct heap_node nodes[ITEMS];
    struct heap heap = {0};
    uint64_t seed = 20260101;
    for (size_t round = 0; round < ROUNDS; round++) {
        one_move(&heap, &nodes[draw(&seed) % ITEMS], &seed);
        if (round % 16 == 0)
            check_against_model(&heap, nodes);
    }
    uint64_t keys[ITEMS];
    size_t count = sorted_keys(nodes, keys);
    assert_true(count > ITEMS / 2);
    for (size_t i = 0; i < count; i++)
        assert_true(heap_pop(&heap)->key == keys[i]);
    assert_null(heap_pop(&heap));
    heap_fini(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_heap_gives_nothing),
        cmocka_unit_test(least_key_comes_out_first),
        cmocka_unit_test(update_moves_both_ways),
        cmocka_unit_test(removing_what_is_not_in_is_nothing),
        cmocka_unit_test(nodes_are_free_after_fini),
        cmocka_unit_test(random_moves_agree_with_a_sorted_array),
    };
    return TESTS_RUN(tests);
}
