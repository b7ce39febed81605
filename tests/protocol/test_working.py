"""The worker's half of the protocol, held to its document by a client that knows nothing else:
outcomes, fences, cancel, order, credit, reports, losses.
"""

import copy
import time
import unittest

from protocol_case import ProtocolCase
from reeve_wire import new_id
from wire_watcher import Watcher

# Retries without waiting, so that a test need not.
AT_ONCE = {"backoff_ms": 0}
ERROR = {"type": "Sorry", "message": "not today", "retryable": True}


class Outcomes(ProtocolCase):
    def setUp(self):
        super().setUp()
        self.client = self.producer()
        self.hand = self.worker()

    def submit(self, **spec):
        return self.client.submit(type="t", **{**AT_ONCE, **spec})["id"]

    def take_at(self, attempt):
        hold = self.hand.take()
        self.assertEqual(hold.item["attempt"], attempt)
        return hold

    def test_failed_is_retried_until_it_is_not(self):
        job = self.submit(max_attempts=3)
        for attempt in (1, 2, 3):
            self.hand.finish(self.take_at(attempt), "failed", error=ERROR)
        found = self.client.job(job)
        self.assertEqual((found["status"], found["attempt"]), ("failed", 3))
        self.assertEqual(found["error"]["type"], "Sorry")
        self.assertEqual([error["attempt"] for error in found["errors"]], [1, 2, 3])
        types = [event["type"] for event in self.client.events(job)["events"]]
        self.assertEqual([t for t in types if t not in ("running", "pending")],
                         ["submitted", "retry", "retry", "failed"])

    def test_failed_for_good(self):
        job = self.submit()
        self.hand.finish(self.take_at(1), "failed", error=dict(ERROR, retryable=False))
        self.assertEqual(self.client.job(job)["status"], "failed")
        self.client.ask("retry", id=job)
        self.hand.finish(self.take_at(1), result=1)
        self.assertEqual(self.client.job(job)["status"], "completed")

    def test_backoff_grows_within_its_bounds(self):
        job = self.submit(max_attempts=6, backoff_ms=100, backoff_cap_ms=250)
        for attempt, most in ((1, 100), (2, 200), (3, 250), (4, 250)):
            self.hand.finish(self.take_at(attempt), "failed", error=ERROR)
            event = self.client.events(job, after=0)["events"]
            retry = [e for e in event if e["type"] == "retry"][-1]
            self.assertLessEqual(retry["run_at"] - retry["at"], most)
            self.assertGreaterEqual(retry["run_at"], retry["at"])

    def test_again_counts_as_no_failure(self):
        job = self.submit(max_attempts=1)
        for _ in range(3):
            self.hand.finish(self.hand.take(), "again", retry_after_ms=50)
        self.hand.finish(self.hand.take(), result=1)
        found = self.client.job(job)
        self.assertEqual((found["status"], "error" in found), ("completed", False))

    def test_again_is_bounded(self):
        job = self.submit(max_attempts=1)
        for _ in range(101):
            self.hand.finish(self.hand.take(), "again", retry_after_ms=0)
        found = self.client.job(job)
        self.assertEqual((found["status"], found["error"]["type"]), ("failed", "TryAgainError"))

    def test_again_waits(self):
        self.submit()
        asked = time.time()
        self.hand.finish(self.take_at(1), "again", retry_after_ms=400)
        self.hand.take()
        self.assertGreaterEqual(time.time() - asked, 0.4)

    def test_released_counts_as_no_attempt(self):
        job = self.submit(max_attempts=1)
        first = self.take_at(1)
        self.hand.finish(first, "released")
        second = self.take_at(1)
        self.assertGreater(second.fence, first.fence)
        self.hand.finish(second, result=1)
        self.assertEqual(self.client.job(job)["status"], "completed")

    def test_bye_gives_back(self):
        job = self.submit(max_attempts=1)
        self.take_at(1)
        self.hand.bye()
        other = self.worker()
        other.finish(other.take(), result=1)
        found = self.client.job(job)
        self.assertEqual((found["status"], found["attempt"]), ("completed", 1))
        self.assertEqual(found["lost"], 0)

    def test_nothing_is_a_result(self):
        job = self.submit()
        self.hand.finish(self.take_at(1))
        self.assertIsNone(self.client.result(job))

    def test_an_accepted_result_is_accepted_again(self):
        job = self.submit()
        hold = self.take_at(1)
        self.assertEqual(self.hand.finish(hold, result=1), "accepted")
        self.assertEqual(self.hand.finish(hold, result=1), "accepted")
        self.assertEqual(self.client.events(job)["events"][-1]["rev"], 3)

    def test_what_nobody_dispatched_is_stale(self):
        nobody = {"job": new_id(), "fence": 999}
        request = self.hand.send("heartbeat", running=[nobody], slots=1)
        answer = self.hand.wait_answer(request, 5)
        self.assertEqual(answer["stale"], [nobody])


