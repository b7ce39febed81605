"""Holds a broker to a history of submits (load.py), once nothing runs any more.

Must never change anything in the broker.
"""

import collections

import paths  # noqa: F401
from load import answer_to
from reeve_wire import pack

ENDS = ("completed", "failed", "cancelled")


def by_status(producer):
    return producer.ask("get_stats")["by_status"]


def expected_result(spec):
    return spec["params"] if spec["type"] == "cat" else answer_to(spec["params"])


class Audit:
    """`case` is the test that fails where something is wrong."""

    def __init__(self, case, producer, submits):
        self.case = case
        self.producer = producer
        self.submits = submits
        self.names = None

    def run(self):
        """Returns how many submits were answered."""
        self.names = self.list_names()
        known = [submit for submit in self.submits if submit.answered]
        for submit in self.submits:
            self.check_count(submit)
        self.check_jobs([pair for submit in known for pair in zip(submit.jobs, submit.answered)])
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

    def check_count(self, submit):
        """Answered: each of its jobs is there once. Refused: none. Neither: all or none."""
        counts = {self.names[job["name"]] for job in submit.jobs}
        allowed = [{1}] if submit.answered else [{0}] if submit.refused else [{0}, {1}]
        self.case.assertIn(counts, allowed, (submit.number, submit.kind, submit.refused))

    def check_jobs(self, pairs):
        """`pairs`: of a spec and the id that was answered."""
        asks = [("get_job", {"id": job, "result": True}) for _, job in pairs]
        answers, frames = self.producer.ask_many(asks, frames=True)
        for (spec, job), answer, frame in zip(pairs, answers, frames):
            self.case.assertEqual(job, spec.get("id", job))
            self.check_job(spec, answer, frame)
        for answer in self.producer.ask_many([("get_events", {"id": job}) for _, job in pairs]):
            self.check_events(answer["events"])

    def check_job(self, spec, answer, frame):
        case = self.case
        case.assertEqual(answer["msg"], "job_is", (spec, answer))
        job = answer["job"]
        case.assertEqual(job["name"], spec["name"])
        case.assertIn(pack(spec["params"]), frame, "params are not byte-identical")
        case.assertEqual(job["status"], "completed", job)
        case.assertEqual(job["result"], expected_result(spec))

    def check_events(self, events):
        """Revs without a gap, born once, ended once, and nothing after the end."""
        case, types = self.case, [event["type"] for event in events]
        revs = [event["rev"] for event in events]
        case.assertEqual(revs, list(range(1, len(revs) + 1)), types)
        case.assertEqual(types[0], "submitted")
        case.assertEqual(types.count("submitted"), 1, types)
        case.assertEqual(sum(types.count(end) for end in ENDS), 1, types)
        case.assertIn(types[-1], ENDS, types)
        self.check_logs([event["log"]["message"] for event in events if event["type"] == "log"])

    def check_logs(self, lines):
        """However often they were sent: the lines of a run are there once, in order, and those of
        the last run all."""
        numbers = [tuple(map(int, line.split("."))) for line in lines]
        self.case.assertEqual(numbers, sorted(set(numbers)))
        if numbers:
            self.case.assertEqual(numbers[-1][1], 2, lines)

    def check_total(self):
        """The counters agree with what is there."""
        there = sum(self.names.values())
        self.case.assertEqual(sum(by_status(self.producer).values()), there)
        self.case.assertEqual(set(self.names.values()) - {1}, set())
