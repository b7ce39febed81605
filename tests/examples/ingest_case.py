"""What the tests of the examples share: made documents, and a stand-in for reeve-worker."""

import gzip
import json
import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
import unittest
from contextlib import closing
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy/examples/ingest"
PATIENCE_S = 60
PAGE = """<!DOCTYPE html><html><head><title>Caf&eacute; rules</title>
<style>.hiddenstyle { color: red }</style><script>var hiddenscript = "<p>nothing";</script></head>
<body><p>Fish &amp; chips cost &#8364;5<br>at the har<b>bour</b>.</p></body></html>"""


def tiny_pdf(text):
    """A PDF of one page, with a right table of offsets."""
    content = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
               "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
               " /Resources << /Font << /F1 5 0 R >> >> >>",
               f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
               "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    pdf, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(pdf))
        pdf += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    return (f"{pdf}xref\n0 6\n0000000000 65535 f \n{table}trailer\n<< /Size 6 /Root 1 0 R >>\n"
            f"startxref\n{len(pdf)}\n%%EOF\n").encode()


def make_folder(folder):
    """A bit of everything; `secret.txt` is unreadable for all but root."""
    (folder / "deep").mkdir(parents=True)
    (folder / "plain.txt").write_text("The lighthouse keeper counts ships.\n" * 100)
    (folder / "notes.md").write_text("# Harbour notes\n\nTides of the *estuary*.\n")
    (folder / "page.html").write_text(PAGE)
    (folder / "latin.txt").write_bytes("Stra\xdfe nach S\xfcden".encode("latin-1"))
    (folder / "deep/changelog.gz").write_bytes(gzip.compress(b"Fixed the anchor winch."))
    (folder / "paper.pdf").write_bytes(tiny_pdf("Portable barnacles grow"))
    (folder / "junk.bin").write_bytes(bytes(range(256)) * 50)
    (folder / "broken.gz").write_bytes(gzip.compress(b"x" * 5000)[:-20])
    (folder / "empty.txt").write_text("")
    (folder / "style.css").write_text("body { color: barnacle }")
    (folder / "secret.txt").write_text("buried treasure")
    (folder / "secret.txt").chmod(0)
    (folder / "deep/loop").symlink_to(folder)
    (folder / "dangling").symlink_to(folder / "nowhere")
    (folder / "outside").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.txt")


def make_many(folder, count, seed):
    """`count` texts of 1500 words; each holds one word of its own."""
    dice = random.Random(seed)
    words = ["".join(dice.choices("abcdefghijklm", k=6)) for _ in range(2000)]
    folder.mkdir()
    for number in range(count):
        text = " ".join(dice.choices(words, k=1500))
        (folder / f"{number:05}.txt").write_text(f"{text} only{seed}x{number}\n")


def without_privileges(command):
    """Root reads every file; without its capabilities it doesn't."""
    if os.geteuid() != 0:
        return command
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"]
    works = shutil.which("setpriv") and subprocess.run(drop + ["true"]).returncode == 0
    return drop + command if works else None


class Attempt:
    """One run of the handler; `reports` grows as they are read."""

    def __init__(self, folder, params, job=None, command=None):
        self.stdin, self.stderr = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")
        json.dump(params, self.stdin)
        self.stdin.seek(0)
        self.reports = []
        private = Path(tempfile.mkdtemp(dir=folder))
        self.stdout = private / "stdout.json"
        environment = {**clean_environment(folder), "RESULT": str(self.stdout)}
        if job is not None:
            described = {"fence": 1, "attempt": 1, "params": params, **job}
            (private / "job.json").write_text(json.dumps(described))
            environment["REEVE_JOB"] = str(private / "job.json")
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", 'exec "$@" 3>&1 >"$RESULT"', "sh",
             *(command or [str(EXAMPLE / "ingest")])],
            stdin=self.stdin, stdout=subprocess.PIPE, stderr=self.stderr, env=environment)

    def read(self):
        """Yields the reports as they come."""
        for line in self.process.stdout:
            self.reports.append(json.loads(line))
            yield self.reports[-1]

    def finish(self):
        """The exit status, after everything has been read."""
        for _ in self.read():
            pass
        self.process.stdout.close()
        status = self.process.wait(PATIENCE_S)
        self.stderr.seek(0)
        self.errors = self.stderr.read()
        self.stdin.close()
        self.stderr.close()
        return status

    def result(self):
        return json.loads(self.stdout.read_text())

    def all(self, key):
        return [report for report in self.reports if key in report]

    def logged(self, text):
        return any(text in report["log"] for report in self.all("log"))


def clean_environment(folder):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("REEVE_")}
    return {**kept, "REEVE_HOME": str(folder / "home")}


class Case(unittest.TestCase):
    """A folder of its own for each test."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="reeve-ingest-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.docs = self.folder / "docs"
        self.index = self.folder / "index.sqlite"

    def start(self, job=None, command=None, **params):
        params = {"path": str(self.docs), "index": str(self.index), **params}
        return Attempt(self.folder, params, job, command)

    def ingest(self, job=None, **params):
        attempt = self.start(job, **params)
        self.assertEqual(attempt.finish(), 0, attempt.errors)
        return attempt

    def failure(self, **params):
        attempt = self.start(**params)
        self.assertNotEqual(attempt.finish(), 0)
        self.assertEqual(len(attempt.all("error")), 1, attempt.errors)
        return attempt.all("error")[0]["error"]

    def search(self, *words):
        run = subprocess.run([EXAMPLE / "search", "--index", self.index, "--json", "--", *words],
                             capture_output=True, text=True)
        self.assertIn(run.returncode, (0, 1), run.stderr)
        return json.loads(run.stdout)["hits"]

    def names(self, *words):
        return [os.path.basename(hit["path"]) for hit in self.search(*words)]

    def rows(self, sql, *values):
        with closing(sqlite3.connect(self.index)) as db:
            return db.execute(sql, values).fetchall()

    def assert_consistent(self):
        self.assertEqual(self.rows("PRAGMA integrity_check"), [("ok",)])
        self.rows("INSERT INTO terms (terms, rank) VALUES ('integrity-check', 1)")
        self.assertEqual(self.rows(
            "SELECT path FROM documents d WHERE chunks <>"
            " (SELECT count(*) FROM chunks c WHERE c.document = d.id)"), [])
        self.assertEqual(self.rows(
            "SELECT id FROM chunks WHERE document NOT IN (SELECT id FROM documents)"), [])
