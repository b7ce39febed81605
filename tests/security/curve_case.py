"""A fleet whose broker speaks CURVE, with a key for everybody, for the tests of this folder.

Must never wait for something by sleeping; must never print a secret.
"""

import json
import os
import re
import signal
import subprocess
import sys
import unittest
from pathlib import Path

import msgpack
import zmq
import zmq.utils.monitor

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "lib")]

from reeve_fleet import Fleet, clean_environment, wait_until  # noqa: E402

PAIR = re.compile(r'^\s+(public|secret)-key = "(\S{40})"$', re.M)


class CurveCase(unittest.TestCase):
    """self.keys: name -> path of the key file; self.public: name -> public key."""

    # Who is listed: name -> (role, owner).
    listed = {"ann": ("producer", "ann"), "bob": ("producer", "bob"),
              "eve": ("observer", "ann"), "root": ("admin", "-"),
              "gate": ("gateway", "-"), "one": ("worker", "-"), "two": ("worker", "-")}

    def setUp(self):
        self.fleet = Fleet()
        self.addCleanup(self.fleet.close)
        self.keys, self.public, self.said = {}, {}, []
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)
        for name in ("broker", "stranger", *self.listed):
            self.keygen(name)
        self.peers = self.fleet.folder / "peers"
        self.list_keys(*self.listed)

    # --- keys ---

    def reeve(self, *words, env=None, timeout=60):
        """`reeve WORDS` with nothing but what it is given; a CompletedProcess."""
        done = subprocess.run([str(self.fleet.build / "reeve"), *map(str, words)],
                              env=clean_environment(**(env or {})), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=timeout, check=False)
        self.said += [done.stdout, done.stderr]
        return done

    def keygen(self, name, *words):
        self.keys[name] = self.fleet.folder / f"{name}.key"
        done = self.reeve("keygen", self.keys[name], *words)
        self.assertEqual(0, done.returncode, done.stderr)
        self.public[name] = done.stdout.split()[0]
        return done.stdout

    def secrets(self):
        return [dict(PAIR.findall(path.read_text()))["secret"] for path in self.keys.values()]

    def list_keys(self, *names, **others):
        """Writes the broker's list; `others` are listed otherwise than in self.listed."""
        lines = ["# who may come in"]
        for name, (role, owner) in {**{n: self.listed[n] for n in names}, **others}.items():
            lines.append(f"{self.public[name]} {role} {owner} {name}")
        fresh = self.peers.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n")
        fresh.chmod(0o644)
        fresh.rename(self.peers)

    def reload(self):
        """SIGHUP, and waits until the broker has said what came of it."""
        before = len(self.broker.lines)
        self.broker.signal(signal.SIGHUP)
        return self.broker.wait_line(r"keys_(read|refused): (.*)", after=before).group(0)

    # --- programs ---

    def start_broker(self, *words, **kw):
        self.broker = self.fleet.broker("--curve-key", self.keys["broker"], "--curve-peers",
                                        self.peers, "--heartbeat", "200ms", "--lost-after", "3s",
                                        "--grace", "500ms", *words, **kw)
        return self.broker

    def with_key(self, name, server="broker"):
        return ("--curve-key", self.keys[name], "--curve-server", self.public[server])

    def as_key(self, name, *words, server="broker", **kw):
        """`reeve` with a key."""
        return self.reeve("--broker", self.fleet.clients, *self.with_key(name, server), *words,
                          **kw)

    def submit(self, name, *words):
        done = self.as_key(name, "submit", "--json", *words)
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)["id"]

    def job(self, name, id):
        done = self.as_key(name, "get", "--json", id)
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def worker(self, name, handlers, **kw):
        return self.fleet.worker(*self.with_key(name), handlers=handlers, **kw)

    def refused(self, program, *words, env=None):
        """A program that has to end by itself with 1; its log."""
        program = self.fleet.start(program, *map(str, words), env=env)
        self.assertEqual(1, program.wait(30), program.log)
        return program.log

    # --- bare peers ---

    def peer(self, kind, endpoint, name=None, server="broker"):
        """A ZeroMQ socket with somebody's key, or none."""
        socket = self.context.socket(kind)
        socket.linger = 0
        self.addCleanup(socket.close, 0)
        if name:
            pair = dict(PAIR.findall(self.keys[name].read_text()))
            socket.curve_publickey = pair["public"].encode()
            socket.curve_secretkey = pair["secret"].encode()
            socket.curve_serverkey = self.public[server].encode()
        socket.connect(endpoint)
        return socket

    def ask(self, socket, msg, timeout=10, **fields):
        socket.send(msgpack.packb({"msg": msg, **fields}))
        return self.receive(socket, timeout)

    def receive(self, socket, timeout=10):
        self.assertTrue(socket.poll(timeout * 1000), "no answer")
        return msgpack.unpackb(socket.recv())

    def hello(self, socket, session=None, **fields):
        return self.ask(socket, "hello", version=1, session=session or os.urandom(16), **fields)


__all__ = ["CurveCase", "Path", "clean_environment", "json", "unittest", "wait_until", "zmq"]
