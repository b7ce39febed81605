"""The protocol, held to its document by a client that knows nothing else: sessions, submits that
are safe to send again, questions, lists, bytes that are no message. Jobs at work: test_working.py.
"""

import unittest
import uuid

import msgpack

from protocol_case import ProtocolCase
from reeve_wire import new_id, pack, topic_of
from wire_watcher import Watcher
from wire_worker import Worker


class OneJob(ProtocolCase):
    def test_from_submit_to_result(self):
        producer, worker = self.producer(), self.worker(types=["resize"])
        answer = producer.submit(type="resize", params={"width": 640}, name="a picture")
        self.assertEqual(answer["status"], "pending")
        with Watcher(producer, self.fleet.events, answer["id"]) as watcher:
            hold = worker.take()
            self.assertEqual(hold.item["params"], {"width": 640})
            self.assertEqual(hold.item["attempt"], 1)
            worker.report(hold, progress={"fraction": 0.5, "message": "half"})
            worker.report(hold, stage={"name": "scaling", "status": "running", "progress": 0.5})
            worker.report(hold, log={"level": "info", "message": "going on"})
            worker.until(lambda: not worker.unreported, what="reports stored")
            self.assertEqual(worker.finish(hold, result={"height": 480}), "accepted")
            types = watcher.follow()
        self.assertEqual(types, ["submitted", "running", "progress", "stage", "log", "completed"])
        self.check_job(producer, answer["id"])

    def check_job(self, producer, job):
        found = producer.job(job, result=True)
        self.assertEqual(found["status"], "completed")
        self.assertEqual(found["params"], {"width": 640})
        self.assertEqual(found["result"], {"height": 480})
        self.assertEqual(found["progress"]["fraction"], 1)
        self.assertEqual(found["stages"][0]["name"], "scaling")
        self.assertEqual(producer.result(job), {"height": 480})
        self.assertEqual(producer.ask("get_logs", id=job)["logs"][0]["message"], "going on")

    def test_welcome(self):
        welcome = self.producer().hello()
        for name in ("broker", "program", "now", "heartbeat_ms", "lost_after_ms", "events",
                     "message_size_max", "params_size_max", "batch_jobs_max"):
            self.assertIn(name, welcome)
        self.assertEqual(welcome["version"], 1)
        self.assertEqual(welcome["events"], self.fleet.events)

    def test_ping_and_bye(self):
        producer = self.producer()
        self.assertEqual(producer.ask("ping")["msg"], "pong")
        producer.bye()
        request = producer.send("ping")
        self.assertEqual(producer.wait_answer(request, 5)["code"], "UNKNOWN_SESSION")


