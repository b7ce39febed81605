/* Reading cron expressions.
 * Must never guess: what is not a field is said to be none, and what was expected.
 */
#include "base/cron.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/civil.h"
#include "base/duration.h"

struct unit {
    const char *name;
    unsigned min, max;
    const char *words; /* three letters each; the first is `min`. NULL: none */
};

enum { SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY, UNITS };

static const struct unit units[UNITS] = {
    {"second", 0, 59, NULL},
    {"minute", 0, 59, NULL},
    {"hour", 0, 23, NULL},
    {"day of month", 1, 31, NULL},
    {"month", 1, 12, "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"},
    {"day of week", 0, 7, "SUNMONTUEWEDTHUFRISAT"},
};

/* One field as read. */
struct set {
    uint64_t bits;
    bool star; /* begins with * or ? */
};

static int wrong(struct cron_fault *fault, const char *field, const char *problem, ...)
    __attribute__((format(printf, 3, 4)));
static int wrong(struct cron_fault *fault, const char *field, const char *problem, ...)
{
    va_list args;
    va_start(args, problem);
    vsnprintf(fault->problem, sizeof fault->problem, problem, args);
    va_end(args);
    for (char *at = fault->problem; *at; at++)
        if (*at < ' ' || *at > '~') /* a piece of the expression, cut anywhere */
            *at = '?';
    fault->field = field;
    return CRON_UNREADABLE;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool take_char(struct text *text, char c)
{
    if (text->len == 0 || text->at[0] != c)
        return false;
    text->at++;
    text->len--;
    return true;
}

static bool take_word(struct text *text, const struct unit *unit, unsigned *value_out)
{
    if (!unit->words || text->len < 3)
        return false;
    for (unsigned i = 0; unit->words[(size_t)i * 3]; i++) {
        const char *word = unit->words + (size_t)i * 3;
        if (upper(text->at[0]) != word[0] || upper(text->at[1]) != word[1] ||
            upper(text->at[2]) != word[2])
            continue;
        *value_out = unit->min + i;
        text->at += 3;
        text->len -= 3;
        return true;
    }
    return false;
}

/* At most four digits, so that no number is too large to be told. */
static bool take_digits(struct text *text, unsigned *value_out)
{
    size_t digits = 0;
    unsigned value = 0;
    while (digits < text->len && digits < 4 && text->at[digits] >= '0' && text->at[digits] <= '9')
        value = value * 10 + (unsigned)(text->at[digits++] - '0');
    text->at += digits;
    text->len -= digits;
    *value_out = value;
    return digits > 0;
}

static int take_value(struct text *text, const struct unit *unit, unsigned *value_out,
                      struct cron_fault *fault)
{
    if (take_word(text, unit, value_out))
        return 0;
    struct text rest = *text;
    if (!take_digits(text, value_out) || *value_out < unit->min || *value_out > unit->max)
        return wrong(fault, unit->name, "expected %u to %u%s instead of '%.*s'", unit->min,
                     unit->max, unit->words ? " or a name" : "",
                     (int)(rest.len < 20 ? rest.len : 20), rest.at ? rest.at : "");
    return 0;
}

/* *, ?, N or A-B. */
static int take_range(struct text *text, const struct unit *unit, unsigned *from, unsigned *to,
                      struct cron_fault *fault)
{
    bool days = unit == &units[DAY] || unit == &units[WEEKDAY];
    unsigned last = unit == &units[WEEKDAY] ? 6 : unit->max;
    if (take_char(text, '*') || (days && take_char(text, '?'))) {
        *from = unit->min;
        *to = last;
        return 0;
    }
    int rc = take_value(text, unit, from, fault);
    *to = text->len > 0 && text->at[0] == '/' && *from < last ? last : *from;
    if (rc != 0 || !take_char(text, '-'))
        return rc;
    rc = take_value(text, unit, to, fault);
    if (rc == 0 && unit == &units[WEEKDAY] && *to == 0 && *from > 0)
        *to = 7; /* FRI-SUN */
    if (rc == 0 && *from > *to)
        return wrong(fault, unit->name, "%u comes after %u: expected a range upwards", *from, *to);
    return rc;
}

static int take_step(struct text *text, const struct unit *unit, unsigned *step,
                     struct cron_fault *fault)
{
    *step = 1;
    if (!take_char(text, '/'))
        return 0;
    if (!take_digits(text, step) || *step < 1 || *step > unit->max)
        return wrong(fault, unit->name, "expected a step of 1 to %u behind '/'", unit->max);
    return 0;
}

static int refuse_rest(struct text rest, const struct unit *unit, struct cron_fault *fault)
{
    char c = upper(rest.at[0]);
    if (c == 'L' || c == 'W' || c == '#')
        return wrong(fault, unit->name, "L, W and # are not known here");
    return wrong(fault, unit->name, "'%.*s' is too much: expected a comma or the field's end",
                 (int)(rest.len < 20 ? rest.len : 20), rest.at);
}

/* Every part of a field's list. */
static int read_field(struct text text, const struct unit *unit, struct set *set,
                      struct cron_fault *fault)
{
    set->bits = 0;
    set->star = text.at[0] == '*' || text.at[0] == '?';
    do {
        unsigned from = 0, to = 0, step = 1;
        if (text.len > 0 && upper(text.at[0]) == 'L')
            return refuse_rest(text, unit, fault);
        int rc = take_range(&text, unit, &from, &to, fault);
        if (rc == 0)
            rc = take_step(&text, unit, &step, fault);
        if (rc != 0)
            return rc;
        for (unsigned value = from; value <= to; value += step)
            set->bits |= UINT64_C(1) << value;
    } while (take_char(&text, ','));
    return text.len > 0 ? refuse_rest(text, unit, fault) : 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct text next_word(struct text *rest)
{
    while (rest->len > 0 && is_blank(rest->at[0]))
        *rest = (struct text){rest->at + 1, rest->len - 1};
    struct text word = {rest->at, 0};
    while (word.len < rest->len && !is_blank(rest->at[word.len]))
        word.len++;
    *rest = (struct text){rest->at + word.len, rest->len - word.len};
    return word;
}

/* A date that no year has: 30 February. A weekday makes up for it. */
static bool fits_no_day(const struct cron *cron)
{
    for (int month = 1; month <= 12; month++) {
        uint32_t days = (uint32_t)(UINT64_C(2) << civil_month_days(2000, month)) - 2;
        if (cron->month >> month & 1 && cron->day & days)
            return false;
    }
    return !cron->either_day;
}

static int fill(const struct set sets[UNITS], struct cron *cron, struct cron_fault *fault)
{
    *cron = (struct cron){
        .second = sets[SECOND].bits,
        .minute = sets[MINUTE].bits,
        .hour = (uint32_t)sets[HOUR].bits,
        .day = (uint32_t)sets[DAY].bits,
        .month = (uint16_t)sets[MONTH].bits,
        .weekday = (uint8_t)((sets[WEEKDAY].bits | sets[WEEKDAY].bits >> 7) & 0x7f),
        .either_day = !sets[DAY].star && !sets[WEEKDAY].star,
        .real_time = sets[SECOND].star || sets[MINUTE].star || sets[HOUR].star,
    };
    return fits_no_day(cron) ? wrong(fault, units[DAY].name, "no such month has this day") : 0;
}

static int read_fields(struct text text, struct cron *cron, struct cron_fault *fault)
{
    struct text words[UNITS + 1];
    struct set sets[UNITS] = {{1, false}}; /* without seconds: at second 0 */
    size_t count = 0;
    for (struct text rest = text; count <= UNITS; count++) {
        words[count] = next_word(&rest);
        if (words[count].len == 0)
            break;
    }
    if (count != UNITS && count != UNITS - 1)
        return wrong(fault, "",
                     "expected five fields (minute, hour, day of month, month, day of week), six "
                     "(second first), or @every");
    size_t first = UNITS - count;
    for (size_t i = 0; i < count; i++) {
        int rc = read_field(words[i], &units[first + i], &sets[first + i], fault);
        if (rc != 0)
            return rc;
    }
    return fill(sets, cron, fault);
}

static int read_every(struct text text, struct cron *cron, struct cron_fault *fault)
{
    uint64_t span = 0;
    struct text word = next_word(&text);
    if (next_word(&text).len > 0 || duration_parse(word, &span) != 0 || span < CRON_EVERY_MIN_MS ||
        span > CRON_EVERY_MAX_MS)
        return wrong(fault, "@every", "expected a span of 1s to 3650d: 90s, 15m, 1h30m");
    *cron = (struct cron){.every_ms = span};
    return 0;
}

static int read_name(struct text name, struct text rest, struct cron *cron,
                     struct cron_fault *fault)
{
    static const struct {
        const char *name, *means;
    } names[] = {
        {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
        {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
        {"@hourly", "0 * * * *"},
    };
    if (text_is(name, "@every"))
        return read_every(rest, cron, fault);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_is(name, names[i].name) && next_word(&rest).len == 0)
            return read_fields(text_of(names[i].means), cron, fault);
    return wrong(fault, "",
                 "expected @yearly, @monthly, @weekly, @daily, @hourly or @every SPAN alone");
}

int cron_parse(struct text text, struct cron *cron_out, struct cron_fault *fault)
{
    if (text.len > CRON_TEXT_MAX)
        return wrong(fault, "", "expected at most %d bytes", CRON_TEXT_MAX);
    struct text rest = text;
    struct text word = next_word(&rest);
    if (word.len > 0 && word.at[0] == '@')
        return read_name(word, rest, cron_out, fault);
    return read_fields(text, cron_out, fault);
}
