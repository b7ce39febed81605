"""reeve-broker as a tool over a store: --check, --dump, --backup, --restore, --compact; beside a
running broker and without one, and what they refuse."""

import json
import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from reeve_fleet import SANITIZED, Fleet, clean_environment  # noqa: E402

FIGURES = re.compile(r"^(\S+): (\d+) jobs, (\d+) rows, (\d+) violations, \d+\.\d s$", re.M)
LOUD = """#!/bin/sh
echo "one line of a log" >&2
echo '{"stage":"half","status":"completed"}' >&3
echo '{"checkpoint":{"at":1}}' >&3
cat
"""
JUMP = 2 ** 40  # RESTORED_JUMP


class Tools(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet()
        self.addCleanup(self.fleet.close)
        self.data = self.fleet.data

    def tool(self, *args, data=None):
        done = subprocess.run(
            [str(self.fleet.build / "reeve-broker"), "--data", str(data or self.data),
             *map(str, args)],
            env=clean_environment(), capture_output=True, text=True, timeout=60, check=False)
        self.assertIsNone(SANITIZED.search(done.stderr), done.stderr)
        return done

    def good(self, *args, data=None):
        done = self.tool(*args, data=data)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        return done.stdout

    def refused(self, status, text, *args, data=None):
        done = self.tool(*args, data=data)
        self.assertEqual(done.returncode, status, done)
        self.assertIn(text, done.stderr)
        return done

    def fill(self):
        """Jobs in as many states as there are tables to fill."""
        broker = self.fleet.broker()
        cli = self.fleet.cli
        loud = self.fleet.script("loud", LOUD)
        worker = self.fleet.worker(handlers={"loud": str(loud), "bad": "false"})
        self.done = cli("submit", "loud", "--params", '{"a":[1,"ü"]}', "--key", "k",
                        "--wait").stdout
        self.failed = cli("submit", "bad", "--max-attempts", "1", "--wait", check=False)
        self.assertEqual(self.failed.returncode, 3)
        worker.stop()
        self.pending = cli("submit", "never").stdout.strip()
        cli("submit", "later", "--delay", "1h")
        gone = cli("submit", "gone").stdout.strip()
        cli("cancel", gone)
        cli("delete", gone)
        return broker

    def rows(self, *args, data=None):
        lines = self.good("--dump", *args, data=data).splitlines()
        return [json.loads(line) for line in lines]

    def number(self, name, data=None):
        return next(row["value"] for row in self.rows("--table", "meta", data=data)
                    if row["key"]["name"] == name)

    def figures(self, text):
        found = FIGURES.search(text)
        self.assertTrue(found, text)
        return [int(number) for number in found.groups()[1:]]

    def test_check_beside_a_broker_and_without(self):
        broker = self.fill()
        jobs, rows, violations = self.figures(self.good("--check"))
        self.assertEqual((jobs, violations), (4, 0))
        self.assertGreater(rows, 40)
        self.assertEqual(self.fleet.cli("submit", "after").returncode, 0)
        broker.stop()
        self.assertEqual(self.figures(self.good("--check"))[0], 5)
        self.fleet.broker()  # and it left nothing behind that would keep one from starting

    def test_dump_is_json_of_every_table(self):
        self.fill().stop()  # a broker at work sweeps and writes between the two
        rows = self.rows()
        self.assertEqual(len(rows), self.figures(self.good("--check"))[1])
        self.assertTrue(all(set(row) == {"table", "key", "value"} for row in rows))
        self.assertFalse([row for row in rows if "hex" in row["key"]], "every key can be read")
        hexed = [row for row in rows if isinstance(row["value"], dict) and "hex" in row["value"]]
        self.assertFalse(hexed, "every value can be read")
        self.assertLessEqual(
            {"meta", "spec", "state", "ready", "timer", "status", "result", "event", "log", "stage",
             "failure", "checkpoint", "idempotency", "tombstone", "counter"},
            {row["table"] for row in rows})
        spec = next(row["value"] for row in rows if row["table"] == "spec"
                    and row["value"]["type"] == "loud")
        self.assertEqual(spec["params"], {"a": [1, "ü"]})

    def test_dump_of_a_table_or_a_job(self):
        self.fill()
        self.assertEqual({row["table"] for row in self.rows("--table", "event")}, {"event"})
        rows = self.rows("--job", self.pending)
        self.assertLessEqual({"spec", "state", "ready", "status", "event"},
                             {row["table"] for row in rows})
        self.assertTrue(all(self.pending in json.dumps(row) for row in rows))
        other = [row for row in self.rows() if self.pending in json.dumps(row["key"])]
        self.assertLessEqual(len(other), len(rows))
        self.refused(2, "no such table", "--dump", "--table", "nothing")
        self.refused(2, "expected the id", "--dump", "--job", "nothing")

    def test_backup_and_restore(self):
        broker = self.fill()
        backup = self.fleet.folder / "backup"
        self.good("--backup", backup)
        before = backup.read_bytes()
        self.assertEqual(os.stat(backup).st_mode & 0o777, 0o600)
        self.fleet.cli("submit", "after")
        self.refused(2, "say --overwrite", "--backup", backup)
        self.assertEqual(backup.read_bytes(), before)
        elsewhere = self.fleet.folder / "elsewhere"
        said = self.good("--restore", backup, data=elsewhere)
        self.assertEqual(self.figures(said)[0], 4)
        self.compare(elsewhere)
        self.assertEqual(os.stat(elsewhere).st_mode & 0o777, 0o700)
        self.refused(2, "holds a store already", "--restore", backup, data=elsewhere)
        self.good("--backup", backup, "--overwrite")
        self.assertEqual(self.figures(self.good("--restore", backup,
                                                data=self.fleet.folder / "third"))[0], 5)
        broker.stop()
        self.fleet.data = elsewhere
        self.fleet.broker()
        self.assertEqual(self.fleet.cli_json("get", self.pending)["status"], "pending")

    def compare(self, restored):
        """All but what must differ is the same; fences and seqs go on far behind."""
        moved = ("fence", "seq", "instance", "restored")
        meta = ("--table", "meta")
        for name in ("fence", "seq"):
            self.assertGreaterEqual(self.number(name, restored), JUMP)
        self.assertNotEqual(self.number("instance", restored), self.number("instance"))
        for table in ("spec", "state", "result", "event", "counter", "timer"):
            here = {json.dumps(row) for row in self.rows("--table", table)}
            there = {json.dumps(row) for row in self.rows("--table", table, data=restored)}
            if table not in ("counter", "timer"):
                self.assertLessEqual(there, here, table)
        self.assertEqual(
            [row for row in self.rows(*meta) if row["key"]["name"] not in (*moved, "arrival")],
            [row for row in self.rows(*meta, data=restored)
             if row["key"]["name"] not in (*moved, "arrival")])

    def test_compact_only_without_a_broker(self):
        broker = self.fill()
        for _ in range(20):
            job = self.fleet.cli("submit", "big", "--params",
                                 json.dumps("x" * 100000)).stdout.strip()
            self.fleet.cli("cancel", job)
            self.fleet.cli("delete", job)
        self.refused(1, "is in use by another broker", "--compact")
        broker.stop()
        before, size = self.rows(), (self.data / "data.mdb").stat().st_size
        self.assertIn("compacted", self.good("--compact"))
        self.assertLess((self.data / "data.mdb").stat().st_size, size / 2)
        self.assertEqual(self.rows(), before)
        self.assertFalse([name for name in os.listdir(self.data) if "new" in name])
        self.fleet.broker()
        self.assertEqual(self.fleet.cli_json("get", self.pending)["status"], "pending")

    def test_damage_is_told(self):
        self.fill().stop()
        good = (self.data / "data.mdb").read_bytes()
        page = 4096
        scribbled = b"".join(good[at:at + page - 100] + b"?" * 100
                             for at in range(2 * page, len(good), page))
        for damaged in (good[:2 * page] + scribbled, good[:3 * page]):
            (self.data / "data.mdb").write_bytes(damaged)
            self.refused(1, "damaged", "--check")
            self.refused(1, "damaged", "--compact")
            bad = self.fleet.folder / "bad"
            bad.write_bytes((self.data / "data.mdb").read_bytes())
            self.refused(1, "damaged", "--restore", bad, data=self.fleet.folder / "never")
            self.assertFalse((self.fleet.folder / "never" / "data.mdb").exists())
        (self.data / "data.mdb").write_bytes(good)
        self.good("--check")

    def test_a_row_that_contradicts_is_a_violation(self):
        self.fill().stop()
        path = self.data / "data.mdb"
        good = path.read_bytes()
        in_spec = b"\x02\xa5never"  # field 2 of a spec; in a state the type is another field
        self.assertIn(in_spec, good)
        path.write_bytes(good.replace(in_spec, in_spec[:-2] + b"ar"))
        done = self.tool("--check")
        self.assertEqual(done.returncode, 1, done)
        self.assertEqual(self.figures(done.stdout)[2], 1)
        self.assertRegex(done.stdout, f'(?m)^spec ."job":"{self.pending}".: expected the type')

    def test_wrong_use(self):
        nowhere = self.fleet.folder / "nowhere"
        for option in ("--check", "--dump", "--compact"):
            self.refused(2, "nowhere", option, data=nowhere)
        self.refused(2, "nowhere", "--backup", self.fleet.folder / "b", data=nowhere)
        self.assertFalse(nowhere.exists())
        nowhere.mkdir()
        self.refused(2, "holds no store", "--check", data=nowhere)
        self.assertEqual(os.listdir(nowhere), [])
        self.refused(2, "No such file", "--restore", self.fleet.folder / "b", data=nowhere)
        self.refused(2, "only one of", "--check", "--dump")
        self.refused(2, "go with --dump", "--check", "--table", "state")
        self.refused(2, "goes with --backup", "--check", "--overwrite")

    def test_an_older_format_is_brought_up_to_date_first(self):
        golden = Path(__file__).resolve().parents[1] / "store" / "golden" / "format-1.tar.gz"
        old = self.fleet.folder / "old"
        old.mkdir()
        subprocess.run(["tar", "-xzf", golden, "-C", old], check=True)
        old = next(path.parent for path in old.rglob("data.mdb"))
        before = (old / "data.mdb").read_bytes()
        for tool in (["--check"], ["--dump"], ["--backup", self.fleet.folder / "b"], ["--compact"]):
            self.refused(1, "written by an older Reeve: format 1", *tool, data=old)
        self.assertEqual((old / "data.mdb").read_bytes(), before)
        # As a backup it is brought up to date on its way.
        done = self.tool("--restore", old / "data.mdb", data=self.fleet.folder / "new")
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("migrated", done.stderr)
        self.good("--check", data=self.fleet.folder / "new")
        self.fleet.data = old
        self.fleet.broker().stop()
        self.good("--check", data=old)

    def test_backup_says_why_it_fails(self):
        self.fill()
        self.refused(2, "nowhere", "--backup", self.fleet.folder / "nowhere" / "b")
        if os.path.exists("/dev/full"):
            os.symlink("/dev/full", self.fleet.folder / "b.partial")
            self.refused(1, "b.partial", "--backup", self.fleet.folder / "b")
        self.assertFalse((self.fleet.folder / "b").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