class Cancel(ProtocolCase):
    broker_options = ("--grace", "3s")

    def test_while_it_runs(self):
        """cancelled, then whatever the handler does, then ended; the stop says how long it has."""
        client, hand = self.producer(), self.worker()
        job = client.submit(type="t")["id"]
        hold = hand.take()
        with Watcher(client, self.fleet.events, job) as watcher:
            answer = client.ask("cancel", id=job, reason="changed my mind")
            self.assertEqual((answer["job"]["status"], answer["ending"]), ("cancelled", True))
            self.assert_refused("CONFLICT", lambda: client.ask("cancel", id=job))
            self.assert_refused("CONFLICT", lambda: client.ask("delete", id=job))
            self.assert_refused("CONFLICT", lambda: client.ask("retry", id=job))
            stop = hand.until(lambda: hand.stops and hand.stops[0])
            self.assertEqual((stop["reason"], stop["grace_ms"]), ("cancelled", 3000))
            self.assertEqual(hand.finish(hold, "ended"), "accepted")
            self.assertEqual(watcher.follow(), ["submitted", "running", "cancelled", "ended"])
        self.assertEqual(client.job(job)["cancel"]["reason"], "changed my mind")
        client.ask("delete", id=job)

    def test_no_result_is_accepted_after_it(self):
        client, hand = self.producer(), self.worker()
        job = client.submit(type="t")["id"]
        hold = hand.take()
        client.ask("cancel", id=job)
        hand.report(hold, log={"message": "too late"})
        self.assertEqual(hand.finish(hold, result="too late"), "stale")
        self.assertEqual(client.job(job)["status"], "cancelled")
        self.assertEqual(client.ask("get_logs", id=job)["logs"], [])
        self.assert_refused("CONFLICT", lambda: client.result(job))

    def test_a_race_with_the_result(self):
        """Either the cancel is answered and no result is accepted, or the other way round (L7)."""
        client, hand = self.producer(), self.worker()
        seen = set()
        for _ in range(40):
            job = client.submit(type="t")["id"]
            hold = hand.take()
            request = client.send("cancel", id=job)
            verdict = hand.finish(hold, result=1)
            answer = client.wait_answer(request, 10)
            won = answer["msg"] == "job_is"
            self.assertEqual(verdict, "stale" if won else "accepted")
            self.assertEqual(client.job(job)["status"], "cancelled" if won else "completed")
            seen.add(won)
        print(f"the cancel won: {seen}", flush=True)

    def test_holds_its_slot_until_the_handler_is_gone(self):
        client, hand = self.producer(), self.worker(slots=1)
        first = client.submit(type="t")["id"]
        hold = hand.take()
        client.submit(type="t")
        client.ask("cancel", id=first)
        self.assertTrue(hand.quiet(0.3), "credit was exceeded")
        hand.finish(hold, "ended")
        hand.finish(hand.take())

    def test_while_it_waits(self):
        client = self.producer()
        for spec in ({}, {"delay_ms": 60000}):
            job = client.submit(type="t", **spec)["id"]
            answer = client.ask("cancel", id=job)
            self.assertFalse(answer.get("ending"))
            events = client.events(job)["events"]
            self.assertEqual([e["type"] for e in events], ["submitted", "cancelled"])
        self.assertTrue(self.worker().quiet(0.2))


