/* Spans of time as people write them, in milliseconds.
 * Must never depend on a locale, nor round up.
 */
#include "base/duration.h"

#include <inttypes.h>
#include <stdio.h>

struct unit {
    const char *name;
    uint64_t ms;
};

/* From large to small: the order in which they may follow each other. */
static const struct unit units[] = {
    {"w", 604800000}, {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
#define UNITS   (sizeof units / sizeof units[0])
#define SECONDS 4

/* A decimal number: digits before and after the point; the fraction in millionths. */
struct number {
    uint64_t whole;
    uint64_t millionths;
};

static bool is_digit(struct text text)
{
    return text.len > 0 && text.at[0] >= '0' && text.at[0] <= '9';
}

static uint64_t take_digit(struct text *text)
{
    text->len--;
    return (uint64_t)(*text->at++ - '0');
}

static int take_fraction(struct text *text, uint64_t *millionths)
{
    if (!is_digit(*text))
        return DURATION_UNREADABLE;
    uint64_t worth = 100000;
    while (is_digit(*text)) {
        *millionths += take_digit(text) * worth;
        worth /= 10;
    }
    return 0;
}

static int take_number(struct text *text, struct number *out)
{
    *out = (struct number){0};
    if (!is_digit(*text))
        return DURATION_UNREADABLE;
    while (is_digit(*text)) {
        out->whole = out->whole * 10 + take_digit(text);
        if (out->whole > DURATION_MAX_MS)
            return DURATION_TOO_LONG;
    }
    if (text->len == 0 || text->at[0] != '.')
        return 0;
    text->at++;
    text->len--;
    return take_fraction(text, &out->millionths);
}

/* The letters at the head of the text as a unit's place in the table, UNITS if there is none such.
 */
static size_t take_unit(struct text *text)
{
    struct text name = {text->at, 0};
    while (name.len < text->len && text->at[name.len] >= 'a' && text->at[name.len] <= 'z')
        name.len++;
    text->at += name.len;
    text->len -= name.len;
    size_t unit = 0;
    while (unit < UNITS && !text_is(name, units[unit].name))
        unit++;
    return unit;
}

static int add(uint64_t *ms, struct number number, size_t unit)
{
    uint64_t worth = units[unit].ms;
    if (number.whole > DURATION_MAX_MS / worth)
        return DURATION_TOO_LONG;
    *ms += number.whole * worth + number.millionths * worth / 1000000;
    return *ms > DURATION_MAX_MS ? DURATION_TOO_LONG : 0;
}

int duration_parse(struct text text, uint64_t *ms_out)
{
    uint64_t ms = 0;
    size_t smallest = 0;
    bool first = true;
    do {
        struct number number;
        int rc = take_number(&text, &number);
        if (rc != 0)
            return rc;
        size_t unit = first && text.len == 0 ? SECONDS : take_unit(&text);
        if (unit < smallest || unit >= UNITS)
            return DURATION_UNREADABLE;
        rc = add(&ms, number, unit);
        if (rc != 0)
            return rc;
        smallest = unit + 1;
        first = false;
    } while (text.len > 0);
    *ms_out = ms;
    return 0;
}

void duration_format(uint64_t ms, char out[DURATION_TEXT_SIZE])
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t unit = 1; unit < UNITS; unit++) {
        uint64_t count = ms / units[unit].ms;
        ms %= units[unit].ms;
        if (count == 0)
            continue;
        int wrote =
            snprintf(out + len, DURATION_TEXT_SIZE - len, "%" PRIu64 "%s", count, units[unit].name);
        len += (size_t)wrote;
    }
    if (len == 0)
        memcpy(out, "0s", 3);
}
