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

static int load(const char *clients, const char *key, const char *peers)
{
    char *argv[10] = {"reeve-broker", "--data", "d", "--clients", (char *)clients};
    int argc = 5;
    struct options options;
    if (key) {
        argv[argc++] = "--curve-key";
        argv[argc++] = (char *)key;
    }
    if (peers) {
        argv[argc++] = "--curve-peers";
        argv[argc++] = (char *)peers;
    }
    int rc = options_load(argc, argv, &options);
    if (rc == SETTINGS_GO_ON)
        options_fini(&options);
    return rc;
}

TEST(keys_open_other_addresses)
{
    assert_int_equal(SETTINGS_WRONG, load("tcp://0.0.0.0:1", NULL, NULL));
    assert_int_equal(SETTINGS_GO_ON, load("tcp://0.0.0.0:1", "key", "peers"));
    assert_int_equal(SETTINGS_GO_ON, load("tcp://127.0.0.1:1", "key", "peers"));
    assert_int_equal(SETTINGS_WRONG, load("tcp://127.0.0.1:1", "key", NULL));
    assert_int_equal(SETTINGS_WRONG, load("tcp://127.0.0.1:1", NULL, "peers"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_endpoints),
        cmocka_unit_test(endpoints_that_other_hosts_reach),
        cmocka_unit_test(keys_open_other_addresses),
    };
    return TESTS_RUN(tests);
}
