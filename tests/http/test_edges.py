#!/usr/bin/python3
"""Where the gateway meets the world: slow clients, long bodies, crowds, foreign pages, a broker
that is away, start and stop."""

import socket
import subprocess
import threading
import time
import unittest
import uuid

import httpx

from http_case import HttpCase, Stream, wait_until

POST = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
BODY = b'{"type":"t"}'


class Clients(HttpCase):
    """Bodies and heads that come slowly, or are too long."""

    gateway_options = ("--head-timeout", "1s", "--body-timeout", "1500ms", "--idle-timeout", "1s",
                       "--max-body", "100k")

    def dribble(self, start, piece):
        """Sends `start`, then a piece every 200 ms, until the server has had enough."""
        sock = self.connect()
        sock.sendall(start)
        sock.settimeout(0.2)
        began = time.monotonic()
        while time.monotonic() < began + 10:
            try:
                data = sock.recv(4096)
                return data, time.monotonic() - began
            except socket.timeout:
                pass
            except OSError:
                return b"", time.monotonic() - began
            try:
                sock.sendall(piece)
            except OSError:
                pass
        self.fail("the slow client was served for ever")

    def test_a_head_that_dribbles(self):
        data, seconds = self.dribble(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n", b"X-A: b\r\n")
        self.assertTrue(data.startswith(b"HTTP/1.1 408 "), data)
        self.assertIn(b'{"error":{"code":', data)
        self.assertLess(seconds, 4)

    def test_a_body_that_dribbles(self):
        data, seconds = self.dribble(POST + b"Content-Length: 5000\r\n\r\n{", b" ")
        self.assertTrue(data.startswith(b"HTTP/1.1 408 "), data)
        self.assertLess(seconds, 5)

    def test_nothing_at_all(self):
        data, seconds = self.dribble(b"", b"")
        self.assertTrue(data == b"" or b" 408 " in data)
        self.assertLess(seconds, 4)

    def test_an_idle_connection_is_closed_without_a_word(self):
        sock = self.connect()
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        data = self.read_all(sock)
        self.assertEqual(data.count(b"HTTP/1.1"), 1)

    def test_others_are_served_meanwhile(self):
        slow = [self.connect() for _ in range(50)]
        for sock in slow:
            sock.sendall(POST + b"Content-Length: 50\r\n\r\n{")
        began = time.monotonic()
        self.assertEqual(self.http.get("/readyz").status_code, 200)
        self.assertLess(time.monotonic() - began, 1.4)

    def test_a_long_body_is_refused_before_it_is_sent(self):
        sock = self.connect()
        sock.sendall(POST + b"Content-Length: 100000000\r\n\r\n")
        data = self.read_all(sock)
        self.assertTrue(data.startswith(b"HTTP/1.1 413 "), data)
        self.assertIn(b"PAYLOAD_TOO_LARGE", data)
        sock = self.connect()
        sock.sendall(POST + b"Content-Length: 200000\r\nExpect: 100-continue\r\n\r\n")
        self.assertTrue(self.read_all(sock).startswith(b"HTTP/1.1 413 "))

    def test_a_client_that_sends_it_all_the_same_reads_413(self):
        for size in (100 * 1024 + 1, 3000000):
            answer = httpx.post(f"{self.gateway.url}/v1/jobs", content=b" " * size,
                                headers={"content-type": "application/json"})
            self.assert_error(answer, 413, "PAYLOAD_TOO_LARGE")
        answer = self.http.post("/v1/jobs", content=b'{"type":"t"}' + b" " * (100 * 1024 - 12),
                                headers={"content-type": "application/json"})
        self.assertEqual(answer.status_code, 201)

    def test_a_long_body_in_chunks(self):
        def body(size):
            for _ in range(size // 1000):
                yield b" " * 1000

        answer = httpx.post(f"{self.gateway.url}/v1/jobs", content=body(200000),
                            headers={"content-type": "application/json"})
        self.assert_error(answer, 413, "PAYLOAD_TOO_LARGE")
        with self.assertRaises(httpx.TransportError):
            httpx.post(f"{self.gateway.url}/v1/jobs", content=body(20000000),
                       headers={"content-type": "application/json"})

    def test_a_refused_short_body_keeps_the_connection(self):
        sock = self.connect()
        for path, status in ((b"/nowhere", b" 404 "), (b"/v1/stats", b" 405 ")):
            sock.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: localhost\r\n"
                         b"Content-Length: 12\r\n\r\n" + BODY)
            data = sock.recv(65536)
            self.assertIn(status, data.split(b"\r\n")[0])

    def test_long_targets_and_heads(self):
        answer = self.http.get("/v1/jobs?type=" + "a" * 9000)
        self.assertEqual(answer.status_code, 414)
        answer = self.http.get("/healthz", headers={"X-Long": "a" * 40000})
        self.assertEqual(answer.status_code, 431)

    def test_garbage(self):
        for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\r\n\r\n\r\n",
                     b"GET\r\n\r\n",
                     b"GET / HTTP/9.9\r\n\r\n", b"GET /healthz HTTP/1.1\r\n\r\n",
                     POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
                     POST + b"Content-Length: -5\r\n\r\n", POST + b"Content-Length: 5x\r\n\r\n"):
            answer = self.raw(data)
            self.assertTrue(answer == b"" or b" 400 " in answer or b" 408 " in answer or
                            b" 505 " in answer, answer)
        self.assertEqual(self.http.get("/healthz").status_code, 200)

    def test_two_requests_at_once(self):
        sock = self.connect()
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
                     b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        data = self.read_all(sock)
        self.assertEqual(data.count(b"HTTP/1.1 200 OK"), 2)
        self.assertLess(data.index(b'"ok"'), data.index(b'"ready"'))


