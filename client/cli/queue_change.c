/* Reading the options of `queue` and `budget`: rates, pairs, names as people write them.
 * Must never ask the broker.
 */
#include "client/cli/queue_change.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/duration.h"

/* Options as the wire names what they set, for --clear. */
static const struct {
    const char *option, *name;
} words[] = {
    {"limit", "concurrency"}, {"group-limit", "group_concurrency"},
    {"rate", "rates"},        {"length", "length_max"},
    {"ageing", "ageing_ms"},
};

static int wrong(const struct cli *cli, const char *option, const char *given, const char *wanted)
{
    return settings_exit(
        settings_wrong(cli->table, "--%s '%.80s': expected %s", option, given, wanted));
}

/* A whole number of 1 to `max` that is all of the text. */
static bool read_number(struct text text, uint64_t max, uint64_t *number_out)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || number > max)
            return false;
        number = number * 10 + (uint64_t)(text.at[i] - '0');
    }
    *number_out = number;
    return text.len > 0 && number >= 1 && number <= max;
}

/* `10/1m`, and `10/m` for one of a unit. */
static bool read_rate(const char *given, struct reeve_rate *rate_out)
{
    const char *slash = strchr(given, '/');
    char time[40];
    if (!slash || strlen(slash + 1) > 30)
        return false;
    snprintf(time, sizeof time, "%s%s", slash[1] >= '0' && slash[1] <= '9' ? "" : "1", slash + 1);
    return read_number((struct text){given, (size_t)(slash - given)}, RATE_COUNT_MAX,
                       &rate_out->max) &&
           duration_parse(text_of(time), &rate_out->window_ms) == 0 && rate_out->window_ms > 0;
}

static int read_rates(const struct cli *cli, struct queue_wish *wish)
{
    const struct settings_list *list = &cli->settings.rate;
    for (size_t i = 0; i < list->count; i++)
        if (i >= QUEUE_RATES_MAX || !read_rate(list->at[i], &wish->rates[i]))
            return wrong(cli, "rate", list->at[i], "N/TIME, like 100/1m; at most eight of them");
    wish->change.rates = wish->rates;
    wish->change.rate_count = list->count;
    return EXIT_GOOD;
}

/* The entry of a group, made if it is new; NULL: no room, or no name. */
static struct reeve_queue_group *group_of(struct queue_wish *wish, struct text name)
{
    size_t count = wish->change.group_count;
    for (size_t i = 0; i < count; i++)
        if (text_is(name, wish->names[i]))
            return &wish->groups[i];
    if (count >= QUEUE_GROUPS_MAX || name.len == 0 || name.len > GROUP_LEN_MAX)
        return NULL;
    memcpy(wish->names[count], name.at, name.len);
    wish->groups[count].group = wish->names[count];
    wish->change.group_count++;
    return &wish->groups[count];
}

/* GROUP=N, the last `=` being the one. NULL: it is not such. */
static struct reeve_queue_group *read_pair(struct queue_wish *wish, const char *given, uint64_t max,
                                           uint64_t *number_out)
{
    const char *equals = strrchr(given, '=');
    if (!equals || !read_number(text_of(equals + 1), max, number_out))
        return NULL;
    return group_of(wish, (struct text){given, (size_t)(equals - given)});
}

static int read_groups(const struct cli *cli, struct queue_wish *wish)
{
    const struct settings_list *limits = &cli->settings.group_limit;
    const struct settings_list *weights = &cli->settings.weight;
    uint64_t number;
    for (size_t i = 0; i < limits->count; i++) {
        struct reeve_queue_group *group;
        if (read_number(text_of(limits->at[i]), CONCURRENCY_MAX, &number))
            wish->change.group_concurrency = (uint32_t)number;
        else if ((group = read_pair(wish, limits->at[i], CONCURRENCY_MAX, &number)))
            group->concurrency = (uint32_t)number;
        else
            return wrong(cli, "group-limit", limits->at[i], "N or GROUP=N, N at least 1");
    }
    for (size_t i = 0; i < weights->count; i++) {
        struct reeve_queue_group *group =
            read_pair(wish, weights->at[i], GROUP_WEIGHT_MAX, &number);
        if (!group)
            return wrong(cli, "weight", weights->at[i], "GROUP=N, N from 1 to 1000");
        group->weight = (uint32_t)number;
    }
    wish->change.groups = wish->groups;
    return EXIT_GOOD;
}

