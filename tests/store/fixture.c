/* The helpers of fixture.h. */
#define _XOPEN_SOURCE 700
#include "tests/store/fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void folder_make(char *path, size_t size)
{
    const char *base = getenv("TMPDIR");
    snprintf(path, size, "%s/reeve-store-XXXXXX", base && *base ? base : "/tmp");
    assert_non_null(mkdtemp(path));
}

static int remove_one(const char *path, const struct stat *found, int kind, struct FTW *where)
{
    (void)found;
    (void)kind;
    (void)where;
    return remove(path);
}

void folder_remove(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void open_lmdb(struct fixture *fixture)
{
    char problem[256] = "";
    int rc =
        store_lmdb_open(fixture->dir, &fixture->options, &fixture->store, problem, sizeof problem);
    if (rc != 0)
        fail_msg("open: %d: %s", rc, problem);
}

void fixture_start(struct fixture *fixture, enum kind kind)
{
    *fixture = (struct fixture){.kind = kind};
    fixture->options.no_reserve = true;
    fixture->options.unsafe_no_sync = true;
    folder_make(fixture->dir, sizeof fixture->dir);
    if (kind == KIND_LMDB)
        open_lmdb(fixture);
    else
        fixture->store = store_mem_new();
    assert_non_null(fixture->store);
}

void fixture_stop(struct fixture *fixture)
{
    store_close(&fixture->store);
    store_rows_fini(&fixture->rows);
    folder_remove(fixture->dir);
}

void fixture_reopen(struct fixture *fixture)
{
    if (fixture->kind == KIND_MEM) {
        store_mem_crash(fixture->store);
        return;
    }
    store_close(&fixture->store);
    open_lmdb(fixture);
}

struct slice word(const char *text)
{
    return text_slice(text_of(text));
}

void put(struct store *store, enum store_table table, const char *key, const char *value)
{
    assert_good(store_put(store, table, word(key), word(value)));
}

void del(struct store *store, enum store_table table, const char *key)
{
    assert_good(store_del(store, table, word(key)));
}

void commit(struct store *store)
{
    assert_good(store_commit(store));
}

const char *value_of(struct store *store, enum store_table table, const char *key)
{
    static char text[1024];
    struct slice value;
    int rc = store_get(store, table, word(key), &value);
    if (rc == STORE_NOT_FOUND)
        return "-";
    assert_int_equal(rc, 0);
    snprintf(text, sizeof text, "%.*s", (int)value.len, (const char *)value.at);
    return text;
}

const char *rows_text(const struct store_rows *rows)
{
    static char text[4096];
    size_t len = 0;
    text[0] = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const struct store_row *row = &rows->at[i];
        int more = snprintf(text + len, sizeof text - len, "%s%.*s=%.*s", i > 0 ? " " : "",
                            (int)row->key.len, (const char *)row->key.at, (int)row->value.len,
                            (const char *)row->value.at);
        len += (size_t)more;
        assert_true(len < sizeof text);
    }
    return text;
}

const char *scanned(struct fixture *fixture, const struct store_range *range)
{
    assert_good(store_scan(fixture->store, range, &fixture->rows));
    return rows_text(&fixture->rows);
}

/* splitmix64 */
uint64_t draw_u64(struct draw *draw)
{
    uint64_t z = draw->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

unsigned draw_below(struct draw *draw, unsigned limit)
{
    return (unsigned)(draw_u64(draw) % limit);
}

uint64_t seed_of(const char *test)
{
    const char *asked = getenv("REEVE_SEED");
    uint64_t seed = asked ? strtoull(asked, NULL, 0) : 20250611;
    fprintf(stderr, "%s: REEVE_SEED=%llu\n", test, (unsigned long long)seed);
    return seed;
}
