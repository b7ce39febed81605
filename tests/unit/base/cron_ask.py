"""Asks our cron through the program cron_times; shared by the comparisons.

Must never know the right answer itself.
"""

import datetime
import os
import subprocess
import zoneinfo

PROGRAM = os.path.join(os.environ["REEVE_BUILD"], "tests", "unit", "base", "cron_times")
UTC = datetime.timezone.utc


def ask(questions):
    """[(zone, after, count, expression)] → a list of aware datetimes each, or the error's text."""
    lines = ["\t".join((zone, str(int(after.timestamp() * 1000)), str(count), expression))
             for zone, after, count, expression in questions]
    done = subprocess.run([PROGRAM], input="\n".join(lines) + "\n", text=True, check=True,
                          stdout=subprocess.PIPE)
    answers = done.stdout.splitlines()
    assert len(answers) == len(questions), (len(answers), len(questions))
    return [read(answer, zone) for answer, (zone, *_) in zip(answers, questions)]


def read(answer, zone):
    if answer.startswith("error"):
        return answer
    place = zoneinfo.ZoneInfo(zone)
    return [datetime.datetime.fromtimestamp(int(word) / 1000, UTC).astimezone(place)
            for word in answer.split() if word != "never"]
