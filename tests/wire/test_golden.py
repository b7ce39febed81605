#!/usr/bin/python3
"""golden.hex as python3-msgpack sees it: what the C codec writes is what the tables say, to another
msgpack library as well. Must never share code with the codec."""

import sys
import unittest

import msgpack

sys.dont_write_bytecode = True
import tables  # noqa: E402

SHAPES = tables.shapes()
MESSAGES, ENVELOPE = tables.messages()
WORDS = [word for word, _ in tables.states()]


def golden():
    """{message: bytes} of golden.hex."""
    found, name = {}, None
    for line in tables.read("tests/wire/golden.hex").splitlines():
        if line.startswith(" "):
            found[name] += bytes.fromhex(line.strip())
        else:
            name = line
            found[name] = b""
    return found


def is_whole(value, bound):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= bound


CHECKS = {
    "u64": lambda field, value: is_whole(value, field.max) and value > 0,
    "time": lambda field, value: is_whole(value, field.max) and value > 0,
    "opt": lambda field, value: is_whole(value, field.max),
    "f64": lambda field, value: isinstance(value, float) and 0 <= value <= (field.max or 1e6),
    "flag": lambda field, value: value is True,
    "state": lambda field, value: value in WORDS,
    "text": lambda field, value: isinstance(value, str) and len(value.encode()) <= field.max,
    "blob": lambda field, value: isinstance(value, bytes) and len(value) <= field.max,
    "uuid": lambda field, value: isinstance(value, bytes) and len(value) == 16,
    "any": lambda field, value: True,
    "map": lambda field, value: isinstance(value, dict),
    "list": lambda field, value: isinstance(value, list) and len(value) <= field.max,
    "texts": lambda field, value: all(isinstance(item, str) for item in value),
    "uuids": lambda field, value: all(len(item) == 16 for item in value),
}


class Golden(unittest.TestCase):
    def check_fields(self, where, fields, value):
        """`value` has exactly `fields`, in their order, each of its kind and within its limit."""
        self.assertEqual(list(value), [field.name for field in fields], where)
        for field in fields:
            inner = value[field.name]
            self.assertTrue(CHECKS[field.kind](field, inner), f"{where}.{field.name}: {inner!r}")
            items = [inner] if field.kind == "map" else inner if field.kind == "list" else []
            for item in items:
                self.check_fields(f"{where}.{field.name}", SHAPES[field.of][1], item)

    def test_every_message_is_what_its_table_says(self):
        found = golden()
        self.assertEqual(list(found), list(MESSAGES))
        for name, (_, fields) in MESSAGES.items():
            value = msgpack.unpackb(found[name], raw=False, strict_map_key=False)
            self.assertEqual(value["msg"], name)
            self.check_fields(name, ENVELOPE + fields, value)


if __name__ == "__main__":
    unittest.main()
