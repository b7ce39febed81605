"""Any program as a handler: what it is given, what it may say, and what its end means."""

import json
import subprocess
import unittest

from worker_case import WorkerCase, environment_without_reeve, id_text, wait_until


class Results(WorkerCase):
    def test_params_come_on_stdin_and_the_result_from_stdout(self):
        self.worker({"echo": "cat"})
        params = {"text": "grüße", "n": [1, 2.5, None, True], "deep": {"a": {"b": "c"}}}
        job = self.run_job("echo", params)
        self.assertEqual(job["status"], "completed")
        self.assertEqual(job["result"], params)

    def test_what_is_no_json_is_a_text_and_nothing_is_null(self):
        self.worker({"text": "echo ' it is done '", "nothing": "cat >/dev/null",
                     "bytes": r"printf 'a\377b'", "number": "echo 42"})
        self.assertEqual(self.run_job("text")["result"], " it is done ")
        self.assertIsNone(self.run_job("nothing").get("result"))
        self.assertEqual(self.run_job("bytes")["result"], "a\ufffdb")
        self.assertEqual(self.run_job("number")["result"], 42)

    def test_large_params_and_results_block_nobody(self):
        self.worker({"echo": "cat", "deaf": "echo ok", "long": "head -c 9000000 /dev/zero",
                     "limit": "python3 -c 'print(\"[\\\"\" + \"x\" * 1048000 + \"\\\"]\")'"})
        big = {"text": "x" * 1000000}
        self.assertEqual(self.run_job("echo", big)["result"], big)
        self.assertEqual(self.run_job("deaf", big)["result"], "ok")
        self.assertEqual(len(self.run_job("limit")["result"][0]), 1048000)
        job = self.run_job("long", max_attempts=3)
        self.assertEqual(job["status"], "failed")
        self.assertEqual(job["error"]["type"], "ResultTooLarge")
        self.assertIn("1048576", job["error"]["message"])

    def test_many_jobs_at_once(self):
        self.worker({"echo": "cat"}, concurrency=16)
        answers = self.producer.submit_many(
            [{"type": "echo", "params": {"n": n}} for n in range(100)])["jobs"]
        for n, answer in enumerate(answers):
            self.assertEqual(self.wait_ended(answer["id"])["result"], {"n": n})


class Ends(WorkerCase):
    def test_exit_status_and_signal_word_the_failure(self):
        self.worker({"three": "echo first >&2; echo no disk >&2; exit 3", "killed": "kill -9 $$"})
        error = self.run_job("three")["error"]
        self.assertEqual((error["type"], error["message"]),
                         ("ExitError", "exit status 3: no disk"))
        self.assertEqual(self.run_job("killed")["error"]["message"], "killed by SIGKILL")

    def test_a_worded_failure_and_whether_to_try_again(self):
        self.worker({"never": """echo '{"error":{"type":"NoSource","message":"it is gone",
            "retry":false}}' | tr -d '\\n' >&3; echo >&3; exit 1"""})
        job = self.run_job("never", max_attempts=5)
        self.assertEqual(job["status"], "failed")
        self.assertEqual(job["attempt"], 1)
        self.assertEqual(job["error"]["type"], "NoSource")
        self.assertEqual(job["error"]["message"], "it is gone")

    def test_a_failed_attempt_is_tried_again(self):
        self.worker({"second": 'test "$REEVE_ATTEMPT" = 2 && echo \'"well"\''})
        job = self.run_job("second", max_attempts=2, backoff_ms=1)
        self.assertEqual((job["result"], job["attempt"]), ("well", 2))

    def test_75_is_try_again_later(self):
        marker = self.file("again")
        self.worker({"later": f"""test -e {marker} && exit 0; touch {marker};
            echo '{{"retry_after":0.2}}' >&3; exit 75"""})
        job = self.submit("later", max_attempts=1)
        self.assertEqual(self.wait_ended(job)["status"], "completed")
        self.assertIn("retry", self.events(job))

    def test_a_program_that_is_gone_when_it_is_needed(self):
        path = self.script("fleeting", "exit 0")
        path.write_text("#!/no/such/interpreter\n")
        self.worker({"fleeting": str(path)})
        error = self.run_job("fleeting")["error"]
        self.assertEqual(error["type"], "ExecError")
        self.assertIn("can't be executed: No such file", error["message"])


