/* Brings the data of an older version to FORMAT_VERSION, when the store is opened and before
 * anything else reads it.
 *
 * Each format has one step, named migrate_N_to_N+1, made of batches of bounded size. A batch is
 * durable or did not happen, and says in META how far the step has come: after a crash it goes on
 * there. The new format's number is written with the last batch. To change the format: raise
 * FORMAT_VERSION, add a step and its row in migrate.c, and a data directory of the old format to
 * tests/store/golden. */
#ifndef REEVE_BROKER_STORE_MIGRATE_H
#define REEVE_BROKER_STORE_MIGRATE_H

#include "broker/store/data_dir.h"
#include "broker/store/store.h"

/* Nothing is read or written but META where the format is the newest. Blocks as long as it takes,
 * and logs how far it is. 0; -ENOSPC, -EUCLEAN (a record that can't be read), -errno with a
 * sentence in `problem`: then it is as if the machine had failed just then. */
int migrate(struct store *store, const struct problem *problem);

#endif
