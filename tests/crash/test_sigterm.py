"""SIGTERM of the broker under load, again and again (O5): exit status 0, within its bound, and
nothing is lost.
"""

import time
import unittest

from harness import LoadCase

BOUND = 10.0  # seconds; the sockets linger for one, a sanitizer looks for leaks at the end


class Sigterm(LoadCase):
    def stop(self, broker):
        began = time.monotonic()
        self.assertEqual(broker.stop(BOUND), 0, broker.log)
        self.slowest = max(self.slowest, time.monotonic() - began)

    def again_and_again(self, times, answers_max):
        self.slowest = 0.0
        self.under_load(times, answers_max, self.stop)
        print(f"the slowest of {times} took {self.slowest:.2f} s", flush=True)


class Short(Sigterm):
    def test_twenty_times(self):
        self.again_and_again(20, 150)


class Long(Sigterm):
    def test_two_hundred_times(self):
        self.again_and_again(200, 150)


if __name__ == "__main__":
    unittest.main(verbosity=2)
