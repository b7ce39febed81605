/* What the store's tests share: a store of either kind in a directory of its own, and short words
 * for keys and rows. Must never leave a directory behind. */
#ifndef REEVE_TESTS_STORE_FIXTURE_H
#define REEVE_TESTS_STORE_FIXTURE_H

#include "broker/store/store.h"
#include "broker/store/store_lmdb.h"
#include "broker/store/store_mem.h"
#include "tests/testing.h"

enum kind { KIND_MEM, KIND_LMDB };

struct fixture {
    enum kind kind;
    char dir[64];
    struct store_lmdb_options options;
    struct store *store;
    struct store_rows rows;
};

/* A fresh store. In `dir` there is a directory in either case. */
void fixture_start(struct fixture *fixture, enum kind kind);
void fixture_stop(struct fixture *fixture);

/* Closed and opened again, as a restart would. */
void fixture_reopen(struct fixture *fixture);

/* Makes a new empty directory, removes one with all that is in it. */
void folder_make(char *path, size_t size);
void folder_remove(const char *path);

/* As slices; bytes() for keys with zero bytes in them. */
struct slice word(const char *text);
#define bytes(literal) ((struct slice){(const uint8_t *)("" literal), sizeof(literal) - 1})

/* Steps that have to succeed. */
void put(struct store *store, enum store_table table, const char *key, const char *value);
void del(struct store *store, enum store_table table, const char *key);
void commit(struct store *store);

/* What a key has; "-" where there is none. The answer is good until the next call. */
const char *value_of(struct store *store, enum store_table table, const char *key);

/* All rows of a scan as "key=value key=value". */
const char *rows_text(const struct store_rows *rows);
const char *scanned(struct fixture *fixture, const struct store_range *range);

/* A line of random numbers from a seed. */
struct draw {
    uint64_t state;
};
uint64_t draw_u64(struct draw *draw);
unsigned draw_below(struct draw *draw, unsigned limit);

/* REEVE_SEED from the environment, or a fixed one; printed, so that a failure can be repeated. */
uint64_t seed_of(const char *test);

#endif
