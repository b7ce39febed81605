/* The worker's session as traces: who says what, when, and what it answers. */
#include "tests/testing.h"
#include "tests/worker/session_script.h"

/* --- hello, beats, reconnects ---------------------------------------------------------------- */

TEST(greets_until_it_is_welcomed_with_growing_patience)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(2 [])"},
        {400, "tick", ""},
        {500, "tick", "reconnect hello(2 [])"},
        {1400, "tick", ""},
        {1500, "tick", "reconnect hello(2 [])"},
        {3500, "tick", "reconnect hello(2 [])"},
        {7500, "tick", "reconnect hello(2 [])"},
        {12500, "tick", "reconnect hello(2 [])"},
        {12510, "welcome", "welcomed"},
        {14509, "tick", ""},
        {14510, "tick", "beat(2 [])"},
    };
    SCRIPT_PLAY(2, rows);
}

TEST(beats_at_the_interval_that_welcome_dictates)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(2 [])"},
        {10, "welcome", "welcomed"},
        {1999, "tick", ""},
        {2010, "tick", "beat(2 [])"},
        {2020, "beat", ""},
        {2030, "dispatch A1", "run(A1)"},
        {4010, "tick", "beat(2 [A1])"},
        {4011, "beat", ""},
        {6010, "tick", "beat(2 [A1])"},
    };
    SCRIPT_PLAY(2, rows);
}

TEST(a_new_handler_is_listed_soon)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(3 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1", "run(A1)"},
        {30, "dispatch B2", "run(B2)"},
        {119, "tick", ""},
        {120, "tick", "beat(3 [A1 B2])"},
        {130, "tick", ""},
        {2119, "tick", ""},
        {2120, "tick", "beat(3 [A1 B2])"},
    };
    SCRIPT_PLAY(3, rows);
}

TEST(silence_of_the_broker_leads_to_a_new_connection)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1", "run(A1)"},
        {2010, "tick", "beat(1 [A1])"},
        {4010, "tick", "beat(1 [A1])"},
        {6010, "tick", "beat(1 [A1])"},
        {7009, "tick", ""},
        {7010, "tick", "reconnect hello(1 [A1])"},
        {7020, "welcome", "welcomed"},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(a_forgotten_session_is_taken_up_with_what_it_holds)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(2 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1 B2", "run(A1) run(B2)"},
        {30, "done A1 completed", "done#2(A1 completed)"},
        {2010, "tick", "beat(2 [A1 B2])"},
        {2011, "beat", ""},
        {4010, "tick", "beat(2 [A1 B2])"},
        {4020, "error UNKNOWN_SESSION 4", "hello(2 [A1 B2])"},
        {4021, "error UNKNOWN_SESSION 2", ""},
        {4030, "welcome", "welcomed done#6(A1 completed)"},
        {4040, "settled A1", ""},
        {4050, "error UNKNOWN_SESSION 6", ""}, /* again before a beat: not so fast */
        {6050, "tick", "reconnect hello(2 [B2])"},
    };
    SCRIPT_PLAY(2, rows);
}

TEST(a_refused_hello_is_said_and_tried_again_later)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "error UNSUPPORTED_VERSION 1", "note"},
        {11, "tick", ""},
        {500, "tick", "reconnect hello(1 [])"},
        {510, "error INVALID_REQUEST 2", "note"},
        {1499, "tick", ""},
    };
    SCRIPT_PLAY(1, rows);
}

/* A key that is not listed, or as something else: asking again would change nothing. */
TEST(a_worker_that_is_not_let_in_ends)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "error FORBIDDEN 1", "note refused"},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(a_worker_whose_key_is_taken_away_ends)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "welcome", "welcomed"},
        {20, "error FORBIDDEN 7", ""}, /* of something else */
        {30, "error UNAUTHORIZED 7", "note refused"},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(a_full_connection_is_left)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1", "run(A1)"},
        {30, "done A1 completed", "done#2(A1 completed)"},
        {31, "sendfail", "reconnect hello(1 [A1])"},
        {32, "sendfail", ""},
        {40, "welcome", "welcomed done#4(A1 completed)"},
    };
    SCRIPT_PLAY(1, rows);
}

