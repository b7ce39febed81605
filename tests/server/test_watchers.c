/* Watchers: what somebody wants is never taken for unwanted. */
#include "tests/testing.h"

#include "broker/watchers.h"

static const struct text job_text = TEXT_INIT("0198b1d2-7c3e-7abc-8def-0123456789ab");
static const struct text other_text = TEXT_INIT("0198b1d2-7c3e-7abc-8def-0123456789ac");

TEST(nobody_wants_anything_at_first)
{
    struct watchers watchers = {0};
    assert_false(watchers_any(&watchers));
    assert_false(watchers_want(&watchers, job_text));
    watchers_remove(&watchers, job_text);
    watchers_fini(&watchers);
}

TEST(a_job_is_wanted_until_its_last_watcher_goes)
{
    struct watchers watchers = {0};
    struct uuid job, expected;
    assert_good(uuid_parse(job_text, &expected));
    assert_true(watchers_add(&watchers, job_text, &job));
    assert_true(uuid_eq(&job, &expected));
    assert_true(watchers_add(&watchers, job_text, &job));
    assert_true(watchers_any(&watchers));
    assert_true(watchers_want(&watchers, job_text));
    assert_false(watchers_want(&watchers, other_text));
    watchers_remove(&watchers, job_text);
    assert_false(watchers_any(&watchers));
    watchers_fini(&watchers);
}

TEST(a_prefix_wants_everything)
{
    struct watchers watchers = {0};
    struct uuid job;
    assert_false(watchers_add(&watchers, TEXT(""), &job));
    assert_false(watchers_add(&watchers, TEXT("0198"), &job));
    assert_true(watchers_want(&watchers, other_text));
    watchers_remove(&watchers, TEXT(""));
    assert_true(watchers_want(&watchers, other_text));
    watchers_remove(&watchers, TEXT("0198"));
    assert_false(watchers_any(&watchers));
    watchers_fini(&watchers);
}

/* Topics are compared bytewise by libzmq, so other spellings of an id match no event. */
TEST(only_the_canonical_text_is_a_jobs_topic)
{
    struct watchers watchers = {0};
    struct uuid job;
    assert_false(watchers_add(&watchers, TEXT("0198B1D2-7C3E-7ABC-8DEF-0123456789AB"), &job));
    assert_false(watchers_add(&watchers, TEXT("0198b1d27c3e7abc8def0123456789ab"), &job));
    assert_false(watchers_add(&watchers, TEXT("0198b1d2-7c3e-7abc-8def-0123456789ab-more"), &job));
    watchers_fini(&watchers);
}

TEST(too_many_topics_count_as_all)
{
    struct watchers watchers = {0};
    struct uuid job = {{0}};
    char text[UUID_TEXT_LEN + 1];
    for (unsigned i = 0; i <= WATCHED_TOPICS_MAX; i++) {
        memcpy(job.at, &i, sizeof i);
        uuid_format(&job, text);
        assert_true(watchers_add(&watchers, text_of(text), &job));
        if (i == 0)
            assert_false(watchers_want(&watchers, job_text));
    }
    assert_true(watchers_want(&watchers, job_text));
    watchers_fini(&watchers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_wants_anything_at_first),
        cmocka_unit_test(a_job_is_wanted_until_its_last_watcher_goes),
        cmocka_unit_test(a_prefix_wants_everything),
        cmocka_unit_test(only_the_canonical_text_is_a_jobs_topic),
        cmocka_unit_test(too_many_topics_count_as_all),
    };
    return TESTS_RUN(tests);
}
