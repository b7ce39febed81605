/* When a cron expression ticks next.
 * Must never search without a bound: years of months, days of a month, one day's times.
 */
#include "base/civil.h"
#include "base/cron.h"

enum { DAY_S = 86400, YEARS_MAX = 50 };

#define TIME_LAST_MS UINT64_C(253402300799999) /* the end of the year 9999 */

/* The lowest bit of `bits` that is at least `from`; -1: none. */
static int next_bit(uint64_t bits, int from)
{
    uint64_t rest = from < 64 ? bits >> from << from : 0;
    return rest ? __builtin_ctzll(rest) : -1;
}

/* The first second of a day, from `of_day` on, that fits; -1: none. */
static int next_time(const struct cron *cron, int of_day)
{
    int hour = of_day / 3600, minute = of_day / 60 % 60, second = of_day % 60;
    for (int h = hour; (h = next_bit(cron->hour, h)) >= 0; h++) {
        int m = h == hour ? minute : 0;
        for (; (m = next_bit(cron->minute, m)) >= 0; m++) {
            int s = next_bit(cron->second, h == hour && m == minute ? second : 0);
            if (s >= 0)
                return h * 3600 + m * 60 + s;
        }
    }
    return -1;
}

static bool day_fits(const struct cron *cron, struct civil_date date, int64_t days)
{
    bool by_date = cron->day >> date.day & 1;
    bool by_weekday = cron->weekday >> civil_weekday(days) & 1;
    return cron->either_day ? by_date || by_weekday : by_date && by_weekday;
}

/* The first day from `days` on that fits, by months that do not fit at a time; INT64_MAX: none. */
static int64_t next_day(const struct cron *cron, int64_t days)
{
    struct civil_date date = civil_date(days);
    int last_year = date.year + YEARS_MAX;
    while (date.year <= last_year) {
        int length = civil_month_days(date.year, date.month);
        for (; cron->month >> date.month & 1 && date.day <= length; date.day++)
            if (day_fits(cron, date, civil_days(date)))
                return civil_days(date);
        date.day = 1;
        date.month = date.month % 12 + 1;
        date.year += date.month == 1;
    }
    return INT64_MAX;
}

/* The first local time from `local_s` on that fits; INT64_MAX: none. */
static int64_t next_local(const struct cron *cron, int64_t local_s)
{
    int64_t days = local_s >= 0 ? local_s / DAY_S : -((DAY_S - 1 - local_s) / DAY_S);
    int of_day = (int)(local_s - days * DAY_S);
    int64_t day = next_day(cron, days);
    int found = day == INT64_MAX ? -1 : next_time(cron, day == days ? of_day : 0);
    if (found < 0 && day == days) {
        day = next_day(cron, days + 1);
        found = day == INT64_MAX ? -1 : next_time(cron, 0);
    }
    return found < 0 ? INT64_MAX : day * DAY_S + found;
}

/* Times of day: the first local time that fits and whose instant is later. Behind clocks that
 * were put back the local times of the last hours are looked at again, each at most once. */
static int64_t next_named(const struct cron *cron, const struct zone *zone, int64_t after_s)
{
    int64_t local = after_s + zone->offset(zone, after_s);
    while ((local = next_local(cron, local + 1)) != INT64_MAX) {
        int64_t at = zone_instant(zone, local);
        if (at > after_s)
            return at;
    }
    return INT64_MAX;
}

/* Real time: a day at a time while the offset may change, a leap where nothing fits for long. */
static int64_t next_shown(const struct cron *cron, const struct zone *zone, int64_t after_s)
{
    int64_t from = after_s + 1;
    for (;;) {
        int32_t offset = zone->offset(zone, from);
        int64_t change = zone_change(zone, from, from + DAY_S);
        int64_t end = change == INT64_MAX ? from + DAY_S : change;
        int64_t local = next_local(cron, from + offset);
        if (local == INT64_MAX)
            return INT64_MAX;
        if (local - offset < end)
            return local - offset;
        /* Offsets differ by two days and four hours at most. */
        int64_t leap = local - offset - 3 * DAY_S;
        from = leap > end ? leap : end;
    }
}

static int next_every(uint64_t every_ms, uint64_t anchor_ms, uint64_t after_ms, uint64_t *next_out)
{
    uint64_t spans = after_ms < anchor_ms ? 0 : (after_ms - anchor_ms) / every_ms;
    uint64_t next = anchor_ms + (spans + 1) * every_ms;
    *next_out = next;
    return next > TIME_LAST_MS ? CRON_NEVER : 0;
}

int cron_next(const struct cron *cron, const struct zone *zone, uint64_t anchor_ms,
              uint64_t after_ms, uint64_t *next_out)
{
    if (after_ms >= TIME_LAST_MS || anchor_ms > TIME_LAST_MS)
        return CRON_NEVER;
    if (cron->every_ms)
        return next_every(cron->every_ms, anchor_ms, after_ms, next_out);
    int64_t after_s = (int64_t)(after_ms / 1000);
    int64_t at =
        cron->real_time ? next_shown(cron, zone, after_s) : next_named(cron, zone, after_s);
    if (at < 0 || at > (int64_t)(TIME_LAST_MS / 1000))
        return CRON_NEVER;
    *next_out = (uint64_t)at * 1000;
    return 0;
}

/* Halves the span in which the last tick must be, to a second; what follows is walked. */
uint64_t cron_last(const struct cron *cron, const struct zone *zone, uint64_t anchor_ms,
                   uint64_t first_ms, uint64_t until_ms)
{
    uint64_t known = first_ms, none = until_ms, next;
    while (none - known > 1000) {
        uint64_t middle = known + (none - known) / 2;
        if (cron_next(cron, zone, anchor_ms, middle, &next) == 0 && next <= until_ms)
            known = next;
        else
            none = middle;
        if (known >= none)
            break;
    }
    while (cron_next(cron, zone, anchor_ms, known, &next) == 0 && next <= until_ms)
        known = next;
    return known;
}
