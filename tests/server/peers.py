"""Peers of a broker for tests, straight on ZeroMQ and msgpack: no library of ours in between.

Must never wait without a limit.
"""

import uuid

import msgpack
import zmq

CONTEXT = zmq.Context()


class Peer:
    """One DEALER that speaks the protocol; answers are told apart by their request number."""

    def __init__(self, endpoint):
        self.socket = CONTEXT.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.ipv6 = "[" in endpoint
        self.socket.connect(endpoint)
        self.request = 0
        self.session = uuid.uuid4().bytes
        self.kept = []

    def close(self):
        self.socket.close()

    def send(self, msg, **fields):
        self.request += 1
        self.socket.send(msgpack.packb({"msg": msg, "request": self.request, **fields}))
        return self.request

    def receive(self, timeout=10.0):
        """The next message; None when the time is over."""
        if not self.socket.poll(int(timeout * 1000)):
            return None
        return msgpack.unpackb(self.socket.recv())

    def expect(self, msg, timeout=10.0):
        """The next message of this kind; others are kept for later."""
        for at, message in enumerate(self.kept):
            if message["msg"] == msg:
                return self.kept.pop(at)
        while True:
            message = self.receive(timeout)
            assert message is not None, f"no {msg} came; kept: {self.kept}"
            if message["msg"] == msg:
                return message
            self.kept.append(message)

    def ask(self, msg, timeout=10.0, **fields):
        """Sends and waits for the answer, an `error` too."""
        number = self.send(msg, **fields)
        while True:
            message = self.receive(timeout)
            assert message is not None, f"no answer to {msg}"
            if message.get("request") == number:
                return message
            self.kept.append(message)


class Client(Peer):
    def __init__(self, endpoint):
        super().__init__(endpoint)
        self.welcome = self.ask("hello", version=1, session=self.session, epoch=1,
                                role="producer")
        assert self.welcome["msg"] == "welcome", self.welcome

    def submit(self, *jobs, **fields):
        answer = self.ask("submit", jobs=list(jobs), **fields)
        assert answer["msg"] == "submitted", answer
        return [job["id"] for job in answer["jobs"]]

    def job(self, job):
        return self.ask("get_job", id=job)["job"]


class Worker(Peer):
    def __init__(self, endpoint, slots=1, types=("t",), epoch=1):
        super().__init__(endpoint)
        self.slots = slots
        self.types = list(types)
        self.welcome = self.hello(epoch)

    def hello(self, epoch, running=()):
        answer = self.ask("hello", version=1, session=self.session, epoch=epoch, role="worker",
                          name="w", host="h", pid=1, queues=["default"], types=self.types,
                          slots=self.slots, running=list(running))
        assert answer["msg"] == "welcome", answer
        return answer

    def take(self, timeout=10.0):
        """The jobs of the next dispatch."""
        return self.expect("dispatch", timeout)["jobs"]

    def done(self, item, outcome="completed", **fields):
        self.send("done", items=[{"job": item["job"], "fence": item["fence"],
                                  "outcome": outcome, **fields}])
        return self.expect("settled")["items"][0]["verdict"]


class Watcher:
    """A SUB on the events endpoint; topics are job ids in their text form, or prefixes."""

    def __init__(self, endpoint, *topics):
        self.socket = CONTEXT.socket(zmq.SUB)
        self.socket.linger = 0
        for topic in topics:
            self.socket.subscribe(topic)
        self.socket.connect(endpoint)

    def subscribe(self, job):
        self.socket.subscribe(str(uuid.UUID(bytes=job)))

    def unsubscribe(self, job):
        self.socket.unsubscribe(str(uuid.UUID(bytes=job)))

    def receive(self, timeout=10.0):
        if not self.socket.poll(int(timeout * 1000)):
            return None
        topic, frame = self.socket.recv_multipart()
        return topic.decode(), msgpack.unpackb(frame)

    def close(self):
        self.socket.close()
