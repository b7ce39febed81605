"""The tree keeps the rules of the house."""

import os
import sys

import house


def main():
    root = os.environ.get("REEVE_SOURCE") or os.path.join(os.path.dirname(__file__), "..", "..")
    count = sum(1 for _ in house.sources(root))
    broken = house.check(root)
    for path, line, rule, message in broken:
        print(f"{path}:{line}: {rule}: {message}")
    print(f"{count} files read, {len(broken)} rules broken")
    # A walk that finds next to nothing would pass for the wrong reason.
    return 1 if broken or count < 50 else 0


if __name__ == "__main__":
    sys.exit(main())
