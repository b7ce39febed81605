"""The handler's side of the interface between reeve-worker and a program.

Reads the job from the file that $REEVE_JOB names and speaks JSON lines on file descriptor 3. Run
by hand, without a descriptor 3, the same reports go to stderr as text. This module knows nothing
of documents: copy it to start a handler of your own.

It must never write to stdout, which belongs to the result.
"""

import fcntl
import json
import os
import signal
import sys
import time

REPORT_FD = 3
JSON_INTERVAL_S = 0.1  # the worker keeps only the latest progress of every 250 ms
TEXT_INTERVAL_S = 0.5
EXIT_FAILED = 1
EXIT_TRY_LATER = 75
EXIT_CANCELLED = 128 + signal.SIGTERM


class Cancelled(BaseException):
    """SIGTERM or SIGINT arrived. Not an Exception, so that nobody swallows it by accident."""


class Failure(Exception):
    """An end of the attempt that has words: its kind, its message, and whether to try again."""

    def __init__(self, kind, message, retry=False, retry_after_s=None):
        super().__init__(message)
        self.kind = kind
        self.retry = retry
        self.retry_after_s = retry_after_s


class Stage:
    """A named part of the job that owns the share `start`..`end` of the whole progress.

    Use it in a `with`: it reports running, then completed, or failed when an error passes.
    """

    def __init__(self, job, name, start, end):
        self.job = job
        self.name = name
        self.start = start
        self.end = end
        self.progress = 0.0

    def __enter__(self):
        self.job.stage(self.name, "running", 0.0)
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.job.stage(self.name, "completed", 1.0)
            if self.job.reached < self.end:
                self.job.progress(self.end)
        elif issubclass(kind, Exception):
            self.job.stage(self.name, "failed", self.progress)

    def note(self, message):
        """Say what goes on while it is not known yet how much there is to do."""
        if self.job.due():
            self.job.progress(self.start, message)

    def advance(self, completed, total, doing):
        """`completed` of `total` items are done, truly; reports are thinned, the last one never."""
        self.job.check()
        if completed < total and not self.job.due():
            return
        self.progress = completed / total if total else 1.0
        self.job.stage(self.name, "running", self.progress)
        overall = self.start + (self.end - self.start) * self.progress
        self.job.progress(overall, f"{doing} ({completed}/{total})", completed, total)


class Job:
    """One attempt of a job: what it was given, and the voice to report with."""

    def __init__(self):
        self.reports = writable(REPORT_FD)  # first of all: a file opened later may become fd 3
        self.described = read_job_file(os.environ.get("REEVE_JOB"))
        self.cancelled = False
        self.reached = 0.0
        self.reported_at = 0.0
        signal.signal(signal.SIGTERM, self._cancel)
        signal.signal(signal.SIGINT, self._cancel)

    @property
    def id(self):
        return self.described.get("id")

    @property
    def fence(self):
        return int(self.described.get("fence") or 0)

    @property
    def checkpoint(self):
        return self.described.get("checkpoint")

    def _cancel(self, _number, _frame):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # let the rollback finish in peace
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.cancelled = True
        raise Cancelled

    def check(self):
        """Raises Cancelled also where an earlier one got lost, as it does inside a finalizer."""
        if self.cancelled:
            raise Cancelled

    def due(self):
        """Is it time for another report?"""
        interval = JSON_INTERVAL_S if self.reports else TEXT_INTERVAL_S
        return time.monotonic() - self.reported_at >= interval

    def progress(self, fraction, message=None, completed=None, total=None):
        self.reached = max(self.reached, round(fraction, 4))
        self.reported_at = time.monotonic()
        report = {"progress": self.reached, "message": message, "completed": completed,
                  "total": total}
        self._say({k: v for k, v in report.items() if v is not None},
                  message and f"[{self.reached:4.0%}] {message}")

    def stage(self, name, status, fraction):
        report = {"stage": name, "status": status, "progress": round(fraction, 4)}
        self._say(report, f"{name}: {status}" if status != "running" else None)

    def log(self, text, level="info", **context):
        report = {"log": text, "level": level}
        if context:
            report["context"] = context
        self._say(report, f"{level}: {text}")

    def save(self, checkpoint):
        """Hands a checkpoint to the broker; what it refers to must be durable before."""
        self._say({"checkpoint": checkpoint}, None)

    def fail(self, failure):
        """Words the failure; gives the status to exit with."""
        words = {"type": failure.kind, "message": str(failure), "retry": failure.retry}
        self._say({"error": words}, f"error: {failure}")
        if failure.retry_after_s is None:
            return EXIT_FAILED
        self._say({"retry_after": failure.retry_after_s}, None)
        return EXIT_TRY_LATER

    def _say(self, report, text):
        if self.reports:
            write_all(REPORT_FD, json.dumps(report).encode() + b"\n")
        elif text:
            print(text, file=sys.stderr, flush=True)


def writable(descriptor):
    """Is there an open descriptor of that number, to write to?"""
    try:
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    except OSError:
        return False
    return flags & os.O_ACCMODE in (os.O_WRONLY, os.O_RDWR)


def write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data):]


def read_job_file(path):
    """The job as the worker describes it; empty when the program is run by hand."""
    if not path:
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file)
