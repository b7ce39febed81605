/* A program's options from one table: defaults, environment, command line.
 * Must never keep state between calls, and never let a value outside its limits through.
 */
#include "base/settings_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/duration.h"
#include "base/size.h"

/* From weak to strong. A configuration file goes between the first two. */
enum layer { LAYER_NONE, LAYER_PRESET, LAYER_ENVIRONMENT, LAYER_COMMAND_LINE };

/* One run of settings_load. */
struct load {
    const struct settings_table *table;
    void *values;
    struct settings_list *rest;
    char *const *argv;
    int argc;
    int next;                             /* the word of argv to be read next */
    enum layer set_by[SETTINGS_ROWS_MAX]; /* who gave each row its value */
};

/* Where a value stands, for messages: "--name", "-n" or "REEVE_NAME". */
struct origin {
    enum layer layer;
    char name[80];
};

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

static int out_of_memory(const struct settings_table *table)
{
    fprintf(stderr, "%s: out of memory while reading the options\n", table->program);
    return -ENOMEM;
}

int settings_exit(int result)
{
    return result == SETTINGS_WRONG ? 2 : result < 0 ? 1 : 0;
}

static void *field_of(void *values, const struct setting *row)
{
    return (char *)values + row->offset;
}

/* Lists. */

void settings_list_fini(struct settings_list *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->count; i++)
        free(list->at[i]);
    free(list->at);
    *list = (struct settings_list){0};
}

/* Grows by powers of two, whose size the count alone tells. */
static int list_add(struct settings_list *list, struct text word)
{
    if ((list->count & (list->count - 1)) == 0) {
        char **at = reallocarray(list->at, list->count ? list->count * 2 : 1, sizeof *at);
        if (!at)
            return -ENOMEM;
        list->at = at;
    }
    char *copy = strndup(word.len ? word.at : "", word.len);
    if (!copy)
        return -ENOMEM;
    list->at[list->count++] = copy;
    return 0;
}

/* Values, one function per kind: 0, SETTINGS_WRONG (said on stderr) or -ENOMEM (not said yet). */

struct value {
    struct load *load;
    const struct setting *row;
    const struct origin *origin;
    const char *words;
};

static int wrong_value(const struct value *value, const char *expected)
{
    return settings_wrong(value->load->table, "%s: '%s' is not %s", value->origin->name,
                          value->words, expected);
}

static bool has_limits(const struct setting *row)
{
    return row->min != 0 || row->max != 0;
}

static int check_limits(const struct value *value, uint64_t number, const char *unit)
{
    const struct setting *row = value->row;
    if (!has_limits(row) || (number >= row->min && number <= row->max))
        return 0;
    return settings_wrong(value->load->table,
                          "%s: '%s' is outside its limits, %" PRIu64 " to %" PRIu64 "%s",
                          value->origin->name, value->words, row->min, row->max, unit);
}

static int check_length(const struct value *value, size_t len)
{
    const struct setting *row = value->row;
    if (!has_limits(row) || (len >= row->min && len <= row->max))
        return 0;
    if (len == 0)
        return settings_wrong(value->load->table, "%s needs a value", value->origin->name);
    return settings_wrong(value->load->table,
                          "%s: '%.60s' is %zu bytes long; allowed are %" PRIu64 " to %" PRIu64,
                          value->origin->name, value->words, len, row->min, row->max);
}

static int set_text(const struct value *value)
{
    char **field = field_of(value->load->values, value->row);
    int rc = check_length(value, strlen(value->words));
    if (rc != 0)
        return rc;
    char *copy = strdup(value->words);
    if (!copy)
        return -ENOMEM;
    free(*field);
    *field = copy;
    return 0;
}

static int set_number(const struct value *value)
{
    uint64_t *field = field_of(value->load->values, value->row);
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value->words, &end, 10);
    if (value->words[0] < '0' || value->words[0] > '9' || *end != '\0' || errno != 0 ||
        number == SETTING_ABSENT)
        return wrong_value(value, "a whole number");
    int rc = check_limits(value, number, "");
    if (rc == 0)
        *field = number;
    return rc;
}

