"""Jobs and their relatives through the real programs: a diamond whose last handler reads its
parents' results, unique keys, deadlines, silence, whole trees, jobs done again.

Must never rely on how fast anything goes: it waits for what it needs, with a deadline.
"""

import json
import os
import sys
import unittest
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ["REEVE_SOURCE"], "tests", "lib"))
from reeve_fleet import Fleet, wait_until  # noqa: E402

NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"


class Relatives(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fleet = Fleet()
        cls.addClassCleanup(cls.fleet.close)
        cls.fleet.broker("--grace", "1s")
        sums = cls.fleet.script("sums", """#!/bin/sh
            # adds its own number to the results of its parents, which it reads by page
            own=$(sed 's/.*"n": *\\([0-9]*\\).*/\\1/')
            parents=$("$REEVE_PROGRAM" parents "$REEVE_JOB_ID" --json |
                sed 's/"result":/\\n&/g' | sed -n 's/^"result":\\([0-9]*\\).*/\\1/p')
            total=$own
            for one in $parents; do total=$((total + one)); done
            seen=$(sed 's/.*"depends_on":\\(\\[[^]]*\\]\\).*/\\1/' "$REEVE_JOB")
            echo "{\\"log\\":\\"seen\\",\\"context\\":{\\"parents\\":$seen}}" >&3
            echo "$total"
            """)
        cls.fleet.worker(handlers={
            "sum": str(sums), "fail": "exit 1", "hang": "exec sleep 600",
            "deaf": "trap '' TERM; while :; do sleep 0.1; done", "echo": "cat"},
            concurrency=4, env={"REEVE_PROGRAM": cls.fleet.build / "reeve"})

    def cli(self, *args, **kw):
        return self.fleet.cli(*args, **kw).stdout.strip()

    def job(self, id_):
        return self.fleet.cli_json("get", id_)

    def submit_sum(self, n, *args):
        return self.cli("submit", "sum", "--params", json.dumps({"n": n}), *args)

    def refused(self, *args):
        done = self.fleet.cli(*args, check=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        return done.stderr

    def wait_status(self, id_, status):
        wait_until(lambda: self.job(id_)["status"] == status, what=f"{id_} {status}")

    def test_a_diamond_whose_last_reads_the_others(self):
        top = self.submit_sum(1)
        left = self.submit_sum(10, "--after", top)
        right = self.submit_sum(100, "--after", top)
        last = self.cli("submit", "sum", "--params", '{"n": 1000}', "--after", left, "--after",
                        right, "--wait").splitlines()
        self.assertEqual(last[1], "1112")  # 1000 + (10 + 1) + (100 + 1)
        job = self.job(last[0])
        self.assertEqual(job["depends_on"], [left, right])
        self.assertRegex(self.cli("get", last[0]), f"depends on +{left}\n +{right}\n")
        log = self.fleet.cli_json("logs", last[0])["logs"][0]
        self.assertEqual(log["context"], {"parents": [left, right]})
        rows = [line.split("\t") for line in self.cli("parents", last[0]).splitlines()]
        self.assertEqual(rows, [[left, "completed", "11"], [right, "completed", "101"]])
        told = self.fleet.cli_json("parents", last[0])
        self.assertEqual(told, {"parents": [
            {"id": left, "status": "completed", "result": 11},
            {"id": right, "status": "completed", "result": 101}], "total": 2})
        self.cli("delete", left)  # its child has ended
        self.assertEqual(self.fleet.cli_json("parents", last[0])["parents"][0], {"id": left})

    def test_a_parent_that_is_not_there(self):
        self.assertIn(f"there is no job {NOBODY}",
                      self.refused("submit", "sum", "--after", NOBODY))
        self.assertIn("'x' is no id", self.refused("submit", "sum", "--after", "x"))
        self.assertIn("no job", self.refused("parents", NOBODY))
        done = self.fleet.cli("--json", "parents", NOBODY, check=False)
        self.assertEqual(json.loads(done.stdout)["error"]["code"], "NOT_FOUND")

    def test_failures_go_down_the_tree_or_are_cleaned_up_after(self):
        failed = self.cli("submit", "fail", "--max-attempts", "1", "--delay", "1h")
        child = self.submit_sum(1, "--after", failed)
        cleanup = self.submit_sum(5, "--after", failed, "--on-parent-failure", "run")
        why = self.fleet.cli_json("why", child)
        self.assertEqual((why["reason"], why["details"]["first"]), ("parents", failed))
        self.cli("cancel", failed)
        self.assertEqual(self.fleet.cli("wait", child, check=False).returncode, 4)
        self.assertEqual(self.job(child)["cancel"]["reason"], f"its parent {failed} was cancelled")
        self.cli("wait", cleanup)
        self.assertEqual(self.cli("result", cleanup), "5")

    def test_a_parent_stays_while_it_is_needed(self):
        parent = self.submit_sum(1)
        child = self.submit_sum(2, "--after", parent, "--delay", "1h")
        self.cli("wait", parent)
        self.assertIn(f"job {child} depends on it", self.refused("delete", parent))
        self.cli("cancel", child)
        self.cli("delete", parent)

    def test_a_whole_tree(self):
        top = self.submit_sum(1)
        self.cli("wait", top)
        middle = self.cli("submit", "hang", "--after", top)
        low = self.submit_sum(2, "--after", middle, "--on-parent-failure", "run")
        self.wait_status(middle, "running")
        self.cli("cancel", top, "--tree")
        self.assertEqual(self.fleet.cli("wait", middle, low, check=False).returncode, 4)
        self.assertEqual(self.fleet.cli("cancel", "--tree", check=False).returncode, 2)

    def test_unique_keys(self):
        first = self.cli("submit", "echo", "--unique", "k", "--delay", "1h")
        refusal = self.refused("submit", "echo", "--unique", "k")
        self.assertIn(f"job {first} has this key and is scheduled", refusal)
        same = self.cli("submit", "echo", "--unique", "k", "--unique-policy", "return")
        self.assertEqual(same, first)
        second = self.cli("submit", "hang", "--unique", "k", "--unique-policy", "replace")
        self.assertEqual(self.job(first)["cancel"]["reason"], f"replaced by {second}")
        self.wait_status(second, "running")
        third = self.cli("submit", "echo", "--params", "3", "--unique", "k", "--unique-policy",
                         "supersede", "--wait").splitlines()
        self.assertEqual(third[1], "3")
        self.assertEqual(self.job(second)["status"], "cancelled")
        self.assertEqual(self.job(third[0])["unique_key"], "k")
        self.assertRegex(self.cli("get", third[0]), "unique key +k\n")

    def test_deadlines_and_silence(self):
        late = self.cli("submit", "echo", "--delay", "1h", "--start-deadline", "100ms")
        self.wait_status(late, "failed")
        self.assertEqual(self.job(late)["error"]["type"], "PendingTimeoutError")
        for kind in ("hang", "deaf"):
            stuck = self.cli("submit", kind, "--stuck-timeout", "200ms", "--on-stuck", "fail")
            self.wait_status(stuck, "failed")
            error = self.job(stuck)["error"]
            self.assertEqual((error["type"], error["attempt"]), ("JobTimeoutError", 1))
            self.assertIn("stuck_timeout of 200 ms", error["message"])
            self.assertEqual(self.fleet.cli_json("attempts", stuck)["attempts"][0]["outcome"],
                             "stuck")

    def test_once_more_with_other_params(self):
        first = self.cli("submit", "echo", "--params", "1", "--name", "it", "--wait").splitlines()
        again = self.cli("retry", first[0], "--params", "[2]")
        self.cli("wait", again)
        job = self.job(again)
        self.assertEqual((job["retry_of"], job["name"], job["result"]), (first[0], "it", [2]))
        self.assertRegex(self.cli("get", again), f"retry of +{first[0]}\n")
        self.assertEqual(self.fleet.cli("retry", "--params", "1", check=False).returncode, 2)

    def test_a_result_goes_before_its_job(self):
        job = self.cli("submit", "echo", "--params", "1", "--result-retention", "100ms",
                       "--wait").splitlines()[0]
        wait_until(lambda: self.job(job).get("result_gone"), what="the result goes")
        self.assertIn("not kept any more", self.refused("result", job))
        self.assertRegex(self.cli("get", job), "result +not kept any more")

    def test_at_a_time(self):
        job = self.cli("submit", "echo", "--run-at", "2130-01-31T12:00:00Z")
        self.assertEqual(self.job(job)["run_at"], "2130-01-31T12:00:00.000Z")
        done = self.fleet.cli("submit", "echo", "--run-at", "tomorrow", check=False)
        self.assertEqual((done.returncode, "no time like" in done.stderr), (2, True))

    def test_the_same_over_http(self):
        gateway = self.fleet.gateway("--auth", "none")
        parent = self.submit_sum(7)
        body = {"type": "sum", "params": {"n": 1}, "depends_on": [parent], "unique_key": "h",
                "unique_policy": "supersede", "on_parent_failure": "run", "start_deadline": 60,
                "stuck_timeout": "1m", "on_stuck": "fail", "result_retention": "1d"}
        request = urllib.request.Request(f"{gateway.url}/v1/jobs", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            job = json.load(answer)
        self.assertEqual((job["depends_on"], job["unique_key"]), ([parent], "h"))
        self.cli("wait", job["id"])
        self.assertEqual(self.cli("result", job["id"]), "8")


if __name__ == "__main__":
    unittest.main()
