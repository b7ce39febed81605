/* Files that are not what they should be: cut, zeroed, flipped, foreign, newer. Each is opened in a
 * child of its own: it has to be refused in a sentence or to be good, and never to crash.
 */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/endian.h"
#include "base/file.h"
#include "broker/store/record.h"
#include "tests/store/fixture.h"

/* What a child's exit status says; 1 is the store's own stop on damage, 99 a sanitizer's. */
enum outcome { STOPPED = 1, REFUSED = 10, SAME, DIFFERENT, BAD_REFUSAL, SANITIZER = 99 };

enum { PAGE = 4096, FLIPS = 700 };

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "exitcode=99";
}

static struct buf good;       /* a whole file, some hundred pages */
static uint64_t good_content; /* what is in it */
static size_t check_size;     /* how much of a file is looked at; 0: as by default */
static char problem[512];     /* of the last refusal in this process */

static uint64_t hash(uint64_t sum, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        sum = (sum ^ bytes.at[i]) * UINT64_C(0x100000001b3);
    return (sum ^ bytes.len) * UINT64_C(0x100000001b3);
}

/* All tables forwards; backwards too, but that must not crash is all. */
static uint64_t content(struct store *store)
{
    struct store_rows rows = {0};
    uint64_t sum = 7;
    for (unsigned i = 0; i < STORE_TABLE_COUNT; i++) {
        struct store_range range = {
            .table = (enum store_table)i, .limit = SIZE_MAX, .reverse = true};
        if (store_scan(store, &range, &rows) < 0)
            break;
        range.reverse = false;
        if (store_scan(store, &range, &rows) < 0)
            break;
        for (size_t j = 0; j < rows.count; j++)
            sum = hash(hash(sum, rows.at[j].key), rows.at[j].value);
    }
    store_rows_fini(&rows);
    return sum;
}

static void try_to_write(struct store *store)
{
    struct slice value;
    char key[16];
    if (store_begin(store) != 0)
        return;
    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "n%d", i);
        (void)store_put(store, TABLE_SPEC, word(key), word("new"));
        (void)store_get(store, TABLE_STATE, word(key), &value);
    }
    if (store_commit(store) != 0)
        store_abort(store);
}

static void path_of(const char *dir, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", dir, name);
}

static void write_file(const char *dir, struct slice data)
{
    char path[128];
    path_of(dir, "data.mdb", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data.at, data.len), data.len);
    close(fd);
}

static int open_dir(const char *dir, struct store **store_out)
{
    const struct store_lmdb_options options = {
        .no_reserve = true, .unsafe_no_sync = true, .check_size_max = check_size};
    problem[0] = 0;
    return store_lmdb_open(dir, &options, store_out, problem, sizeof problem);
}

static bool unchanged(const char *dir, struct slice data)
{
    char path[128];
    struct buf now = {0};
    path_of(dir, "data.mdb", path);
    bool same = file_read_all(path, SIZE_MAX / 2, &now) == 0 && slice_eq(buf_slice(&now), data);
    buf_fini(&now);
    return same;
}

static enum outcome live_with(const char *dir, struct slice data)
{
    struct store *store;
    int rc = open_dir(dir, &store);
    if (rc != 0) {
        bool named = (rc == -EUCLEAN || rc == -ENOTSUP) && strstr(problem, dir);
        return named && unchanged(dir, data) ? REFUSED : BAD_REFUSAL;
    }
    uint64_t sum = content(store);
    try_to_write(store);
    store_close(&store);
    return sum == good_content ? SAME : DIFFERENT;
}

