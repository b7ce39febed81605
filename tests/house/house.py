"""The rules of the house as functions: who may include whom, what must be pure, how files look.

Must never change a file. Each rule gets a Source and yields (line, rule, message); check() walks a
tree and gathers them. The tables on top are the only place where rooms are listed for the tests.
"""

import os
import re
from typing import NamedTuple

# Rooms, the longest path first where one lies in another, and the rooms each may include from.
ROOMS = {
    "base": (),
    "proto": ("base",),
    "broker/store": ("base", "proto"),
    "broker/core": ("base", "proto"),
    "broker": ("base", "proto", "broker/core", "broker/store"),
    "client": ("base", "proto"),
    "worker": ("base", "proto", "client"),
    "gateway": ("base", "proto", "client"),
    "deploy": (),
    "tests": ("base", "proto", "broker", "broker/core", "broker/store", "client", "worker",
              "gateway"),
}

# Single files a room may include from a room that is otherwise closed to it.
EXTRA = {
    "broker/core": ("broker/store/store.h", "broker/store/record.h"),
    "deploy": ("reeve.h", "reeve_worker.h"),
}

# Public headers are also known by their installed names.
PUBLIC = {"reeve.h": "client", "reeve_worker.h": "worker"}

# Libraries with one home: the header, and the files that may include it; tests always may.
LIBRARIES = (
    (r"msgpack(\.h|/.*)", r"proto/.*"),
    (r"lmdb\.h", r"broker/store/store_lmdb\.c"),
    (r"(glib|gio|gobject)(\.h|/.*)", r"broker/zones\.c"),
    (r"microhttpd\.h", r"gateway/http/.*"),
    (r"(czmq|zmq|zmq_utils|z[a-z]+)\.h",
     r"(broker/server|client/socket|worker/socket|gateway/link)\w*\.[ch]"),
)

# Pure code, and what it must not include or call. `zlib.h` and `zstd.h` are no part of czmq.
PURE = r"broker/core/.*|client/session\w*\.[ch]|worker/session\w*\.[ch]"
IMPURE_HEADERS = re.compile(
    r"base/(clock|random|file|signals|notify|log|settings)\.h"
    r"|(pthread|threads|time|sys/time|sys/random|sys/socket|fcntl|unistd|poll|signal)\.h")
IMPURE_CALLS = re.compile(
    r"(?<![\w.>])("
    r"time|clock|gettimeofday|localtime\w*|gmtime\w*|mktime|strftime|timespec_get|sleep|usleep"
    r"|nanosleep|clock_\w+|rand|rand_r|srand\w*|random\w*|drand48|getrandom|arc4random\w*"
    r"|open|openat|creat|fopen|fdopen|freopen|socket|read|write|pread|pwrite|close|unlink|rename"
    r"|printf|fprintf|puts|fputs|perror|fork|system|exec\w+|kill|signal|getpid|getenv"
    r"|secure_getenv|setenv|unsetenv|zmq_\w+|pthread_\w+|thrd_\w+|mtx_\w+|mdb_\w+|log_\w+"
    r")\s*\(")

LINES_MAX = 1000
COLUMNS_MAX = 100
C_FILES = (".c", ".h", ".def")
CODE_FILES = C_FILES + (".py", ".sh", ".cmake")
TEXT_FILES = CODE_FILES + (".js", ".css", ".html", ".md", ".in", ".service", ".yml", ".yaml")
LEFT_BEHIND = re.compile(r"\b(TO" + r"DO|FIX" + r"ME)\b")
NOT_LIBRARIES_OF_CZMQ = ("zlib.h", "zstd.h")
SKIPPED_FOLDERS = (".git", "__pycache__", "node_modules", ".venv")


class Source(NamedTuple):
    """One file: its path from the root of the tree, with slashes, and its text."""

    path: str
    text: str

    def lines(self):
        return self.text.splitlines()


def room_of(path):
    """The room a file lives in, the innermost one; None for files at the top of the tree."""
    rooms = [room for room in ROOMS if path.startswith(room + "/")]
    return max(rooms, key=len, default=None)


