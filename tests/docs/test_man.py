"""Man pages are made from --help: one for each program and each command of `reeve`, named right."""

import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(os.environ.get("REEVE_SOURCE") or Path(__file__).resolve().parents[2])
sys.path.insert(0, str(ROOT / "tests/lib"))

from reeve_fleet import build_folder  # noqa: E402


@unittest.skipUnless(shutil.which("help2man"), "help2man is not installed")
class Man(unittest.TestCase):

    def test_every_page(self):
        subprocess.run(["cmake", "--build", build_folder(), "--target", "man"], check=True,
                       stdout=subprocess.DEVNULL)
        table = (ROOT / "client/cli/commands.def").read_text()
        commands = re.findall(r"^COMMAND\(\w+, (\w+),", table, re.M)
        self.assertGreater(len(commands), 10)
        for name in ["reeve", "reeve-broker", "reeve-worker", "reeve-gateway",
                     *(f"reeve-{command}" for command in commands)]:
            page = (build_folder() / f"man/{name}.1").read_text().replace("\\-", "-")
            self.assertRegex(page, rf"\.SH NAME\n{name} - \w", name)
            self.assertRegex(page, r"\.SH OPTIONS|\.SS .Options", name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
