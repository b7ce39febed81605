/* Two stores, one random life: whatever the one in memory says, the one on disk has to say too.
 * Must print its seed, so that a failure can be had again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/store/fixture.h"

enum { STEPS = 150000, TABLES = 3 };

/* Few tables and short alphabets, so that keys meet often. */
static const enum store_table tables[TABLES] = {TABLE_SPEC, TABLE_READY, TABLE_TIMER};

struct pair {
    struct fixture fixture[2];
    struct draw draw;
    bool in_batch;
    uint8_t key[STORE_KEY_MAX];
    uint8_t value[6000];
    uint64_t commits, scans, steps;
};

static size_t draw_key(struct draw *draw, uint8_t *key)
{
    static const uint8_t letters[] = {0, 1, 'a', 'b', 0xfe, 0xff};
    size_t len = 1 + draw_below(draw, 5);
    for (size_t i = 0; i < len; i++)
        key[i] = letters[draw_below(draw, sizeof letters)];
    if (draw_below(draw, 4) != 0)
        return len;
    size_t stem = draw_below(draw, 3) == 0 ? 480 : 12; /* a long common stem before some */
    memmove(key + stem, key, len);
    memset(key, 'k', stem);
    return stem + len;
}

static struct slice any_key(struct pair *pair)
{
    return (struct slice){pair->key, draw_key(&pair->draw, pair->key)};
}

static struct slice any_value(struct pair *pair)
{
    unsigned kind = draw_below(&pair->draw, 20);
    size_t len = kind == 0  ? draw_below(&pair->draw, sizeof pair->value)
                 : kind < 5 ? 0
                            : draw_below(&pair->draw, 60);
    uint64_t fill = draw_u64(&pair->draw);
    for (size_t i = 0; i < len; i++)
        pair->value[i] = (uint8_t)(fill >> (i % 8 * 8)) ^ (uint8_t)i;
    return (struct slice){pair->value, len};
}

static enum store_table any_table(struct pair *pair)
{
    return tables[draw_below(&pair->draw, TABLES)];
}

static void step_put(struct pair *pair)
{
    enum store_table table = any_table(pair);
    struct slice key = any_key(pair);
    struct slice value = any_value(pair);
    for (int i = 0; i < 2; i++)
        assert_good(store_put(pair->fixture[i].store, table, key, value));
}

static void step_del(struct pair *pair)
{
    enum store_table table = any_table(pair);
    struct slice key = any_key(pair);
    int rc = store_del(pair->fixture[0].store, table, key);
    assert_true(rc == 0 || rc == STORE_NOT_FOUND);
    assert_int_equal(store_del(pair->fixture[1].store, table, key), rc);
}

static void step_get(struct pair *pair)
{
    enum store_table table = any_table(pair);
    struct slice key = any_key(pair);
    struct slice values[2] = {{0}, {0}};
    int rc = store_get(pair->fixture[0].store, table, key, &values[0]);
    assert_int_equal(store_get(pair->fixture[1].store, table, key, &values[1]), rc);
    assert_true(slice_eq(values[0], values[1]));
}

static void assert_same_rows(struct pair *pair)
{
    const struct store_rows *a = &pair->fixture[0].rows;
    const struct store_rows *b = &pair->fixture[1].rows;
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_true(slice_eq(a->at[i].key, b->at[i].key));
        assert_true(slice_eq(a->at[i].value, b->at[i].value));
    }
}

static void scan_both(struct pair *pair, const struct store_range *range)
{
    for (int i = 0; i < 2; i++)
        assert_good(store_scan(pair->fixture[i].store, range, &pair->fixture[i].rows));
    assert_same_rows(pair);
    pair->scans++;
}

