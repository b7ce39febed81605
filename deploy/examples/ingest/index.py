"""The searchable index: one SQLite file with documents, their chunks, and an FTS5 table over them.

Several jobs may write to one index at a time: every transaction is short and takes the write lock
at its start. What is committed is durable (synchronous=FULL), so that a checkpoint may refer to it.
A document's row, its chunks and their terms change in one transaction, or not at all.
"""

import os
import sqlite3
import time
from contextlib import contextmanager
from datetime import datetime, timezone

from handler import Failure

LOCK_WAIT_S = 60
LOCK_POLL_S = 0.1  # SQLite waits in C, deaf to signals: so only this long at a time
LOCK_PAUSE_S = 0.01  # SQLite's lock is not fair: leave others a gap to get in
MERGE_PAGES = 200

# To change the tables: raise VERSION and teach Index._prepare to move an older file up.
VERSION = 1
SCHEMA = """
CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    document_id TEXT,
    title TEXT NOT NULL,
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    settings TEXT NOT NULL,
    words INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    run TEXT NOT NULL,
    ingested_at TEXT NOT NULL
);
CREATE INDEX documents_by_id ON documents (document_id) WHERE document_id IS NOT NULL;
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES documents (id),
    position INTEGER NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (document, position)
);
CREATE VIRTUAL TABLE terms USING fts5 (
    title, text, content='chunks', content_rowid='id',
    tokenize='porter unicode61 remove_diacritics 2'
);
CREATE TRIGGER chunk_added AFTER INSERT ON chunks BEGIN
    INSERT INTO terms (rowid, title, text) VALUES (new.id, new.title, new.text);
END;
CREATE TRIGGER chunk_removed AFTER DELETE ON chunks BEGIN
    INSERT INTO terms (terms, rowid, title, text)
    VALUES ('delete', old.id, old.title, old.text);
END;
CREATE TABLE runs (
    run TEXT PRIMARY KEY,
    fence INTEGER NOT NULL,
    documents INTEGER NOT NULL DEFAULT 0,
    chunks INTEGER NOT NULL DEFAULT 0,
    words INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    started_at TEXT NOT NULL,
    finished_at TEXT
);
"""


