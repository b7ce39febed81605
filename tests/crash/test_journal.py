"""The journal of all events: in order and without a gap through kills, to each owner its own alone,
and never more than its bounds."""

import unittest

from harness import CrashCase, wait_all_ended, wait_until

LEFT_OUT = ("log", "progress")


def read_all(producer, after=0, **fields):
    """Every event after `after`, page by page, and the last answer."""
    events, more = [], True
    while more:
        page = producer.ask("get_journal", {"after": after, "limit": 500, **fields})
        assert page.get("next", 0) >= after
        events += page["events"]
        after, more = page.get("next", 0), page.get("more")
    return events, page


class Short(CrashCase):
    def admin(self):
        return self.producer(role="admin")

    def check_against_jobs(self, admin, events):
        """What each job's own table has, the journal has too, in the order of seq."""
        seqs = [event["seq"] for event in events]
        self.assertEqual(seqs, sorted(set(seqs)))
        by_job = {}
        for event in events:
            by_job.setdefault(event["job"], []).append((event["rev"], event["seq"], event["type"]))
        for job, found in by_job.items():
            own = admin.events(job)["events"]
            self.assertEqual(found, [(event["rev"], event["seq"], event["type"]) for event in own
                                     if event["type"] not in LEFT_OUT], job)

    def test_order_without_a_gap_through_kills(self):
        broker = self.start_broker()
        crew = self.start_crew(name="crew")
        load = self.start_load(spec={"max_lost": 1000})
        followed, after = [], 0
        for _ in range(3):
            goal = load.answered + 60
            wait_until(lambda: load.answered >= goal or load.problem, 60, "answers", 0.002)
            broker.kill()
            broker = self.start_broker()
            page = self.admin().ask("get_journal", {"after": after, "limit": 1000})
            followed += page["events"]
            after = page["next"]
        load.stop()
        admin = self.admin()
        wait_all_ended(admin)
        self.assertTrue(crew.is_alive())
        events, _ = read_all(admin)
        self.assertGreater(len(events), 500)
        self.check_against_jobs(admin, events)
        answered = {job for submit in load.submits for job in submit.answered or ()}
        self.assertLessEqual(answered, {event["job"] for event in events})
        # Whoever followed it through the kills has seen the same, and goes on from there.
        rest, _ = read_all(admin, after)
        self.assertEqual(followed + rest, events)

    def test_to_each_its_own(self):
        self.start_broker()
        ann, bob = self.producer(owner="ann"), self.producer(owner="bob")
        jobs = {who: [who.submit(type=f"t{n}")["id"] for n in range(5)] for who in (ann, bob)}
        for who in (ann, bob):
            events, _ = read_all(who, of_owner="bob")
            self.assertEqual([event["job"] for event in events], jobs[who])
        admin = self.admin()
        self.assertEqual(len(read_all(admin)[0]), 10)
        self.assertEqual([event["job"] for event in read_all(admin, of_owner="bob")[0]], jobs[bob])
        self.assertEqual(read_all(admin, types=["cancelled"])[0], [])
        self.assertEqual(len(read_all(admin, types=["submitted", "cancelled"])[0]), 10)

    def test_never_more_than_its_size(self):
        self.start_broker("--journal-size", "4k")
        admin = self.admin()
        for n in range(300):
            admin.submit(type=f"type-{n:060}")  # one batch each, of some hundred bytes
        events, page = read_all(admin)
        self.assertLess(len(events), 60)
        self.assertGreater(len(events), 10)
        self.assertEqual(page["oldest"], events[0]["seq"])
        self.assertEqual([event["seq"] for event in events],
                         list(range(301 - len(events), 301)))
        self.assertTrue(admin.ask("get_journal", {}).get("missed"))
        last = admin.ask("get_journal", {"after": events[0]["seq"] - 1})
        self.assertFalse(last.get("missed"))

    def test_never_older_than_its_age_and_none_at_all(self):
        broker = self.start_broker()
        admin = self.admin()
        for n in range(100):
            admin.submit(type=f"type-{n}")
        self.assertEqual(len(read_all(admin)[0]), 100)
        broker.stop()
        broker = self.start_broker("--journal-age", "1s")
        admin = self.admin()

        def trimmed():
            admin.submit(type="b")
            return admin.ask("get_journal", {}).get("oldest", 0) > 100
        wait_until(trimmed, 20, "what is older than a second goes")
        broker.stop()
        broker = self.start_broker("--journal-size", "0")
        admin = self.admin()
        admin.submit(type="c")
        wait_until(lambda: "oldest" not in admin.ask("get_journal", {}), 20, "nothing is kept")
        broker.stop()
        self.start_broker()
        admin = self.admin()
        job = admin.submit(type="d")["id"]
        self.assertEqual([event["job"] for event in read_all(admin)[0]], [job])

    def test_on_the_command_line(self):
        self.start_broker()
        job = self.fleet.cli("submit", "made").stdout.strip()
        self.fleet.cli("cancel", job, "--reason", "why not")
        page = self.fleet.cli_json("journal", "--limit", "1")
        self.assertEqual([event["type"] for event in page["events"]], ["submitted"])
        self.assertTrue(page["more"])
        lines = self.fleet.cli("journal", "--after", page["next"]).stdout.splitlines()
        self.assertEqual(len(lines), 1)
        self.assertEqual(lines[0].split("\t")[2:], [job, "cancelled", "cancelled", "made",
                                                    "default", "anonymous", "why not"])
        following = self.fleet.cli("journal", "-f", "--limit", "2", "--json", "--type",
                                   "cancelled,submitted")
        self.assertEqual([line.count('"job":') for line in following.stdout.splitlines()], [1, 1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
