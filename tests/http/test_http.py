#!/usr/bin/python3
"""Every route of /v1 through real programs: what it answers, and how it refuses."""

import threading
import unittest
import uuid

import httpx

from http_case import HttpCase, TERMINAL


class Submit(HttpCase):
    """POST /v1/jobs."""

    def test_one_job(self):
        answer = self.http.post("/v1/jobs", json={
            "type": "later", "params": {"a": [1, None, "é", 2.5]}, "queue": "q1", "priority": 7,
            "name": "n", "description": "d", "metadata": {"k": "v"}, "delay": "1h", "group": "g",
            "timeout": 90, "max_attempts": 5, "backoff": "1s", "backoff_cap": "1m",
            "max_lost": 2, "retention": "1d"})
        self.assertEqual(answer.status_code, 201)
        job = answer.json()
        self.assertEqual(answer.headers["location"], f"/v1/jobs/{job['id']}")
        self.assertEqual(answer.headers["etag"], f'"{job["rev"]}"')
        self.assertEqual(uuid.UUID(job["id"]).version, 7)
        expected = {"type": "later", "queue": "q1", "owner": "anonymous", "group": "g",
                    "name": "n", "description": "d", "status": "scheduled", "priority": 7,
                    "params": {"a": [1, None, "é", 2.5]}, "metadata": {"k": "v"}, "attempt": 0,
                    "max_attempts": 5}
        self.assertEqual({name: job[name] for name in expected}, expected)
        self.assertRegex(job["run_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertNotIn("started_at", job)
        self.assertEqual(self.job(job["id"]), job)

    def test_defaults(self):
        job = self.submit("least")
        self.assertEqual((job["status"], job["queue"], job["priority"], job["params"],
                          job["max_attempts"]), ("pending", "default", 5, {}, 3))

    def test_own_id_twice(self):
        own = str(uuid.uuid4())
        self.assertEqual(self.submit("own", id=own)["id"], own)
        self.assertEqual(self.submit("own", id=own)["id"], own)
        answer = self.http.post("/v1/jobs", json={"type": "other", "id": own})
        self.assert_error(answer, 409, "CONFLICT", "id")

    def test_many(self):
        answer = self.http.post("/v1/jobs", json=[{"type": "m", "params": i} for i in range(1000)])
        self.assertEqual(answer.status_code, 201)
        jobs = answer.json()["jobs"]
        self.assertEqual(len({job["id"] for job in jobs}), 1000)
        self.assertEqual({job["status"] for job in jobs}, {"pending"})
        self.assertEqual(self.job(jobs[17]["id"])["params"], 17)

    def test_all_or_nothing(self):
        before = self.http.get("/v1/stats").json()["total_submitted"]
        answer = self.http.post("/v1/jobs", json=[{"type": "a"}, {"type": "b", "priority": 99}])
        self.assert_error(answer, 400, "INVALID_REQUEST", "[1].priority")
        own = self.submit("mine")["id"]
        answer = self.http.post("/v1/jobs", json=[{"type": "a"}, {"type": "b", "id": own}])
        self.assert_error(answer, 409, "CONFLICT", "[1].id")
        self.assertEqual(self.http.get("/v1/stats").json()["total_submitted"], before + 1)

    def test_partial(self):
        own = self.submit("mine")["id"]
        answer = self.http.post("/v1/jobs?partial=1", json=[
            {"type": "a"}, {"kind": "b"}, {"type": "c", "id": own}, {"type": "d"}, 5])
        self.assertEqual(answer.status_code, 201)
        jobs = answer.json()["jobs"]
        self.assertEqual([list(job) for job in jobs],
                         [["id", "status"], ["error"], ["error"], ["id", "status"], ["error"]])
        self.assertEqual(jobs[1]["error"]["field"], "[1].kind")
        self.assertEqual(jobs[2]["error"], {
            "code": "CONFLICT", "message": "[2].id: another job has this id", "field": "[2].id"})
        self.assertEqual(jobs[4]["error"]["code"], "INVALID_REQUEST")
        answer = self.http.post("/v1/jobs?partial=true", json=[{}, {"type": ""}])
        self.assertEqual([list(job) for job in answer.json()["jobs"]], [["error"], ["error"]])

    def test_refused(self):
        for body, field in (({}, "type"), ({"type": "t", "nope": 1}, "nope"),
                            ({"type": "t", "delay": "soon"}, "delay"),
                            ({"type": "t", "id": "x"}, "id"), ({"type": "a\nb"}, "type"),
                            ({"type": "t", "queue": "a\u0001"}, "queue"),
                            ({"type": "t", "unique_policy": "later"}, "unique_policy")):
            with self.subTest(body=body):
                self.assert_error(self.http.post("/v1/jobs", json=body), 400, "INVALID_REQUEST",
                                  field)
        for body in ([], [{"type": "t"}] * 1001, 5, "job", None):
            with self.subTest(body=str(body)[:20]):
                self.assert_error(self.http.post("/v1/jobs", json=body), 400, "INVALID_REQUEST")
        answer = self.http.post("/v1/jobs", json={"type": "t", "params": "x" * 1100000})
        self.assert_error(answer, 413, "PAYLOAD_TOO_LARGE", "params")

    def test_bad_json(self):
        for body in (b"{", b'{"type":"t"} x', b'{"type":"t","type":"u"}', b'\xff', b"nul",
                     b'{"type":"t","params":' + b"[" * 40 + b"]" * 40 + b"}",
                     b'{"type":"\\u0000"}', b'{"type":"t","params":1e999}'):
            with self.subTest(body=body[:30]):
                answer = self.http.post("/v1/jobs", content=body,
                                        headers={"content-type": "application/json"})
                self.assert_error(answer, 400, "INVALID_REQUEST", answer.json()["error"][
                    "details"].get("field"))

    def test_content_type(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx",
                     "multipart/form-data; boundary=x"):
            answer = self.http.post("/v1/jobs", content=b'{"type":"t"}',
                                    headers={"content-type": kind})
            self.assert_error(answer, 415, "INVALID_REQUEST")
        for kind in ("application/json", "Application/JSON; charset=utf-8"):
            answer = self.http.post("/v1/jobs", content=b'{"type":"t"}',
                                    headers={"content-type": kind})
            self.assertEqual(answer.status_code, 201)
        self.assert_error(self.http.post("/v1/jobs"), 400, "INVALID_REQUEST")

    def test_in_chunks(self):
        def body():
            yield b'{"type":'
            yield b'"chunks"}'

        answer = self.http.post("/v1/jobs", content=body(),
                                headers={"content-type": "application/json"})
        self.assertEqual((answer.status_code, answer.json()["type"]), (201, "chunks"))

    def test_idempotency_key(self):
        def post(body, **kw):
            return self.http.post("/v1/jobs", json=body, **kw)

        key = {"Idempotency-Key": "k-" + uuid.uuid4().hex}
        first = post({"type": "i", "params": 1}, headers=key)
        again = post({"type": "i", "params": 1}, headers=key)
        self.assertEqual((first.status_code, again.status_code), (201, 201))
        self.assertEqual(first.content, again.content)
        self.assertEqual(first.headers["location"], again.headers["location"])
        self.assert_error(post({"type": "i", "params": 2}, headers=key), 409,
                          "IDEMPOTENCY_MISMATCH", "idempotency_key")
        many = {"Idempotency-Key": "m-" + uuid.uuid4().hex}
        self.assertEqual(post([{"type": "i"}] * 3, headers=many).content,
                         post([{"type": "i"}] * 3, headers=many).content)
        own = uuid.uuid4().hex
        self.assertEqual(post({"type": "i", "idempotency_key": own}).content,
                         post({"type": "i", "idempotency_key": own}).content)
        both = post({"type": "i", "idempotency_key": own}, headers={"Idempotency-Key": "other"})
        self.assert_error(both, 400, "INVALID_REQUEST", "idempotency_key")
        answer = post({"type": "i"}, headers={"Idempotency-Key": "x" * 201})
        self.assert_error(answer, 400, "INVALID_REQUEST", "Idempotency-Key")
        answer = post([{"type": "i", "idempotency_key": "k"}])
        self.assert_error(answer, 400, "INVALID_REQUEST", "[0].idempotency_key")

    def test_idempotency_key_at_another_gateway(self):
        key, body = {"Idempotency-Key": uuid.uuid4().hex}, {"type": "i", "params": [1]}
        other = self.fleet.gateway()
        first = self.http.post("/v1/jobs", json=body, headers=key)
        again = httpx.post(f"{other.url}/v1/jobs", json=body, headers=key)
        self.assertEqual((again.status_code, again.content), (201, first.content))

    def test_idempotency_key_at_once(self):
        key = {"Idempotency-Key": uuid.uuid4().hex}
        ids = []
        threads = [threading.Thread(target=lambda: ids.append(self.http.post(
            "/v1/jobs", json={"type": "race"}, headers=key).json()["id"])) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(ids), len(set(ids))), (8, 1))


class Read(HttpCase):
    """GET routes, over jobs that wait."""

    def test_any_form_of_an_id(self):
        job = self.submit()
        own = uuid.UUID(job["id"])
        for form in (str(own).upper(), own.hex, f"job_{own.hex}", f"run_{own.hex}"):
            self.assertEqual(self.job(form)["id"], job["id"])

    def test_no_such_job(self):
        stranger = uuid.uuid4()
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("POST", "/retry"),
                             ("GET", "/result"), ("GET", "/logs"), ("GET", "/events")):
            with self.subTest(path=path):
                answer = self.http.request(method, f"/v1/jobs/{stranger}{path}")
                self.assert_error(answer, 404, "NOT_FOUND", answer.json()["error"]["details"].get(
                    "field"))
                answer = self.http.request(method, f"/v1/jobs/17{path}")
                self.assert_error(answer, 400, "INVALID_REQUEST", "id")

    def test_etag(self):
        path = f"/v1/jobs/{self.submit()['id']}"
        tag = self.http.get(path).headers["etag"]
        for given in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            answer = self.http.get(path, headers={"If-None-Match": given})
            self.assertEqual((answer.status_code, answer.content), (304, b""))
            self.assertEqual(answer.headers["etag"], tag)
        self.assertEqual(self.http.get(path, headers={"If-None-Match": '"99"'}).status_code, 200)
        self.http.post(f"{path}/cancel")
        answer = self.http.get(path, headers={"If-None-Match": tag})
        self.assertEqual((answer.status_code, answer.json()["status"]), (200, "cancelled"))

    def test_head(self):
        job = self.submit()
        for path in ("/v1/jobs", f"/v1/jobs/{job['id']}", f"/v1/jobs/{job['id']}/logs",
                     "/v1/stats", "/healthz", "/readyz"):
            with self.subTest(path=path):
                got, head = self.http.get(path), self.http.head(path)
                self.assertEqual((head.status_code, head.content), (got.status_code, b""))
                self.assertEqual(head.headers["content-type"], got.headers["content-type"])
                if path != "/v1/stats":
                    self.assertEqual(head.headers["content-length"],
                                     got.headers["content-length"])
        head = self.http.head(f"/v1/jobs/{job['id']}/events")
        self.assertEqual((head.status_code, head.headers["content-type"]),
                         (200, "text/event-stream"))
        self.assertEqual(self.http.head(f"/v1/jobs/{uuid.uuid4()}").status_code, 404)

    def test_list(self):
        queue = "q-" + uuid.uuid4().hex[:8]
        ids = [self.submit(f"t{i % 2}", queue=queue)["id"] for i in range(5)]
        self.http.post(f"/v1/jobs/{ids[0]}/cancel")

        def listed(query):
            answer = self.http.get(f"/v1/jobs?queue={queue}&{query}")
            self.assertEqual(answer.status_code, 200, answer.text)
            return answer.json()

        whole = listed("")
        self.assertEqual([job["id"] for job in whole["jobs"]], ids[::-1])
        self.assertEqual((whole["total"], whole["total_capped"], whole["limit"],
                          whole["has_more"]), (5, False, 50, False))
        self.assertNotIn("next_cursor", whole)
        self.assertNotIn("params", whole["jobs"][0])
        self.assertEqual([job["id"] for job in listed("order=asc")["jobs"]], ids)
        self.assertEqual([job["id"] for job in listed("type=t1")["jobs"]], [ids[3], ids[1]])
        self.assertEqual(listed("status=cancelled")["total"], 1)
        self.assertEqual(listed("status=cancelled&status=pending")["total"], 5)
        self.assertEqual(listed("status=running")["jobs"], [])
        self.assertEqual(listed("owner=anonymous")["total"], 5)
        self.assertEqual(listed("owner=nobody")["jobs"], [])

    def test_pages(self):
        queue = "p-" + uuid.uuid4().hex[:8]
        self.http.post("/v1/jobs", json=[{"type": "p", "queue": queue}] * 23)
        seen, cursor, pages = [], "", 0
        while True:
            query = {"queue": queue, "limit": 5, **({"cursor": cursor} if cursor else {})}
            page = self.http.get("/v1/jobs", params=query).json()
            seen += [job["id"] for job in page["jobs"]]
            pages += 1
            if not page["has_more"]:
                break
            cursor = page["next_cursor"]
        self.assertEqual((len(seen), len(set(seen)), pages), (23, 23, 5))
        answer = self.http.get("/v1/jobs?cursor=nonsense")
        self.assert_error(answer, 400, "INVALID_REQUEST", "cursor")

    def test_unknown_parameters(self):
        for path, field in (("/v1/jobs?limit=0", "limit"), ("/v1/jobs?limit=1001", "limit"),
                            ("/v1/jobs?foo=1", "foo"), ("/v1/jobs?status=done", "status"),
                            ("/v1/jobs?order=up", "order"), ("/v1/jobs?type=a&type=b", "type"),
                            ("/v1/stats?x=1", "x"), ("/healthz?x=1", "x")):
            with self.subTest(path=path):
                self.assert_error(self.http.get(path), 400, "INVALID_REQUEST", field)
        self.assert_error(self.http.post("/v1/jobs?dry=1", json={"type": "t"}), 400,
                          "INVALID_REQUEST", "dry")

    def test_stats(self):
        self.submit("counted", queue="stats-q")
        stats = self.http.get("/v1/stats").json()
        self.assertGreaterEqual(stats["total_submitted"], 1)
        self.assertEqual(stats["by_queue"]["stats-q"]["pending"], 1)
        self.assertEqual(stats["by_type"]["counted"]["pending"], 1)
        self.assertGreaterEqual(stats["by_status"]["pending"], 1)
        for name in ("rates", "workers", "slots", "store"):
            self.assertIn(name, stats)

    def test_health(self):
        self.assertEqual(self.http.get("/healthz").json(), {"status": "ok"})
        self.assertEqual(self.http.get("/readyz").json(), {"status": "ready"})

    def test_paths_and_methods(self):
        for path in ("/", "/v1", "/v1/", "/v1/job", "/v1/jobs/", "/v2/jobs", "/favicon.ico"):
            self.assert_error(self.http.get(path), 404, "NOT_FOUND")
        job = self.submit()["id"]
        for method, path, allow in (("PUT", "/v1/jobs", "GET, POST, HEAD, OPTIONS"),
                                    ("PATCH", f"/v1/jobs/{job}", "GET, DELETE, HEAD, OPTIONS"),
                                    ("GET", f"/v1/jobs/{job}/cancel", "POST, OPTIONS"),
                                    ("DELETE", "/v1/stats", "GET, HEAD, OPTIONS"),
                                    ("BREW", "/healthz", "GET, HEAD, OPTIONS")):
            with self.subTest(method=method, path=path):
                answer = self.http.request(method, path)
                self.assert_error(answer, 405, "INVALID_REQUEST", message=method)
                self.assertEqual(answer.headers["allow"], allow)
        answer = self.http.options("/v1/jobs")
        self.assertEqual((answer.status_code, answer.headers["allow"]),
                         (204, "GET, POST, HEAD, OPTIONS"))
        for path in ("/v1/jobs/%zz", "/v1/jobs?type=%ff", "/" + "a/" * 20):
            answer = self.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                              .encode())
            self.assertIn(b" 400 ", answer.split(b"\r\n")[0])
            self.assertIn(b"INVALID_REQUEST", answer)

    def test_no_body_where_none_belongs(self):
        answer = self.http.request("GET", "/v1/stats", content=b"{}",
                                   headers={"content-type": "application/json"})
        self.assert_error(answer, 400, "INVALID_REQUEST")

    def test_traceparent_and_request_id(self):
        given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        headers = {"traceparent": given, "X-Request-ID": "mine-1"}
        answer = self.http.post("/v1/jobs", json={"type": "t"}, headers=headers)
        self.assertEqual((answer.headers["traceparent"], answer.headers["x-request-id"]),
                         (given, "mine-1"))
        self.assertEqual(answer.json()["traceparent"], given)
        error = self.assert_error(self.http.get("/nowhere", headers=headers), 404, "NOT_FOUND")
        self.assertEqual(error["details"]["trace_id"], given[3:35])
        made = [self.http.get("/healthz", headers={"traceparent": "garbage"}).headers
                for _ in range(2)]
        for headers in made:
            self.assertRegex(headers["traceparent"], r"^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$")
            self.assertTrue(headers["x-request-id"])
        self.assertNotEqual(made[0]["traceparent"], made[1]["traceparent"])
        self.gateway.wait_line(r"GET /nowhere 404 .*trace=4bf92f3577b34da6a3ce929d0e0e4736 "
                               r"id=mine-1")

    def test_headers_of_every_answer(self):
        answer = self.http.get("/healthz")
        self.assertEqual(answer.headers["server"], "reeve")
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
        self.assertIn("no-cache", answer.headers["cache-control"])