/* --- dispatch, done, settled ------------------------------------------------------------------ */

TEST(a_result_is_held_until_it_is_settled)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1", "run(A1)"},
        {21, "dispatch A1", ""},
        {30, "done A1 completed", "done#2(A1 completed)"},
        {31, "done A1 failed", ""},
        {2010, "tick", "beat(1 [A1])"},
        {2011, "beat A1", ""}, /* stale: the answer to done is on its way */
        {5029, "tick", "beat(1 [A1])"},
        {5030, "tick", "done#5(A1 completed)"},
        {5031, "beat", ""},
        {5040, "settled A1", ""},
        {5041, "settled A1", ""},
        {7029, "tick", "beat(1 [])"},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(unanswered_results_are_sent_again_with_growing_patience)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {1, "welcome", "welcomed"},
        {2, "dispatch A1", "run(A1)"},
        {3, "done A1 failed X", "done#2(A1 failed:X)"},
        {2001, "tick", NULL},
        {2002, "beat", ""},
        {4001, "tick", NULL},
        {4002, "beat", ""},
        {5003, "tick", "done#5(A1 failed:X)"},
        {6001, "tick", NULL},
        {6002, "beat", ""},
        {8001, "tick", NULL},
        {8002, "beat", ""},
        {10004, "tick", NULL},
        {10005, "beat", ""},
        {12004, "tick", NULL},
        {12005, "beat", ""},
        {14004, "tick", NULL},
        {14005, "beat", ""},
        {15002, "tick", ""},
        {15003, "tick", "done#11(A1 failed:X)"},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(beyond_its_slots_a_dispatch_is_given_back)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1 B2", "run(A1) done#2(B2 released/released)"},
        {30, "settled B2", ""},
        {40, "done A1 completed", "done#3(A1 completed)"},
        {50, "dispatch C3", "run(C3)"}, /* A1 is not settled, but its slot is free */
    };
    SCRIPT_PLAY(1, rows);
}

TEST(many_results_share_a_message)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(3 [])"},
        {10, "dispatch A1 B2 C3", "run(A1) run(B2) run(C3)"}, /* before welcome: taken too */
        {20, "done A1 completed", ""},
        {21, "done B2 again", ""},
        {22, "done C3 failed E", ""},
        {30, "welcome", "welcomed done#2(A1 completed B2 again C3 failed:E)"},
        {40, "settled A1 B2 C3!", ""},
        {2030, "tick", "beat(3 [])"},
    };
    SCRIPT_PLAY(3, rows);
}

TEST(a_refused_result_fails_and_its_neighbours_do_not)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(2 [])"},
        {10, "dispatch A1 B2", "run(A1) run(B2)"},
        {20, "done A1 completed", ""},
        {21, "done B2 completed", ""},
        {30, "welcome", "welcomed done#2(A1 completed B2 completed)"},
        {40, "error INVALID_REQUEST 2", "done#3(A1 completed) done#4(B2 completed)"},
        {50, "settled A1", ""},
        {60, "error PAYLOAD_TOO_LARGE 4", "done#5(B2 failed:ResultRefused)"},
        {70, "error INVALID_REQUEST 5", ""}, /* no endless loop: it waits for its time */
    };
    SCRIPT_PLAY(2, rows);
}

TEST(what_was_refused_once_shares_no_message_any_more)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(3 [])"},
        {10, "dispatch C3 A1 B2", "run(C3) run(A1) run(B2)"},
        {20, "done A1 completed", ""},
        {21, "done B2 completed", ""},
        {30, "welcome", "welcomed done#2(A1 completed B2 completed)"},
        {40, "error INVALID_REQUEST 2", "done#3(A1 completed) done#4(B2 completed)"},
        {50, "done C3 completed", "done#5(C3 completed)"},
        {60, "sendfail", "reconnect hello(3 [C3 A1 B2])"},
        {70, "welcome", "welcomed done#7(C3 completed) done#8(A1 completed) done#9(B2 completed)"},
    };
    SCRIPT_PLAY(3, rows);
}