class Crowd(HttpCase):
    """More connections than the gateway serves."""

    gateway_options = ("--max-connections", "20", "--max-per-address", "10")

    def fill(self, count):
        socks = [self.connect() for _ in range(count)]
        for sock in socks:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertIn(b" 200 ", sock.recv(4096))
        return socks

    def test_one_address(self):
        socks = self.fill(10)
        answer = httpx.get(f"{self.gateway.url}/healthz")
        self.assert_error(answer, 429, "RATE_LIMITED")
        self.assertTrue(int(answer.headers["retry-after"]) > 0)
        self.assertEqual(answer.headers["connection"], "close")
        for sock in socks:
            sock.close()
        wait_until(lambda: httpx.get(f"{self.gateway.url}/healthz").status_code == 200, 10,
                   "room again")


class Everybody(Crowd):
    """The same beyond the limit for all."""

    gateway_options = ("--max-connections", "10", "--max-per-address", "0")

    def test_one_address(self):
        socks = self.fill(10)
        answer = httpx.get(f"{self.gateway.url}/healthz")
        self.assert_error(answer, 503, "UNAVAILABLE")
        self.assertTrue(int(answer.headers["retry-after"]) > 0)
        for sock in socks:
            sock.close()


class Pages(HttpCase):
    """Foreign web pages, and those that --cors-origin lists."""

    gateway_options = ("--cors-origin", "https://app.example", "--cors-origin",
                       "http://other.example:3000")

    def test_host(self):
        for host in ("evil.example", "127.0.0.1.evil.example", "10.1.2.3:8080"):
            answer = self.http.get("/healthz", headers={"Host": host})
            self.assert_error(answer, 403, "FORBIDDEN", "Host")
        for host in ("localhost", "127.0.0.1:9", "[::1]:9", "app.localhost"):
            self.assertEqual(self.http.get("/healthz", headers={"Host": host}).status_code, 200)

    def test_origin(self):
        job = {"type": "t"}
        for origin in ("https://evil.example", "null", "http://localhost:1",
                       "https://app.example:1"):
            headers = {"Origin": origin}
            answer = self.http.post("/v1/jobs", json=job, headers=headers)
            self.assert_error(answer, 403, "FORBIDDEN", "Origin")
            answer = self.http.get("/healthz", headers=headers)
            self.assertEqual(answer.status_code, 200)
            self.assertNotIn("access-control-allow-origin", answer.headers)
        own = self.gateway.url
        self.assertEqual(self.http.post("/v1/jobs", json=job, headers={"Origin": own}).status_code,
                         201)
        self.assert_error(self.http.delete(f"/v1/jobs/{uuid.uuid4()}",
                                           headers={"Origin": "https://evil.example"}),
                          403, "FORBIDDEN", "Origin")

    def test_listed_origin(self):
        for origin in ("https://app.example", "http://other.example:3000"):
            headers = {"Origin": origin}
            for answer in (self.http.post("/v1/jobs", json={"type": "t"}, headers=headers),
                           self.http.get("/nowhere", headers=headers)):
                self.assertEqual(answer.headers["access-control-allow-origin"], origin)
                self.assertEqual(answer.headers["access-control-allow-credentials"], "true")
                self.assertEqual(answer.headers["vary"], "Origin")
            answer = self.http.options("/v1/jobs", headers={
                **headers, "Access-Control-Request-Method": "POST"})
            self.assertEqual(answer.status_code, 204)
            self.assertIn("POST", answer.headers["access-control-allow-methods"])
            self.assertIn("Idempotency-Key", answer.headers["access-control-allow-headers"])
        answer = self.http.options("/v1/jobs", headers={
            "Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
        self.assertNotIn("access-control-allow-methods", answer.headers)


class Away(HttpCase):
    """The broker is away, and comes back."""

    gateway_options = ("--broker-timeout", "3s", "--broker-wait", "300ms")

    def assert_unavailable(self, answer, message="does not answer"):
        self.assert_error(answer, 503, "UNAVAILABLE", message=message)
        self.assertGreater(int(answer.headers["retry-after"]), 0)

    def test_killed_and_back(self):
        job = self.submit()
        with self.stream(job["id"]) as stream:
            stream.take(1)
            self.broker.kill()
            self.assert_unavailable(self.http.post("/v1/jobs", json={"type": "t"}),
                                    "may still happen")
            self.assert_unavailable(self.http.get(f"/v1/jobs/{job['id']}"))
            self.assert_unavailable(self.http.get(f"/v1/jobs/{job['id']}/events"))
            self.assert_unavailable(self.http.get("/readyz"))
            self.assertEqual(self.http.get("/healthz").status_code, 200)
            self.gateway.wait_line("broker_away")
            began = time.monotonic()
            self.assert_unavailable(self.http.get("/v1/jobs"))
            self.assertLess(time.monotonic() - began, 2.5)
            type(self).broker = self.fleet.broker()
            wait_until(lambda: self.http.get("/readyz").status_code == 200, 15, "ready again")
            self.assertEqual(self.job(job["id"])["status"], "pending")
            self.http.post(f"/v1/jobs/{job['id']}/cancel")
            self.assertEqual(stream.rest()[-1].type, "cancelled")

    def test_a_short_absence_is_waited_for(self):
        self.broker.pause()
        timer = threading.Timer(0.7, self.broker.resume)
        timer.start()
        answer = self.http.post("/v1/jobs", json={"type": "patient"})
        self.assertEqual(answer.status_code, 201)
        timer.join()

    def test_nobody_is_held_up_while_many_wait(self):
        self.broker.pause()
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(
            httpx.get(f"{self.gateway.url}/v1/jobs", timeout=20).status_code)) for _ in range(40)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        self.assertEqual(self.http.get("/healthz").status_code, 200)
        self.assertLess(time.monotonic() - began, 2.5)
        for thread in threads:
            thread.join()
        self.broker.resume()
        self.assertEqual(answers, [503] * 40)
        wait_until(lambda: self.http.get("/readyz").status_code == 200, 15, "ready again")

    def test_too_many_calls(self):
        gateway = self.fleet.gateway("--max-calls", "3", "--broker-timeout", "2s")
        self.assertEqual(httpx.get(f"{gateway.url}/readyz").status_code, 200)
        self.broker.pause()
        texts = []
        threads = [threading.Thread(target=lambda: texts.append(
            httpx.get(f"{gateway.url}/v1/jobs", timeout=20).text)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.broker.resume()
        self.assertEqual(sum("too many requests" in text for text in texts), 5)
        self.assertEqual(gateway.stop(), 0)
        wait_until(lambda: self.http.get("/readyz").status_code == 200, 15, "ready again")


class Start(HttpCase):
    """Options, ready, ends."""

    def run_gateway(self, *args):
        return subprocess.run([str(self.fleet.build / "reeve-gateway"), *args], timeout=20,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)

    def test_help_and_version(self):
        done = self.run_gateway("--help")
        self.assertEqual(done.returncode, 0)
        for option in ("--listen", "--broker", "--events", "--auth", "--cors-origin",
                       "--insecure"):
            self.assertIn(option, done.stdout)
        done = self.run_gateway("--version")
        self.assertEqual((done.returncode, done.stdout.split()[0]), (0, "reeve-gateway"))

    def test_wrong_usage(self):
        for args, named in ((("--nope",), "--nope"), (("--auth", "jwt"), "only `none`"),
                            (("--listen", "0.0.0.0:0"), "--insecure"),
                            (("--listen", "[::]:0"), "--insecure"),
                            (("--listen", "8080", "--insecure"), "ADDRESS:PORT"),
                            (("--listen", "localhost:99999", "--insecure"), "ADDRESS:PORT"),
                            (("--cors-origin", "app.example"), "--cors-origin"),
                            (("--max-body", "0"), "--max-body"), (("stray",), "stray")):
            with self.subTest(args=args):
                done = self.run_gateway(*args)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(named, done.stderr)

    def test_a_busy_port(self):
        address = self.gateway.url.removeprefix("http://")
        done = self.run_gateway("--listen", address)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{address} is in use", done.stderr)
        self.assertNotIn("ready", done.stderr)

    def test_a_bad_endpoint(self):
        done = self.run_gateway("--listen", "127.0.0.1:0", "--broker", "nonsense")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nonsense", done.stderr)

    def test_other_addresses(self):
        for listen, url in (("[::1]:0", "http://[::1]:"), ("localhost:0", "http://127.0.0.1:")):
            gateway = self.fleet.gateway(listen=listen)
            self.assertTrue(gateway.url.startswith(url), gateway.url)
            self.assertEqual(httpx.get(f"{gateway.url}/readyz").status_code, 200)
            self.assertEqual(gateway.stop(), 0)

    def test_insecure(self):
        gateway = self.fleet.gateway("--insecure", listen="0.0.0.0:0")
        url = gateway.url.replace("0.0.0.0", "127.0.0.1")
        self.assertEqual(httpx.get(f"{url}/healthz", headers={"Host": "any.example"}).status_code,
                         200)
        answer = httpx.post(f"{url}/v1/jobs", json={"type": "t"},
                            headers={"Origin": "https://evil.example"})
        self.assertEqual(answer.status_code, 403)
        self.assertEqual(gateway.stop(), 0)

    def test_stops_with_streams_open(self):
        gateway = self.fleet.gateway()
        job = self.submit()
        streams = [Stream(f"{gateway.url}/v1/jobs/{job['id']}/events") for _ in range(20)]
        for stream in streams:
            stream.take(1)
        began = time.monotonic()
        self.assertEqual(gateway.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)
        for stream in streams:
            self.assertEqual(stream.rest(), [])
            stream.close()

    def test_answers_what_runs_before_it_stops(self):
        gateway = self.fleet.gateway()
        self.assertEqual(httpx.get(f"{gateway.url}/readyz").status_code, 200)
        self.broker.pause()
        answers = []
        thread = threading.Thread(target=lambda: answers.append(
            httpx.post(f"{gateway.url}/v1/jobs", json={"type": "t"}, timeout=20)))
        thread.start()
        time.sleep(0.3)
        gateway.signal(15)
        time.sleep(0.3)
        with self.assertRaises(httpx.ConnectError):
            httpx.get(f"{gateway.url}/healthz")
        self.broker.resume()
        thread.join()
        self.assertEqual(answers[0].status_code, 201)
        self.assertEqual(answers[0].headers["connection"], "close")
        self.assertEqual(gateway.wait(), 0)

    def test_stops_although_the_broker_is_away(self):
        gateway = self.fleet.gateway("--drain", "500ms", "--broker-timeout", "1m")
        self.assertEqual(httpx.get(f"{gateway.url}/readyz").status_code, 200)
        self.broker.pause()
        answers = []
        thread = threading.Thread(target=lambda: answers.append(
            httpx.get(f"{gateway.url}/v1/jobs", timeout=20)))
        thread.start()
        time.sleep(0.3)
        began = time.monotonic()
        self.assertEqual(gateway.stop(), 0)
        self.assertLess(time.monotonic() - began, 10)
        thread.join()
        self.broker.resume()
        self.assert_error(answers[0], 503, "UNAVAILABLE", message="stopping")


if __name__ == "__main__":
    unittest.main()