static int set_integer(const struct value *value)
{
    int64_t *field = field_of(value->load->values, value->row);
    int64_t min = (int64_t)value->row->min;
    int64_t max = (int64_t)value->row->max;
    char *end;
    errno = 0;
    long long number = strtoll(value->words, &end, 10);
    size_t sign = value->words[0] == '-';
    if (value->words[sign] < '0' || value->words[sign] > '9' || *end != '\0' || errno != 0)
        return wrong_value(value, "a whole number");
    if (has_limits(value->row) && (number < min || number > max))
        return settings_wrong(value->load->table,
                              "%s: '%s' is outside its limits, %" PRId64 " to %" PRId64,
                              value->origin->name, value->words, min, max);
    *field = number;
    return 0;
}

static int set_duration(const struct value *value)
{
    uint64_t *field = field_of(value->load->values, value->row);
    uint64_t ms = 0;
    if (duration_parse(text_of(value->words), &ms) != 0)
        return wrong_value(value, "a duration, such as 500ms, 10s, 5m, 1h30m or 2d");
    if (has_limits(value->row) && (ms < value->row->min || ms > value->row->max)) {
        char min[DURATION_TEXT_SIZE];
        char max[DURATION_TEXT_SIZE];
        duration_format(value->row->min, min);
        duration_format(value->row->max, max);
        return settings_wrong(value->load->table, "%s: '%s' is outside its limits, %s to %s",
                              value->origin->name, value->words, min, max);
    }
    *field = ms;
    return 0;
}

static int set_size(const struct value *value)
{
    uint64_t *field = field_of(value->load->values, value->row);
    uint64_t bytes = 0;
    if (size_parse(text_of(value->words), &bytes) != 0)
        return wrong_value(value, "a size, such as 4096, 64k, 10M or 2G");
    int rc = check_limits(value, bytes, " bytes");
    if (rc == 0)
        *field = bytes;
    return rc;
}

static int set_flag(const struct value *value)
{
    static const char *const yes[] = {"1", "true", "yes", "on"};
    static const char *const no[] = {"0", "false", "no", "off"};
    bool *field = field_of(value->load->values, value->row);
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        bool is_yes = strcmp(value->words, yes[i]) == 0;
        if (is_yes || strcmp(value->words, no[i]) == 0) {
            *field = is_yes;
            return 0;
        }
    }
    return wrong_value(value, "yes or no");
}

static int add_to_list(const struct value *value, struct text word)
{
    struct settings_list *field = field_of(value->load->values, value->row);
    int rc = check_length(value, word.len);
    if (rc != 0)
        return rc;
    if (field->count == SETTINGS_LIST_MAX)
        return settings_wrong(value->load->table, "%s: more than %d entries", value->origin->name,
                              SETTINGS_LIST_MAX);
    return list_add(field, word);
}

/* The command line gives one entry a time, the other layers all at once with commas between. */
static int set_list(const struct value *value)
{
    size_t row = (size_t)(value->row - value->load->table->rows);
    if (value->load->set_by[row] != value->origin->layer)
        settings_list_fini(field_of(value->load->values, value->row));
    if (value->origin->layer == LAYER_COMMAND_LINE)
        return add_to_list(value, text_of(value->words));
    for (const char *at = value->words; *at;) {
        struct text word = {at, strcspn(at, ",")};
        int rc = add_to_list(value, word);
        if (rc != 0)
            return rc;
        at += word.len + (at[word.len] == ',');
    }
    return 0;
}

static int (*const setters[])(const struct value *) = {
    [SETTING_TEXT] = set_text,       [SETTING_NUMBER] = set_number,
    [SETTING_INTEGER] = set_integer, [SETTING_DURATION] = set_duration,
    [SETTING_SIZE] = set_size,       [SETTING_FLAG] = set_flag,
    [SETTING_LIST] = set_list,
};

