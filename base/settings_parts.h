/* What the files of base/settings share; for no one else.
 * Must never be included outside base/settings*.c.
 */
#ifndef REEVE_BASE_SETTINGS_PARTS_H
#define REEVE_BASE_SETTINGS_PARTS_H

#include "base/settings.h"

/* From weak to strong. A configuration file goes between the first two. */
enum settings_layer { LAYER_NONE, LAYER_PRESET, LAYER_ENVIRONMENT, LAYER_COMMAND_LINE };

/* One run of settings_load. */
struct settings_load {
    const struct settings_table *table;
    void *values;
    struct settings_list *rest;
    char *const *argv;
    int argc;
    int next;                                      /* the word of argv to be read next */
    enum settings_layer set_by[SETTINGS_ROWS_MAX]; /* who gave each row its value */
};

/* Where a value stands, for messages: "--name", "-n" or "REEVE_NAME". */
struct settings_origin {
    enum settings_layer layer;
    char name[80];
};

/* The one way a value gets into the program's struct, whatever layer it comes from: 0,
 * SETTINGS_WRONG or -ENOMEM, said on stderr. */
int settings_set(struct settings_load *load, size_t row, const struct settings_origin *origin,
                 const char *words);

/* A row's field in the program's struct. */
void *settings_field(void *values, const struct setting *row);

/* Appends a copy of the word. 0 or -ENOMEM (not said). */
int settings_list_add(struct settings_list *list, struct text word);

/* Says so on stderr; gives -ENOMEM. */
int settings_out_of_memory(const struct settings_table *table);

/* Print to stdout. */
void settings_print_help(const struct settings_table *table);
void settings_print_version(const struct settings_table *table);

/* True when the letter is a row's. */
bool settings_has_letter(const struct settings_table *table, char letter);

#endif
