"""What the crash tests share: a fleet per test, load with a history kept in the test's own process,
a crew of wire workers, and the audit that holds the broker to that history.

Must never trust the broker about what was answered: History is filled from answers as they came
over the wire, and only by the thread that received them.
"""

import collections
import os
import random
import sys
import threading
import time
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lib"), str(TESTS / "protocol")]

from reeve_fleet import Fleet, wait_until  # noqa: E402
from reeve_wire import Producer, Refused, Silent, new_id, pack, topic_of  # noqa: E402,F401
from wire_worker import Worker  # noqa: E402

TERMINAL = ("completed", "failed", "cancelled")
ENDS = ("completed", "failed", "cancelled")


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

    def start_crew(self, **kw):
        crew = Crew(self.fleet.workers, **kw)
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


def by_status(producer):
    return producer.ask("get_stats")["by_status"]


def unfinished(producer):
    return sum(n for status, n in by_status(producer).items() if status not in TERMINAL)


class Submit:
    """One job that was submitted: what was said, and what was answered."""

    def __init__(self, number, kind, spec, key):
        self.number = number
        self.kind = kind  # "id", "key" or "plain"
        self.spec = spec
        self.key = key
        self.job = spec.get("id")
        self.answered = None  # the id in the answer
        self.refused = None

    def fields(self):
        fields = {"jobs": [self.spec]}
        if self.key:
            fields["idempotency_key"] = self.key
        return fields


class Worked(threading.Thread):
    """A thread that does one thing until it is stopped; what went wrong comes out of stop()."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stopping = threading.Event()
        self.problem = None

    def run(self):
        try:
            self.work()
        except Exception as problem:  # handed to the thread that waits for us
            self.problem = problem

    def stop(self):
        self.stopping.set()
        if self.is_alive():
            self.join(60)
        problem, self.problem = self.problem, None
        if problem:
            raise problem


class Load(Worked):
    """Submits jobs of `types` in turn, at most `window` unanswered and `most` in all.

    A third of them with an id of their own, a third with an idempotency key: these are sent again
    until they are answered. The last third is sent once: it may be there once or not at all."""

    def __init__(self, endpoint, seed, types=("echo",), window=40, most=100000, spec=None):
        super().__init__()
        self.random = random.Random(seed)
        self.producer = Producer(endpoint)
        self.producer.resend_after = 1.0
        self.types = types
        self.window = window
        self.most = most
        self.spec = spec or {}
        self.submits = []
        self.answered = 0
        self.waiting = {}

    def work(self):
        self.producer.hello(60)
        while not self.stopping.is_set():
            self.fill()
            self.take(0.5)
        deadline = time.monotonic() + 30
        while self.waiting and time.monotonic() < deadline:
            self.take(0.5)
        self.producer.close()

    def fill(self):
        while len(self.waiting) < self.window and len(self.submits) < self.most:
            self.submits.append(self.next_submit())
            self.send(self.submits[-1])

    def next_submit(self):
        number = len(self.submits)
        kind = ("id", "key", "plain")[number % 3]
        params = {"n": number, "text": "é" * self.random.randrange(20),
                  "real": self.random.random(), "list": list(range(self.random.randrange(9)))}
        spec = {"type": self.types[number % len(self.types)], "name": f"job {number}",
                "params": params, **self.spec}
        if kind == "id":
            spec["id"] = new_id()
        return Submit(number, kind, spec, f"key {number}" if kind == "key" else None)

    def send(self, submit):
        self.waiting[self.producer.send("submit", submit.fields())] = submit

    def take(self, timeout):
        """One answer; silence or a broker that knows us not means: hello, and all once more."""
        message = self.producer.receive(timeout)
        if message is None or message.get("code") == "UNKNOWN_SESSION":
            if self.waiting or message:
                self.again()
            return
        submit = self.waiting.pop(message.get("request"), None)
        if submit and message["msg"] == "submitted":
            self.note(submit, message["jobs"][0])
        elif submit:
            submit.refused = message["code"]

    def note(self, submit, answer):
        submit.answered = answer["id"]
        self.answered += 1

    def again(self):
        self.producer.connect()
        self.producer.hello(60)
        waiting, self.waiting = self.waiting, {}
        for submit in waiting.values():
            if submit.kind != "plain":
                self.send(submit)


def answer_to(params):
    """What a crew makes of a job's params."""
    return {"n": params["n"], "sum": sum(params["list"])}


def expected_result(spec):
    return spec["params"] if spec["type"] == "cat" else answer_to(spec["params"])


