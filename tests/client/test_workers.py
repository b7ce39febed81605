"""The commands workers and drain, with real programs: a drained worker finishes what it has, takes
nothing new, and ends in good order.
"""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.environ["REEVE_SOURCE"], "tests", "lib"))

from reeve_fleet import Fleet, wait_until  # noqa: E402  (the path above comes first)


class Workers(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet()
        self.addCleanup(self.fleet.close)
        self.fleet.broker()

    def workers(self):
        return {w["name"]: w for w in self.fleet.cli_json("workers")["workers"]}

    def test_a_drained_worker_ends_when_it_has_finished(self):
        gate = self.fleet.folder / "gate"
        os.mkfifo(gate)
        handler = self.fleet.script("handler", f"#!/bin/sh\nread -r line < {gate}\n")
        one = self.fleet.worker("--name", "one", handlers={"a": handler})
        job = self.fleet.cli("submit", "a").stdout.strip()
        wait_until(lambda: self.workers()["one"]["busy"] == 1, what="the job runs")
        self.assertEqual([job], [run["job"] for run in self.workers()["one"]["running"]])
        self.assertEqual(one.pid, self.workers()["one"]["pid"])
        self.assertIn("one", self.fleet.cli("workers").stdout)
        self.assertIn("draining", self.fleet.cli("drain", "one").stdout)
        self.assertTrue(self.workers()["one"]["draining"])
        later = self.fleet.cli("submit", "a").stdout.strip()
        self.assertTrue(one.alive())
        with open(gate, "w", encoding="utf-8") as file:
            file.write("go on\n")
        self.assertEqual(0, one.wait())
        self.assertEqual("completed", self.fleet.cli_json("get", job)["status"])
        self.assertEqual("pending", self.fleet.cli_json("get", later)["status"])
        self.assertEqual("no_worker", self.fleet.cli_json("why", later)["reason"])
        self.assertEqual({}, self.workers())

    def test_names_that_mean_nobody_or_two(self):
        done = self.fleet.cli("drain", "nobody", check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("no worker with the id or name 'nobody'", done.stderr)
        for _ in range(2):
            self.fleet.worker("--name", "twin", handlers={"a": "/bin/true"})
        done = self.fleet.cli("drain", "twin", check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("several workers", done.stderr)
        ids = [w["id"] for w in self.fleet.cli_json("workers")["workers"]]
        self.assertEqual(2, len(ids))
        self.assertIn("draining", self.fleet.cli("drain", *ids).stdout)
        wait_until(lambda: not self.fleet.cli_json("workers")["workers"], what="both are gone")


if __name__ == "__main__":
    unittest.main(verbosity=2)
