"""kill -9 of the broker under load, again and again (D1, D2, D3, L1, L3).

Every submit that was answered is there, byte for byte; every other once or not at all; every job
ends exactly once; the workers are never started again.
"""

import unittest

from harness import LoadCase


class Short(LoadCase):
    def test_twenty_times(self):
        self.under_load(20, 150, lambda broker: broker.kill())


class Long(LoadCase):
    def test_a_hundred_times(self):
        self.under_load(100, 400, lambda broker: broker.kill())


if __name__ == "__main__":
    unittest.main(verbosity=2)
