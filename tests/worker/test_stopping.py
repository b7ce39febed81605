"""Handlers that have to end: cancelled, timed out, orphaned; their worker killed or drained."""

import os
import signal
import unittest

from worker_case import WorkerCase, alive, child_of, state_of, wait_until

# A program that writes its pid and those of two descendants, none of which minds SIGTERM; the
# second has left the process group.
STUBBORN = """
trap '' TERM
( trap '' TERM; exec sleep 1000 ) &
one=$!
setsid sh -c 'trap "" TERM; echo $$ > {folder}/stray.$REEVE_FENCE; exec sleep 1000' &
while ! test -s {folder}/stray.$REEVE_FENCE; do sleep 0.01; done
echo $$ $one $(cat {folder}/stray.$REEVE_FENCE) > {folder}/pids.$REEVE_ATTEMPT.new
mv {folder}/pids.$REEVE_ATTEMPT.new {folder}/pids.$REEVE_ATTEMPT
while :; do sleep 0.05; done
"""


class StoppingCase(WorkerCase):
    def stubborn(self):
        return str(self.script("stubborn", STUBBORN.format(folder=self.fleet.folder)))

    def start_stubborn(self, **spec):
        """(job, pids) of one that runs."""
        job = self.submit("stubborn", **spec)
        return job, [int(pid) for pid in self.wait_file("pids.1").split()]

    def steps(self, job):
        """[(type, reason, at)] from the first step on."""
        events = self.producer.events(job)["events"]
        first = [event["type"] for event in events].index("stopping")
        return [(event["type"], event.get("reason"), event["at"]) for event in events[first:]]


class Patient(StoppingCase):
    broker_options = ("--heartbeat", "200ms", "--lost-after", "3s", "--grace", "30s")

    def test_one_that_listens_is_not_killed(self):
        path = self.script("polite", f"""trap 'exit 0' TERM
            echo here > {self.file("here")}; while :; do sleep 0.02; done""")
        self.worker({"polite": str(path)})
        job = self.submit("polite")
        self.wait_file("here")
        self.producer.ask("cancel", id=job)
        wait_until(lambda: self.events(job)[-1] == "ended", 5, "ended")
        self.assertEqual([step[1] for step in self.steps(job)],
                         ["told to stop", "SIGTERM sent", "its handler is gone"])
        row = self.producer.ask("get_attempts", id=job)["attempts"][0]
        self.assertEqual((row["outcome"], row["exit_code"]), ("cancelled", 0))


class Cancel(StoppingCase):
    def test_a_program_that_listens_ends_at_once(self):
        path = self.script("polite", f"""trap 'echo bye > {self.file("said")}; exit 0' TERM
            echo here > {self.file("here")}; while :; do sleep 0.02; done""")
        self.worker({"polite": str(path)})
        job = self.submit("polite")
        self.wait_file("here")
        self.producer.ask("cancel", id=job, reason="enough")
        self.assertEqual(self.wait_file("said", timeout=0.6), "bye")
        wait_until(lambda: self.events(job)[-1] == "ended", 5, "ended")
        self.assertEqual(self.producer.job(job)["status"], "cancelled")

    def test_one_that_does_not_is_killed_after_the_grace_with_all_its_descendants(self):
        self.worker({"stubborn": self.stubborn()})
        job, pids = self.start_stubborn()
        self.producer.ask("cancel", id=job)
        self.assertTrue(all(alive(pid) for pid in pids))
        self.assert_gone(*pids)
        wait_until(lambda: self.events(job)[-1] == "ended", 5, "ended")

    def test_every_step_is_told_with_its_time(self):
        self.worker({"stubborn": self.stubborn()})
        job, _ = self.start_stubborn()
        cancelled = self.producer.ask("cancel", id=job)["job"]["cancel"]["at"]
        wait_until(lambda: self.events(job)[-1] == "ended", 5, "ended")
        self.assertEqual(self.events(job)[-5:],
                         ["cancelled", "stopping", "stopping", "stopping", "ended"])
        told, term, kill, ended = self.steps(job)
        self.assertEqual([told[1], term[1], kill[1], ended[1]],
                         ["told to stop", "SIGTERM sent", "SIGKILL sent", "its handler is gone"])
        self.assertLessEqual(cancelled, told[2])
        self.assertLessEqual(told[2], term[2])
        self.assertGreaterEqual(kill[2], term[2] + 600)  # the grace, as far as two clocks agree
        self.assertLessEqual(kill[2], ended[2])
        row = self.producer.ask("get_attempts", id=job)["attempts"][0]
        self.assertEqual((row["outcome"], row["signal"]), ("cancelled", "SIGKILL"))
        self.assertNotIn("oom", row)

    def test_a_timeout_takes_the_grace_that_the_broker_says(self):
        self.worker({"stubborn": self.stubborn()})
        job, pids = self.start_stubborn(timeout_ms=300, max_attempts=1)
        self.assertEqual(self.wait_ended(job, timeout=6)["error"]["type"], "JobTimeoutError")
        self.assert_gone(*pids)
        self.assertEqual([step[1] for step in self.steps(job)][:3],
                         ["told to stop: timeout", "SIGTERM sent: timeout",
                          "SIGKILL sent: timeout"])

    def test_sigterm_comes_once(self):
        path = self.script("counts", f"""trap 'echo term >> {self.file("terms")}' TERM
            echo here > {self.file("here")}; while :; do sleep 0.02; done""")
        self.worker({"counts": str(path)})
        job = self.submit("counts")
        self.wait_file("here")
        self.producer.ask("cancel", id=job)
        wait_until(lambda: self.events(job)[-1] == "ended", 5, "ended")
        self.assertEqual(self.file("terms").read_text(), "term\n")

    def test_a_timeout_is_a_failed_attempt(self):
        self.worker({"slow": "exec sleep 1000"})
        job = self.run_job("slow", timeout_ms=300)
        self.assertEqual(job["status"], "failed")
        self.assertEqual(job["error"]["type"], "JobTimeoutError")
        self.assertIn("300 ms", job["error"]["message"])

    def test_a_program_that_has_stopped_itself_hears_of_it(self):
        path = self.script("frozen", f"""trap 'echo bye > {self.file("said")}; exit 0' TERM
            echo $$ > {self.file("frozen")}; kill -STOP $$; sleep 9""")
        self.worker({"frozen": str(path)})
        job = self.submit("frozen")
        pid = self.wait_file("frozen")
        wait_until(lambda: state_of(pid) == "T", 5, "stopped")
        self.producer.ask("cancel", id=job)
        self.assertEqual(self.wait_file("said", timeout=0.6), "bye")


