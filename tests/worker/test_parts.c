/* The small parts below reeve-worker: words, lines, what programs tell, private folders, and the
 * values a handler may give. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/testing.h"
#include "worker/job.h"
#include "worker/keeper_parts.h"
#include "worker/lines.h"
#include "worker/scratch.h"
#include "worker/tell.h"
#include "worker/words.h"

/* --- words and lines ---------------------------------------------------------------------------
 */

static void assert_fits(const char *in, size_t max, const char *want)
{
    struct buf out = {0};
    assert_good(words_fit(&out, text_of(in), max));
    assert_good(buf_append(&out, "", 1));
    assert_string_equal((char *)out.at, want);
    buf_fini(&out);
}

TEST(words_are_cut_between_characters_and_say_so)
{
    assert_fits("short", 10, "short");
    assert_fits("", 10, "");
    assert_fits("exactly 10", 10, "exactly 10");
    assert_fits("eleven long", 10, "eleven …");
    assert_fits("üüüüüü", 10, "üüü…");
    assert_fits("a\xff"
                "b\xc3",
                10,
                "a\xef\xbf\xbd"
                "b\xef\xbf\xbd");
    assert_fits("\xff\xff\xff\xff", 10, "\xef\xbf\xbd\xef\xbf\xbd…");
}

struct seen {
    char text[200];
};

static void see(void *arg, struct text line, size_t left_out)
{
    struct seen *seen = arg;
    size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof seen->text - len, "[%.*s+%zu]", (int)line.len, line.at,
             left_out);
}

TEST(lines_come_whole_however_the_bytes_come)
{
    static const char bytes[] = "one\r\n\ntwo\n0123456789\n01234567890123\nlast";
    for (size_t step = 1; step < sizeof bytes; step++) {
        struct seen seen = {""};
        struct lines lines = {.max = 10, .each = see, .arg = &seen};
        for (size_t at = 0; at < sizeof bytes - 1; at += step) {
            size_t left = sizeof bytes - 1 - at;
            struct slice part = {(const uint8_t *)bytes + at, left < step ? left : step};
            assert_good(lines_feed(&lines, part));
        }
        lines_end(&lines);
        assert_string_equal(seen.text, "[one+0][+0][two+0][0123456789+0][0123456789+4][last+0]");
    }
}

/* --- telling -----------------------------------------------------------------------------------
 */

struct desk {
    struct inbox *inbox;
    struct reeve_job *job;
    struct tell tell;
};

static void desk_open(struct desk *desk)
{
    struct buf dispatch = {0};
    struct wire_dispatch_item item = {.job = {{1}}, .fence = 1, .type = TEXT("t")};
    memset(desk, 0, sizeof *desk);
    assert_good(shape_encode(&dispatch, &shape_dispatch_item, &item, KEYS_NAMES));
    assert_good(inbox_new(&desk->inbox));
    assert_good(job_new(buf_slice(&dispatch), desk->inbox, &desk->job));
    buf_fini(&dispatch);
}

static void desk_close(struct desk *desk)
{
    tell_fini(&desk->tell);
    job_destroy(&desk->job);
    inbox_destroy(&desk->inbox);
}

/* Tells a line and expects these kinds of reports, one letter each: p s l c. */
static void assert_tells(struct desk *desk, const char *line, const char *kinds)
{
    char got[8] = "";
    tell_line(&desk->tell, desk->job, text_of(line), 0);
    for (struct inbox_item *item = inbox_take(desk->inbox), *next; item; item = next) {
        next = item->next;
        strncat(got, &"p\0s\0l\0c"[2 * item->kind], 1);
        free(item);
    }
    if (strcmp(got, kinds) != 0)
        fail_msg("%s: expected %s, got %s", line, kinds, got);
}

