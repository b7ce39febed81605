"""The broker as a program: its sockets, its start and its end.

What jobs go through is told by the core's traces; here it is what only a running broker can show.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import uuid
from pathlib import Path

import msgpack

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from reeve_fleet import ANY_PORT, Fleet, wait_until  # noqa: E402

from peers import Client, Peer, Watcher, Worker  # noqa: E402


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Broker(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet()
        self.addCleanup(self.fleet.close)

    def broker(self, *args, **kw):
        return self.fleet.broker(*args, **kw)

    def peer(self, peer):
        self.addCleanup(peer.close)
        return peer

    def client(self):
        return self.peer(Client(self.fleet.clients))

    def worker(self, **kw):
        return self.peer(Worker(self.fleet.workers, **kw))

    def refused(self, *args, env=None):
        """Starts a broker that must not start; returns its exit status and what it said."""
        program = self.fleet.start("reeve-broker", *args, env=env)
        return program.wait(), program.log


class Life(Broker):
    def test_a_job_goes_all_the_way(self):
        self.broker()
        client, worker = self.client(), self.worker(slots=2)
        jobs = client.submit({"type": "t", "params": {"n": 1}}, {"type": "t", "params": {"n": 2}})
        items = worker.take()
        while len(items) < 2:
            items += worker.take()
        self.assertEqual([item["params"]["n"] for item in items], [1, 2])
        for item in items:
            self.assertEqual(worker.done(item, result={"ok": True}), "accepted")
        for job in jobs:
            self.assertEqual(client.job(job)["status"], "completed")

    def test_events_go_to_who_subscribes(self):
        self.broker()
        client, worker = self.client(), self.worker(types=["later"])
        one, other = client.submit({"type": "t"}, {"type": "t"})
        watcher = self.peer(Watcher(self.fleet.events))
        watcher.subscribe(one)
        topic, message = watcher.receive()
        self.assertEqual(topic, str(uuid.UUID(bytes=one)))
        self.assertEqual(message["msg"], "standing_is")
        self.assertEqual(message["standing"]["status"], "pending")
        second = self.peer(Watcher(self.fleet.events, topic))
        self.assertEqual(second.receive()[1]["msg"], "standing_is")
        client.ask("cancel", id=other)
        client.ask("cancel", id=one, reason="enough")
        message = {"msg": "standing_is"}
        while message["msg"] == "standing_is":  # once more, for the second
            topic, message = watcher.receive()
        self.assertEqual((topic, message["event"]["type"]),
                         (str(uuid.UUID(bytes=one)), "cancelled"))
        self.assertGreater(message["event"]["rev"], 1)

    def test_a_watcher_of_everything_gets_everything(self):
        self.broker()
        watcher = self.peer(Watcher(self.fleet.events, ""))
        client = self.client()

        def seen():
            client.submit({"type": "t"})
            return watcher.receive(0.1)

        topic, message = wait_until(seen)
        self.assertEqual(message["msg"], "event_is")
        self.assertEqual(topic, str(uuid.UUID(bytes=message["event"]["job"])))

    def test_any_endpoint(self):
        folder = Path(tempfile.mkdtemp(dir=self.fleet.folder))
        self.fleet.clients = f"ipc://{folder}/clients"
        self.fleet.workers = "tcp://[::1]:*" if socket.has_ipv6 else ANY_PORT
        self.broker()
        client, worker = self.client(), self.worker()
        client.submit({"type": "t"})
        self.assertEqual(worker.done(worker.take()[0]), "accepted")
        self.assertEqual(client.welcome["events"], self.fleet.events)


class Strangers(Broker):
    """Nothing that comes over a socket harms the broker or anybody else."""

    def test_garbage_is_answered(self):
        self.broker()
        peer = self.peer(Peer(self.fleet.clients))
        for garbage in (b"", b"\xc1", b"\xdd\xff\xff\xff\xff", os.urandom(1000)):
            peer.socket.send(garbage)
            self.assertEqual(peer.receive()["code"], "INVALID_REQUEST")
        self.client().submit({"type": "t"})

    def test_the_asker_is_told_which_request_was_bad(self):
        self.broker()
        client = self.client()
        answer = client.ask("get_job", id=42)
        self.assertEqual((answer["msg"], answer["code"]), ("error", "INVALID_REQUEST"))
        self.assertEqual(client.ask("make_coffee")["code"], "UNKNOWN_MESSAGE")

    def test_more_than_one_frame_is_a_bad_message(self):
        self.broker()
        client = self.client()
        body = msgpack.packb({"msg": "submit", "request": 77, "jobs": [{"type": "t"}]})
        client.socket.send_multipart([body, b"more", b"and more"])
        answer = client.expect("error")
        self.assertEqual((answer["code"], answer["request"]), ("INVALID_REQUEST", 77))
        self.assertEqual(client.ask("list_jobs")["jobs"], [])

    def test_who_has_not_said_hello_is_asked_to(self):
        self.broker()
        peer = self.peer(Peer(self.fleet.clients))
        self.assertEqual(peer.ask("get_stats")["code"], "UNKNOWN_SESSION")
        worker = self.peer(Peer(self.fleet.workers))
        self.assertEqual(worker.ask("heartbeat", slots=1)["code"], "UNKNOWN_SESSION")

    def test_a_giant_frame_ends_only_its_connection(self):
        self.broker()
        other = self.client()
        giant = self.peer(Peer(self.fleet.clients))
        giant.socket.send(bytes(9 * 1024 * 1024))
        self.assertIsNone(giant.receive(0.5))
        other.submit({"type": "t"})

    def test_what_goes_to_a_vanished_worker_comes_back(self):
        self.broker("--heartbeat", "100ms", "--lost-after", "500ms")
        worker = self.worker()
        worker.close()
        client = self.client()
        job = client.submit({"type": "t"})[0]
        other = self.worker()

        def dispatched():
            other.send("heartbeat", slots=1)
            message = other.receive(0.1)
            return message if message and message["msg"] == "dispatch" else None

        item = wait_until(dispatched)["jobs"][0]
        self.assertEqual((item["job"], other.done(item)), (job, "accepted"))


    def test_a_vanished_worker_is_noticed_at_the_first_dispatch(self):
        self.broker("--lost-after", "10m")
        self.worker(slots=10).close()
        client, other = self.client(), self.worker(slots=10)
        for _ in range(8):
            client.submit({"type": "t"})
        taken = []
        while len(taken) < 7:
            taken += other.take(timeout=5)


class StartAndEnd(Broker):
    def test_wrong_usage_is_named_and_exits_2(self):
        for args, words in ((["--bogus"], "--bogus"), ([], "--data"),
                            (["--data", "d", "--log-level", "loud"], "loud"),
                            (["--data", "d", "--heartbeat", "9s"], "--lost-after"),
                            (["--data", "d", "--clients", "tcp://0.0.0.0:1"], "--insecure"),
                            (["--data", "d", "--events", "tcp://*:1"], "--events")):
            status, log = self.refused(*args)
            self.assertEqual(status, 2, log)
            self.assertIn(words, log)

    def test_beyond_loopback_when_told_so(self):
        self.fleet.workers = "tcp://0.0.0.0:*"
        self.assertTrue(self.broker("--insecure").alive())

    def test_a_busy_endpoint_is_named(self):
        self.broker()
        other = self.fleet.folder / "other"
        status, log = self.refused("--data", other, "--clients", self.fleet.clients, "--workers",
                                   ANY_PORT, "--events", ANY_PORT)
        self.assertEqual(status, 1)
        self.assertIn(f"clients endpoint {self.fleet.clients}", log)
        self.assertIn("in use", log)

    def test_a_live_brokers_ipc_endpoint_is_not_taken_over(self):
        self.fleet.clients = f"ipc://{self.fleet.folder}/clients"
        self.broker()
        status, log = self.refused("--data", self.fleet.folder / "other", "--clients",
                                   self.fleet.clients, "--workers", ANY_PORT, "--events", ANY_PORT)
        self.assertEqual(status, 1)
        self.assertIn("in use", log)
        self.client().submit({"type": "t"})

    def test_a_dead_brokers_ipc_endpoint_is(self):
        self.fleet.clients = f"ipc://{self.fleet.folder}/clients"
        self.broker().kill()
        self.broker()
        self.client().submit({"type": "t"})

    def test_no_endpoint_at_all(self):
        status, log = self.refused("--data", self.fleet.data, "--insecure", "--clients", "nonsense")
        self.assertEqual(status, 1)
        self.assertIn("nonsense", log)

    def test_a_locked_folder_is_refused(self):
        broker = self.broker()
        status, log = self.refused("--data", self.fleet.data, "--clients", ANY_PORT, "--workers",
                                   ANY_PORT, "--events", ANY_PORT)
        self.assertEqual(status, 1)
        self.assertIn(str(self.fleet.data), log)
        self.assertTrue(broker.alive())

    def test_the_folder_is_made_for_its_owner_alone(self):
        self.fleet.data = self.fleet.folder / "a" / "b"
        self.broker()
        self.assertEqual(self.fleet.data.stat().st_mode & 0o777, 0o700)

    def test_sigterm_ends_it_soon_and_well(self):
        broker = self.broker()
        client, worker = self.client(), self.worker(slots=100)
        for _ in range(200):
            client.send("submit", jobs=[{"type": "t"}] * 10)
        started = time.monotonic()
        self.assertEqual(broker.stop(), 0)
        self.assertLess(time.monotonic() - started, 5)
        worker.close()

    def test_what_was_answered_survives_kill_9(self):
        broker = self.broker()
        client = self.client()
        for _ in range(500):
            client.send("submit", jobs=[{"type": "t"}] * 10)
        answered = [job["id"] for _ in range(100) for job in client.expect("submitted")["jobs"]]
        broker.kill()
        while (late := client.receive(0.2)) is not None:
            answered += [job["id"] for job in late.get("jobs", ())]
        self.broker()
        again = self.client()
        for job in answered:
            self.assertEqual(again.job(job)["status"], "pending")

    def test_it_keeps_its_name(self):
        broker = self.broker()
        before = self.client().welcome["broker"]
        broker.stop()
        self.broker()
        self.assertEqual(self.client().welcome["broker"], before)

    def test_czmq_is_tamed(self):
        """No signal handler, and no limit taken from czmq's own environment."""
        broker = self.broker(env={"ZSYS_SNDHWM": "1", "ZSYS_MAX_MSGSZ": "100", "ZSYS_IPV6": "1",
                                  "ZSYS_SIGHANDLER": "true"})
        status = Path(f"/proc/{broker.pid}/status").read_text()
        caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt"))
                     .split()[1], 16)
        self.assertEqual(caught & (1 << 14 | 1 << 1), 0)  # SIGTERM, SIGINT
        jobs = self.client().submit(*[{"type": "t", "params": "x" * 100}] * 100)
        self.assertEqual(len(jobs), 100)
        self.assertEqual(broker.stop(), 0)


