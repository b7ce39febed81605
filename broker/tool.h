/* reeve-broker as a tool over a store: --check, --dump, --backup, --restore, --compact. None of
 * them binds a socket; the first three work beside a running broker. */
#ifndef REEVE_BROKER_TOOL_H
#define REEVE_BROKER_TOOL_H

#include <stdbool.h>

#include "broker/options.h"

struct store;

bool tool_wanted(const struct options *options);

/* Does what the options ask for, says what came of it on stdout and what is wrong on stderr.
 * Returns the exit status: 0; 1 failed, or something is wrong with the store; 2 wrong use (there is
 * no store). */
int tool_run(const struct options *options);

enum { TOOL_GOOD = 0, TOOL_FAILED = 1, TOOL_WRONG = 2 };

/* --- for the tools themselves ----------------------------------------------------------------- */

/* A tool over a store that was opened to be read. */
int tool_dump(const struct options *options, struct store *store);
int tool_backup(const struct options *options, struct store *store);
/* Tools that make a store. */
int tool_restore(const struct options *options);
int tool_compact(const struct options *options);

/* Checks the rows of a whole store: violations to stdout, then a line of figures that begins with
 * `what`. 0, 1 where anything is wrong, also where it could not be read. */
int tool_check_rows(struct store *store, const char *what);

/* `reeve-broker: …` on stderr. Returns TOOL_FAILED. */
int tool_failed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