TEST(lines_on_descriptor_3)
{
    struct desk desk;
    desk_open(&desk);
    assert_tells(&desk, "", "");
    assert_tells(&desk, "{\"progress\":1}", "p");
    assert_tells(&desk, "{\"completed\":1,\"total\":4}", "p");
    assert_true(desk.tell.fraction.value == 0.25);
    assert_tells(&desk, "{\"message\":\"going on\"}", "p");
    assert_true(desk.tell.fraction.value == 0.25);
    assert_tells(&desk, "{\"completed\":5,\"total\":4}", "l");
    assert_tells(&desk, "{\"progress\":-0.1}", "l");
    assert_tells(&desk, "{\"stage\":\"a\",\"progress\":0.5}", "s");
    assert_tells(&desk, "{\"stage\":\"a\",\"status\":\"odd\"}", "l");
    assert_tells(&desk, "{\"stage\":\"\"}", "l");
    assert_tells(&desk, "{\"log\":\"x\",\"context\":{\"a\":1},\"level\":\"odd\"}", "l");
    assert_tells(&desk, "{\"log\":\"x\",\"context\":[]}", "ll");
    assert_tells(&desk, "{\"checkpoint\":null}", "c");
    assert_tells(&desk, "{\"log\":\"x\",\"progress\":0.5,\"checkpoint\":1}", "plc");
    assert_tells(&desk, "{\"retry_after\":1.5}", "");
    assert_int_equal(desk.tell.retry_after_ms, 1500);
    assert_tells(&desk, "{\"retry_after\":-1}", "l");
    assert_tells(&desk, "{\"ask\":{\"prompt\":1}}", "l");
    assert_tells(&desk, "{\"ask\":{\"kind\":\"\"}}", "l");
    assert_tells(&desk, "{\"ask\":{\"kind\":\"a\",\"timeout\":0}}", "l");
    assert_tells(&desk, "{\"ask\":{\"kind\":\"a\",\"timeout\":-1}}", "l");
    assert_tells(&desk, "{\"ask\":{\"kind\":\"a\",\"timeout\":1e300}}", "l");
    assert_tells(&desk, "{\"ask\":[]}", "l");
    assert_tells(&desk, "{\"ask\":null}", "l");
    assert_int_equal(desk.tell.question.len, 0);
    assert_true(desk.tell.misasked);
    assert_tells(&desk, "{\"ask\":{\"kind\":\"confirm\",\"prompt\":{\"a\":1}}}", "");
    assert_tells(&desk, "{\"ask\":{\"kind\":\"second\",\"timeout\":1.5}}", "l");
    struct wire_question question;
    struct fault fault;
    assert_good(shape_decode(buf_slice(&desk.tell.question), &shape_question, KEYS_NAMES, &question,
                             &fault));
    assert_true(text_is(question.kind, "second") && question.timeout_ms == 1500);
    assert_false(desk.tell.misasked);
    assert_tells(&desk, "{\"other\":1}", "l");
    assert_tells(&desk, "[]", "l");
    assert_tells(&desk, "{\"progress\":0.5", "l");
    assert_tells(&desk, "{\"progress\":0.5}{}", "l");
    desk_close(&desk);
}

static void assert_words_failure(struct desk *desk, const char *line, const char *type,
                                 bool retryable)
{
    struct wire_failure failure;
    struct fault fault;
    assert_tells(desk, line, "");
    assert_good(
        shape_decode(buf_slice(&desk->tell.error), &shape_failure, KEYS_NAMES, &failure, &fault));
    assert_true(text_is(failure.type, type));
    assert_int_equal(failure.retryable, retryable);
}

TEST(a_failure_is_worded_on_descriptor_3)
{
    struct desk desk;
    desk_open(&desk);
    assert_words_failure(&desk, "{\"error\":{\"type\":\"A\",\"message\":\"b\"}}", "A", true);
    assert_words_failure(&desk, "{\"error\":{\"type\":\"B\",\"retry\":false}}", "B", false);
    assert_words_failure(&desk, "{\"error\":{\"retry\":true}}", "Error", true);
    assert_tells(&desk, "{\"error\":\"text\"}", "l");
    desk_close(&desk);
}

