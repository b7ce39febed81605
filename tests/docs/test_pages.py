"""The blocks of a page do what it says: `test_pages.py docs/http.md`. How they are run: page.py."""

import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

from page import run_page  # noqa: E402

# What the examples of docs/http.md call: one log line, one report, one result.
GREET = """#!/bin/sh
read -r params
echo "asked with $params" >&2
echo '{"greeting": "hello"}'
"""

if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="reeve-page-") as folder:
        greet = Path(folder, "greet")
        greet.write_text(GREET)
        greet.chmod(0o755)
        for path in sys.argv[1:]:
            run_page(path, handlers={"greet": greet})
