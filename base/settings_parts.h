/* What settings.c and settings_help.c share; for no one else.
 * Must never be included outside base/settings*.c.
 */
#ifndef REEVE_BASE_SETTINGS_PARTS_H
#define REEVE_BASE_SETTINGS_PARTS_H

#include "base/settings.h"

/* Print to stdout. */
void settings_print_help(const struct settings_table *table);
void settings_print_version(const struct settings_table *table);

/* True when the letter is a row's. */
bool settings_has_letter(const struct settings_table *table, char letter);

#endif
