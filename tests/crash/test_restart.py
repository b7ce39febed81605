"""A broker restart is a non-event for what runs (L4): wire workers hold many jobs, the broker is
killed or stopped and comes back, and nothing is run a second time. Fences go on growing (L3).
"""

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