class Index:
    """An index open for one run of a job. `run` names the job over all its attempts.

    The newest attempt owns the run: an older one with a smaller fence, that only believes to be
    alive, is refused with its next transaction.
    """

    def __init__(self, path):
        self.path = path
        self.run = None
        self.fence = 0
        self.db = sqlite3.connect(path, timeout=LOCK_POLL_S, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self._prepare()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.db.close()

    def _prepare(self):
        when_free(lambda: self.db.execute("PRAGMA journal_mode = WAL"))
        self.db.execute("PRAGMA synchronous = FULL")
        with self._locked():
            version = self.db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                run_script(self.db, SCHEMA)
                self.db.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                raise Failure("IndexUnusable",
                              f"{self.path} has version {version}; this program knows {VERSION}")

    @contextmanager
    def _locked(self):
        when_free(lambda: self.db.execute("BEGIN IMMEDIATE"))
        try:
            yield
        except BaseException:
            self.db.rollback()
            raise
        self.db.commit()

    @contextmanager
    def transaction(self):
        """All or nothing; refused when a newer attempt has taken the run over."""
        with self._locked():
            if self.totals()["fence"] != self.fence:
                raise Failure("Superseded", "A newer attempt of this job has taken over")
            yield
        time.sleep(LOCK_PAUSE_S)

    def begin(self, run, fence):
        """Opens the run or takes it over from an earlier attempt."""
        self.run, self.fence = run, fence
        with self._locked():
            self.db.execute(
                "INSERT INTO runs (run, fence, started_at) VALUES (?, ?, ?)"
                " ON CONFLICT (run) DO UPDATE SET fence = max(fence, excluded.fence)",
                (run, fence, now()))
        with self.transaction():
            pass

    def knows(self, run):
        return bool(self.db.execute("SELECT 1 FROM runs WHERE run = ?", (run,)).fetchone())

    def totals(self):
        """What this run has committed, over all its attempts."""
        return self.db.execute("SELECT * FROM runs WHERE run = ?", (self.run,)).fetchone()

    def stored(self, path):
        """The row of a document, or None."""
        return self.db.execute("SELECT * FROM documents WHERE path = ?", (path,)).fetchone()

    def touch(self, dates):
        """(mtime_ns, path) of documents with the same bytes as before but another date."""
        with self.transaction():
            self.db.executemany("UPDATE documents SET mtime_ns = ? WHERE path = ?", dates)

    def replace(self, document, chunks):
        """Stores a document with its chunks in place of what was there. In a transaction."""
        self.remove("path = ? OR document_id = ?", (document["path"], document["document_id"]))
        row = dict(document, run=self.run, ingested_at=now())
        names = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        number = self.db.execute(f"INSERT INTO documents ({names}) VALUES ({marks})", row).lastrowid
        self.db.executemany(
            "INSERT INTO chunks (document, position, title, text) VALUES (?, ?, ?, ?)",
            ((number, i, document["title"], text) for i, text in enumerate(chunks, 1)))
        self.db.execute(
            "UPDATE runs SET documents = documents + 1, chunks = chunks + :chunks,"
            " words = words + :words, bytes = bytes + :size WHERE run = :run", row)

    def remove(self, condition, values):
        """Removes the documents that a condition selects. In a transaction."""
        old = self.db.execute(f"SELECT id FROM documents WHERE {condition}", values).fetchall()
        for (number,) in old:
            self.db.execute("DELETE FROM chunks WHERE document = ?", (number,))
            self.db.execute("DELETE FROM documents WHERE id = ?", (number,))

    def paths_under(self, root):
        """The documents that were found in a folder, whether they are still there or not."""
        folder = os.path.join(root, "")
        return [path for (path,) in self.db.execute(
            "SELECT path FROM documents WHERE substr(path, 1, ?) = ?", (len(folder), folder))]

    def merge(self):
        """Does a bounded piece of tidying of the terms; False when nothing is left to do."""
        with self.transaction():
            before = self.db.total_changes
            self.db.execute("INSERT INTO terms (terms, rank) VALUES ('merge', ?)", (MERGE_PAGES,))
            return self.db.total_changes - before >= 2

    def finish(self):
        """Closes the run and moves the log into the file, as far as readers let it."""
        with self.transaction():
            self.db.execute("UPDATE runs SET finished_at = ? WHERE run = ?", (now(), self.run))
        self.db.execute("PRAGMA wal_checkpoint (PASSIVE)")

    def size(self):
        """How much the whole index holds, of all runs."""
        row = self.db.execute("SELECT count(*) AS documents, coalesce(sum(chunks), 0) AS chunks"
                              " FROM documents").fetchone()
        return dict(row)


def run_script(db, script):
    """As executescript, which would commit first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""


def when_free(act):
    """Does it when the database is not locked; waits in short steps so that a signal gets in."""
    give_up_at = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            return act()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
        if time.monotonic() > give_up_at:
            raise Failure("IndexBusy", f"The index was locked for {LOCK_WAIT_S} s", retry=True,
                          retry_after_s=10)
        time.sleep(LOCK_PAUSE_S / 2)


@contextmanager
def open_index(path):
    """An Index, made when missing. What SQLite says inside the `with` comes out as a Failure."""
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    except OSError as error:
        raise Failure("IndexUnavailable", f"{error.filename}: {error.strerror}") from error
    try:
        with Index(path) as index:
            yield index
    except sqlite3.OperationalError as error:
        raise Failure("IndexUnavailable", f"{path}: {error}", retry=True) from error
    except sqlite3.DatabaseError as error:
        raise Failure("IndexUnusable", f"{path}: {error}") from error


def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def default_path():
    home = os.environ.get("REEVE_HOME") or os.path.expanduser("~/.reeve")
    return os.path.join(home, "index.sqlite")
