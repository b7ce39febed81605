/* The store's contract, held against both implementations.
 * Must never test what only one of them promises.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/store/fixture.h"

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture_start(fixture, *(const enum kind *)*state);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_stop(*state);
    free(*state);
    return 0;
}

static void reads_see_the_batch(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;
    assert_good(store_begin(store));
    assert_string_equal(value_of(store, TABLE_SPEC, "a"), "-");
    put(store, TABLE_SPEC, "a", "1");
    put(store, TABLE_STATE, "a", "other table");
    assert_string_equal(value_of(store, TABLE_SPEC, "a"), "1");
    put(store, TABLE_SPEC, "a", "a longer value");
    assert_string_equal(value_of(store, TABLE_SPEC, "a"), "a longer value");
    commit(store);
    assert_string_equal(value_of(store, TABLE_SPEC, "a"), "a longer value");
    assert_good(store_begin(store));
    assert_string_equal(value_of(store, TABLE_STATE, "a"), "other table");
    store_abort(store);
}

static void del_says_what_was_there(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;
    assert_good(store_begin(store));
    assert_int_equal(store_del(store, TABLE_SPEC, word("a")), STORE_NOT_FOUND);
    put(store, TABLE_SPEC, "a", "1");
    del(store, TABLE_SPEC, "a");
    assert_int_equal(store_del(store, TABLE_SPEC, word("a")), STORE_NOT_FOUND);
    put(store, TABLE_SPEC, "b", "2");
    commit(store);
    assert_good(store_begin(store));
    del(store, TABLE_SPEC, "b");
    assert_int_equal(store_del(store, TABLE_SPEC, word("b")), STORE_NOT_FOUND);
    assert_string_equal(value_of(store, TABLE_SPEC, "b"), "-");
    put(store, TABLE_SPEC, "b", "3");
    assert_string_equal(value_of(store, TABLE_SPEC, "b"), "3");
    del(store, TABLE_SPEC, "b");
    commit(store);
    assert_string_equal(value_of(store, TABLE_SPEC, "b"), "-");
}

static void abort_leaves_no_trace(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;
    assert_good(store_begin(store));
    put(store, TABLE_SPEC, "a", "1");
    put(store, TABLE_SPEC, "b", "2");
    commit(store);
    assert_good(store_begin(store));
    put(store, TABLE_SPEC, "a", "changed");
    del(store, TABLE_SPEC, "b");
    put(store, TABLE_SPEC, "c", "new");
    store_abort(store);
    assert_string_equal(value_of(store, TABLE_SPEC, "a"), "1");
    assert_string_equal(value_of(store, TABLE_SPEC, "b"), "2");
    assert_string_equal(value_of(store, TABLE_SPEC, "c"), "-");
}

static void rollback_goes_back_to_the_mark(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    assert_good(store_begin(store));
    put(store, TABLE_SPEC, "old", "0");
    put(store, TABLE_SPEC, "gone", "0");
    commit(store);
    assert_good(store_begin(store));
    put(store, TABLE_SPEC, "a", "1");
    assert_good(store_savepoint(store));
    put(store, TABLE_SPEC, "a", "22");
    put(store, TABLE_SPEC, "a", "2");
    del(store, TABLE_SPEC, "a");
    put(store, TABLE_SPEC, "a", "3");
    put(store, TABLE_SPEC, "b", "new");
    put(store, TABLE_SPEC, "old", "changed");
    del(store, TABLE_SPEC, "gone");
    store_rollback(store);
    const struct store_range all = {.table = TABLE_SPEC, .limit = 10};
    assert_string_equal(scanned(fixture, &all), "a=1 gone=0 old=0");
    del(store, TABLE_SPEC, "a");
    store_rollback(store); /* the mark still stands */
    assert_string_equal(scanned(fixture, &all), "a=1 gone=0 old=0");
    commit(store);
    assert_string_equal(scanned(fixture, &all), "a=1 gone=0 old=0");
}

static void a_deleted_value_survives_a_rollback(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;
    assert_good(store_begin(store));
    put(store, TABLE_SPEC, "a", "long enough");
    assert_good(store_savepoint(store));
    del(store, TABLE_SPEC, "a");
    put(store, TABLE_SPEC, "a", "short");
    put(store, TABLE_SPEC, "a", "x");
    store_rollback(store);
    assert_string_equal(value_of(store, TABLE_SPEC, "a"), "long enough");
    store_abort(store);
}

