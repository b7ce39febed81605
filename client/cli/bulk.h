/* Many jobs at a time: what cancel, retry, delete and purge do when no ids are named. */
#ifndef REEVE_CLIENT_CLI_BULK_H
#define REEVE_CLIENT_CLI_BULK_H

#include "client/cli/cli.h"

/* Starts the operation that the options describe and, unless --no-wait, stays until it is over.
 * `done` words what has become of a job: "cancelled". An exit status. */
int cli_bulk(struct cli *cli, const char *kind, const char *done);

/* Stays with an operation until it is over, showing how far it is. An exit status. */
int cli_bulk_follow(struct cli *cli, const struct uuid *id, const char *done);

#endif
