/* data.mdb read page by page, before LMDB maps it: is it whole enough to be opened?
 *
 * LMDB trusts its file; a truncated or scribbled one makes it abort or die by SIGBUS. Must never
 * write, nor trust a number that the file says. */
#ifndef REEVE_BROKER_STORE_LMDB_FILE_H
#define REEVE_BROKER_STORE_LMDB_FILE_H

#include "broker/store/data_dir.h"

struct lmdb_file_facts {
    uint64_t size_used; /* bytes up to the last page that was ever used */
};

/* Checks the meta pages, that every page up to the last is there (or free), and the trees from
 * their roots down until `size_max` bytes of pages were seen. 0; -EUCLEAN with a sentence that
 * names `name`; -errno; -ENOMEM. */
int lmdb_file_check(int fd, const char *name, uint64_t size_max, struct lmdb_file_facts *facts_out,
                    const struct problem *problem);

#endif
