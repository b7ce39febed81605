"""The data directory: one broker at a time, and what is damaged or foreign is refused with a
sentence, never changed, never taken for empty, never a SIGBUS (D6).
"""

import hashlib
import os
import shutil
import time
import unittest

from harness import CrashCase, wait_until
from reeve_fleet import ANY_PORT
from reeve_wire import Producer


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class DataDir(CrashCase):
    def filled(self, count=300):
        """A data directory that a broker has filled and left."""
        broker = self.start_broker()
        client = self.producer()
        client.submit_many([{"type": "t", "params": "x" * 500}] * count)
        self.assertEqual(broker.stop(), 0)
        return self.fleet.data / "data.mdb"

    def assert_refused(self, pattern, data=None):
        """A broker that ends with 1 and says why, without a word of being ready."""
        broker = self.fleet.start("reeve-broker", "--data", data or self.fleet.data,
                                  "--clients", self.fleet.clients, "--workers",
                                  self.fleet.workers, "--events", self.fleet.events)
        status = broker.wait(20)
        self.assertEqual(status, 1, f"status {status}: {broker.log}")
        self.assertRegex(broker.log, pattern)
        self.assertNotRegex(broker.log, r"(?m)^ready")

    def assert_damage_is_refused(self, change):
        data = self.filled()
        change(data)
        before = digest(data)
        self.assert_refused(r"data\.mdb")
        self.assertEqual(digest(data), before, "the damaged file was changed")


    def killed_while_it_starts(self, times):
        """At any moment of its very first start and of later ones: the next start succeeds."""
        options = ["--data", self.fleet.data, "--clients", ANY_PORT, "--workers", ANY_PORT,
                   "--events", ANY_PORT]
        for turn in range(times):
            if turn % 3 == 0:
                shutil.rmtree(self.fleet.data, ignore_errors=True)
            broker = self.fleet.start("reeve-broker", *options)
            time.sleep(self.random.random() * 0.06)
            broker.kill()
        broker = self.start_broker()
        self.producer().submit(type="t")
        self.assertEqual(broker.stop(), 0)

    def flip(self, times):
        """Some byte of a page's head inverted: refused, or the page was not in use, or the broker
        ends when it meets the page; no signal ever ends it."""
        data = self.filled()
        whole = data.read_bytes()
        for _ in range(times):
            at = self.random.randrange(0, len(whole), 4096) + self.random.randrange(0, 24)
            data.write_bytes(whole)
            overwrite(data, at, bytes([whole[at] ^ 0xFF]))
            self.start_and_ask(at)

    def start_and_ask(self, at):
        broker = self.fleet.start("reeve-broker", "--data", self.fleet.data, "--clients",
                                  self.fleet.clients, "--workers", self.fleet.workers,
                                  "--events", self.fleet.events)
        wait_until(lambda: not broker.alive() or "ready" in broker.log, 20, "an opinion")
        client = Producer(self.fleet.clients)
        client.send("hello", client.hello_fields())
        client.send("submit", jobs=[{"type": "t"}])
        client.send("list_jobs", limit=1000)
        client.send("get_stats")
        wait_until(lambda: not broker.alive() or (client.receive(0.05) or {}).get("request") == 4,
                   20, "an answer")
        client.close()
        if broker.alive():
            broker.stop()
        self.assertIn(broker.wait(), (0, 1), f"byte {at}: {broker.log}")


class Short(DataDir):
    def test_a_second_broker_is_refused(self):
        broker = self.start_broker()
        client = self.producer()
        job = client.submit(type="t")["id"]
        own, self.fleet.clients = self.fleet.clients, "tcp://127.0.0.1:*"
        workers, self.fleet.workers = self.fleet.workers, "tcp://127.0.0.1:*"
        events, self.fleet.events = self.fleet.events, "tcp://127.0.0.1:*"
        self.assert_refused(f"in use.*{broker.pid}")
        self.fleet.clients, self.fleet.workers, self.fleet.events = own, workers, events
        self.assertEqual(client.job(job)["status"], "pending")

    def test_a_killed_broker_leaves_no_lock(self):
        broker = self.start_broker()
        client = self.producer()
        job = client.submit(type="t")["id"]
        broker.kill()
        self.start_broker()
        self.assertEqual(client.job(job)["status"], "pending")

    def test_a_stopped_broker_holds_its_lock(self):
        broker = self.start_broker()
        broker.pause()
        self.assert_refused("in use")
        broker.resume()
        self.producer().submit(type="t")

    def test_killed_while_it_starts(self):
        self.killed_while_it_starts(30)

    def test_cut_short(self):
        self.assert_damage_is_refused(lambda data: os.truncate(data, data.stat().st_size // 2))

    def test_cut_to_a_byte(self):
        self.assert_damage_is_refused(lambda data: os.truncate(data, 1))

    def test_empty(self):
        self.assert_damage_is_refused(lambda data: os.truncate(data, 0))

    def test_both_meta_pages_zeroed(self):
        self.assert_damage_is_refused(lambda data: overwrite(data, 0, bytes(8192)))

    def test_everything_but_the_meta_pages_zeroed(self):
        self.assert_damage_is_refused(
            lambda data: overwrite(data, 8192, bytes(data.stat().st_size - 8192)))

    def test_foreign(self):
        self.assert_damage_is_refused(lambda data: data.write_text("not a store\n" * 5000))

    def test_gone(self):
        data = self.filled()
        data.unlink()
        self.assert_refused("gone")
        self.assertFalse(data.exists(), "a silent empty start")

    def test_flipped_bytes(self):
        self.flip(10)


class Long(DataDir):
    def test_flipped_bytes(self):
        self.flip(150)

    def test_killed_while_it_starts(self):
        self.killed_while_it_starts(300)


def overwrite(path, at, new):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(new)


if __name__ == "__main__":
    unittest.main(verbosity=2)
