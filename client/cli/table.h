/* Rows of words: aligned under their heads on a terminal, with tabs between them elsewhere.
 * Must never cut anything but on a terminal. */
#ifndef REEVE_CLIENT_CLI_TABLE_H
#define REEVE_CLIENT_CLI_TABLE_H

#include "base/buf.h"
#include "base/settings.h"

enum { TABLE_COLUMNS_MAX = 12 };

/* Rows are filled cell by cell. `heads` ends with NULL and is borrowed. */
struct table {
    const char *const *heads;
    size_t columns;
    size_t widths[TABLE_COLUMNS_MAX];
    struct buf cells; /* each with its final zero */
    size_t count;
    bool failed; /* memory was short: what there is is printed */
};

void table_init(struct table *table, const char *const *heads);
/* The next cell; the text is made harmless. */
void table_add(struct table *table, struct text text);
void table_printf(struct table *table, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints it to standard output, with heads on a terminal, and frees it. */
void table_print(struct table *table);

#endif
