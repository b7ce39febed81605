/* The values of options: one function per kind, which reads, checks and keeps it.
 * Must never know which layer is stronger: it is called in their order.
 */
#include "base/settings_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/duration.h"
#include "base/log.h"
#include "base/size.h"

int settings_out_of_memory(const struct settings_table *table)
{
    fprintf(stderr, "%s: out of memory while reading the options\n", table->program);
    return -ENOMEM;
}

void *settings_field(void *values, const struct setting *row)
{
    return (char *)values + row->offset;
}

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
int settings_list_add(struct settings_list *list, struct text word)
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
    struct settings_load *load;
    const struct setting *row;
    const struct settings_origin *origin;
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
    char **field = settings_field(value->load->values, value->row);
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
    uint64_t *field = settings_field(value->load->values, value->row);
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
    int64_t *field = settings_field(value->load->values, value->row);
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
    uint64_t *field = settings_field(value->load->values, value->row);
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
    uint64_t *field = settings_field(value->load->values, value->row);
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
    bool *field = settings_field(value->load->values, value->row);
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
    struct settings_list *field = settings_field(value->load->values, value->row);
    int rc = check_length(value, word.len);
    if (rc != 0)
        return rc;
    if (field->count == SETTINGS_LIST_MAX)
        return settings_wrong(value->load->table, "%s: more than %d entries", value->origin->name,
                              SETTINGS_LIST_MAX);
    return settings_list_add(field, word);
}

/* The command line gives one entry a time, the other layers all at once with commas between. */
static int set_list(const struct value *value)
{
    size_t row = (size_t)(value->row - value->load->table->rows);
    if (value->load->set_by[row] != value->origin->layer)
        settings_list_fini(settings_field(value->load->values, value->row));
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

int settings_set(struct settings_load *load, size_t row, const struct settings_origin *origin,
                 const char *words)
{
    struct value value = {load, &load->table->rows[row], origin, words};
    int rc = setters[value.row->kind](&value);
    if (rc == 0)
        load->set_by[row] = origin->layer;
    return rc == -ENOMEM ? settings_out_of_memory(load->table) : rc;
}

int settings_log(const struct settings_table *table, const char *level, const char *format)
{
    enum log_level level_read;
    enum log_format format_read;
    if (log_level_parse(text_of(level), &level_read) != 0)
        return settings_wrong(table, "--log-level: '%s' is not debug, info, warning or error",
                              level);
    if (log_format_parse(text_of(format), &format_read) != 0)
        return settings_wrong(table, "--log-format: '%s' is not text or json", format);
    log_init(table->program, level_read, format_read);
    return SETTINGS_GO_ON;
}
