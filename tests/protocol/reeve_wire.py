"""Reeve's wire protocol in Python, written from proto/PROTOCOL.md: a producer, a worker, a watcher.

    producer = Producer("tcp://127.0.0.1:5570", owner="ann")
    job = producer.submit(type="resize", params={"width": 640})
    worker = Worker("tcp://127.0.0.1:5571", types=["resize"], slots=4)
    hold = worker.take()
    worker.finish(hold, result={"ok": True})

Messages are dicts, ids are 16 bytes. Nothing here runs by itself: a worker beats, receives and
resends while one of its methods waits. Not thread-safe: one owner per object. Needs python3-zmq and
python3-msgpack. Must never know more than the document says.
"""

import os
import time
import uuid

import msgpack
import zmq

VERSION = 1


class Refused(Exception):
    """The broker's answer is `error`; its fields are attributes, absent ones None."""

    def __init__(self, answer):
        self.code = answer["code"]
        self.field = answer.get("field")
        self.retry_after_ms = answer.get("retry_after_ms")
        self.answer = answer
        super().__init__(f"{self.code}: {answer.get('message')} ({self.field})")


class Silent(Exception):
    """No answer within the time."""


def new_id():
    """An id of one's own: UUIDv7, so that ids sort by time."""
    head = (int(time.time() * 1000) << 80).to_bytes(16, "big")[:6]
    tail = bytearray(os.urandom(10))
    tail[0] = 0x70 | tail[0] & 0x0F
    tail[2] = 0x80 | tail[2] & 0x3F
    return head + bytes(tail)


def topic_of(job):
    """The topic a job's events are published under: its id as text."""
    return str(uuid.UUID(bytes=job)).encode()


def pack(message):
    return msgpack.packb(message, use_bin_type=True)


def unpack(frame):
    return msgpack.unpackb(frame, raw=False, strict_map_key=False)


class Deadline:
    """A point in time, asked for what is left of it."""

    def __init__(self, seconds):
        self.at = time.monotonic() + seconds

    def left(self):
        return max(0.0, self.at - time.monotonic())

    def over(self):
        return self.left() == 0.0


class Peer:
    """A session with the broker over one DEALER socket."""

    def __init__(self, endpoint, role, owner=None, session=None, epoch=None, context=None):
        self.endpoint = endpoint
        self.role = role
        self.owner = owner
        self.session = session or uuid.uuid4().bytes
        self.epoch = epoch or time.time_ns() // 1000000
        self.context = context or zmq.Context.instance()
        self.socket = None
        self.welcome = None
        self.last_request = 0
        self.resend_after = 2.0
        self.connect()

    # --- the socket ---

    def connect(self):
        """A new connection in place of the old; what waited in it is forgotten."""
        self.close()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.sndhwm = self.socket.rcvhwm = 0
        self.socket.connect(self.endpoint)

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def send_bytes(self, frame):
        self.socket.send(frame)

    def send(self, msg, fields=None, **more):
        """One message; returns its request number."""
        self.last_request += 1
        message = {"msg": msg, "request": self.last_request}
        message.update(fields or {}, **more)
        self.send_bytes(pack(message))
        return self.last_request

    def receive(self, timeout=10.0):
        """The next message of the broker, or None. Its frame stays in `last_frame`."""
        if not self.socket.poll(timeout * 1000):
            return None
        self.last_frame = self.socket.recv()
        return unpack(self.last_frame)

    # --- the session ---

    def hello_fields(self):
        fields = {"version": VERSION, "session": self.session, "epoch": self.epoch,
                  "role": self.role}
        if self.owner:
            fields["owner"] = self.owner
        return fields

    def hello(self, timeout=10.0):
        """Opens the session, or takes it up again; the connection is made anew where it is silent.
        Returns the welcome."""
        deadline = Deadline(timeout)
        while not deadline.over():
            request = self.send("hello", self.hello_fields())
            answer = self.wait_answer(request, min(self.resend_after, deadline.left()))
            if answer is None:
                self.connect()
                continue
            if answer["msg"] == "error":
                raise Refused(answer)
            self.welcome = answer
            self.on_welcome(answer)
            return answer
        raise Silent("hello")

    def on_welcome(self, welcome):
        """What a role does once it is taken (again)."""

    def on_push(self, message):
        """A message that answers nothing that is waited for."""

    def idle(self):
        """Called now and then while something is waited for."""

    def wait_answer(self, request, timeout):
        """The answer to a request, or None; other messages go to on_push."""
        deadline = Deadline(timeout)
        while True:
            message = self.receive(min(0.1, deadline.left()))
            if message and message.get("request") == request:
                return message
            if message:
                self.on_push(message)
            elif deadline.over():
                return None
            else:
                self.idle()

    def ask(self, msg, fields=None, timeout=15.0, **more):
        """Sends until it is answered: says hello where the session is not known, and connects
        anew where nothing comes. Raises Refused or Silent."""
        if self.welcome is None:
            self.hello(timeout)
        deadline = Deadline(timeout)
        while not deadline.over():
            request = self.send(msg, fields, **more)
            answer = self.wait_answer(request, min(self.resend_after, deadline.left()))
            if answer is None:
                self.connect()
                self.hello(max(deadline.left(), 0.1))
            elif answer["msg"] != "error":
                return answer
            elif answer["code"] == "UNKNOWN_SESSION":
                self.hello(max(deadline.left(), 0.1))
            else:
                raise Refused(answer)
        raise Silent(msg)

    def bye(self):
        self.send("bye")


class Producer(Peer):
    """Submits jobs and asks about them."""

    def __init__(self, endpoint, owner=None, role="producer", **kw):
        super().__init__(endpoint, role, owner, **kw)

    def submit(self, **spec):
        """One job; returns its answer {id, status}."""
        return self.submit_many([spec])["jobs"][0]

    def submit_many(self, specs, **fields):
        """Many in one message, with the message's own fields; returns the answer."""
        return self.ask("submit", {"jobs": specs, **fields})

    def job(self, job, result=False):
        return self.ask("get_job", id=job, result=result)["job"]

    def result(self, job):
        return self.ask("get_result", id=job)["result"]

    def events(self, job, after=0, limit=1000):
        return self.ask("get_events", id=job, after=after, limit=limit)

    def standing(self, job):
        """{job, rev, status, ending} or None where there is no such job."""
        jobs = self.ask("get_revs", ids=[job])["jobs"]
        return jobs[0] if jobs else None

    def ask_many(self, asks, window=64, timeout=60.0, frames=False):
        """Many [(msg, fields)] at once; their answers in the same order, errors among them. With
        `frames`: the answers, and the bytes they came in."""
        pairs = [None] * len(asks)
        deadline = Deadline(timeout)
        for start in range(0, len(asks), window):
            numbers = range(start, min(start + window, len(asks)))
            self._ask_window(asks, numbers, pairs, deadline)
        answers = [pair[0] for pair in pairs]
        return (answers, [pair[1] for pair in pairs]) if frames else answers

    def _ask_window(self, asks, numbers, pairs, deadline):
        if self.welcome is None:
            self.hello()
        waiting = {self.send(*asks[n]): n for n in numbers}
        while waiting:
            message = self.receive(min(self.resend_after, deadline.left()))
            if deadline.over():
                raise Silent(f"{len(waiting)} answers are missing")
            if message is None or message.get("code") == "UNKNOWN_SESSION":
                self.connect()
                self.hello()
                waiting = {self.send(*asks[n]): n for n in waiting.values()}
            elif message.get("request") in waiting:
                pairs[waiting.pop(message["request"])] = message, self.last_frame