class Fences(ProtocolCase):
    broker_options = ("--heartbeat", "100ms", "--lost-after", "1s", "--grace", "100ms")

    def lose(self, client, hand, **spec):
        """A job that `hand` held and lost: it beats, but does not list it."""
        job = client.submit(type="t", **spec)["id"]
        hold = hand.take()
        hand.until(lambda: hand.beat_at, what="listed once")
        hand.pump(0.15)
        hand.forget(hold)
        hand.slots = 0
        hand.beat()
        hand.until(lambda: client.job(job)["lost"] == 1, 10, "lost")
        return job, hold

    def test_a_stale_result_is_refused(self):
        client, hand, other = self.producer(), self.worker(), None
        job, hold = self.lose(client, hand)
        other = self.worker(name="other")
        again = other.take()
        self.assertGreater(again.fence, hold.fence)
        self.assertEqual(again.item["attempt"], 2)
        self.assertEqual(hand.finish(hold, result="old"), "stale")
        self.assertEqual(other.finish(again, result="new"), "accepted")
        before = self.stored(client, job)
        self.assertEqual(hand.finish(hold, result="old"), "stale")
        hand.report(hold, log={"message": "old"})
        hand.until(lambda: not hand.unreported, what="reported")
        self.assertEqual(self.stored(client, job), before)

    def stored(self, client, job):
        """The bytes of the job and of its events as they come."""
        frames = []
        for msg in ("get_job", "get_events", "get_logs"):
            client.send(msg, request=7, id=job, result=True)
            client.wait_answer(7, 5)
            frames.append(client.last_frame)
        return frames

    def test_another_jobs_fence_is_refused(self):
        client, hand = self.producer(), self.worker(slots=2)
        jobs = [client.submit(type="t")["id"] for _ in range(2)]
        one, two = hand.take_many(2)
        one.fence, two.fence = two.fence, one.fence
        self.assertEqual(hand.finish(one, result="mixed up"), "stale")
        self.assertEqual([client.job(job)["status"] for job in jobs], ["running"] * 2)

    def test_the_broker_steps_in_long_after_a_timeout(self):
        """Where the worker does not end the handler: a failed attempt, and the fence moves on."""
        client, hand = self.producer(), self.worker()
        job = client.submit(type="t", timeout_ms=1, max_attempts=1)["id"]
        hold = hand.take()
        self.assertEqual(hold.item["timeout_ms"], 1)
        hand.until(lambda: hold.stop, 10, "a stop")
        self.assertEqual(hold.stop, "timeout")
        found = client.job(job)
        self.assertEqual((found["status"], found["error"]["type"]), ("failed", "JobTimeoutError"))
        self.assertEqual(hand.finish(hold, result=1), "stale")
        self.assertEqual(client.job(job)["status"], "failed")

    def test_poison_is_bounded(self):
        client = self.producer()
        job = client.submit(type="t", max_lost=2, max_attempts=50)["id"]
        for n in range(2):
            hand = self.worker(name=f"victim {n}")
            hand.take()
            hand.pump(0.15)
            hand.connect()  # and not a word more
        survivor = self.worker()
        survivor.until(lambda: client.job(job)["status"] == "failed", 15, "poisoned")
        found = client.job(job)
        self.assertEqual((found["error"]["type"], found["lost"]), ("PoisonError", 2))
        self.assertFalse(survivor.fresh)

    def test_poison_that_leaves_no_time_to_list_it(self):
        client = self.producer()
        job = client.submit(type="t", max_lost=2, max_attempts=50)["id"]
        for n in range(2):
            hand = self.worker(name=f"victim {n}")
            hand.beat = lambda: None
            hand.take()
            hand.connect()  # and not a word more
        survivor = self.worker()
        survivor.until(lambda: client.job(job)["status"] == "failed", 15, "poisoned")
        self.assertEqual(client.job(job)["error"]["type"], "PoisonError")

    def test_what_was_never_listed_is_undone(self):
        client, hand = self.producer(), self.worker()
        job = client.submit(type="t", max_lost=1)["id"]
        hand.on_dispatch = lambda message: None  # it got lost on the way
        hand.until(lambda: client.job(job)["status"] == "running")
        hand.until(lambda: client.events(job)["events"][-1]["rev"] > 2, 10, "undone")
        del hand.on_dispatch
        hold = hand.take()
        self.assertEqual(hold.item["attempt"], 1)
        hand.finish(hold)
        self.assertEqual(client.job(job)["lost"], 0)


