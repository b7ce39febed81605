/* Cron expressions: read once into bit sets, then asked for the next instant they name.
 *
 * Five fields (minute, hour, day of month, month, day of week) or six (second first), or one of
 * @yearly @annually @monthly @weekly @daily @midnight @hourly, or `@every SPAN` (90s, 1h30m).
 * A field is a list of `*`, `?` (the same, of days only), N, A-B, each with an optional /STEP;
 * `N/S` is from N to the field's end. Months and weekdays have English names of three letters;
 * Sunday is 0, 7 or SUN. Where both kinds of day are restricted, that is neither begins with `*` or
 * `?`, a day fits that fits either; otherwise both must. L, W and # are not known.
 *
 * Where the clocks of the zone are changed:
 *   - An expression whose second, minute or hour begins with `*` runs in real time: whenever the
 *     walls show a time that fits. An hour that is skipped has no ticks, one that comes twice has
 *     its ticks twice.
 *   - Any other names times of day: one that is skipped ticks at the first instant behind the
 *     gap, one that comes twice ticks the first time only. Several that fall on one instant are
 *     one tick.
 *   - @every counts real time from its anchor, whatever clocks do.
 *
 * Pure and thread-safe. */
#ifndef REEVE_BASE_CRON_H
#define REEVE_BASE_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/zone.h"

#define CRON_TEXT_MAX     255
#define CRON_EVERY_MIN_MS UINT64_C(1000)
#define CRON_EVERY_MAX_MS (UINT64_C(10) * 365 * 86400 * 1000)

/* Bits by value: minute 0 is bit 0 of `minute`, January is bit 1 of `month`. */
struct cron {
    uint64_t every_ms; /* not 0: @every, and the rest means nothing */
    uint64_t second, minute;
    uint32_t hour, day;
    uint16_t month;
    uint8_t weekday;
    bool either_day; /* a day fits by its date or by its weekday */
    bool real_time;
};

/* What is wrong with an expression: the field ("hour"; "" where it is the whole) and a sentence. */
struct cron_fault {
    const char *field;
    char problem[128];
};

#define CRON_UNREADABLE 1

/* 0, or CRON_UNREADABLE with *fault set. An expression that no day can fit is unreadable too. */
int cron_parse(struct text text, struct cron *cron_out, struct cron_fault *fault);

#define CRON_NEVER 1

/* The first tick after `after_ms`; `anchor_ms` is where @every counts from (its first tick comes
 * one span later). 0, or CRON_NEVER: none in the next fifty years, or before the year 9999. */
int cron_next(const struct cron *cron, const struct zone *zone, uint64_t anchor_ms,
              uint64_t after_ms, uint64_t *next_out);

/* The last tick of (after_ms, until_ms], where the caller knows that there is one at `first_ms`,
 * within. */
uint64_t cron_last(const struct cron *cron, const struct zone *zone, uint64_t anchor_ms,
                   uint64_t first_ms, uint64_t until_ms);

#endif
