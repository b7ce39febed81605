"""Key files: how they are made, which ones are refused, and that no secret leaves them."""

import json
import os
import unittest
from pathlib import Path

from curve_case import PAIR, CurveCase, wait_until


class Keygen(CurveCase):
    def test_a_file_for_its_owner_alone(self):
        old = os.umask(0)
        self.addCleanup(os.umask, old)
        self.keygen("fresh")
        self.assertEqual(0o600, self.keys["fresh"].stat().st_mode & 0o777)
        pair = dict(PAIR.findall(self.keys["fresh"].read_text()))
        self.assertEqual(self.public["fresh"], pair["public"])
        self.assertNotEqual(pair["public"], pair["secret"])

    def test_pyzmq_reads_it(self):
        import zmq.auth
        public, secret = zmq.auth.load_certificate(self.keys["ann"])
        pair = dict(PAIR.findall(self.keys["ann"].read_text()))
        self.assertEqual((pair["public"], pair["secret"]), (public.decode(), secret.decode()))

    def test_never_overwrites(self):
        before = self.keys["ann"].read_bytes()
        done = self.reeve("keygen", self.keys["ann"])
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertIn("never overwritten", done.stderr)
        self.assertEqual(before, self.keys["ann"].read_bytes())

    def test_lines_for_the_list(self):
        line = self.keygen("w", "--role", "worker")
        self.assertEqual(f"{self.public['w']} worker - w.key\n", line)
        line = self.keygen("p", "--role", "producer", "--owner", "ann", "--name", "the shop")
        self.assertEqual(f"{self.public['p']} producer ann the shop\n", line)
        done = self.reeve("keygen", self.fleet.folder / "j.key", "--json")
        self.assertRegex(json.loads(done.stdout)["public_key"], r"^\S{40}$")

    def test_wrong_usage(self):
        path = self.fleet.folder / "none.key"
        for words in (("--role", "king"), ("--role", "producer"), ("--owner", "ann"),
                      ("--role", "producer", "--owner", "a b")):
            done = self.reeve("keygen", path, *words)
            self.assertEqual(2, done.returncode, words)
            self.assertFalse(path.exists())
        self.assertEqual(1, self.reeve("keygen", "/nowhere/at/all.key").returncode)


class Files(CurveCase):
    def programs(self, key, server=None):
        """Each program with this key file: its exit status and what it says."""
        server = server or self.public["broker"]
        common = ("--curve-key", key, "--curve-server", server)
        done = self.reeve("list", *common)
        yield "reeve", done.returncode, done.stderr
        commands = {"reeve-worker": ("--handler", "cat=/bin/cat", *common),
                    "reeve-gateway": ("--listen", "127.0.0.1:0", *common),
                    "reeve-broker": ("--data", self.fleet.folder / "d", "--curve-key", key,
                                     "--curve-peers", self.peers)}
        for name, words in commands.items():
            program = self.fleet.start(name, *words)
            yield name, program.wait(), program.log

    def refused(self, key, said, **kw):
        for name, status, log in self.programs(key, **kw):
            self.assertEqual(2, status, f"{name}: {log}")
            self.assertRegex(log, said, name)
            self.assertNotRegex(log, "(?m)^ready", name)
        self.assertFalse((self.fleet.folder / "d").exists())

    def test_that_others_may_read(self):
        for mode in (0o640, 0o604, 0o644):
            self.keys["root"].chmod(mode)
            self.refused(self.keys["root"], "chmod 600")

    def test_that_hold_no_pair(self):
        key = self.fleet.folder / "bad.key"
        text = self.keys["root"].read_text()
        pair = dict(PAIR.findall(text))
        other = dict(PAIR.findall(self.keys["ann"].read_text()))
        for content, said in (("", "no secret-key"), ("nonsense", "no secret-key"),
                              (text.replace(pair["secret"], pair["secret"][:-1]), "40 characters"),
                              (text.replace("public-key", "puplic-key"), "no public-key")):
            key.write_text(content)
            key.chmod(0o600)
            self.refused(key, said)
        self.refused(self.fleet.folder / "missing.key", "No such file")
        key.write_text(text.replace(pair["public"], other["public"]))
        for name, status, log in self.programs(key):
            self.assertEqual(1 if name == "reeve-broker" else 2, status, log)
            self.assertIn("not that of its secret key", log)

    def test_options_that_need_each_other(self):
        words = {"--curve-key": self.keys["root"], "--curve-server": self.public["broker"]}
        for option, value in words.items():
            self.assertEqual(2, self.reeve("list", option, value).returncode)
            for name, more in (("reeve-worker", ("--handler", "cat=/bin/cat")),
                               ("reeve-gateway", ("--listen", "127.0.0.1:0"))):
                program = self.fleet.start(name, *more, option, value)
                self.assertEqual(2, program.wait(), program.log)
        self.assertEqual(2, self.reeve("list", "--curve-key", self.keys["root"], "--curve-server",
                                       "short").returncode)
        for option, value in (("--curve-key", self.keys["broker"]), ("--curve-peers", self.peers)):
            broker = self.fleet.start("reeve-broker", "--data", self.fleet.folder / "d", option,
                                      value)
            self.assertEqual(2, broker.wait(), broker.log)

    def test_a_list_that_can_not_be_used(self):
        for content, said in (("nonsense\n", "line 1: expected a public key"),
                              (f"\n{self.public['ann']} king ann\n", "line 2: expected producer")):
            self.peers.write_text(content)
            broker = self.fleet.start("reeve-broker", "--data", self.fleet.folder / "d",
                                      "--curve-key", self.keys["broker"], "--curve-peers",
                                      self.peers)
            self.assertEqual(2, broker.wait(), broker.log)
            self.assertIn(said, broker.log)


class Secrets(CurveCase):
    def test_no_secret_is_seen_anywhere(self):
        """Not in logs, output, command lines, environments, nor in what the broker keeps."""
        environment = {"REEVE_CURVE_SERVER": self.public["broker"], "REEVE_LOG_LEVEL": "debug"}

        def env(name):
            return {**environment, "REEVE_CURVE_KEY": str(self.keys[name])}
        self.start_broker(env={"REEVE_LOG_LEVEL": "debug"})
        handler = self.fleet.script("told", "#!/bin/sh\nenv | sort >&2\ncat $REEVE_JOB >&2\n")
        worker = self.fleet.worker(handlers={"told": handler}, env=env("one"))
        gateway = self.fleet.gateway(env=env("gate"))
        gateway.wait_line("broker_there")
        done = self.reeve("submit", "told", "--watch", "--broker", self.fleet.clients,
                          env=env("ann"))
        self.assertEqual(0, done.returncode, done.stderr)
        self.as_key("stranger", "list")
        self.reload()
        wait_until(lambda: "keys_read" in self.broker.log)
        programs = (self.broker, worker, gateway)
        seen = "".join(self.said)
        for program in programs:
            seen += program.log
            for file in ("cmdline", "environ"):
                seen += Path(f"/proc/{program.pid}/{file}").read_bytes().decode(errors="replace")
        kept = b"".join(path.read_bytes() for path in self.fleet.data.iterdir()
                        if path.is_file()).decode("latin-1")
        self.assertIn(str(self.keys["one"]), seen)  # we did look
        for secret in self.secrets():
            self.assertNotIn(secret, seen)
            self.assertNotIn(secret, kept)


if __name__ == "__main__":
    unittest.main(verbosity=2)
