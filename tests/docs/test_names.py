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

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/**/*.md"),
                ROOT / "broker/core/README.md", ROOT / "tests/README.md"])
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
                rooms = set(re.findall(r"\b(?:broker/core|broker/store|base|proto|client)\b", allowed))
                self.assertEqual(rooms, set(house.ROOMS[name]), name)


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