class Surroundings(WorkerCase):
    def test_what_a_program_is_told_of_its_job(self):
        path = self.script("tell", """
            printf '{"env":"%s|%s|%s|%s|%s|%s","file":%s,"mode":"%s","path":"%s","dir":"%s"}' \\
                "$REEVE_JOB_ID" "$REEVE_TYPE" "$REEVE_QUEUE" "$REEVE_ATTEMPT" "$REEVE_CLIENTS" \\
                "$TRACEPARENT" "$(cat "$REEVE_JOB")" "$(stat -c %a "$REEVE_JOB")" "$REEVE_JOB" \\
                "$(stat -c %a "$(dirname "$REEVE_JOB")")" """)
        self.worker({"tell": str(path)}, queues=["q"])
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        job = self.submit("tell", {"a": 1}, queue="q", name="the \"name\"", traceparent=trace,
                          metadata={"m": "x"})
        told = self.wait_ended(job)["result"]
        self.assertEqual(told["env"], f"{id_text(job)}|tell|q|1|{self.fleet.clients}|{trace}")
        fence = told["file"].pop("fence")
        self.assertGreater(fence, 0)
        self.assertEqual(told["file"], {
            "id": id_text(job), "type": "tell", "queue": "q", "owner": "anonymous", "attempt": 1,
            "segment": 1, "name": 'the "name"', "params": {"a": 1}, "metadata": {"m": "x"},
            "checkpoint": None, "answers": [], "depends_on": [], "depends_on_total": 0,
            "traceparent": trace})
        self.assertEqual((told["mode"], told["dir"]), ("600", "700"))
        self.assertFalse(self.tmp.joinpath(told["path"]).exists())

    def test_descriptors_and_signals_are_as_usual(self):
        self.worker({"fds": "ls /proc/self/fd | tr '\\n' ' '; grep -E '^Sig(Blk|Ign)' "
                            "/proc/self/status | cut -f2 | tr '\\n' ' '; ulimit -n"})
        usual = subprocess.run(["sh", "-c", "ulimit -n"], capture_output=True, text=True).stdout
        words = self.run_job("fds")["result"].split()
        self.assertEqual(words[:4], ["0", "1", "2", "3"])
        self.assertEqual(words[-3:], ["0" * 16, "0" * 16, usual.strip()])
        self.assertLessEqual(len(words), 8)  # and the one that ls has open

    def test_what_the_worker_has_open_is_not_passed_on(self):
        with open("/dev/null") as leak:
            worker = subprocess.Popen(
                [self.fleet.build / "reeve-worker", "--broker", self.fleet.workers, "--handler",
                 "fds=test -e /proc/self/fd/$(cat) && echo 1 || echo 0"],
                pass_fds=[leak.fileno()], env=environment_without_reeve())
            self.addCleanup(worker.wait)
            self.addCleanup(worker.terminate)
            self.assertEqual(self.run_job("fds", leak.fileno())["result"], 0)
            self.assertEqual(self.run_job("fds", 3)["result"], 1)

    def test_the_environment_is_passed_on(self):
        self.fleet.worker(handlers={"env": "echo \"$COLOUR ${NOTIFY_SOCKET-none}\""},
                          env={"COLOUR": "green", "NOTIFY_SOCKET": "/nowhere"})
        self.assertEqual(self.run_job("env")["result"], "green none")


