/* Data of older formats: the golden directories come up whole, and a step that is cut short at any
 * commit goes on as if nothing had happened. */
#include "tests/testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "broker/core/check.h"
#include "broker/core/walk.h"
#include "broker/store/migrate.h"
#include "broker/store/record.h"
#include "tests/store/fixture.h"

/* --- the golden directory of format 1 ----------------------------------------------------------
 */

static void unpack(const char *archive, const char *dir)
{
    const char *source = getenv("REEVE_SOURCE");
    char command[1024];
    snprintf(command, sizeof command, "tar -xzf '%s/tests/store/golden/%s' -C '%s'",
             source ? source : ".", archive, dir);
    assert_good(system(command));
}

static void tell(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "%s\n", line);
}

static void assert_whole(struct store *store)
{
    struct store_snapshot *snapshot;
    struct check_figures figures;
    assert_good(store_snapshot_open(store, &snapshot));
    assert_good(core_check(snapshot, tell, NULL, &figures));
    assert_true(figures.rows[TABLE_INDEX] == 3 * figures.rows[TABLE_STATE]);
    store_snapshot_close(&snapshot);
}

/* The names of the jobs that fit, the oldest first. */
static const char *names_of(struct core *core, struct filter filter)
{
    static char text[1000];
    struct walk_from from = {.oldest_first = true};
    struct walk *walk;
    struct wire_spec spec;
    int rc;
    text[0] = 0;
    if (!filter.statuses)
        filter.statuses = ~1u;
    assert_good(walk_start(core, &filter, &from, &walk));
    while ((rc = walk_next(walk, &core->job)) == WALK_JOB) {
        assert_good(spec_get(core, &core->job.id, &spec));
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len, "%s%.*s", len ? " | " : "", (int)spec.name.len,
                 spec.name.at);
    }
    assert_int_equal(rc, WALK_END);
    walk_end(&walk);
    return text;
}

static void assert_listed(struct core *core)
{
    struct filter ann = {.owner = TEXT("ann")}, bob = {.owner = TEXT("bob")};
    struct filter all_of_bob = {.owner = TEXT("bob"), .system = true};
    struct filter failed = {.statuses = 1u << JOB_FAILED, .queue = TEXT("q1")};
    struct filter q3 = {.queue = TEXT("q3"), .type = TEXT("send")};
    struct filter system = {.queue = TEXT("reeve"), .system = true};
    struct filter hooks = {.type = TEXT("reeve.webhook")};
    assert_string_equal(names_of(core, (struct filter){0}),
                        "completed | failed | scheduled retry | cancelled, ending | running | "
                        "pending | scheduled | cancelled");
    assert_string_equal(names_of(core, ann), "completed | failed | scheduled retry | "
                                             "cancelled, ending | cancelled");
    assert_string_equal(names_of(core, bob), "running | pending | scheduled");
    assert_string_equal(names_of(core, all_of_bob),
                        "running | pending | scheduled | system cancelled");
    assert_string_equal(names_of(core, failed), "failed");
    assert_string_equal(names_of(core, q3), "pending | scheduled | cancelled");
    assert_string_equal(names_of(core, system), "system pending | system cancelled");
    assert_string_equal(names_of(core, hooks), "");
}

TEST(format_1_comes_up_whole)
{
    char dir[64], problem[200] = "";
    struct store *store;
    struct core_config config;
    struct core *core;
    folder_make(dir, sizeof dir);
    unpack("format-1.tar.gz", dir);
    assert_good(store_lmdb_open(dir, NULL, &store, problem, sizeof problem));
    assert_whole(store);
    core_config_init(&config);
    assert_good(core_new(&config, store, (struct core_now){1000, 1893456000000, 1}, &core));
    assert_listed(core);
    core_destroy(&core);
    store_close(&store);
    folder_remove(dir);
}

/* --- cut short ---------------------------------------------------------------------------------
 */

enum { JOBS = 4500 };

static struct uuid id_of(unsigned n)
{
    struct uuid id = {{0}};
    put_be32(id.at, n * UINT32_C(2654435761));
    put_be32(id.at + 4, n);
    return id;
}

static struct rec_state state_of(unsigned n)
{
    static const char *const queues[] = {"a", "b", "reeve"};
    return (struct rec_state){
        .status = (enum job_state)(1 + n % (JOB_STATE_COUNT - 1)),
        .created_at = 1000 + n / 3,
        .queue = text_of(queues[n % 3]),
        .owner = n % 5 ? TEXT("ann") : TEXT("bob"),
        .type = TEXT("t"),
    };
}

static void put_meta_format(struct store *store, uint32_t format)
{
    uint8_t bytes_at[4];
    put_be32(bytes_at, format);
    assert_good(store_put(store, TABLE_META, word(META_FORMAT), (struct slice){bytes_at, 4}));
}

