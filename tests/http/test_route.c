/* gateway/http/route and query, and the real tables of /v1. */
#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/api/routes.h"

static struct target target;
static struct route_match match;
static struct fault fault;
static char raw[1024];

static void parse(const char *text)
{
    const char *problem = NULL;
    memset(raw, 0, sizeof raw);
    memcpy(raw, text, strlen(text));
    assert_good(target_parse(raw, strlen(text), &target, &problem));
}

static enum route_verdict find(enum http_method method, const char *text)
{
    parse(text);
    return route_find(&api_routes, method, &target, &match);
}

static int check(const char *text)
{
    assert_int_equal(find(METHOD_GET, text), ROUTE_FOUND);
    return query_check(&target, &match.route->query, &fault);
}

TEST(finds_the_function_and_the_id)
{
    assert_int_equal(find(METHOD_POST, "/v1/jobs/abc/cancel"), ROUTE_FOUND);
    assert_ptr_equal(match.route->handler, job_cancel);
    assert_int_equal(match.arg_count, 1);
    assert_true(text_is(match.args[0], "abc"));
    assert_int_equal(find(METHOD_GET, "/healthz"), ROUTE_FOUND);
    assert_ptr_equal(match.route->handler, health_live);
}

TEST(head_is_get)
{
    assert_int_equal(find(METHOD_HEAD, "/v1/jobs"), ROUTE_FOUND);
    assert_ptr_equal(match.route->handler, jobs_list);
}

TEST(knows_no_other_paths)
{
    static const char *const none[] = {"/",
                                       "/v1",
                                       "/v1/",
                                       "/v1/jobs/",
                                       "/v1/jobs//cancel",
                                       "/v1/jobs/a/b",
                                       "/v2/jobs",
                                       "/v1/jobs/a/cancel/x",
                                       "/V1/jobs",
                                       "/healthz/"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(find(METHOD_GET, none[i]), ROUTE_NO_PATH);
}

TEST(says_what_a_path_takes)
{
    char allow[ALLOW_SIZE];
    assert_int_equal(find(METHOD_PUT, "/v1/jobs"), ROUTE_NO_METHOD);
    route_allow(match.allowed, allow);
    assert_string_equal(allow, "GET, POST, HEAD, OPTIONS");
    assert_int_equal(find(METHOD_POST, "/v1/jobs/x"), ROUTE_NO_METHOD);
    route_allow(match.allowed, allow);
    assert_string_equal(allow, "GET, DELETE, HEAD, OPTIONS");
    assert_int_equal(find(METHOD_GET, "/v1/jobs/x/cancel"), ROUTE_NO_METHOD);
    route_allow(match.allowed, allow);
    assert_string_equal(allow, "POST, OPTIONS");
    assert_int_equal(find(METHOD_OTHER, "/v1/jobs"), ROUTE_NO_METHOD);
}

/* A row that another one before it always wins over would be dead. */
TEST(no_row_is_hidden)
{
    for (size_t i = 0; i < api_routes.count; i++) {
        const struct route *route = &api_routes.routes[i];
        char path[128];
        size_t len = 0;
        for (const char *at = route->pattern; *at; at++) {
            if (*at == '{')
                at += strcspn(at, "}");
            path[len++] = *at == '}' ? 'x' : *at;
        }
        path[len] = '\0';
        assert_int_equal(find(route->method, path), ROUTE_FOUND);
        assert_ptr_equal(match.route, route);
    }
}

TEST(words_of_methods)
{
    assert_int_equal(method_of("DELETE"), METHOD_DELETE);
    assert_int_equal(method_of("get"), METHOD_OTHER);
    assert_int_equal(method_of("BREW"), METHOD_OTHER);
}

TEST(takes_the_parameters_of_a_list)
{
    assert_good(check("/v1/jobs?status=failed&status=pending&type=a&limit=1000&order=asc"));
    assert_int_equal(query_number(&target, "limit", 50), 1000);
    assert_int_equal(query_number(&target, "offset", 7), 7);
    assert_true(text_is(query_text(&target, "type"), "a"));
    assert_int_equal(query_text(&target, "queue").len, 0);
}

TEST(refuses_parameters_by_name)
{
    static const struct {
        const char *target, *field;
    } bad[] = {
        {"/v1/jobs?page=2", "page"},
        {"/v1/jobs?limit=0", "limit"},
        {"/v1/jobs?limit=1001", "limit"},
        {"/v1/jobs?limit=5x", "limit"},
        {"/v1/jobs?limit=", "limit"},
        {"/v1/jobs?limit=-1", "limit"},
        {"/v1/jobs?limit=99999999999999999999999", "limit"},
        {"/v1/jobs?limit=1&limit=2", "limit"},
        {"/v1/jobs?status=done", "status"},
        {"/v1/jobs?order=up", "order"},
        {"/v1/jobs?type=", "type"},
        {"/v1/jobs?status=", "status"},
        {"/v1/jobs/x?a=b", "a"},
        {"/v1/jobs/x/logs?level=fatal", "level"},
        {"/healthz?x", "x"},
        {"/v1/jobs?order=asc%20desc", "order"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(check(bad[i].target), 1);
        assert_string_equal(fault.field, bad[i].field);
        assert_int_equal(fault.error, WIRE_INVALID_REQUEST);
    }
}

TEST(flags)
{
    parse("/?partial=1");
    assert_true(query_flag(&target, "partial"));
    parse("/?partial=false");
    assert_false(query_flag(&target, "partial"));
    parse("/");
    assert_false(query_flag(&target, "partial"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_function_and_the_id),
        cmocka_unit_test(head_is_get),
        cmocka_unit_test(knows_no_other_paths),
        cmocka_unit_test(says_what_a_path_takes),
        cmocka_unit_test(no_row_is_hidden),
        cmocka_unit_test(words_of_methods),
        cmocka_unit_test(takes_the_parameters_of_a_list),
        cmocka_unit_test(refuses_parameters_by_name),
        cmocka_unit_test(flags),
    };
    return TESTS_RUN(tests);
}
