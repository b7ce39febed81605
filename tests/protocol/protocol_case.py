"""A broker of its own for each test, and wire clients that are closed with it."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from reeve_fleet import Fleet  # noqa: E402
from reeve_wire import Producer, Refused  # noqa: E402
from wire_worker import Worker  # noqa: E402


class ProtocolCase(unittest.TestCase):
    broker_options = ()

    def setUp(self):
        self.fleet = Fleet()
        self.addCleanup(self.fleet.close)
        self.broker = self.fleet.broker(*self.broker_options)

    def producer(self, **kw):
        producer = Producer(self.fleet.clients, **kw)
        self.addCleanup(producer.close)
        return producer

    def worker(self, **kw):
        """A worker that has said hello."""
        worker = Worker(self.fleet.workers, **kw)
        self.addCleanup(worker.close)
        worker.hello()
        return worker

    def assert_refused(self, code, call):
        """`call` is answered with this error; returns the Refused."""
        with self.assertRaises(Refused) as caught:
            call()
        self.assertEqual(caught.exception.code, code, caught.exception)
        return caught.exception