/* A field as people write it: dashes for underscores, `timeout` for timeout_ms. */
static const struct field *default_of(struct text name, bool *is_time_out)
{
    char word[64];
    if (name.len >= sizeof word)
        return NULL;
    snprintf(word, sizeof word, "%.*s", (int)name.len, name.at);
    for (char *at = word; *at; at++)
        *at = *at == '-' ? '_' : *at;
    for (size_t i = 0; i < shape_queue_defaults.count; i++) {
        const struct field *field = &shape_queue_defaults.fields[i];
        struct text whole = {field->name, field->name_len};
        *is_time_out = whole.len > 3 && strcmp(field->name + whole.len - 3, "_ms") == 0;
        struct text brief = {field->name, whole.len - (*is_time_out ? 3 : 0)};
        if (text_is(whole, word) || text_is(brief, word)) {
            *is_time_out &= !text_is(whole, word);
            return field;
        }
    }
    return NULL;
}

static int read_default(const struct cli *cli, const char *given, struct queue_wish *wish)
{
    const char *equals = strchr(given, '=');
    bool is_time = false;
    const struct field *field =
        equals ? default_of((struct text){given, (size_t)(equals - given)}, &is_time) : NULL;
    uint64_t number = 0;
    char *end = NULL;
    if (!field)
        return wrong(cli, "default", given,
                     "FIELD=VALUE with a FIELD of priority, timeout, max-attempts, max-lost, "
                     "backoff, backoff-cap, retention, result-retention, stuck-timeout, "
                     "start-deadline");
    if (is_time && duration_parse(text_of(equals + 1), &number) != 0)
        return wrong(cli, "default", given, "a time, like 10m");
    if (!is_time)
        number = strtoull(equals + 1, &end, 10);
    if (!is_time && (end == equals + 1 || *end || equals[1] < '0' || equals[1] > '9'))
        return wrong(cli, "default", given, "a whole number");
    int rc = buf_printf(&wish->defaults, "%s\"%s\":%" PRIu64, wish->defaults.len ? "," : "{",
                        field->name, number);
    return rc < 0 ? EXIT_FAILED : EXIT_GOOD;
}

static int read_defaults(const struct cli *cli, struct queue_wish *wish)
{
    const struct settings_list *list = &cli->settings.preset;
    for (size_t i = 0; i < list->count; i++) {
        int status = read_default(cli, list->at[i], wish);
        if (status != EXIT_GOOD)
            return status;
    }
    if (list->count && buf_append(&wish->defaults, "}", 2) < 0) /* its final zero too */
        return EXIT_FAILED;
    wish->change.defaults_json = list->count ? (const char *)wish->defaults.at : NULL;
    return EXIT_GOOD;
}

/* `defaults.timeout` as the wire has it; everything else by the list above. */
static void read_clear_word(const char *given, char *out, size_t size)
{
    bool is_time = false;
    const struct field *field = NULL;
    if (strncmp(given, "defaults.", 9) == 0)
        field = default_of(text_of(given + 9), &is_time);
    snprintf(out, size, "%s%s", field ? "defaults." : given, field ? field->name : "");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(given, words[i].option) == 0)
            snprintf(out, size, "%s", words[i].name);
}

static int read_clear(const struct cli *cli, struct queue_wish *wish)
{
    const struct settings_list *list = &cli->settings.clear;
    for (size_t i = 0; i < list->count; i++) {
        if (i >= QUEUE_CLEAR_MAX)
            return wrong(cli, "clear", list->at[i], "no more than 256 of them");
        read_clear_word(list->at[i], wish->clear_words[i], sizeof wish->clear_words[i]);
        wish->clear[i] = wish->clear_words[i];
    }
    wish->change.clear = wish->clear;
    wish->change.clear_count = list->count;
    return EXIT_GOOD;
}

static uint64_t or_none(uint64_t setting)
{
    return setting == SETTING_ABSENT ? 0 : setting;
}

int queue_wish_read(const struct cli *cli, struct queue_wish *wish)
{
    const struct cli_settings *settings = &cli->settings;
    struct reeve_queue_change *change = &wish->change;
    change->pause = settings->queue_pause;
    change->resume = settings->queue_resume;
    change->concurrency = (uint32_t)or_none(settings->concurrency);
    change->ageing_ms = or_none(settings->ageing_ms);
    change->has_length_max = settings->length != SETTING_ABSENT;
    change->length_max = or_none(settings->length);
    change->budget = settings->budget;
    int status = read_rates(cli, wish);
    if (status == EXIT_GOOD)
        status = read_groups(cli, wish);
    if (status == EXIT_GOOD)
        status = read_defaults(cli, wish);
    if (status == EXIT_GOOD)
        status = read_clear(cli, wish);
    wish->any = change->pause || change->resume || change->concurrency || change->ageing_ms ||
                change->has_length_max || change->budget || change->rate_count ||
                change->group_concurrency || change->group_count || change->defaults_json ||
                change->clear_count;
    return status;
}

void queue_wish_fini(struct queue_wish *wish)
{
    buf_fini(&wish->defaults);
}