static void a_new_mark_replaces_the_old(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;
    assert_good(store_begin(store));
    put(store, TABLE_SPEC, "a", "1");
    store_rollback(store); /* without a mark: to the beginning */
    assert_string_equal(value_of(store, TABLE_SPEC, "a"), "-");
    put(store, TABLE_SPEC, "a", "2");
    assert_good(store_savepoint(store));
    put(store, TABLE_SPEC, "a", "3");
    assert_good(store_savepoint(store));
    put(store, TABLE_SPEC, "a", "4");
    store_rollback(store);
    assert_string_equal(value_of(store, TABLE_SPEC, "a"), "3");
    commit(store);
    assert_good(store_begin(store));
    put(store, TABLE_SPEC, "a", "5");
    store_rollback(store); /* a mark ends with its batch */
    assert_string_equal(value_of(store, TABLE_SPEC, "a"), "3");
    store_abort(store);
}

static void empty_and_large_values(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    size_t large = 3 * 1024 * 1024 + 17;
    uint8_t *data = malloc(large);
    for (size_t i = 0; i < large; i++)
        data[i] = (uint8_t)(i * 31 + i / 256);
    assert_good(store_begin(store));
    assert_good(store_put(store, TABLE_READY, word("empty"), (struct slice){0}));
    assert_good(store_put(store, TABLE_RESULT, word("large"), (struct slice){data, large}));
    for (int i = 0; i < 2; i++) {
        struct slice value = {data, 1};
        assert_good(store_get(store, TABLE_READY, word("empty"), &value));
        assert_int_equal(value.len, 0);
        assert_good(store_get(store, TABLE_RESULT, word("large"), &value));
        assert_true(slice_eq(value, (struct slice){data, large}));
        if (i == 0)
            commit(store);
    }
    fixture_reopen(fixture);
    struct slice value;
    assert_good(store_get(fixture->store, TABLE_RESULT, word("large"), &value));
    assert_true(slice_eq(value, (struct slice){data, large}));
    free(data);
}

static void the_longest_keys(void **state)
{
    struct fixture *fixture = *state;
    uint8_t key[STORE_KEY_MAX];
    memset(key, 0xff, sizeof key);
    assert_good(store_begin(fixture->store));
    for (size_t len = 1; len <= sizeof key; len += 83)
        assert_good(store_put(fixture->store, TABLE_SPEC, (struct slice){key, len}, word("v")));
    assert_good(store_put(fixture->store, TABLE_SPEC, (struct slice){key, sizeof key}, word("v")));
    for (int i = 0; i < 2; i++) {
        struct store_range range = {.table = TABLE_SPEC, .prefix = {key, sizeof key}, .limit = 9};
        assert_good(store_scan(fixture->store, &range, &fixture->rows));
        assert_int_equal(fixture->rows.count, 1);
        range.prefix.len = 84; /* nothing sorts behind a prefix that is all 0xff */
        range.reverse = true;
        assert_good(store_scan(fixture->store, &range, &fixture->rows));
        assert_int_equal(fixture->rows.count, 7);
        assert_int_equal(fixture->rows.at[0].key.len, sizeof key);
        range.after = (struct slice){key, sizeof key};
        range.limit = 1;
        assert_good(store_scan(fixture->store, &range, &fixture->rows));
        assert_int_equal(fixture->rows.at[0].key.len, 499);
        range.reverse = false;
        assert_good(store_scan(fixture->store, &range, &fixture->rows));
        assert_int_equal(fixture->rows.count, 0);
        if (i == 0)
            commit(fixture->store);
    }
}

static void a_prefix_is_a_fence(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    const struct slice keys[] = {bytes("a"),     bytes("a\0"),       bytes("a\0z"), bytes("a\xfe"),
                                 bytes("a\xff"), bytes("a\xff\xff"), bytes("b"),    bytes("\xff")};
    assert_good(store_begin(store));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_good(store_put(store, TABLE_READY, keys[i], (struct slice){0}));
    for (int i = 0; i < 2; i++) {
        struct store_range range = {.table = TABLE_READY, .prefix = bytes("a\xff"), .limit = 99};
        for (int j = 0; j < 2; j++) {
            range.reverse = j == 1;
            assert_good(store_scan(store, &range, &fixture->rows));
            assert_int_equal(fixture->rows.count, 2);
            assert_true(slice_eq(fixture->rows.at[j].key, keys[4]));
            assert_true(slice_eq(fixture->rows.at[1 - j].key, keys[5]));
        }
        range = (struct store_range){.table = TABLE_READY, .prefix = bytes("a"), .limit = 99};
        assert_good(store_scan(store, &range, &fixture->rows));
        assert_int_equal(fixture->rows.count, 6);
        range.reverse = true;
        assert_good(store_scan(store, &range, &fixture->rows));
        assert_int_equal(fixture->rows.count, 6);
        assert_true(slice_eq(fixture->rows.at[0].key, keys[5]));
        if (i == 0)
            commit(store);
    }
}

