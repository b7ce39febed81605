"""The program `reeve` without a broker: help, wrong usage, exit statuses, completion.

Must never need a broker; what needs one is tested with the real programs elsewhere.
"""

import json
import os
import re
import subprocess
import tempfile
import unittest

REEVE = os.path.join(os.environ["REEVE_BUILD"], "reeve")
COMPLETION = os.path.join(os.environ["REEVE_SOURCE"], "client", "cli", "completion.bash")
NOBODY = "tcp://127.0.0.1:1"
ID = "0192d3a0-7c1e-7000-8000-00000000002a"


def reeve(*words, text="", **environment):
    environment = {**os.environ, "LC_ALL": "C.UTF-8", **environment}
    return subprocess.run([REEVE, *words], capture_output=True, text=True, check=False,
                          input=text, env=environment, timeout=30)


def options_of(*command):
    """The long options that --help tells."""
    return re.findall(r"^ +(?:-\w, )?--([a-z-]+)", reeve(*command, "--help").stdout, re.M)


def commands():
    """The commands that the table has."""
    table = os.path.join(os.environ["REEVE_SOURCE"], "client", "cli", "commands.def")
    with open(table, encoding="utf-8") as file:
        return re.findall(r"^COMMAND\(\w+, (\w+),", file.read(), re.M)


COMMANDS = commands()


class Help(unittest.TestCase):
    def test_names_every_command(self):
        done = reeve("--help")
        self.assertEqual(0, done.returncode)
        self.assertEqual("", done.stderr)
        told = re.search(r"Commands:\n(.*?)\n\n", done.stdout, re.S).group(1)
        self.assertEqual(COMMANDS, [line.split()[0] for line in told.splitlines()])
        self.assertIn("submit", COMMANDS)

    def test_every_command_has_help_with_examples(self):
        for command in COMMANDS:
            for words in ((command, "--help"), ("--help", command), ("--json", command, "-h")):
                done = reeve(*words)
                self.assertEqual(0, done.returncode, words)
                self.assertIn(f"Usage: reeve {command}", done.stdout)
                self.assertIn("\nExamples:\n  ", done.stdout)

    def test_version(self):
        self.assertRegex(reeve("--version").stdout, r"^reeve \d+\.\d+\.\d+\n$")

    def test_lines_are_not_too_long(self):
        for command in COMMANDS:
            self.assertLessEqual(max(map(len, reeve(command, "--help").stdout.splitlines())), 100)


class WrongUsage(unittest.TestCase):
    def check(self, word, *words, **more):
        done = reeve(*words, **more)
        self.assertEqual(2, done.returncode, done)
        self.assertEqual("", done.stdout)
        self.assertIn(word, done.stderr)

    def test_commands(self):
        self.check("a command is missing")
        self.check("'nonsense'", "nonsense")
        self.check("--nonsense", "--nonsense")
        self.check("--nonsense", "list", "--nonsense")
        self.check("--status", "get", ID, "--status", "failed")

    def test_words(self):
        self.check("missing", "get")
        self.check("missing", "submit")
        self.check("too many", "submit", "a", "b")
        self.check("too many", "stats", "now")
        self.check("'abc'", "get", "abc")
        self.check("'abc'", "wait", ID, "abc")

    def test_values(self):
        self.check("needs a value", "list", "--limit")
        self.check("'many'", "list", "--limit", "many")
        self.check("1001", "list", "--limit", "1001")
        self.check("--priority", "submit", "t", "--priority", "10")
        self.check("--delay", "submit", "t", "--delay", "soon")
        self.check("KEY=VALUE", "submit", "t", "--metadata", "team")
        self.check("not JSON", "submit", "t", "--params", "{")
        self.check("not JSON", "submit", "t", "--params", "@-", text="{]")
        self.check("not JSON", "submit", "t", "--params", "@-", text="")
        self.check("/no/file", "submit", "t", "--params", "@/no/file")
        self.check("'loud'", "logs", ID, "--level", "loud")
        self.check("'nonsense'", "list", "--broker", "nonsense")
        self.check("REEVE_CLIENTS", "list", REEVE_CLIENTS="x" * 300)


class WithoutBroker(unittest.TestCase):
    def test_gives_up_and_says_so(self):
        for words in (("list",), ("get", ID), ("wait", ID), ("watch", ID), ("logs", "-f", ID),
                      ("submit", "t", "--wait"), ("stats",), ("cancel", ID), ("delete", ID)):
            done = reeve("--give-up", "100ms", "--broker", NOBODY, *words)
            self.assertEqual(75, done.returncode, done)
            self.assertEqual("", done.stdout)
            self.assertIn(f"no broker at {NOBODY} within 0.1 s", done.stderr)

    def test_options_before_and_after(self):
        for words in (("list", "--give-up=50ms", "-b", NOBODY), ("-b", NOBODY, "--give-up=50ms",
                      "list"), ("--give-up", "50ms", "list", "--broker=" + NOBODY)):
            self.assertEqual(75, reeve(*words).returncode)

    def test_the_environment_names_the_broker(self):
        done = reeve("list", "--give-up", "50ms", REEVE_CLIENTS="tcp://*:1")
        self.assertEqual(75, done.returncode)
        self.assertIn(NOBODY, done.stderr)

    def test_json_errors(self):
        done = reeve("list", "--json", "--give-up", "50ms", "--broker", NOBODY)
        self.assertEqual(75, done.returncode)
        self.assertEqual("UNAVAILABLE", json.loads(done.stdout)["error"]["code"])

    def test_params_are_read_before_the_broker_is_asked(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write('{"n": [1, 2.5, "ü"]}')
            file.flush()
            done = reeve("submit", "t", "--params", "@" + file.name, "--give-up", "50ms",
                         "--broker", NOBODY)
        self.assertEqual(75, done.returncode)


class Completion(unittest.TestCase):
    def complete(self, *words):
        """What bash offers for the last of the words."""
        script = ('source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _reeve; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-c", script, COMPLETION, *words], capture_output=True,
                              text=True, check=True)
        self.assertEqual("", done.stderr)
        return done.stdout.split()

    def test_commands(self):
        self.assertEqual(COMMANDS, self.complete(REEVE, ""))
        self.assertEqual(["wait", "watch"], self.complete(REEVE, "-b", NOBODY, "wa"))

    def test_options_are_those_of_help(self):
        for command in COMMANDS:
            offered = [word[2:] for word in self.complete(REEVE, command, "--")]
            self.assertEqual(options_of(command), offered, command)

    def test_options_before_the_command(self):
        self.assertIn("--oldest-first", self.complete(REEVE, "--broker", "x", "list", "--o"))

    def test_values(self):
        self.assertEqual(["failed"], self.complete(REEVE, "list", "--status", "f"))
        self.assertEqual(["warning"], self.complete(REEVE, "logs", "--level", "w"))
        self.assertEqual([], self.complete(REEVE, "submit", "--queue", ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
