/* The ready line and the datagrams to a service manager. */
#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/notify.h"
#include "tests/unit/base/capture.h"

/* A manager's socket; `name` with a leading zero byte is an abstract one. */
static int manager_open(const char *name, size_t len)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name, len);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    assert_true(fd >= 0);
    assert_good(bind(fd, (const struct sockaddr *)&address, size));
    return fd;
}

static void expect_state(int fd, const char *expected)
{
    char state[64] = "";
    ssize_t got = recv(fd, state, sizeof state - 1, 0);
    assert_int_equal(got, (ssize_t)strlen(expected));
    assert_string_equal(state, expected);
}

TEST(ready_line_alone_without_a_manager)
{
    unsetenv("NOTIFY_SOCKET");
    capture_begin(2);
    notify_ready("clients=tcp://127.0.0.1:5570");
    notify_stopping();
    char *words = capture_end();
    assert_string_equal(words, "ready clients=tcp://127.0.0.1:5570\n");
    free(words);
}

TEST(a_manager_with_a_path_is_told)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/reeve-notify-%ld", (long)getpid());
    unlink(path);
    int fd = manager_open(path, strlen(path) + 1);
    setenv("NOTIFY_SOCKET", path, 1);
    capture_begin(2);
    notify_ready("x");
    free(capture_end());
    expect_state(fd, "READY=1");
    notify_stopping();
    expect_state(fd, "STOPPING=1");
    close(fd);
    unlink(path);
}

TEST(a_manager_with_an_abstract_name_is_told)
{
    char name[64];
    int len = snprintf(name, sizeof name, "@reeve-notify-%ld", (long)getpid());
    setenv("NOTIFY_SOCKET", name, 1);
    name[0] = '\0';
    int fd = manager_open(name, (size_t)len);
    notify_stopping();
    expect_state(fd, "STOPPING=1");
    close(fd);
}

TEST(a_manager_who_is_away_does_not_matter)
{
    static char too_long[200];
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[0] = '/';
    const char *const wrong[] = {"", "/", "relative", "/nowhere/at/all", too_long};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        setenv("NOTIFY_SOCKET", wrong[i], 1);
        notify_stopping();
    }
    unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_line_alone_without_a_manager),
        cmocka_unit_test(a_manager_with_a_path_is_told),
        cmocka_unit_test(a_manager_with_an_abstract_name_is_told),
        cmocka_unit_test(a_manager_who_is_away_does_not_matter),
    };
    return TESTS_RUN(tests);
}
