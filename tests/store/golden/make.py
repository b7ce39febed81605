#!/usr/bin/python3
"""Makes a golden data directory: jobs in every state that a broker of its time can leave behind.

    make.py BUILD-FOLDER OUT.tar.gz

BUILD-FOLDER has the reeve-broker of the old version; the peers are those of tests/protocol beside
this tree, so a message that has changed since is said in its old words here. Job names say what the
test expects to find. Run by hand, once per format.
"""

import gzip
import io
import os
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).resolve()
for folder in ("protocol", "lib"):
    sys.path.insert(0, str(HERE.parents[2] / folder))

from reeve_fleet import Fleet, wait_until  # noqa: E402
from reeve_wire import Producer  # noqa: E402
from wire_worker import Worker  # noqa: E402

YEARS = 10 * 365 * 24 * 3600 * 1000  # nothing goes for its age


def job(name, **more):
    return {"type": "send", "name": name, "retention_ms": YEARS, "metadata": {"n": name}, **more}


def finish_some(worker):
    """Each outcome a handler can have."""
    hold = worker.take()
    worker.report(hold, progress={"fraction": 0.5, "message": "half"})
    worker.report(hold, stage={"name": "one", "status": "running"})
    worker.report(hold, log={"level": "info", "message": "a line", "at": 1})
    worker.report(hold, checkpoint={"at": 5})
    worker.finish(hold, result={"ok": True})
    worker.finish(worker.take(), "failed", error={"type": "Broken", "message": "it is"})
    worker.finish(worker.take(), "failed", error={"type": "Busy", "message": "soon",
                                                  "retryable": True})


def fill(fleet):
    ann = Producer(fleet.clients, owner="ann", role="admin")
    bob = Producer(fleet.clients, owner="bob")
    for name, more in (("completed", {}), ("failed", {}),
                       ("scheduled retry", {"backoff_ms": YEARS, "backoff_cap_ms": YEARS})):
        ann.submit(**job(name, queue="q1", **more))
    worker = Worker(fleet.workers, queues=["q1"], slots=1)
    worker.hello()
    finish_some(worker)
    ann.submit(**job("cancelled, ending", queue="q1"))
    ending = worker.take()
    ann.ask("cancel", id=ending.job, reason="no more")
    second = Worker(fleet.workers, queues=["q2"], slots=1)
    second.hello()
    bob.submit_many([job("running", queue="q2")], idempotency_key="a key")
    second.take()
    bob.submit(**job("pending", queue="q3", priority=9, group="g"))
    bob.submit(**job("scheduled", queue="q3", delay_ms=YEARS))
    ann.ask("cancel", id=ann.submit(**job("cancelled", queue="q3"))["id"])
    gone = ann.submit(**job("deleted", queue="q3"))["id"]
    ann.ask("cancel", id=gone)
    ann.ask("delete", id=gone)
    system = {"type": "reeve.webhook", "queue": "reeve"}
    ann.submit(**job("system pending", **system))
    ann.ask("cancel", id=bob.submit(**job("system cancelled", **system))["id"], owner="bob")
    wait_until(lambda: ann.standing(ending.job)["ending"], what="the cancelled job is ending")
    for peer in (ann, bob, worker, second):
        peer.close()


def main():
    build, out = Path(sys.argv[1]), Path(sys.argv[2])
    with Fleet(build) as fleet:
        broker = fleet.broker()
        fill(fleet)
        broker.kill()
        data = (Path(fleet.data) / "data.mdb").read_bytes()
    info = tarfile.TarInfo("data.mdb")
    info.size, info.mode = len(data), 0o600
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        tar.addfile(info, io.BytesIO(data))
    out.write_bytes(gzip.compress(raw.getvalue(), 9, mtime=0))
    print(f"{out}: {os.path.getsize(out)} bytes of {len(data)}")


main()
