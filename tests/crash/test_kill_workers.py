"""kill -9 of workers: their jobs run again and are counted as lost, no handler is left behind, and
a job that takes its workers down is bounded (L5, L9).
"""

import time
import unittest

from audit import by_status
from handlers import NAP, POISON, STUBBORN, handlers_alive, lines_of
from harness import CrashCase, wait_all_ended, wait_until


class KillWorkers(CrashCase):
    broker_options = ("--heartbeat", "500ms", "--lost-after", "4s")

    def setUp(self):
        super().setUp()
        self.start_broker()
        self.client = self.producer()

    def start_worker(self, **handlers):
        """A worker whose handlers are the texts of shell scripts."""
        commands = {kind: self.fleet.script(kind, text) for kind, text in handlers.items()}
        return self.fleet.worker(handlers=commands, concurrency=4,
                                 env={"CRASH": self.fleet.folder})

    def none_left(self, timeout=10):
        wait_until(lambda: not handlers_alive(self.fleet.folder), timeout, "no handler is left")

    def events_of(self, jobs):
        """The types of the events of each job."""
        answers = self.client.ask_many([("get_events", {"id": job}) for job in jobs])
        return [[event["type"] for event in answer["events"]] for answer in answers]

    def again_and_again(self, kills, count):
        """Workers die by turns while `count` jobs run; a new one comes for each."""
        specs = [{"type": "nap", "params": self.random.random() * 0.2, "max_lost": 1000}
                 for _ in range(count)]
        jobs = [answer["id"] for answer in self.client.submit_many(specs)["jobs"]]
        workers = [self.start_worker(nap=NAP) for _ in range(3)]
        for turn in range(kills):
            runs = len(lines_of(self.fleet.folder / "runs"))
            wait_until(lambda: len(lines_of(self.fleet.folder / "runs")) > runs + 3, 30, "runs")
            time.sleep(self.random.random() * 0.05)
            workers[turn % 3].kill()
            workers[turn % 3] = self.start_worker(nap=NAP)
        wait_all_ended(self.client, 90)
        self.check(jobs)

    def check(self, jobs):
        lost = 0
        for job, types in zip(jobs, self.events_of(jobs)):
            self.assertEqual(types.count("completed"), 1, types)
            self.assertEqual(types[-1], "completed", types)
            self.assertEqual(self.client.job(job)["lost"], types.count("lost"))
            lost += types.count("lost")
        self.assertGreater(lost, 0, "no worker was killed while it worked")
        self.assertEqual(lines_of(self.fleet.folder / "twins"), [])
        self.none_left()
        print(f"{len(jobs)} jobs, {lost} lost", flush=True)


class Short(KillWorkers):
    def test_under_load(self):
        self.again_and_again(6, 300)

    def test_stubborn_handlers_die_with_their_worker(self):
        worker = self.start_worker(stubborn=STUBBORN)
        job = self.client.submit(type="stubborn")["id"]
        started = self.fleet.folder / "stubborn.runs"
        wait_until(lambda: lines_of(started), 10, "a handler")
        wait_until(lambda: len(handlers_alive(self.fleet.folder)) >= 3, 10, "its children")
        worker.kill()
        self.none_left()
        self.start_worker(stubborn=STUBBORN)
        wait_until(lambda: len(lines_of(started)) == 2, 20, "a second run")
        (self.fleet.folder / "enough").touch()
        found = self.wait_status(self.client, job, "completed")
        self.assertEqual((found["lost"], found["attempt"]), (1, 2))
        self.assertEqual(found["result"]["fence"], int(lines_of(started)[1]))
        self.none_left()

    def test_poison_is_bounded_and_slows_nobody(self):
        """As a service manager does it: a worker that died is started again."""
        worker = self.start_worker(poison=POISON, nap=NAP)
        job = self.client.submit(type="poison")["id"]
        # Those that run beside it on the same worker are lost with it, but never for good.
        beside = self.client.submit_many([{"type": "nap", "params": 0.1}] * 40)["jobs"]
        deadline = time.monotonic() + 60
        while self.client.job(job)["status"] != "failed":
            self.assertLess(time.monotonic(), deadline, self.events_of([job]))
            if not worker.alive():
                worker = self.start_worker(poison=POISON, nap=NAP)
            time.sleep(0.05)
        found = self.client.job(job)
        self.assertEqual((found["error"]["type"], found["lost"]), ("PoisonError", 3))
        self.assertEqual(lines_of(self.fleet.folder / "poisoned"), ["1", "2", "3"])
        wait_all_ended(self.client, 30)
        self.assertEqual(by_status(self.client)["completed"], 40)
        self.assertLessEqual(max(self.client.job(job["id"])["lost"] for job in beside), 2)
        self.assertTrue(worker.alive())


class Long(KillWorkers):
    def test_under_load(self):
        self.again_and_again(40, 1000)


if __name__ == "__main__":
    unittest.main(verbosity=2)