class Strays(StoppingCase):
    def test_what_a_handler_leaves_behind_is_killed(self):
        path = self.script("daemon", f"""
            sleep 1000 & echo $! > {self.file("near")}
            setsid sh -c 'echo $$ > {self.file("far")}; exec sleep 1000' >/dev/null 2>&1 &
            while ! test -s {self.file("far")}; do sleep 0.01; done; echo '"done"'""")
        self.worker({"daemon": str(path)})
        self.assertEqual(self.run_job("daemon")["result"], "done")
        self.assert_gone(self.wait_file("near"), self.wait_file("far"))

    def test_a_stray_does_not_keep_a_job_from_ending_nor_another_from_running(self):
        gate = self.file("gate")
        path = self.script("waits", f"while ! test -e {gate}; do sleep 0.02; done; echo 1")
        self.worker({"waits": str(path), "daemon": "env -i sleep 1000 & echo $!"})
        first = self.submit("waits")
        self.wait_status(first, "running")
        self.assert_gone(self.run_job("daemon")["result"])
        self.assertEqual(self.producer.job(first)["status"], "running")
        gate.touch()
        self.assertEqual(self.wait_ended(first)["result"], 1)


    def test_an_orphan_lives_as_long_as_its_handler(self):
        path = self.script("parent", f"""
            (setsid sh -c 'echo $$ > {self.file("own")}; exec sleep 1000' &)
            (setsid env -i /bin/sh -c 'echo $$ > {self.file("bare")}; exec sleep 1000' &)
            while ! test -s {self.file("own")} || ! test -s {self.file("bare")}; do sleep 0.01; done
            for i in 1 2 3; do /bin/true; (/bin/true &); sleep 0.05; done
            kill -0 $(cat {self.file("own")}) && kill -0 $(cat {self.file("bare")}) && echo 1""")
        self.worker({"parent": str(path)})
        self.assertEqual(self.run_job("parent")["result"], 1)
        self.assert_gone(self.wait_file("own"), self.wait_file("bare"))


