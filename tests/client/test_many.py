"""The commands that mean many jobs: cancel, retry, delete and purge by filter, dead, operations,
with a real broker; and an operation that goes on where it stood after a kill -9.
"""

import json
import os
import sys
import unittest

for room in ("lib", "protocol"):
    sys.path.insert(0, os.path.join(os.environ["REEVE_SOURCE"], "tests", room))

from reeve_fleet import Fleet, wait_until  # noqa: E402  (the paths above come first)
from reeve_wire import Producer  # noqa: E402


class Many(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet()
        self.addCleanup(self.fleet.close)
        self.broker = self.fleet.broker()

    def reeve(self, *words, status=0):
        done = self.fleet.cli(*words, check=False)
        self.assertEqual(status, done.returncode, done)
        return done.stdout

    def listed(self, *words):
        return json.loads(self.reeve("list", "--limit", "1000", "--json", *words))

    def submit(self, count, *words):
        return [self.reeve("submit", *words).strip() for _ in range(count)]

    def test_says_which_are_meant(self):
        self.submit(1, "a")
        for command in ("cancel", "retry", "delete", "purge"):
            done = self.fleet.cli(command, check=False)
            self.assertEqual(2, done.returncode)
            self.assertIn("--all", done.stderr)
        self.assertEqual(1, self.listed("--status", "pending")["total"])
        done = self.fleet.cli("cancel", "--status", "completed", check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("no job in such a state can be cancelled", done.stderr)

    def test_cancel_purge_and_delete_by_filter(self):
        self.submit(3, "a", "--queue", "q", "--metadata", "n=1")
        self.submit(2, "a", "--queue", "q", "--metadata", "n=2")
        self.submit(1, "b", "--name", "nightly dump")
        self.assertEqual("3 cancelled\n", self.reeve("cancel", "--metadata", "n=1"))
        cancelled = self.listed("--status", "cancelled")
        self.assertEqual(3, cancelled["total"])
        self.assertEqual(2, self.listed("--status", "pending", "--queue", "q")["total"])
        self.assertEqual("2 purged\n", self.reeve("purge", "--queue", "q"))
        self.assertEqual("0 deleted\n", self.reeve("delete", "--ended-before", "1h"))
        self.assertEqual("3 deleted\n", self.reeve("delete", "--status", "cancelled"))
        self.assertEqual("1 cancelled\n", self.reeve("cancel", "--name", "nightly"))
        rows = json.loads(self.reeve("operations", "--json"))["operations"]
        self.assertEqual(["cancel", "delete", "delete", "purge", "cancel"],
                         [row["kind"] for row in rows])
        self.assertEqual({"done"}, {row["status"] for row in rows})
        again = json.loads(self.reeve("operation", "--json", rows[0]["id"]))
        self.assertEqual(rows[0], again)

    def test_causes_and_canaries(self):
        path = self.fleet.script("handler", """#!/bin/sh
echo '{"error":{"type":"NoRoute","message":"no route to 10.0.0.'$$'","retry":false}}' >&3
exit 1
""")
        self.fleet.worker(handlers={"a": path}, concurrency=4)
        ids = self.submit(5, "a")
        wait_until(lambda: self.listed("--status", "failed")["total"] == 5, what="5 failed jobs")
        causes = json.loads(self.reeve("dead", "--json"))["causes"]
        self.assertEqual([(5, "NoRoute")], [(c["count"], c["error"]) for c in causes])
        self.assertIn("NoRoute", self.reeve("dead"))
        done = self.fleet.cli("retry", "--cause", causes[0]["cause"], "--canaries", "2",
                              check=False)
        self.assertEqual(1, done.returncode, done)
        self.assertEqual("2 made pending\n", done.stdout)
        self.assertIn("failed again", done.stderr)
        attempts = {job["id"]: job["rev"] for job in self.listed("--status", "failed")["jobs"]}
        self.assertEqual(set(ids), set(attempts))
        self.assertEqual(2, len([rev for rev in attempts.values() if rev > 3]))

    def test_goes_on_after_a_crash(self):
        producer = Producer(self.fleet.clients, role="admin")
        producer.hello()
        for _ in range(3):
            producer.submit_many([{"type": "a"}] * 1000)
        producer.close()
        started = self.reeve("cancel", "--all", "--no-wait").strip()
        self.broker.kill()
        self.fleet.broker()
        self.assertIn("3000 changed", self.reeve("operation", "-f", started))
        self.assertEqual(3000, self.listed("--status", "cancelled")["total"])
        operation = json.loads(self.reeve("operation", "--json", started))
        self.assertEqual((3000, 3000), (operation["examined"], operation["changed"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
