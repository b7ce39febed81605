#!/usr/bin/python3
"""The programs in PROTOCOL.md, taken out of it and run against a real broker, through its death.

Skipped where the build has no reeve-broker. Must never know more of the protocol than they do."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import tables  # noqa: E402

PYTHON = "/usr/bin/python3"
BROKER = os.path.join(os.environ.get("REEVE_BUILD", "build"), "reeve-broker")


@unittest.skipUnless(os.access(BROKER, os.X_OK), "there is no reeve-broker in this build")
class Examples(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="reeve-doc-")
        self.running = []
        self.endpoints = {name: f"ipc://{self.folder}/{name}"
                          for name in ("clients", "workers", "events")}
        examples = re.findall(r"^```python\n(.*?)^```", tables.read("proto/PROTOCOL.md"),
                              flags=re.M | re.S)
        for name, text in zip(("producer.py", "worker.py"), examples):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)

    def tearDown(self):
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stderr.close()
        shutil.rmtree(self.folder)

    def start(self, *command):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.running.append(process)
        return process

    def start_broker(self):
        options = [part for name, at in self.endpoints.items() for part in (f"--{name}", at)]
        broker = self.start(BROKER, "--data", os.path.join(self.folder, "data"), *options)
        for line in broker.stderr:
            if line.startswith("ready"):
                return broker
        self.fail("the broker did not get ready")

    def start_worker(self):
        return self.start(PYTHON, os.path.join(self.folder, "worker.py"),
                          self.endpoints["workers"])

    def submit(self, *arguments):
        return subprocess.Popen(
            [PYTHON, os.path.join(self.folder, "producer.py"), self.endpoints["clients"],
             *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def result_of(self, producer):
        out, log = producer.communicate(timeout=45)
        self.assertEqual(producer.returncode, 0, log)
        return json.loads(out), log

    def test_a_job_from_submit_to_result(self):
        self.start_broker()
        worker = self.start_worker()
        ended, log = self.result_of(self.submit("add", '{"a": 20, "b": 22}'))
        self.assertEqual(ended, {"status": "completed", "result": 42, "error": None})
        revs = [int(line.split()[0]) for line in log.splitlines()[1:]]
        self.assertEqual(revs, list(range(1, len(revs) + 1)))
        for word in ("submitted", "running", "progress", "log", "completed"):
            self.assertIn(word, log)
        worker.send_signal(signal.SIGTERM)
        self.assertEqual(worker.wait(timeout=15), 0)

    def test_everybody_outlives_the_broker(self):
        broker = self.start_broker()
        producer = self.submit("add", '{"a": 1, "b": 2}')
        for line in producer.stderr:
            if "submitted" in line:
                break
        broker.send_signal(signal.SIGKILL)
        broker.wait()
        self.start_worker()
        self.start_broker()
        ended, _ = self.result_of(producer)
        self.assertEqual(ended["result"], 3)


if __name__ == "__main__":
    unittest.main()