/* Opens a directory with these bytes as its file, in a child. */
static enum outcome outcome_of(struct slice data)
{
    char dir[64];
    folder_make(dir, sizeof dir);
    write_file(dir, data);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        signal(SIGABRT, SIG_DFL);
        if (!freopen("/dev/null", "w", stderr))
            _exit(SANITIZER);
        _exit((int)live_with(dir, data));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    folder_remove(dir);
    if (WIFSIGNALED(status))
        fail_msg("died of signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) == SANITIZER || WEXITSTATUS(status) == BAD_REFUSAL)
        fail_msg("a sanitizer's report, or a refusal without a good sentence (%d)",
                 WEXITSTATUS(status));
    return (enum outcome)WEXITSTATUS(status);
}

/* --- a good file ----------------------------------------------------------------------------- */

static void fill(struct store *store, int round)
{
    static uint8_t value[10000];
    char key[32];
    assert_good(store_begin(store));
    for (int i = round * 400; i < round * 400 + 400; i++) {
        snprintf(key, sizeof key, "job%06d", i);
        struct slice payload = {value, i % 100 == 0 ? sizeof value : (size_t)i % 300};
        assert_good(store_put(store, TABLE_SPEC, word(key), payload));
        assert_good(store_put(store, TABLE_READY, word(key), (struct slice){0}));
        if (i >= 400 && i % 3 != 0) {
            snprintf(key, sizeof key, "job%06d", i - 400);
            assert_good(store_del(store, TABLE_SPEC, word(key)));
        }
    }
    assert_good(store_commit(store));
}

/* A large value at the end of the file goes, and small commits move into free pages further up:
 * such a file may be cut off at its end without a loss. */
static void free_the_tail(struct store *store)
{
    static uint8_t value[100000];
    assert_good(store_begin(store));
    assert_good(store_put(store, TABLE_RESULT, word("large"), (struct slice){value, sizeof value}));
    assert_good(store_commit(store));
    for (int i = 0; i < 8; i++) {
        assert_good(store_begin(store));
        if (i == 0)
            del(store, TABLE_RESULT, "large");
        put(store, TABLE_COUNTER, "n", "1");
        commit(store);
    }
}

static int make_good(void **state)
{
    (void)state;
    char dir[64];
    char path[128];
    struct store *store;
    folder_make(dir, sizeof dir);
    assert_good(open_dir(dir, &store));
    for (int round = 0; round < 4; round++)
        fill(store, round);
    free_the_tail(store);
    good_content = content(store);
    store_close(&store);
    path_of(dir, "data.mdb", path);
    assert_good(file_read_all(path, SIZE_MAX / 2, &good));
    folder_remove(dir);
    return 0;
}

static int drop_good(void **state)
{
    (void)state;
    buf_fini(&good);
    return 0;
}

/* --- the tests ------------------------------------------------------------------------------- */

TEST(a_good_file_is_good)
{
    assert_true(good.len > 50 * PAGE);
    assert_int_equal(outcome_of(buf_slice(&good)), SAME);
}

/* Cut where only free pages are lost, it is still good; else it is refused, even where only the
 * first pages are looked at. */
TEST(cut_files)
{
    unsigned refused = 0;
    unsigned kept = 0;
    for (size_t len = 0; len < good.len; len += len < 3 * PAGE ? 512 : PAGE - 1) {
        check_size = len / PAGE % 2 == 0 ? 0 : 2 * PAGE;
        enum outcome outcome = outcome_of((struct slice){good.at, len});
        assert_true(outcome == REFUSED || outcome == SAME);
        assert_true(outcome == REFUSED || len > good.len / 2);
        refused += outcome == REFUSED;
        kept += outcome == SAME;
    }
    check_size = 0;
    print_message("refused %u, good %u\n", refused, kept);
    assert_true(refused > 50 && kept > 5);
}

TEST(an_empty_file_is_not_an_empty_store)
{
    assert_int_equal(outcome_of((struct slice){(const uint8_t *)"", 0}), REFUSED);
}

TEST(zeroed_pages)
{
    uint8_t keep[PAGE];
    unsigned refused = 0;
    for (size_t at = 0; at + PAGE <= good.len; at += PAGE) {
        memcpy(keep, good.at + at, PAGE);
        memset(good.at + at, 0, PAGE);
        enum outcome outcome = outcome_of(buf_slice(&good));
        memcpy(good.at + at, keep, PAGE);
        refused += outcome == REFUSED;
        if (at < 2 * PAGE)
            assert_int_equal(outcome, REFUSED);
        /* the middle of a value that has pages of its own is not looked at */
        assert_true(outcome == REFUSED || outcome == SAME || outcome == DIFFERENT);
    }
    assert_true(refused > 30);
}

TEST(flipped_bits)
{
    struct draw draw = {seed_of("damage")};
    unsigned count[DIFFERENT + 1] = {0};
    for (int i = 0; i < FLIPS; i++) {
        /* the heads of pages more often than their middles */
        size_t at = draw_below(&draw, (unsigned)(good.len / PAGE)) * (size_t)PAGE;
        at += draw_below(&draw, draw_below(&draw, 3) == 0 ? PAGE : 64);
        if (i < 200)
            at = draw_below(&draw, 2) * (size_t)PAGE + draw_below(&draw, 168);
        uint8_t mask = (uint8_t)(1u << draw_below(&draw, 8));
        good.at[at] ^= mask;
        enum outcome outcome = outcome_of(buf_slice(&good));
        good.at[at] ^= mask;
        if (outcome == STOPPED || outcome > DIFFERENT)
            fail_msg("byte %zu, mask %#x: %d", at, mask, (int)outcome);
        if (i < 200 && outcome == DIFFERENT)
            fail_msg("misread: byte %zu of the heads, mask %#x", at, mask);
        count[outcome]++;
    }
    print_message("refused %u, good %u, other values %u\n", count[REFUSED], count[SAME],
                  count[DIFFERENT]);
    assert_true(count[REFUSED] > FLIPS / 6);
}

TEST(foreign_files)
{
    const char *const texts[] = {"hello", "SQLite format 3", "{\"jobs\": []}\n"};
    uint8_t page[3 * PAGE] = {0};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(outcome_of(word(texts[i])), REFUSED);
        memcpy(page, texts[i], strlen(texts[i]));
        assert_int_equal(outcome_of((struct slice){page, sizeof page}), REFUSED);
    }
    struct draw draw = {seed_of("foreign")};
    for (size_t i = 0; i < sizeof page; i++)
        page[i] = (uint8_t)draw_u64(&draw);
    assert_int_equal(outcome_of((struct slice){page, sizeof page}), REFUSED);
}

