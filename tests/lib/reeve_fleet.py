"""A fleet of real Reeve programs for tests: started on ephemeral ports, found by their `ready`
lines, ended by pid. Standard library only.

    with Fleet() as fleet:
        fleet.broker()
        fleet.worker(handlers={"sh": "/bin/sh"}, concurrency=4)
        gateway = fleet.gateway()
        ... gateway.url ...

REEVE_BUILD names the build folder. Must never sleep to wait for readiness, end a process that it
did not start, nor leave one behind: close() ends all, removes the data, and raises where a
program's stderr holds a sanitizer's report or a failed CHECK.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

SANITIZED = re.compile(
    r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|CHECK failed)")
ANY_PORT = "tcp://127.0.0.1:*"


def build_folder():
    """The folder with the programs: $REEVE_BUILD, or the tree's build/."""
    folder = os.environ.get("REEVE_BUILD")
    return Path(folder) if folder else Path(__file__).resolve().parents[2] / "build"


def clean_environment(**extra):
    """This process's environment without what would configure Reeve, and with `extra`."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("REEVE_", "ZSYS_")) and k != "NOTIFY_SOCKET"}
    env.update(extra)
    return env


def wait_until(condition, timeout=10.0, what="condition", step=0.02):
    """Asks again and again until `condition()` is true; returns its value."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out after {timeout} s: {what}")
        time.sleep(step)


class Program:
    """One running program: its process, what it says on stderr, its endpoints."""

    def __init__(self, name, command, env=None, cwd=None):
        self.name = name
        self.command = [str(word) for word in command]
        self.lines = []
        self._news = threading.Condition()
        self._closed = False
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env=env or clean_environment(), cwd=cwd, text=True,
            errors="replace")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with self.process.stderr as stderr:
            for line in stderr:
                with self._news:
                    self.lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._closed = True
            self._news.notify_all()

    @property
    def pid(self):
        return self.process.pid

    @property
    def log(self):
        with self._news:
            return "\n".join(self.lines)

    def wait_line(self, pattern, timeout=20.0, after=0):
        """Waits for a line on stderr that matches `pattern` (from line `after` on)."""
        expression = re.compile(pattern)
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                for line in self.lines[after:]:
                    found = expression.search(line)
                    if found:
                        return found
                after = len(self.lines)
                left = deadline - time.monotonic()
                if self._closed or left <= 0:
                    text = "\n".join(self.lines[-50:])
                    raise AssertionError(f"{self.name}: no line /{pattern}/ on stderr:\n{text}")
                self._news.wait(left)

    def wait_ready(self, timeout=20.0):
        """Waits for `ready` and returns the NAME=ENDPOINT pairs of that line."""
        text = self.wait_line(r"^ready\b(.*)", timeout).group(1)
        return dict(re.findall(r"(\w+)=(\S+)", text))

    def alive(self):
        return self.process.poll() is None

    def signal(self, number):
        if self.alive():
            self.process.send_signal(number)

    def pause(self):
        """SIGSTOP, and waits until all of it stands still."""
        self.signal(signal.SIGSTOP)
        wait_until(self._all_stopped, 10, f"{self.name} stands still", 0.002)

    def _all_stopped(self):
        stats = Path(f"/proc/{self.pid}/task").glob("*/stat")
        states = [stat.read_text().rpartition(")")[2].split()[0] for stat in stats]
        return set(states) == {"T"}

    def resume(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        """kill -9, and waits until it is gone."""
        self.signal(signal.SIGKILL)
        return self.wait()

    def stop(self, timeout=20.0):
        """SIGTERM; returns the exit status. What does not end in time is killed and is an error."""
        self.resume()
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def wait(self, timeout=20.0):
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self._reader.join(5)
            raise AssertionError(f"{self.name} did not end within {timeout} s:\n{self.log}")
        self._reader.join(5)
        return status

    def complaint(self):
        """What a sanitizer or a CHECK said, or None."""
        text = self.log
        return f"{self.name}:\n{text}" if SANITIZED.search(text) else None


class Gateway(Program):
    url = None  # "http://127.0.0.1:PORT"


class Fleet:
    """Programs that belong together, over one temporary folder."""

    def __init__(self, build=None):
        self.build = Path(build) if build else build_folder()
        self.folder = Path(tempfile.mkdtemp(prefix="reeve-fleet-"))
        self.data = self.folder / "data"
        self.programs = []
        self.clients = self.workers = self.events = ANY_PORT

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start(self, name, *args, kind=Program, env=None):
        """Any program of the build folder; the caller waits for its `ready`."""
        program = kind(name, [self.build / name, *args],
                       env=clean_environment(**{k: str(v) for k, v in (env or {}).items()}))
        self.programs.append(program)
        return program

    def broker(self, *args, **kw):
        """Starts a broker; one that is started again takes the endpoints of the first."""
        broker = self.start("reeve-broker", "--data", self.data, "--clients", self.clients,
                            "--workers", self.workers, "--events", self.events, *args, **kw)
        bound = broker.wait_ready()
        self.clients = bound["clients"]
        self.workers = bound["workers"]
        self.events = bound["events"]
        return broker

    def worker(self, *args, handlers=None, queues=(), concurrency=None, **kw):
        """Starts a worker; `handlers` = {type: command}."""
        words = ["--broker", self.workers, "--clients", self.clients]
        for queue in queues:
            words += ["--queue", queue]
        for kind, command in (handlers or {}).items():
            words += ["--handler", f"{kind}={command}"]
        if concurrency:
            words += ["--concurrency", concurrency]
        worker = self.start("reeve-worker", *words, *args, **kw)
        worker.wait_ready()
        return worker

    def gateway(self, *args, listen="127.0.0.1:0", **kw):
        gateway = self.start("reeve-gateway", "--listen", listen, "--broker", self.clients,
                             "--events", self.events, *args, kind=Gateway, **kw)
        gateway.url = gateway.wait_ready()["listen"]
        return gateway

    def cli(self, *args, timeout=30, check=True, input=None):
        """Runs `reeve ARGS` against this fleet; a CompletedProcess with texts."""
        return subprocess.run(
            [str(self.build / "reeve"), "--broker", self.clients, *map(str, args)],
            env=clean_environment(REEVE_EVENTS=self.events), stdin=None if input else
            subprocess.DEVNULL, input=input, capture_output=True, text=True, timeout=timeout,
            check=check)

    def cli_json(self, *args, **kw):
        return json.loads(self.cli("--json", *args, **kw).stdout)

    def script(self, name, text):
        """An executable file in the fleet's folder, e.g. a handler; returns its path. It is
        replaced in one step: somebody may be about to run the one before."""
        path = self.folder / name
        fresh = self.folder / f"{name}.new"
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.rename(path)
        return path

    def close(self):
        """Ends what still runs (newest first, but brokers last: a worker may still have to hand
        in a result) and says what went wrong on the way."""
        problems = []
        newest = self.programs[::-1]
        for program in sorted(newest, key=lambda program: program.name == "reeve-broker"):
            try:
                program.stop() if program.alive() else program.wait()
            except AssertionError as error:
                problems.append(str(error))
        problems += filter(None, (program.complaint() for program in self.programs))
        self.programs.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
        if problems:
            raise AssertionError("\n\n".join(problems))