class WorkerDies(StoppingCase):
    def test_kill_9_of_the_worker_leaves_nobody(self):
        worker = self.worker({"stubborn": self.stubborn()})
        keeper = child_of(worker.pid)
        job, pids = self.start_stubborn()
        private = self.scratch()
        self.assertEqual(len(private), 1)
        self.wait_listed()
        worker.kill()
        self.assert_gone(keeper, *pids)
        self.assertNotIn(private[0], self.scratch())
        self.worker({"stubborn": "echo '\"again\"'"})
        self.assertEqual(self.wait_ended(job)["result"], "again")
        self.assertIn("lost", self.events(job))

    def test_kill_9_of_the_keeper_ends_worker_and_handlers(self):
        worker = self.worker({"stubborn": self.stubborn()})
        keeper = child_of(worker.pid)
        _, pids = self.start_stubborn()
        os.kill(keeper, signal.SIGKILL)
        self.assertEqual(worker.wait(), 1)
        self.assert_gone(keeper, *pids)  # also the one that had left the group
        self.assertIn("keeper", worker.log)

    def test_kill_9_of_both_leaves_no_handler_and_the_next_worker_cleans_up(self):
        worker = self.worker({"stubborn": self.stubborn()})
        keeper = child_of(worker.pid)
        _, pids = self.start_stubborn()
        os.kill(worker.pid, signal.SIGSTOP)
        os.kill(keeper, signal.SIGKILL)
        worker.kill()
        self.assert_gone(pids[0])
        for pid in pids[1:]:
            os.kill(pid, signal.SIGKILL)
        left = self.scratch()
        self.assertEqual(len(left), 1)
        self.worker({"stubborn": "true"})
        self.assertNotIn(left[0], self.scratch())
        self.assertEqual(len(self.scratch()), 1)

    def test_a_worker_that_stands_still_has_no_twin_on_its_host(self):
        first = self.worker({"stubborn": self.stubborn()})
        job, pids = self.start_stubborn()
        second = f"kill -0 {pids[0]} 2>/dev/null && echo '\"twin\"' || echo '\"alone\"'"
        self.worker({"stubborn": second})
        first.pause()
        self.assertEqual(self.wait_ended(job)["result"], "alone")
        self.assert_gone(*pids)
        self.assertEqual(first.stop(), 0)
        self.assertEqual(self.producer.job(job, result=True)["result"], "alone")


class Drain(StoppingCase):
    def test_sigterm_finishes_what_runs_and_takes_nothing_new(self):
        gate = self.file("gate")
        path = self.script("waits", f"""echo here > {self.file("here")}
            while ! test -e {gate}; do sleep 0.02; done; echo 1""")
        worker = self.worker({"waits": str(path)}, concurrency=1)
        first = self.submit("waits")
        self.wait_file("here")
        worker.signal(signal.SIGTERM)
        worker.wait_line("draining")
        second = self.submit("waits")
        gate.touch()
        self.assertEqual(worker.wait(), 0)
        self.assertEqual(self.producer.job(first)["status"], "completed")
        self.assertEqual(self.producer.job(second)["status"], "pending")
        self.assertEqual(self.scratch(), [])

    def test_a_second_sigterm_gives_everything_back(self):
        worker = self.worker({"stubborn": self.stubborn()})
        job, pids = self.start_stubborn()
        worker.signal(signal.SIGTERM)
        worker.wait_line("draining")
        worker.signal(signal.SIGTERM)
        self.assertEqual(worker.wait(), 0)
        self.assert_gone(*pids)
        found = self.producer.job(job)
        self.assertEqual((found["status"], found.get("attempt", 0)), ("pending", 0))

    def test_an_idle_worker_ends_at_once(self):
        self.assertEqual(self.worker({"a": "cat"}).stop(timeout=2), 0)

    def test_without_a_broker_too(self):
        worker = self.fleet.start("reeve-worker", "--broker", "tcp://127.0.0.1:1", "--handler",
                                  "a=cat", "--log-level", "debug")
        worker.wait_line("waiting")
        self.assertEqual(worker.stop(timeout=3), 0)


class Restart(StoppingCase):
    def test_a_restart_of_the_broker_reruns_nothing(self):
        gate, count = self.file("gate"), self.file("count")
        path = self.script("waits", f"""echo x >> {count}
            while ! test -e {gate}; do sleep 0.02; done; echo '{{"log":"after"}}' >&3; echo 1""")
        self.worker({"waits": str(path)})
        job = self.submit("waits")
        self.wait_file("count")
        self.broker.kill()
        gate.touch()
        self.fleet.broker(*self.broker_options)
        self.assertEqual(self.wait_ended(job)["result"], 1)
        self.assertEqual(count.read_text(), "x\n")
        self.assertEqual(self.logs(job), [("info", "after")])

    def test_a_broker_that_stands_still_loses_no_lease(self):
        gate, count = self.file("gate"), self.file("count")
        path = self.script("waits", f"""echo x >> {count}
            while ! test -e {gate}; do sleep 0.02; done; echo 1""")
        worker = self.worker({"waits": str(path)})
        job = self.submit("waits")
        self.wait_file("count")
        self.broker.pause()
        worker.wait_line("connecting anew", timeout=20)
        gate.touch()
        self.broker.resume()
        self.assertEqual(self.wait_ended(job)["result"], 1)
        self.assertEqual(count.read_text(), "x\n")


if __name__ == "__main__":
    unittest.main()
