"""Every command and program of README.md runs, in order, against a fleet like quickstart's."""

import sys
import unittest
from xml.etree import ElementTree

sys.dont_write_bytecode = True

from page import ROOT, Block, Failure, Page, blocks_of, run_page, same_json  # noqa: E402


class Readme(unittest.TestCase):

    def test_every_block_runs(self):
        run_page("README.md")

    def test_the_picture_is_one(self):
        picture = ElementTree.parse(ROOT / "docs/flow.svg").getroot()
        self.assertEqual(picture.tag, "{http://www.w3.org/2000/svg}svg")
        self.assertIn("prefers-color-scheme: dark", (ROOT / "docs/flow.svg").read_text())
        self.assertIn("](docs/flow.svg)", (ROOT / "README.md").read_text())


class Runner(unittest.TestCase):
    """The runner notices what a page gets wrong."""

    def test_blocks(self):
        found = blocks_of("a\n```sh x.sh\nb\n```\n```text\nc\n```\n```\nd\n```\n")
        self.assertEqual(found, [Block(2, "sh", "x.sh", "b\n"), Block(5, "text", "", "c\n"),
                                 Block(8, "", "", "d\n")])

    def test_what_fails(self):
        page = Page("README.md")
        self.addCleanup(page.close)
        for language, word, text in (
                ("sh", "", "false; true\n"), ("sh", "", "echo $unset\n"),
                ("sh", "elsewhere", "if\n"), ("sh", "quickstart", "deploy/quickstart\n"),
                ("perl", "", "1\n"), ("python", "", "1\n"), ("sh", "what", "true\n"),
                ("text", "", "never printed\n")):
            with self.assertRaises(Failure, msg=text):
                page.run_block(Block(1, language, word, text))
        page.run_block(Block(1, "sh", "", "word=one; echo $word two\n"))
        page.run_block(Block(1, "text", "", "one …\n"))
        with self.assertRaises(Failure):
            page.run_block(Block(1, "text", "", "two …\n"))
        page.run_block(Block(1, "sh", "", 'echo "{\\"a\\": \\"$word\\"}"\n'))
        page.run_block(Block(1, "json", "", '{"a": "o…"}'))
        with self.assertRaises(Failure):
            page.run_block(Block(1, "json", "", '{"a": "two"}'))

    def test_json(self):
        self.assertTrue(same_json({"a": 1, "…": "…"}, {"a": 1, "b": 2}))
        self.assertTrue(same_json([1, "…"], [1, 2, 3]))
        for expected, got in (({"a": 1}, {"a": 1, "b": 2}), ({"a": 1}, {}), ([1], [1, 2]),
                              (1, True), ("a", "b")):
            self.assertFalse(same_json(expected, got), (expected, got))


if __name__ == "__main__":
    unittest.main()
