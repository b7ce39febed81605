"""The command schedule and what it leads to, with a real broker and worker: each tick has its job
once, also across a kill -9; zones that are not there are said to be missing.
"""

import datetime
import json
import os
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.environ["REEVE_SOURCE"], "tests", "lib"))

from reeve_fleet import Fleet, wait_until  # noqa: E402  (the path above comes first)

HANDLER = """#!/bin/sh
echo "$REEVE_JOB_ID" >> "$0.ran"
"""


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Schedules(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.fleet = Fleet()
        self.addCleanup(self.fleet.close)

    def reeve(self, *words, status=0):
        done = self.fleet.cli(*words, check=False)
        self.assertEqual(status, done.returncode, done)
        return done.stdout

    def refused(self, *words, status=1):
        done = self.fleet.cli(*words, check=False)
        self.assertEqual(status, done.returncode, done)
        return done.stderr

    def show(self, name):
        return json.loads(self.reeve("schedule", "show", name, "--json"))

    def jobs(self):
        return json.loads(self.reeve("list", "--limit", "1000", "--oldest-first", "--json"))["jobs"]

    def test_ticks_are_jobs_across_a_crash(self):
        path = self.fleet.script("handler", HANDLER)
        broker = self.fleet.broker()
        self.fleet.worker(handlers={"tick": path}, concurrency=4)
        self.reeve("schedule", "set", "s", "--cron", "@every 1s", "--type", "tick",
                   "--misfire", "all", "--params", '{"n":1}')
        for _ in range(2):
            wait_until(lambda before=len(self.jobs()): len(self.jobs()) >= before + 2,
                       what="two more ticks")
            broker.kill()
            time.sleep(2.2)  # ticks that are missed, not readiness
            broker = self.fleet.broker()
        wait_until(lambda before=len(self.jobs()): len(self.jobs()) >= before + 6,
                   what="ticks after the crashes")
        self.reeve("schedule", "pause", "s")
        schedule, jobs = self.show("s"), self.jobs()
        self.assertEqual((len(jobs), 0, True),
                         (schedule["runs"], schedule["missed"], schedule["paused"]))
        ticks = [seconds(job["run_at"]) for job in jobs]
        first = seconds(schedule["created_at"])
        self.assertEqual([round(first + n + 1, 3) for n in range(len(ticks))], sorted(ticks))
        self.assertEqual({"s"}, {job["schedule"] for job in jobs})
        ids = [job["id"] for job in jobs]
        self.reeve("wait", "--timeout", "20s", *ids)
        ran = (path.parent / "handler.ran").read_text().split()
        self.assertEqual(sorted(ids), sorted(ran))
        broker.stop()
        tool = [self.fleet.build / "reeve-broker", "--data", self.fleet.data]
        subprocess.run([*tool, "--check"], check=True, stdout=subprocess.DEVNULL, timeout=30)
        rows = [json.loads(line) for line in subprocess.run(
            [*tool, "--dump", "--table", "schedule"], check=True, capture_output=True, text=True,
            timeout=30).stdout.splitlines()]
        self.assertEqual([("h", "@every 1s"), ("s", "tick")], [
            (row["key"]["row"], row["value"].get("cron") or row["value"]["type"]) for row in rows])

    def test_life(self):
        self.fleet.broker()
        said = self.reeve("schedule", "set", "night", "--cron", "30 2 * * *", "--zone",
                          "Europe/Berlin", "--type", "tidy", "--queue", "q", "--params",
                          '{"deep":true}', "--overlap", "skip", "--misfire", "skip")
        for words in ("cron         30 2 * * *", "zone         Europe/Berlin",
                      'params       {"deep":true}', "overlap      skip", "next         20"):
            self.assertIn(words, said)
        night = self.show("night")
        self.assertEqual({"type": "tidy", "params": {"deep": True}, "queue": "q",
                          "owner": "anonymous"}, night["spec"])
        listed = json.loads(self.reeve("schedule", "list", "--json"))["schedules"]
        del night["spec"]["params"]
        self.assertEqual([night], listed)
        row = self.reeve("schedule", "list").rstrip("\n").split("\t")
        self.assertEqual(["night", "30 2 * * *", "Europe/Berlin", "tidy", night["next_at"], "-",
                          "0", "0", "anonymous"], row)
        job = self.reeve("schedule", "run", "night").strip()
        run = json.loads(self.reeve("get", job, "--json"))
        self.assertEqual(("night", {"deep": True}, "q"),
                         (run["schedule"], run["params"], run["queue"]))
        self.assertEqual("night paused\n", self.reeve("schedule", "pause", "night"))
        self.assertIn("\tpaused\t", self.reeve("schedule", "list"))
        self.assertNotIn("next_at", self.show("night"))
        self.assertEqual("night resumed\n", self.reeve("schedule", "resume", "night"))
        self.assertEqual(night["next_at"], self.show("night")["next_at"])
        self.assertEqual("night deleted\n", self.reeve("schedule", "delete", "night"))
        self.assertIn("there is no schedule 'night'", self.refused("schedule", "show", "night"))
        self.assertEqual("", self.reeve("schedule", "list"))

    def test_preview(self):
        self.fleet.broker()
        rows = self.reeve("schedule", "preview", "0 12 * * *", "--zone", "Asia/Kathmandu",
                          "--count", "3").splitlines()
        self.assertEqual(3, len(rows))
        for row in rows:
            at, local = row.split("\t")
            self.assertRegex(local, r"^\d{4}-\d\d-\d\dT12:00:00\+05:45$")
            self.assertEqual(seconds(at), seconds(local))
        self.reeve("schedule", "set", "s", "--cron", "@every 90s", "--type", "t")
        ticks = json.loads(self.reeve("schedule", "preview", "s", "--json"))
        self.assertEqual("UTC", ticks["zone"])
        times = [seconds(tick["at"]) for tick in ticks["ticks"]]
        self.assertEqual(10, len(times))
        self.assertEqual(self.show("s")["next_at"], ticks["ticks"][0]["at"])
        self.assertEqual({90.0}, {round(b - a, 3) for a, b in zip(times, times[1:])})

    def test_refusals(self):
        self.fleet.broker()
        for words, said in (
                (("set", "s", "--cron", "* * * *", "--type", "t"), "expected five fields"),
                (("set", "s", "--cron", "0 25 * * *", "--type", "t"), "hour: expected 0 to 23"),
                (("set", "s", "--cron", "@daily", "--type", "t", "--zone", "Mars"),
                 "expected the name of a time zone"),
                (("set", "s", "--cron", "@daily", "--type", "t", "--overlap", "maybe"),
                 "expected allow, skip or replace"),
                (("preview", "nothing"), "there is no schedule 'nothing'")):
            self.assertIn(said, self.refused("schedule", *words))
        for words, said in ((("set", "s"), "--cron and --type are needed"),
                            (("list", "s"), "wants nothing behind it"),
                            (("show",), "wants a name behind it"),
                            (("fly",), "is none of set, list"),
                            (("set", "s", "--cron", "@daily", "--type", "t", "--params", "{"),
                             "--params is not JSON")):
            self.assertIn(said, self.refused("schedule", *words, status=2))
        self.assertEqual("", self.reeve("schedule", "list"))

    def test_a_machine_without_zones(self):
        self.fleet.broker(env={"TZDIR": self.fleet.folder / "none"})
        self.assertIn("no time zones (package tzdata)",
                      self.refused("schedule", "preview", "@daily", "--zone", "Europe/Berlin"))
        self.assertEqual(10, len(self.reeve("schedule", "preview", "@daily").splitlines()))

    def test_owners(self):
        self.fleet.broker()
        self.reeve("schedule", "set", "s", "--cron", "@daily", "--type", "t", "--owner", "ann")
        self.assertIn("there is no schedule", self.refused("schedule", "show", "s"))
        self.reeve("schedule", "show", "s", "--owner", "ann")
        self.assertIn("\tann\n", self.reeve("schedule", "list"))
        self.assertEqual("", self.reeve("schedule", "list", "--owner", "bob"))
        self.assertEqual("s deleted\n", self.reeve("schedule", "delete", "s", "--owner", "ann"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
