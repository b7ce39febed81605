"""A worker of Reeve's wire protocol, written from proto/PROTOCOL.md; see reeve_wire.py.

It lists what it holds in every heartbeat until the broker has settled it, and says reports and
results again until they are answered. Handlers are whoever calls take, report and finish.
"""

import collections
import os
import socket
import time

from reeve_wire import Deadline, Peer, Silent


class Hold:
    """A dispatch in this worker's hands."""

    def __init__(self, item):
        self.item = item
        self.job = item["job"]
        self.fence = item["fence"]
        self.done = None  # the done item once its handler has ended
        self.stop = None  # why its handler is to end
        self.reports = 0

    @property
    def key(self):
        return self.job, self.fence

    @property
    def params(self):
        return self.item.get("params")


class Worker(Peer):
    """Takes jobs of `types` (none: any) from `queues`, holds at most `slots`."""

    def __init__(self, endpoint, types=(), queues=("default",), slots=1, name="wire", **kw):
        self.types = list(types)
        self.queues = list(queues)
        self.slots = slots
        self.name = name
        self.holds = {}
        self.fresh = collections.deque()  # dispatched, and not given out by take() yet
        self.unreported = {}
        self.verdicts = {}
        self.stops = []
        self.faults = []
        self.known = False
        self.beat_at = self.resend_at = 0.0
        self.heard = time.monotonic()
        super().__init__(endpoint, "worker", **kw)

    def hello_fields(self):
        fields = super().hello_fields()
        fields.update(name=self.name, host=socket.gethostname(), pid=os.getpid(),
                      program="wire_worker", queues=self.queues, types=self.types,
                      slots=self.slots, running=self.listed())
        return fields

    def listed(self):
        return [{"job": hold.job, "fence": hold.fence} for hold in self.holds.values()]

    # --- what the broker says ---

    def on_welcome(self, welcome):
        self.known = True
        self.heard = time.monotonic()
        self.beat_at = self.heard + welcome["heartbeat_ms"] / 1000
        self.on_stale(welcome.get("stale", ()))
        self.say_again()

    def on_push(self, message):
        self.heard = time.monotonic()
        handler = getattr(self, "on_" + message["msg"], None)
        if handler:
            handler(message)

    def on_dispatch(self, message):
        for item in message["jobs"]:
            hold = Hold(item)
            if hold.key not in self.holds:
                self.holds[hold.key] = hold
                self.fresh.append(hold)
        self.beat()  # they have arrived

    def on_settled(self, message):
        for item in message["items"]:
            key = item["job"], item["fence"]
            self.verdicts[key] = item["verdict"]
            self.holds.pop(key, None)

    def on_reported(self, message):
        for item in message["items"]:
            self.unreported.pop((item["job"], item["fence"], item["n"]), None)

    def on_stop(self, message):
        for item in message["items"]:
            self.stops.append(item)
            hold = self.holds.get((item["job"], item["fence"]))
            if hold:
                hold.stop = item["reason"]

    def on_beat(self, message):
        self.on_stale(message.get("stale", ()))

    def on_stale(self, stale):
        """These are not ours any more: their handlers are to end, and are forgotten."""
        for item in stale:
            hold = self.holds.pop((item["job"], item["fence"]), None)
            if hold:
                hold.stop = hold.stop or "stale"

    def on_error(self, message):
        if message["code"] == "UNKNOWN_SESSION":
            self.known = False
        else:
            self.faults.append(message)

    # --- what it says ---

    def beat(self):
        self.send("heartbeat", running=self.listed(), slots=self.slots)
        self.beat_at = time.monotonic() + self.welcome["heartbeat_ms"] / 1000

    def say_again(self):
        """Whatever has no answer yet: reports before results."""
        if self.unreported:
            self.send("report", items=list(self.unreported.values())[:1000])
        done = [hold.done for hold in self.holds.values() if hold.done]
        for start in range(0, len(done), 500):
            self.send("done", items=done[start:start + 500])
        self.resend_at = time.monotonic() + 2.0

    def report(self, hold, **what):
        """One of progress, stage, log, checkpoint."""
        hold.reports += 1
        item = {"job": hold.job, "fence": hold.fence, "n": hold.reports,
                "at": int(time.time() * 1000), **what}
        self.unreported[(hold.job, hold.fence, hold.reports)] = item
        self.send("report", items=[item])

    def end(self, hold, outcome="completed", **fields):
        """Notes how a dispatch ended; say_again sends it. Returns the item."""
        hold.done = {"job": hold.job, "fence": hold.fence, "outcome": outcome, **fields}
        return hold.done

    def finish(self, hold, outcome="completed", timeout=15.0, **fields):
        """Ends a dispatch and waits until it is settled; returns the verdict."""
        self.verdicts.pop(hold.key, None)
        self.send("done", items=[self.end(hold, outcome, **fields)])
        return self.until(lambda: self.verdicts.get(hold.key), timeout, "settled")

    def forget(self, hold):
        """As if it had never arrived: it is not listed any more."""
        self.holds.pop(hold.key, None)

    # --- time ---

    def idle(self):
        if self.known and time.monotonic() >= self.beat_at:
            self.beat()

    def keep_session(self):
        """Hello where the broker does not know us or is silent; beats and resends in time."""
        now = time.monotonic()
        if self.welcome and now - self.heard > self.welcome["lost_after_ms"] / 2000:
            self.connect()
            self.known = False
        if not self.known:
            self.hello(30.0)
        self.idle()
        if now >= self.resend_at:
            self.say_again()

    def pump(self, timeout=0.0):
        """Receives, beats and resends for `timeout` seconds, at least once."""
        deadline = Deadline(timeout)
        while True:
            message = self.receive(min(0.05, deadline.left()))
            if message:
                self.on_push(message)
            self.keep_session()
            if not message and deadline.over():
                return

    def pump_through(self, seconds):
        """Beats for so long although nobody answers; never waits for a welcome."""
        deadline = Deadline(seconds)
        while not deadline.over():
            message = self.receive(0.05)
            if message:
                self.on_push(message)
            if time.monotonic() >= self.beat_at:
                self.beat()

    def until(self, condition, timeout=15.0, what="condition"):
        """Pumps until `condition()` is true; returns its value."""
        deadline = Deadline(timeout)
        while True:
            value = condition()
            if value:
                return value
            if deadline.over():
                raise Silent(f"worker {self.name}: {what}")
            self.pump(min(0.02, deadline.left()))

    def take(self, timeout=15.0):
        """The next job that was dispatched to this worker."""
        self.until(lambda: self.fresh, timeout, "a dispatch")
        return self.fresh.popleft()

    def take_many(self, count, timeout=30.0):
        self.until(lambda: len(self.fresh) >= count, timeout, f"{count} dispatches")
        return [self.fresh.popleft() for _ in range(count)]

    def quiet(self, seconds):
        """True if nothing is dispatched to it for so long."""
        deadline = Deadline(seconds)
        while not self.fresh and not deadline.over():
            self.pump(min(0.02, deadline.left()))
        return not self.fresh
