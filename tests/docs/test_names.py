"""The documents name what is there: functions at each step, files, links, rooms."""

import os
import re
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(os.environ.get("REEVE_SOURCE") or Path(__file__).resolve().parents[2])
sys.path.insert(0, str(ROOT / "tests/house"))

import house  # noqa: E402

ROOMS = sorted([*ROOT.glob("*/README.md"), *ROOT.glob("broker/*/README.md")])
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/*/**/*.md"),
                ROOT / "proto/PROTOCOL.md", *ROOMS])
STEP = re.compile(r"`([\w/.-]+\.[ch]):(\w+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.S | re.M)
HEADING = re.compile(r"^#+ (.*)$", re.M)


def anchor(heading):
    """A heading's anchor, as GitHub makes it."""
    plain = re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.S | re.M)
    return {anchor(found) for found in HEADING.findall(text)}


def has_function(path, name):
    """Is a function of this name defined in the file? Its name starts a line or follows a type."""
    code = house.bare_code((ROOT / path).read_text())
    return re.search(rf"^\w[\w \t*]*\b{name}\([^;{{}}]*\)\s*\{{", code, re.M) is not None


class Names(unittest.TestCase):

    def test_every_step_is_a_function(self):
        steps = [(page, *step) for page in PAGES for step in STEP.findall(page.read_text())]
        missing = [f"{page.name}: {path}:{name}" for page, path, name in steps
                   if not (ROOT / path).is_file() or not has_function(path, name)]
        self.assertEqual(missing, [])
        self.assertGreater(len(steps), 50)

    def test_a_missing_function_is_noticed(self):
        self.assertTrue(has_function("broker/server.c", "turn"))
        self.assertFalse(has_function("broker/server.c", "clock_mono_ms"))  # only called there
        self.assertFalse(has_function("broker/server.c", "tur"))

    def test_links_lead_somewhere(self):
        broken = [f"{page.relative_to(ROOT)}: {link}" for page in PAGES
                  for link in LINK.findall(CODE.sub("", page.read_text()))
                  if not leads_somewhere(page, link)]
        self.assertEqual(broken, [])

    def test_rooms_are_those_of_the_house(self):
        text = (ROOT / "docs/architecture.md").read_text()
        table = text[text.index("\n## Rooms"):text.index("**Tables instead of switches.**")]
        rows = re.findall(r"^\| `([\w/]+)/` \|.*\| (.*?) \|$", table, re.M)
        self.assertEqual({name for name, _ in rows}, set(house.ROOMS))
        for name, allowed in rows:
            if name not in ("tests", "deploy"):
                rooms = set(re.findall(r"\b(?:broker/(?:core|store)|base|proto|client)\b", allowed))
                self.assertEqual(rooms, set(house.ROOMS[name]), name)


def rows_of(page, heading):
    """The cells of the first table under a heading, as lists of texts."""
    text = (ROOT / page).read_text()
    text = text[text.index(f"\n{heading}\n"):]
    table = re.search(r"(?:^\|.*\n)+", text, re.M).group(0).splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in table]


def defined(path, macro):
    """The arguments of each row of a table in the source, as texts."""
    text = re.sub(r"/\*.*?\*/", " ", (ROOT / path).read_text(), flags=re.S)
    return [[word.strip().strip('"') for word in row.split(",")]
            for row in re.findall(rf"^{macro}\(([^)]*)\)", text, re.M)]


class Tables(unittest.TestCase):
    """Tables for people are those that the programs are made from."""

    def test_routes(self):
        told = [(method, path.strip("`")) for method, path, _ in rows_of("docs/http.md",
                                                                         "## Routes")]
        self.assertEqual(told, [(row[0], row[1]) for row in
                                defined("gateway/api/routes.def", "ROUTE")])

    def test_fields_of_a_submit(self):
        told = {name for row in rows_of("docs/http.md", "## Submitting")
                for name in re.findall(r"`(\w+)`", row[0])}
        self.assertEqual(told, {row[0] for row in defined("gateway/api/spec.def", "SPEC")}
                         | {"idempotency_key"})

    def test_errors(self):
        told = [(row[0].strip("`"), row[1]) for row in rows_of("docs/http.md", "## Errors")]
        made = [(row[1], row[2]) for row in defined("proto/errors.def", "ERROR")]
        self.assertEqual(told, made[:len(told)])
        for name, _ in made[len(told):]:  # these never leave the socket protocol
            self.assertRegex(name, "^UN(KNOWN|SUPPORTED)_")

    def test_parameters_of_routes(self):
        text = (ROOT / "docs/http.md").read_text()
        for row in re.findall(r'Q\("(\w+)"', (ROOT / "gateway/api/queries.def").read_text()):
            self.assertRegex(text, rf"`[?]?{row}(=\w+)?`", row)

    def test_variables_of_handlers(self):
        told = set(re.findall(r"\$(REEVE_\w+|TRACEPARENT)", " ".join(
            row[0] for row in rows_of("docs/handlers.md", "### What it gets"))))
        code = (ROOT / "worker/exec_job.c").read_text()
        self.assertEqual(told, set(re.findall(r'add(?:_number)?\(told, "(REEVE_\w+|TRACEPARENT)"',
                                              code)))

    def test_what_handlers_say(self):
        told = set(re.findall(r'"(\w+)":', " ".join(
            row[0] for row in rows_of("docs/handlers.md", "### What it says"))))
        code = (ROOT / "worker/tell.c").read_text()
        known = set(re.findall(r"F\(\d+, +\w+, +(\w+),", code))
        self.assertEqual(told - {"page", "text"}, known)

    def test_tests_of_promises_exist(self):
        rows = [row for heading in ("## Durability", "## Life of a job", "## Watching",
                                    "## Under load, and when things fail")
                for row in rows_of("docs/promises.md", heading)]
        self.assertGreater(len(rows), 20)
        for promise, checks, missing in rows:
            files = re.findall(r"`(tests/[\w./]+)`", checks)
            self.assertTrue(files or missing, promise)
            for file in files:
                self.assertTrue((ROOT / file).exists(), file)


class Rooms(unittest.TestCase):

    def test_files_that_a_room_names_are_there(self):
        for page in ROOMS:
            pattern = r"`([\w/]+\.(?:[ch]|def|map|trace|py|cmake))`"
            names = re.findall(pattern, page.read_text())
            for name in names:
                found = (page.parent / name).exists() or (ROOT / name).exists()
                library = any(re.fullmatch(header, name) for header, _ in house.LIBRARIES)
                self.assertTrue(found or library, f"{page.relative_to(ROOT)}: {name}")


def leads_somewhere(page, link):
    if re.match(r"https?://", link):
        return True
    path, _, fragment = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists():
        return False
    return not fragment or target.suffix != ".md" or fragment in anchors(target)


if __name__ == "__main__":
    unittest.main()
