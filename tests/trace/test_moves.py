#!/usr/bin/python3
"""The traces between them make every legal move of a job's states, and no other one.

Reads states.def and the stories' expectations; must never import anything of Reeve."""

import json
import os
import re
import sys
import unittest
from pathlib import Path

ROOT = Path(os.environ.get("REEVE_SOURCE") or Path(__file__).resolve().parents[2])
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests" / "wire"))
import tables  # noqa: E402

BORN = {("none", word) for word in ("scheduled", "pending", "blocked")}


def moves_of(path):
    """{(from, to): "file:job"} of one story's events."""
    found, stands = {}, {}
    for line in path.read_text().splitlines():
        match = re.match(r"\[[\d.]+\] \* event_is (\{.*\})$", line)
        if not match:
            continue
        event = json.loads(match.group(1))["event"]
        before = stands.get(event["job"], "none")
        if event["type"] == "deleted":
            stands.pop(event["job"], None)
            continue
        if event["status"] != before:
            found[before, event["status"]] = f"{path.name}: {event['job']} at rev {event['rev']}"
        stands[event["job"]] = event["status"]
    return found


class Moves(unittest.TestCase):
    def setUp(self):
        self.legal = BORN | {(word, to) for word, follow in tables.states() for to in follow}
        self.made = {}
        for path in sorted((ROOT / "tests" / "trace").glob("*.trace")):
            self.made.update(moves_of(path))

    def test_no_story_makes_an_illegal_move(self):
        for move, where in self.made.items():
            self.assertIn(move, self.legal, where)

    def test_every_legal_move_is_made_by_a_story(self):
        self.assertEqual(self.legal - set(self.made), set())


if __name__ == "__main__":
    unittest.main()
