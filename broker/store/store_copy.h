/* Copies of a store: taken beside a running broker, put back into an empty folder, compacted.
 *
 * Each is made whole and durable under another name first, so that a crash at any point leaves the
 * old state or the new one. `problem` gets a sentence for people. All calls block on the disk. */
#ifndef REEVE_BROKER_STORE_STORE_COPY_H
#define REEVE_BROKER_STORE_STORE_COPY_H

#include <stdbool.h>
#include <stddef.h>

#include "broker/store/store.h"

/* Looks over every page of an open store_lmdb that was opened read_only, not only the upper ones.
 * A snapshot of it must be open: that keeps pages from being used again by a broker beside. 0,
 * -EUCLEAN, -errno. */
int store_check_pages(struct store *store, char *problem, size_t problem_size);

/* Writes the last commit of a store (read_only, beside its broker or without) to the file `path`,
 * compacted, checked page by page and synced, with its folder. `overwrite`: also where there is
 * such a file. 0; -EEXIST; -ENOSPC; -EBUSY another backup writes there; -errno. The file under that
 * name is the old one or the new one, never half of one. */
int store_backup(struct store *store, const char *path, bool overwrite, char *problem,
                 size_t problem_size);

/* A store being made in a folder, not yet there for brokers. */
struct store_copy;

/* Copies the backup `file` into `dir`, which is made where it is missing and must not hold a store.
 * 0; -EEXIST it does; -EUCLEAN or -ENOTSUP `file` is no whole store of this or an older Reeve;
 * -EBUSY, -ENOSPC, -errno. */
int store_copy_restore(const char *dir, const char *file, struct store_copy **copy_out,
                       char *problem, size_t problem_size);

/* Copies the store in `dir`, which no broker and no reader has open, without its free pages. 0;
 * -ENOENT; -EBUSY; -EUCLEAN; -ENOSPC; -errno. */
int store_copy_compact(const char *dir, struct store_copy **copy_out, char *problem,
                       size_t problem_size);

/* The copy as a store, for checks and last changes; borrowed. */
struct store *store_copy_store(struct store_copy *copy);

/* Puts the copy in place, durably, and frees it. After an error what was there before is there. 0
 * or -errno. */
int store_copy_finish(struct store_copy **copy, char *problem, size_t problem_size);

/* Removes and frees it; NULL is fine. */
void store_copy_abandon(struct store_copy **copy);

#endif