/* --- stops ------------------------------------------------------------------------------------ */

TEST(cancel_stops_the_handler_and_says_when_it_is_gone)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1", "run(A1)"},
        {30, "stop A1 cancelled 7000", "stop(A1 cancelled 7000) report#2(A1.1 told/cancelled)"},
        {2010, "tick", "beat(1 [A1])"},
        {2020, "beat A1", ""}, /* an ending lease is named stale: we know */
        {2030, "done A1 completed", "done#4(A1 ended/cancelled)"},
        {2040, "settled A1", ""},
        {2041, "stop A1 cancelled 7000", ""},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(a_timeout_is_enforced_here_and_fails_the_attempt)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1:500", "run(A1)"},
        {120, "tick", "beat(1 [A1])"},
        {519, "tick", ""},
        {520, "tick", "stop(A1 timeout 10000) report#3(A1.1 told/timeout)"},
        {600, "done A1 completed", "done#4(A1 failed/timeout:JobTimeoutError)"},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(what_was_measured_goes_along_however_it_ended)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(3 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1:500 B2 C3", "run(A1) run(B2) run(C3)"},
        {30, "stop B2 cancelled 500", "stop(B2 cancelled 500) report#2(B2.1 told/cancelled)"},
        {40, "done C3 completed boxed", "done#3(C3 completed[42])"},
        {50, "done B2 failed boxed", "done#4(B2 ended/cancelled[42])"},
        {520, "tick", "stop(A1 timeout 10000) beat(3 [A1 B2 C3])"},
        {530, "done A1 failed boxed",
         "report#6(A1.1 told/timeout) done#7(A1 failed/timeout[42]:JobTimeoutError)"},
    };
    SCRIPT_PLAY(3, rows);
}

TEST(a_question_counts_unless_the_handler_was_told_to_stop)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(4 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1 B2 C3:500 D4", "run(A1) run(B2) run(C3) run(D4)"},
        {30, "done A1 asked boxed", "done#2(A1 asked[42])"},
        {40, "stop B2 cancelled 500", "stop(B2 cancelled 500) report#3(B2.1 told/cancelled)"},
        {50, "done B2 asked", "done#4(B2 ended/cancelled)"},
        {520, "tick", "stop(C3 timeout 10000) beat(4 [A1 B2 C3 D4])"},
        {530, "done C3 asked",
         "report#6(C3.1 told/timeout) done#7(C3 failed/timeout:JobTimeoutError)"},
        {540, "release", "stop(D4 released 1000) beat(0 [A1 B2 C3 D4])"},
        {550, "done D4 asked", "report#9(D4.1 told/released) done#10(D4 asked/released)"},
    };
    SCRIPT_PLAY(4, rows);
}

TEST(one_that_was_silent_for_too_long_may_still_complete)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(3 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1 B2 C3", "run(A1) run(B2) run(C3)"},
        {30, "stop A1 stuck 500", "stop(A1 stuck 500) report#2(A1.1 told/stuck)"},
        {40, "done A1 failed X", "done#3(A1 ended/stuck)"},
        {50, "reported A1=1", ""},
        {60, "stop B2 stuck 500", "stop(B2 stuck 500) report#4(B2.1 told/stuck)"},
        {70, "done B2 completed", "done#5(B2 completed/stuck)"},
        {80, "reported B2=1", ""},
        {90, "stop C3 stuck 500", "stop(C3 stuck 500) report#6(C3.1 told/stuck)"},
        {100, "reported C3=1", ""},
        {110, "stop C3 cancelled 500", "stop(C3 cancelled 500) report#7(C3.2 told/cancelled)"},
        {120, "done C3 failed X", "beat(3 [A1 B2 C3]) done#9(C3 ended/cancelled)"},
    };
    SCRIPT_PLAY(3, rows);
}

