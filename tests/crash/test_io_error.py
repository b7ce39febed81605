"""The disk fails with EIO (D4, O4): from then on no success is reported, the broker stops by itself
with exit status 1, and a new start on a healthy disk has everything that was answered.

The failing calls come from eio.c, built here and preloaded: fdatasync, writev (LMDB's pages) and
pwrite (the page that says which pages are valid).
"""

import os
import subprocess
import unittest
from pathlib import Path

from harness import LoadCase
from reeve_wire import new_id
from wire_watcher import Watcher

SOURCE = Path(__file__).with_name("eio.c")


class IoError(LoadCase):
    def setUp(self):
        super().setUp()
        self.library = self.fleet.folder / "eio.so"
        self.dead = self.fleet.folder / "dead"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.library, SOURCE, "-ldl"],
                       check=True)

    def start_mortal(self, call):
        """A broker whose disk dies when kill_disk() is called."""
        asan = os.environ.get("ASAN_OPTIONS", "")
        env = {"LD_PRELOAD": self.library, "EIO_CALLS": call, "EIO_WHEN": self.dead,
               "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0".lstrip(":")}
        return self.start_broker(env=env)

    def kill_disk(self):
        self.dead.touch()

    def heal_disk(self):
        self.dead.unlink()

    def check_gone(self, broker):
        self.assertEqual(broker.wait(15), 1, broker.log)
        self.assertRegex(broker.log, "batch_failed")

    def one_submit(self, call):
        """Nothing of a batch that failed is ever seen: no answer, no event, no dispatch."""
        broker = self.start_mortal(call)
        client, worker = self.producer(), self.wire_worker(slots=5)
        worker.hello()
        kept, job = client.submit(type="t", params="kept")["id"], new_id()
        worker.take()
        client.hello()
        with Watcher(self.producer(), self.fleet.events, job) as watcher:
            self.kill_disk()
            client.send("submit", jobs=[{"type": "t", "id": job}])
            self.check_gone(broker)
            self.assertIsNone(client.receive(0.2))
            self.assertFalse(watcher.socket.poll(200))
            worker.receive(0.2)
            self.assertFalse(worker.fresh)
        self.heal_disk()
        self.start_broker()
        self.assertEqual(client.job(kept)["params"], "kept")
        self.assertEqual(client.submit(type="t", id=job)["id"], job)
        self.assertEqual(client.ask("list_jobs")["total"], 2)

    def dying_under_load(self, call, times):
        """The disk dies `times` times while jobs are submitted and worked on."""
        self.broker = self.start_mortal(call)
        crews = [self.start_crew(name=f"crew {n}") for n in range(2)]
        load = self.start_load(spec=self.patient)
        for _ in range(times):
            self.wait_answers(load, self.random.randrange(50, 400))
            self.kill_disk()
            self.check_gone(self.broker)
            self.heal_disk()
            self.broker = self.start_mortal(call)
        load.stop()
        self.audit(load, crews)


class Short(IoError):
    def test_one_submit_fdatasync(self):
        self.one_submit("fdatasync")

    def test_one_submit_pwrite(self):
        self.one_submit("pwrite")

    def test_one_submit_writev(self):
        self.one_submit("writev")

    def test_under_load(self):
        self.dying_under_load("fdatasync", 2)


class Long(IoError):
    def test_fdatasync(self):
        self.dying_under_load("fdatasync", 15)

    def test_pwrite(self):
        self.dying_under_load("pwrite", 15)

    def test_writev(self):
        self.dying_under_load("writev", 15)


if __name__ == "__main__":
    unittest.main(verbosity=2)
