"""Everything at once, by chance: brokers killed, drained and stopped, workers killed, drained and
stopped, links cut, under load. Then all heals, every job ends, and the audit must find nothing.
"""

import time
import unittest

from handlers import TWINS, handlers_alive, lines_of
from harness import LoadCase, wait_until
from proxy import Proxy


class Nemesis(LoadCase):
    broker_options = ("--heartbeat", "400ms", "--lost-after", "3s")

    def torment(self, seconds):
        self.broker = self.start_broker()
        self.proxy = Proxy(self.fleet.workers)
        self.addCleanup(self.proxy.close)
        crews = [self.start_crew(name="near", longest=1.5, slots=60),
                 self.start_crew(name="far", longest=1.5, slots=60,
                                 endpoint=self.proxy.endpoint)]
        self.hands = [self.start_hand() for _ in range(3)]
        load = self.start_load(spec=dict(self.patient, max_attempts=1),
                               types=self.types, rate=60)
        deadline, done = time.monotonic() + seconds, []
        while time.monotonic() < deadline:
            self.wait_answers(load, self.random.randrange(1, 40))
            deed = self.random.choice(self.deeds)
            done.append(deed.__name__)
            deed(self)
        load.stop()
        self.audit(load, crews)
        self.assertEqual(lines_of(self.fleet.folder / "twins"), [])
        wait_until(lambda: not handlers_alive(self.fleet.folder), 10, "no handler is left")
        print({name: done.count(name) for name in sorted(set(done))}, flush=True)

    def start_hand(self):
        script = self.fleet.script("cat.sh", TWINS + "cat\n")
        return self.fleet.worker(handlers={"cat": script}, concurrency=3,
                                 env={"CRASH": self.fleet.folder})

    def kill_broker(self):
        self.broker.kill()
        self.broker = self.start_broker()

    def stop_broker(self):
        self.assertEqual(self.broker.stop(), 0, self.broker.log)
        self.broker = self.start_broker()

    def pause_broker(self):
        self.broker.pause()
        time.sleep(self.random.random() * 5)
        self.broker.resume()

    def kill_hand(self):
        n = self.random.randrange(3)
        self.hands[n].kill()
        self.hands[n] = self.start_hand()

    def stop_hand(self):
        n = self.random.randrange(3)
        self.assertEqual(self.hands[n].stop(), 0, self.hands[n].log)
        self.hands[n] = self.start_hand()

    def pause_hand(self):
        hand = self.random.choice(self.hands)
        hand.pause()
        time.sleep(self.random.random() * 5)
        hand.resume()

    def cut_link(self):
        self.proxy.cut()

    def freeze_link(self):
        self.proxy.freeze()
        time.sleep(self.random.random() * 5)
        self.proxy.thaw()

    deeds = (kill_broker, kill_broker, stop_broker, pause_broker, kill_hand, kill_hand, stop_hand,
             pause_hand, cut_link, freeze_link)


class Long(Nemesis):
    def test_a_bad_day(self):
        self.torment(90)


if __name__ == "__main__":
    unittest.main(verbosity=2)