class FullDisk(Broker):
    """On a file system of 64 MiB of its own: a mount nobody else sees, and that goes with it."""

    def setUp(self):
        super().setUp()
        probe = subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"],
                               capture_output=True)
        if probe.returncode != 0:
            self.skipTest("SKIP: no mount namespaces here: " + probe.stderr.decode().strip())
        broker = self.fleet.build / "reeve-broker"
        self.fleet.build = self.fleet.folder / "build"
        self.fleet.build.mkdir()
        self.fleet.data.mkdir()
        self.fleet.script("build/reeve-broker", "#!/bin/sh\n"
                          "exec unshare -rm sh -c 'mount -t tmpfs -o size=64m none \"$0\" && "
                          f'exec {broker} "$@"\' {self.fleet.data} "$@"\n')

    def fill(self, client, size):
        """Submits until it is refused; returns what was accepted and the refusal."""
        accepted = []
        for _ in range(5000):
            answer = client.ask("submit", jobs=[{"type": "t", "params": "x" * size}])
            if answer["msg"] == "error":
                return accepted, answer
            accepted.append(answer["jobs"][0]["id"])
        self.fail("64 MiB held 5000 jobs")

    def test_below_the_reserve_only_submits_are_refused(self):
        broker = self.broker("--reserve", "4m")
        client, worker = self.client(), self.worker(slots=1)
        held = client.submit({"type": "t"})[0]
        item = worker.take()[0]
        accepted, refusal = self.fill(client, 300000)
        self.assertEqual(refusal["code"], "STORE_FULL")
        self.assertNotIn("no_room", broker.log)  # it did not come to that
        self.assertGreater(len(accepted), 30)
        self.assertEqual(client.job(accepted[-1])["status"], "pending")
        self.assertEqual(worker.done(item, result="x" * 1000), "accepted")
        self.assertEqual(client.job(held)["status"], "completed")
        for job in accepted[2:]:  # those behind the one that runs now
            client.ask("cancel", id=job)
            self.assertEqual(client.ask("delete", id=job)["msg"], "deleted")
        again = {"type": "t", "params": "x" * 300000}
        wait_until(lambda: client.ask("submit", jobs=[again])["msg"] == "submitted")
        self.assertTrue(broker.alive())