class Hands(ProtocolCase):
    """A dispatch is in one session's hands, if it reaches them."""
    broker_options = ("--heartbeat", "1s", "--lost-after", "60s")

    def test_a_dispatch_to_a_worker_that_is_gone_is_undone_at_once(self):
        client, gone = self.producer(), self.worker(name="gone")
        gone.close()  # without a word
        other = self.worker(name="other", slots=0)
        job = client.submit(type="t")["id"]
        other.slots = 1
        other.beat()
        hold = other.take()  # long before a lease is lost
        self.assertEqual((hold.job, hold.item["attempt"]), (job, 1))
        self.assertEqual(other.finish(hold), "accepted")
        events = client.events(job)["events"]
        self.assertEqual([event["type"] for event in events],
                         ["submitted", "running", "pending", "running", "completed"])
        self.assertEqual(events[2]["reason"], "its dispatch could not be sent")
        self.assertEqual(client.job(job)["lost"], 0)
        self.assertEqual(client.ask("get_attempts", id=job)["total"], 1)

    def test_black_boxes_are_bounded(self):
        client, hand = self.producer(), self.worker()
        job = client.submit(type="t")["id"]
        for n in range(103):
            hand.finish(hand.take(), "released", box={"pid": 1 + n})
        hold = hand.take()
        found = client.ask("get_attempts", id=job)
        self.assertEqual((found["total"], len(found["attempts"])), (104, 100))
        self.assertEqual([row.get("pid") for row in found["attempts"]],
                         list(range(5, 104)) + [None])  # the last one runs
        hand.finish(hold)
        self.assertEqual(self.broker.stop(), 0)
        check = self.fleet.start("reeve-broker", "--data", self.fleet.data, "--check")
        self.assertEqual(check.wait(), 0, check.log)

    def test_another_session_settles_nothing(self):
        client, hand, thief = self.producer(), self.worker(), self.worker(types=["none"])
        job = client.submit(type="t")["id"]
        hold = hand.take()
        thief.holds[hold.key] = stolen = copy.copy(hold)
        thief.report(stolen, log={"message": "forged"})
        self.assertEqual(thief.finish(stolen, result="forged"), "stale")
        self.assertEqual(client.job(job)["status"], "running")
        hand.connect()  # the same session over a new connection
        hand.hello()
        self.assertEqual(hand.finish(hold, result="mine"), "accepted")
        self.assertEqual(client.result(job), "mine")
        self.assertEqual(client.ask("get_logs", id=job)["logs"], [])


