/* Options: which endpoints other hosts can reach. */
#include "tests/testing.h"

#include "broker/options.h"

TEST(local_endpoints)
{
    assert_true(endpoint_is_local("tcp://127.0.0.1:5570"));
    assert_true(endpoint_is_local("tcp://127.0.0.1:*"));
    assert_true(endpoint_is_local("tcp://127.8.9.10:1"));
    assert_true(endpoint_is_local("tcp://[::1]:5570"));
    assert_true(endpoint_is_local("tcp://lo:5570"));
    assert_true(endpoint_is_local("ipc:///run/reeve/clients"));
    assert_true(endpoint_is_local("ipc://@reeve"));
}

TEST(endpoints_that_other_hosts_reach)
{
    assert_false(endpoint_is_local("tcp://0.0.0.0:5570"));
    assert_false(endpoint_is_local("tcp://*:5570"));
    assert_false(endpoint_is_local("tcp://[::]:5570"));
    assert_false(endpoint_is_local("tcp://[::1]evil:5570"));
    assert_false(endpoint_is_local("tcp://eth0:5570"));
    assert_false(endpoint_is_local("tcp://192.168.1.1:5570"));
    assert_false(endpoint_is_local("pgm://127.0.0.1;239.0.0.1:5570"));
    assert_false(endpoint_is_local(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_endpoints),
        cmocka_unit_test(endpoints_that_other_hosts_reach),
    };
    return TESTS_RUN(tests);
}