class Sessions(ProtocolCase):
    def test_unknown_session_then_hello_then_resend(self):
        producer = self.producer()
        request = producer.send("submit", jobs=[{"type": "t"}])
        answer = producer.wait_answer(request, 5)
        self.assertEqual((answer["msg"], answer["code"]), ("error", "UNKNOWN_SESSION"))
        producer.hello()
        request = producer.send("submit", jobs=[{"type": "t"}])
        self.assertEqual(producer.wait_answer(request, 5)["msg"], "submitted")

    def test_a_session_moves_to_a_new_connection(self):
        worker = self.worker(slots=2)
        job = self.producer().submit(type="t")["id"]
        hold = worker.take()
        worker.connect()
        worker.hello()
        self.assertIsNone(hold.stop, "the lease is lost")
        self.assertEqual(worker.finish(hold), "accepted")
        self.assertEqual(self.producer().job(job)["attempt"], 1)

    def test_an_older_epoch_is_refused(self):
        producer = self.producer(epoch=7)
        producer.hello()
        older = self.producer(session=producer.session, epoch=6)
        self.assert_refused("CONFLICT", older.hello)

    def test_a_worker_keeps_its_session(self):
        """A client with the same id gets neither the session nor the jobs."""
        client, worker = self.producer(), self.worker()
        thief = self.producer(session=worker.session, epoch=worker.epoch)
        self.assert_refused("CONFLICT", thief.hello)
        client.submit(type="t")
        self.assertEqual(worker.finish(worker.take()), "accepted")
        other = Worker(self.fleet.workers, session=client.session, epoch=client.epoch)
        self.addCleanup(other.close)
        self.assert_refused("CONFLICT", other.hello)

    def test_roles_and_sockets(self):
        stranger = self.producer(role="worker")
        self.assert_refused("INVALID_REQUEST", stranger.hello)
        self.assert_refused("INVALID_REQUEST", self.producer(role="king").hello)
        self.assert_refused("UNKNOWN_MESSAGE", lambda: self.producer().ask("heartbeat"))

    def test_another_version_is_refused(self):
        producer = self.producer()
        fields = dict(producer.hello_fields(), version=99)
        answer = producer.wait_answer(producer.send("hello", fields), 5)
        self.assertEqual(answer["code"], "UNSUPPORTED_VERSION")

    def test_owners_see_only_their_own(self):
        ann, bob = self.producer(owner="ann"), self.producer(owner="bob")
        job = ann.submit(type="t")["id"]
        self.assertEqual(ann.job(job)["owner"], "ann")
        self.assert_refused("NOT_FOUND", lambda: bob.job(job))
        self.assertIsNone(bob.standing(job))
        self.assertEqual(bob.ask("list_jobs")["jobs"], [])
        self.assert_refused("FORBIDDEN", lambda: bob.submit(type="t", owner="ann"))

    def test_a_gateway_speaks_for_others(self):
        gateway = self.producer(role="gateway")
        answer = gateway.ask("submit", owner="ann", jobs=[{"type": "t"}])
        job = answer["jobs"][0]["id"]
        self.assertEqual(gateway.ask("get_job", owner="ann", id=job)["job"]["owner"], "ann")
        self.assert_refused("NOT_FOUND", lambda: gateway.ask("get_job", owner="bob", id=job))
        found = gateway.ask("get_job", owner="bob", admin=True, id=job)
        self.assertEqual(found["job"]["owner"], "ann")

    def test_an_observer_changes_nothing(self):
        observer = self.producer(role="observer")
        self.assert_refused("FORBIDDEN", lambda: observer.submit(type="t"))

    def test_charges_are_shared(self):
        one, two = self.producer(role="gateway"), self.producer(role="gateway")
        charge = [{"name": "minute", "cost": 1, "max": 3, "window_ms": 60000}]
        for peer, left in ((one, 2), (two, 1), (one, 0)):
            answer = peer.ask("get_stats", owner="ann", charge=charge)
            self.assertEqual(answer["limits"][0].get("remaining", 0), left)
        self.assert_refused("RATE_LIMITED",
                            lambda: two.ask("get_stats", owner="ann", charge=charge))


