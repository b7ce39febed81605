"""Tests of deploy/examples/ingest. They play the worker: params on stdin, the job in a file that
$REEVE_JOB names, reports read from descriptor 3. No broker, no network.
"""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True

from ingest_case import (EXAMPLE, Case, clean_environment, make_folder, make_many,  # noqa: E402
                         without_privileges)

sys.path.insert(0, str(EXAMPLE))

from chunking import Cutter  # noqa: E402
from extract import extract  # noqa: E402
from sources import Skip  # noqa: E402

STAGES = ["loading", "chunking", "indexing", "persistence"]


class WholeRun(Case):
    def test_finds_what_the_documents_say(self):
        make_folder(self.docs)
        result = self.ingest().result()
        for words, name in ((["lighthouse", "ships"], "plain.txt"), (["estuary"], "notes.md"),
                            (["fish & chips"], "page.html"), (["harbour", "€5"], "page.html"),
                            (["Straße"], "latin.txt"), (["anchor winch"], "changelog.gz")):
            self.assertEqual(self.names(*words)[:1], [name], words)
        for unseen in ("hiddenscript", "hiddenstyle", "body color", "root:x:0:0"):
            self.assertEqual(self.names(unseen), [], unseen)
        self.assertEqual(self.search("estuary")[0]["title"], "Harbour notes")
        self.assertEqual(self.search("chips")[0]["title"], "Café rules")
        self.assertGreaterEqual(result["documents"], 5)
        self.assertEqual(result["chunks"], self.rows("SELECT count(*) FROM chunks")[0][0])
        self.assert_consistent()

    @unittest.skipUnless(shutil.which("pdftotext"), "no pdftotext here")
    def test_reads_pdf(self):
        make_folder(self.docs)
        self.ingest()
        self.assertEqual(self.names("portable barnacles"), ["paper.pdf"])

    def test_leaves_out_with_a_warning_and_goes_on(self):
        make_folder(self.docs)
        command = without_privileges([str(EXAMPLE / "ingest")])
        if not command:
            self.skipTest("root can't be kept from reading here")
        attempt = self.start(command=command)
        self.assertEqual(attempt.finish(), 0, attempt.errors)
        reasons = {"unreadable": "secret.txt", "binary": "junk.bin", "broken gzip": "broken.gz",
                   "broken link": "dangling", "link out of the folder": "outside",
                   "not a regular file": "pipe.txt"}
        for reason, name in reasons.items():
            self.assertEqual(attempt.result()["skipped_by_reason"].get(reason), 1, reason)
            warned = [r for r in attempt.all("log") if r["level"] == "warning" and name in r["log"]]
            self.assertEqual(len(warned), 1, name)
        self.assertEqual(self.names("lighthouse"), ["plain.txt"])

    def test_stages_come_in_order(self):
        make_folder(self.docs)
        stages = self.ingest().all("stage")
        begun = [s["stage"] for s in stages if s["status"] == "running" and s["progress"] == 0.0]
        ended = [s["stage"] for s in stages if s["status"] == "completed"]
        self.assertEqual(list(dict.fromkeys(begun)), STAGES)
        self.assertEqual(ended, STAGES)
        self.assertEqual([s["stage"] for s in stages],
                         sorted((s["stage"] for s in stages), key=STAGES.index))

    def test_progress_is_monotone_and_counts_only_what_is_committed(self):
        make_many(self.docs, 600, seed=1)
        attempt, seen = self.start(), 0
        for report in attempt.read():
            if report.get("message", "").startswith("Processing chunks"):
                committed = self.rows("SELECT coalesce(sum(chunks), 0) FROM documents")[0][0]
                self.assertGreaterEqual(committed, report["completed"])
                self.assertIn(f"({report['completed']}/{report['total']})", report["message"])
                seen += 0 < report["completed"] < report["total"]
        self.assertEqual(attempt.finish(), 0, attempt.errors)
        self.assertGreater(seen, 1)
        fractions = [report["progress"] for report in attempt.all("progress")
                     if "stage" not in report]
        self.assertEqual(fractions, sorted(fractions))
        self.assertEqual((fractions[0], fractions[-1]), (0.0, 1.0))

    def test_include_limit_and_filename(self):
        make_folder(self.docs)
        self.assertEqual(self.ingest(include=["*.txt", "deep/*"], limit=3).result()["documents"], 2)
        self.assertEqual(self.rows("SELECT count(*) FROM documents WHERE path LIKE '%.md'"), [(0,)])
        self.ingest(path=str(self.docs / "notes.md"), filename="upload.md", document_id="d1")
        self.assertEqual(self.rows("SELECT document_id FROM documents WHERE document_id NOTNULL"),
                         [("d1",)])


