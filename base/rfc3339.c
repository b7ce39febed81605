/* Times as text: RFC 3339 out of and into milliseconds since 1970.
 * Must never look at a clock, a locale or a time zone.
 */
#include "base/rfc3339.h"

#include "base/civil.h"

#define DAY_MS    INT64_C(86400000)
#define MINUTE_MS INT64_C(60000)

static char *put_number(char *out, int number, int digits, char after)
{
    for (int i = digits - 1; i >= 0; i--) {
        out[i] = (char)('0' + number % 10);
        number /= 10;
    }
    out[digits] = after;
    return out + digits + 1;
}

void rfc3339_format(uint64_t wall_ms, char out[RFC3339_LEN + 1])
{
    int64_t ms = (int64_t)(wall_ms > RFC3339_MAX_MS ? RFC3339_MAX_MS : wall_ms);
    struct civil_date date = civil_date(ms / DAY_MS);
    int of_day = (int)(ms % DAY_MS);
    out = put_number(out, date.year, 4, '-');
    out = put_number(out, date.month, 2, '-');
    out = put_number(out, date.day, 2, 'T');
    out = put_number(out, of_day / 3600000, 2, ':');
    out = put_number(out, of_day / 60000 % 60, 2, ':');
    out = put_number(out, of_day / 1000 % 60, 2, '.');
    out = put_number(out, of_day % 1000, 3, 'Z');
    *out = '\0';
}

static bool take_char(struct text *text, const char *any_of)
{
    if (text->len == 0 || text->at[0] == '\0' || !strchr(any_of, text->at[0]))
        return false;
    text->at++;
    text->len--;
    return true;
}

/* Exactly `digits` digits, as a number from min to max. */
static bool take_number(struct text *text, size_t digits, int min, int max, int *out)
{
    if (text->len < digits)
        return false;
    int number = 0;
    for (size_t i = 0; i < digits; i++) {
        if (text->at[i] < '0' || text->at[i] > '9')
            return false;
        number = number * 10 + (text->at[i] - '0');
    }
    text->at += digits;
    text->len -= digits;
    *out = number;
    return number >= min && number <= max;
}

static bool take_date(struct text *text, int64_t *ms)
{
    struct civil_date date;
    if (!take_number(text, 4, 0, 9999, &date.year) || !take_char(text, "-") ||
        !take_number(text, 2, 1, 12, &date.month) || !take_char(text, "-") ||
        !take_number(text, 2, 1, civil_month_days(date.year, date.month), &date.day))
        return false;
    *ms = civil_days(date) * DAY_MS;
    return true;
}

static bool take_fraction(struct text *text, int64_t *ms)
{
    int worth = 100;
    size_t digits = 0;
    for (int digit; take_number(text, 1, 0, 9, &digit); digits++) {
        *ms += digit * worth;
        worth /= 10;
    }
    return digits > 0;
}

static bool take_time(struct text *text, int64_t *ms)
{
    int hour;
    int minute;
    int second;
    if (!take_number(text, 2, 0, 23, &hour) || !take_char(text, ":") ||
        !take_number(text, 2, 0, 59, &minute) || !take_char(text, ":") ||
        !take_number(text, 2, 0, 60, &second))
        return false;
    *ms += ((int64_t)hour * 60 + minute) * MINUTE_MS + second * INT64_C(1000);
    return take_char(text, ".") ? take_fraction(text, ms) : true;
}

static bool take_offset(struct text *text, int64_t *ms)
{
    if (take_char(text, "Zz"))
        return true;
    bool east = take_char(text, "+");
    int hour;
    int minute;
    if ((!east && !take_char(text, "-")) || !take_number(text, 2, 0, 23, &hour) ||
        !take_char(text, ":") || !take_number(text, 2, 0, 59, &minute))
        return false;
    int64_t offset = ((int64_t)hour * 60 + minute) * MINUTE_MS;
    *ms += east ? -offset : offset;
    return true;
}

int rfc3339_parse(struct text text, uint64_t *wall_ms_out)
{
    int64_t ms;
    if (!take_date(&text, &ms) || !take_char(&text, "Tt ") || !take_time(&text, &ms) ||
        !take_offset(&text, &ms) || text.len != 0)
        return RFC3339_UNREADABLE;
    if (ms < 0 || ms > (int64_t)RFC3339_MAX_MS)
        return RFC3339_UNREADABLE;
    *wall_ms_out = (uint64_t)ms;
    return 0;
}