def bare_code(text):
    """C without its comments and the insides of its strings, line for line."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        found = match.group(0)
        return '""' if found[0] in "\"'" else "\n" * found.count("\n") + " "

    return pattern.sub(blank, text)


def includes(source):
    """(line, name, quoted) of every #include."""
    pattern = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
    for number, line in enumerate(source.lines(), 1):
        found = pattern.match(line)
        if found:
            yield number, found.group(2), found.group(1) == '"'


def rule_rooms(source):
    """Who may include whom."""
    if not source.path.endswith(C_FILES):
        return
    own = room_of(source.path)
    for number, name, quoted in includes(source):
        other = PUBLIC.get(name) or room_of(name)
        if other is None and quoted:
            yield number, "include-path", f'"{name}" does not start at the root of the tree'
        if other is None or other == own:
            continue
        if other not in ROOMS.get(own, ()) and name not in EXTRA.get(own, ()):
            yield number, "include-room", f"{own or 'the top folder'} may not include {name}"


def rule_libraries(source):
    """Libraries that live in one place only."""
    if not source.path.endswith(C_FILES) or source.path.startswith("tests/"):
        return
    for number, name, quoted in includes(source):
        if quoted or name in NOT_LIBRARIES_OF_CZMQ:
            continue
        for header, homes in LIBRARIES:
            if re.fullmatch(header, name) and not re.fullmatch(homes, source.path):
                yield number, "library", f"<{name}> is only for {homes}"


def rule_pure(source):
    """The core and the sessions get time, randomness and everything else as data."""
    if not re.fullmatch(PURE, source.path) or not source.path.endswith(C_FILES):
        return
    for number, name, _ in includes(source):
        if IMPURE_HEADERS.fullmatch(name):
            yield number, "pure-include", f"{name} in pure code"
    for number, line in enumerate(bare_code(source.text).splitlines(), 1):
        for found in IMPURE_CALLS.finditer(line):
            yield number, "pure-call", f"{found.group(1)}() in pure code"


def rule_shape(source):
    """Length, tabs, columns and the comment every C file starts with."""
    lines = source.lines()
    if len(lines) > LINES_MAX and not source.path.endswith(".md"):
        yield len(lines), "file-length", f"{len(lines)} lines; at most {LINES_MAX}"
    if source.path.endswith(C_FILES) and not source.text.startswith("/*"):
        yield 1, "head-comment", "does not start with a comment saying what it is"
    if not is_code(source):
        return
    for number, line in enumerate(lines, 1):
        if "\t" in line:
            yield number, "tab", "a tab"
        if len(line) > COLUMNS_MAX:
            yield number, "columns", f"{len(line)} columns; at most {COLUMNS_MAX}"


def rule_left_behind(source):
    """Nothing is left for later."""
    for number, line in enumerate(source.lines(), 1):
        found = LEFT_BEHIND.search(line)
        if found:
            yield number, "left-behind", f"a {found.group(1)}"


def rule_python(source):
    """Other Pythons may come first in PATH: scripts name Debian's."""
    first = source.text.split("\n", 1)[0]
    if first.startswith("#!") and "python" in first and first.strip() != "#!/usr/bin/python3":
        yield 1, "python", f"'{first}' instead of '#!/usr/bin/python3'"


RULES = (rule_rooms, rule_libraries, rule_pure, rule_shape, rule_left_behind, rule_python)


def is_code(source):
    return source.path.endswith(CODE_FILES) or source.text.startswith("#!")


def sources(root):
    """Every text file of the tree that is written by hand: no build folder, nothing of git."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders
                            if name not in SKIPPED_FOLDERS and not name.startswith("build"))
        for name in sorted(files):
            full = os.path.join(folder, name)
            source = read_source(full, os.path.relpath(full, root))
            if source:
                yield source


def read_source(full, path):
    """A Source, or None for what is no text or of no kind we know."""
    if os.path.islink(full) or not os.path.isfile(full):
        return None
    with open(full, "rb") as file:
        content = file.read()
    known = path.endswith(TEXT_FILES) or path.endswith("CMakeLists.txt")
    if not known and not content.startswith(b"#!"):
        return None
    return Source(path.replace(os.sep, "/"), content.decode("utf-8", "replace"))


def check_source(source):
    """[(path, line, rule, message)] of one file."""
    return [(source.path, line, rule, message)
            for each in RULES for line, rule, message in each(source)]


def check(root):
    """The same of a whole tree."""
    return [broken for source in sources(root) for broken in check_source(source)]
