/* The store's contract: ordered tables of bytes with atomic, durable batches.
 *
 * Two implementations stand behind it: store_lmdb.c (the broker's) and store_mem.c (tests, the
 * simulator). One suite, tests/store, holds both to this contract.
 *
 * One writer, one batch at a time, one thread. begin … (savepoint … rollback)* … commit or abort.
 * Reads inside a batch see its writes. Nothing of a batch is visible to a snapshot, or after a
 * crash, before commit has returned 0, and then all of it is.
 *
 * Keys: 1 to STORE_KEY_MAX bytes, ordered bytewise (a prefix sorts before what it prefixes).
 * Values: 0 to STORE_VALUE_MAX bytes. A value or key that a call gives out lives until the next
 * call on the same store; scan copies into rows that the caller owns.
 *
 * get and scan outside of a batch read the last commit. After a failed commit only abort, close and
 * info are legal. Breaking the order of calls or a bound of keys and values is a bug: it aborts.
 *
 * Results: 0 good; STORE_NOT_FOUND (> 0); < 0 an errno: -ENOSPC no room (abort, then go on: reads
 * and deletes still work), -ENOMEM (abort; a put or del may say so too, where the batch has grown
 * over its bound: that call has changed nothing, so rolling back and committing what came before
 * is as good), anything else means that the medium failed: the store
 * latches, every later begin and commit returns that error, and only a new open recovers. */
#ifndef REEVE_BROKER_STORE_STORE_H
#define REEVE_BROKER_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
    STORE_NOT_FOUND = 1,
    STORE_KEY_MAX = 500,
    STORE_VALUE_MAX = 16 * 1024 * 1024
};

enum store_table {
#define TABLE(number, NAME, name, what) TABLE_##NAME = (number),
#include "broker/store/tables.def"
#undef TABLE
    STORE_TABLE_COUNT
};

const char *store_table_name(enum store_table table);

struct store; /* opaque; made by store_lmdb_open or store_mem_new */

/* What a scan looks for: keys that begin with `prefix`, strictly behind `after` in the direction
 * of the scan (a whole key, prefix included; empty = from the start), at most `limit` rows. With
 * `reverse` from the end towards the beginning. */
struct store_range {
    enum store_table table;
    struct slice prefix;
    struct slice after;
    size_t limit;
    bool reverse;
};

struct store_row {
    struct slice key;
    struct slice value;
};

/* Rows that a scan copied out. {0} is valid and empty; used again and again, freed by fini. */
struct store_rows {
    struct store_row *at;
    size_t count, cap;
    struct buf bytes;
};
void store_rows_fini(struct store_rows *rows);

struct store_info {
    uint64_t used_bytes; /* what the tables take on disk */
    /* Room for new work: on the file system and in pages that deletes gave back, less what is
     * missing of the reserve: next to 0 when the disk is full. UINT64_MAX in memory. */
    uint64_t free_bytes;
};

int store_begin(struct store *store);
int store_get(struct store *store, enum store_table table, struct slice key,
              struct slice *value_out);
int store_put(struct store *store, enum store_table table, struct slice key, struct slice value);
int store_del(struct store *store, enum store_table table, struct slice key); /* or NOT_FOUND */
/* Fills `rows` from the start (what was in it is gone). 0 also when nothing was found. */
int store_scan(struct store *store, const struct store_range *range, struct store_rows *rows);

/* Marks this point of the batch; a later rollback undoes every put and del since the last mark, or
 * of the whole batch where there is none. One level: a new savepoint replaces the old; after a
 * rollback the mark still stands. Cheap: called once per event. */
int store_savepoint(struct store *store);
void store_rollback(struct store *store);

int store_commit(struct store *store); /* blocks until durable */
void store_abort(struct store *store); /* also after a failed commit */

/* A consistent, read-only view of the last commit, for get and scan only, from any one thread,
 * beside the writer. Keep it short: pages freed meanwhile can't be used again. */
struct store_snapshot;
int store_snapshot_open(struct store *store, struct store_snapshot **snapshot_out);
int store_snapshot_get(struct store_snapshot *snapshot, enum store_table table, struct slice key,
                       struct slice *value_out);
int store_snapshot_scan(struct store_snapshot *snapshot, const struct store_range *range,
                        struct store_rows *rows);
void store_snapshot_close(struct store_snapshot **snapshot);

/* May cost some 100 µs: for once a second, not for every batch. */
int store_info(struct store *store, struct store_info *info_out);
void store_close(struct store **store); /* aborts an open batch; NULL is fine */

/* What an implementation provides. Same contracts as above. */
struct store_ops {
    int (*begin)(struct store *);
    int (*get)(struct store *, enum store_table, struct slice key, struct slice *value_out);
    int (*put)(struct store *, enum store_table, struct slice key, struct slice value);
    int (*del)(struct store *, enum store_table, struct slice key);
    int (*scan)(struct store *, const struct store_range *, struct store_rows *);
    int (*savepoint)(struct store *);
    void (*rollback)(struct store *);
    int (*commit)(struct store *);
    void (*abort)(struct store *);
    int (*snapshot_open)(struct store *, struct store_snapshot **);
    int (*snapshot_get)(struct store_snapshot *, enum store_table, struct slice, struct slice *);
    int (*snapshot_scan)(struct store_snapshot *, const struct store_range *, struct store_rows *);
    void (*snapshot_close)(struct store_snapshot **);
    int (*info)(struct store *, struct store_info *);
    void (*close)(struct store **);
};

/* First member of every implementation's struct. `phase` is store.c's own: it guards the order of
 * calls. */
enum store_phase { STORE_IDLE, STORE_IN_BATCH, STORE_COMMIT_FAILED };
struct store {
    const struct store_ops *ops;
    enum store_phase phase;
};

struct store_snapshot {
    const struct store_ops *ops;
};

/* How a scan fills rows: clear, add (copies; 0 or -ENOMEM), finish, which makes the pointers. */
void store_rows_clear(struct store_rows *rows);
int store_rows_add(struct store_rows *rows, struct slice key, struct slice value);
void store_rows_finish(struct store_rows *rows);

#endif