/* An LMDB file with one table of its own, or with a META that says `format`. */
static void make_lmdb(const char *dir, const char *table, struct slice format, bool whole)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = {6, "format"};
    MDB_val value = {format.len, (void *)(uintptr_t)format.at};
    assert_good(mdb_env_create(&env));
    assert_good(mdb_env_set_maxdbs(env, 4));
    assert_good(mdb_env_open(env, dir, MDB_NOSYNC, 0600));
    assert_good(mdb_txn_begin(env, NULL, 0, &txn));
    assert_good(mdb_dbi_open(txn, table, MDB_CREATE, &dbi));
    assert_good(mdb_put(txn, dbi, &key, &value, 0));
    key = (MDB_val){8, "instance"};
    value = (MDB_val){16, "0123456789abcdef"};
    if (whole)
        assert_good(mdb_put(txn, dbi, &key, &value, 0));
    assert_good(mdb_txn_commit(txn));
    mdb_env_close(env);
}

static int refusal_of(const char *table, struct slice format)
{
    char dir[64];
    struct store *store = NULL;
    folder_make(dir, sizeof dir);
    make_lmdb(dir, table, format, false);
    int rc = open_dir(dir, &store);
    assert_null(store);
    folder_remove(dir);
    return rc;
}

TEST(other_stores_are_refused)
{
    const uint8_t newer[] = {0, 0, 0, FORMAT_VERSION + 1};
    const uint8_t current[] = {0, 0, 0, FORMAT_VERSION};
    assert_int_equal(refusal_of("users", word("1234")), -EUCLEAN);
    assert_non_null(strstr(problem, "no store of Reeve's"));
    assert_int_equal(refusal_of("meta", word("12345")), -EUCLEAN);
    assert_non_null(strstr(problem, "no store of Reeve's"));
    assert_int_equal(refusal_of("meta", (struct slice){newer, 4}), -ENOTSUP);
    assert_non_null(strstr(problem, "newer Reeve: format 3"));
    assert_int_equal(refusal_of("meta", (struct slice){current, 4}), -EUCLEAN);
    assert_non_null(strstr(problem, "identity"));
    assert_int_equal(refusal_of("meta", bytes("\0\0\0\0")), -EUCLEAN);
}

