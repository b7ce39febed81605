/* A program's options from one table: defaults, environment, command line.
 * Must never keep state between calls, and never let a value outside its limits through.
 */
#include "base/settings_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

int settings_wrong(const struct settings_table *table, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "%s: ", table->program);
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "\nTry '%s --help'.\n", table->program);
    va_end(args);
    return SETTINGS_WRONG;
}

int settings_exit(int result)
{
    return result == SETTINGS_WRONG ? 2 : result < 0 ? 1 : 0;
}

/* Layers below the command line. */

static void mark_absent(void *values, const struct setting *row)
{
    bool counted =
        row->kind == SETTING_NUMBER || row->kind == SETTING_DURATION || row->kind == SETTING_SIZE;
    if (counted)
        *(uint64_t *)settings_field(values, row) = SETTING_ABSENT;
}

static int load_presets(struct settings_load *load)
{
    for (size_t i = 0; i < load->table->count; i++) {
        const struct setting *row = &load->table->rows[i];
        struct settings_origin origin = {.layer = LAYER_PRESET};
        snprintf(origin.name, sizeof origin.name, "default of --%s", row->name);
        mark_absent(load->values, row);
        int rc = row->preset ? settings_set(load, i, &origin, row->preset) : 0;
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* An empty variable counts as one that is not set. */
static int load_environment(struct settings_load *load)
{
    for (size_t i = 0; i < load->table->count; i++) {
        const struct setting *row = &load->table->rows[i];
        const char *words = row->env ? getenv(row->env) : NULL;
        struct settings_origin origin = {.layer = LAYER_ENVIRONMENT};
        if (!words || !*words)
            continue;
        snprintf(origin.name, sizeof origin.name, "%s", row->env);
        int rc = settings_set(load, i, &origin, words);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* The command line. */

static size_t find_name(const struct settings_table *table, struct text name)
{
    size_t row = 0;
    while (row < table->count && !text_is(name, table->rows[row].name))
        row++;
    return row;
}

static size_t find_letter(const struct settings_table *table, char letter)
{
    size_t row = 0;
    while (row < table->count && table->rows[row].letter != letter)
        row++;
    return row;
}

/* Sets a row that was named on the command line; `given` is a value joined to its name, or NULL. */
static int set_named(struct settings_load *load, size_t row, const struct settings_origin *origin,
                     const char *given)
{
    if (!given && load->table->rows[row].kind == SETTING_FLAG)
        given = "yes";
    if (!given && load->next < load->argc)
        given = load->argv[load->next++];
    if (!given)
        return settings_wrong(load->table, "%s needs a value", origin->name);
    return settings_set(load, row, origin, given);
}

static int answer(void (*print)(const struct settings_table *), const struct settings_table *table)
{
    print(table);
    return SETTINGS_ANSWERED;
}

static int read_long(struct settings_load *load, const char *word)
{
    struct text name = {word + 2, strcspn(word + 2, "=")};
    const char *given = name.at[name.len] == '=' ? name.at + name.len + 1 : NULL;
    size_t row = find_name(load->table, name);
    if (row == load->table->count && !given && text_is(name, "help"))
        return answer(settings_print_help, load->table);
    if (row == load->table->count && !given && text_is(name, "version"))
        return answer(settings_print_version, load->table);
    if (row == load->table->count)
        return settings_wrong(load->table, "unknown option '--%.*s'", (int)name.len, name.at);
    struct settings_origin origin = {.layer = LAYER_COMMAND_LINE};
    snprintf(origin.name, sizeof origin.name, "--%s", load->table->rows[row].name);
    return set_named(load, row, &origin, given);
}

/* `-f`, `-fg` (flags), `-n VALUE`, `-nVALUE`. */
static int read_letters(struct settings_load *load, const char *word)
{
    for (const char *at = word + 1; *at; at++) {
        size_t row = find_letter(load->table, *at);
        if (row == load->table->count && *at == 'h')
            return answer(settings_print_help, load->table);
        if (row == load->table->count)
            return settings_wrong(load->table, "unknown option '-%c'", *at);
        struct settings_origin origin = {LAYER_COMMAND_LINE, {'-', *at, '\0'}};
        bool flag = load->table->rows[row].kind == SETTING_FLAG;
        int rc = set_named(load, row, &origin, !flag && at[1] ? at + 1 : NULL);
        if (rc != 0 || !flag)
            return rc;
    }
    return 0;
}

static int keep_word(struct settings_load *load, const char *word)
{
    if (!load->rest)
        return settings_wrong(load->table, "unexpected word '%s'", word);
    if (load->rest->count == SETTINGS_LIST_MAX)
        return settings_wrong(load->table, "more than %d words", SETTINGS_LIST_MAX);
    int rc = settings_list_add(load->rest, text_of(word));
    return rc < 0 ? settings_out_of_memory(load->table) : 0;
}

/* "-" alone is a word, as in most programs. */
static int load_command_line(struct settings_load *load)
{
    int rc = 0;
    bool options = true;
    while (rc == 0 && load->next < load->argc) {
        const char *word = load->argv[load->next++];
        if (options && strcmp(word, "--") == 0)
            options = false;
        else if (options && strncmp(word, "--", 2) == 0)
            rc = read_long(load, word);
        else if (options && word[0] == '-' && word[1])
            rc = read_letters(load, word);
        else
            rc = keep_word(load, word);
    }
    return rc;
}

/* Help is wanted all the more by one whose environment is wrong: so it is looked for first. */
static bool asks_only(const struct settings_load *load, const char *word)
{
    return load->argc == 2 && strcmp(load->argv[1], word) == 0;
}

static int load_layers(struct settings_load *load)
{
    if (asks_only(load, "--help"))
        return answer(settings_print_help, load->table);
    if (asks_only(load, "--version"))
        return answer(settings_print_version, load->table);
    int rc = load_presets(load);
    if (rc == 0)
        rc = load_environment(load);
    return rc == 0 ? load_command_line(load) : rc;
}

int settings_load(const struct settings_table *table, int argc, char *const argv[], void *values,
                  struct settings_list *rest_out)
{
    CHECK(table->count <= SETTINGS_ROWS_MAX);
    struct settings_load load = {.table = table, .values = values, .rest = rest_out};
    load.argv = argv;
    load.argc = argc;
    load.next = 1;
    if (rest_out)
        *rest_out = (struct settings_list){0};
    int rc = load_layers(&load);
    if (rc != SETTINGS_GO_ON) {
        settings_fini(table, values);
        settings_list_fini(rest_out);
    }
    return rc;
}

/* How many words of argv an option takes: 2 when its value is the next word. */
static int words_of_option(const struct settings_table *table, const char *word)
{
    size_t row;
    if (word[1] == '-') {
        struct text name = {word + 2, strcspn(word + 2, "=")};
        row = find_name(table, name);
        if (name.at[name.len] == '=')
            return 1;
    } else {
        size_t letter = 1;
        row = find_letter(table, word[letter]);
        while (row < table->count && table->rows[row].kind == SETTING_FLAG && word[letter + 1])
            row = find_letter(table, word[++letter]);
        if (word[letter + 1])
            return 1;
    }
    return row < table->count && table->rows[row].kind != SETTING_FLAG ? 2 : 1;
}

const char *settings_command(const struct settings_table *table, int argc, char *const argv[])
{
    for (int at = 1; at < argc;) {
        const char *word = argv[at];
        if (strcmp(word, "--") == 0)
            return at + 1 < argc ? argv[at + 1] : NULL;
        if (word[0] != '-' || !word[1])
            return word;
        at += words_of_option(table, word);
    }
    return NULL;
}

void settings_fini(const struct settings_table *table, void *values)
{
    for (size_t i = 0; values && i < table->count; i++) {
        const struct setting *row = &table->rows[i];
        if (row->kind == SETTING_TEXT) {
            char **field = settings_field(values, row);
            free(*field);
            *field = NULL;
        } else if (row->kind == SETTING_LIST) {
            settings_list_fini(settings_field(values, row));
        }
    }
}
