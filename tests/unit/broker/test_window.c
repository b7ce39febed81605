/* Rate windows against a list of all starts: never more than `max` in any window, and no later than
 * a hundredth of the window. */
#include "tests/testing.h"

#include <stdlib.h>

#include "broker/core/window.h"

enum { STARTS = 20000 };

static uint64_t draw(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *seed >> 33;
}

static uint64_t in_window(const uint64_t *at, size_t count, uint64_t now, uint64_t window_ms)
{
    uint64_t n = 0;
    for (size_t i = count; i > 0 && at[i - 1] + window_ms > now; i--)
        n++;
    return n;
}

/* The same marks in a window made anew, as after a restart. */
static void rest(struct window *window, uint64_t now)
{
    struct window copy;
    window_init(&copy, window->max, window->window_ms);
    for (uint64_t seq = window->oldest; seq < window->next; seq++) {
        const struct window_mark *mark = &window->mark[seq % WINDOW_MARKS];
        uint64_t age =
            mark->until > now ? now + window->window_ms - mark->until : window->window_ms;
        window_restore(&copy, seq, mark->count, age, now);
    }
    *window = copy;
}

static void try_one(uint64_t max, uint64_t window_ms, uint64_t pace, uint64_t seed)
{
    static uint64_t at[STARTS];
    struct window window;
    uint64_t now = 100000;
    uint64_t late = max > WINDOW_MARKS ? window_ms / (WINDOW_MARKS - 2) + 1 : 0;
    size_t count = 0;
    window_init(&window, max, window_ms);
    while (count < STARTS) {
        uint64_t opens = window_opens(&window, now), exact = in_window(at, count, now, window_ms);
        assert_true(window_used(&window, now) >= exact);
        assert_true(window_used(&window, now) <= in_window(at, count, now, window_ms + late));
        if (late == 0)
            assert_int_equal(window_used(&window, now), exact);
        if (opens == 0) {
            assert_true(exact < max);
            window_start(&window, now);
            at[count++] = now;
        } else {
            assert_true(opens > now && opens <= now + window_ms);
            assert_true(window_opens(&window, opens - 1) == opens);
            assert_true(window_opens(&window, opens) == 0);
        }
        if (draw(&seed) % 500 == 0)
            rest(&window, now);
        now = opens && draw(&seed) % 2 ? opens : now + draw(&seed) % pace;
    }
}

static void never_more_than_max_in_any_window(void **state)
{
    (void)state;
    static const uint64_t cases[][3] = {{1, 1, 2},        {1, 1000, 400},   {3, 50, 10},
                                        {100, 1000, 5},   {101, 1000, 5},   {1000, 5000, 3},
                                        {5000, 60000, 4}, {200, 3, 2},      {WINDOW_MARKS, 7, 2},
                                        {99, 60000, 900}, {100000, 100, 2}, {7, 86400000, 9000000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        try_one(cases[i][0], cases[i][1], cases[i][2], i + 1);
}

static void a_long_run_gets_nearly_all_of_it(void **state)
{
    (void)state;
    struct window window;
    uint64_t started = 0;
    window_init(&window, 1000, 1000);
    for (uint64_t now = 1; now <= 100000; now++)
        for (int i = 0; i < 2 && window_opens(&window, now) == 0; i++, started++)
            window_start(&window, now);
    assert_in_range(started, 98000, 100000);
}

static void a_bound_that_changes_holds_at_once(void **state)
{
    (void)state;
    struct window window;
    window_init(&window, 500, 1000);
    for (int i = 0; i < 400; i++)
        window_start(&window, 10 + (uint64_t)i);
    window.max = 2;
    assert_int_equal(window_used(&window, 500), 400);
    assert_true(window_opens(&window, 500) > 1400);
    window.max = 401;
    assert_int_equal(window_opens(&window, 500), 0);
    window.max = 50; /* starts have marks of their own again, as far as there is room */
    for (int i = 0; i < 300; i++)
        window_start(&window, 600 + (uint64_t)i);
    assert_int_equal(window_used(&window, 900), 700);
}

static void numbers_go_on_behind_what_is_over(void **state)
{
    (void)state;
    struct window window;
    window_init(&window, 5, 1000);
    window_restore(&window, 7, 3, 5000, 1);
    assert_int_equal(window_used(&window, 1), 0);
    window_start(&window, 2);
    assert_int_equal(window.oldest, 8);
    assert_int_equal(window.next, 9);
    window_restore(&window, 20, 2, 999, 2); /* a gap: what stood before is not of this row */
    assert_int_equal(window_used(&window, 2), 2);
    assert_int_equal(window_opens(&window, 3), 0);
    assert_int_equal(window_used(&window, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_more_than_max_in_any_window),
        cmocka_unit_test(a_long_run_gets_nearly_all_of_it),
        cmocka_unit_test(a_bound_that_changes_holds_at_once),
        cmocka_unit_test(numbers_go_on_behind_what_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
