"""What the crash tests share: a fleet per test, load and workers beside it, an audit at the end.

Must never trust the broker about what was answered: the history of load.py is kept in the test's
own process.
"""

import os
import random
import time
import unittest

import paths  # noqa: F401  (first: it finds the modules of other folders)
from audit import Audit, by_status
from load import Crew, Load
from reeve_fleet import Fleet, wait_until
from reeve_wire import Producer, Silent
from wire_worker import Worker

TERMINAL = ("completed", "failed", "cancelled")


class CrashCase(unittest.TestCase):
    """A fleet of its own for each test; prints the seed so that a failure can be repeated."""

    broker_options = ("--heartbeat", "250ms", "--lost-after", "2s")

    def setUp(self):
        seed = int(os.environ.get("REEVE_SEED", 0)) or random.SystemRandom().randrange(1, 2**31)
        self.random = random.Random(seed)
        print(f"{self.id()} seed {seed}", flush=True)
        self.fleet = Fleet()
        self.addCleanup(self.fleet.close)

    def start_broker(self, *options, **kw):
        return self.fleet.broker(*self.broker_options, *options, **kw)

    def producer(self, **kw):
        producer = Producer(self.fleet.clients, **kw)
        self.addCleanup(producer.close)
        return producer

    def wire_worker(self, **kw):
        worker = Worker(self.fleet.workers, **kw)
        self.addCleanup(worker.close)
        return worker

    def start_load(self, **kw):
        load = Load(self.fleet.clients, self.random.randrange(2**31), **kw)
        self.addCleanup(load.stop)
        load.start()
        return load

    def start_crew(self, endpoint=None, **kw):
        crew = Crew(endpoint or self.fleet.workers, **kw)
        self.addCleanup(crew.stop)
        crew.start()
        return crew

    def wait_status(self, producer, job, *status, timeout=30.0):
        """Waits until the job has one of these statuses; returns the job, result included."""
        def reached():
            found = producer.job(job, result=True)
            return found if found["status"] in status else None
        return wait_until(reached, timeout, f"a job that is one of {status}")


class LoadCase(CrashCase):
    """Ends brokers while jobs are submitted and worked on, then audits."""

    # A dispatch that a crash kept from leaving counts as one that took its worker down.
    patient = {"max_lost": 1000}

    # Every tenth job goes to a real worker, and a program makes its result: what came in.
    types = ("echo",) * 9 + ("cat",)

    def under_load(self, times, answers_max, end):
        """`end(broker)` so often, each time some answers after it was there again."""
        self.broker = self.start_broker()
        crews = [self.start_crew(name=f"crew {n}") for n in range(2)]
        worker = self.fleet.worker(handlers={"cat": "cat"}, concurrency=4)
        load = self.start_load(spec=self.patient, types=self.types)
        for _ in range(times):
            self.wait_answers(load, self.random.randrange(1, answers_max))
            time.sleep(self.random.random() * 0.01)  # not always right after an answer
            end(self.broker)
            self.broker = self.start_broker()
        load.stop()
        self.audit(load, crews)
        self.assertTrue(worker.alive())

    def wait_answers(self, load, count):
        """Until so many more submits have been answered."""
        goal = load.answered + count
        wait_until(lambda: load.answered >= goal or load.problem or not self.broker.alive(), 60,
                   "more answers", 0.002)
        self.assertTrue(self.broker.alive(), self.broker.log)

    def audit(self, load, crews):
        producer = self.producer()
        wait_all_ended(producer)
        self.assertTrue(all(crew.is_alive() for crew in crews))
        audited = Audit(self, producer, load.submits).run()
        fences = sum((crew.fences for crew in crews), [])
        self.assertEqual(len(set(fences)), len(fences), "a fence came twice")
        again = sum(sum(crew.runs.values()) - len(crew.runs) for crew in crews)
        print(f"{audited} jobs audited, {len(load.submits) - audited} unanswered, "
              f"{again} run more than once", flush=True)


def unfinished(producer):
    return sum(n for status, n in by_status(producer).items() if status not in TERMINAL)


def wait_all_ended(producer, timeout=60.0):
    """Until no job is waiting or running any more."""
    def ended():
        try:
            return unfinished(producer) == 0
        except Silent:
            return False
    try:
        wait_until(ended, timeout, "every job has ended", step=0.1)
    except AssertionError as late:
        raise AssertionError(f"{late}\n{lives_of_unfinished(producer)}") from None


def lives_of_unfinished(producer):
    """What became so far of some jobs that have not ended, for a person."""
    stats = producer.ask("get_stats")
    lines = [f"{stats['by_status']} workers {stats['workers']} slots {stats['slots']}"]
    waiting = ["pending", "running", "scheduled"]
    for job in producer.ask("list_jobs", filter={"status": waiting}, limit=5,
                            order="asc")["jobs"]:
        events = producer.events(job["id"])["events"]
        lines.append(f"{job['name']} ({job['type']}): " + " ".join(
            f"{event['type']}@{event['at'] % 10**6}" for event in events[-12:]))
    return "\n".join(lines)
