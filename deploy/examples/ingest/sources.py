"""Finds the files to ingest and reads them, within bounds.

Links inside a folder are not followed: what they point to inside the folder is found under its
own name, and nothing outside the folder is read, so a link can neither make a loop nor leak a
file. Only regular files are opened.
"""

import os
import stat
from collections import Counter
from fnmatch import fnmatch

FILES_MAX = 200_000
WARNINGS_MAX = 20  # per reason; the rest is only counted

# Text by their bytes, but not written for people: pages' scripts and styles, drawings, data.
NOT_DOCUMENTS = (".css", ".eps", ".js", ".json", ".map", ".po", ".ps", ".svg")
# These reasons are everyday in any folder, so nobody is warned of them one by one.
QUIET = ("not a document", "no text")


class Skip(Exception):
    """A file that is left out: the reason in a few words, the same for all such files."""

    def __init__(self, reason, detail=""):
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class Skips:
    """Counts what was left out and why; warns of the first ones of each reason."""

    def __init__(self, job):
        self.job = job
        self.by_reason = Counter()

    def add(self, path, skip):
        self.by_reason[skip.reason] += 1
        if skip.reason in QUIET or self.by_reason[skip.reason] > WARNINGS_MAX:
            return
        self.job.log(f"Skipped {printable(path)}: {skip}", "warning", reason=skip.reason)

    def total(self):
        return sum(self.by_reason.values())

    def summary(self):
        return ", ".join(f"{n} {reason}" for reason, n in self.by_reason.most_common())


class Finder:
    """Walks files and folders in a fixed order; gives each document's path once."""

    def __init__(self, include, ignore, skips):
        self.include = include
        self.ignore = ignore
        self.skips = skips
        self.seen = set()

    def find(self, roots):
        """The roots are real paths that exist."""
        for root in roots:
            if os.path.isdir(root):
                yield from self._folder(root)
            elif self._fresh(root):
                yield root

    def _folder(self, root):
        waiting = [root]
        while waiting:
            folders = []
            for entry in self._entries(waiting.pop()):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif self._wanted(entry, root):
                    yield entry.path
            waiting.extend(reversed(folders))

    def _entries(self, folder):
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.skips.add(folder, Skip("unreadable", error.strerror))
            return []
        return [entry for entry in found if not entry.name.startswith(".")]

    def _wanted(self, entry, root):
        if not self._included(entry, root):
            return False
        try:
            check_entry(entry, root, self.include)
        except Skip as skip:
            self.skips.add(entry.path, skip)
            return False
        return not entry.is_symlink() and self._fresh(entry.path)

    def _included(self, entry, root):
        names = (entry.name, os.path.relpath(entry.path, root))
        wanted = not self.include or any(fnmatch(n, g) for g in self.include for n in names)
        return wanted and entry.path not in self.ignore

    def _fresh(self, path):
        fresh = path not in self.seen
        self.seen.add(path)
        return fresh


def check_entry(entry, root, include):
    """Raises Skip for what is in a folder but is no document by its name or nature."""
    if entry.is_symlink():
        check_link(entry.path, root)
    elif not entry.is_file(follow_symlinks=False):
        raise Skip("not a regular file")
    if printable(entry.path) != entry.path:
        raise Skip("name is not UTF-8")
    if not include and plain_name(entry.name).endswith(NOT_DOCUMENTS):
        raise Skip("not a document")


def check_link(path, root):
    """Links inside are met under the name they point to; the others deserve a word."""
    try:
        target = os.path.realpath(path, strict=True)
    except OSError as error:
        raise Skip("broken link", error.strerror) from None
    if target != root and not target.startswith(os.path.join(root, "")):
        raise Skip("link out of the folder")


def read_bounded(path, size_max):
    """The bytes and the stat of a regular file. Never blocks on a pipe or a device."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Skip("not a regular file")
            data = file.read(size_max + 1)
    except OSError as error:
        raise Skip("unreadable", error.strerror) from None
    if len(data) > size_max:
        raise Skip("too large", f"more than {size_max} bytes")
    return data, status


def stat_of(path):
    try:
        return os.stat(path, follow_symlinks=False)
    except OSError as error:
        raise Skip("unreadable", error.strerror) from None


def plain_name(name):
    """The name in lower case, without the ending of a compressed file."""
    return name.lower().removesuffix(".gz")


def printable(path):
    """A name of any bytes as text that fits into JSON."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
