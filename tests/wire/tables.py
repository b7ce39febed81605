"""proto/*.def and limits.h as Python data, read from the text: a second reader of the tables.

Must never import anything of Reeve: what it is for is to hold others to the tables.
"""

import os
import re
from typing import NamedTuple

ROOT = os.environ.get("REEVE_SOURCE") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Field(NamedTuple):
    """One row: `max` as a number, `of` a shape's NAME or None."""

    number: int
    kind: str
    name: str
    max: int
    of: str


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


def joined(path):
    """A table's text with its comments gone and its continued lines in one."""
    return without_comments(read(path)).replace("\\\n", " ")


def limits():
    """{name: value} of limits.h, and the few numbers a row may name beside them."""
    text = without_comments(read("proto/limits.h"))
    text = re.sub(r"UINT64_C\((\d+)\)", r"\1", text)
    text = re.sub(r"[ \t]+$", "", text, flags=re.M)
    known = {"UINT64_MAX": 2**64 - 1, "UINT32_MAX": 2**32 - 1}
    pairs = re.findall(r"^\s*(\w+)\s*=\s*([\d\s*]+),?$", text, flags=re.M)
    pairs += re.findall(r"^#define\s+(\w+)\s+(\(.+\))$", text, flags=re.M)
    for name, expression in pairs:
        known[name] = eval(expression, {"__builtins__": {}})  # digits, stars and brackets only
    return known


def rows(path):
    """{NAME: [Field]} of a table's FIELDS_NAME macros."""
    known = limits()
    found = {}
    for name, body in re.findall(r"^#define FIELDS_(\w+)\(F\)(.*)$", joined(path), flags=re.M):
        found[name] = []
        for row in re.findall(r"F\(([^)]*)\)", body):
            number, kind, field, bound, of = [part.strip() for part in row.split(",")]
            bound = int(bound) if bound.isdigit() else known[bound]
            found[name].append(Field(int(number), kind, field, bound, None if of == "none" else of))
    return found


def shapes():
    """{NAME: (name, [Field])} of shapes.def."""
    fields = rows("proto/shapes.def")
    listed = re.findall(r"^SHAPE\((\w+),\s*(\w+)\)", joined("proto/shapes.def"), flags=re.M)
    return {upper: (lower, fields[upper]) for upper, lower in listed}


def messages():
    """{name: ({who sends it}, [Field])} of messages.def, and the envelope's fields."""
    fields = rows("proto/messages.def")
    listed = re.findall(r"^MESSAGE\((\w+),\s*(\w+),\s*([^)]*)\)", joined("proto/messages.def"),
                        flags=re.M)
    return ({lower: ({who.strip() for who in senders.split("|")}, fields[upper])
             for upper, lower, senders in listed}, fields["ENVELOPE"])


def errors():
    """[(code, http status, message)] of errors.def."""
    return [(code, int(status), message) for code, status, message in re.findall(
        r'^ERROR\(\d+,\s*(\w+),\s*(\d+),\s*"([^"]*)"\)', joined("proto/errors.def"), flags=re.M)]


def states():
    """[(word, {words that may follow})] of states.def."""
    found = re.findall(r'STATE\(\d+,\s*(\w+),\s*"(\w+)",(.*?)\)\s*(?=STATE\(|\Z)',
                       joined("proto/states.def").strip(), flags=re.S)
    words = {name: word for name, word, _ in found}
    return [(word, {words[to] for to in re.findall(r"TO\((\w+)\)", moves)})
            for _, word, moves in found]
