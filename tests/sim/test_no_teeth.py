"""No program or library of a usual build contains a planted bug, nor a word of it."""

import os
import subprocess
import sys

PROGRAMS = ("reeve-broker", "reeve-worker", "reeve-gateway", "reeve")


def names(source):
    with open(os.path.join(source, "base", "teeth.def"), encoding="utf-8") as file:
        return [line.split("(")[1].split(",")[0] for line in file if line.startswith("TOOTH_ROW(")]


def libraries(build):
    for folder, _, files in os.walk(build):
        for name in files:
            if name.endswith(".a") or ".so" in name:
                yield os.path.join(folder, name)


def main():
    build, source = os.environ["REEVE_BUILD"], os.environ["REEVE_SOURCE"]
    teeth = names(source)
    files = [os.path.join(build, name) for name in PROGRAMS] + sorted(libraries(build))
    bad = 0
    for path in files:
        with open(path, "rb") as file:
            content = file.read()
        symbols = subprocess.run(["nm", "-a", path], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, check=False).stdout
        found = [name for name in teeth if b"TOOTH_" + name.encode() in content]
        if found or b"tooth_planted" in content or b"tooth_planted" in symbols:
            print(f"{path}: has planted bugs {found}")
            bad += 1
    print(f"{len(teeth)} planted bugs, {len(files)} programs and libraries, {bad} with one")
    # A list that is next to empty would pass for the wrong reason.
    return 1 if bad or len(files) < 8 or not teeth else 0


if __name__ == "__main__":
    sys.exit(main())