/* What an older version wrote, before some table was thought of. */
TEST(tables_that_are_missing_are_added)
{
    const uint8_t current[] = {0, 0, 0, FORMAT_VERSION};
    char dir[64];
    struct store *store;
    folder_make(dir, sizeof dir);
    make_lmdb(dir, "meta", (struct slice){current, 4}, true);
    for (int i = 0; i < 2; i++) {
        assert_good(open_dir(dir, &store));
        assert_string_equal(value_of(store, TABLE_META, META_INSTANCE), "0123456789abcdef");
        assert_string_equal(value_of(store, TABLE_COUNTER, "n"), i == 0 ? "-" : "1");
        assert_good(store_begin(store));
        put(store, TABLE_COUNTER, "n", "1");
        commit(store);
        store_close(&store);
    }
    folder_remove(dir);
}

/* A directory that had tables does not start anew because their file is gone. */
TEST(a_lost_file_is_missed)
{
    char dir[64];
    char path[128];
    struct store *store;
    folder_make(dir, sizeof dir);
    assert_good(open_dir(dir, &store));
    store_close(&store);
    path_of(dir, "data.mdb", path);
    assert_good(unlink(path));
    assert_int_equal(open_dir(dir, &store), -EUCLEAN);
    assert_non_null(strstr(problem, "is gone"));
    assert_true(access(path, F_OK) < 0);
    path_of(dir, "lock.mdb", path);
    assert_good(unlink(path));
    assert_good(open_dir(dir, &store));
    store_close(&store);
    folder_remove(dir);
}

/* A creation that was killed leaves a half-made file under another name: it is made again. */
TEST(a_half_made_file_is_made_again)
{
    char dir[64];
    char path[128];
    struct store *store;
    folder_make(dir, sizeof dir);
    path_of(dir, "data.mdb.new", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "half", 4), 4);
    close(fd);
    assert_good(open_dir(dir, &store));
    assert_true(access(path, F_OK) < 0);
    store_close(&store);
    folder_remove(dir);
}

TEST(no_regular_file)
{
    char dir[64];
    char path[128];
    struct store *store;
    folder_make(dir, sizeof dir);
    path_of(dir, "data.mdb", path);
    assert_good(mkdir(path, 0700));
    assert_true(open_dir(dir, &store) < 0);
    assert_true(problem[0] != 0);
    folder_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_file_is_good),
        cmocka_unit_test(cut_files),
        cmocka_unit_test(an_empty_file_is_not_an_empty_store),
        cmocka_unit_test(zeroed_pages),
        cmocka_unit_test(flipped_bits),
        cmocka_unit_test(foreign_files),
        cmocka_unit_test(other_stores_are_refused),
        cmocka_unit_test(tables_that_are_missing_are_added),
        cmocka_unit_test(a_lost_file_is_missed),
        cmocka_unit_test(a_half_made_file_is_made_again),
        cmocka_unit_test(no_regular_file),
    };
    return cmocka_run_group_tests(tests, make_good, drop_good);
}
