"""deploy/quickstart with programs that are built: its job, its messages, its end.

That it installs and builds on a bare machine is not for here: that takes a machine
(`fresh-machine deploy/quickstart --once`).
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(os.environ.get("REEVE_SOURCE") or Path(__file__).resolve().parents[2])
sys.path.insert(0, str(ROOT / "tests/lib"))

from reeve_fleet import build_folder, clean_environment, wait_until  # noqa: E402

QUICKSTART = ROOT / "deploy/quickstart"
PATIENCE_S = 90


class Run:
    """One run in the background; `text` is what it has said so far, on both streams."""

    def __init__(self, home, *args, **environment):
        self.said = home.parent / f"said-{len(list(home.parent.glob('said-*')))}"
        with open(self.said, "w") as file:
            self.process = subprocess.Popen(
                [QUICKSTART, *args], stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                start_new_session=True,
                env=clean_environment(REEVE_HOME=str(home), HOME=str(home.parent),
                                      REEVE_BUILD=str(build_folder()), **environment))

    @property
    def text(self):
        return self.said.read_text()

    def pids(self):
        """Of the programs that it said it has started."""
        return [int(pid) for pid in re.findall(r"^  \S+ +pid (\d+)", self.text, re.M)]

    def wait(self):
        return self.process.wait(PATIENCE_S)

    def wait_for(self, words):
        wait_until(lambda: words in self.text or self.process.poll() is not None, PATIENCE_S, words)
        if words not in self.text:
            raise AssertionError(f"it never said '{words}':\n{self.text}")


def lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(") ", 1)[1][0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Quickstart(unittest.TestCase):

    def setUp(self):
        folder = Path(tempfile.mkdtemp(prefix="reeve-quickstart-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.home = folder / "home"
        self.runs = []
        self.addCleanup(self.end_all)

    def end_all(self):
        for run in self.runs:
            if run.process.poll() is None:
                run.process.kill()
                run.process.wait()
            for pid in filter(lives, run.pids()):
                os.kill(pid, signal.SIGKILL)

    def start(self, *args, **environment):
        self.runs.append(Run(self.home, *args, **environment))
        return self.runs[-1]

    def once(self, *args, **environment):
        run = self.start("--once", *args, **environment)
        run.status = run.wait()
        return run

    def test_once_and_again(self):
        for _ in range(2):
            run = self.once("--port-base", "0")
            self.assertEqual(run.status, 0, run.text)
            self.assertEqual(len(run.pids()), 4)
            self.assertEqual([pid for pid in run.pids() if lives(pid)], [])
            running, ended = run.text.index(" running attempt 1"), run.text.index(" completed att")
            self.assertLess(running, run.text.index(" stage indexing running", running))
            self.assertLess(run.text.index(" progress 100% Finishing the index"), ended)
            self.assertRegex(run.text[ended:], r'"index_total":\{"documents":[1-9]')
            self.assertRegex(run.text[ended:], r"\n 1\. /usr/share/.*\n.*\[WARRANT|\[warrant")
        self.assertRegex(run.text, r'"documents":0,.*"unchanged":[1-9]')

    def test_it_stays_until_it_is_told_and_a_second_one_is_refused(self):
        first = self.start("--port-base", "0")
        first.wait_for("README.md goes on from here")
        self.assertRegex(first.text, r"API +http://127\.0\.0\.1:\d+/v1/jobs")
        second = self.once("--port-base", "0")
        self.assertEqual(second.status, 1)
        self.assertIn("a fleet is running", second.text)
        for pid in first.pids():
            self.assertRegex(second.text, rf"kill [\d ]*\b{pid}\b")
        first.process.send_signal(signal.SIGINT)
        self.assertEqual(first.wait(), 0, first.text)
        self.assertEqual([pid for pid in first.pids() if lives(pid)], [])

    def test_a_signal_while_the_job_runs_ends_all(self):
        run = self.start("--port-base", "0")
        run.wait_for("Processing chunks")
        run.process.send_signal(signal.SIGTERM)
        self.assertEqual(run.wait(), 130, run.text)
        self.assertEqual(len(run.pids()), 4)
        self.assertEqual([pid for pid in run.pids() if lives(pid)], [])
        with self.assertRaises(ProcessLookupError):  # nor `reeve watch`, nor a handler
            os.killpg(run.process.pid, 0)

    def test_what_a_killed_one_left_is_named(self):
        first = self.start("--port-base", "0")
        first.wait_for("4. A real job")
        first.process.kill()
        first.process.wait()
        second = self.once("--port-base", "0")
        self.assertEqual(second.status, 1)
        named = re.search(r"or: kill ([\d ]+)", second.text).group(1).split()
        self.assertEqual(sorted(map(int, named)), sorted(first.pids()))
        for pid in map(int, named):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(map(lives, first.pids())), what="the end of the fleet")
        wait_until(lambda: self.once("--port-base", "0").status == 0, PATIENCE_S, "a good run")

    def test_a_program_that_ends_is_told(self):
        run = self.start("--port-base", "0")
        run.wait_for("README.md goes on from here")
        os.kill(run.pids()[-1], signal.SIGKILL)
        self.assertEqual(run.wait(), 1)
        self.assertIn("gateway has ended", run.text)
        self.assertEqual([pid for pid in run.pids() if lives(pid)], [])

    def test_a_busy_port_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            run = self.once(REEVE_CLIENTS="tcp://127.0.0.1:*", REEVE_WORKERS="tcp://127.0.0.1:*",
                            REEVE_EVENTS=f"tcp://127.0.0.1:{port}", REEVE_LISTEN="127.0.0.1:0")
        self.assertEqual(run.status, 1)
        who = rf"(\S+ \(pid {os.getpid()}\)|another program)"
        self.assertRegex(run.text, rf"port {port} \(events\) is taken by {who}")
        self.assertIn("--port-base", run.text)
        self.assertEqual(run.pids(), [])

    def test_a_broker_that_can_not_start(self):
        (self.home / "data").mkdir(parents=True)
        (self.home / "data/data.mdb").write_bytes(b"no database" * 1000)
        began = time.monotonic()
        run = self.once("--port-base", "0")
        self.assertLess(time.monotonic() - began, 15)  # its end is seen, not its deadline awaited
        self.assertEqual(run.status, 1)
        self.assertIn("broker did not get ready", run.text)
        self.assertIn("data.mdb", run.text)  # what its log says

    def test_a_job_that_fails_is_a_failure(self):
        self.home.mkdir()
        (self.home / "index.sqlite").write_bytes(b"no index" * 1000)
        run = self.once("--port-base", "0")
        self.assertEqual(run.status, 1)
        self.assertIn("the job has not completed", run.text)
        self.assertEqual([pid for pid in run.pids() if lives(pid)], [])

    def test_usage(self):
        for args, status, words in (
                (["--help"], 0, "--port-base N"), (["--twice"], 2, "--twice"),
                (["--port-base", "80"], 2, "80"), (["--port-base", "65533"], 2, "65533"),
                (["--port-base", "x"], 2, "x"), (["--port-base"], 2, "number")):
            run = self.start(*args)
            self.assertEqual(run.wait(), status, args)
            self.assertIn(words, run.text)


if __name__ == "__main__":
    unittest.main()
