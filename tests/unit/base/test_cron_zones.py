#!/usr/bin/python3
"""Cron where clocks are changed: cases worked by hand, and random ones against a slow model over
Python's zoneinfo, which reads the same data with other code than GLib's."""

import datetime
import random
import unittest
import zoneinfo

import cron_ask

SEED = 7
MINUTE = datetime.timedelta(minutes=1)


def at(zone, text, fold=0):
    """A local time as an instant."""
    naive = datetime.datetime.fromisoformat(text)
    return naive.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold).astimezone(cron_ask.UTC)


def local(zone, instant):
    return instant.astimezone(zoneinfo.ZoneInfo(zone)).isoformat()


class ByHand(unittest.TestCase):
    maxDiff = None

    def ticks(self, zone, expression, after, *expected):
        answer, = cron_ask.ask([(zone, at(zone, after), len(expected), expression)])
        self.assertEqual([each.isoformat() for each in answer], list(expected), expression)

    def test_a_time_that_is_skipped_ticks_behind_the_gap(self):
        self.ticks("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00",
                   "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00")
        self.ticks("America/New_York", "15 2 * * *", "2026-03-07T12:00",
                   "2026-03-08T03:00:00-04:00", "2026-03-09T02:15:00-04:00")
        self.ticks("Australia/Lord_Howe", "10 2 * * *", "2026-10-03T12:00",
                   "2026-10-04T02:30:00+11:00", "2026-10-05T02:10:00+11:00")

    def test_several_times_in_one_gap_are_one_tick(self):
        self.ticks("Europe/Berlin", "0,15,30 2,3 * * *", "2026-03-29T01:59",
                   "2026-03-29T03:00:00+02:00", "2026-03-29T03:15:00+02:00",
                   "2026-03-29T03:30:00+02:00", "2026-03-30T02:00:00+02:00")

    def test_a_time_that_comes_twice_ticks_once(self):
        self.ticks("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00",
                   "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00")
        self.ticks("America/New_York", "30 1 * * *", "2026-10-31T12:00",
                   "2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00")
        self.ticks("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00",
                   "2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30")

    def test_asked_between_the_two(self):
        zone = "Europe/Berlin"
        after = at(zone, "2026-10-25T02:10", fold=1)
        answer, = cron_ask.ask([(zone, after, 1, "30 2 * * *")])
        self.assertEqual(answer[0].isoformat(), "2026-10-26T02:30:00+01:00")

    def test_real_time_goes_on(self):
        self.ticks("Europe/Berlin", "0 * * * *", "2026-03-29T00:30",
                   "2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00")
        self.ticks("Europe/Berlin", "0 * * * *", "2026-10-25T01:30",
                   "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00",
                   "2026-10-25T03:00:00+01:00")
        self.ticks("Europe/Berlin", "*/30 * * * *", "2026-10-25T02:15",
                   "2026-10-25T02:30:00+02:00", "2026-10-25T02:00:00+01:00",
                   "2026-10-25T02:30:00+01:00", "2026-10-25T03:00:00+01:00")
        self.ticks("America/New_York", "*/20 1 * * *", "2026-11-01T00:59",
                   "2026-11-01T01:00:00-04:00", "2026-11-01T01:20:00-04:00",
                   "2026-11-01T01:40:00-04:00", "2026-11-01T01:00:00-05:00")
        self.ticks("Europe/Berlin", "0 */2 * * *", "2026-03-29T00:30",
                   "2026-03-29T04:00:00+02:00", "2026-03-29T06:00:00+02:00")

    def test_a_day_that_never_was(self):
        """Samoa went from 29 to 31 December 2011."""
        self.ticks("Pacific/Apia", "0 12 * * *", "2011-12-29T00:00",
                   "2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00",
                   "2011-12-31T12:00:00+14:00")
        self.ticks("Pacific/Apia", "0 0 30 12 *", "2011-12-01T00:00",
                   "2011-12-31T00:00:00+14:00", "2012-12-30T00:00:00+14:00")

    def test_odd_offsets(self):
        self.ticks("Asia/Kathmandu", "0 0 * * *", "2026-01-01T12:00",
                   "2026-01-02T00:00:00+05:45", "2026-01-03T00:00:00+05:45")

    def test_midnight_that_is_skipped(self):
        self.ticks("America/Asuncion", "@daily", "2023-09-30T12:00",
                   "2023-10-01T01:00:00-03:00", "2023-10-02T00:00:00-03:00")

    def test_every_minds_no_clock(self):
        self.ticks("Europe/Berlin", "@every 12h", "2026-03-28T20:00",
                   "2026-03-29T09:00:00+02:00", "2026-03-29T21:00:00+02:00")

    def test_beyond_the_tables(self):
        """The data lists changes up to 2037; after that a rule holds."""
        self.ticks("Europe/Berlin", "0 12 * * *", "2061-07-01T00:00", "2061-07-01T12:00:00+02:00")
        self.ticks("Europe/Berlin", "0 12 * * *", "2061-01-01T00:00", "2061-01-01T12:00:00+01:00")

    def test_names(self):
        for name in ("Mars/Olympus", "/etc/localtime", "../../etc/passwd", "right/Europe/Berlin",
                     "posix/Europe/Berlin", "EST5EDT4,M3.2.0,M11.1.0", "+02:00", "zone.tab",
                     "tzdata.zi", "Europe", "Europe/", "europe//Berlin", "Foo3Bar"):
            answer, = cron_ask.ask([(name, at("UTC", "2026-01-01"), 1, "* * * * *")])
            self.assertEqual(answer, "error zone: unknown", name)
        for name in ("Europe/Berlin", "EST5EDT", "Zulu", "America/Argentina/Ushuaia", "Etc/GMT+5"):
            answer, = cron_ask.ask([(name, at("UTC", "2026-01-01"), 1, "* * * * *")])
            self.assertEqual(len(answer), 1, name)