/* --- values ------------------------------------------------------------------------------------
 */

TEST(values_out_of_their_bounds_are_refused)
{
    struct desk desk;
    desk_open(&desk);
    char *large = malloc(RESULT_SIZE_MAX + 10);
    assert_non_null(large);
    memset(large, 'x', RESULT_SIZE_MAX + 9);
    large[0] = large[RESULT_SIZE_MAX + 8] = '"';
    large[RESULT_SIZE_MAX + 9] = 0;
    assert_int_equal(reeve_job_progress(desk.job, 1.1, NULL), -EINVAL);
    assert_int_equal(reeve_job_items(desk.job, 1, 0, NULL), -EINVAL);
    assert_int_equal(reeve_job_stage(desk.job, "", REEVE_STAGE_RUNNING, 0), -EINVAL);
    assert_int_equal(reeve_job_stage(desk.job, "a", REEVE_STAGE_RUNNING, 1.5), -EINVAL);
    assert_int_equal(reeve_job_log(desk.job, REEVE_LOG_INFO, "x", "[]"), -EINVAL);
    assert_int_equal(reeve_job_log(desk.job, REEVE_LOG_INFO, "x", "{"), -EINVAL);
    assert_int_equal(reeve_job_checkpoint(desk.job, large), -EMSGSIZE);
    assert_int_equal(reeve_job_result(desk.job, large), -EMSGSIZE);
    assert_int_equal(reeve_job_result(desk.job, "nonsense"), -EINVAL);
    assert_int_equal(reeve_job_result_msgpack(desk.job, "\xc1", 1), -EINVAL);
    assert_int_equal(reeve_job_again(desk.job, UINT64_MAX), -EINVAL);
    assert_null(inbox_take(desk.inbox));
    free(large);
    desk_close(&desk);
}

TEST(the_last_word_on_the_end_counts)
{
    struct desk desk;
    desk_open(&desk);
    assert_good(reeve_job_result(desk.job, "1"));
    assert_good(reeve_job_fail(desk.job, "A", "b", true));
    assert_true(text_is(job_done(desk.job).outcome, "failed"));
    assert_good(reeve_job_again(desk.job, 0));
    assert_true(text_is(job_done(desk.job).outcome, "again"));
    assert_int_equal(reeve_job_ask(desk.job, "", "{}", 0), -EINVAL);
    assert_int_equal(reeve_job_ask(desk.job, NULL, "{}", 0), -EINVAL);
    assert_int_equal(reeve_job_ask(desk.job, "a\nb", "{}", 0), -EINVAL);
    assert_int_equal(reeve_job_ask(desk.job, "confirm", "{", 0), -EINVAL);
    assert_int_equal(reeve_job_ask(desk.job, "confirm", "{}", DELAY_MAX_MS + 1), -EINVAL);
    assert_true(text_is(job_done(desk.job).outcome, "again"));
    assert_good(reeve_job_ask(desk.job, "confirm", "{\"a\":1}", 5000));
    assert_true(text_is(job_done(desk.job).outcome, "asked"));
    assert_true(job_done(desk.job).question.len > 0);
    assert_string_equal(reeve_job_answers(desk.job), "[]");
    assert_good(reeve_job_result_msgpack(desk.job, "\x02", 1));
    assert_true(text_is(job_done(desk.job).outcome, "completed"));
    assert_string_equal(reeve_job_params(desk.job), "{}");
    assert_null(reeve_job_saved(desk.job));
    desk_close(&desk);
}

