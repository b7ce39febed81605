"""Copies of a store (D7): a backup taken under load is one state of it, and restores; a kill in
the middle of a backup, a restore or a compaction leaves the old state or the new one; a full disk
says so.
"""

import json
import os
import random
import subprocess
import time
import unittest

from audit import Audit
from harness import CrashCase, wait_all_ended
from reeve_fleet import SANITIZED, clean_environment

KILLS = 8
BIG, COUNT = 100_000, 150


class Short(CrashCase):
    def command(self, *args, data=None):
        return [str(self.fleet.build / "reeve-broker"), "--data",
                str(data or self.fleet.data), *map(str, args)]

    def tool(self, *args, data=None, status=0):
        done = subprocess.run(self.command(*args, data=data), env=clean_environment(),
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertIsNone(SANITIZED.search(done.stderr), done.stderr)
        self.assertEqual(done.returncode, status, done)
        return done

    def killed(self, seconds, *args, data=None):
        """The same, killed after a while; whether that came in time."""
        tool = subprocess.Popen(self.command(*args, data=data), env=clean_environment(),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(seconds)
        tool.kill()
        return tool.wait() < 0

    def fill(self, broker_too=True):
        """A store whose copy takes a while."""
        broker = self.start_broker()
        producer = self.producer(role="admin")
        for n in range(COUNT // 10):
            producer.submit_many([{"type": "big", "params": f"{n}-{m}" + "x" * BIG}
                                  for m in range(10)])
        if not broker_too:
            broker.stop()
        return broker

    def duration(self, *args, **kw):
        began = time.monotonic()
        self.tool(*args, **kw)
        return time.monotonic() - began

    def rows(self, data=None):
        lines = self.tool("--dump", "--table", "status", data=data).stdout.splitlines()
        return [json.loads(line) for line in lines]

    # --- backup --------------------------------------------------------------------------------

    def test_backup_under_load_restores(self):
        broker = self.start_broker()
        crew = self.start_crew(name="crew")
        load = self.start_load(spec={"max_lost": 1000})
        backup = self.fleet.folder / "backup"
        for _ in range(3):
            goal = load.answered + 100
            while load.answered < goal and not load.problem:
                time.sleep(0.002)
            before = [submit for submit in list(load.submits) if submit.answered]
            self.tool("--backup", backup, "--overwrite")
            self.tool("--check")  # of the running one
        load.stop()
        wait_all_ended(self.producer(role="admin"))
        broker.stop()
        restored = self.fleet.folder / "restored"
        self.assertIn(" 0 violations", self.tool("--restore", backup, data=restored).stdout)
        self.tool("--check", data=restored)
        self.fleet.data = restored
        self.start_broker()
        producer = self.producer(role="admin")
        wait_all_ended(producer)
        self.assertGreater(Audit(self, producer, before).run(), 100)
        # What the original gave away after the backup was not given again.
        self.assertEqual(len(crew.fences), len(set(crew.fences)))
        self.assertGreater(max(crew.fences), 2 ** 40)

    def test_killed_backup(self):
        self.fill()
        backup = self.fleet.folder / "backup"
        took = self.duration("--backup", backup)
        first = backup.read_bytes()
        self.producer(role="admin").submit(type="one more")
        kills = 0
        for _ in range(KILLS):
            kills += self.killed(random.random() * took, "--backup", backup, "--overwrite")
            if backup.read_bytes() != first:
                break
        self.assertGreater(kills, 0)
        self.tool("--restore", backup, data=self.fleet.folder / "restored")
        self.producer(role="admin").submit(type="and another")  # the broker never noticed
        self.tool("--check")
        self.tool("--backup", backup, "--overwrite")
        self.assertEqual(os.path.exists(f"{backup}.partial"), False)

    # --- restore and compaction ----------------------------------------------------------------

    def test_killed_restore(self):
        self.fill(broker_too=False)
        backup, target = self.fleet.folder / "backup", self.fleet.folder / "target"
        self.tool("--backup", backup)
        took = self.duration("--restore", backup, data=self.fleet.folder / "first")
        for _ in range(KILLS):
            self.killed(random.random() * took, "--restore", backup, data=target)
            if (target / "data.mdb").exists():
                break
        else:
            self.tool("--restore", backup, data=target)
        self.tool("--check", data=target)
        self.assertEqual(self.rows(data=target), self.rows())

    def test_killed_compaction(self):
        self.fill(broker_too=False)
        rows = self.rows()
        took = self.duration("--compact")
        for _ in range(KILLS):
            self.killed(random.random() * took, "--compact")
            self.tool("--check")
            self.assertEqual(self.rows(), rows)
        self.start_broker()  # and takes away what was left
        self.assertFalse([name for name in os.listdir(self.fleet.data) if "new" in name])
        self.assertEqual(len(self.rows()), len(rows))

    def test_nobody_is_in_the_way_of_a_reader(self):
        """A dump that stands still keeps nobody from working, but a compaction from its end."""
        broker = self.fill()
        dump = subprocess.Popen(self.command("--dump"), stdout=subprocess.PIPE,
                                env=clean_environment())
        self.addCleanup(dump.wait)
        self.addCleanup(dump.kill)
        self.addCleanup(dump.stdout.close)
        self.assertEqual(dump.stdout.read(8), b'{"table"')  # its pipe is full now
        producer = self.producer(role="admin")
        for _ in range(50):
            producer.submit(type="a")
        broker.stop()
        self.assertIn("is being read", self.tool("--compact", status=1).stderr)
        self.start_broker().stop()
        dump.kill()
        dump.wait()
        self.tool("--compact")

    # --- a full disk -----------------------------------------------------------------------------

    def test_full_disk_says_how_much_is_needed(self):
        self.fill()
        disk = self.fleet.folder / "disk"
        disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.unable(f"no tmpfs can be mounted: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        said = self.tool("--backup", disk / "backup", status=1).stderr
        self.assertRegex(said, r"no room: about \d+ MiB are needed, \d+ MiB are free")
        self.assertEqual(os.listdir(disk), [])
        backup = self.fleet.folder / "backup"
        self.tool("--backup", backup)
        said = self.tool("--restore", backup, data=disk / "data", status=1).stderr
        self.assertRegex(said, r"no room: about \d+ MiB are needed, \d+ MiB are free")
        self.assertNotIn("data.mdb", os.listdir(disk / "data"))

    def unable(self, why):
        print(f"SKIP {self.id()}: {why}", flush=True)
        if os.environ.get("CI"):
            self.fail(why)
        self.skipTest(why)


if __name__ == "__main__":
    unittest.main(verbosity=2)