TEST(a_cancel_counts_more_than_a_timeout)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1:500", "run(A1)"},
        {120, "tick", "beat(1 [A1])"},
        {520, "tick", "stop(A1 timeout 10000) report#3(A1.1 told/timeout)"},
        {530, "stop A1 cancelled 300", "stop(A1 cancelled 300)"},
        {535, "stop A1 cancelled 300", ""}, /* said again: it knows */
        {540, "stop A1 timeout 300", "beat(0 [A1])"},
        {600, "done A1 failed X",
         "beat(1 [A1]) report#6(A1.2 told/cancelled) done#7(A1 ended/cancelled)"},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(a_stale_handler_is_stopped_and_its_slot_offered_when_it_is_gone)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(2 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1", "run(A1)"},
        {2010, "tick", "beat(2 [A1])"},
        {2020, "beat A1", "stop(A1 stale 10000) beat(1 [A1])"},
        {2030, "beat A1", ""},
        {2040, "dispatch B2 C3", "run(B2) done#4(C3 released/released)"},
        {3000, "done A1 failed X", "beat(2 [A1 B2 C3]) done#6(A1 ended/stale)"},
        {3010, "settled A1! C3", ""},
    };
    SCRIPT_PLAY(2, rows);
}

TEST(a_stale_result_is_offered_all_the_same_and_refused)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1", "run(A1)"},
        {30, "stop A1 stale 100", "stop(A1 stale 100) beat(0 [A1])"},
        {40, "done A1 completed", "beat(1 [A1]) done#4(A1 completed/stale)"},
        {50, "settled A1!", ""},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(a_job_never_runs_beside_its_forgotten_twin)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(2 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1", "run(A1)"},
        {30, "dispatch A5:100", "stop(A1 stale 10000) beat(1 [A1 A5])"},
        {500, "tick", ""},
        {600, "done A1 failed X", "run(A5) beat(2 [A1 A5]) done#4(A1 ended/stale)"},
        {610, "settled A1!", ""},
        {699, "tick", ""},
        /* its time began with its handler */
        {700, "tick", "stop(A5 timeout 10000) report#5(A5.1 told/timeout)"},
        {710, "done A5 failed X", "done#6(A5 failed/timeout:JobTimeoutError)"},
    };
    SCRIPT_PLAY(2, rows);
}

TEST(a_dispatch_that_waits_for_its_twin_can_be_cancelled)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(2 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1", "run(A1)"},
        {30, "dispatch A5", "stop(A1 stale 10000) beat(1 [A1 A5])"},
        {40, "stop A5 cancelled 100", "done#3(A5 ended/cancelled)"},
        {50, "settled A5", ""},
        {600, "done A1 failed X", "beat(2 [A1]) done#5(A1 ended/stale)"},
    };
    SCRIPT_PLAY(2, rows);
}

/* --- the end ---------------------------------------------------------------------------------- */

TEST(drain_finishes_what_runs_and_takes_nothing_new)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(2 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1", "run(A1)"},
        {30, "drain", "beat(0 [A1])"},
        {40, "dispatch B2", "done#3(B2 released/released)"},
        {50, "settled B2", ""},
        {60, "done A1 completed", "done#4(A1 completed)"},
        {70, "settled A1", "bye ended"},
        {80, "dispatch C3", ""},
    };
    SCRIPT_PLAY(2, rows);
}

