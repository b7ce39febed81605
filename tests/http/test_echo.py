#!/usr/bin/python3
"""The gateway before a broker that misbehaves: a ROUTER of the test's own, scripted."""

import threading
import unittest
import uuid

import httpx
import msgpack
import zmq

from http_case import HttpCase

from reeve_fleet import Fleet


class Puppet(threading.Thread):
    """Speaks just enough of PROTOCOL.md to be scripted: `script(message)` gives the answer to a
    message as a dict, FORGET to lose answer and session, or None for silence."""

    FORGET = object()

    def __init__(self, script):
        super().__init__(daemon=True)
        self.script = script
        self.seen = []
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.endpoint = f"tcp://127.0.0.1:{self.socket.bind_to_random_port('tcp://127.0.0.1')}"
        self.known = set()
        self.stopping = False
        self.start()

    def run(self):
        while not self.stopping:
            if not self.socket.poll(50):
                continue
            peer, frame = self.socket.recv_multipart()
            answer = self.answer(peer, msgpack.unpackb(frame))
            if answer is not None:
                self.socket.send_multipart([peer, answer])
        self.socket.close(0)

    def answer(self, peer, message):
        if message["msg"] == "hello":
            self.known.add(peer)
            said = {"msg": "welcome", "version": 1, "broker": uuid.uuid4().bytes,
                    "heartbeat_ms": 2000, "lost_after_ms": 10000,
                    "events": "tcp://127.0.0.1:9"}
        elif peer not in self.known:
            said = {"msg": "error", "code": "UNKNOWN_SESSION", "message": "say hello first"}
        elif message["msg"] == "bye":
            return None
        elif message["msg"] == "ping":
            said = {"msg": "pong"}
        else:
            self.seen.append(message["msg"])
            said = self.script(message)
            if said is self.FORGET:
                self.known.clear()
                return None
        if said is None:
            return None
        if isinstance(said, bytes):
            return said
        return msgpack.packb({**said, "request": message.get("request", 0)})

    def stop(self):
        self.stopping = True
        self.join()


class Echo(HttpCase):
    """One gateway per test, each before a puppet."""

    @classmethod
    def setUpClass(cls):
        cls.fleet = Fleet()
        cls.addClassCleanup(cls.fleet.close)

    def before(self, script):
        puppet = Puppet(script)
        self.addCleanup(puppet.stop)
        self.fleet.clients, self.fleet.events = puppet.endpoint, "tcp://127.0.0.1:9"
        gateway = self.fleet.gateway("--broker-timeout", "8s", "--broker-wait", "4s")
        self.addCleanup(gateway.stop)
        self.http = httpx.Client(base_url=gateway.url, timeout=20)
        self.addCleanup(self.http.close)
        return puppet

    def answer_twice(self, name, error, job_is=None):
        """The first question is carried out, but its answer is lost with the session; so it comes
        again, and finds its own work done."""
        asked = []

        def script(message):
            if message["msg"] == name:
                asked.append(message)
                return Puppet.FORGET if len(asked) == 1 else {
                    "msg": "error", "code": error, "message": "no"}
            return job_is if message["msg"] == "get_job" else None

        self.before(script)
        return asked

    def job_is(self, status):
        return {"msg": "job_is", "job": {"id": uuid.uuid4().bytes, "type": "t",
                                         "status": status, "rev": 3}}

    def test_the_echo_of_a_cancel(self):
        asked = self.answer_twice("cancel", "CONFLICT", self.job_is("cancelled"))
        answer = self.http.post(f"/v1/jobs/{uuid.uuid4()}/cancel")
        self.assertEqual((answer.status_code, answer.json()["status"]), (200, "cancelled"))
        self.assertEqual(len(asked), 2)

    def test_a_cancel_that_came_too_late_twice(self):
        self.answer_twice("cancel", "CONFLICT", self.job_is("completed"))
        answer = self.http.post(f"/v1/jobs/{uuid.uuid4()}/cancel")
        self.assert_error(answer, 409, "CONFLICT")

    def test_the_echo_of_a_retry(self):
        self.answer_twice("retry", "CONFLICT", self.job_is("running"))
        answer = self.http.post(f"/v1/jobs/{uuid.uuid4()}/retry")
        self.assertEqual((answer.status_code, answer.json()["status"]), (200, "running"))

    def test_the_echo_of_a_delete(self):
        self.answer_twice("delete", "NOT_FOUND")
        self.assertEqual(self.http.delete(f"/v1/jobs/{uuid.uuid4()}").status_code, 204)

    def test_a_refusal_that_is_no_echo(self):
        self.before(lambda message: {"msg": "error", "code": "CONFLICT", "message": "no"})
        for method, path in (("POST", "/cancel"), ("POST", "/retry"), ("DELETE", "")):
            answer = self.http.request(method, f"/v1/jobs/{uuid.uuid4()}{path}")
            self.assert_error(answer, 409, "CONFLICT")

    def test_a_submit_that_is_sent_again_has_the_same_id(self):
        ids = []

        def script(message):
            ids.append(message["jobs"][0]["id"])
            if len(ids) == 1:
                return Puppet.FORGET
            return {"msg": "submitted", "jobs": [{"id": ids[1], "status": "pending", "job": {
                "id": ids[1], "type": "t", "status": "pending", "rev": 1}}]}

        self.before(script)
        self.assertEqual(self.http.post("/v1/jobs", json={"type": "t"}).status_code, 201)
        self.assertEqual((len(ids), len(set(ids))), (2, 1))

    def test_every_error_has_its_status(self):
        codes = {"INVALID_REQUEST": 400, "UNAUTHORIZED": 401, "FORBIDDEN": 403, "NOT_FOUND": 404,
                 "CONFLICT": 409, "GONE": 410, "PAYLOAD_TOO_LARGE": 413,
                 "IDEMPOTENCY_MISMATCH": 409, "RATE_LIMITED": 429, "QUEUE_FULL": 429,
                 "STORE_FULL": 507, "UNAVAILABLE": 503, "SERVER_ERROR": 500, "NEW_ONE": 500}
        left = list(codes)
        self.before(lambda message: {"msg": "error", "code": left[0], "message": "<b>no</b>",
                                     "field": "queue", "retry_after_ms": 1500})
        for code, status in codes.items():
            answer = self.http.get(f"/v1/jobs/{uuid.uuid4()}")
            self.assert_error(answer, status, code if code != "NEW_ONE" else "SERVER_ERROR",
                              "queue")
            self.assertEqual(answer.headers["retry-after"], "2")
            left.append(left.pop(0))

    def test_answers_that_make_no_sense(self):
        answers = [{"msg": "job_is"}, {"msg": "job_is", "job": {"id": "x"}}, {"msg": "pong"},
                   {"msg": "jobs", "jobs": []}, {"msg": "job_is", "job": 5}]
        self.before(lambda message: answers[0])
        while answers:
            answer = self.http.get(f"/v1/jobs/{uuid.uuid4()}")
            self.assertIn(answer.status_code, (500, 503), f"{answers[0]}: {answer.text}")
            self.assertIn(answer.json()["error"]["code"], ("SERVER_ERROR", "UNAVAILABLE"))
            if len(answers) == 1:
                break
            answers.pop(0)


if __name__ == "__main__":
    unittest.main()