class Change(HttpCase):
    """Cancel, retry, delete, and what running jobs leave behind."""

    workers = True

    def test_result(self):
        job = self.submit("echo", params={"text": "hällo", "n": [1, 2]})
        done = self.wait_status(job["id"], "completed")
        self.assertEqual(done["result"], {"text": "hällo", "n": [1, 2]})
        self.assertEqual(done["progress"]["fraction"], 1)
        answer = self.http.get(f"/v1/jobs/{job['id']}/result")
        self.assertEqual((answer.status_code, answer.json()), (200, done["result"]))

    def test_no_result_yet(self):
        job = self.hold()
        self.assert_error(self.http.get(f"/v1/jobs/{job['id']}/result"), 409, "CONFLICT")
        self.assert_error(self.http.delete(f"/v1/jobs/{job['id']}"), 409, "CONFLICT")
        self.release(job)
        self.wait_status(job["id"], "completed")
        self.assertEqual(self.http.get(f"/v1/jobs/{job['id']}/result").json(), "released")

    def test_failed_and_retried(self):
        job = self.submit("broken")
        failed = self.wait_status(job["id"], "failed")
        self.assertEqual((failed["error"]["type"], failed["error"]["message"]),
                         ("Broken", "as asked"))
        self.assert_error(self.http.get(f"/v1/jobs/{job['id']}/result"), 409, "CONFLICT")
        answer = self.http.post(f"/v1/jobs/{job['id']}/retry")
        self.assertEqual((answer.status_code, answer.json()["status"]), (200, "pending"))
        self.wait_status(job["id"], "failed")
        answer = self.http.post(f"/v1/jobs/{job['id']}/retry", json={"params": {}})
        self.assert_error(answer, 400, "INVALID_REQUEST", "params")

    def test_cancel_pending(self):
        job = self.submit()
        path = f"/v1/jobs/{job['id']}/cancel"
        self.assert_error(self.http.post(path, json={"why": "x"}), 400, "INVALID_REQUEST", "why")
        self.assert_error(self.http.post(path, json={"reason": 5}), 400, "INVALID_REQUEST",
                          "reason")
        answer = self.http.post(path, json={"reason": "not needed"})
        self.assertEqual(answer.status_code, 200)
        self.assertEqual((answer.json()["status"], answer.json()["cancel"]["reason"]),
                         ("cancelled", "not needed"))
        self.assert_error(self.http.post(path), 409, "CONFLICT")

    def test_cancel_running(self):
        job = self.hold()
        answer = self.http.post(f"/v1/jobs/{job['id']}/cancel")
        self.assertEqual((answer.status_code, answer.json()["status"]), (200, "cancelled"))
        self.assertIn(self.job(job["id"])["status"], TERMINAL)

    def test_delete(self):
        job = self.submit("echo")
        self.wait_status(job["id"], "completed")
        answer = self.http.delete(f"/v1/jobs/{job['id']}")
        self.assertEqual((answer.status_code, answer.content), (204, b""))
        self.assertEqual(self.http.get(f"/v1/jobs/{job['id']}").status_code, 404)
        self.assertEqual(self.http.delete(f"/v1/jobs/{job['id']}").status_code, 404)
        answer = self.http.post("/v1/jobs", json={"type": "echo", "id": job["id"]})
        self.assert_error(answer, 410, "GONE", "id")

    def test_logs(self):
        job = self.submit("steps", params={"n": 1})
        done = self.wait_status(job["id"], "completed")
        self.assertEqual(done["result"], {"got": {"n": 1}})
        self.assertEqual((done["stages"][0]["name"], done["stages"][0]["status"]),
                         ("reading", "completed"))
        path = f"/v1/jobs/{job['id']}/logs"
        whole = self.http.get(path).json()
        self.assertEqual(sorted(log["message"] for log in whole["logs"]),
                         ["careful", "first line"])
        self.assertEqual((whole["total"], len(whole["logs"])), (2, 2))
        careful = self.http.get(f"{path}?level=warning").json()["logs"]
        self.assertEqual([(log["level"], log["message"], log["context"]) for log in careful],
                         [("warning", "careful", {"n": 1})])
        first = self.http.get(f"{path}?limit=1").json()
        second = self.http.get(f"{path}?limit=1&after={first['next']}").json()
        self.assertEqual([first["logs"][0], second["logs"][0]], whole["logs"])
        self.assertEqual(self.http.get(f"{path}?after={whole['next']}").json()["logs"], [])
        self.assert_error(self.http.get(f"{path}?level=loud"), 400, "INVALID_REQUEST", "level")


if __name__ == "__main__":
    unittest.main()
