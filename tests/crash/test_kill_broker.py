"""kill -9 of the broker under load, again and again (D1, D2, D3, L1, L3).

Every submit that was answered is there, byte for byte; every other once or not at all; every job
ends exactly once; the workers are never started again.
"""

import time
import unittest

from harness import Audit, CrashCase, wait_all_ended, wait_until

# Losing a job's dispatch to a crash counts as an attempt that took its worker down.
PATIENT = {"max_lost": 1000}


class KillBroker(CrashCase):
    def under_load(self, kills, answers_max):
        """Kills the broker `kills` times, each time some answers after it was there again."""
        broker = self.start_broker()
        crews = [self.start_crew(name=f"crew {n}") for n in range(2)]
        load = self.start_load(spec=PATIENT)
        for _ in range(kills):
            goal = load.answered + self.random.randrange(1, answers_max)
            wait_until(lambda: load.answered >= goal or load.problem, 60, "more answers", 0.002)
            time.sleep(self.random.random() * 0.01)  # not always right after an answer
            broker.kill()
            broker = self.start_broker()
        load.stop()
        producer = self.producer()
        wait_all_ended(producer)
        self.assertTrue(all(crew.is_alive() for crew in crews))
        self.check(load, crews, producer)

    def check(self, load, crews, producer):
        audited = Audit(self, producer, load.submits).run()
        fences = sum((crew.fences for crew in crews), [])
        self.assertEqual(len(set(fences)), len(fences), "a fence came twice")
        again = sum(sum(crew.runs.values()) - len(crew.runs) for crew in crews)
        print(f"{audited} jobs audited, {len(load.submits) - audited} unanswered, "
              f"{again} run more than once", flush=True)


class Short(KillBroker):
    def test_twenty_times(self):
        self.under_load(20, 150)


class Long(KillBroker):
    def test_a_hundred_times(self):
        self.under_load(100, 400)


if __name__ == "__main__":
    unittest.main(verbosity=2)