static void scans_go_both_ways_behind_a_key(void **state)
{
    struct fixture *fixture = *state;
    assert_good(store_begin(fixture->store));
    for (const char *key = "p1\0p2\0p3\0p4\0q1\0"; *key; key += 3)
        put(fixture->store, TABLE_EVENT, key, "");
    struct store_range range = {.table = TABLE_EVENT, .prefix = word("p"), .limit = 2};
    for (int i = 0; i < 2; i++) {
        range.reverse = false;
        range.after = (struct slice){0};
        assert_string_equal(scanned(fixture, &range), "p1= p2=");
        range.after = word("p2");
        assert_string_equal(scanned(fixture, &range), "p3= p4=");
        range.after = word("p2x"); /* need not exist */
        assert_string_equal(scanned(fixture, &range), "p3= p4=");
        range.after = word("p4");
        assert_string_equal(scanned(fixture, &range), "");
        range.after = word("a"); /* before the prefix: from its start */
        assert_string_equal(scanned(fixture, &range), "p1= p2=");
        range.after = word("z");
        assert_string_equal(scanned(fixture, &range), "");
        range.reverse = true;
        assert_string_equal(scanned(fixture, &range), "p4= p3=");
        range.after = word("p3");
        assert_string_equal(scanned(fixture, &range), "p2= p1=");
        range.after = word("p1");
        assert_string_equal(scanned(fixture, &range), "");
        range.after = word("a");
        assert_string_equal(scanned(fixture, &range), "");
        if (i == 0)
            commit(fixture->store);
    }
    range = (struct store_range){.table = TABLE_EVENT};
    assert_string_equal(scanned(fixture, &range), ""); /* a limit of none */
    range.limit = 99;
    range.table = TABLE_LOG;
    assert_string_equal(scanned(fixture, &range), "");
}

static void scans_see_changes_above_the_tree(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    assert_good(store_begin(store));
    for (const char *key = "a\0b\0c\0d\0e\0"; *key; key += 2)
        put(store, TABLE_SPEC, key, "tree");
    commit(store);
    assert_good(store_begin(store));
    del(store, TABLE_SPEC, "a");
    put(store, TABLE_SPEC, "aa", "new");
    put(store, TABLE_SPEC, "c", "changed");
    del(store, TABLE_SPEC, "e");
    put(store, TABLE_SPEC, "f", "gone");
    del(store, TABLE_SPEC, "f");
    struct store_range range = {.table = TABLE_SPEC, .limit = 10};
    for (int i = 0; i < 2; i++) {
        range.reverse = false;
        range.after = (struct slice){0};
        assert_string_equal(scanned(fixture, &range), "aa=new b=tree c=changed d=tree");
        range.after = word("aa");
        assert_string_equal(scanned(fixture, &range), "b=tree c=changed d=tree");
        range.reverse = true;
        assert_string_equal(scanned(fixture, &range), "");
        range.after = word("d");
        assert_string_equal(scanned(fixture, &range), "c=changed b=tree aa=new");
        if (i == 0)
            commit(store);
    }
}

/* The first of many is taken and deleted again and again, as a queue does it. */
static void taking_the_first_again_and_again(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    char key[16];
    assert_good(store_begin(store));
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "q%03d", i);
        put(store, TABLE_READY, key, "");
        if (i == 199)
            commit(store);
        if (i == 199)
            assert_good(store_begin(store));
    }
    const struct store_range first = {.table = TABLE_READY, .prefix = word("q"), .limit = 1};
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "q%03d=", i);
        assert_string_equal(scanned(fixture, &first), key);
        key[4] = 0;
        del(store, TABLE_READY, key);
        if (i % 50 != 49)
            continue;
        put(store, TABLE_READY, "q000", ""); /* one comes alive where all is dead */
        assert_string_equal(scanned(fixture, &first), "q000=");
        del(store, TABLE_READY, "q000");
        assert_good(store_savepoint(store));
        if (i + 1 < 300) {
            snprintf(key, sizeof key, "q%03d", i + 1);
            del(store, TABLE_READY, key);
            scanned(fixture, &first);
            store_rollback(store);
        }
    }
    assert_string_equal(scanned(fixture, &first), "");
    put(store, TABLE_READY, "q150", "");
    assert_string_equal(scanned(fixture, &first), "q150=");
    commit(store);
    assert_string_equal(scanned(fixture, &first), "q150=");
}

static void rows_are_copies(void **state)
{
    struct fixture *fixture = *state;
    assert_good(store_begin(fixture->store));
    put(fixture->store, TABLE_SPEC, "a", "1");
    const struct store_range range = {.table = TABLE_SPEC, .limit = 10};
    assert_good(store_scan(fixture->store, &range, &fixture->rows));
    put(fixture->store, TABLE_SPEC, "a", "2");
    store_abort(fixture->store);
    assert_string_equal(rows_text(&fixture->rows), "a=1");
}