class Order(ProtocolCase):
    def taken(self, hand, count):
        """Names in the order in which they are dispatched, one at a time."""
        names = []
        for _ in range(count):
            hold = hand.take()
            names.append(hold.item["name"])
            hand.finish(hold)
        return names

    def submit_all(self, client, specs):
        client.submit_many([{"type": "t", **spec} for spec in specs])

    def test_priorities_and_first_in_first_out(self):
        client = self.producer()
        self.submit_all(client, [{"name": f"{p}.{n}", "priority": p}
                                 for n in range(3) for p in (1, 9, 5)])
        self.assertEqual(self.taken(self.worker(), 9),
                         [f"{p}.{n}" for p in (9, 5, 1) for n in range(3)])

    def test_delay_is_never_early(self):
        client, hand = self.producer(), self.worker(slots=4)
        born = time.time()
        for delay in (300, 100, 200):
            client.submit(type="t", name=str(delay), delay_ms=delay)
        client.submit(type="t", name="at", run_at=int(born * 1000) + 400)
        for name, delay in (("100", 0.1), ("200", 0.2), ("300", 0.3), ("at", 0.4)):
            hold = hand.take()
            late = time.time() - born - delay
            self.assertEqual(hold.item["name"], name)
            self.assertGreaterEqual(late, -0.001)
            self.assertLess(late, 1.0)

    def test_credit_is_never_exceeded(self):
        client, hand = self.producer(), self.worker(slots=3)
        self.submit_all(client, [{"name": str(n)} for n in range(12)])
        seen = []
        while len(seen) < 12:
            holds = hand.take_many(3)
            self.assertTrue(hand.quiet(0.05), "more than its slots")
            for hold in holds:
                seen.append(hold.item["name"])
                hand.finish(hold)
            self.assertLessEqual(len(hand.holds), 3)
        self.assertEqual(seen, [str(n) for n in range(12)])

    def test_slots_0_drains(self):
        client, hand = self.producer(), self.worker(slots=2)
        self.submit_all(client, [{}] * 3)
        holds = hand.take_many(2)
        hand.slots = 0
        hand.beat()
        for hold in holds:
            hand.finish(hold)
        self.assertTrue(hand.quiet(0.3))
        hand.slots = 1
        hand.beat()
        hand.finish(hand.take())

    def test_types_and_queues_are_kept_apart(self):
        client = self.producer()
        hand = self.worker(types=["a", "b"], queues=["one", "two"], slots=10)
        for spec in (("a", "one"), ("c", "one"), ("b", "two"), ("a", "three")):
            client.submit(type=spec[0], queue=spec[1], name="/".join(spec))
        self.assertEqual(sorted(self.taken(hand, 2)), ["a/one", "b/two"])
        self.assertTrue(hand.quiet(0.2))

    def test_two_queues_in_turn(self):
        client = self.producer()
        for queue in "ab":
            self.submit_all(client, [{"queue": queue, "name": f"{queue}{n}"} for n in range(4)])
        names = self.taken(self.worker(queues=["a", "b"]), 8)
        self.assertEqual([name[0] for name in names[::2]] + [name[0] for name in names[1::2]],
                         [names[0][0]] * 4 + [names[1][0]] * 4)
        self.assertNotEqual(names[0][0], names[1][0])
        for queue in "ab":
            self.assertEqual([n for n in names if n[0] == queue],
                             [f"{queue}{i}" for i in range(4)])

    def test_owners_take_turns(self):
        """One floods, the other has few: every second slot is the other's (L8)."""
        flood, few = self.producer(owner="flood"), self.producer(owner="few")
        self.submit_all(flood, [{"name": f"flood {n}"} for n in range(50)])
        self.submit_all(few, [{"name": f"few {n}"} for n in range(5)])
        names = self.taken(self.worker(), 11)
        self.assertEqual([n for n in names if n.startswith("few")],
                         [f"few {n}" for n in range(5)])

    def test_groups_of_one_owner_take_turns(self):
        client = self.producer()
        self.submit_all(client, [{"group": group, "name": f"{group}{n}"}
                                 for group in "xyz" for n in range(3)])
        names = self.taken(self.worker(), 9)
        for turn in range(3):
            self.assertEqual(sorted(name[0] for name in names[3 * turn:3 * turn + 3]),
                             ["x", "y", "z"])


