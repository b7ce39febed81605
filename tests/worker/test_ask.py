"""Questions to people, with real programs: asked, waited for, answered, gone on with."""

import json
import unittest

from worker_case import WorkerCase, id_text, wait_until
from reeve_wire import Refused

# Asks on its first segment, and completes with what it was told on the second.
ASKS = """#!/usr/bin/python3
import json, os, sys
reports = os.fdopen(3, "w", buffering=1)
job = json.load(open(os.environ["REEVE_JOB"]))
if not job["answers"]:
    print(json.dumps({"checkpoint": {"page": 7}}), file=reports)
    print(json.dumps({"ask": {"kind": "confirm", "prompt": {"text": "Really?"},
                              "timeout": 600}}), file=reports)
    sys.exit(0)
print(json.dumps({key: job[key] for key in
                  ("attempt", "segment", "fence", "checkpoint", "answers")}))
"""


class Ask(WorkerCase):
    def worker_asks(self, text=ASKS):
        self.worker({"ask": str(self.fleet.script("asks", text))}, concurrency=1)

    def waiting(self, **spec):
        """A job that waits for its answer."""
        job = self.submit("ask", **spec)
        self.wait_status(job, "waiting")
        return job

    def question(self, job):
        return self.producer.ask("get_question", id=job)["question"]

    def test_asked_answered_and_gone_on_with_checkpoint(self):
        self.worker_asks()
        job = self.waiting()
        question = self.question(job)
        self.assertEqual((question["n"], question["kind"], question["prompt"]),
                         (1, "confirm", {"text": "Really?"}))
        self.assertEqual(question["expires_at"] - question["asked_at"], 600000)
        first = self.producer.ask("get_attempts", id=job)["attempts"][0]
        self.producer.ask("answer", id=job, answer={"yes": True})
        result = self.wait_ended(job)["result"]
        self.assertEqual((result["attempt"], result["segment"]), (1, 2))
        self.assertEqual(result["checkpoint"], {"page": 7})
        self.assertGreater(result["fence"], first["fence"])
        (answer,) = result["answers"]
        self.assertEqual((answer["kind"], answer["prompt"], answer["answer"]),
                         ("confirm", {"text": "Really?"}, {"yes": True}))
        self.assertRegex(answer["at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual([e for e in self.events(job) if e not in ("progress", "log")],
                         ["submitted", "running", "checkpoint", "question", "answer", "running",
                          "completed"])
        outcomes = [(row["segment"], row["outcome"])
                    for row in self.producer.ask("get_attempts", id=job)["attempts"]]
        self.assertEqual(outcomes, [(1, "asked"), (2, "completed")])

    def test_who_waits_holds_no_slot(self):
        self.worker_asks()
        jobs = [self.waiting() for _ in range(3)]  # one after the other, in the one slot
        for job in jobs:
            self.producer.ask("answer", id=job, answer=1)
        for job in jobs:
            self.assertEqual(self.wait_ended(job)["status"], "completed")

    def test_it_waits_through_restarts_of_broker_and_worker(self):
        self.worker_asks()
        job = self.waiting()
        self.fleet.programs[-1].kill()
        self.broker.kill()
        self.broker = self.fleet.broker(*self.broker_options)
        self.worker_asks()
        self.assertEqual(self.question(job)["kind"], "confirm")
        self.producer.ask("answer", id=job, answer="yes")
        self.assertEqual(self.wait_ended(job)["result"]["answers"][0]["answer"], "yes")

    def test_nobody_answers(self):
        self.worker_asks(ASKS.replace('"timeout": 600', '"timeout": 0.3'))
        job = self.waiting(max_attempts=5)
        ended = self.wait_ended(job)
        self.assertEqual((ended["status"], ended["error"]["type"], ended["attempt"]),
                         ("failed", "QuestionTimeoutError", 1))
        with self.assertRaises(Refused) as refused:
            self.producer.ask("answer", id=job, answer=1)
        self.assertEqual(refused.exception.code, "CONFLICT")

    def test_cancelled_while_it_waits(self):
        self.worker_asks()
        job = self.waiting()
        self.producer.ask("cancel", id=job)
        self.assertEqual(self.events(job)[-1], "cancelled")  # no handler has to end first
        self.producer.ask("delete", id=job)

    def test_only_exit_status_0_asks(self):
        ask = """echo '{"ask":{"kind":"confirm"}}' >&3; """
        self.worker({"fails": ask + "exit 3", "later": ask + """
            test $REEVE_ATTEMPT = 1 || exit 0; echo '{"retry_after":0.05}' >&3; exit 75""",
            "worded": ask + """echo '{"error":{"type":"Odd","message":"m"}}' >&3"""})
        failed = self.run_job("fails")
        self.assertEqual((failed["status"], failed["error"]["message"]),
                         ("failed", "exit status 3"))
        self.assertIn(("warning", "its question is not asked: only exit status 0 asks"),
                      self.logs(failed["id"]))
        later = self.submit("later")
        self.wait_status(later, "waiting")  # its second attempt ends well, and asks
        self.assertIn("retry", self.events(later))
        worded = self.submit("worded")  # an error's words are for an exit that is none
        self.assertEqual(self.wait_status(worded, "waiting", "failed")["status"], "waiting")

    def test_who_asks_what_cant_be_asked_has_not_completed(self):
        self.worker({"large": """printf '{"ask":{"kind":"a","prompt":"' >&3
            head -c 70000 /dev/zero | tr '\\0' x >&3; echo '"}}' >&3; echo 42""",
                     "nameless": """echo '{"ask":{"prompt":1}}' >&3"""})
        for kind in ("large", "nameless"):
            job = self.run_job(kind, max_attempts=3)
            self.assertEqual((job["status"], job["error"]["type"], job["attempt"]),
                             ("failed", "QuestionError", 1))

    def test_of_two_questions_the_last_counts_and_stdout_is_no_result(self):
        self.worker({"two": """echo '{"ask":{"kind":"first"}}' >&3
            echo '{"ask":{"kind":"second","prompt":[1]}}' >&3; echo 42"""})
        job = self.submit("two")
        self.wait_status(job, "waiting")
        self.assertEqual(self.question(job)["kind"], "second")
        said = "\n".join(text for level, text in self.logs(job) if level == "warning")
        self.assertIn("it replaces the first", said)
        self.assertIn("is no result", said)

    def test_the_command_line_asks_and_answers(self):
        self.worker_asks()
        job = self.waiting()
        name = id_text(job)
        shown = self.fleet.cli("question", name).stdout
        for words in ("confirm", '{"text":"Really?"}', "until"):
            self.assertIn(words, shown)
        self.assertEqual(self.fleet.cli_json("question", name)["kind"], "confirm")
        self.assertIn("Really?", self.fleet.cli("get", name).stdout)
        self.assertEqual(self.fleet.cli("answer", name, "{yes", check=False).returncode, 2)
        self.assertEqual(self.fleet.cli("answer", "x", "{}", check=False).returncode, 2)
        wrong = self.fleet.cli("answer", name, "1", "--question", "2", check=False)
        self.assertEqual(wrong.returncode, 1)
        path = self.file("answer.json")
        path.write_text(json.dumps({"yes": "file"}))
        self.assertEqual(self.fleet.cli("answer", name, f"@{path}", "--question", "1").stdout,
                         f"{name} answered\n")
        self.assertEqual(self.wait_ended(job)["result"]["answers"][0]["answer"], {"yes": "file"})
        refused = self.fleet.cli("question", name, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("asks nothing", refused.stderr)

    def test_a_watcher_sees_question_and_answer(self):
        self.worker_asks()
        job = self.waiting()
        self.producer.ask("answer", id=job, answer="so be it")
        self.wait_ended(job)
        events = {event["type"]: event for event in self.producer.events(job)["events"]}
        self.assertEqual(events["question"]["question"]["prompt"], {"text": "Really?"})
        self.assertEqual(events["answer"]["answer"], "so be it")
        self.assertEqual(events["answer"]["question"]["n"], 1)

    def test_many_questions_of_one_job(self):
        self.worker({"ask": str(self.fleet.script("keeps", """#!/usr/bin/python3
import json, os, sys
job = json.load(open(os.environ["REEVE_JOB"]))
done = (job["checkpoint"] or 0) + 1
if done == 40:
    print(json.dumps([answer["answer"] for answer in job["answers"]]))
    sys.exit(0)
os.write(3, json.dumps({"checkpoint": done, "ask": {"kind": "next"}}).encode())
"""))})
        job = self.submit("ask")
        for n in range(1, 40):
            wait_until(lambda: self.producer.job(job).get("question", {}).get("n") == n, 10,
                       f"question {n}")
            self.producer.ask("answer", id=job, answer=n, question=n)
        self.assertEqual(self.wait_ended(job)["result"], list(range(8, 40)))


if __name__ == "__main__":
    unittest.main()
