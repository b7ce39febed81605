/* Signals through a descriptor. */
#include "tests/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/signals.h"
#include "tests/unit/base/capture.h"

static int fd;

static int open_signals(void **state __attribute__((unused)))
{
    fd = signals_open();
    return fd >= 0 ? 0 : -1;
}

static int close_signals(void **state __attribute__((unused)))
{
    return close(fd);
}

TEST(nothing_waits_at_first)
{
    assert_int_equal(signals_read(fd), 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

TEST(each_signal_comes_out_once)
{
    static const int watched[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        assert_good(kill(getpid(), watched[i]));
        assert_int_equal(poll(&item, 1, 10000), 1);
        assert_int_equal(signals_read(fd), watched[i]);
        assert_int_equal(signals_read(fd), 0);
    }
}

TEST(a_broken_pipe_is_an_error_code)
{
    int ends[2];
    assert_good(pipe(ends));
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    close(ends[1]);
}

TEST(a_wrong_descriptor_is_an_error)
{
    assert_int_equal(signals_read(-1), -EBADF);
}

static void die_by_term(void *state __attribute__((unused)))
{
    signals_child();
    raise(SIGTERM);
}

static void write_to_broken_pipe(void *state __attribute__((unused)))
{
    int ends[2];
    signals_child();
    if (pipe(ends) == 0 && close(ends[0]) == 0)
        exit(write(ends[1], "x", 1) == 1);
}

TEST(a_child_has_its_signals_back)
{
    int status = capture_child(die_by_term, NULL);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    status = capture_child(write_to_broken_pipe, NULL);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_waits_at_first),
        cmocka_unit_test(each_signal_comes_out_once),
        cmocka_unit_test(a_broken_pipe_is_an_error_code),
        cmocka_unit_test(a_wrong_descriptor_is_an_error),
        cmocka_unit_test(a_child_has_its_signals_back),
    };
    return cmocka_run_group_tests(tests, open_signals, close_signals);
}
