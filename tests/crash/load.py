"""Jobs that are submitted and worked on while a crash test ends programs, and the history of it.

Must never note as answered what did not come over the wire as an answer.
"""

import collections
import random
import threading
import time

import paths  # noqa: F401
from reeve_wire import Producer, new_id
from wire_worker import Worker


class Submit:
    """One message `submit`: what was said, and what was answered."""

    def __init__(self, number, kind, jobs):
        self.number = number
        self.kind = kind  # "id", "key" or "plain"
        self.jobs = jobs  # specs; all of them or none
        self.answered = None  # the ids in the answer
        self.refused = None

    def fields(self):
        fields = {"jobs": self.jobs}
        if self.kind == "key":
            fields["idempotency_key"] = f"key {self.number}"
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
    """Submits jobs of `types` in turn, with at most `window` submits unanswered: mostly one job,
    now and then ten in one message.

    A third with ids of their own, a third with an idempotency key: these are sent again until they
    are answered. The last third is sent once: it may be there once or not at all."""

    def __init__(self, endpoint, seed, types=("echo",), window=40, rate=None, spec=None):
        super().__init__()
        self.random = random.Random(seed)
        self.rate = rate  # submits a second at most, or None
        self.began = time.monotonic()
        self.producer = Producer(endpoint)
        self.producer.resend_after = 1.0
        self.types = types
        self.window = window
        self.spec = spec or {}
        self.submits = []
        self.answered = 0
        self.waiting = {}

    def work(self):
        self.producer.hello(60)
        while not self.stopping.is_set():
            self.fill()
            self.take(0.5 if self.waiting else 0.01)
        deadline = time.monotonic() + 30
        while self.waiting and time.monotonic() < deadline:
            self.take(0.5)
        self.producer.close()

    def fill(self):
        most = self.rate * (time.monotonic() - self.began) if self.rate else float("inf")
        while len(self.waiting) < self.window and len(self.submits) < most:
            self.submits.append(self.next_submit())
            self.send(self.submits[-1])

    def next_submit(self):
        number = len(self.submits)
        kind = ("id", "key", "plain")[number % 3]
        count = 10 if number % 20 == 7 else 1
        return Submit(number, kind, [self.next_job(number, n, kind) for n in range(count)])

    def next_job(self, number, n, kind):
        params = {"n": number, "text": "é" * self.random.randrange(20),
                  "real": self.random.random(), "list": list(range(self.random.randrange(9)))}
        job = {"type": self.types[number % len(self.types)], "name": f"job {number}.{n}",
               "params": params, **self.spec}
        if kind == "id":
            job["id"] = new_id()
        return job

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
            submit.answered = [answer["id"] for answer in message["jobs"]]
            self.answered += 1
        elif submit:
            submit.refused = message["code"]

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


class Crew(Worked):
    """A wire worker in a thread that completes every job it gets: every second one at once, the
    others after `longest` seconds at most, so that restarts find some running. Every fifth is
    logged, in three lines that say which run of it they are from."""

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
            for n in range(3 if hold.fence % 5 == 0 else 0):
                self.worker.report(hold, log={"message": f"{hold.fence}.{n}"})

    def finish(self, now):
        ended = [hold for end, hold in self.running if end <= now]
        self.running = [(end, hold) for end, hold in self.running if end > now]
        if ended:
            self.worker.send("done", items=[
                self.worker.end(hold, result=answer_to(hold.params)) for hold in ended])