TEST(a_drained_worker_waits_for_a_broker_that_is_away)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "dispatch A1", "run(A1)"},
        {20, "drain", ""},
        {30, "done A1 completed", ""},
        {500, "tick", "reconnect hello(0 [A1])"},
        {900000, "tick", "reconnect hello(0 [A1])"},
        {900001, "welcome", "welcomed done#4(A1 completed)"},
        {900002, "settled A1", "bye ended"},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(an_idle_worker_drains_at_once)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "drain", "ended"},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(release_stops_all_and_gives_it_back)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(3 [])"},
        {10, "welcome", "welcomed"},
        {20, "dispatch A1 B2 C3", "run(A1) run(B2) run(C3)"},
        {30, "stop C3 cancelled 9000", "stop(C3 cancelled 9000) report#2(C3.1 told/cancelled)"},
        {40, "release",
         "stop(A1 released 1000) stop(B2 released 1000) stop(C3 cancelled 1000) "
         "beat(0 [A1 B2 C3])"},
        {41, "release", ""},
        {50, "done A1 failed X", "report#4(A1.1 told/released) done#5(A1 released/released)"},
        {60, "done B2 completed", "report#6(B2.1 told/released) done#7(B2 completed/released)"},
        {70, "done C3 failed X", "done#8(C3 ended/cancelled)"},
        {80, "settled A1 B2", ""},
        {90, "settled C3", "bye ended"},
    };
    SCRIPT_PLAY(3, rows);
}

TEST(a_released_worker_does_not_wait_for_ever)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "dispatch A1", "run(A1)"},
        {20, "release", "stop(A1 released 1000)"},
        {400, "done A1 failed X", ""},
        {500, "tick", "reconnect hello(0 [A1])"},
        {5019, "tick", NULL},
        {5020, "tick", "ended"},
    };
    SCRIPT_PLAY(1, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greets_until_it_is_welcomed_with_growing_patience),
        cmocka_unit_test(beats_at_the_interval_that_welcome_dictates),
        cmocka_unit_test(a_new_handler_is_listed_soon),
        cmocka_unit_test(silence_of_the_broker_leads_to_a_new_connection),
        cmocka_unit_test(a_forgotten_session_is_taken_up_with_what_it_holds),
        cmocka_unit_test(a_refused_hello_is_said_and_tried_again_later),
        cmocka_unit_test(a_worker_that_is_not_let_in_ends),
        cmocka_unit_test(a_worker_whose_key_is_taken_away_ends),
        cmocka_unit_test(a_full_connection_is_left),
        cmocka_unit_test(a_result_is_held_until_it_is_settled),
        cmocka_unit_test(unanswered_results_are_sent_again_with_growing_patience),
        cmocka_unit_test(beyond_its_slots_a_dispatch_is_given_back),
        cmocka_unit_test(many_results_share_a_message),
        cmocka_unit_test(a_refused_result_fails_and_its_neighbours_do_not),
        cmocka_unit_test(what_was_refused_once_shares_no_message_any_more),
        cmocka_unit_test(cancel_stops_the_handler_and_says_when_it_is_gone),
        cmocka_unit_test(a_timeout_is_enforced_here_and_fails_the_attempt),
        cmocka_unit_test(what_was_measured_goes_along_however_it_ended),
        cmocka_unit_test(a_question_counts_unless_the_handler_was_told_to_stop),
        cmocka_unit_test(one_that_was_silent_for_too_long_may_still_complete),
        cmocka_unit_test(a_cancel_counts_more_than_a_timeout),
        cmocka_unit_test(a_stale_handler_is_stopped_and_its_slot_offered_when_it_is_gone),
        cmocka_unit_test(a_stale_result_is_offered_all_the_same_and_refused),
        cmocka_unit_test(a_job_never_runs_beside_its_forgotten_twin),
        cmocka_unit_test(a_dispatch_that_waits_for_its_twin_can_be_cancelled),
        cmocka_unit_test(drain_finishes_what_runs_and_takes_nothing_new),
        cmocka_unit_test(a_drained_worker_waits_for_a_broker_that_is_away),
        cmocka_unit_test(an_idle_worker_drains_at_once),
        cmocka_unit_test(release_stops_all_and_gives_it_back),
        cmocka_unit_test(a_released_worker_does_not_wait_for_ever),
    };
    return TESTS_RUN(tests);
}