class Crew(Worked):
    """A wire worker in a thread that completes every job it gets: every second one at once, the
    others after `longest` seconds at most, so that restarts find some running."""

    def __init__(self, endpoint, types=("echo",), slots=20, name="crew", longest=0.3):
        super().__init__()
        self.worker = Worker(endpoint, types=types, slots=slots, name=name)
        self.longest = longest
        self.running = []  # (when it ends, hold)
        self.runs = collections.Counter()  # of each job
        self.fences = []

    def work(self):
        while not self.stopping.is_set():
            self.worker.pump(0.01)
            self.begin()
            self.finish(time.monotonic())
        self.worker.close()

    def begin(self):
        while self.worker.fresh:
            hold = self.worker.fresh.popleft()
            self.runs[hold.job] += 1
            self.fences.append(hold.fence)
            takes = hold.fence % 2 * self.longest * (hold.fence % 97) / 97
            self.running.append((time.monotonic() + takes, hold))

    def finish(self, now):
        ended = [hold for end, hold in self.running if end <= now]
        self.running = [(end, hold) for end, hold in self.running if end > now]
        if ended:
            self.worker.send("done", items=[
                self.worker.end(hold, result=answer_to(hold.params)) for hold in ended])


class Audit:
    """Holds the broker to a history of submits, once nothing runs any more."""

    def __init__(self, case, producer, submits):
        self.case = case
        self.producer = producer
        self.submits = submits

    def run(self):
        self.names = self.list_names()
        known = [submit for submit in self.submits if submit.answered]
        self.check_answered(known)
        self.check_unanswered([submit for submit in self.submits if not submit.answered])
        self.check_total()
        return len(known)

    def list_names(self):
        """How often each name is there, of all jobs there are."""
        names, cursor = collections.Counter(), None
        for _ in range(1000):
            fields = {"limit": 1000, **({"cursor": cursor} if cursor else {})}
            page = self.producer.ask("list_jobs", fields)
            names.update(job["name"] for job in page["jobs"])
            cursor = page.get("next_cursor")
            if not cursor:
                return names
        self.case.fail("a list without an end")

    def check_answered(self, submits):
        case = self.case
        for submit in submits:
            case.assertEqual(self.names[submit.spec["name"]], 1, submit.spec["name"])
            if submit.job:
                case.assertEqual(submit.job, submit.answered)
        asks = [("get_job", {"id": s.answered, "result": True}) for s in submits]
        for submit, answer in zip(submits, self.ask_frames(asks)):
            self.check_job(submit, *answer)
        asks = [("get_events", {"id": s.answered}) for s in submits]
        for submit, (answer, _) in zip(submits, self.ask_frames(asks)):
            self.check_events(submit, answer)

    def ask_frames(self, asks):
        """Pairs of answer and frame, in order."""
        return list(zip(*self.producer.ask_many(asks, frames=True)))

    def check_job(self, submit, answer, frame):
        case = self.case
        case.assertEqual(answer["msg"], "job_is", (submit.number, answer))
        job = answer["job"]
        case.assertEqual(job["name"], submit.spec["name"])
        case.assertIn(pack(submit.spec["params"]), frame, "params are not byte-identical")
        case.assertEqual(job["status"], "completed", job)
        case.assertEqual(job["result"], expected_result(submit.spec))

    def check_events(self, submit, answer):
        """Revs without a gap, born once, ended once, and nothing after the end."""
        case = self.case
        types = [event["type"] for event in answer["events"]]
        revs = [event["rev"] for event in answer["events"]]
        case.assertEqual(revs, list(range(1, len(revs) + 1)), types)
        case.assertEqual(types[0], "submitted")
        case.assertEqual(types.count("submitted"), 1, types)
        case.assertEqual(sum(types.count(end) for end in ENDS), 1, types)
        case.assertIn(types[-1], ENDS, types)

    def check_unanswered(self, submits):
        for submit in submits:
            self.case.assertLessEqual(self.names[submit.spec["name"]], 1, submit.spec["name"])

    def check_total(self):
        """The counters agree with what is there."""
        there = sum(self.names.values())
        self.case.assertEqual(sum(by_status(self.producer).values()), there)
        self.case.assertEqual(set(self.names.values()) - {1}, set())


def wait_all_ended(producer, timeout=60.0):
    """Until no job is waiting or running any more."""
    def ended():
        try:
            return unfinished(producer) == 0
        except Silent:
            return False
    wait_until(ended, timeout, "every job has ended", step=0.1)
