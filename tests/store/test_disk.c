/* A disk that fails or is full, a map that grows, a directory with two masters.
 *
 * LMDB's writes come through here: the functions below stand before those of the C library. Must
 * never fail a write that a test did not ask to fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/endian.h"
#include "tests/store/fixture.h"

/* --- the disk -------------------------------------------------------------------------------- */

static struct {
    int sync, write;  /* what every call fails with; 0: it works */
    int write_passes; /* so many writes work before that */
} disk;

static int write_fault(void)
{
    if (disk.write == 0 || disk.write_passes-- > 0)
        return 0;
    errno = disk.write;
    return -1;
}

/* Seen by LMDB's library, whatever the build hides. */
#define SEEN __attribute__((visibility("default")))

SEEN int fdatasync(int fd)
{
    if (disk.sync == 0)
        return (int)syscall(SYS_fdatasync, fd);
    errno = disk.sync;
    return -1;
}

SEEN ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return write_fault() ? -1 : syscall(SYS_pwrite64, fd, data, size, offset);
}

SEEN ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return write_fault() ? -1 : syscall(SYS_writev, fd, parts, count);
}

static void disk_is_good(void)
{
    disk.sync = disk.write = disk.write_passes = 0;
}

/* --- a store on it --------------------------------------------------------------------------- */

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    disk_is_good();
    fixture_start(fixture, KIND_LMDB);
    fixture->options = (struct store_lmdb_options){.reserve_size = 1024 * 1024};
    fixture_reopen(fixture);
    assert_good(store_begin(fixture->store));
    put(fixture->store, TABLE_SPEC, "a", "1");
    commit(fixture->store);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    disk_is_good();
    fixture_stop(*state);
    free(*state);
    return 0;
}

static int commit_on_bad_disk(struct store *store, int sync, int write, int write_passes)
{
    assert_good(store_begin(store));
    for (char key[] = "k0"; key[1] <= '9'; key[1]++)
        put(store, TABLE_SPEC, key, "2");
    put(store, TABLE_SPEC, "a", "2");
    disk.sync = sync;
    disk.write = write;
    disk.write_passes = write_passes;
    int rc = store_commit(store);
    store_abort(store);
    return rc;
}

static void assert_latched(struct store *store)
{
    struct slice value;
    struct store_info info;
    struct store_rows rows = {0};
    const struct store_range range = {.table = TABLE_SPEC, .limit = 1};
    disk_is_good(); /* too late */
    assert_int_equal(store_begin(store), -EIO);
    assert_int_equal(store_get(store, TABLE_SPEC, word("a"), &value), -EIO);
    assert_int_equal(store_scan(store, &range, &rows), -EIO);
    assert_int_equal(store_info(store, &info), -EIO);
    store_rows_fini(&rows);
}

static void a_failed_sync_latches(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(commit_on_bad_disk(fixture->store, EIO, 0, 0), -EIO);
    assert_latched(fixture->store);
    fixture_reopen(fixture);
    assert_string_equal(value_of(fixture->store, TABLE_SPEC, "a"), "1");
    assert_string_equal(value_of(fixture->store, TABLE_SPEC, "k0"), "-");
}

static void a_failed_write_latches(void **state)
{
    struct fixture *fixture = *state;
    for (int passes = 0; passes < 2; passes++) { /* the pages; the head that makes them count */
        assert_int_equal(commit_on_bad_disk(fixture->store, 0, EIO, passes), -EIO);
        assert_latched(fixture->store);
        fixture_reopen(fixture);
        assert_string_equal(value_of(fixture->store, TABLE_SPEC, "a"), "1");
        assert_string_equal(value_of(fixture->store, TABLE_SPEC, "k0"), "-");
    }
}

static off_t size_of(const struct fixture *fixture, const char *name)
{
    char path[128];
    struct stat found;
    snprintf(path, sizeof path, "%s/%s", fixture->dir, name);
    return stat(path, &found) == 0 ? found.st_size : -1;
}

