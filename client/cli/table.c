/* Tables on a terminal, tab-separated columns elsewhere.
 * Must never cut anything but on a terminal.
 */
#include "client/cli/table.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "client/cli/print.h"

#define GAP 2

void table_init(struct table *table, const char *const *heads)
{
    *table = (struct table){.heads = heads};
    while (heads[table->columns]) {
        table->widths[table->columns] = strlen(heads[table->columns]);
        table->columns++;
    }
    CHECK(table->columns <= TABLE_COLUMNS_MAX);
}

void table_add(struct table *table, struct text text)
{
    size_t before = table->cells.len;
    size_t *width = &table->widths[table->count % table->columns];
    if (print_append(&table->cells, text) < 0 || buf_append(&table->cells, "", 1) < 0) {
        table->failed = true;
        return;
    }
    const char *cell = (const char *)table->cells.at + before;
    size_t columns = print_columns(text_of(cell));
    if (columns > *width)
        *width = columns;
    table->count++;
}

void table_printf(struct table *table, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    table_add(table, text_of(text));
}

/* One cell of an aligned row; the last column takes what is left of the line. */
static void print_aligned(const struct table *table, size_t column, struct text cell, size_t *left)
{
    bool last = column + 1 == table->columns;
    size_t width = table->widths[column];
    struct text shown = print_fitting(cell, last ? *left : width);
    size_t pad = last ? 0 : width - print_columns(shown) + GAP;
    printf("%.*s%*s", (int)shown.len, shown.at, (int)pad, "");
    *left = *left > width + GAP ? *left - width - GAP : 0;
    if (last)
        putchar('\n');
}

static void print_heads(const struct table *table)
{
    size_t left = print_width();
    for (size_t i = 0; i < table->columns; i++)
        print_aligned(table, i, text_of(table->heads[i]), &left);
}

void table_print(struct table *table)
{
    bool terminal = print_to_terminal();
    const char *cell = (const char *)table->cells.at;
    size_t left = 0;
    if (terminal)
        print_heads(table);
    for (size_t i = 0; i < table->count; i++, cell += strlen(cell) + 1) {
        size_t column = i % table->columns;
        if (column == 0)
            left = print_width();
        if (terminal)
            print_aligned(table, column, text_of(cell), &left);
        else
            printf("%s%c", cell, column + 1 == table->columns ? '\n' : '\t');
    }
    if (table->failed)
        fputs("reeve: out of memory: the table is cut off\n", stderr);
    buf_fini(&table->cells);
}
