"""libreeve as others meet it: what it exports, and that programs build against what is installed.

Must never touch the build folder: it installs into a folder of its own.
"""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD = os.environ["REEVE_BUILD"]
PROGRAM = """
#include <reeve.h>
#include <stdio.h>
int main(void)
{
    struct reeve_options options = {0};
    struct reeve *reeve = NULL;
    options.broker = "nonsense";
    if (reeve_connect(&options, &reeve) != REEVE_INVALID_REQUEST)
        return 1;
    options.broker = "tcp://127.0.0.1:1";
    options.timeout_ms = 50;
    if (reeve_connect(&options, &reeve) != REEVE_OK)
        return 2;
    if (reeve_stats(reeve, NULL) != REEVE_UNAVAILABLE)
        return 3;
    puts(reeve_error(reeve)->name);
    reeve_close(&reeve);
    return 0;
}
"""
PROJECT = """
cmake_minimum_required(VERSION 3.20)
project(Consumer LANGUAGES C)
find_package(Reeve 0.1 REQUIRED)
add_executable(shared program.c)
target_link_libraries(shared PRIVATE Reeve::reeve)
add_executable(static program.c)
target_link_libraries(static PRIVATE Reeve::reeve_static)
"""


def output(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command} failed: {done.stdout}{done.stderr}")
    return done.stdout


def cached(name):
    """A variable of the build's own configuration."""
    with open(os.path.join(BUILD, "CMakeCache.txt"), encoding="utf-8") as file:
        found = re.search(rf"^{name}:[A-Z]+=(.*)$", file.read(), re.M)
    return found.group(1) if found else ""


def sanitizer_flags():
    sanitize = cached("REEVE_SANITIZE")
    return [] if sanitize in ("", "none") else [f"-fsanitize={sanitize}"]


def exported(library, *options):
    lines = output("nm", "--defined-only", *options, library).splitlines()
    fields = [line.split() for line in lines]
    return [field[2].split("@")[0] for field in fields if len(field) == 3 and field[1] != "A"]


class Exports(unittest.TestCase):
    def check(self, names):
        self.assertIn("reeve_submit", names)
        self.assertEqual([], [name for name in names if not name.startswith("reeve_")])

    def test_shared(self):
        self.check(exported(f"{BUILD}/lib/libreeve.so", "-D"))

    def test_static(self):
        self.check(exported(f"{BUILD}/lib/libreeve.a", "-g"))

    def test_both_are_the_same(self):
        self.assertEqual(sorted(exported(f"{BUILD}/lib/libreeve.so", "-D")),
                         sorted(exported(f"{BUILD}/lib/libreeve.a", "-g")))

    def test_name_of_the_interface(self):
        self.assertIn("[libreeve.so.0]", output("readelf", "-d", f"{BUILD}/lib/libreeve.so"))


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="reeve-library-")
        cls.prefix = os.path.join(cls.folder, "usr")
        for component in ("libreeve", "libreeve-dev"):
            output("cmake", "--install", BUILD, "--prefix", cls.prefix, "--component", component)
        cxx = PROGRAM.replace("(void)", "()").replace("{0}", "{}")
        for name, text in (("program.c", PROGRAM), ("program.cc", cxx),
                           ("CMakeLists.txt", PROJECT)):
            with open(os.path.join(cls.folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        found = [path for path, _, files in os.walk(cls.prefix) if "reeve.pc" in files]
        cls.environment = {**os.environ, "PKG_CONFIG_PATH": found[0], "LC_ALL": "C",
                           "LD_LIBRARY_PATH": os.path.dirname(found[0])}
        cls.compiler = cached("CMAKE_C_COMPILER")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def run_program(self, path):
        self.assertEqual("UNAVAILABLE\n", output(path, env=self.environment))

    def flags(self, *options):
        return output("pkg-config", *options, "reeve", env=self.environment).split()

    def build(self, compiler, source, out, *flags):
        output(compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", *sanitizer_flags(), source,
               "-o", out, *flags, cwd=self.folder, env=self.environment)
        self.run_program(os.path.join(self.folder, out))

    def test_c(self):
        self.build(self.compiler, "program.c", "shared", "-std=c99",
                   *self.flags("--cflags", "--libs"))

    def test_c_with_the_static_library(self):
        archive = [flag[2:] + "/libreeve.a" for flag in self.flags("--libs-only-L")
                   if os.path.exists(flag[2:] + "/libreeve.a")]
        needs = [flag for flag in self.flags("--static", "--libs") if flag != "-lreeve"]
        self.build(self.compiler, "program.c", "static", *self.flags("--cflags"), archive[0],
                   *needs)

    def test_cxx(self):
        compiler = {"gcc": "g++", "clang": "clang++"}.get(os.path.basename(self.compiler), "c++")
        if not shutil.which(compiler):
            self.skipTest(f"{compiler} is not installed")
        self.build(compiler, "program.cc", "shared-cxx", "-std=c++11",
                   *self.flags("--cflags", "--libs"))

    def test_cmake(self):
        flags = " ".join(sanitizer_flags())
        output("cmake", "-S", ".", "-B", "build", "-G", "Ninja",
               f"-DCMAKE_PREFIX_PATH={self.prefix}",
               f"-DCMAKE_C_COMPILER={self.compiler}", f"-DCMAKE_C_FLAGS={flags}",
               cwd=self.folder, env=self.environment)
        output("cmake", "--build", "build", cwd=self.folder, env=self.environment)
        for kind in ("shared", "static"):
            self.run_program(os.path.join(self.folder, "build", kind))


if __name__ == "__main__":
    unittest.main(verbosity=2)
