"""What the tests of the gateway share: a fleet per class, jobs that do what a test wants, a reader
of server-sent events, raw sockets. Must never be run itself."""

import json
import os
import socket
import sys
import time
import unittest
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
sys.dont_write_bytecode = True

import httpx  # noqa: E402

from reeve_fleet import Fleet, wait_until  # noqa: E402

TERMINAL = ("completed", "failed", "cancelled")

# `steps` reports everything there is; `hold` runs until the file $HOLD/<its name> is there, and is
# gone at once when it is told to stop; `chatty` logs more than a job keeps events; `broken` fails.
STEPS = """#!/bin/sh
read -r params
echo '{"stage":"reading","status":"running"}' >&3
echo 'first line' >&2
echo '{"log":"careful","level":"warning","context":{"n":1}}' >&3
echo '{"progress":0.5,"message":"half","completed":1,"total":2}' >&3
echo '{"stage":"reading","status":"completed"}' >&3
echo "{\\"got\\":$params}"
"""
HOLD = """#!/bin/sh
file=$(sed 's/.*"file":"\\([^"]*\\)".*/\\1/')
echo '{"progress":0.1,"message":"holding"}' >&3
while [ ! -e "$file" ]; do sleep 0.05; done
echo '"released"'
"""
CHATTY = """#!/bin/sh
seq 1 1500 >&2
"""
BROKEN = """#!/bin/sh
echo '{"error":{"type":"Broken","message":"as asked","retry":false}}' >&3
exit 1
"""


class Event:
    """One server-sent event."""

    def __init__(self, fields):
        self.id = fields.get("id")
        self.type = fields.get("event")
        self.retry = fields.get("retry")
        self.text = fields.get("data", "")

    @property
    def data(self):
        return json.loads(self.text)

    def __repr__(self):
        return f"<{self.id} {self.type} {self.text[:80]}>"


class Stream:
    """An open event stream: iterates events, notes comments. Ends where the server ends it."""

    def __init__(self, url, headers=None, timeout=20):
        self._client = httpx.Client(timeout=timeout, verify=False)
        self._request = self._client.stream("GET", url, headers=headers or {})
        self.response = self._request.__enter__()
        self._lines = self.response.iter_lines()
        self.comments = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._request.__exit__(None, None, None)
        self._client.close()

    def __iter__(self):
        fields = {}
        for line in self._lines:
            line = line.rstrip("\r\n")
            if line.startswith(":"):
                self.comments.append(line)
            elif line:
                name, _, value = line.partition(":")
                value = value[1:] if value.startswith(" ") else value
                fields[name] = fields[name] + "\n" + value if name in fields else value
            elif fields:
                yield Event(fields)
                fields = {}

    def take(self, count):
        """The next `count` events."""
        events = []
        for event in self:
            events.append(event)
            if len(events) == count:
                return events
        raise AssertionError(f"the stream ended after {events}")

    def until(self, kind):
        """Events up to and with the next one of that type."""
        events = []
        for event in self:
            events.append(event)
            if event.type == kind:
                return events
        raise AssertionError(f"the stream ended without {kind}: {events}")

    def rest(self):
        """All events until the server ends the stream."""
        return list(self)


class HttpCase(unittest.TestCase):
    """A fleet for each class: broker and gateway, and a worker where `workers` says so."""

    gateway_options = ()
    workers = False

    @classmethod
    def setUpClass(cls):
        cls.fleet = Fleet()
        cls.addClassCleanup(cls.fleet.close)
        cls.broker = cls.fleet.broker()
        if cls.workers:
            handlers = {"echo": "cat",
                        "steps": cls.fleet.script("steps.sh", STEPS),
                        "hold": cls.fleet.script("hold.sh", HOLD),
                        "chatty": cls.fleet.script("chatty.sh", CHATTY),
                        "broken": cls.fleet.script("broken.sh", BROKEN)}
            cls.worker = cls.fleet.worker(handlers=handlers, concurrency=8)
        cls.gateway = cls.fleet.gateway(*cls.gateway_options)
        cls.http = httpx.Client(base_url=cls.gateway.url, timeout=30)
        cls.addClassCleanup(cls.http.close)

    # --- asking -------------------------------------------------------------------------------

    def submit(self, kind="idle", **spec):
        """Submits a job; types nobody handles stay pending."""
        answer = self.http.post("/v1/jobs", json={"type": kind, **spec})
        self.assertEqual(answer.status_code, 201, answer.text)
        return answer.json()

    def hold(self, **spec):
        """A job that runs until release() is called with it."""
        file = self.fleet.folder / f"release-{uuid.uuid4().hex}"
        job = self.submit("hold", params={"file": str(file)}, **spec)
        job["file"] = file
        self.wait_status(job["id"], "running")
        return job

    @staticmethod
    def release(job):
        job["file"].touch()

    def job(self, job_id):
        answer = self.http.get(f"/v1/jobs/{job_id}")
        self.assertEqual(answer.status_code, 200, answer.text)
        return answer.json()

    def wait_status(self, job_id, *wanted, timeout=20):
        def there():
            job = self.job(job_id)
            return job if job["status"] in wanted else None

        return wait_until(there, timeout, f"job {job_id} is {wanted}")

    def stream(self, job_id, last_id=None, **kw):
        headers = {} if last_id is None else {"Last-Event-ID": str(last_id)}
        return Stream(f"{self.gateway.url}/v1/jobs/{job_id}/events", headers, **kw)

    # --- raw sockets --------------------------------------------------------------------------

    def connect(self, timeout=20):
        address = httpx.URL(self.gateway.url)
        sock = socket.create_connection((address.host, address.port), timeout=timeout)
        self.addCleanup(sock.close)
        return sock

    @staticmethod
    def read_all(sock):
        """What comes until the other side closes, or resets."""
        data = b""
        while True:
            try:
                piece = sock.recv(65536)
            except ConnectionResetError:
                return data
            if not piece:
                return data
            data += piece

    def raw(self, data, **kw):
        """Sends bytes, reads all; the request should say Connection: close."""
        sock = self.connect(**kw)
        sock.sendall(data)
        return self.read_all(sock)

    # --- judging ------------------------------------------------------------------------------

    def assert_error(self, answer, status, code, field=None, message=None):
        """The one error shape, whole."""
        self.assertEqual(answer.status_code, status, answer.text)
        self.assertEqual(answer.headers["content-type"], "application/json")
        body = answer.json()
        self.assertEqual(list(body), ["error"])
        error = body["error"]
        self.assertEqual(sorted(error), ["code", "details", "message"])
        self.assertEqual(error["code"], code)
        self.assertEqual(error["details"].get("field"), field)
        self.assertEqual(error["details"]["trace_id"], answer.headers["traceparent"][3:35])
        if field:
            self.assertTrue(error["message"].startswith(f"{field}: "), error["message"])
        if message:
            self.assertIn(message, error["message"])
        return error


def memory_kib(pid):
    """Resident memory of a process."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0])


def cpu_seconds(pid):
    """CPU time a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def later(seconds):
    return time.monotonic() + seconds