static void a_full_disk_is_no_end(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture->store;
    struct store_info info;
    assert_int_equal(size_of(fixture, "reserve"), 1024 * 1024);
    assert_int_equal(commit_on_bad_disk(store, 0, ENOSPC, 0), -ENOSPC);
    assert_int_equal(size_of(fixture, "reserve"), 0); /* given back */
    assert_string_equal(value_of(store, TABLE_SPEC, "a"), "1");
    assert_int_equal(commit_on_bad_disk(store, 0, EDQUOT, 0), -ENOSPC);
    disk_is_good();
    assert_good(store_begin(store));
    del(store, TABLE_SPEC, "a");
    commit(store);
    assert_string_equal(value_of(store, TABLE_SPEC, "a"), "-");
    assert_good(store_info(store, &info));
    assert_int_equal(size_of(fixture, "reserve"), 1024 * 1024); /* there is room again */
    assert_true(info.free_bytes > 0 && info.used_bytes > 0);
}

/* --- growing --------------------------------------------------------------------------------- */

static void write_rows(struct store *store, uint32_t from, uint32_t count)
{
    uint8_t key[4];
    static uint8_t value[1000];
    assert_good(store_begin(store));
    for (uint32_t i = from; i < from + count; i++) {
        put_be32(key, i);
        memset(value, (int)i, sizeof value);
        assert_good(store_put(store, TABLE_SPEC, (struct slice){key, 4},
                              (struct slice){value, sizeof value}));
    }
    put_be32(key, from + count);
    assert_good(store_put(store, TABLE_COUNTER, word("rows"), (struct slice){key, 4}));
    commit(store);
}

static uint32_t rows_in(struct store_snapshot *snapshot, struct store_rows *rows)
{
    struct slice value;
    const struct store_range all = {.table = TABLE_SPEC, .prefix = bytes("\0"), .limit = SIZE_MAX};
    assert_good(store_snapshot_scan(snapshot, &all, rows));
    assert_good(store_snapshot_get(snapshot, TABLE_COUNTER, word("rows"), &value));
    assert_int_equal(value.len, 4);
    assert_int_equal(rows->count, get_be32(value.at));
    return get_be32(value.at);
}

static void the_map_grows_under_snapshots(void **state)
{
    struct fixture *fixture = *state;
    struct store_snapshot *snapshot;
    fixture->options.map_size = 1024 * 1024;
    fixture->options.unsafe_no_sync = true;
    fixture_reopen(fixture);
    struct store *store = fixture->store;
    assert_good(store_begin(store));
    del(store, TABLE_SPEC, "a");
    commit(store);
    write_rows(store, 0, 10);
    assert_good(store_snapshot_open(store, &snapshot));
    assert_int_equal(rows_in(snapshot, &fixture->rows), 10); /* has been where the map was */
    for (uint32_t i = 10; i < 20000; i += 1000)
        write_rows(store, i, 1000);
    assert_true(size_of(fixture, "data.mdb") > 16 * 1024 * 1024);
    assert_int_equal(rows_in(snapshot, &fixture->rows), 10);
    store_snapshot_close(&snapshot);
    fixture_reopen(fixture);
    assert_good(store_snapshot_open(fixture->store, &snapshot));
    assert_int_equal(rows_in(snapshot, &fixture->rows), 20010);
    store_snapshot_close(&snapshot);
}

struct reader {
    struct store *store;
    int stop; /* atomic */
    unsigned snapshots;
};

