/* The broker's store: LMDB tables in a data directory, behind store.h.
 *
 *   DIR/data.mdb   the tables                   DIR/lock     flock, the holder's pid
 *   DIR/lock.mdb   LMDB's own table of readers  DIR/reserve  space to go on with on a full disk
 *
 * A batch lives in memory until its commit (overlay.h), so its size is bounded. Must never show
 * anything of LMDB to its callers. */
#ifndef REEVE_BROKER_STORE_STORE_LMDB_H
#define REEVE_BROKER_STORE_STORE_LMDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

/* Zero means the default; NULL options mean all defaults. */
struct store_lmdb_options {
    uint64_t map_size;       /* where the map begins: 1 GiB of address space; it grows by itself */
    uint64_t reserve_size;   /* bytes set aside for a full disk: 32 MiB */
    uint64_t batch_size_max; /* bytes of memory for one batch's changes: 64 MiB; beyond: -ENOMEM */
    uint64_t check_size_max; /* bytes of tables checked at open: 16 MiB */
    /* Beside the broker that has it, or alone: nothing is locked against a broker, made or changed,
     * and no batch may be begun; snapshots show what is committed. An older format is refused as a
     * newer one is. Where the folder holds no store: -ENOENT. -EBUSY: a copy is just being put in
     * its place. */
    bool read_only;
    bool held;               /* store_copy.c's own: the caller has the folder's lock */
    bool new_file;           /* and opens the copy under its provisional name */
    bool no_reserve;         /* tests: keep no reserve */
    bool unsafe_no_sync;     /* tests: commits don't wait for the disk, a crash may lose all */
};

/* Opens the store in `dir`, makes both where they are missing, and holds the directory until
 * store_close. `dir` is borrowed for the call only. 0; < 0 with a sentence for people in `problem`:
 * -EBUSY another process has it, -ENOTSUP a newer format, -EUCLEAN a file that is damaged, foreign
 * or gone, -errno. What is there is never changed by a refusal, and never taken for empty. Data of
 * an older format is brought to the newest first (migrate.h), which may take a while. */
int store_lmdb_open(const char *dir, const struct store_lmdb_options *options,
                    struct store **store_out, char *problem, size_t problem_size);

#endif