class SubmitAgain(ProtocolCase):
    def test_an_idempotency_key_makes_one_job(self):
        producer = self.producer()
        first = producer.submit_many([{"type": "t", "params": 1}], idempotency_key="k")
        again = producer.submit_many([{"type": "t", "params": 1}], idempotency_key="k")
        self.assertFalse(first.get("replayed"))
        self.assertTrue(again["replayed"])
        self.assertEqual(first["jobs"], again["jobs"])
        self.assertEqual(producer.ask("list_jobs")["total"], 1)
        self.assert_refused("IDEMPOTENCY_MISMATCH", lambda: producer.submit_many(
            [{"type": "t", "params": 2}], idempotency_key="k"))

    def test_fifty_at_once_with_one_key(self):
        clients = [self.producer() for _ in range(50)]
        for client in clients:
            client.hello()
        fields = {"jobs": [{"type": "t", "params": "same"}], "idempotency_key": "k"}
        requests = [client.send("submit", fields) for client in clients]
        answers = [client.wait_answer(request, 20)
                   for client, request in zip(clients, requests)]
        self.assertEqual(len({answer["jobs"][0]["id"] for answer in answers}), 1)
        self.assertEqual(sum(not answer.get("replayed") for answer in answers), 1)
        self.assertEqual(clients[0].ask("list_jobs")["total"], 1)

    def test_a_key_is_the_owners_own(self):
        ann, bob = self.producer(owner="ann"), self.producer(owner="bob")
        first = ann.submit_many([{"type": "t"}], idempotency_key="k")
        other = bob.submit_many([{"type": "t"}], idempotency_key="k")
        self.assertNotEqual(first["jobs"][0]["id"], other["jobs"][0]["id"])

    def test_a_fingerprint_decides(self):
        producer = self.producer()
        said = {"idempotency_key": "k", "fingerprint": b"same"}
        first = producer.submit_many([{"type": "t", "params": 1}], **said)
        again = producer.submit_many([{"type": "t", "params": 2}], **said)
        self.assertEqual(first["jobs"], again["jobs"])

    def test_an_id_of_ones_own(self):
        producer, job = self.producer(), new_id()
        spec = {"type": "t", "params": {"a": 1}, "id": job}
        self.assertEqual(producer.submit(**spec)["id"], job)
        self.assertEqual(producer.submit(**spec)["id"], job)
        self.assertEqual(producer.ask("list_jobs")["total"], 1)
        self.assert_refused("CONFLICT", lambda: producer.submit(**dict(spec, params={"a": 2})))
        producer.ask("cancel", id=job)
        self.assertEqual(producer.ask("delete", id=job)["id"], job)
        self.assert_refused("GONE", lambda: producer.submit(**spec))
        self.assert_refused("NOT_FOUND", lambda: producer.job(job))

    def test_an_id_as_text(self):
        producer, job = self.producer(), new_id()
        producer.submit(type="t", id=job)
        for text in (str(uuid.UUID(bytes=job)), job.hex()):
            self.assertEqual(producer.job(text)["id"], job)

    def test_all_or_none(self):
        producer = self.producer()
        jobs = [{"type": "t"}, {"type": ""}, {"type": "t"}]
        refusal = self.assert_refused("INVALID_REQUEST", lambda: producer.submit_many(jobs))
        self.assertEqual(refusal.field, "jobs[1].type")
        self.assertEqual(producer.ask("list_jobs")["total"], 0)

    def test_partial(self):
        producer = self.producer()
        jobs = [{"type": "t"}, {"type": ""}, {"type": "t"}]
        answers = producer.submit_many(jobs, partial=True)["jobs"]
        self.assertEqual([("id" in a, "error" in a) for a in answers],
                         [(True, False), (False, True), (True, False)])
        self.assertEqual(answers[1]["error"]["code"], "INVALID_REQUEST")
        self.assertEqual(producer.ask("list_jobs")["total"], 2)

    def test_a_thousand_at_once(self):
        producer = self.producer()
        answer = producer.submit_many([{"type": "t", "params": n} for n in range(1000)])
        self.assertEqual(len({job["id"] for job in answer["jobs"]}), 1000)
        self.assert_refused("INVALID_REQUEST",
                            lambda: producer.submit_many([{"type": "t"}] * 1001))

    def test_whole(self):
        answer = self.producer().submit_many([{"type": "t", "params": [1, 2]}], whole=True)
        job = answer["jobs"][0]["job"]
        self.assertEqual((job["type"], job["params"], job["status"]), ("t", [1, 2], "pending"))


