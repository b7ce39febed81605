"""A watcher of Reeve's wire protocol, written from proto/PROTOCOL.md; see reeve_wire.py.

It follows one job without gaps although events may be lost: what is published is only a hint, the
revs decide. A gap, a standing ahead of what it has seen, or silence makes it ask (get_revs,
get_events). Must never give out a rev twice or out of order.
"""

import zmq

from reeve_wire import Deadline, Silent, topic_of, unpack

TERMINAL = ("completed", "failed", "cancelled")


class Watcher:
    """Follows `job`; asks through `producer` (a reeve_wire.Producer, used by nobody else)."""

    def __init__(self, producer, endpoint, job, quiet=1.0, hwm=1000):
        self.producer = producer
        self.job = job
        self.rev = 0
        self.quiet = quiet
        self.events = []
        self.received = 0
        self.asked = 0
        self.standing = None
        self.ended = False
        self.socket = producer.context.socket(zmq.SUB)
        self.socket.linger = 0
        self.socket.rcvhwm = hwm
        self.socket.connect(endpoint)
        self.socket.subscribe(topic_of(job))

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def step(self, timeout):
        """Takes what was published; after `quiet` seconds of silence asks for the rev."""
        if self.socket.poll(min(timeout, self.quiet) * 1000):
            self.take(*self.socket.recv_multipart())
        elif timeout >= self.quiet:
            self.take_standing(self.producer.standing(self.job))

    def take(self, topic, frame):
        message = unpack(frame)
        self.received += 1
        if message["msg"] == "standing_is":
            self.take_standing(message["standing"])
        elif message["msg"] == "event_is":
            self.take_event(message["event"])

    def take_event(self, event):
        if event["rev"] > self.rev + 1:
            self.fetch()
        elif event["rev"] == self.rev + 1:
            self.keep(event)

    def take_standing(self, standing):
        self.standing = standing
        if standing is None:
            self.ended = True  # it has been deleted
        elif standing["rev"] > self.rev:
            self.fetch()
        elif standing["status"] in TERMINAL and not standing.get("ending"):
            self.ended = True

    def fetch(self):
        """What happened since the last rev, from the job's own events."""
        self.asked += 1
        answer = self.producer.events(self.job, after=self.rev)
        if self.rev + 1 < answer["oldest"]:
            self.rev = answer["oldest"] - 1
        for event in answer["events"]:
            self.keep(event)
        standing = answer["standing"]
        if standing["rev"] == self.rev:
            self.take_standing(standing)

    def keep(self, event):
        self.rev = event["rev"]
        self.events.append(event)
        if event["type"] in ("completed", "failed", "ended"):
            self.ended = True
        elif event["type"] == "cancelled":
            self.producer_says_ended()

    def producer_says_ended(self):
        """A cancelled job that was running ends with `ended`; any other with `cancelled`."""
        standing = self.producer.standing(self.job)
        if standing is None or standing["status"] in TERMINAL and not standing.get("ending"):
            self.ended = standing is None or standing["rev"] == self.rev

    def types(self):
        return [event["type"] for event in self.events]

    def follow(self, timeout=30.0):
        """Until the job's stream has ended; returns the events' types."""
        deadline = Deadline(timeout)
        while not self.ended:
            if deadline.over():
                raise Silent(f"the job has not ended; seen: {self.types()}")
            self.step(self.quiet)
        return self.types()