static void *read_on(void *at)
{
    struct reader *reader = at;
    struct store_rows rows = {0};
    uint32_t before = 0;
    while (!__atomic_load_n(&reader->stop, __ATOMIC_ACQUIRE)) {
        struct store_snapshot *snapshot;
        struct slice value;
        const struct store_range all = {.table = TABLE_SPEC, .limit = SIZE_MAX};
        if (store_snapshot_open(reader->store, &snapshot) != 0 ||
            store_snapshot_get(snapshot, TABLE_COUNTER, word("rows"), &value) != 0)
            abort();
        uint32_t count = get_be32(value.at);
        if (store_snapshot_scan(snapshot, &all, &rows) != 0 || rows.count != count ||
            count < before)
            abort();
        before = count;
        store_snapshot_close(&snapshot);
        reader->snapshots++;
    }
    store_rows_fini(&rows);
    return NULL;
}

static void snapshots_beside_the_writer(void **state)
{
    struct fixture *fixture = *state;
    fixture->options.map_size = 1024 * 1024;
    fixture->options.unsafe_no_sync = true;
    fixture_reopen(fixture);
    struct store *store = fixture->store;
    assert_good(store_begin(store));
    del(store, TABLE_SPEC, "a");
    commit(store);
    write_rows(store, 0, 10);
    struct reader readers[2] = {{.store = store}, {.store = store}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_good(pthread_create(&threads[i], NULL, read_on, &readers[i]));
    for (uint32_t i = 10; i < 6000; i += 40)
        write_rows(store, i, 40);
    for (int i = 0; i < 2; i++) {
        __atomic_store_n(&readers[i].stop, 1, __ATOMIC_RELEASE);
        assert_good(pthread_join(threads[i], NULL));
        assert_true(readers[i].snapshots > 0);
    }
}

/* --- the directory --------------------------------------------------------------------------- */

static void a_second_broker_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct store *second = NULL;
    char problem[256];
    char pid[16];
    assert_int_equal(store_lmdb_open(fixture->dir, NULL, &second, problem, sizeof problem), -EBUSY);
    assert_null(second);
    snprintf(pid, sizeof pid, "process %d", (int)getpid());
    assert_non_null(strstr(problem, pid));
    assert_non_null(strstr(problem, fixture->dir));
    assert_string_equal(value_of(fixture->store, TABLE_SPEC, "a"), "1"); /* unharmed */
}

static void directories_are_made(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    char problem[256];
    struct store *store;
    struct stat found;
    const struct store_lmdb_options options = {.no_reserve = true};
    snprintf(path, sizeof path, "%s/x/y/z/", fixture->dir);
    assert_good(store_lmdb_open(path, &options, &store, problem, sizeof problem));
    store_close(&store);
    assert_good(stat(path, &found));
    assert_int_equal(found.st_mode & 0777, 0700);
    strcat(path, "data.mdb");
    assert_good(stat(path, &found));
    assert_int_equal(found.st_mode & 0777, 0600);
    strcat(path, "/below");
    assert_int_equal(store_lmdb_open(path, &options, &store, problem, sizeof problem), -ENOTDIR);
    assert_non_null(strstr(problem, path));
    assert_int_equal(store_lmdb_open("", &options, &store, problem, sizeof problem), -ENOENT);
    assert_int_equal(store_lmdb_open("", &options, &store, NULL, 0), -ENOENT);
}

/* A batch that is too big is refused call by call; what came before can still be committed. */
static void a_batch_has_a_bound(void **state)
{
    struct fixture *fixture = *state;
    static uint8_t value[200 * 1024];
    char key[16];
    fixture->options.batch_size_max = 2 * 1024 * 1024;
    fixture_reopen(fixture);
    assert_good(store_begin(fixture->store));
    int rc = 0;
    for (int i = 0; i < 100 && rc == 0; i++) {
        assert_good(store_savepoint(fixture->store));
        snprintf(key, sizeof key, "big%d", i);
        rc =
            store_put(fixture->store, TABLE_RESULT, word(key), (struct slice){value, sizeof value});
    }
    assert_int_equal(rc, -ENOMEM);
    store_rollback(fixture->store);
    commit(fixture->store);
    struct slice got;
    assert_good(store_get(fixture->store, TABLE_RESULT, word("big0"), &got));
    assert_int_equal(got.len, sizeof value);
    assert_int_equal(store_get(fixture->store, TABLE_RESULT, word(key), &got), STORE_NOT_FOUND);
}

