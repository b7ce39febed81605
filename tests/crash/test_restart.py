"""A broker restart is a non-event for what runs (L4): wire workers hold many jobs, the broker is
killed or stopped and comes back, and nothing is run a second time. Fences go on growing (L3).
"""

import time
import unittest

from harness import CrashCase


class Restart(CrashCase):
    broker_options = ("--heartbeat", "500ms", "--lost-after", "8s")

    def restart_with(self, count, hands, end):
        self.broker = self.start_broker()
        client = self.producer()
        jobs = self.submit_many(client, count)
        workers = [self.wire_worker(slots=count // hands, name=f"hand {n}") for n in range(hands)]
        self.pump_until(workers, lambda: sum(len(w.holds) for w in workers) == count)
        self.pump(workers, 5)
        before = {hold.job: hold.fence for w in workers for hold in w.holds.values()}
        end(self.broker)
        self.broker = self.start_broker()
        for worker in workers:
            worker.known = False  # as after UNKNOWN_SESSION; its heartbeats would find out too
        self.pump_until(workers, lambda: all(w.known for w in workers))
        self.check_held(client, workers, before)
        self.finish_all(workers)
        self.check_lives(client, jobs)
        self.check_fence(client, workers, max(before.values()))

    def submit_many(self, client, count):
        jobs = []
        for first in range(0, count, 500):
            specs = [{"type": "t", "max_attempts": 1}] * min(500, count - first)
            jobs += [answer["id"] for answer in client.submit_many(specs)["jobs"]]
        return jobs

    def pump(self, workers, turns):
        for _ in range(turns):
            for worker in workers:
                worker.pump(0.01)

    def pump_until(self, workers, condition):
        for _ in range(3000):
            if condition():
                return
            self.pump(workers, 1)
        self.fail("the workers wait for ever")

    def check_held(self, client, workers, before):
        """Two heartbeats later everything is still where it was."""
        self.pump(workers, 1500 // (10 * len(workers)))
        now = {hold.job: hold.fence for w in workers for hold in w.holds.values()}
        self.assertEqual(now, before)
        self.assertFalse([hold for w in workers for hold in w.holds.values() if hold.stop])
        stats = client.ask("get_stats")
        self.assertEqual(stats["by_status"]["running"], len(before))
        self.assertEqual(stats["slots"]["busy"], len(before))

    def finish_all(self, workers):
        for worker in workers:
            for hold in worker.holds.values():
                worker.end(hold, result=1)
            worker.say_again()
        self.pump_until(workers, lambda: not any(w.holds for w in workers))

    def check_lives(self, client, jobs):
        """Submitted, run once, completed: nothing else ever happened to them."""
        for answer in client.ask_many([("get_events", {"id": job}) for job in jobs]):
            types = [event["type"] for event in answer["events"]]
            self.assertEqual(types, ["submitted", "running", "completed"])

    def check_fence(self, client, workers, largest):
        for worker in workers:
            worker.fresh.clear()
        client.submit(type="t")
        self.pump_until(workers, lambda: any(worker.fresh for worker in workers))
        fences = [hold.fence for worker in workers for hold in worker.fresh]
        self.assertGreater(min(fences), largest)


class Short(Restart):
    def test_killed_with_200_running(self):
        self.restart_with(200, 4, lambda broker: broker.kill())

    def test_stopped_with_200_running(self):
        self.restart_with(200, 2, lambda broker: self.assertEqual(broker.stop(), 0))

    def test_cancelled_while_it_ran(self):
        """The broker is killed right after it has answered the cancel: the word still reaches the
        worker, and a job whose worker never comes back ends too."""
        self.broker = self.start_broker()
        client, here, gone = self.producer(), self.wire_worker(), self.wire_worker(name="gone")
        jobs, holds = [], []
        for worker in (here, gone):
            jobs.append(client.submit(type="t")["id"])
            holds.append(worker.take())
            worker.pump(0.1)
        for job in jobs:
            client.ask("cancel", id=job, reason="no more")
        self.broker.kill()
        gone.close()
        self.start_broker()
        here.until(lambda: holds[0].stop, 20, "the word")
        self.assertEqual(holds[0].stop, "cancelled")
        self.assertEqual(here.finish(holds[0], result="too late"), "stale")
        here.until(lambda: not client.standing(jobs[1]).get("ending"), 20, "the other's end")
        for job in jobs:
            types = [event["type"] for event in client.events(job)["events"]]
            self.assertEqual(types, ["submitted", "running", "cancelled", "ended"])
            self.assertEqual(client.job(job)["cancel"]["reason"], "no more")
        self.assertTrue(here.quiet(0.3))

    def test_delays_and_retries_are_kept(self):
        """Due while the broker is away, or after it: never early, all of them run once."""
        self.broker = self.start_broker()
        client, worker = self.producer(), self.wire_worker(slots=30)
        failing = client.submit(type="t", backoff_ms=1000, max_attempts=2)["id"]
        worker.finish(worker.take(), "failed", error={"type": "E", "retryable": True})
        born = time.time()
        client.submit_many([{"type": "t", "name": str(delay), "delay_ms": delay} for delay in
                            (self.random.randrange(200, 3000) for _ in range(20))])
        self.broker.kill()
        time.sleep(0.5)  # some are due meanwhile
        self.start_broker()
        for _ in range(20 + 1):
            hold = worker.take()
            waited = (time.time() - born) * 1000
            if hold.job != failing:
                self.assertGreaterEqual(waited + 1, int(hold.item["name"]))
            self.assertEqual(worker.finish(hold), "accepted")
        self.assertTrue(worker.quiet(0.2))
        self.assertEqual(client.job(failing)["attempt"], 2)


class Long(Restart):
    def test_killed_with_1000_running(self):
        self.restart_with(1000, 4, lambda broker: broker.kill())

    def test_stopped_with_1000_running(self):
        self.restart_with(1000, 1, lambda broker: self.assertEqual(broker.stop(), 0))

    def test_killed_five_times_with_1000_running(self):
        def five_times(broker):
            for _ in range(5):
                broker.kill()
                broker = self.start_broker()
            broker.kill()
        self.restart_with(1000, 4, five_times)


if __name__ == "__main__":
    unittest.main(verbosity=2)