class Interrupted(Case):
    def interrupt(self, number, **params):
        """Ends the handler by a signal after its first checkpoint; gives exit and checkpoint."""
        attempt = self.start(**params)
        for report in attempt.read():
            if "checkpoint" in report:
                attempt.process.send_signal(number)
                break
        sent = time.monotonic()
        status = attempt.finish()
        self.assertLess(time.monotonic() - sent, 5)
        self.assertEqual(attempt.all("error"), [])
        return status, attempt.all("checkpoint")[-1]["checkpoint"]

    def assert_resumes(self, checkpoint, count):
        before = self.rows("SELECT id, path, ingested_at FROM documents")
        self.assertTrue(0 < len(before) < count, len(before))
        attempt = self.ingest(job={"id": "j1", "checkpoint": checkpoint, "fence": 2})
        self.assertTrue(attempt.logged("Resuming after"))
        self.assertLessEqual(set(before), set(self.rows("SELECT id, path, ingested_at"
                                                        " FROM documents")))
        cut = [r for r in attempt.all("message") if r["message"].startswith("Cutting documents")]
        self.assertEqual(cut[-1]["total"], count - len(before))
        chunks = [r for r in attempt.all("message") if r["message"].startswith("Processing")]
        self.assertGreaterEqual(chunks[0]["completed"], checkpoint["chunks"])
        self.assertEqual(attempt.result()["documents"], count)
        self.assertEqual(attempt.result()["unchanged"], 0)
        self.assertEqual(attempt.result()["chunks"],
                         self.rows("SELECT count(*) FROM chunks")[0][0])
        self.assert_consistent()

    def test_cancel_leaves_a_consistent_index_and_the_next_attempt_resumes(self):
        make_many(self.docs, 800, seed=2)
        status, checkpoint = self.interrupt(signal.SIGTERM, job={"id": "j1"})
        self.assertEqual(status, 143)
        self.assert_consistent()
        self.assertEqual(self.rows("SELECT documents, chunks FROM runs"),
                         self.rows("SELECT count(*), sum(chunks) FROM documents"))
        self.assert_resumes(checkpoint, 800)

    def test_cancel_inside_a_document_leaves_nothing_of_it(self):
        make_many(self.docs, 1, seed=7)
        page = self.docs / "00000.txt"
        page.write_text(page.read_text() * 600)
        attempt = self.start()
        for report in attempt.read():
            if report.get("stage") == "indexing":
                time.sleep(0.3)  # its one transaction is under way; whenever it ends is right
                attempt.process.terminate()
                break
        self.assertEqual(attempt.finish(), 143)
        self.assertEqual(self.rows("SELECT count(*) FROM documents"), [(0,)])
        self.assertEqual(self.rows("SELECT count(*) FROM chunks"), [(0,)])
        self.assert_consistent()

    def test_kill_leaves_a_consistent_index_and_the_next_attempt_resumes(self):
        make_many(self.docs, 800, seed=3)
        status, checkpoint = self.interrupt(signal.SIGKILL, job={"id": "j1"})
        self.assertEqual(status, -signal.SIGKILL)
        self.assert_consistent()
        self.assertGreaterEqual(self.rows("SELECT count(*) FROM documents")[0][0],
                                checkpoint["documents"])
        self.assert_resumes(checkpoint, 800)

    def test_checkpoint_without_its_index_starts_again(self):
        make_folder(self.docs)
        checkpoint = {"run": "gone", "index": str(self.index), "documents": 7, "chunks": 70}
        attempt = self.ingest(job={"id": "j1", "checkpoint": checkpoint})
        self.assertTrue(attempt.logged("starting from the beginning"))
        self.assertEqual(self.names("lighthouse"), ["plain.txt"])

    def test_an_older_attempt_is_refused(self):
        make_folder(self.docs)
        self.ingest(job={"id": "j1", "fence": 9})
        error = self.failure(job={"id": "j1", "fence": 8})
        self.assertEqual(error["type"], "Superseded")


