#!/usr/bin/python3
"""PROTOCOL.md says what the tables say: every message, shape, field, type, limit, error, state and
number, no more and no less. Must never be satisfied by a field that is only mentioned somewhere:
each has its row in its own section."""

import re
import sys
import unittest

sys.dont_write_bytecode = True
import tables  # noqa: E402

DOC = "proto/PROTOCOL.md"
WORDS = {"u64": "number", "opt": "number?", "f64": "real?", "flag": "flag", "time": "time",
         "state": "state", "text": "text", "blob": "bytes", "uuid": "id", "any": "value",
         "texts": "list of text", "uuids": "list of id"}
SENDERS = {"CLIENT": "clients", "WORKER": "workers", "BROKER": "the broker",
           "EVENTS": "the broker, published"}


def type_word(field, names):
    """How the document words a row's kind."""
    if field.kind == "map":
        return f"`{names[field.of]}`"
    if field.kind == "list":
        return f"list of `{names[field.of]}`"
    return WORDS[field.kind]


def limit_word(field):
    """How it words a row's limit."""
    if field.kind in ("u64", "opt"):
        widths = {2**64 - 1: "64 bits", 2**32 - 1: "32 bits"}
        return widths.get(field.max, f"≤ {field.max}")
    if field.kind in ("text", "blob", "any"):
        return f"≤ {field.max} bytes"
    if field.kind in ("list", "texts", "uuids"):
        return f"≤ {field.max} items"
    if field.kind == "f64" and field.max:
        return f"0 to {field.max}"
    return ""


def senders_word(senders):
    return " and ".join(word for name, word in SENDERS.items() if name in senders)


def sections():
    """{heading: text} of the parts under `### name`, the name without its backticks."""
    found, heading = {}, None
    for line in tables.read(DOC).splitlines():
        match = re.fullmatch(r"### `(\w+)`(?: .*)?", line)
        if match:
            heading = match.group(1)
            assert heading not in found, f"{heading} has two sections"
            found[heading] = ""
        elif line.startswith("#"):
            heading = None
        elif heading:
            found[heading] += line + "\n"
    return found


def part(title):
    """The text under `## title`."""
    return re.split(r"^## ", tables.read(DOC).split(f"\n## {title}\n")[1], maxsplit=1,
                    flags=re.M)[0]


def cells(text):
    """The rows of the tables in a text, without their heads."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")]
            for line in text.splitlines() if line.startswith("|")]
    return [row for row in rows if row[0].startswith("`")]


class ProtocolDocument(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.sections = sections()
        self.names = {upper: lower for upper, (lower, _) in tables.shapes().items()}

    def check_fields(self, name, fields):
        wanted = [[f"`{field.name}`", type_word(field, self.names), limit_word(field)]
                  for field in fields]
        self.assertEqual([row[:3] for row in cells(self.sections[name])], wanted, name)
        for row in cells(self.sections[name]):
            self.assertEqual(len(row), 5, row)
            self.assertTrue(row[3] and row[4], f"{name}: {row[0]} says nothing")

    def test_every_message_and_its_fields(self):
        messages, envelope = tables.messages()
        self.check_fields("envelope", envelope)
        for name, (senders, fields) in messages.items():
            self.assertIn(f"Sent by: {senders_word(senders)}.", self.sections[name])
            self.check_fields(name, fields)

    def test_every_shape_and_its_fields(self):
        for lower, fields in tables.shapes().values():
            self.check_fields(lower, fields)

    def test_nothing_that_no_table_has(self):
        known = set(tables.messages()[0]) | set(self.names.values()) | {"envelope"}
        self.assertEqual(set(self.sections) - known, set())

    def test_every_error(self):
        wanted = [[f"`{code}`", str(status), message] for code, status, message in tables.errors()]
        self.assertEqual([row[:3] for row in cells(part("Errors"))], wanted)

    def test_every_state_and_its_moves(self):
        order = [word for word, _ in tables.states()]
        wanted = [[f"`{word}`", ", ".join(f"`{to}`" for to in order if to in moves) or "—"]
                  for word, moves in tables.states()]
        self.assertEqual([row[:2] for row in cells(part("States"))], wanted)

    def test_numbers_are_those_of_limits_h(self):
        known = tables.limits()
        rows = cells(part("Limits"))
        self.assertGreater(len(rows), 10)
        for name, value, *_ in rows:
            self.assertEqual(int(value), known[name.strip("`")], name)

    def test_examples_are_python(self):
        examples = re.findall(r"^```python\n(.*?)^```", tables.read(DOC), flags=re.M | re.S)
        self.assertEqual(len(examples), 2)
        for number, example in enumerate(examples):
            compile(example, f"example {number}", "exec")


if __name__ == "__main__":
    unittest.main()
