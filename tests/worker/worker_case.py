"""A real broker, real workers and real handlers, for the tests of this folder.

Must never sleep to wait for something: it asks again until it is so, or too late.
"""

import os
import sys
import unittest
import uuid
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lib"), str(TESTS / "protocol")]

from reeve_fleet import Fleet, wait_until  # noqa: E402
from reeve_wire import Producer  # noqa: E402

ENDED = ("completed", "failed", "cancelled")


class WorkerCase(unittest.TestCase):
    broker_options = ("--heartbeat", "200ms", "--lost-after", "3s", "--grace", "700ms")

    def setUp(self):
        self.fleet = Fleet()
        self.addCleanup(self.fleet.close)
        self.broker = self.fleet.broker(*self.broker_options)
        self.producer = Producer(self.fleet.clients)
        self.addCleanup(self.producer.close)
        self.tmp = self.fleet.folder / "tmp"
        self.tmp.mkdir()

    # --- handlers and workers ---

    def script(self, name, text):
        """An executable shell script; returns its path."""
        return self.fleet.script(name, "#!/bin/sh\n" + text)

    def worker(self, handlers, **kw):
        """A worker with its private files below self.tmp; handlers = {type: command}."""
        return self.fleet.worker(handlers=handlers, env={"TMPDIR": self.tmp}, **kw)

    def file(self, name):
        """A path in the fleet's folder, for handlers to write to."""
        return self.fleet.folder / name

    def wait_file(self, name, timeout=10):
        """The text of a file, once it has a whole line."""
        def text():
            path = self.file(name)
            found = path.read_text() if path.exists() else ""
            return found if found.endswith("\n") else None
        return wait_until(text, timeout, f"file {name}").strip()

    # --- jobs ---

    def submit(self, type, params=None, **spec):
        return self.producer.submit(type=type, params=params or {}, **spec)["id"]

    def wait_status(self, job, *statuses, timeout=15):
        def there():
            found = self.producer.job(job, result=True)
            return found if found["status"] in statuses else None
        return wait_until(there, timeout, f"job {statuses}")

    def wait_ended(self, job, timeout=15):
        return self.wait_status(job, *ENDED, timeout=timeout)

    def run_job(self, type, params=None, **spec):
        """Submits a job and waits for its end; an attempt is its last unless told otherwise."""
        spec.setdefault("max_attempts", 1)
        return self.wait_ended(self.submit(type, params, **spec))

    def logs(self, job):
        """[(level, message)] of all kept lines."""
        return [(line["level"], line["message"]) for line in
                self.producer.ask("get_logs", id=job, limit=1000)["logs"]]

    def events(self, job):
        return [event["type"] for event in self.producer.events(job)["events"]]

    def wait_listed(self):
        """Until every worker has had the time to say what it runs: a few jobs' lives."""
        self.worker({"pass": "sleep 0.25"}, queues=["pass"])
        self.run_job("pass", queue="pass")

    # --- processes ---

    def assert_gone(self, *pids, timeout=5):
        """None of these processes runs any more (a zombie does not run)."""
        wait_until(lambda: not any(alive(int(pid)) for pid in pids), timeout, f"{pids} gone")

    def scratch(self):
        return sorted(path.name for path in self.tmp.glob("reeve-worker.*"))


def state_of(pid):
    """A process's state, one letter; X where there is none of that number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def alive(pid):
    return state_of(pid) not in "ZX"


def child_of(pid):
    """The pid of a process's first child."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(text[0]) if text else None


def id_text(job):
    return str(uuid.UUID(bytes=job))


def environment_without_reeve():
    return {k: v for k, v in os.environ.items() if not k.startswith("REEVE_")}
