/* Dates of the Gregorian calendar and the days between them.
 * Must never look at a clock or a time zone: everything here is pure. */
#ifndef REEVE_BASE_CIVIL_H
#define REEVE_BASE_CIVIL_H

#include <stdint.h>

struct civil_date {
    int year;  /* as people write it */
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
};

/* Days from 1970-01-01 to a date, negative before it; and back. For years 0 to 9999. */
int64_t civil_days(struct civil_date date);
struct civil_date civil_date(int64_t days);

/* 28 to 31. */
int civil_month_days(int year, int month);

/* 0 = Sunday to 6, of a number of days since 1970-01-01. */
int civil_weekday(int64_t days);

#endif