static void snapshots_stand_still(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_snapshot *before;
    struct store_snapshot *after;
    struct slice value;
    const struct store_range all = {.table = TABLE_SPEC, .limit = 10};
    assert_good(store_begin(store));
    put(store, TABLE_SPEC, "a", "1");
    put(store, TABLE_SPEC, "b", "1");
    commit(store);
    assert_good(store_begin(store));
    put(store, TABLE_SPEC, "a", "2");
    del(store, TABLE_SPEC, "b");
    put(store, TABLE_SPEC, "c", "2");
    assert_good(store_snapshot_open(store, &before)); /* in the middle of a batch */
    commit(store);
    assert_good(store_snapshot_open(store, &after));
    assert_good(store_snapshot_scan(before, &all, &fixture->rows));
    assert_string_equal(rows_text(&fixture->rows), "a=1 b=1");
    assert_good(store_snapshot_get(before, TABLE_SPEC, word("a"), &value));
    assert_true(slice_eq(value, word("1")));
    assert_int_equal(store_snapshot_get(before, TABLE_SPEC, word("c"), &value), STORE_NOT_FOUND);
    assert_good(store_snapshot_scan(after, &all, &fixture->rows));
    assert_string_equal(rows_text(&fixture->rows), "a=2 c=2");
    store_snapshot_close(&before);
    assert_null(before);
    store_snapshot_close(&before);
    store_snapshot_close(&after);
}

static void commits_survive_a_restart(void **state)
{
    struct fixture *fixture = *state;
    assert_good(store_begin(fixture->store));
    put(fixture->store, TABLE_SPEC, "a", "1");
    put(fixture->store, TABLE_COUNTER, "n", "7");
    commit(fixture->store);
    assert_good(store_begin(fixture->store));
    put(fixture->store, TABLE_SPEC, "b", "open batch");
    fixture_reopen(fixture);
    assert_string_equal(value_of(fixture->store, TABLE_SPEC, "a"), "1");
    assert_string_equal(value_of(fixture->store, TABLE_COUNTER, "n"), "7");
    assert_string_equal(value_of(fixture->store, TABLE_SPEC, "b"), "-");
}

static void an_empty_batch_commits(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;
    assert_good(store_begin(store));
    commit(store);
    assert_good(store_begin(store));
    put(store, TABLE_SPEC, "a", "");
    del(store, TABLE_SPEC, "a");
    commit(store);
    struct store_info info;
    assert_good(store_info(store, &info));
    assert_true(info.free_bytes > 0);
}

/* A value that a get gave out may be what is put. */
static void a_value_may_be_put_elsewhere(void **state)
{
    struct store *store = ((struct fixture *)*state)->store;
    struct slice value;
    assert_good(store_begin(store));
    put(store, TABLE_SPEC, "a", "abcdef");
    for (int i = 0; i < 2; i++) {
        assert_good(store_get(store, TABLE_SPEC, word("a"), &value));
        assert_good(store_put(store, TABLE_STATE, word("b"), value));
        assert_good(store_get(store, TABLE_SPEC, word("a"), &value));
        value.at += 2;
        value.len -= 2;
        assert_good(store_put(store, TABLE_SPEC, word("a"), value));
        assert_string_equal(value_of(store, TABLE_SPEC, "a"), i == 0 ? "cdef" : "ef");
        assert_string_equal(value_of(store, TABLE_STATE, "b"), i == 0 ? "abcdef" : "cdef");
        if (i == 0)
            commit(store);
        if (i == 0)
            assert_good(store_begin(store));
    }
    store_abort(store);
}

static enum kind mem = KIND_MEM;
static enum kind lmdb = KIND_LMDB;

/* Each test once per implementation. */
#define BOTH(test)                                   \
    {"mem: " #test, test, setup, teardown, &mem},    \
    {                                                \
        "lmdb: " #test, test, setup, teardown, &lmdb \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(reads_see_the_batch),
        BOTH(del_says_what_was_there),
        BOTH(abort_leaves_no_trace),
        BOTH(rollback_goes_back_to_the_mark),
        BOTH(a_deleted_value_survives_a_rollback),
        BOTH(a_new_mark_replaces_the_old),
        BOTH(empty_and_large_values),
        BOTH(the_longest_keys),
        BOTH(a_prefix_is_a_fence),
        BOTH(scans_go_both_ways_behind_a_key),
        BOTH(scans_see_changes_above_the_tree),
        BOTH(taking_the_first_again_and_again),
        BOTH(rows_are_copies),
        BOTH(snapshots_stand_still),
        BOTH(commits_survive_a_restart),
        BOTH(an_empty_batch_commits),
        BOTH(a_value_may_be_put_elsewhere),
    };
    return TESTS_RUN(tests);
}
