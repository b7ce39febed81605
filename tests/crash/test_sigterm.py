"""SIGTERM under load, again and again (O5): exit status 0, within its bound, and nothing is lost.
Workers finish what they run and take nothing new; told twice, they give it back.
"""

import time
import unittest

from audit import by_status
from handlers import NAP, STUBBORN, handlers_alive, lines_of
from harness import CrashCase, LoadCase, wait_all_ended, wait_until
from reeve_wire import topic_of

BOUND = 10.0  # seconds; the sockets linger for one, a sanitizer looks for leaks at the end


class Sigterm(LoadCase):
    def stop(self, broker):
        began = time.monotonic()
        self.assertEqual(broker.stop(BOUND), 0, broker.log)
        self.slowest = max(self.slowest, time.monotonic() - began)

    def again_and_again(self, times, answers_max):
        self.slowest = 0.0
        self.under_load(times, answers_max, self.stop)
        print(f"the slowest of {times} took {self.slowest:.2f} s", flush=True)


class Workers(CrashCase):
    broker_options = ("--heartbeat", "500ms", "--lost-after", "4s")

    def start_worker(self, **handlers):
        commands = {kind: self.fleet.script(kind, text) for kind, text in handlers.items()}
        return self.fleet.worker(handlers=commands, concurrency=4,
                                 env={"CRASH": self.fleet.folder})

    def by_turns(self, times, count):
        """Workers are replaced one after the other, as in an upgrade: nothing is lost, nothing runs
        twice."""
        self.start_broker()
        client, runs = self.producer(), self.fleet.folder / "runs"
        specs = [{"type": "nap", "params": self.random.random() * 0.2} for _ in range(count)]
        jobs = [answer["id"] for answer in client.submit_many(specs)["jobs"]]
        workers = [self.start_worker(nap=NAP) for _ in range(2)]
        for turn in range(times):
            before = len(lines_of(runs))
            wait_until(lambda: len(lines_of(runs)) > before + 3, 30, "runs")
            self.assertEqual(workers[turn % 2].stop(BOUND), 0, workers[turn % 2].log)
            workers[turn % 2] = self.start_worker(nap=NAP)
        wait_all_ended(client)
        self.assertEqual(by_status(client)["completed"], count)
        ran = sorted(line.split()[0] for line in lines_of(runs))
        self.assertEqual(ran, sorted(topic_of(job).decode() for job in jobs))
        for answer in client.ask_many([("get_events", {"id": job}) for job in jobs]):
            types = [event["type"] for event in answer["events"]]
            while types[1:3] == ["running", "pending"]:
                del types[1:3]  # it reached a worker that had just begun to drain
            self.assertEqual(types, ["submitted", "running", "completed"])
        for job in jobs:
            found = client.job(job)
            self.assertEqual((found["attempt"], found["lost"]), (1, 0))


class Short(Sigterm, Workers):
    def test_twenty_times(self):
        self.again_and_again(20, 150)

    def test_workers_by_turns(self):
        self.by_turns(5, 150)

    def test_a_worker_twice(self):
        """Its handlers are ended although they ignore it; no attempt and no loss is counted."""
        self.start_broker()
        client, started = self.producer(), self.fleet.folder / "stubborn.runs"
        job = client.submit(type="stubborn", max_attempts=1, max_lost=1)["id"]
        worker = self.start_worker(stubborn=STUBBORN)
        wait_until(lambda: lines_of(started), 10, "a handler")
        worker.signal(15)
        worker.wait_line("draining")
        self.assertEqual(client.job(job)["status"], "running")
        self.assertEqual(worker.stop(BOUND), 0, worker.log)
        self.assertEqual(handlers_alive(self.fleet.folder), [])
        (self.fleet.folder / "enough").touch()
        self.start_worker(stubborn=STUBBORN)
        found = self.wait_status(client, job, "completed")
        self.assertEqual((found["attempt"], found["lost"]), (1, 0))


class Long(Sigterm, Workers):
    def test_two_hundred_times(self):
        self.again_and_again(200, 150)

    def test_workers_by_turns(self):
        self.by_turns(40, 800)


if __name__ == "__main__":
    unittest.main(verbosity=2)
