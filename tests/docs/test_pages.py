"""A page's blocks do what it says: `test_pages.py docs/handlers.md`. How they are run: page.py."""

import sys

sys.dont_write_bytecode = True

from page import run_page  # noqa: E402

if __name__ == "__main__":
    for path in sys.argv[1:]:
        run_page(path)