/* --- a disk that is really full -------------------------------------------------------------- */

#define NEED(condition)                                             \
    do {                                                            \
        if (!(condition)) {                                         \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            _exit(2);                                               \
        }                                                           \
    } while (0)

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, text, strlen(text)) < 0)
        perror(path);
    if (fd >= 0)
        close(fd);
}

/* A small file system of our own at `dir`, or false. */
static bool mount_small(const char *dir)
{
    char map[64];
    uid_t user = geteuid();
    if (unshare(user == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) < 0)
        return false;
    if (user != 0) {
        snprintf(map, sizeof map, "0 %u 1", user);
        write_text("/proc/self/setgroups", "deny");
        write_text("/proc/self/uid_map", map);
    }
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", dir, "tmpfs", 0, "size=12m") == 0;
}

static int write_some(struct store *store, int batch)
{
    static uint8_t value[3000];
    char key[32];
    NEED(store_begin(store) == 0);
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "%06d.%02d", batch, i);
        NEED(store_put(store, TABLE_SPEC, word(key), (struct slice){value, sizeof value}) == 0);
    }
    int rc = store_commit(store);
    if (rc != 0)
        store_abort(store);
    return rc;
}

static int delete_some(struct store *store, int batch)
{
    char key[32];
    NEED(store_begin(store) == 0);
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "%06d.%02d", batch, i);
        NEED(store_del(store, TABLE_SPEC, word(key)) == 0);
    }
    int rc = store_commit(store);
    if (rc != 0)
        store_abort(store);
    return rc;
}

static struct store *open_small(const char *dir)
{
    const struct store_lmdb_options options = {.reserve_size = 2 * 1024 * 1024};
    struct store *store;
    char problem[256];
    if (store_lmdb_open(dir, &options, &store, problem, sizeof problem) == 0)
        return store;
    fprintf(stderr, "%s\n", problem);
    _exit(2);
}

/* Filled up, everything but new work goes on; emptied, new work does too. */
static void fill_and_drain(const char *dir)
{
    struct store_info info;
    struct slice value;
    struct store *store = open_small(dir);
    int batches = 0;
    int rc;
    while ((rc = write_some(store, batches)) == 0)
        batches++;
    NEED(rc == -ENOSPC && batches > 50);
    NEED(store_info(store, &info) == 0 && info.free_bytes < 512 * 1024);
    NEED(store_get(store, TABLE_SPEC, word("000001.01"), &value) == 0 && value.len == 3000);
    int deleted = 0;
    for (; deleted < 5; deleted++)
        NEED(delete_some(store, deleted) == 0);
    store_close(&store);
    store = open_small(dir); /* a restart on a full disk */
    for (; deleted < batches; deleted++)
        NEED(delete_some(store, deleted) == 0);
    NEED(store_info(store, &info) == 0 && info.free_bytes > 4 * 1024 * 1024);
    for (int i = 0; i < 40; i++)
        NEED(write_some(store, i) == 0);
    store_close(&store);
}

static void a_really_full_disk(void **state)
{
    struct fixture *fixture = *state;
    store_close(&fixture->store);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (!mount_small(fixture->dir))
            _exit(77);
        fill_and_drain(fixture->dir);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("SKIP: no tmpfs can be mounted here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define DISK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DISK(a_failed_sync_latches),       DISK(a_failed_write_latches),
        DISK(a_full_disk_is_no_end),       DISK(the_map_grows_under_snapshots),
        DISK(snapshots_beside_the_writer), DISK(a_second_broker_is_refused),
        DISK(directories_are_made),        DISK(a_batch_has_a_bound),
        DISK(a_really_full_disk),
    };
    return TESTS_RUN(tests);
}