class Values(ProtocolCase):
    def test_params_come_back_byte_for_byte(self):
        """Also where a packer would have chosen other bytes: 5 as 64 bits, a key twice."""
        raw = bytes.fromhex("83a16ecf0000000000000005a16101a16102")
        producer = self.producer()
        producer.hello()
        marker = b"\xc4\x10" + b"put params here!"
        frame = pack({"msg": "submit", "request": 77, "jobs": [
            {"type": "t", "params": marker[2:]}]})
        producer.send_bytes(frame.replace(marker, raw))
        job = producer.wait_answer(77, 5)["jobs"][0]["id"]
        self.assertEqual(producer.ask("get_job", id=job)["msg"], "job_is")
        self.assertIn(raw, producer.last_frame)
        hold = self.worker().take()
        self.assertEqual(hold.job, job)

    def test_unknown_fields_are_skipped(self):
        producer = self.producer()
        producer.hello()
        answer = producer.ask("submit", color="red", jobs=[{"type": "t", "taste": {"a": [1]}}])
        self.assertEqual(answer["jobs"][0]["status"], "pending")

    def test_bounds(self):
        producer = self.producer()
        for field, value, code in (
                ("type", "t" * 101, "INVALID_REQUEST"), ("priority", 10, "INVALID_REQUEST"),
                ("priority", "high", "INVALID_REQUEST"), ("queue", "q\n", "INVALID_REQUEST"),
                ("max_attempts", 0, "INVALID_REQUEST"), ("metadata", [1], "INVALID_REQUEST"),
                ("params", "x" * (1 << 20), "PAYLOAD_TOO_LARGE")):
            refusal = self.assert_refused(
                code, lambda f=field, v=value: producer.submit(**{"type": "t", f: v}))
            self.assertEqual(refusal.field, f"jobs[0].{field}")
        self.assertEqual(producer.submit(type="t", params="x" * ((1 << 20) - 5))["status"],
                         "pending")

    def test_unknown_messages(self):
        producer = self.producer()
        self.assert_refused("UNKNOWN_MESSAGE", lambda: producer.ask("sing", song=1))
        self.assert_refused("UNKNOWN_MESSAGE", lambda: producer.ask("welcome"))

    def test_bytes_that_are_no_message(self):
        """An error for each, and the broker goes on with everybody else."""
        other, job = self.producer(), None
        for bad in (b"", b"\xc1", b"\x80", b"hello", pack([1, 2]), pack({"msg": 5}),
                    pack({"request": 1}), pack({"msg": "submit"})[:-1],
                    pack({"msg": "ping"}) + b"\x00", b"\xdf\xff\xff\xff\xff",
                    b"\x91" * 100000, msgpack.packb(msgpack.ExtType(1, b"x"))):
            peer = self.producer()
            peer.send_bytes(bad)
            answer = peer.receive(5)
            self.assertEqual((answer["msg"], bad[:20]), ("error", bad[:20]))
            job = other.submit(type="t")
        self.assertEqual(job["status"], "pending")

    def test_a_message_that_is_too_long(self):
        """Not even an answer, but nobody else notices."""
        producer, other = self.producer(), self.producer()
        size = other.hello()["message_size_max"]
        producer.hello()
        producer.send_bytes(pack({"msg": "ping", "request": 1, "more": bytes(size)}))
        self.assertIsNone(producer.receive(0.5))
        self.assertEqual(other.ask("ping")["msg"], "pong")
        self.assertEqual(producer.ask("ping")["msg"], "pong")

    def test_a_value_that_is_too_deep(self):
        producer = self.producer()
        deep = None
        for _ in range(32):
            deep = [deep]
        self.assertEqual(producer.submit(type="t", params=deep[0])["status"], "pending")
        self.assert_refused("INVALID_REQUEST", lambda: producer.submit(type="t", params=[deep]))

    def test_more_than_one_frame(self):
        producer = self.producer()
        producer.socket.send_multipart([b"", pack({"msg": "ping", "request": 1})])
        self.assertEqual(producer.receive(5)["msg"], "error")
        self.assertEqual(producer.ask("ping")["msg"], "pong")


