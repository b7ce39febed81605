/* kill -9 at any moment, again and again: every acknowledged batch is there and whole, no other is
 * there in part; a directory whose making was killed can be opened.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/endian.h"
#include "tests/store/fixture.h"

enum { KILLS = 100, BIRTHS = 20, KEPT = 40, BUDGET_MS = 20000 };

static struct store *open_at(const char *dir)
{
    const struct store_lmdb_options options = {.no_reserve = true, .map_size = 256 * 1024};
    struct store *store;
    char problem[256] = "";
    if (store_lmdb_open(dir, &options, &store, problem, sizeof problem) == 0)
        return store;
    fprintf(stderr, "open: %s\n", problem);
    return NULL;
}

static struct slice key_of(uint8_t key[12], uint64_t batch, uint32_t row)
{
    put_be64(key, batch);
    put_be32(key + 8, row);
    return (struct slice){key, 12};
}

static uint32_t rows_of(uint64_t batch)
{
    return 1 + (uint32_t)(batch * 7 % 23);
}

/* Rows of a size that depends on the batch, now and then one with pages of its own. */
static struct slice value_of_row(uint8_t value[9000], uint64_t batch, uint32_t row)
{
    size_t len = batch % 11 == 0 && row == 0 ? 9000 : (batch * 31 + row * 17) % 400;
    memset(value, (int)(batch + row), len);
    return (struct slice){value, len};
}

static int write_batch(struct store *store, uint64_t batch)
{
    uint8_t key[12];
    uint8_t value[9000];
    uint8_t number[8];
    int rc = store_begin(store);
    for (uint32_t row = 0; rc == 0 && row < rows_of(batch); row++) {
        rc = store_put(store, TABLE_SPEC, key_of(key, batch, row), value_of_row(value, batch, row));
        if (rc == 0)
            rc = store_put(store, TABLE_READY, key_of(key, batch, row), (struct slice){0});
    }
    for (uint32_t row = 0; rc == 0 && batch > KEPT && row < rows_of(batch - KEPT); row++) {
        rc = store_del(store, TABLE_SPEC, key_of(key, batch - KEPT, row));
        if (rc == 0)
            rc = store_del(store, TABLE_READY, key_of(key, batch - KEPT, row));
    }
    put_be64(number, batch);
    if (rc == 0)
        rc = store_put(store, TABLE_COUNTER, word("batch"), (struct slice){number, 8});
    return rc == 0 ? store_commit(store) : rc;
}

static uint64_t last_batch(struct store *store)
{
    struct slice value;
    int rc = store_get(store, TABLE_COUNTER, word("batch"), &value);
    return rc == 0 && value.len == 8 ? get_be64(value.at) : 0;
}

/* The victim: batch after batch, each told of once it is durable. */
static _Noreturn void live(const char *dir, int tell)
{
    struct store *store = open_at(dir);
    if (!store)
        _exit(1);
    for (uint64_t batch = last_batch(store) + 1;; batch++)
        if (write_batch(store, batch) != 0 || write(tell, &batch, sizeof batch) != sizeof batch)
            _exit(2);
}

static void nap(unsigned microseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = (long)microseconds * 1000}, NULL);
}

/* Lets one live for a while. Returns the last batch it told of, 0: none. */
static uint64_t live_and_die(const char *dir, unsigned microseconds)
{
    int pipes[2];
    assert_good(pipe(pipes));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(pipes[0]);
        live(dir, pipes[1]);
    }
    close(pipes[1]);
    nap(microseconds);
    assert_good(kill(child, SIGKILL));
    uint64_t told = 0;
    uint64_t last = 0;
    while (read(pipes[0], &told, sizeof told) == sizeof told)
        last = told;
    close(pipes[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return last;
}

/* Exactly the rows of the last KEPT batches, byte for byte. */
static void check_whole(struct store *store, uint64_t last, struct store_rows *rows)
{
    uint8_t key[12];
    uint8_t value[9000];
    struct store_range range = {.table = TABLE_SPEC, .limit = SIZE_MAX};
    assert_good(store_scan(store, &range, rows));
    size_t at = 0;
    for (uint64_t batch = last > KEPT ? last - KEPT + 1 : 1; batch <= last; batch++) {
        for (uint32_t row = 0; row < rows_of(batch); row++, at++) {
            assert_true(at < rows->count);
            assert_true(slice_eq(rows->at[at].key, key_of(key, batch, row)));
            assert_true(slice_eq(rows->at[at].value, value_of_row(value, batch, row)));
        }
    }
    assert_int_equal(at, rows->count);
    range.table = TABLE_READY;
    assert_good(store_scan(store, &range, rows));
    assert_int_equal(at, rows->count);
}

TEST(what_was_acknowledged_survives)
{
    struct draw draw = {seed_of("crash")};
    char dir[64];
    struct store_rows rows = {0};
    uint64_t told = 0;
    uint64_t start = clock_mono_ms();
    int kills = 0;
    folder_make(dir, sizeof dir);
    for (; kills < KILLS && clock_mono_ms() - start < BUDGET_MS; kills++) {
        uint64_t now = live_and_die(dir, draw_below(&draw, 60000));
        told = now > 0 ? now : told;
        struct store *store = open_at(dir);
        assert_non_null(store);
        uint64_t last = last_batch(store);
        assert_in_range(last, told, told + 1);
        check_whole(store, last, &rows);
        told = last;
        store_close(&store);
    }
    print_message("%d kills, %llu batches\n", kills, (unsigned long long)told);
    assert_true(kills >= 20 && told > 100);
    store_rows_fini(&rows);
    folder_remove(dir);
}

TEST(a_killed_birth_can_be_repeated)
{
    struct draw draw = {seed_of("birth")};
    for (int i = 0; i < BIRTHS; i++) {
        char dir[64];
        folder_make(dir, sizeof dir);
        uint64_t told = live_and_die(dir, 200 + draw_below(&draw, 8000));
        struct store *store = open_at(dir);
        assert_non_null(store);
        assert_in_range(last_batch(store), told, told + 1);
        store_close(&store);
        folder_remove(dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_survives),
        cmocka_unit_test(a_killed_birth_can_be_repeated),
    };
    return TESTS_RUN(tests);
}
