"""Each rule of the house catches what it should, and lets pass what is right."""

import os
import tempfile
import unittest

import house

HEAD = "/* A file of the tests. */\n"


def rules_broken(path, text):
    """The names of the rules that a file with this path and text breaks."""
    return {rule for _, _, rule, _ in house.check_source(house.Source(path, text))}


class Planted(unittest.TestCase):
    def bad(self, rule, path, text):
        with self.subTest(path=path, text=text):
            self.assertIn(rule, rules_broken(path, HEAD + text))

    def good(self, path, text):
        with self.subTest(path=path, text=text):
            self.assertEqual(set(), rules_broken(path, HEAD + text))

    def test_rooms(self):
        self.bad("include-room", "base/a.c", '#include "proto/codec.h"')
        self.bad("include-room", "proto/a.c", '#include "client/session.h"')
        self.bad("include-room", "broker/store/a.c", '#include "broker/core/core.h"')
        self.bad("include-room", "broker/store/a.c", '#include "broker/server.h"')
        self.bad("include-room", "broker/core/a.c", '#include "broker/store/arena.h"')
        self.bad("include-room", "broker/core/a.c", '#include "broker/server.h"')
        self.bad("include-room", "broker/server.c", '#include "client/session.h"')
        self.bad("include-room", "client/a.c", '#include "broker/core/core.h"')
        self.bad("include-room", "client/cli/a.c", '#include "worker/session.h"')
        self.bad("include-room", "client/a.c", "#include <reeve_worker.h>")
        self.bad("include-room", "worker/a.c", '#  include "broker/store/store.h"')
        self.bad("include-room", "gateway/api/a.c", '#include "worker/reeve_worker.h"')
        self.bad("include-room", "gateway/api/a.c", '#include "tests/testing.h"')
        self.bad("include-room", "broker/settings.def", '#include "gateway/settings.def"')
        self.good("base/a.c", '#include "base/buf.h"\n#include <stdio.h>')
        self.good("proto/a.c", '#include "base/buf.h"\n#include "proto/codec.h"')
        self.good("broker/core/a.c",
                  '#include "broker/store/store.h"\n#include "broker/store/record.h"')
        self.good("broker/main.c", '#include "broker/core/core.h"\n#include "broker/store/wal.h"')
        self.good("worker/a.c", '#include "client/conn.h"\n#include <reeve.h>')
        self.good("tests/sim/a.c", '#include "broker/store/store_mem.h"')
        self.good("deploy/examples/a.c", "#include <reeve.h>\n#include <stdio.h>")

    def test_paths_start_at_the_root(self):
        self.bad("include-path", "proto/a.c", '#include "codec.h"')
        self.bad("include-path", "proto/a.c", '#include "../base/buf.h"')

    def test_libraries(self):
        self.bad("library", "client/a.c", "#include <msgpack.h>")
        self.bad("library", "base/a.c", "#include <msgpack/pack.h>")
        self.bad("library", "broker/store/wal.c", "#include <lmdb.h>")
        self.bad("library", "broker/core/schedule.c", "#include <glib.h>")
        self.bad("library", "gateway/api/a.c", "#include <microhttpd.h>")
        self.bad("library", "broker/main.c", "#include <czmq.h>")
        self.bad("library", "broker/core/a.c", "#include <zmq.h>")
        self.bad("library", "client/session.c", "#include <zmsg.h>")
        self.bad("library", "base/a.c", "#include <czmq.h>")
        self.good("proto/a.c", "#include <msgpack.h>")
        self.good("broker/store/store_lmdb.c", "#include <lmdb.h>")
        self.good("broker/zones.c", "#include <glib.h>")
        self.good("gateway/http/server.c", "#include <microhttpd.h>")
        self.good("broker/server_send.c", "#include <czmq.h>")
        self.good("worker/socket.c", "#include <zmq.h>")
        self.good("gateway/link.c", "#include <czmq.h>")
        self.good("gateway/api/a.c", "#include <zlib.h>")
        self.good("tests/bench/a.c", "#include <czmq.h>\n#include <lmdb.h>")

    def test_pure(self):
        for call in ("time(NULL)", "rand()", 'open("x", 0)', "zmq_send(s, 0, 0, 0)", "read(0,0,0)",
                     "pthread_create(0, 0, 0, 0)", 'getenv("X")', "clock_gettime(0, 0)",
                     "random_u64()", "clock_wall_ms()", "!time (0)", "printf(0)",
                     'log_info("x", "y")'):
            self.bad("pure-call", "broker/core/a.c", f"int f(void)\n{{\n    return {call};\n}}")
            self.bad("pure-call", "client/session.c", f"int x = {call};")
        for header in ('"base/clock.h"', '"base/random.h"', "<pthread.h>", "<time.h>",
                       '"base/log.h"'):
            self.bad("pure-include", "worker/session_hello.c", f"#include {header}")
        self.good("broker/core/a.c", "void *f(void)\n{\n    return malloc(store_open(1));\n}")
        self.good("broker/core/a.c", "/* never calls time() */\nconst char *t = \"open(x)\";")
        self.good("broker/core/a.c", "int f(struct ops *ops)\n{\n    return ops->read(1);\n}")
        self.good("broker/core/a.c", "int lifetime(int runtime);\nint x = 1; // rand()")
        self.good("broker/server.c", '#include "base/clock.h"\nint x = time(0);')

    def test_shape(self):
        self.bad("file-length", "base/a.c", "int x;\n" * 1000)
        self.good("base/a.c", "int x;\n" * 999)
        self.bad("tab", "base/a.c", "\tint x;")
        self.bad("tab", "deploy/quickstart.sh", "\techo")
        self.bad("columns", "base/a.h", "/* " + "x" * 98)
        self.good("base/a.h", "/* " + "\u00e9" * 94 + " */")
        self.bad("columns", "proto/messages.def", "x" * 101)
        self.good("proto/PROTOCOL.md", "x" * 500)

    def test_head_comment(self):
        for path in ("base/a.c", "base/a.h", "proto/a.def"):
            self.assertIn("head-comment", rules_broken(path, "#include <stdio.h>\n" + HEAD))
            self.assertIn("head-comment", rules_broken(path, ""))
            self.assertNotIn("head-comment", rules_broken(path, HEAD))

    def test_left_behind(self):
        for word in ("TO" + "DO", "FIX" + "ME"):
            self.bad("left-behind", "base/a.c", f"/* {word}: later */")
            self.bad("left-behind", "docs/a.md", f"- {word} write this")
            self.bad("left-behind", "gateway/dashboard/a.js", f"// {word}")
        self.good("base/a.c", "int TO" + "DOS;")

    def test_python(self):
        for line in ("#!/usr/bin/env python3", "#!/usr/local/bin/python3", "#!/usr/bin/python"):
            self.assertIn("python", rules_broken("deploy/a", line + "\n"))
        self.assertEqual(set(), rules_broken("deploy/a", "#!/usr/bin/python3\nprint()\n"))


class Walk(unittest.TestCase):
    """The walk over a tree sees hand-written files, and only those."""

    def plant(self, root, path, text):
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def test_walk(self):
        with tempfile.TemporaryDirectory() as root:
            wrong = '#include "broker/core/core.h"\n'
            self.plant(root, "client/seen.c", wrong)
            self.plant(root, "deploy/seen", "#!/bin/sh\n\techo\n")
            self.plant(root, "gateway/new/deep/seen.h", wrong)
            self.plant(root, "build-asan/client/made.c", wrong)
            self.plant(root, ".git/hooks/made.c", wrong)
            self.plant(root, "client/__pycache__/made.c", wrong)
            self.plant(root, "client/data.bin", "\tTO" + "DO")
            seen = {path for path, _, _, _ in house.check(root)}
            self.assertEqual({"client/seen.c", "deploy/seen", "gateway/new/deep/seen.h"}, seen)

    def test_rooms_are_nested(self):
        self.assertEqual("broker/core", house.room_of("broker/core/job.c"))
        self.assertEqual("broker", house.room_of("broker/main.c"))
        self.assertEqual(None, house.room_of("README.md"))
        self.assertEqual(None, house.room_of("basement/a.c"))


if __name__ == "__main__":
    unittest.main()