TEST(answers_are_told_as_json)
{
    struct buf dispatch = {0}, list = {0};
    struct reeve_job *job;
    size_t mark;
    struct wire_answered first = {.kind = TEXT("confirm"),
                                  .prompt = {(const uint8_t *)"\x01", 1},
                                  .answer = {(const uint8_t *)"\xc0", 1},
                                  .at = UINT64_C(1893456000000)};
    struct wire_answered second = {.kind = TEXT("choose"), .answer = {(const uint8_t *)"\x02", 1}};
    assert_good(list_begin(&list, &mark));
    assert_good(shape_encode(&list, &shape_answered, &first, KEYS_NAMES));
    assert_good(shape_encode(&list, &shape_answered, &second, KEYS_NAMES));
    list_end(&list, mark, 2);
    struct wire_dispatch_item item = {
        .job = {{1}}, .fence = 1, .type = TEXT("t"), .answers = buf_slice(&list)};
    assert_good(shape_encode(&dispatch, &shape_dispatch_item, &item, KEYS_NAMES));
    assert_good(job_new(buf_slice(&dispatch), NULL, &job));
    assert_string_equal(reeve_job_answers(job),
                        "[{\"kind\":\"confirm\",\"prompt\":1,\"answer\":null,"
                        "\"at\":\"2030-01-01T00:00:00.000Z\"},"
                        "{\"kind\":\"choose\",\"answer\":2}]");
    job_destroy(&job);
    buf_fini(&dispatch);
    buf_fini(&list);
}

/* --- private folders ---------------------------------------------------------------------------
 */

TEST(private_folders_of_the_dead_are_removed_and_those_of_the_living_are_not)
{
    char parent[] = "/tmp/reeve-test-XXXXXX", path[200], file[300];
    char *written, *none;
    struct scratch *living, *next;
    struct stat found;
    assert_non_null(mkdtemp(parent));
    snprintf(path, sizeof path, "%s/reeve-worker.dead00", parent);
    snprintf(file, sizeof file, "%s/job-1.json", path);
    assert_good(mkdir(path, 0700));
    close(open(file, O_CREAT | O_WRONLY, 0600));
    assert_good(scratch_new(parent, &living));
    assert_int_equal(stat(path, &found), -1);
    assert_good(scratch_write(living, "job-2.json", text_slice(TEXT("{}")), &written));
    assert_good(stat(written, &found));
    assert_int_equal(found.st_mode & 0777, 0600);
    free(written);
    assert_int_equal(scratch_write(living, "job-2.json", text_slice(TEXT("{}")), &none), -EEXIST);
    assert_good(scratch_new(parent, &next));
    assert_good(stat(scratch_path(living), &found));
    assert_int_equal(found.st_mode & 0777, 0700);
    scratch_destroy(&living);
    scratch_destroy(&next);
    assert_good(rmdir(parent)); /* it is empty */
}

/* --- out of memory -----------------------------------------------------------------------------
 */

TEST(the_kernel_s_count_of_its_kills_is_found_and_read)
{
    char path[100];
    assert_true(keeper_oom_group("4:memory:/old\n0::/system.slice/w.service\n", path, sizeof path));
    assert_string_equal(path, "/sys/fs/cgroup/system.slice/w.service/memory.events");
    assert_false(keeper_oom_group("4:memory:/only/version/one\n", path, sizeof path));
    assert_false(keeper_oom_group("", path, sizeof path));
    assert_false(keeper_oom_group("0::/system.slice/w.service\n", path, 20)); /* too long */
    assert_int_equal(keeper_oom_kills("low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\n"), 4);
    assert_int_equal(keeper_oom_kills("oom 3\noom_group_kill 9\n"), 0);
    assert_int_equal(keeper_oom_count("/nonexistent"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_cut_between_characters_and_say_so),
        cmocka_unit_test(lines_come_whole_however_the_bytes_come),
        cmocka_unit_test(lines_on_descriptor_3),
        cmocka_unit_test(a_failure_is_worded_on_descriptor_3),
        cmocka_unit_test(values_out_of_their_bounds_are_refused),
        cmocka_unit_test(the_last_word_on_the_end_counts),
        cmocka_unit_test(answers_are_told_as_json),
        cmocka_unit_test(the_kernel_s_count_of_its_kills_is_found_and_read),
        cmocka_unit_test(private_folders_of_the_dead_are_removed_and_those_of_the_living_are_not),
    };
    return TESTS_RUN(tests);
}