static void step_scan(struct pair *pair)
{
    uint8_t after[STORE_KEY_MAX];
    struct store_range range = {.table = any_table(pair),
                                .limit = 1 + draw_below(&pair->draw, 12),
                                .reverse = draw_below(&pair->draw, 3) == 0};
    if (draw_below(&pair->draw, 3) != 0) {
        range.prefix = any_key(pair);
        range.prefix.len = draw_below(&pair->draw, (unsigned)range.prefix.len + 1);
    }
    if (draw_below(&pair->draw, 2) != 0)
        range.after = (struct slice){after, draw_key(&pair->draw, after)};
    scan_both(pair, &range);
}

/* As a queue or the timers do it: the first row is found and deleted, many times over. */
static void step_consume(struct pair *pair)
{
    struct store_range range = {.table = any_table(pair), .limit = 1};
    for (unsigned i = draw_below(&pair->draw, 40); i > 0; i--) {
        scan_both(pair, &range);
        if (pair->fixture[0].rows.count == 0)
            return;
        for (int j = 0; j < 2; j++)
            assert_good(
                store_del(pair->fixture[j].store, range.table, pair->fixture[j].rows.at[0].key));
    }
}

static void compare_all(struct pair *pair)
{
    for (int i = 0; i < TABLES; i++)
        scan_both(pair, &(struct store_range){.table = tables[i], .limit = SIZE_MAX});
}

/* begin, commit, abort, savepoint, rollback, restart: the frame around the rest. */
static void step_frame(struct pair *pair)
{
    unsigned choice = draw_below(&pair->draw, 12);
    struct store *stores[2] = {pair->fixture[0].store, pair->fixture[1].store};
    for (int i = 0; i < 2 && choice < 4; i++)
        assert_good(store_savepoint(stores[i]));
    for (int i = 0; i < 2 && choice >= 4 && choice < 8; i++)
        store_rollback(stores[i]);
    for (int i = 0; i < 2 && choice >= 8 && choice < 11; i++)
        assert_good(store_commit(stores[i]));
    for (int i = 0; i < 2 && choice == 11; i++)
        store_abort(stores[i]);
    pair->in_batch = choice < 8;
    pair->commits += choice >= 8 && choice < 11;
    if (choice == 11 && draw_below(&pair->draw, 4) == 0)
        for (int i = 0; i < 2; i++)
            fixture_reopen(&pair->fixture[i]);
    if (choice == 11)
        compare_all(pair);
}

/* Long batches and short ones take turns. */
static void step(struct pair *pair)
{
    unsigned choice = draw_below(&pair->draw, 100);
    bool calm = pair->steps++ / 10000 % 2 != 0 && draw_below(&pair->draw, 30) != 0;
    if (!pair->in_batch) {
        for (int i = 0; i < 2; i++)
            assert_good(store_begin(pair->fixture[i].store));
        pair->in_batch = true;
    }
    if (choice < 40)
        step_put(pair);
    else if (choice < 65)
        step_del(pair);
    else if (choice < 80)
        step_get(pair);
    else if (choice < 93)
        step_scan(pair);
    else if (choice < 95)
        step_consume(pair);
    else if (!calm)
        step_frame(pair);
}

TEST(both_stores_live_the_same_life)
{
    struct pair *pair = calloc(1, sizeof *pair);
    pair->draw.state = seed_of("random");
    fixture_start(&pair->fixture[0], KIND_MEM);
    fixture_start(&pair->fixture[1], KIND_LMDB);
    fixture_stop(&pair->fixture[1]);
    folder_make(pair->fixture[1].dir, sizeof pair->fixture[1].dir);
    pair->fixture[1].options.map_size = 64 * 1024; /* so that it grows now and then */
    fixture_reopen(&pair->fixture[1]);
    for (int i = 0; i < STEPS; i++)
        step(pair);
    for (int i = 0; i < 2 && pair->in_batch; i++)
        assert_good(store_commit(pair->fixture[i].store));
    fixture_reopen(&pair->fixture[1]);
    compare_all(pair);
    assert_true(pair->commits > 200 && pair->scans > 5000);
    fixture_stop(&pair->fixture[0]);
    fixture_stop(&pair->fixture[1]);
    free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_stores_live_the_same_life),
    };
    return TESTS_RUN(tests);
}