/* Jobs as format 1 kept them, as far as the step looks at them. */
static struct store *make_format_1(void)
{
    struct store *store = store_mem_new();
    struct buf value = {0};
    assert_non_null(store);
    assert_good(store_begin(store));
    put_meta_format(store, 1);
    for (unsigned n = 0; n < JOBS; n++) {
        struct rec_key key;
        struct uuid id = id_of(n);
        struct rec_state s = state_of(n);
        buf_clear(&value);
        assert_good(shape_encode(&value, &shape_rec_state, &s, KEYS_NUMBERS));
        assert_good(store_put(store, TABLE_STATE, key_job(&id), buf_slice(&value)));
        assert_good(store_put(store, TABLE_STATUS,
                              key_status(&key, s.status, false, s.created_at, &id), word("")));
    }
    assert_good(store_commit(store));
    buf_fini(&value);
    return store;
}

/* All rows of some tables, as bytes. */
static void print_tables(struct store *store, struct buf *out)
{
    static const enum store_table tables[] = {TABLE_META, TABLE_STATUS, TABLE_COUNTER, TABLE_INDEX};
    struct store_rows rows = {0};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        struct store_range range = {.table = tables[t], .limit = 100000};
        assert_good(store_scan(store, &range, &rows));
        assert_good(buf_printf(out, "%s %zu\n", store_table_name(tables[t]), rows.count));
        for (size_t i = 0; i < rows.count; i++) {
            assert_good(buf_append(out, rows.at[i].key.at, rows.at[i].key.len));
            assert_good(buf_append(out, rows.at[i].value.at, rows.at[i].value.len));
        }
    }
    store_rows_fini(&rows);
}

static void assert_rows(struct store *store, enum store_table table, struct slice prefix, size_t n)
{
    struct store_rows rows = {0};
    struct store_range range = {.table = table, .prefix = prefix, .limit = 100000};
    assert_good(store_scan(store, &range, &rows));
    assert_int_equal(rows.count, n);
    store_rows_fini(&rows);
}

TEST(every_job_gets_its_rows)
{
    struct store *store = make_format_1();
    struct rec_key key;
    struct slice value;
    assert_good(migrate(store, &(struct problem){NULL, 0}));
    assert_rows(store, TABLE_INDEX, (struct slice){0}, 3 * JOBS);
    assert_rows(store, TABLE_STATUS, (struct slice){0}, JOBS);
    for (unsigned n = 0; n < JOBS; n++) {
        struct rec_state s = state_of(n);
        struct uuid id = id_of(n);
        bool system = n % 3 == 2;
        assert_good(store_get(
            store, TABLE_INDEX,
            key_index(&key, 'o', s.owner, class_of(s.status), system, s.created_at, &id), &value));
        assert_good(store_get(store, TABLE_STATUS,
                              key_status(&key, s.status, system, s.created_at, &id), &value));
    }
    assert_good(store_get(store, TABLE_COUNTER,
                          key_counter(&key, COUNT_SYSTEM_TYPE, TEXT("t"), JOB_NONE), &value));
    assert_int_equal(get_be64(value.at), JOBS / 3);
    store_close(&store);
}

TEST(a_step_cut_short_goes_on)
{
    struct buf whole = {0}, cut = {0};
    struct store *store = make_format_1();
    assert_good(migrate(store, &(struct problem){NULL, 0}));
    uint64_t commits = store_mem_commits(store) - 1;
    print_tables(store, &whole);
    store_close(&store);
    assert_true(commits >= 3);
    for (uint64_t n = 1; n <= commits; n++) {
        for (int applied = 0; applied < 2; applied++) {
            store = make_format_1();
            store_mem_fail_commit(store, n, EIO, applied);
            assert_int_equal(migrate(store, &(struct problem){NULL, 0}), -EIO);
            store_mem_crash(store);
            assert_good(migrate(store, &(struct problem){NULL, 0}));
            buf_clear(&cut);
            print_tables(store, &cut);
            assert_true(slice_eq(buf_slice(&cut), buf_slice(&whole)));
            store_close(&store);
        }
    }
    buf_fini(&cut);
    buf_fini(&whole);
}

TEST(a_record_that_cannot_be_read_is_refused)
{
    char problem[200] = "";
    struct store *store = make_format_1();
    struct slice value;
    assert_good(store_begin(store));
    assert_good(store_put(store, TABLE_STATE, word("0123456789abcdef"), word("no record")));
    assert_good(store_commit(store));
    assert_int_equal(migrate(store, &(struct problem){problem, sizeof problem}), -EUCLEAN);
    assert_non_null(strstr(problem, "from format 1 to 2"));
    assert_good(store_get(store, TABLE_META, word(META_FORMAT), &value));
    assert_int_equal(get_be32(value.at), 1);
    store_close(&store);
}

TEST(the_newest_format_is_left_alone)
{
    struct store *store = store_mem_new();
    assert_good(store_begin(store));
    put_meta_format(store, FORMAT_VERSION);
    assert_good(store_commit(store));
    assert_good(migrate(store, &(struct problem){NULL, 0}));
    assert_int_equal(store_mem_commits(store), 1);
    store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format_1_comes_up_whole),
        cmocka_unit_test(every_job_gets_its_rows),
        cmocka_unit_test(a_step_cut_short_goes_on),
        cmocka_unit_test(a_record_that_cannot_be_read_is_refused),
        cmocka_unit_test(the_newest_format_is_left_alone),
    };
    return TESTS_RUN(tests);
}
