#!/usr/bin/python3
"""GET /v1/jobs/{id}/events: snapshot, replay, live, the end, and readers that misbehave."""

import socket
import threading
import time
import unittest
import uuid

from http_case import HttpCase, Stream, cpu_seconds, later, memory_kib, wait_until


def revs(events):
    return [int(event.id) for event in events]


class Life(HttpCase):
    """Streams of jobs that run."""

    workers = True

    def test_snapshot_first(self):
        job = self.submit(delay="1h")
        with self.stream(job["id"]) as stream:
            self.assertEqual(stream.response.status_code, 200)
            self.assertEqual(stream.response.headers["content-type"], "text/event-stream")
            first = stream.take(1)[0]
            self.assertEqual((first.type, first.id), ("snapshot", str(job["rev"])))
            self.assertGreater(int(first.retry), 0)
            self.assertEqual(first.data, job)

    def test_whole_life(self):
        job = self.submit("steps", params={"n": 1}, delay="300ms")
        with self.stream(job["id"]) as stream:
            events = stream.rest()
        self.assertEqual(events[0].type, "snapshot")
        self.assertEqual(revs(events), list(range(1, len(events) + 1)))
        kinds = [event.type for event in events]
        for kind in ("pending", "running", "progress", "stage", "log", "completed"):
            self.assertIn(kind, kinds)
        self.assertEqual(kinds[-1], "completed")
        for event in events[1:]:
            self.assertEqual((event.data["job"], event.data["rev"], event.data["type"]),
                             (job["id"], int(event.id), event.type))
            self.assertRegex(event.data["at"], r"Z$")

    def test_last_event_id(self):
        job = self.submit("steps", params=1)
        self.wait_status(job["id"], "completed")
        with self.stream(job["id"], last_id=0) as stream:
            whole = stream.rest()
        self.assertEqual(whole[0].type, "snapshot")
        last = int(whole[0].id)
        self.assertEqual(revs(whole[1:]), list(range(1, last + 1)))
        self.assertEqual(whole[1].type, "submitted")
        for after in (1, last - 1, last):
            with self.stream(job["id"], last_id=after) as stream:
                events = stream.rest()
            self.assertEqual(events[0].type, "snapshot")
            self.assertEqual(revs(events[1:]), list(range(after + 1, last + 1)))
        with self.stream(job["id"]) as stream:
            self.assertEqual([event.type for event in stream.rest()], ["snapshot"])

    def test_replay_then_live(self):
        job = self.hold()
        with self.stream(job["id"], last_id=0) as stream:
            before = stream.until("progress")
            self.release(job)
            after = stream.rest()
        self.assertEqual(revs(before[1:] + after), list(range(1, int(after[-1].id) + 1)))
        self.assertEqual(after[-1].type, "completed")

    def test_cut_off_and_resumed(self):
        job = self.hold()
        with self.stream(job["id"]) as stream:
            last = int(stream.take(1)[0].id)
        self.release(job)
        self.wait_status(job["id"], "completed")
        with self.stream(job["id"], last_id=last) as stream:
            events = stream.rest()
        self.assertEqual(revs(events[1:]), list(range(last + 1, int(events[0].id) + 1)))

    def test_a_last_event_id_beyond_the_job(self):
        job = self.submit("echo")
        self.wait_status(job["id"], "completed")
        with self.stream(job["id"], last_id=10 ** 6) as stream:
            self.assertEqual(stream.take(1)[0].type, "snapshot")
        for bad in ("x", "-1", "1e3", "9" * 30):
            answer = self.http.get(f"/v1/jobs/{job['id']}/events", headers={"Last-Event-ID": bad})
            self.assert_error(answer, 400, "INVALID_REQUEST", "Last-Event-ID")

    def test_what_is_not_kept_any_more(self):
        """More events than a job keeps: replay is not possible, the stream starts anew."""
        job = self.submit("chatty")
        self.wait_status(job["id"], "completed", timeout=60)
        with self.stream(job["id"], last_id=1) as stream:
            events = stream.rest()
        self.assertEqual([event.type for event in events], ["snapshot", "reset", "snapshot"])
        self.assertEqual(events[1].data["type"], "reset")
        self.assertEqual(events[2].data["status"], "completed")
        last = int(events[2].id)
        with self.stream(job["id"], last_id=last - 300) as stream:
            events = stream.rest()
        self.assertEqual(revs(events), [last] + list(range(last - 299, last + 1)))

    def test_cancelled_while_running_ends_after_ended(self):
        job = self.hold()
        with self.stream(job["id"]) as stream:
            stream.take(1)
            self.http.post(f"/v1/jobs/{job['id']}/cancel", json={"reason": "enough"})
            events = stream.rest()
        kinds = [event.type for event in events]
        self.assertIn("cancelled", kinds)
        self.assertEqual(kinds[-1], "ended")
        self.assertLess(kinds.index("cancelled"), kinds.index("ended"))

    def test_cancelled_while_pending_ends_at_once(self):
        job = self.submit()
        with self.stream(job["id"]) as stream:
            stream.take(1)
            self.http.post(f"/v1/jobs/{job['id']}/cancel")
            self.assertEqual([event.type for event in stream.rest()], ["cancelled"])

    def test_deleted(self):
        job = self.submit("echo")
        self.wait_status(job["id"], "completed")
        self.http.delete(f"/v1/jobs/{job['id']}")
        self.assert_error(self.http.get(f"/v1/jobs/{job['id']}/events"), 404, "NOT_FOUND",
                          field=self.http.get(f"/v1/jobs/{job['id']}/events").json()["error"][
                              "details"].get("field"))

    def test_many_readers_of_one_job(self):
        job = self.hold()
        results = []

        def read():
            with self.stream(job["id"], last_id=0) as stream:
                results.append(stream.rest())

        threads = [threading.Thread(target=read) for _ in range(10)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        self.release(job)
        for thread in threads:
            thread.join(20)
        self.assertEqual(len(results), 10)
        for events in results:
            self.assertEqual(revs(events[1:]), list(range(1, int(events[-1].id) + 1)))
            self.assertEqual(events[-1].type, "completed")

    def test_survives_the_brokers_restart(self):
        job = self.hold()
        with self.stream(job["id"], last_id=0) as stream:
            events = stream.until("progress")
            self.broker.kill()
            type(self).broker = self.fleet.broker()
            self.release(job)
            events += stream.until("completed")
            self.assertEqual(stream.rest(), [])
        self.assertEqual(revs(events[1:]), list(range(1, int(events[-1].id) + 1)))

    def test_the_connection_is_kept(self):
        """A stream ends with its last chunk, not with the connection."""
        job = self.submit("echo")
        self.wait_status(job["id"], "completed")
        sock = self.connect()
        for _ in range(3):
            sock.sendall(f"GET /v1/jobs/{job['id']}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
                         .encode())
            data = b""
            while not data.endswith(b"\r\n0\r\n\r\n"):
                data += sock.recv(65536)
            self.assertIn(b"event: snapshot", data)

    def test_http_1_0(self):
        job = self.submit("echo")
        self.wait_status(job["id"], "completed")
        data = self.raw(f"GET /v1/jobs/{job['id']}/events HTTP/1.0\r\nHost: localhost\r\n\r\n"
                        .encode())
        self.assertTrue(data.endswith(b"\n\n"))
        self.assertNotIn(b"chunked", data)


class Quiet(HttpCase):
    """Streams where nothing happens."""

    gateway_options = ("--stream-heartbeat", "300ms", "--stall-timeout", "1s")

    def test_heartbeat(self):
        job = self.submit()
        with self.stream(job["id"]) as stream:
            stream.take(1)
            closer = threading.Timer(1.2, lambda: self.http.post(f"/v1/jobs/{job['id']}/cancel"))
            closer.start()
            stream.rest()
            self.assertGreaterEqual(len(stream.comments), 2)

    def test_idle_streams_cost_nothing(self):
        jobs = [self.submit() for _ in range(3)]
        streams = [self.stream(jobs[i % 3]["id"]) for i in range(60)]
        for stream in streams:
            stream.take(1)
        before, end = cpu_seconds(self.gateway.pid), later(3)
        while time.monotonic() < end:
            time.sleep(0.1)
        used = cpu_seconds(self.gateway.pid) - before
        self.assertLess(used, 1.0, "60 idle streams in 3 s")
        for stream in streams:
            stream.close()

    def test_readers_that_leave_are_noticed(self):
        job = self.submit()
        socks = [self.connect() for _ in range(20)]
        for sock in socks:
            sock.sendall(f"GET /v1/jobs/{job['id']}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
                         .encode())
            self.assertIn(b"200 OK", sock.recv(4096))
        count = len([line for line in self.gateway.log.splitlines() if "/events 200" in line])
        for sock in socks:
            sock.close()
        wait_until(lambda: len([line for line in self.gateway.log.splitlines()
                                if "/events 200" in line]) >= count + 20, 10,
                   "the gateway gives up streams whose readers left")


class Slow(HttpCase):
    """A reader that takes nothing."""

    gateway_options = ("--stream-heartbeat", "1s", "--stall-timeout", "2s")

    def test_is_dropped_and_costs_nobody_else(self):
        job = self.submit(params={"text": "x" * 1000000})
        slow = socket.socket()
        self.addCleanup(slow.close)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        host, port = self.gateway.url.removeprefix("http://").split(":")
        slow.connect((host, int(port)))
        slow.sendall(f"GET /v1/jobs/{job['id']}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
                     .encode())
        before = cpu_seconds(self.gateway.pid)
        self.gateway.wait_line("stream_dropped.*took nothing", timeout=15)
        self.assertLess(cpu_seconds(self.gateway.pid) - before, 1.5, "no busy waiting")
        with self.stream(job["id"]) as stream:
            self.assertEqual(stream.take(1)[0].type, "snapshot")
        slow.settimeout(20)
        data = self.read_all(slow)
        self.assertLess(len(data), 1000000)

    def test_memory_comes_back(self):
        job = self.submit(params={"text": "x" * 500000})
        for _ in range(5):
            with Stream(f"{self.gateway.url}/v1/jobs/{job['id']}/events") as stream:
                stream.take(1)
        before = memory_kib(self.gateway.pid)
        for _ in range(40):
            with Stream(f"{self.gateway.url}/v1/jobs/{job['id']}/events") as stream:
                stream.take(1)
        wait_until(lambda: self.gateway.log.count("/events 200") >= 45, 20, "all have left")
        self.assertLess(memory_kib(self.gateway.pid) - before, 300 * 1024)

    def test_no_such_job(self):
        answer = self.http.get(f"/v1/jobs/{uuid.uuid4()}/events")
        self.assertEqual((answer.status_code, answer.headers["content-type"]),
                         (404, "application/json"))


if __name__ == "__main__":
    unittest.main()