class Time(Broker):
    def test_idle_costs_nothing(self):
        broker = self.broker("--heartbeat", "10m", "--lost-after", "1h")
        client, worker = self.client(), self.worker()
        client.submit({"type": "t", "delay_ms": 3600000}, {"type": "t"})
        worker.done(worker.take()[0])
        before = cpu_seconds(broker.pid)
        time.sleep(2)
        self.assertLessEqual(cpu_seconds(broker.pid) - before, 0.04)

    def test_a_delayed_job_comes_when_it_is_due(self):
        self.broker()
        client, worker = self.client(), self.worker()
        started = time.monotonic()
        client.submit({"type": "t", "delay_ms": 700})
        worker.take()
        self.assertGreaterEqual(time.monotonic() - started, 0.7)
        self.assertLess(time.monotonic() - started, 1.7)

    def test_a_silent_workers_job_is_lost(self):
        self.broker("--heartbeat", "100ms", "--lost-after", "300ms")
        client, worker = self.client(), self.worker()
        job = client.submit({"type": "t"})[0]
        item = worker.take()[0]
        worker.send("heartbeat", slots=1, running=[{"job": job, "fence": item["fence"]}])
        lost = wait_until(lambda: client.job(job).get("lost"))
        self.assertEqual(lost, 1)

    def test_a_stopped_broker_loses_no_lease(self):
        """What came while it could not look counts as having come in time."""
        broker = self.broker("--heartbeat", "200ms", "--lost-after", "1s")
        client, worker = self.client(), self.worker()
        job = client.submit({"type": "t"})[0]
        item = worker.take()[0]
        held = [{"job": item["job"], "fence": item["fence"]}]
        worker.send("heartbeat", slots=1, running=held)
        worker.expect("beat")
        broker.pause()
        for _ in range(15):
            worker.send("heartbeat", slots=1, running=held)
            time.sleep(0.2)
        broker.resume()
        for _ in range(5):
            worker.send("heartbeat", slots=1, running=held)
            self.assertEqual(worker.expect("beat").get("stale", []), [])
            time.sleep(0.2)
        self.assertEqual(client.job(job)["status"], "running")
        self.assertFalse(client.job(job).get("lost"))
        self.assertEqual(worker.done(item), "accepted")


if __name__ == "__main__":
    unittest.main(verbosity=2)