class Reports(ProtocolCase):
    def setUp(self):
        super().setUp()
        self.client, self.hand = self.producer(), self.worker()
        self.job = self.client.submit(type="t", backoff_ms=0)["id"]
        self.hold = self.hand.take()

    def report(self, **what):
        self.hand.report(self.hold, **what)
        self.hand.until(lambda: not self.hand.unreported, what="reported")

    def test_a_report_sent_twice_is_stored_once(self):
        self.hand.report(self.hold, log={"message": "one"})
        self.hand.say_again()
        self.hand.say_again()
        self.hand.until(lambda: not self.hand.unreported)
        self.report(log={"message": "two"})
        logs = self.client.ask("get_logs", id=self.job)
        self.assertEqual([log["message"] for log in logs["logs"]], ["one", "two"])
        self.assertEqual([log["seq"] for log in logs["logs"]], [1, 2])

    def test_progress_ends_whole(self):
        self.report(progress={"fraction": 0.25, "completed": 1, "total": 4, "message": "m"})
        self.assertEqual(self.client.job(self.job)["progress"]["completed"], 1)
        self.hand.finish(self.hold)
        self.assertEqual(self.client.job(self.job)["progress"],
                         {"fraction": 1, "completed": 4, "total": 4, "message": "m"})

    def test_stages_keep_their_order(self):
        for name, status in (("load", "running"), ("load", "completed"), ("cut", "running"),
                             ("index", "pending"), ("cut", "failed")):
            self.report(stage={"name": name, "status": status})
        stages = self.client.job(self.job)["stages"]
        self.assertEqual([(s["name"], s["status"]) for s in stages],
                         [("load", "completed"), ("cut", "failed"), ("index", "pending")])

    def test_logs_by_level_and_page(self):
        for n in range(6):
            level = ("debug", "error")[n % 2]
            self.report(log={"level": level, "message": str(n), "context": {"n": n}})
        found = self.client.ask("get_logs", id=self.job, level="warning")
        self.assertEqual([log["message"] for log in found["logs"]], ["1", "3", "5"])
        page = self.client.ask("get_logs", id=self.job, limit=4)
        rest = self.client.ask("get_logs", id=self.job, limit=4, after=page["next"])
        self.assertEqual([log["context"]["n"] for log in page["logs"] + rest["logs"]],
                         list(range(6)))

    def test_logs_are_bounded_and_the_gap_is_told(self):
        count, at_once = 10050, 1000
        for first in range(1, count + 1, at_once):
            items = [{"job": self.hold.job, "fence": self.hold.fence, "n": n,
                      "log": {"message": f"line {n}"}}
                     for n in range(first, min(first + at_once, count + 1))]
            self.hand.send("report", items=items)
        self.hand.until(lambda: self.kept()["logs"][0]["seq"] == 51, 60, "10,000 lines")
        found = self.kept()
        self.assertEqual((found["total"], found["dropped"]), (10000, 50))
        self.assertEqual(found["logs"][0]["message"], "line 51")
        events = self.client.events(self.job)
        self.assertGreater(events["oldest"], 9000)
        self.assertEqual(events["events"][-1]["rev"], events["standing"]["rev"])

    def kept(self):
        answer = self.client.ask("get_logs", id=self.job, limit=1)
        return answer if answer["logs"] else {"logs": [{"seq": 0}]}

    def test_a_checkpoint_is_for_the_next_attempt(self):
        self.report(checkpoint={"page": 1})
        self.report(checkpoint={"page": 2})
        self.assertNotIn("checkpoint", self.hold.item)
        self.hand.finish(self.hold, "failed", error=ERROR)
        again = self.hand.take()
        self.assertEqual(again.item["checkpoint"], {"page": 2})
        self.hand.finish(again)

    def test_a_report_that_can_not_be_read(self):
        self.hand.send("report", items=[{"job": self.hold.job, "fence": self.hold.fence, "n": 1,
                                         "progress": {"fraction": 7}}])
        self.hand.send("report", items=[{"job": 5}])
        self.hand.until(lambda: self.hand.faults, what="an error")
        self.hand.report(self.hold, log={"message": "still here"})
        self.hand.finish(self.hold)
        self.assertEqual(self.client.job(self.job)["status"], "completed")


if __name__ == "__main__":
    unittest.main(verbosity=2)
