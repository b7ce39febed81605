/* gateway/http/target: splitting, decoding, refusing. */
#include "tests/testing.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/http/target.h"

static struct target target;
static const char *problem;
static char *raw;

/* The bytes are on the heap with nothing to spare, so that the sanitizer sees every step too far.
 */
static int parse(const char *text)
{
    size_t len = strlen(text);
    free(raw);
    raw = malloc(2 * len + 1);
    memcpy(raw, text, len + 1);
    problem = NULL;
    return target_parse(raw, len, &target, &problem);
}

static int forget(void **state)
{
    (void)state;
    free(raw);
    raw = NULL;
    return 0;
}

static void assert_text(struct text text, const char *expected)
{
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.at, expected, text.len);
}

TEST(splits_path_and_query)
{
    assert_good(parse("/v1/jobs/abc?limit=5&status=failed"));
    assert_int_equal(target.segment_count, 3);
    assert_text(target.segments[0], "v1");
    assert_text(target.segments[2], "abc");
    assert_int_equal(target.param_count, 2);
    assert_text(target.params[1].name, "status");
    assert_text(target.params[1].value, "failed");
    assert_text(target.path, "/v1/jobs/abc");
}

TEST(root_and_trailing_slash)
{
    assert_good(parse("/"));
    assert_int_equal(target.segment_count, 0);
    assert_good(parse("/v1/"));
    assert_int_equal(target.segment_count, 2);
    assert_text(target.segments[1], "");
    assert_good(parse("//"));
    assert_int_equal(target.segment_count, 2);
}

TEST(decodes_after_splitting)
{
    assert_good(parse("/a%2Fb/c+d?x+y=%41%26b&flag&empty="));
    assert_int_equal(target.segment_count, 2);
    assert_text(target.segments[0], "a/b");
    assert_text(target.segments[1], "c+d");
    assert_text(target.params[0].name, "x y");
    assert_text(target.params[0].value, "A&b");
    assert_text(target.params[1].name, "flag");
    assert_text(target.params[1].value, "");
    assert_text(target.params[2].value, "");
    assert_text(target.path, "/a%2Fb/c+d");
}

TEST(finds_the_first_of_a_name)
{
    assert_good(parse("/?a=1&a=2"));
    assert_text(target_param(&target, TEXT("a"))->value, "1");
    assert_null(target_param(&target, TEXT("b")));
}

TEST(takes_the_path_of_an_absolute_target)
{
    assert_good(parse("http://host:80/v1/stats?x=1"));
    assert_int_equal(target.segment_count, 2);
    assert_text(target.path, "/v1/stats");
    assert_int_equal(parse("http://host"), 1);
}

TEST(refuses_what_is_malformed)
{
    static const char *const bad[] = {"",        "*",      "v1",       "/%",   "/%4",
                                      "/%4g",    "/a%00b", "/%0a",     "/%ff", "/%c0%80",
                                      "/?a=%zz", "/?%",    "/a?b=%0d", "/%7f", "/%ed%a0%80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(parse(bad[i]), 1);
        assert_non_null(problem);
    }
}

TEST(takes_utf8)
{
    assert_good(parse("/%C3%A9?q=%F0%9F%98%80"));
    assert_text(target.segments[0], "é");
}

TEST(keeps_to_its_bounds)
{
    char text[512] = "";
    for (int i = 0; i < TARGET_SEGMENTS_MAX; i++)
        strcat(text, "/a");
    assert_good(parse(text));
    assert_int_equal(parse(strcat(text, "/a")), 1);
    strcpy(text, "/?");
    for (int i = 0; i < TARGET_PARAMS_MAX; i++)
        strcat(text, "a=&");
    assert_good(parse(text));
    assert_int_equal(parse(strcat(text, "a")), 1);
}

TEST(every_prefix_of_a_target_is_read_within_bounds)
{
    const char *whole = "/v1/%6Aobs/x%2F?a=%41&b=+&c";
    char text[64];
    for (size_t len = 0; len <= strlen(whole); len++) {
        memcpy(text, whole, len);
        text[len] = '\0';
        parse(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(splits_path_and_query, forget),
        cmocka_unit_test_teardown(root_and_trailing_slash, forget),
        cmocka_unit_test_teardown(decodes_after_splitting, forget),
        cmocka_unit_test_teardown(finds_the_first_of_a_name, forget),
        cmocka_unit_test_teardown(takes_the_path_of_an_absolute_target, forget),
        cmocka_unit_test_teardown(refuses_what_is_malformed, forget),
        cmocka_unit_test_teardown(takes_utf8, forget),
        cmocka_unit_test_teardown(keeps_to_its_bounds, forget),
        cmocka_unit_test_teardown(every_prefix_of_a_target_is_read_within_bounds, forget),
    };
    return TESTS_RUN(tests);
}
