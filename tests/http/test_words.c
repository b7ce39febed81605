/* What travels in headers and streams: traceparent, X-Request-ID, Host, Origin, server-sent events.
 */
#include "tests/testing.h"

#include <string.h>

#include "gateway/auth/origin.h"
#include "gateway/http/trace.h"
#include "gateway/stream/sse.h"

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static const uint8_t zeros[TRACE_RANDOM_SIZE];
static struct trace trace;

static void take(const char *traceparent, const char *request_id)
{
    trace_take(text_of(traceparent), text_of(request_id), zeros, &trace);
}

TEST(a_good_traceparent_is_kept)
{
    take(TRACE, "");
    assert_string_equal(trace.traceparent, TRACE);
    assert_memory_equal(trace_id(&trace).at, "4bf92f3577b34da6a3ce929d0e0e4736", 32);
    take("cc"
         "-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
         "");
    assert_memory_equal(trace.traceparent, "cc-4bf9", 7);
    assert_int_equal(strlen(trace.traceparent), TRACEPARENT_LEN);
}

TEST(a_bad_traceparent_is_replaced)
{
    static const char *const bad[] = {
        "",
        "00",
        TRACE "x",
        TRACE "-more",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\r",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        take(bad[i], "");
        assert_string_equal(trace.traceparent,
                            "00-10000000000000000000000000000000-1000000000000000-00");
    }
}

TEST(request_ids)
{
    take("", "abc-123");
    assert_string_equal(trace.request_id, "abc-123");
    static const char *const bad[] = {"", "a b", "a\r\nb", "\x80", "a\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        take("", bad[i]);
        assert_string_equal(trace.request_id, "00000000000000000000000000000000");
    }
    char longest[REQUEST_ID_LEN_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[REQUEST_ID_LEN_MAX + 1] = '\0';
    take("", longest);
    assert_int_equal(strlen(trace.request_id), 32);
    longest[REQUEST_ID_LEN_MAX] = '\0';
    take("", longest);
    assert_string_equal(trace.request_id, longest);
}

TEST(local_hosts)
{
    static const char *const good[] = {"localhost",    "LOCALHOST:8080", "127.0.0.1",
                                       "127.0.0.1:80", "127.255.0.9",    "[::1]",
                                       "[::1]:8080",   "app.localhost:1"};
    static const char *const bad[] = {"",
                                      "evil.example",
                                      "127.0.0.1.evil.example",
                                      "127.0.0",
                                      "127.0.0.1.1",
                                      "localhost.evil.example",
                                      "10.0.0.1",
                                      "[::2]",
                                      "::1",
                                      "localhost:",
                                      "localhost:1x",
                                      "xlocalhost",
                                      "127.0.0.",
                                      "127.a.0.1",
                                      "128.0.0.1",
                                      "localhost:123456",
                                      "[::1]evil",
                                      "1270.0.0.1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!host_is_local(text_of(good[i])))
            fail_msg("not local: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (host_is_local(text_of(bad[i])))
            fail_msg("local: %s", bad[i]);
}

TEST(origins)
{
    assert_true(origin_is_of(TEXT("http://localhost:8080"), TEXT("localhost:8080")));
    assert_true(origin_is_of(TEXT("https://LOCALHOST:8080"), TEXT("localhost:8080")));
    assert_false(origin_is_of(TEXT("http://localhost:8081"), TEXT("localhost:8080")));
    assert_false(origin_is_of(TEXT("null"), TEXT("localhost:8080")));
    assert_false(origin_is_of(TEXT("ftp://localhost:8080"), TEXT("localhost:8080")));
    assert_false(origin_is_of(TEXT("http://"), TEXT("")));
    assert_true(origin_eq(TEXT("https://A.example"), TEXT("https://a.example")));
    assert_false(origin_eq(TEXT(""), TEXT("")));
    assert_true(origin_is_fit(TEXT("*")) && origin_is_fit(TEXT("https://a.example:8443")));
    assert_true(origin_is_fit(TEXT("http://[::1]:3000")));
    assert_false(origin_is_fit(TEXT("a.example")) || origin_is_fit(TEXT("https://a.example/")));
    assert_false(origin_is_fit(TEXT("https://a:b@c")) || origin_is_fit(TEXT("https://")));
}

static void assert_event(const char *data, const char *expected)
{
    struct buf out = {0};
    assert_good(sse_event(&out, 7, TEXT("log"), text_of(data)));
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.at, expected, out.len);
    buf_fini(&out);
}

TEST(server_sent_events)
{
    assert_event("{}", "id: 7\nevent: log\ndata: {}\n\n");
    assert_event("", "id: 7\nevent: log\ndata: \n\n");
    assert_event("a\nb", "id: 7\nevent: log\ndata: a\ndata: b\n\n");
    assert_event("a\r\nb\rc\n", "id: 7\nevent: log\ndata: a\ndata: b\ndata: c\ndata: \n\n");
    assert_event("x\n\nevent: evil", "id: 7\nevent: log\ndata: x\ndata: \ndata: event: evil\n\n");
    struct buf out = {0};
    assert_good(sse_retry(&out, 2000));
    assert_memory_equal(out.at, "retry: 2000\n", out.len);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_traceparent_is_kept),
        cmocka_unit_test(a_bad_traceparent_is_replaced),
        cmocka_unit_test(request_ids),
        cmocka_unit_test(local_hosts),
        cmocka_unit_test(origins),
        cmocka_unit_test(server_sent_events),
    };
    return TESTS_RUN(tests);
}