class Again(Case):
    def test_a_changed_document_replaces_its_chunks(self):
        make_folder(self.docs)
        self.ingest()
        (self.docs / "plain.txt").write_text("Nothing but seagulls.")
        result = self.ingest().result()
        self.assertEqual(result["documents"], 1)
        self.assertEqual((self.names("lighthouse"), self.names("seagulls")), ([], ["plain.txt"]))
        self.assert_consistent()

    def test_unchanged_documents_are_left_alone(self):
        make_folder(self.docs)
        first = self.ingest().result()
        before = self.rows("SELECT id FROM documents")
        os.utime(self.docs / "plain.txt", (1, 1))
        again = self.ingest().result()
        self.assertEqual((again["documents"], again["unchanged"]), (0, first["documents"]))
        self.assertEqual(self.rows("SELECT id FROM documents"), before)
        self.assertEqual(self.rows("SELECT mtime_ns FROM documents WHERE path LIKE '%plain.txt'"),
                         [(10 ** 9,)])
        self.assertEqual(self.ingest(chunk_words=50).result()["documents"], first["documents"])

    def test_a_vanished_document_leaves_the_index(self):
        make_folder(self.docs)
        self.ingest()
        (self.docs / "plain.txt").unlink()
        self.assertEqual(self.ingest().result()["removed"], 1)
        self.assertEqual(self.names("lighthouse"), [])
        self.assert_consistent()

    def test_the_same_document_id_replaces_under_another_path(self):
        make_folder(self.docs)
        self.ingest(path=str(self.docs / "plain.txt"), document_id="d1")
        self.ingest(path=str(self.docs / "notes.md"), document_id="d1")
        self.assertEqual((self.names("lighthouse"), self.names("estuary")), ([], ["notes.md"]))

    def test_two_at_once(self):
        make_many(self.docs, 400, seed=4)
        make_many(self.folder / "more", 400, seed=5)
        more = [str(self.docs), str(self.folder / "more")]
        pair = [self.start(job={"id": "a"}), self.start(job={"id": "b"}, paths=more)]
        for attempt in pair:
            self.assertEqual(attempt.finish(), 0, attempt.errors)
        self.assertEqual(self.rows("SELECT count(*) FROM documents"), [(800,)])
        self.assertEqual(sum(attempt.result()["documents"] for attempt in pair), 800)
        self.assertEqual(self.names("only4x399"), ["00399.txt"])
        self.assertEqual(self.names("only5x7"), ["00007.txt"])
        self.assert_consistent()


