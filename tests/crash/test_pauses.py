"""Programs that stand still (SIGSTOP) or can't be reached, and come back: a worker's late result is
refused as stale and changes nothing (L2), a broker's own pause costs nobody a lease.
"""

import unittest

from handlers import WAITING, handlers_alive, lines_of
from harness import CrashCase, wait_until
from proxy import Proxy
from wire_worker import Worker


class Pauses(CrashCase):
    broker_options = ("--heartbeat", "500ms", "--lost-after", "4s")

    def setUp(self):
        super().setUp()
        self.broker = self.start_broker()
        self.client = self.producer()
        self.started = self.fleet.folder / "started"

    def start_worker(self, name):
        return self.fleet.worker("--name", name, concurrency=1, env={"CRASH": self.fleet.folder},
                                 handlers={"waiting": self.fleet.script("waiting.sh", WAITING)})

    def let_go(self, attempt):
        (self.fleet.folder / f"go.{attempt}").touch()

    def wait_started(self, count):
        wait_until(lambda: len(lines_of(self.started)) >= count, 30, f"{count} handlers")
        return [int(line.split()[1]) for line in lines_of(self.started)]

    def stored(self, job):
        """The bytes of the job and of its events."""
        frames = []
        for msg in ("get_job", "get_result", "get_events"):
            self.client.send(msg, request=7, id=job, result=True)
            self.client.wait_answer(7, 10)
            frames.append(self.client.last_frame)
        return frames


class Short(Pauses):
    def test_a_worker_past_its_lease(self):
        """Its handler completes while it stands still, and another worker has the job; then it
        comes back with its result."""
        first = self.start_worker("first")
        job = self.client.submit(type="waiting")["id"]
        self.wait_started(1)
        first.pause()
        self.let_go(1)
        wait_until(lambda: lines_of(self.fleet.folder / "finished"), 10, "the first handler's end")
        second = self.start_worker("second")
        fences = self.wait_started(2)
        self.assertGreater(fences[1], fences[0])
        first.resume()
        self.works_again(first)
        self.assertEqual(self.client.job(job)["status"], "running")
        self.let_go(2)
        found = self.wait_status(self.client, job, "completed")
        self.assertEqual((found["result"]["fence"], found["lost"]), (fences[1], 1))
        self.assertTrue(second.alive())

    def test_a_worker_that_comes_back_after_the_end(self):
        """The same, when the other has completed it already: not a byte changes."""
        first = self.start_worker("first")
        job = self.client.submit(type="waiting")["id"]
        self.wait_started(1)
        first.pause()
        self.let_go(1)
        self.let_go(2)
        second = self.start_worker("second")
        found = self.wait_status(self.client, job, "completed")
        self.assertEqual(found["result"]["fence"], self.wait_started(2)[1])
        before = self.stored(job)
        self.assertEqual(second.stop(), 0)
        first.resume()
        self.works_again(first)
        self.assertEqual(self.stored(job), before)

    def works_again(self, worker):
        """It is known again, has a free slot, and runs what comes."""
        job = self.client.submit(type="waiting")["id"]
        found = self.wait_status(self.client, job, "completed")
        self.assertEqual(found["lost"], 0)
        self.assertTrue(worker.alive())

    def test_a_worker_past_its_lease_whose_handler_runs_on(self):
        """No twin: the handler of the paused worker is gone before the job runs elsewhere."""
        first = self.start_worker("first")
        job = self.client.submit(type="waiting")["id"]
        self.wait_started(1)
        first.pause()
        self.start_worker("second")
        self.wait_started(2)
        old = int(lines_of(self.started)[0].split()[0])
        self.assertNotIn(old, handlers_alive(self.fleet.folder))
        self.let_go(2)
        self.assertEqual(self.wait_status(self.client, job, "completed")["lost"], 1)
        first.resume()

    def test_a_worker_that_can_not_be_reached(self):
        """As on a dead link: it beats into the void, another runs the job, the link heals."""
        proxy = Proxy(self.fleet.workers)
        self.addCleanup(proxy.close)
        far = Worker(proxy.endpoint, name="far")
        self.addCleanup(far.close)
        far.hello()
        job = self.client.submit(type="t")["id"]
        hold = far.take()
        far.pump(0.6)
        proxy.freeze()
        near = self.wire_worker(name="near")
        again = near.take(20)
        self.assertGreater(again.fence, hold.fence)
        proxy.thaw()
        far.until(lambda: hold.stop == "stale", 20, "the welcome says that it is lost")
        self.assertEqual(far.finish(hold, result="far"), "stale")
        self.assertEqual(self.client.job(job)["status"], "running")
        self.assertEqual(near.finish(again, result="near"), "accepted")
        before = self.stored(job)
        self.assertEqual(far.finish(hold, result="far"), "stale")
        self.assertEqual(self.stored(job), before)

    def test_the_broker(self):
        """Longer than a lease: nothing is lost, nothing runs again."""
        worker = self.start_worker("real")
        real = self.client.submit(type="waiting")["id"]
        self.wait_started(1)
        wire = self.wire_worker(slots=50)
        self.client.submit_many([{"type": "t"}] * 50)
        holds = wire.take_many(50)
        wire.pump(1.0)
        self.broker.pause()
        wire.pump_through(8.0)
        self.broker.resume()
        wire.pump(4.5)
        self.assertEqual([hold.stop for hold in holds if hold.stop], [])
        self.assertEqual(len(wire.holds), 50)
        for hold in holds:
            self.assertEqual(wire.finish(hold, result=1), "accepted")
        self.let_go(1)
        found = self.wait_status(self.client, real, "completed")
        self.assertEqual((found["lost"], found["attempt"]), (0, 1))
        self.assertTrue(worker.alive())
        for job in self.client.ask("list_jobs", limit=100)["jobs"]:
            self.assertEqual((job["status"], job["lost"], job["attempt"]), ("completed", 0, 1))

    def test_the_broker_again_and_again(self):
        """Short stops in a row, each a little less than a lease."""
        wire = self.wire_worker(slots=20)
        self.client.submit_many([{"type": "t"}] * 20)
        holds = wire.take_many(20)
        for _ in range(2):
            self.broker.pause()
            wire.pump_through(3.5)
            self.broker.resume()
            wire.pump(0.3)
        wire.pump(4.5)
        self.assertEqual([hold.stop for hold in holds if hold.stop], [])
        for hold in holds:
            self.assertEqual(wire.finish(hold, result=1), "accepted")


if __name__ == "__main__":
    unittest.main(verbosity=2)
