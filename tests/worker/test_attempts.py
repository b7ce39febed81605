"""The black box of each run of a job: what the system measured of the real process."""

import time
import unittest

from worker_case import WorkerCase, id_text
from reeve_wire import Refused


class Attempts(WorkerCase):
    def attempts(self, job):
        return self.producer.ask("get_attempts", id=job)["attempts"]

    def only(self, handler, **spec):
        """The one row of a job that ran to its end with this handler."""
        self.worker({"t": str(handler)})
        job = self.submit("t", max_attempts=1, **spec)
        self.wait_ended(job)
        rows = self.attempts(job)
        self.assertEqual(len(rows), 1)
        return rows[0]

    def test_an_exit_status_and_who_it_was(self):
        before = time.time() * 1000
        row = self.only(self.script("three", f"echo $$ > {self.file('pid')}; exit 3"))
        self.assertEqual((row["n"], row["segment"], row["outcome"], row["exit_code"]),
                         (1, 1, "failed", 3))
        self.assertEqual(row["error"]["type"], "ExitError")
        self.assertEqual(row["pid"], int(self.wait_file("pid")))
        self.assertNotIn("signal", row)
        self.assertNotIn("oom", row)
        self.assertTrue(row["worker"] and row["host"])
        self.assertLessEqual(before - 1000, row["started_at"])
        self.assertLessEqual(row["started_at"], row["ended_at"])

    def test_a_signal(self):
        row = self.only(self.script("segv", "kill -SEGV $$"))
        self.assertEqual((row["outcome"], row["signal"]), ("failed", "SIGSEGV"))
        self.assertNotIn("exit_code", row)

    def test_a_kill_by_anybody_is_no_want_of_memory(self):
        row = self.only(self.script("kill", "kill -KILL $$"))
        self.assertEqual(row["signal"], "SIGKILL")
        self.assertNotIn("oom", row)

    def test_time_and_memory_of_it_and_its_children(self):
        row = self.only(self.script("busy", """/usr/bin/python3 -c '
import time
held = bytearray(64 * 1024 * 1024)
while time.process_time() < 0.4:
    pass'"""))
        self.assertEqual((row["outcome"], row["exit_code"]), ("completed", 0))
        self.assertGreaterEqual(row["cpu_ms"], 390)
        self.assertLess(row["cpu_ms"], 20000)
        self.assertGreater(row["rss_max_bytes"], 64 * 1024 * 1024)
        self.assertLess(row["rss_max_bytes"], 512 * 1024 * 1024)

    def test_the_last_lines_of_its_own_log(self):
        self.worker({"talk": str(self.script("talk", """
            i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo "$REEVE_ATTEMPT line $i" >&2; done
            exit 1"""))})
        job = self.submit("talk", max_attempts=2, backoff_ms=1)
        self.wait_ended(job)
        first, second = self.attempts(job)
        self.assertEqual((first["log_first"], first["log_last"]), (1, 30))
        self.assertEqual((second["log_first"], second["log_last"]), (31, 60))
        for n, row in ((1, first), (2, second)):
            self.assertEqual([line["message"] for line in row["log_tail"]],
                             [f"{n} line {i}" for i in range(11, 31)])

    def test_a_tail_is_bounded_in_bytes(self):
        row = self.only(self.script("wide", """
            for i in 1 2 3 4 5; do head -c 1500 /dev/zero | tr '\\0' x >&2; echo >&2; done"""))
        self.assertEqual(len(row["log_tail"]), 2)

    def test_a_timeout(self):
        row = self.only(self.script("slow", "exec sleep 1000"), timeout_ms=200)
        self.assertEqual((row["outcome"], row["signal"]), ("timeout", "SIGTERM"))
        self.assertEqual(row["error"]["type"], "JobTimeoutError")

    def test_a_lost_worker_and_the_run_after_it(self):
        here = self.file("here")
        command = str(self.script("hold", f"""
            [ $REEVE_ATTEMPT = 1 ] || exit 0
            echo here > {here}; exec sleep 1000"""))
        worker = self.worker({"hold": command})
        job = self.submit("hold")
        self.wait_file("here")
        self.assertNotIn("outcome", self.attempts(job)[0])  # it runs
        self.wait_listed()
        worker.kill()
        self.worker({"hold": command})
        self.wait_ended(job)
        lost, after = self.attempts(job)
        self.assertEqual((lost["n"], lost["outcome"]), (1, "lost"))
        for unknown in ("pid", "exit_code", "signal", "cpu_ms", "rss_max_bytes", "oom"):
            self.assertNotIn(unknown, lost)
        self.assertEqual((after["n"], after["outcome"], after["exit_code"]), (2, "completed", 0))
        self.assertGreater(after["fence"], lost["fence"])

    def test_the_command_line_shows_them(self):
        self.worker({"t": str(self.script("seven", "echo doing it >&2; exit 7"))})
        job = self.submit("t", max_attempts=1)
        self.wait_ended(job)
        whole = self.fleet.cli_json("attempts", id_text(job))
        self.assertEqual(whole["total"], 1)
        row = whole["attempts"][0]
        self.assertEqual((row["n"], row["outcome"], row["exit_code"]), (1, "failed", 7))
        self.assertEqual(row["log_tail"][0]["message"], "doing it")
        self.assertRegex(row["started_at"], r"^\d{4}-\d\d-\d\dT.*Z$")
        cells = self.fleet.cli("attempts", id_text(job)).stdout.rstrip("\n").split("\t")
        self.assertEqual([cells[i] for i in (0, 1, 2, 5)], ["1", "1", "failed", "7"])
        self.assertIn("ExitError", cells[9])

    def test_they_go_with_the_job(self):
        self.worker({"t": "true"})
        job = self.submit("t")
        self.wait_ended(job)
        self.producer.ask("delete", id=job)
        with self.assertRaises(Refused) as refused:
            self.attempts(job)
        self.assertIn(refused.exception.code, ("NOT_FOUND", "GONE"))


if __name__ == "__main__":
    unittest.main()
