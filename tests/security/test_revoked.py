"""Keys taken off the list while their peers are at work: what they had ends at once."""

import json
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import zmq

from curve_case import CurveCase, wait_until


def connections(endpoint):
    """How many connections to a tcp endpoint of this machine stand."""
    port = f"{int(endpoint.rpartition(':')[2]):04X}"
    lines = [line.split() for file in ("tcp", "tcp6")
             for line in Path(f"/proc/net/{file}").read_text().splitlines()[1:]]
    return sum(line[2].endswith(f":{port}") and line[3] == "01" for line in lines)


class Revoked(CurveCase):
    def setUp(self):
        super().setUp()
        self.start_broker()

    def revoke(self, *names):
        self.list_keys(*(name for name in self.listed if name not in names))
        self.assertIn(f"{len(names)} were revoked or changed", self.reload())

    def test_a_workers_job_goes_to_another_at_once(self):
        go = self.fleet.folder / "go"
        handler = self.fleet.script("slow", f"#!/bin/sh\nwhile [ ! -e {go} ]; do sleep 0.05; done\n"
                                            'echo "\\"$REEVE_FENCE\\""\n')
        one = self.worker("one", {"slow": handler})
        job = self.submit("ann", "slow")
        wait_until(lambda: self.job("ann", job)["status"] == "running", what="it runs")
        self.worker("two", {"slow": handler})
        self.revoke("one")
        self.assertEqual(1, one.wait(20), one.log)
        self.assertRegex(one.log, "refuses this worker: .*(list|let) this key")
        wait_until(lambda: self.job("ann", job)["lost"] == 1, what="its lease is lost")
        go.touch()
        self.assertEqual(0, self.as_key("ann", "wait", job, "--timeout", "30s").returncode)
        done = self.job("ann", job)
        self.assertEqual(("2", 2), (done["result"], done["attempt"]))
        again = self.refused("reeve-worker", "--broker", self.fleet.workers, "--handler",
                             "slow=/bin/cat", *self.with_key("one"))
        self.assertIn("does not let this key in here", again)

    def test_a_session_ends_although_its_connection_stands(self):
        ann = self.peer(zmq.DEALER, self.fleet.clients, "ann")
        bob = self.peer(zmq.DEALER, self.fleet.clients, "bob")
        session = b"a session of ann"
        for peer, id in ((ann, session), (bob, None)):
            self.assertEqual("welcome", self.hello(peer, id)["msg"])
        self.revoke("ann")
        for answer in (self.ask(ann, "ping"), self.ask(ann, "submit", jobs=[{"type": "cat"}]),
                       self.hello(ann, session)):
            self.assertEqual("UNAUTHORIZED", answer["code"])
        self.assertEqual("pong", self.ask(bob, "ping")["msg"])
        self.list_keys(*self.listed)  # and back again
        self.reload()
        self.assertEqual("UNKNOWN_SESSION", self.ask(ann, "ping")["code"])
        self.assertEqual("welcome", self.hello(ann, session)["msg"])

    def test_another_role_is_another_session(self):
        root = self.peer(zmq.DEALER, self.fleet.clients, "root")
        self.assertEqual("welcome", self.hello(root)["msg"])
        job = self.submit("bob", "cat")
        self.assertEqual("jobs", self.ask(root, "list_jobs")["msg"])
        self.list_keys(*(name for name in self.listed if name != "root"), root=("observer", "ann"))
        self.reload()
        self.assertEqual("UNKNOWN_SESSION", self.ask(root, "list_jobs")["code"])
        self.assertEqual("FORBIDDEN", self.hello(root, role="admin")["code"])
        self.assertEqual("welcome", self.hello(root)["msg"])
        self.assertEqual([], self.ask(root, "list_jobs")["jobs"])
        self.assertEqual("NOT_FOUND", self.ask(root, "get_job", id=job)["code"])

    def test_watchers_are_cut_off(self):
        watchers = {name: self.peer(zmq.SUB, self.fleet.events, name) for name in ("root", "gate")}
        for watcher in watchers.values():
            watcher.subscribe(b"")
            wait_until(lambda: self.submit("bob", "cat") and watcher.poll(100), what="an event")
        self.revoke("root")
        self.broker.wait_line("key_refused: .*, at the events endpoint")  # it came back in vain
        for watcher in watchers.values():
            while watcher.poll(200):
                watcher.recv_multipart()
        gate = watchers["gate"]
        wait_until(lambda: self.submit("bob", "cat") and gate.poll(100), what="gate's events")
        self.assertFalse(watchers["root"].poll(0))

    def status(self, gateway, job):
        try:
            with urllib.request.urlopen(f"{gateway.url}/v1/jobs/{job}", timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def test_a_gateway_is_refused_and_comes_back(self):
        gateway = self.fleet.gateway(*self.with_key("gate"))
        job = self.submit("ann", "cat")

        def status():
            return self.status(gateway, job)
        wait_until(lambda: status() == 200, 20, "the gateway answers")
        self.revoke("gate")
        wait_until(lambda: status() == 503, 20, "it has lost its broker")
        gateway.wait_line("broker_refuses: .*key")
        self.assertTrue(gateway.alive())
        self.list_keys(*self.listed)
        self.reload()
        wait_until(lambda: status() == 200, 40, "the gateway is back", 0.2)

    def test_a_gateway_refused_in_the_handshake_comes_back_with_its_events(self):
        """libzmq gives up such connections for good; the gateway does not."""
        gateway = self.fleet.gateway(*self.with_key("gate"))
        job = self.submit("ann", "cat")
        wait_until(lambda: self.status(gateway, job) == 200, 20, "the gateway answers")
        stream = urllib.request.urlopen(f"{gateway.url}/v1/jobs/{job}/events", timeout=60)
        self.addCleanup(stream.close)
        wait_until(lambda: connections(self.fleet.events) == 1, what="it watches")
        self.revoke("gate")
        self.broker.kill()
        self.start_broker()
        gateway.wait_line("broker_refuses: .*does not let this key in")
        self.assertEqual(0, connections(self.fleet.events))
        self.list_keys(*self.listed)
        self.reload()
        wait_until(lambda: self.status(gateway, job) == 200, 40, "the gateway is back", 0.2)
        wait_until(lambda: connections(self.fleet.events) == 1, what="it watches again")

    def test_a_list_that_can_not_be_read_changes_nothing(self):
        good = self.peers.read_text()
        ann = self.peer(zmq.DEALER, self.fleet.clients, "ann")
        self.hello(ann)
        for content, said in (("nonsense\n", "line 1: expected a public key"),
                              (good + "# x\n" + good, "is there twice")):
            self.peers.write_text(content)
            self.assertRegex(self.reload(), f"refused.*{said}.*the keys stay as they were")
        self.peers.unlink()
        self.assertIn("keys_refused", self.reload())
        self.peers.write_text(good)
        self.peers.chmod(0o666)
        self.assertIn("chmod go-w", self.reload())
        self.assertEqual("pong", self.ask(ann, "ping")["msg"])
        self.assertEqual(0, self.as_key("bob", "list").returncode)

    def test_a_new_key_gets_in_after_sighup(self):
        self.assertEqual(1, self.as_key("stranger", "list").returncode)
        self.list_keys(*self.listed, stranger=("producer", "new"))
        self.assertEqual(1, self.as_key("stranger", "list").returncode)
        self.assertIn("0 were revoked", self.reload())
        done = self.as_key("stranger", "submit", "cat", "--json")
        self.assertEqual("new", self.job("stranger", json.loads(done.stdout)["id"])["owner"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