class Questions(ProtocolCase):
    def test_lists(self):
        producer = self.producer(owner="ann")
        jobs = [producer.submit(type=f"t{n % 2}", queue=f"q{n % 3}")["id"] for n in range(12)]
        producer.ask("cancel", id=jobs[0])
        newest = producer.ask("list_jobs")
        self.assertEqual([job["id"] for job in newest["jobs"]], jobs[::-1])
        self.assertEqual(newest["total"], 12)
        self.assertNotIn("params", newest["jobs"][0])
        self.assertEqual(self.listed(producer), jobs)
        self.assertEqual(self.listed(producer, type="t1"), jobs[1::2])
        self.assertEqual(self.listed(producer, queue="q0"), jobs[0::3])
        self.assertEqual(self.listed(producer, status=["cancelled"]), jobs[:1])
        self.assertEqual(self.listed(producer, status=["pending"], type="t0", queue="q0"),
                         [jobs[6]])

    def listed(self, producer, **wanted):
        answer = producer.ask("list_jobs", filter=wanted, order="asc")
        if not answer.get("total_capped"):
            self.assertEqual(answer["total"], len(answer["jobs"]), wanted)
        return [job["id"] for job in answer["jobs"]]

    def test_pages(self):
        producer = self.producer()
        jobs = [producer.submit(type="t")["id"] for _ in range(25)]
        found, cursor, pages = [], None, 0
        while pages == 0 or cursor:
            page = producer.ask("list_jobs", {"limit": 10, "order": "asc", **(
                {"cursor": cursor} if cursor else {})})
            found += [job["id"] for job in page["jobs"]]
            cursor, pages = page.get("next_cursor"), pages + 1
            producer.submit(type="later")
            self.assertLess(pages, 10)
        self.assertEqual(found[:25], jobs)
        self.assertEqual(len(set(found)), len(found))
        self.assert_refused("INVALID_REQUEST",
                            lambda: producer.ask("list_jobs", cursor="no cursor"))

    def test_stats(self):
        producer, worker = self.producer(), self.worker(queues=["a"], slots=3)
        for n in range(5):
            producer.submit(type="t", queue="ab"[n % 2])
        worker.finish(worker.take(), result=1)
        stats = producer.ask("get_stats")
        self.assertEqual(stats["total_submitted"], 5)
        self.assertEqual(stats["by_status"]["completed"], 1)
        self.assertEqual(stats["by_queue"]["b"]["pending"], 2)
        self.assertEqual(stats["by_type"]["t"]["completed"], 1)
        self.assertEqual(stats["workers"], 1)
        self.assertEqual(stats["slots"], {"busy": 2, "free": 1})
        self.assertGreaterEqual(stats["oldest_pending_seconds"], 0)

    def test_revs_and_events(self):
        producer = self.producer()
        job = producer.submit(type="t")["id"]
        nobody = new_id()
        revs = producer.ask("get_revs", ids=[nobody, job])["jobs"]
        self.assertEqual(revs, [{"job": job, "rev": 1, "status": "pending"}])
        producer.ask("cancel", id=job, reason="enough")
        answer = producer.events(job)
        self.assertEqual([event["type"] for event in answer["events"]],
                         ["submitted", "cancelled"])
        self.assertEqual(answer["events"][1]["reason"], "enough")
        self.assertEqual(answer["standing"]["rev"], 2)
        self.assertEqual(len(producer.events(job, after=1)["events"]), 1)
        self.assertEqual(producer.events(job, after=2)["events"], [])

    def test_a_subscription_is_answered_with_the_standing(self):
        producer = self.producer()
        job = producer.submit(type="t")["id"]
        with Watcher(producer, self.fleet.events, job) as watcher:
            watcher.socket.poll(5000)
            topic, frame = watcher.socket.recv_multipart()
        self.assertEqual(topic, topic_of(job))
        message = msgpack.unpackb(frame, raw=False)
        self.assertEqual(message["msg"], "standing_is")
        self.assertEqual(message["standing"], {"job": job, "rev": 1, "status": "pending"})

    def test_retention(self):
        """A finished job goes when its time has come, and its id stays taken."""
        producer, worker, job = self.producer(), self.worker(), new_id()
        spec = {"type": "t", "id": job, "retention_ms": 300}
        producer.submit(**spec)
        producer.submit(type="t", id=new_id(), retention_ms=60000)
        for _ in range(2):
            worker.finish(worker.take())
        worker.until(lambda: producer.standing(job) is None, 10, "retention")
        self.assert_refused("GONE", lambda: producer.submit(**spec))
        stats = producer.ask("get_stats")
        self.assertEqual((stats["total_submitted"], stats["by_status"]["completed"]), (2, 1))

    def test_control(self):
        producer = self.producer()
        job = producer.submit(type="t")["id"]
        self.assert_refused("CONFLICT", lambda: producer.ask("delete", id=job))
        self.assert_refused("CONFLICT", lambda: producer.ask("retry", id=job))
        self.assert_refused("CONFLICT", lambda: producer.result(job))
        self.assertEqual(producer.ask("cancel", id=job)["job"]["status"], "cancelled")
        self.assert_refused("CONFLICT", lambda: producer.ask("cancel", id=job))
        self.assertEqual(producer.ask("retry", id=job)["job"]["status"], "pending")
        producer.ask("cancel", id=job)
        producer.ask("delete", id=job)
        for msg in ("get_job", "get_result", "get_events", "get_logs", "cancel", "delete"):
            self.assert_refused("NOT_FOUND", lambda m=msg: producer.ask(m, id=job))


if __name__ == "__main__":
    unittest.main(verbosity=2)
