"""Runs a page of the documents: every fenced block, in order, against a fleet like quickstart's.

What the first word after the fence says, and a second one where there is one:

    ```sh                 a command; it must succeed
    ```sh stays           a program that runs on: started, waited for until it says `ready`
    ```sh elsewhere       for another machine: only read, by bash -n
    ```sh quickstart      the two commands of the README; test_quickstart.py runs the second
    ```python hello.py    a file of that name, beside what the commands run in; also sh, c
    ```text, ```json      what the command before it prints; `…` stands for anything
    ```text picture       shows something, is not printed by anybody

No other blocks are allowed. Commands run in a folder that looks like a clone with a build/, share
their variables, and find the programs in PATH. Addresses with the usual ports become those of the
fleet. Must never let a block go unrun.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

sys.dont_write_bytecode = True
ROOT = Path(os.environ.get("REEVE_SOURCE") or Path(__file__).resolve().parents[2])
sys.path.insert(0, str(ROOT / "tests/lib"))

from reeve_fleet import Fleet, Program, build_folder, clean_environment  # noqa: E402

FENCE = re.compile(r"^```(\w*) ?(\S*)\n(.*?)^```$", re.M | re.S)
COMMAND_S = 60
LANGUAGES = ("sh", "python", "c", "text", "json")
# Kept between blocks: variables that a command sets, but not where the broker is.
KEEP = ("set -a; [ -f {0} ] && . {0}; trap 'export -p | grep -Ev "
        "\"REEVE_(CLIENTS|WORKERS|EVENTS)=\" >{0}' EXIT; set +a -euo pipefail -a\n")


class Block(NamedTuple):
    line: int
    language: str
    word: str
    text: str


def blocks_of(text):
    return [Block(text.count("\n", 0, found.start()) + 1, *found.groups())
            for found in FENCE.finditer(text)]


class Failure(AssertionError):
    pass


class Page:
    """One page being run; `close` ends what it started."""

    def __init__(self, path, handlers=None):
        self.path = ROOT / path
        self.blocks = blocks_of(self.path.read_text())
        self.fleet = Fleet()
        self.folder = self.fleet.folder / "reeve"
        self.folder.mkdir()
        for name in ("client", "worker", "deploy", "docs", "proto"):
            (self.folder / name).symlink_to(ROOT / name)
        (self.folder / "build").symlink_to(build_folder().resolve())
        self.tools = self.fleet.folder / "bin"
        self.tools.mkdir()
        self.addresses = {}
        self.last = None  # what the last command printed
        self.ran = 0
        self.make_compiler()
        self.start_fleet(handlers or {})

    # --- the surroundings -------------------------------------------------------------------------

    def start_fleet(self, handlers):
        home = {"REEVE_HOME": str(self.fleet.folder), "HOME": str(self.fleet.folder)}
        self.fleet.broker()
        handlers = {"ingestion": ROOT / "deploy/examples/ingest/ingest", **handlers}
        for number in (1, 2):
            self.fleet.worker("--name", f"worker-{number}", handlers=handlers, concurrency=2,
                              env=home)
        self.addresses["127.0.0.1:8080"] = self.fleet.gateway().url.removeprefix("http://")

    def environment(self, **extra):
        return clean_environment(
            PATH=f"{self.tools}:{build_folder()}:{os.environ['PATH']}",
            HOME=str(self.fleet.folder), REEVE_HOME=str(self.fleet.folder),
            REEVE_CLIENTS=self.fleet.clients, REEVE_WORKERS=self.fleet.workers,
            REEVE_EVENTS=self.fleet.events, PYTHONDONTWRITEBYTECODE="1",
            LSAN_OPTIONS=os.environ.get("LSAN_OPTIONS", ""), **extra)

    def make_compiler(self):
        """A `cc` that links with a sanitized libreeve too, and a `python3` that is Debian's."""
        library = build_folder() / "lib/libreeve.so"
        needs = subprocess.run(["ldd", library], capture_output=True, text=True).stdout
        flags = "-fsanitize=address,undefined" if "libasan" in needs else ""
        self.tool("cc", f'exec /usr/bin/gcc {flags} "$@"')
        self.tool("python3", 'exec /usr/bin/python3 "$@"')

    def tool(self, name, line):
        path = self.tools / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def worded(self, text):
        for usual, ours in self.addresses.items():
            text = text.replace(usual, ours)
        return text

    # --- blocks -----------------------------------------------------------------------------------

    def run(self):
        for block in self.blocks:
            try:
                self.run_block(block)
            except AssertionError as error:
                raise Failure(f"{self.path.relative_to(ROOT)}:{block.line}: {error}") from None
        if self.ran == 0:
            raise Failure(f"{self.path}: no block was run")

    def run_block(self, block):
        if block.language not in LANGUAGES:
            raise Failure(f"a block of language '{block.language}'")
        if (block.language, block.word) == ("text", "picture"):
            return
        if block.language in ("text", "json"):
            self.compare(block)
            return
        self.last = None
        if "." in block.word:
            self.write(block)
        elif block.language != "sh":
            raise Failure("a program without a name")
        elif block.word == "elsewhere":
            self.read_only(block)
        elif block.word == "quickstart":
            self.two_commands(block)
        elif block.word == "stays":
            self.start(block)
        elif block.word == "":
            self.command(block)
        else:
            raise Failure(f"what is '{block.word}'?")
        self.ran += 1

    def write(self, block):
        path = self.folder / block.word
        path.write_text(block.text)
        path.chmod(0o755 if block.text.startswith("#!") else 0o644)

    def read_only(self, block):
        told = subprocess.run(["bash", "-n"], input=block.text, capture_output=True, text=True)
        if told.returncode:
            raise Failure(told.stderr)

    def two_commands(self, block):
        if block.text != "git clone REPOSITORY reeve && cd reeve\ndeploy/quickstart\n":
            raise Failure("these are not the two commands that test_quickstart.py stands for")
        if not os.access(self.folder / "deploy/quickstart", os.X_OK):
            raise Failure("deploy/quickstart is no program")

    def command(self, block):
        keep = KEEP.format(self.fleet.folder / "variables")
        done = subprocess.run(["bash", "-c", keep + self.worded(block.text)], cwd=self.folder,
                              env=self.environment(), stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=COMMAND_S)
        if done.returncode:
            raise Failure(f"exit status {done.returncode}:\n{block.text}\n{done.stdout}"
                          f"{done.stderr}")
        self.last = done.stdout

    def start(self, block):
        """A program that stays; a broker's endpoints are the fleet's from then on."""
        broker = block.text.startswith("reeve-broker")
        free = {name: "tcp://127.0.0.1:*" for name in
                ("REEVE_CLIENTS", "REEVE_WORKERS", "REEVE_EVENTS")} if broker else {}
        text = self.worded(block.text).replace("5571", "*") if broker else self.worded(block.text)
        program = Program(block.text.split()[0], ["bash", "-c", "exec " + text.strip()],
                          env={**self.environment(), **free}, cwd=self.folder)
        self.fleet.programs.append(program)
        bound = program.wait_ready()
        if broker:
            self.fleet.clients, self.fleet.workers = bound["clients"], bound["workers"]
            self.fleet.events = bound["events"]
            self.addresses["5571"] = bound["workers"].rsplit(":", 1)[1]

    def compare(self, block):
        if self.last is None:
            raise Failure("nothing was printed that this could be")
        if block.language == "json":
            same = same_json(json.loads(block.text), json.loads(self.last))
        else:
            same = is_like(block.text.strip(), self.last.strip())
        if not same:
            raise Failure(f"expected:\n{block.text}\nprinted:\n{self.last}")

    def close(self):
        self.fleet.close()


def is_like(expected, got):
    """Equal, where … stands for any text."""
    parts = map(re.escape, expected.split("…"))
    return re.fullmatch(".*?".join(parts), got, re.S) is not None


def same_json(expected, got):
    """Equal, where … stands for any value, and as a key for any other keys."""
    if expected == "…":
        return True
    if isinstance(expected, dict) and isinstance(got, dict):
        more = "…" in expected
        keys = set(expected) - {"…"}
        return keys <= set(got) and (more or keys == set(got)) and all(
            same_json(expected[key], got[key]) for key in keys)
    if isinstance(expected, list) and isinstance(got, list):
        if expected[-1:] == ["…"]:
            got = got[:len(expected) - 1]
            expected = expected[:-1]
        return len(expected) == len(got) and all(map(same_json, expected, got))
    if isinstance(expected, str) and isinstance(got, str) and "…" in expected:
        return is_like(expected, got)
    return type(expected) is type(got) and expected == got


def run_page(path, **options):
    began = time.monotonic()
    page = Page(path, **options)
    try:
        page.run()
    finally:
        page.close()
    print(f"{path}: {page.ran} blocks run in {time.monotonic() - began:.1f} s")