class Failures(Case):
    def test_missing_path(self):
        error = self.failure(path="/no/such/place")
        self.assertEqual((error["type"], error["retry"]), ("DataSourceUnavailable", False))
        self.assertIn("/no/such/place", error["message"])
        self.assertFalse(self.index.exists())

    def test_a_named_file_without_text(self):
        make_folder(self.docs)
        error = self.failure(path=str(self.docs / "junk.bin"))
        self.assertEqual(error["type"], "UnsupportedDocument")

    def test_params_that_make_no_sense(self):
        make_folder(self.docs)
        for params in ({"path": None}, {"path": 5}, {"chunk_words": 0}, {"chunk_words": "many"},
                       {"include": [3]}, {"limit": True}, {"path": "a\0b"}):
            self.assertEqual(self.failure(**params)["type"], "InvalidParams", params)

    def test_an_index_that_is_none(self):
        make_folder(self.docs)
        self.index.write_text("This is not a database. " * 100)
        self.assertEqual(self.failure()["type"], "IndexUnusable")

    def test_bounds(self):
        make_many(self.docs, 10, seed=6)
        reasons = self.ingest(total_bytes_max=25_000).result()["skipped_by_reason"]
        self.assertEqual(reasons, {"over the total": 8})
        with self.assertRaisesRegex(Skip, "too large"):
            extract(gzip.compress(b"a" * 10_000_000), "bomb.gz", 1_000_000)
        with self.assertRaisesRegex(Skip, "binary"):
            extract(b"<!---->" * 1000 + b"\0", "comments", 1_000_000)


class ByHand(Case):
    def test_without_descriptor_3(self):
        make_folder(self.docs)
        run = subprocess.run([EXAMPLE / "ingest"], input=json.dumps({"path": str(self.docs)}),
                             env=clean_environment(self.folder), capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(json.loads(run.stdout)["index"],
                         str(self.folder / "home/index.sqlite"))
        self.assertRegex(run.stderr, r"\[100%\] ")
        self.assertRegex(run.stderr, r"warning: Skipped .*junk\.bin: binary")

    def test_search_takes_any_words(self):
        make_folder(self.docs)
        self.ingest()
        for words in (['"'], ["a\"b'c"], ["NEAR("], ["text:", "*"], ["-", "AND", "OR"], ["^", "{"],
                      ["%"], ["';DROP TABLE chunks"], ["***"], [" "]):
            self.search(*words)
        self.assertEqual(self.names("lighthouse", "NOT", "keeper"), ["plain.txt"])
        self.assertEqual(self.names("lighthouse", "***", "keeper"), ["plain.txt"])
        self.assertEqual(self.names("lighthouses"), ["plain.txt"])

    def test_search_exit_status_and_text(self):
        make_folder(self.docs)
        self.ingest()
        command = [EXAMPLE / "search", "--index", self.index]
        run = subprocess.run([*command, "winch"], capture_output=True, text=True)
        self.assertRegex(run.stdout, r"(?s)^ 1\. \S+/deep/changelog\.gz .*anchor \[winch\]")
        run = subprocess.run([*command, "unicorn"], capture_output=True, text=True)
        self.assertEqual((run.returncode, run.stderr), (1, "Nothing found.\n"))
        run = subprocess.run([*command[:2], "/no/index", "x"], capture_output=True, text=True)
        self.assertEqual(run.returncode, 2)
        self.assertIn("no index at /no/index", run.stderr)


class Cutting(unittest.TestCase):
    def test_chunks_cover_the_text_and_overlap(self):
        words = [f"w{number}" for number in range(1003)]
        text = "  " + " \n".join(words) + "\n"
        chunks = [text[a:b].split() for a, b in Cutter(100, 10).cut(text)]
        self.assertEqual(chunks[0], words[:100])
        for before, after in zip(chunks, chunks[1:]):
            self.assertEqual(before[-10:], after[:10])
        self.assertEqual(chunks[0] + [w for c in chunks[1:] for w in c[10:]], words)

    def test_edges(self):
        cutter = Cutter(100, 10)
        self.assertEqual(cutter.cut(" \n "), [])
        self.assertEqual(cutter.cut("one"), [(0, 3)])
        self.assertEqual(len(cutter.cut("word " * 100)), 1)
        endless = cutter.cut("x" * 1_000_000)
        self.assertTrue(all(end - start <= 10_000 for start, end in endless))


if __name__ == "__main__":
    unittest.main()
