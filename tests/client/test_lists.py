"""reeve list and count, with a real broker: filters, sorting, pages, totals; and a data directory
of an older format, brought up by the broker's own program.
"""

import os
import sys
import tarfile
import unittest
from pathlib import Path

SOURCE = Path(os.environ["REEVE_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests" / "lib"))

from reeve_fleet import Fleet  # noqa: E402  (the path above comes first)


class Lists(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet()
        self.addCleanup(self.fleet.close)

    def reeve(self, *words, status=0):
        done = self.fleet.cli(*words, check=False)
        self.assertEqual(status, done.returncode, done)
        return done.stdout

    def names(self, *words):
        return [job.get("name") for job in self.fleet.cli_json("list", *words)["jobs"]]

    def submit(self, name, *words):
        return self.reeve("submit", "t", "--name", name, *words).strip()

    def fill(self):
        self.submit("beta", "--queue", "q", "--metadata", "team=red", "--metadata", "n=5")
        self.submit("alpha", "--queue", "q", "--metadata", "team=blue", "--group", "g")
        self.submit("gamma", "--metadata", "team=red")
        self.reeve("cancel", self.submit("alpine"))
        self.submit("hook", "--queue", "reeve")

    def test_filters_and_totals(self):
        self.fleet.broker()
        self.fill()
        self.assertEqual(["alpine", "gamma", "alpha", "beta"], self.names())
        self.assertEqual(["gamma", "beta"], self.names("--metadata", "team=red"))
        self.assertEqual(["beta"], self.names("--metadata", "team=red", "--metadata", "n=5"))
        self.assertEqual(["alpine", "alpha"], self.names("--name", "alp"))
        self.assertEqual(["alpha"], self.names("--group", "g"))
        self.assertEqual(["hook"], self.names("--queue", "reeve"))
        self.assertEqual(5, len(self.names("--system")))
        self.assertEqual(4, len(self.names("--created-after", "1h")))
        self.assertEqual([], self.names("--created-before", "1h"))
        self.assertEqual("4\n", self.reeve("count"))
        self.assertEqual("5\n", self.reeve("count", "--system"))
        self.assertEqual("2\n", self.reeve("count", "--metadata", "team=red"))
        self.assertEqual({"total": 1, "total_capped": False},
                         self.fleet.cli_json("count", "--status", "cancelled"))

    def test_sorting_and_pages(self):
        self.fleet.broker()
        self.fill()
        self.assertEqual(["alpha", "alpine", "beta", "gamma"], self.names("--sort", "name"))
        self.assertEqual(["gamma", "beta"], self.names("--sort", "name", "--order", "desc",
                                                       "--limit", "2"))
        self.assertEqual("alpine", self.names("--sort", "updated_at")[0])
        self.assertEqual(["beta", "alpha"], self.names("--oldest-first", "--limit", "2"))
        self.assertEqual(["alpha", "beta"], self.names("--offset", "2"))
        found, cursor = [], []
        for _ in range(4):
            page = self.fleet.cli_json("list", "--sort", "name", "--limit", "1", *cursor)
            found += [job["name"] for job in page["jobs"]]
            self.assertEqual(4, page["total"])
            cursor = ["--cursor", page.get("next_cursor", "")]
        self.assertEqual(["alpha", "alpine", "beta", "gamma"], found)
        self.assertNotIn("next_cursor", page)
        done = self.fleet.cli("list", "--sort", "priority", check=False)
        self.assertEqual(1, done.returncode)
        self.assertIn("created_at, updated_at or name", done.stderr)

    def test_an_older_data_directory(self):
        os.makedirs(self.fleet.data)
        with tarfile.open(SOURCE / "tests/store/golden/format-1.tar.gz") as tar:
            tar.extract("data.mdb", self.fleet.data)
        broker = self.fleet.broker()
        self.assertIn("format 1 to 2", broker.log)
        self.assertIn("completed", self.names("--owner", "ann", "--status", "completed"))
        self.assertEqual("5\n", self.reeve("count", "--owner", "ann"))
        self.assertEqual("1\n", self.reeve("count", "--queue", "q1", "--status", "failed"))
        broker.stop()
        self.assertNotIn("format 1 to 2", self.fleet.broker().log)
        self.assertEqual("8\n", self.reeve("count"))


if __name__ == "__main__":
    unittest.main()
