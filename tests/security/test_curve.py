"""CURVE with the real programs: listed keys get in as what they are listed, others do not."""

import json
import re
import socket
import unittest
import urllib.error
import urllib.request

import zmq

from curve_case import CurveCase, wait_until
from reeve_fleet import Gateway


class Listed(CurveCase):
    def setUp(self):
        super().setUp()
        self.start_broker()

    def test_every_role_does_its_part(self):
        self.worker("one", {"cat": "/bin/cat"})
        done = self.as_key("ann", "submit", "cat", "--params", '{"n": 1}', "--wait", "--json")
        self.assertEqual(0, done.returncode, done.stderr)
        job = json.loads(done.stdout)
        self.assertEqual(("ann", {"n": 1}), (job["owner"], job["result"]))
        self.assertEqual("completed", self.job("eve", job["id"])["status"])  # ann's observer
        self.assertEqual(1, self.as_key("eve", "submit", "cat").returncode)
        listed = json.loads(self.as_key("root", "list", "--json").stdout)["jobs"]
        self.assertEqual([job["id"]], [one["id"] for one in listed])
        gateway = self.fleet.gateway(*self.with_key("gate"))
        with urllib.request.urlopen(f"{gateway.url}/v1/jobs/{job['id']}") as answer:
            self.assertEqual("completed", json.load(answer)["status"])

    def test_watching(self):
        self.worker("one", {"cat": "/bin/cat"})
        for name in ("ann", "root"):  # by asking, and by events
            for more in ((), ("--events", self.fleet.events)):
                done = self.as_key(name, "submit", "cat", "--watch", "--json", *more)
                self.assertEqual(0, done.returncode, done.stderr)
                self.assertIn('"completed"', done.stdout)
        self.assertNotIn("key_refused", self.broker.log)  # ann never tried the events

    def test_another_owners_job_is_not_there(self):
        job = self.submit("ann", "cat")
        for words in (("get", job), ("cancel", job), ("logs", job), ("delete", job)):
            done = self.as_key("bob", *words)
            self.assertEqual(1, done.returncode, words)
            self.assertIn("there is no job", done.stderr)
        self.assertEqual([], json.loads(self.as_key("bob", "list", "--json").stdout)["jobs"])
        done = self.as_key("bob", "submit", "cat", "--owner", "ann")
        self.assertEqual(1, done.returncode)
        self.assertIn("only an admin submits for others", done.stderr)

    def test_hello_can_not_ask_for_more(self):
        ann = self.peer(zmq.DEALER, self.fleet.clients, "ann")
        for more in ({"role": "admin"}, {"role": "gateway"}, {"role": "producer", "owner": "bob"},
                     {"owner": "bob"}, {"admin": True}):
            answer = self.hello(ann, **more)
            self.assertEqual(("error", "FORBIDDEN"), (answer["msg"], answer["code"]), more)
            self.assertRegex(answer["message"], "this key is listed (as producer|with owner 'ann')")
        self.assertEqual("welcome", self.hello(ann)["msg"])

    def test_a_session_belongs_to_its_key(self):
        session = b"sixteen bytes are"[:16]
        ann = self.peer(zmq.DEALER, self.fleet.clients, "ann")
        bob = self.peer(zmq.DEALER, self.fleet.clients, "bob")
        self.assertEqual("welcome", self.hello(ann, session)["msg"])
        self.assertEqual("FORBIDDEN", self.hello(bob, session, epoch=9)["code"])
        self.assertEqual("pong", self.ask(ann, "ping")["msg"])

    def test_another_workers_fence(self):
        job = self.submit("ann", "cat")
        session = b"the session of 1"
        one = self.peer(zmq.DEALER, self.fleet.workers, "one")
        self.assertEqual("welcome", self.hello(one, session, role="worker", slots=1)["msg"])
        dispatch = self.receive(one)["jobs"][0]
        held = [{"job": dispatch["job"], "fence": dispatch["fence"]}]
        self.assertEqual({"msg", "now"}, set(self.ask(one, "heartbeat", running=held, slots=1)))

        two = self.peer(zmq.DEALER, self.fleet.workers, "two")
        self.assertEqual("FORBIDDEN", self.hello(two, session, role="worker", epoch=5)["code"])
        welcome = self.hello(two, role="worker", running=held)
        self.assertEqual(held, welcome["stale"])
        lie = [{**held[0], "outcome": "completed", "result": "a lie"}]
        settled = self.ask(two, "done", items=lie)
        self.assertEqual("stale", settled["items"][0]["verdict"])
        self.assertEqual("running", self.job("ann", job)["status"])

        done = [{**held[0], "outcome": "completed", "result": "the truth"}]
        self.assertEqual("accepted", self.ask(one, "done", items=done)["items"][0]["verdict"])
        self.assertEqual("the truth", self.job("ann", job)["result"])

    def test_who_may_see_the_events_of_all(self):
        root = self.peer(zmq.SUB, self.fleet.events, "root")
        root.subscribe(b"")
        others = {name: self.peer(zmq.SUB, self.fleet.events, name) for name in ("ann", "one")}
        monitors = {name: other.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_AUTH)
                    for name, other in others.items()}
        for name, other in others.items():
            other.subscribe(b"")
            other.disconnect(self.fleet.events)  # once more, now that somebody listens
            other.connect(self.fleet.events)
            self.assertTrue(monitors[name].poll(10000), name)
        wait_until(lambda: self.submit("bob", "cat") and root.poll(100), what="an event")
        for name, other in others.items():
            self.assertFalse(other.poll(0), name)
        for monitor in monitors.values():
            monitor.close(0)


