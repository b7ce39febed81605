#!/usr/bin/python3
"""Our cron against croniter, over random expressions in zones without clock changes."""

import datetime
import random
import unittest

import croniter

import cron_ask

SEED = 20261122
EXPRESSIONS = 4000
TICKS = 5
ZONES = ("UTC", "Asia/Kathmandu", "Asia/Tokyo", "America/Phoenix", "Etc/GMT+12")
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
DAYS = "SUN MON TUE WED THU FRI SAT".split()
UNITS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 6)}


def word(draw, unit, value):
    if unit == "month" and draw.random() < 0.3:
        return draw.choice((str.upper, str.lower, str.title))(MONTHS[value - 1])
    if unit == "weekday" and draw.random() < 0.3:
        return draw.choice((str.upper, str.lower, str.title))(DAYS[value])
    return str(value)


def part(draw, unit):
    low, high = UNITS[unit]
    first = draw.randint(low, high)
    last = draw.randint(first, high)
    step = draw.randint(1, max(1, (last - first) or 1))
    kind = draw.random()
    if kind < 0.5:
        return word(draw, unit, first)
    if kind < 0.7 or first == last:
        return f"{word(draw, unit, first)}-{word(draw, unit, last)}"
    if kind < 0.85:
        return f"{first}-{last}/{step}"
    return f"*/{draw.randint(1, high)}"


def field(draw, unit, star):
    if draw.random() < star:
        return "*"
    return ",".join(part(draw, unit) for _ in range(draw.choice((1, 1, 1, 2, 3))))


def expression(draw):
    return " ".join((field(draw, "minute", 0.2), field(draw, "hour", 0.3),
                     field(draw, "day", 0.5), field(draw, "month", 0.6),
                     field(draw, "weekday", 0.5)))


def is_whole(text, unit):
    """croniter takes a list of all values for a star."""
    values = croniter.croniter(f"* * {text} * *" if unit == "day" else f"* * * * {text}").expanded
    return values[2 if unit == "day" else 4] == ["*"]


def is_mixed(text):
    """By Vixie's rule a day field is a star when it begins with one; not so by croniter's."""
    _, _, day, _, weekday = text.split()
    return any(each != "*" and ("*" in each or is_whole(each, unit))
               for each, unit in ((day, "day"), (weekday, "weekday")))


def question(draw):
    text = expression(draw)
    while is_mixed(text):
        text = expression(draw)
    at = datetime.datetime(draw.randint(2000, 2060), draw.randint(1, 12), draw.randint(1, 28),
                           draw.randint(0, 23), draw.randint(0, 59), draw.randint(0, 59),
                           tzinfo=cron_ask.UTC)
    return draw.choice(ZONES), at, TICKS, text


def expected(zone, at, count, text):
    """What croniter says, or None where it knows no such day."""
    local = at.astimezone(cron_ask.zoneinfo.ZoneInfo(zone)).replace(tzinfo=None)
    times = croniter.croniter(text, local, ret_type=datetime.datetime, max_years_between_matches=60)
    try:
        return [times.get_next() for _ in range(count)]
    except croniter.CroniterBadDateError:
        return None


class Croniter(unittest.TestCase):
    def test_random_expressions(self):
        draw = random.Random(SEED)
        questions = [question(draw) for _ in range(EXPRESSIONS)]
        compared = 0
        for asked, answer in zip(questions, cron_ask.ask(questions)):
            wanted = expected(*asked)
            if isinstance(answer, str):
                self.assertIn("no such month has this day", answer, asked)
                self.assertIsNone(wanted, asked)
                continue
            if wanted is None:
                continue
            self.assertEqual([at.replace(tzinfo=None) for at in answer], wanted, asked)
            compared += 1
        self.assertGreater(compared, EXPRESSIONS * 0.9)

    def test_seconds(self):
        """Six fields: croniter has the second last."""
        draw = random.Random(SEED + 1)
        questions, wanted = [], []
        for _ in range(500):
            zone, at, count, text = question(draw)
            second = field(draw, "minute", 0.2)
            got = expected(zone, at, count, f"{text} {second}")
            if got is not None:
                questions.append((zone, at, count, f"{second} {text}"))
                wanted.append(got)
        for asked, answer, times in zip(questions, cron_ask.ask(questions), wanted):
            self.assertEqual([at.replace(tzinfo=None) for at in answer], times, asked)


if __name__ == "__main__":
    unittest.main()
