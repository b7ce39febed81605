"""A watcher learns what it missed, the last event too (E1), whatever is lost between the broker and
it: a cut connection, a dead link, a full buffer, a killed broker. A client in Python, and `reeve`.
"""

import json
import subprocess
import unittest

from harness import CrashCase, wait_until
from proxy import Proxy
from reeve_wire import topic_of
from wire_watcher import Watcher


class Watchers(CrashCase):
    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()
        self.client, self.hand = self.producer(), self.wire_worker(slots=10)
        self.hand.hello()
        self.proxy = Proxy(self.fleet.events)
        self.addCleanup(self.proxy.close)

    def watched(self, hwm=1000):
        """A running job and a watcher that has seen that it runs."""
        job = self.client.submit(type="t")["id"]
        hold = self.hand.take()
        watcher = Watcher(self.producer(), self.proxy.endpoint, job, quiet=0.5, hwm=hwm)
        self.addCleanup(watcher.close)
        self.pump_until(lambda: watcher.rev == 2 and watcher.received, watcher)
        return hold, watcher

    def pump_until(self, condition, watcher=None):
        for _ in range(1000):
            if condition():
                return
            self.hand.pump(0.01)
            if watcher:
                watcher.step(0.01)
        self.fail("nothing comes of it")

    def say(self, hold, count, size=10):
        """`count` log lines, stored."""
        for first in range(0, count, 500):
            items = [{"job": hold.job, "fence": hold.fence, "n": hold.reports + n + 1,
                      "log": {"message": "x" * size}} for n in range(min(500, count - first))]
            hold.reports += len(items)
            self.hand.unreported.update(
                {(hold.job, hold.fence, item["n"]): item for item in items})
            self.hand.send("report", items=items)
            self.hand.until(lambda: not self.hand.unreported, 60, "stored")

    def check(self, watcher, logs):
        """Everything, in order, once."""
        types = watcher.follow(20)
        self.assertEqual(types, ["submitted", "running"] + ["log"] * logs + ["completed"])
        revs = [event["rev"] for event in watcher.events]
        self.assertEqual(revs, list(range(1, logs + 4)))


class Short(Watchers):
    def test_nothing_is_lost(self):
        hold, watcher = self.watched()
        self.say(hold, 50)
        self.pump_until(lambda: watcher.rev == 52, watcher)
        asked = watcher.asked
        self.hand.finish(hold)
        self.check(watcher, 50)
        self.assertEqual(watcher.asked, asked, "it had to ask for what was published")

    def test_the_end_is_lost_on_a_dead_link(self):
        hold, watcher = self.watched()
        self.proxy.freeze()
        self.say(hold, 20)
        self.hand.finish(hold)
        self.check(watcher, 20)
        self.assertEqual(watcher.received, 1)

    def test_the_connection_is_cut_and_the_end_is_missed(self):
        hold, watcher = self.watched()
        self.proxy.freeze()
        self.say(hold, 20)
        self.hand.finish(hold)
        wait_until(lambda: self.proxy.swallowed, 10, "something to lose")
        self.proxy.thaw()
        watcher.quiet = 60  # only the answer to its new subscription can tell it
        self.check(watcher, 20)
        self.assertEqual(watcher.received, 2)

    def test_the_last_event_of_a_cancelled_job(self):
        hold, watcher = self.watched()
        self.client.ask("cancel", id=hold.job)
        self.pump_until(lambda: watcher.rev == 3, watcher)
        self.proxy.freeze()
        self.hand.finish(hold, "ended")
        self.assertEqual(watcher.follow(20), ["submitted", "running", "cancelled", "ended"])

    def test_the_broker_is_killed_under_a_watcher(self):
        hold, watcher = self.watched()
        self.say(hold, 20)
        self.pump_until(lambda: watcher.rev == 22, watcher)
        self.broker.kill()
        self.start_broker()
        self.hand.finish(hold)
        self.check(watcher, 20)

    def test_a_watcher_that_does_not_read(self):
        """More than all buffers on the way can hold: the broker drops, and goes on. What the job's
        own table does not keep any more is passed over, the end is not."""
        hold, watcher = self.watched(hwm=1)
        lines = 20000
        self.say(hold, lines, 1900)
        self.hand.finish(hold)
        types = watcher.follow(20)
        self.assertEqual(types[-1], "completed")
        revs = [event["rev"] for event in watcher.events]
        self.assertEqual(revs, sorted(set(revs)))
        self.assertLess(watcher.received, lines, "nothing was lost: this test shows nothing")
        self.assertEqual(revs[-1], lines + 3)

    def test_a_deleted_job(self):
        hold, watcher = self.watched()
        self.proxy.freeze()
        self.hand.finish(hold)
        self.client.ask("delete", id=hold.job)
        watcher.follow(20)
        self.assertIsNone(watcher.standing)


class CliCase(Watchers):
    """`reeve watch` and `reeve wait` behind the same proxy."""

    def setUp(self):
        super().setUp()
        self.job = self.client.submit(type="t")["id"]
        self.hold = self.hand.take()

    def reeve(self, command, *args):
        """`reeve COMMAND JOB`, its lines on stdout as they come."""
        program = subprocess.Popen(
            [self.fleet.build / "reeve", "--json", "--broker", self.fleet.clients, "--events",
             self.proxy.endpoint, command, topic_of(self.job).decode(), *args],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(program.stderr.close)
        self.addCleanup(program.stdout.close)
        self.addCleanup(program.kill)
        return program

    def check(self, program, status, types):
        """Its exit status, and every event in order."""
        self.assertEqual(program.wait(30), status, program.stderr.read())
        events = [json.loads(line) for line in program.stdout]
        self.assertEqual([event["type"] for event in events if "rev" in event], types)

    def watch(self):
        """A `reeve watch` that has said how the job stands."""
        program = self.reeve("watch")
        first = json.loads(program.stdout.readline())
        self.assertEqual(first["type"], "snapshot")
        self.say(self.hold, 1)
        self.assertEqual(json.loads(program.stdout.readline())["type"], "log")
        return program


class ShortCli(CliCase):
    def test_watch_on_a_dead_link(self):
        program = self.watch()
        self.proxy.freeze()
        self.say(self.hold, 20)
        self.hand.finish(self.hold)
        self.check(program, 0, ["log"] * 20 + ["completed"])

    def test_watch_when_the_connection_is_cut(self):
        program = self.watch()
        self.proxy.freeze()
        self.say(self.hold, 20)
        self.hand.finish(self.hold, "failed", error={"type": "E", "message": "no"})
        self.proxy.thaw()
        self.check(program, 3, ["log"] * 20 + ["failed"])

    def test_watch_when_the_broker_is_killed(self):
        program = self.watch()
        self.broker.kill()
        self.start_broker()
        self.hand.finish(self.hold)
        self.check(program, 0, ["completed"])

    def test_watch_a_cancelled_job_to_its_real_end(self):
        program = self.watch()
        self.client.ask("cancel", id=self.job)
        self.assertEqual(json.loads(program.stdout.readline())["type"], "cancelled")
        self.proxy.freeze()
        self.hand.finish(self.hold, "ended")
        self.check(program, 4, ["ended"])

    def test_wait_on_a_dead_link(self):
        program = self.reeve("wait")
        wait_until(lambda: self.proxy.pairs, 10, "a subscription")
        self.proxy.freeze()
        self.hand.finish(self.hold)
        self.assertEqual(program.wait(30), 0, program.stderr.read())


if __name__ == "__main__":
    unittest.main(verbosity=2)