class Reports(WorkerCase):
    def test_reports_on_descriptor_3(self):
        path = self.script("report", """
            say() { echo "$1" >&3; }
            say '{"stage":"loading","status":"running"}'
            say '{"progress":0.65,"message":"Chunks (95/147)","completed":95,"total":147}'
            say '{"log":"careful","level":"warn","context":{"page":7}}'
            say '{"stage":"loading","status":"completed"}'
            say '{"checkpoint":{"page":7}}'
            echo plain >&2
            """)
        self.worker({"report": str(path)})
        job = self.submit("report")
        done = self.wait_ended(job)
        self.assertEqual(done["progress"], {"fraction": 1, "completed": 147, "total": 147,
                                            "message": "Chunks (95/147)"})
        self.assertEqual([(s["name"], s["status"]) for s in done["stages"]],
                         [("loading", "completed")])
        self.assertEqual(sorted(self.logs(job)), [("info", "plain"), ("warning", "careful")])
        self.assertIn("checkpoint", self.events(job))

    def test_the_next_attempt_gets_the_checkpoint(self):
        path = self.script("resume", """
            grep -q '"checkpoint":{"page":7}' "$REEVE_JOB" && echo '"resumed"' && exit 0
            echo '{"checkpoint":{"page":6}}' >&3; echo '{"checkpoint":{"page":7}}' >&3; exit 1""")
        self.worker({"resume": str(path)})
        self.assertEqual(self.run_job("resume", max_attempts=2, backoff_ms=1)["result"], "resumed")

    def test_lines_that_cant_be_read_are_warnings(self):
        path = self.script("junk", r"""
            { echo 'junk'; printf '{"progress":2}\n{"progress":"x"}\n[1]\n{}\n'
              echo '{"stage":"s","status":"flying"}'; echo '{"log":5}'
              echo '{"error":[]}'; printf '\377\n{"lo'
              echo; head -c 300000 /dev/zero | tr '\0' x; echo; printf '{"log":"no end"}'; } >&3""")
        self.worker({"junk": str(path)})
        job = self.submit("junk")
        self.assertEqual(self.wait_ended(job)["status"], "completed")
        logs = self.logs(job)
        self.assertEqual(logs[-1], ("info", "no end"))
        self.assertEqual({level for level, _ in logs[:-1]}, {"warning"})
        self.assertEqual(len(logs), 12)
        self.assertIn("an error is", "".join(text for _, text in logs))
        self.assertTrue(all(len(text) < 800 for _, text in logs))

    def test_stderr_lines_are_logs_whatever_they_are(self):
        path = self.script("noise", r"""
            printf 'one\r\n\n\377two\n' >&2; head -c 5000 /dev/zero | tr '\0' x >&2; echo >&2
            printf 'last' >&2""")
        self.worker({"noise": str(path)})
        job = self.submit("noise")
        self.wait_ended(job)
        logs = self.logs(job)
        self.assertEqual(logs[:2], [("info", "one"), ("info", "\ufffdtwo")])
        self.assertEqual(logs[3], ("info", "last"))
        self.assertEqual(logs[2][1], "x" * 1960 + "… (3040 bytes more)")

    def test_a_flood_of_logs_is_bounded_and_the_gap_is_shown(self):
        self.worker({"flood": "seq 1 300000 >&2"})
        job = self.submit("flood")
        self.assertEqual(self.wait_ended(job, timeout=60)["status"], "completed")
        answer = self.producer.ask("get_logs", id=job, limit=1000)
        self.assertLessEqual(answer["total"] - answer.get("dropped", 0), 10000)

    def test_progress_is_seen_while_it_runs(self):
        gate = self.file("gate")
        path = self.script("slow", f"""echo '{{"progress":0.25}}' >&3
            while ! test -e {gate}; do sleep 0.05; done""")
        self.worker({"slow": str(path)})
        job = self.submit("slow")
        wait_until(lambda: self.producer.job(job).get("progress", {}).get("fraction") == 0.25, 10,
                   "progress")
        gate.touch()
        self.assertEqual(self.wait_ended(job)["progress"]["fraction"], 1)


class Usage(WorkerCase):
    def refused(self, *args):
        done = subprocess.run([self.fleet.build / "reeve-worker", *args], timeout=30, text=True,
                              env=environment_without_reeve(), capture_output=True)
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr

    def test_wrong_usage_is_said_and_exits_2(self):
        self.assertIn("--handler TYPE=COMMAND is needed", self.refused())
        self.assertIn("is not TYPE=COMMAND", self.refused("--handler", "cat"))
        self.assertIn("no program 'no-such-program' in PATH",
                      self.refused("--handler", "a=no-such-program --fast"))
        self.assertIn("No such file", self.refused("--handler", "a=/no/such/file"))
        self.assertIn("no executable", self.refused("--handler", "a=/etc/passwd"))
        self.assertIn("no HTTP handlers", self.refused("--handler", "a=https://example.org/"))
        self.assertIn("no HTTP", self.refused("--webhooks", "--handler", "a=cat"))
        self.assertIn("given twice", self.refused("--handler", "a=cat", "--handler", "a=ls"))
        self.assertIn("no endpoint", self.refused("--handler", "a=cat", "--broker", "nonsense"))
        self.assertIn("--colour", self.refused("--colour", "--handler", "a=cat"))

    def test_help_teaches(self):
        done = subprocess.run([self.fleet.build / "reeve-worker", "--help"], capture_output=True,
                              text=True, timeout=10)
        self.assertEqual(done.returncode, 0)
        for word in ("--handler", "stdin", "descriptor", "SIGTERM"):
            self.assertIn(word, done.stdout)

    def test_the_worker_shows_itself(self):
        worker = self.worker({"a": "cat"}, queues=["x", "y"])
        self.assertRegex(worker.log, r"(?m)^ready broker=tcp://\S+ name=\S+-\d+$")
        self.assertEqual(json.loads("true"), True)


if __name__ == "__main__":
    unittest.main()