# --- the model: slow, and from the rule's words ---------------------------------------------------

CHANGES = [("Europe/Berlin", "2026-03-29"), ("Europe/Berlin", "2026-10-25"),
           ("America/New_York", "2026-03-08"), ("America/New_York", "2026-11-01"),
           ("Australia/Lord_Howe", "2026-04-05"), ("Australia/Lord_Howe", "2026-10-04"),
           ("America/St_Johns", "2026-03-08"), ("Africa/Casablanca", "2026-02-15"),
           ("Pacific/Apia", "2011-12-30"), ("Asia/Tehran", "2021-03-22"),
           ("America/Havana", "2026-03-08"), ("Antarctica/Troll", "2026-03-29"),
           ("Europe/Berlin", "2050-03-27"), ("Pacific/Kwajalein", "1993-08-21")]


def expand(text, low, high):
    """A field of the model: a star with a step, or a list of numbers."""
    if text.startswith("*"):
        step = int(text[2:] or 1)
        return set(range(low, high + 1, step))
    return {int(word) for word in text.split(",")}


def expected(zone, after, count, text):
    minutes, hours = text.split()[:2]
    fits_minute, fits_hour = expand(minutes, 0, 59), expand(hours, 0, 23)

    def fits(time):
        return time.minute in fits_minute and time.hour in fits_hour

    if minutes.startswith("*") or hours.startswith("*"):
        found = shown(zone, after, fits)
    else:
        found = named(zone, after, fits)
    return [next(found) for _ in range(count)]


def shown(zone, after, fits):
    instant = after.replace(second=0, microsecond=0)
    while True:
        instant += MINUTE
        if fits(instant.astimezone(zoneinfo.ZoneInfo(zone))):
            yield instant


def named(zone, after, fits):
    place, last = zoneinfo.ZoneInfo(zone), None
    time = after.astimezone(place).replace(tzinfo=None, second=0) - datetime.timedelta(days=3)
    while True:
        time += MINUTE
        if not fits(time):
            continue
        instant = time.replace(tzinfo=place).astimezone(cron_ask.UTC)
        if instant.astimezone(place).replace(tzinfo=None) != time:
            instant = end_of_gap(place, time)
        if instant > after and instant != last:
            last = instant
            yield instant


def end_of_gap(place, time):
    while True:
        time += MINUTE
        instant = time.replace(tzinfo=place).astimezone(cron_ask.UTC)
        if instant.astimezone(place).replace(tzinfo=None) == time:
            return instant


def field(draw, low, high, star):
    if draw.random() < star:
        return draw.choice(("*", f"*/{draw.choice((2, 3, 7, 10))}"))
    return ",".join(str(draw.randint(low, high)) for _ in range(draw.choice((1, 2, 4))))


class AgainstAModel(unittest.TestCase):
    def test_around_changes(self):
        draw = random.Random(SEED)
        questions = []
        for _ in range(400):
            zone, day = draw.choice(CHANGES)
            after = at(zone, day) + datetime.timedelta(minutes=draw.randint(-1500, 1500))
            hours = field(draw, 0, 4, 0.4) if draw.random() < 0.8 else field(draw, 0, 23, 0)
            questions.append((zone, after, 4, f"{field(draw, 0, 59, 0.3)} {hours} * * *"))
        for asked, answer in zip(questions, cron_ask.ask(questions)):
            zone = asked[0]
            wanted = [local(zone, each) for each in expected(*asked)]
            self.assertEqual([each.isoformat() for each in answer], wanted, asked)


if __name__ == "__main__":
    unittest.main()
