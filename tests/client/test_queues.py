"""Queues and budgets through the real programs: paused, resumed, limited, with two workers at a
time. Must never judge a limit by what the broker says: the handlers themselves note when they run.
"""

import os
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ["REEVE_SOURCE"], "tests", "lib"))
from reeve_fleet import Fleet, wait_until  # noqa: E402

# Notes its beginning and its end, each with one write; the params say how long it takes.
NAP = """#!/bin/sh
read -r nap
echo "+ $REEVE_QUEUE" >>"$NOTES"
sleep "$nap"
echo "- $REEVE_QUEUE" >>"$NOTES"
"""


class Queues(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet()
        self.addCleanup(self.fleet.close)
        self.notes = self.fleet.folder / "notes"
        self.notes.touch()
        self.fleet.broker()

    def start_workers(self, *queues):
        nap = self.fleet.script("nap", NAP)
        return [self.fleet.worker(handlers={"nap": nap}, queues=queues, concurrency=6,
                                  env={"NOTES": self.notes}) for _ in range(2)]

    def submit(self, queue, count, nap=0.05):
        for _ in range(count):
            self.fleet.cli("submit", "nap", "--queue", queue, "--params", nap)

    def queue(self, name, *options):
        return self.fleet.cli_json("queue", name, *options)

    def lines(self):
        return self.notes.read_text().splitlines()

    def wait_ended(self, count, timeout=60):
        wait_until(lambda: sum(line[0] == "-" for line in self.lines()) >= count, timeout,
                   f"{count} jobs have ended")

    def most_at_once(self, queues, lines=None):
        running = most = 0
        for line in lines if lines is not None else self.lines():
            if line[2:] in queues:
                running += 1 if line[0] == "+" else -1
                most = max(most, running)
        return most

    def test_paused_and_limited(self):
        shown = self.queue("q", "--pause", "--limit", 3)
        self.assertEqual((shown["paused"], shown["limits"]), (True, {"concurrency": 3}))
        self.start_workers("q", "free")
        self.submit("q", 12)
        self.submit("free", 1)
        self.wait_ended(1)  # the other queue's: both workers have asked since
        self.assertEqual(self.lines(), ["+ free", "- free"])
        shown = self.queue("q")
        self.assertEqual((shown["paused"], shown["depth"], shown["running"]), (True, 12, 0))
        self.assertFalse(self.queue("q", "--resume")["paused"])
        self.wait_ended(13)
        self.assertEqual(self.most_at_once({"q"}), 3)
        # without a limit, as many as there are slots
        self.queue("q", "--clear", "limit", "--pause")
        before = len(self.lines())
        self.submit("q", 12, nap=1)
        self.queue("q", "--resume")
        self.wait_ended(25)
        self.assertGreater(self.most_at_once({"q"}, self.lines()[before:]), 3)

    def test_a_budget_over_two_queues_and_a_restart(self):
        self.fleet.cli("budget", "few", "--limit", 2)
        for queue in ("a", "b"):
            self.queue(queue, "--budget", "few")
        self.start_workers("a", "b")
        for _ in range(6):
            self.submit("a", 1, 0.1)
            self.submit("b", 1, 0.1)
        broker = self.fleet.programs[0]
        wait_until(lambda: len(self.lines()) > 4, 30, "some have run")
        broker.kill()
        self.fleet.broker()
        self.wait_ended(12)
        self.assertEqual(self.most_at_once({"a", "b"}), 2)
        shown = self.fleet.cli_json("budget", "few")
        self.assertEqual((shown["queues"], shown["limits"]), (2, {"concurrency": 2}))

    def test_a_rate_over_a_restart(self):
        self.queue("q", "--rate", "3/2s", "--limit", 12)
        self.start_workers("q")
        began = time.monotonic()
        self.submit("q", 7, 0)
        self.wait_ended(3)
        self.fleet.programs[0].kill()
        self.fleet.broker()
        self.wait_ended(7)
        # 3 + 3 + 1: two windows have passed
        self.assertGreaterEqual(time.monotonic() - began, 4)
        self.assertLessEqual(self.queue("q")["limits"]["rates"][0]["used"], 3)

    def test_a_full_queue_says_try_again(self):
        self.queue("q", "--length", 2)
        self.submit("q", 2)
        refused = self.fleet.cli("submit", "nap", "--queue", "q", "--params", 0, check=False)
        self.assertEqual(refused.returncode, 75)
        self.assertIn("no more than 2 waiting jobs", refused.stderr)
        self.assertEqual([queue["name"] for queue in self.fleet.cli_json("queues")["queues"]],
                         ["q"])

    def test_words_for_people(self):
        self.fleet.cli("queue", "q", "--rate", "10/m", "--weight", "gold=3", "--group-limit", "2",
                       "--group-limit", "gold=5", "--default", "timeout=1m30s", "--default",
                       "max-attempts=7")
        cells = self.fleet.cli("queues").stdout.rstrip("\n").split("\t")
        self.assertEqual(cells[:4], ["q", "open", "0", "0"])
        self.assertEqual(cells[5], "group-limit 2, rate 10/1m, group-limit gold=5, weight gold=3, "
                                   "default timeout=1m30s, default max_attempts=7")
        self.fleet.cli("queue", "q", "--clear", "rate", "--clear", "groups.gold", "--clear",
                       "defaults.timeout", "--clear", "group-limit")
        self.assertEqual(self.fleet.cli("queue", "q").stdout.split("\t")[5],
                         "default max_attempts=7\n")
        for wrong in (("--rate", "5"), ("--rate", "0/1s"), ("--weight", "gold"), ("--limit", 0),
                      ("--group-limit", "x"), ("--default", "colour=7"), ("--default", "timeout=x"),
                      ("--default", "priority=")):
            self.assertEqual(self.fleet.cli("queue", "q", *wrong, check=False).returncode, 2, wrong)
        nothing = self.fleet.cli("queue", "q", "--clear", "colour", check=False)
        self.assertEqual(nothing.returncode, 1)
        self.assertIn("'colour'", nothing.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
