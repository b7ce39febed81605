/* What handlers report, as traces of the session: numbers, coalescing, bounds, resends. */
#include "tests/testing.h"
#include "tests/worker/session_script.h"

#define RUNNING(slots)                   \
    {0, "tick", "hello(" #slots " [])"}, \
    {                                    \
        1, "welcome", "welcomed"         \
    }

TEST(reports_are_numbered_and_kept_until_stored)
{
    static const struct script_row rows[] = {
        RUNNING(1),
        {10, "dispatch A1", "run(A1)"},
        {20, "log A1 one", "report#2(A1.1 'one')"},
        {21, "log A1 two", ""}, /* one batch is on its way at a time */
        {22, "log A1 three", ""},
        {30, "reported A1=1", "report#3(A1.2 'two' A1.3 'three')"},
        {31, "sendfail", "reconnect hello(1 [A1])"},
        {32, "log A1 four", ""},
        {40, "welcome", "welcomed report#5(A1.2 'two' A1.3 'three' A1.4 'four')"},
        {50, "reported A1=2 A1=3 A1=4", ""},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(progress_is_coalesced_and_its_latest_never_lost)
{
    static const struct script_row rows[] = {
        RUNNING(1),
        {10, "dispatch A1", "run(A1)"},
        {20, "progress A1 0.1", "report#2(A1.1 0.1)"},
        {21, "reported A1=1", ""},
        {22, "progress A1 0.2", ""},
        {23, "progress A1 0.3", ""},
        {110, "tick", "beat(1 [A1])"},
        {269, "tick", ""},
        {270, "tick", "report#4(A1.2 0.3)"},
        {271, "reported A1=2", ""},
        {280, "progress A1 0.9", ""},
        {290, "done A1 completed", "report#5(A1.3 0.9) done#6(A1 completed)"},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(a_stage_changes_at_once_and_its_progress_is_coalesced)
{
    static const struct script_row rows[] = {
        RUNNING(1),
        {10, "dispatch A1", "run(A1)"},
        {20, "stage A1 load running 0", "report#2(A1.1 load:running:0)"},
        {21, "reported A1=1", ""},
        {22, "stage A1 load running 0.2", ""},
        {23, "stage A1 load running 0.4", ""},
        {24, "stage A1 load completed", "report#3(A1.2 load:running:0.4 A1.3 load:completed)"},
        {25, "stage A1 index running", ""},
        {26, "reported A1=3", "report#4(A1.4 index:running)"},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(the_newest_checkpoint_is_enough)
{
    static const struct script_row rows[] = {
        RUNNING(1),
        {10, "dispatch A1", "run(A1)"},
        {20, "checkpoint A1 1", "report#2(A1.1 checkpoint)"},
        {21, "checkpoint A1 2", ""},
        {22, "checkpoint A1 3", ""},
        {30, "reported A1=1", "report#3(A1.2 checkpoint)"},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(reports_of_a_fence_go_before_its_result_although_others_are_on_their_way)
{
    static const struct script_row rows[] = {
        RUNNING(2),
        {10, "dispatch A1 B2", "run(A1) run(B2)"},
        {20, "log A1 one", "report#2(A1.1 'one')"},
        {21, "log B2 two", ""},
        {22, "done B2 completed", "report#3(B2.1 'two') done#4(B2 completed)"},
        {30, "settled B2", ""},
        {31, "log A1 three", ""},
        {40, "reported A1=1", "report#5(A1.2 'three')"},
    };
    SCRIPT_PLAY(2, rows);
}

TEST(after_a_reconnect_reports_come_before_the_result_again)
{
    static const struct script_row rows[] = {
        RUNNING(1),
        {10, "dispatch A1", "run(A1)"},
        {20, "log A1 one", "report#2(A1.1 'one')"},
        {22, "done A1 completed", "done#3(A1 completed)"},
        {23, "sendfail", "reconnect hello(1 [A1])"},
        {30, "welcome", "welcomed report#5(A1.1 'one') done#6(A1 completed)"},
        {40, "settled A1", ""},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(the_oldest_logs_go_when_there_are_too_many_and_a_line_says_so)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "dispatch A1", "run(A1)"},
        {20, "progress A1 0.5", ""},
        {21, "log A1 first", ""},
        {22, "logs A1 5000 x", ""},
        {23, "logs A1 100 x", ""},
        {30, "welcome",
         "welcomed report#2(A1.1 '102 log lines were dropped here: too many at once' "
         "A1.2 '5000' A1.3 '5000' +247)"},
        {40, "reported A1=250", "report#3(A1.251 '5000' A1.252 '5000' A1.253 '5000' +247)"},
        {50, "done A1 completed", NULL},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(a_chatty_handler_leaves_room_for_others)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(2 [])"},
        {10, "dispatch A1 B2", "run(A1) run(B2)"},
        {20, "logs A1 600", ""},
        {21, "log B2 hey", ""},
        {30, "welcome", "welcomed report#2(A1.1 '600' A1.2 '600' A1.3 '600' +247)"},
        {40, "reported A1=250", "report#3(B2.1 'hey' A1.251 '600' A1.252 '600' +248)"},
        {50, "reported B2=1 A1=500", "report#4(A1.501 '600' A1.502 '600' A1.503 '600' +97)"},
    };
    SCRIPT_PLAY(2, rows);
}

TEST(unanswered_reports_are_sent_again)
{
    static const struct script_row rows[] = {
        RUNNING(1),
        {10, "dispatch A1", "run(A1)"},
        {20, "log A1 one", "report#2(A1.1 'one')"},
        {21, "error STORE_FULL 2", ""},
        {2001, "tick", "beat(1 [A1])"},
        {2002, "beat", ""},
        {4001, "tick", "beat(1 [A1])"},
        {4002, "beat", ""},
        {5020, "tick", "report#5(A1.1 'one')"},
        {5021, "reported A1=1", ""},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(a_refused_report_goes_and_its_neighbours_do_not)
{
    static const struct script_row rows[] = {
        {0, "tick", "hello(1 [])"},
        {10, "dispatch A1", "run(A1)"},
        {20, "log A1 one", ""},
        {21, "log A1 bad", ""},
        {30, "welcome", "welcomed report#2(A1.1 'one' A1.2 'bad')"},
        {40, "error INVALID_REQUEST 2", "report#3(A1.1 'one') report#4(A1.2 'bad')"},
        {50, "reported A1=1", ""},
        {51, "log A1 three", ""},
        {60, "error INVALID_REQUEST 4", "note report#5(A1.3 'three')"},
    };
    SCRIPT_PLAY(1, rows);
}

TEST(reports_of_an_ended_or_unknown_handler_are_ignored)
{
    static const struct script_row rows[] = {
        RUNNING(1),
        {10, "log A1 x", ""},
        {11, "dispatch A1", "run(A1)"},
        {12, "done A1 completed", "done#2(A1 completed)"},
        {13, "log A1 x", ""},
        {14, "reported A1=1 B2=7", ""},
    };
    SCRIPT_PLAY(1, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_are_numbered_and_kept_until_stored),
        cmocka_unit_test(progress_is_coalesced_and_its_latest_never_lost),
        cmocka_unit_test(a_stage_changes_at_once_and_its_progress_is_coalesced),
        cmocka_unit_test(the_newest_checkpoint_is_enough),
        cmocka_unit_test(reports_of_a_fence_go_before_its_result_although_others_are_on_their_way),
        cmocka_unit_test(after_a_reconnect_reports_come_before_the_result_again),
        cmocka_unit_test(the_oldest_logs_go_when_there_are_too_many_and_a_line_says_so),
        cmocka_unit_test(a_chatty_handler_leaves_room_for_others),
        cmocka_unit_test(unanswered_reports_are_sent_again),
        cmocka_unit_test(a_refused_report_goes_and_its_neighbours_do_not),
        cmocka_unit_test(reports_of_an_ended_or_unknown_handler_are_ignored),
    };
    return TESTS_RUN(tests);
}
