"""The example worker in C against a real broker. The program's path is the first argument."""

import subprocess
import sys
import unittest

from worker_case import WorkerCase


class Words(WorkerCase):
    def test_it_counts_words(self):
        path = self.file("text")
        path.write_text("one two\nthree  four\n" * 50000)
        worker = subprocess.Popen([PROGRAM, self.fleet.workers])
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        job = self.run_job("count_words", {"path": str(path)})
        self.assertEqual(job["result"], {"lines": 100000, "words": 200000,
                                         "bytes": path.stat().st_size})
        self.assertEqual(job["progress"]["total"], path.stat().st_size)
        job = self.run_job("count_words", {"path": "/no/such/file"}, max_attempts=3)
        self.assertEqual((job["error"]["type"], job["attempt"]), ("CannotOpen", 1))


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