class NotListed(CurveCase):
    def setUp(self):
        super().setUp()
        self.start_broker()

    def wrong_reeve(self, words, *said):
        done = self.reeve("--broker", self.fleet.clients, *words, "list")
        self.assertIn(done.returncode, (1, 75), done)
        for sentence in said:
            self.assertIn(sentence, done.stderr)

    def wrong_worker(self, words, said):
        log = self.refused("reeve-worker", "--broker", self.fleet.workers, "--handler",
                           "cat=/bin/cat", *words)
        self.assertIn(said, log)
        self.assertNotRegex(log, "(?m)^ready")

    def wrong_gateway(self, words, said):
        log = self.refused("reeve-gateway", "--listen", "127.0.0.1:0", "--broker",
                           self.fleet.clients, *words)
        self.assertIn(said, log)

    def wrong(self, words, said):
        self.wrong_reeve(words, self.fleet.clients, said)
        self.wrong_worker(words, said)
        self.wrong_gateway(words, said)

    def test_no_key(self):
        self.wrong((), "CURVE only")

    def test_a_key_that_is_not_listed(self):
        self.wrong(self.with_key("stranger"), "does not let this key in here")
        key = re.escape(self.public["stranger"])
        refused = f"key_refused: {key}, at the .*: this key is not listed"
        self.broker.wait_line(refused)

    def test_the_wrong_server_key(self):
        self.wrong(self.with_key("root", server="stranger"), "is --curve-server its public key")
        self.wrong_worker(self.with_key("one", server="stranger"),
                          "is --curve-server its public key")

    def test_the_wrong_role(self):
        self.wrong_reeve(self.with_key("one"), "does not let this key in here")
        self.wrong_worker(self.with_key("ann"), "does not let this key in here")
        self.wrong_gateway(self.with_key("ann"), "this key is listed as producer, not as gateway")

    def test_a_bare_peer_without_curve_is_not_answered(self):
        bare = self.peer(zmq.DEALER, self.fleet.clients)
        monitor = bare.get_monitor_socket(zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL |
                                          zmq.EVENT_HANDSHAKE_SUCCEEDED)
        bare.disconnect(self.fleet.clients)
        bare.connect(self.fleet.clients)
        event = zmq.utils.monitor.recv_monitor_message(monitor)
        self.assertEqual(zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL, event["event"])
        monitor.close(0)

    def test_a_garbled_handshake_harms_nobody(self):
        host, port = self.fleet.clients.removeprefix("tcp://").split(":")
        greeting = (b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE" + bytes(15) + b"\x00" + bytes(31))
        for rest in (b"", b"\x04\x0a\x05HELLO" + bytes(4), b"\x04\xc8\x05HELLO" + bytes(194)):
            with socket.create_connection((host, int(port))) as raw:
                raw.sendall(greeting + rest)
        self.assertEqual(0, self.as_key("root", "list").returncode)


class PlainBroker(CurveCase):
    """Keys where the broker has none."""

    def test_curve_against_a_broker_without(self):
        self.fleet.broker()
        said = "speak CURVE"  # which side hangs up first is chance, and so what the other learns
        done = self.as_key("root", "list")
        self.assertEqual(1, done.returncode)
        self.assertIn(said, done.stderr)
        words = self.with_key("one")
        self.assertIn(said, self.refused("reeve-worker", "--broker", self.fleet.workers,
                                         "--handler", "cat=/bin/cat", *words))
        self.assertIn(said, self.refused("reeve-gateway", "--listen", "127.0.0.1:0", "--broker",
                                         self.fleet.clients, *words))


class Restart(CurveCase):
    def test_leases_are_kept_by_their_keys(self):
        """The broker restarts: the worker comes back, the gateway too, nothing runs twice."""
        self.start_broker()
        runs = self.fleet.folder / "runs"
        go = self.fleet.folder / "go"
        handler = self.fleet.script("slow", f"#!/bin/sh\necho run >>{runs}\n"
                                            f"while [ ! -e {go} ]; do sleep 0.05; done\n")
        self.worker("one", {"slow": handler})
        gateway = self.fleet.gateway(*self.with_key("gate"))
        job = self.submit("ann", "slow")
        wait_until(runs.exists, what="the handler runs")
        self.broker.kill()
        self.start_broker()
        go.touch()
        self.assertEqual(0, self.as_key("ann", "wait", job, "--timeout", "30s").returncode)
        self.assertEqual("run\n", runs.read_text())

        def seen():
            try:
                with urllib.request.urlopen(f"{gateway.url}/v1/jobs/{job}") as answer:
                    return json.load(answer)["status"] == "completed"
            except urllib.error.HTTPError:
                return False
        wait_until(seen, 20, "the gateway is back")
        self.assertIsInstance(gateway, Gateway)


if __name__ == "__main__":
    unittest.main(verbosity=2)