/* The one way a value gets into the program's struct, whatever layer it comes from. */
static int set_value(struct load *load, size_t row, const struct origin *origin, const char *words)
{
    struct value value = {load, &load->table->rows[row], origin, words};
    int rc = setters[value.row->kind](&value);
    if (rc == 0)
        load->set_by[row] = origin->layer;
    return rc == -ENOMEM ? out_of_memory(load->table) : rc;
}

/* Layers below the command line. */

static void mark_absent(void *values, const struct setting *row)
{
    bool counted =
        row->kind == SETTING_NUMBER || row->kind == SETTING_DURATION || row->kind == SETTING_SIZE;
    if (counted)
        *(uint64_t *)field_of(values, row) = SETTING_ABSENT;
}

static int load_presets(struct load *load)
{
    for (size_t i = 0; i < load->table->count; i++) {
        const struct setting *row = &load->table->rows[i];
        struct origin origin = {.layer = LAYER_PRESET};
        snprintf(origin.name, sizeof origin.name, "default of --%s", row->name);
        mark_absent(load->values, row);
        int rc = row->preset ? set_value(load, i, &origin, row->preset) : 0;
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* An empty variable counts as one that is not set. */
static int load_environment(struct load *load)
{
    for (size_t i = 0; i < load->table->count; i++) {
        const struct setting *row = &load->table->rows[i];
        const char *words = row->env ? getenv(row->env) : NULL;
        struct origin origin = {.layer = LAYER_ENVIRONMENT};
        if (!words || !*words)
            continue;
        snprintf(origin.name, sizeof origin.name, "%s", row->env);
        int rc = set_value(load, i, &origin, words);
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
static int set_named(struct load *load, size_t row, const struct origin *origin, const char *given)
{
    if (!given && load->table->rows[row].kind == SETTING_FLAG)
        given = "yes";
    if (!given && load->next < load->argc)
        given = load->argv[load->next++];
    if (!given)
        return settings_wrong(load->table, "%s needs a value", origin->name);
    return set_value(load, row, origin, given);
}

static int answer(void (*print)(const struct settings_table *), const struct settings_table *table)
{
    print(table);
    return SETTINGS_ANSWERED;
}

static int read_long(struct load *load, const char *word)
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
    struct origin origin = {.layer = LAYER_COMMAND_LINE};
    snprintf(origin.name, sizeof origin.name, "--%s", load->table->rows[row].name);
    return set_named(load, row, &origin, given);
}

/* `-f`, `-fg` (flags), `-n VALUE`, `-nVALUE`. */
static int read_letters(struct load *load, const char *word)
{
    for (const char *at = word + 1; *at; at++) {
        size_t row = find_letter(load->table, *at);
        if (row == load->table->count && *at == 'h')
            return answer(settings_print_help, load->table);
        if (row == load->table->count)
            return settings_wrong(load->table, "unknown option '-%c'", *at);
        struct origin origin = {LAYER_COMMAND_LINE, {'-', *at, '\0'}};
        bool flag = load->table->rows[row].kind == SETTING_FLAG;
        int rc = set_named(load, row, &origin, !flag && at[1] ? at + 1 : NULL);
        if (rc != 0 || !flag)
            return rc;
    }
    return 0;
}

static int keep_word(struct load *load, const char *word)
{
    if (!load->rest)
        return settings_wrong(load->table, "unexpected word '%s'", word);
    if (load->rest->count == SETTINGS_LIST_MAX)
        return settings_wrong(load->table, "more than %d words", SETTINGS_LIST_MAX);
    int rc = list_add(load->rest, text_of(word));
    return rc < 0 ? out_of_memory(load->table) : 0;
}

/* "-" alone is a word, as in most programs. */
static int load_command_line(struct load *load)
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
static bool asks_only(const struct load *load, const char *word)
{
    return load->argc == 2 && strcmp(load->argv[1], word) == 0;
}

static int load_layers(struct load *load)
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
    struct load load = {.table = table, .values = values, .rest = rest_out};
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
            char **field = field_of(values, row);
            free(*field);
            *field = NULL;
        } else if (row->kind == SETTING_LIST) {
            settings_list_fini(field_of(values, row));
        }
    }
}
