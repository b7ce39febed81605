"""A full disk (O3): submits are refused with STORE_FULL, while reads, results, cancels and deletes
go on; the broker never ends, and takes submits again by itself when there is room.

Needs a small file system, so root and mount(2): where that can't be had the tests are skipped, and
fail instead where CI is set in the environment.
"""

import errno
import os
import subprocess
import time
import unittest

from harness import CrashCase, wait_until
from reeve_wire import Refused, Silent

MEBI = 1024 * 1024


class DiskFull(CrashCase):
    def mount(self, mebis):
        """A tmpfs of its own under the broker's data."""
        self.disk = self.fleet.folder / "disk"
        self.disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebis}m", "tmpfs", self.disk],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.unable(f"no tmpfs can be mounted: {done.stderr.strip()}")
        # Lazily: the broker goes on with it until the fleet is closed, which removes the folder.
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=True)
        self.fleet.data = self.disk / "data"

    def unable(self, why):
        print(f"SKIP {self.id()}: {why}", flush=True)
        if os.environ.get("CI"):
            self.fail(why)
        self.skipTest(why)

    def fill_disk(self, leave=0):
        """Everything but `leave` bytes is taken by somebody else."""
        ballast = os.open(self.disk / "ballast", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            while self.room() > leave:
                os.write(ballast, bytes(min(MEBI, self.room() - leave)))
        except OSError as full:
            self.assertEqual(full.errno, errno.ENOSPC)
        finally:
            os.close(ballast)

    def room(self):
        found = os.statvfs(self.disk)
        return found.f_bavail * found.f_frsize

    def free_disk(self):
        (self.disk / "ballast").unlink()

    def start(self, mebis, reserve, running):
        """A broker on a small disk with some jobs running and some waiting."""
        self.mount(mebis)
        self.broker = self.start_broker("--reserve", reserve)
        self.client, self.hand = self.producer(), self.wire_worker(slots=running)
        self.client.submit_many([{"type": "t", "params": "x" * 1000}] * (running + 20))
        self.holds = self.hand.take_many(running)
        self.hand.slots = 0
        self.hand.beat()

    def assert_submits_are_refused(self):
        with self.assertRaises(Refused) as caught:
            for _ in range(1000):
                self.client.submit(type="t", params="x" * 100000)
        self.assertEqual(caught.exception.code, "STORE_FULL")
        self.assertTrue(caught.exception.retry_after_ms)

    def assert_the_rest_goes_on(self):
        """Reads, results, reports, cancels, deletes."""
        hold, other = self.holds.pop(), self.holds.pop()
        self.assertEqual(self.client.job(hold.job)["status"], "running")
        self.hand.report(hold, progress={"fraction": 0.5})
        self.assertEqual(self.hand.finish(hold, result="y" * 1000), "accepted")
        self.assertEqual(self.client.result(hold.job), "y" * 1000)
        self.client.ask("cancel", id=other.job)
        self.assertEqual(self.hand.finish(other, "ended"), "accepted")
        self.client.ask("delete", id=other.job)
        waiting = self.client.ask("list_jobs", filter={"status": ["pending"]})["jobs"][0]["id"]
        self.client.ask("cancel", id=waiting)
        self.client.ask("delete", id=waiting)

    def assert_it_resumes(self):
        """Without a restart, soon after there is room."""
        self.free_disk()

        def submitted():
            self.hand.pump(0.01)
            try:
                return self.client.submit(type="t")
            except Refused as refused:
                self.assertEqual(refused.code, "STORE_FULL")
                return None
        began = time.monotonic()
        wait_until(submitted, 20, "a submit is taken again", 0.1)
        print(f"resumed after {time.monotonic() - began:.1f} s", flush=True)
        self.assertTrue(self.broker.alive())

    def finish_all(self):
        for hold in self.holds:
            self.assertEqual(self.hand.finish(hold, result=1), "accepted")
        self.hand.slots = 10
        self.hand.beat()
        while self.client.ask("get_stats")["by_status"]["pending"]:
            self.hand.finish(self.hand.take(), result=1)


class Short(DiskFull):
    def test_below_the_reserve(self):
        self.start(160, "16m", 10)
        self.fill_disk(leave=20 * MEBI)
        self.assert_submits_are_refused()
        self.assert_the_rest_goes_on()
        self.assert_it_resumes()
        self.finish_all()

    def test_full_to_the_last_byte(self):
        """Commits fail; what the store has set aside lets everything but submits go on."""
        self.start(160, "16m", 10)
        self.fill_disk()
        self.assert_submits_are_refused()
        for _ in range(4):
            self.assert_the_rest_goes_on()
        self.assert_submits_are_refused()
        self.assert_it_resumes()
        self.finish_all()

    def test_restarted_on_a_full_disk(self):
        self.start(160, "16m", 10)
        self.fill_disk()
        self.broker.kill()
        self.broker = self.start_broker("--reserve", "16m")
        self.hand.until(lambda: self.hand.known, 10)
        self.assert_submits_are_refused()
        self.assert_the_rest_goes_on()
        self.assert_it_resumes()
        self.finish_all()

    def test_what_was_set_aside_is_used_up(self):
        """Then nothing can be kept, so nothing is answered; all of it is when there is room."""
        self.start(160, "16m", 45)
        self.fill_disk()
        with self.assertRaises(Silent):
            while len(self.holds) > 1:
                self.hand.finish(self.holds[-1], result="y" * 1000000, timeout=3)
                self.holds.pop()
        hold = self.holds.pop()
        self.assertEqual(self.client.job(hold.job)["status"], "running")
        self.assertTrue(self.broker.alive())
        self.assert_it_resumes()
        self.hand.until(lambda: self.hand.verdicts.get(hold.key) == "accepted", 20)
        self.finish_all()


if __name__ == "__main__":
    unittest.main(verbosity=2)
