/* Between fork and exec: a child of the keeper becomes a handler.
 * Must never leave it anything of ours but descriptors 0 to 3 and the environment. */
#include "worker/keeper_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/signals.h"

enum { FDS_OUT_OF_THE_WAY = 10, EXIT_NOT_EXECUTED = 127 };

static int take_descriptors(const int fds[KEEPER_FDS], int *control_out)
{
    int moved[KEEPER_FDS];
    for (int i = 0; i < KEEPER_FDS; i++) {
        moved[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FDS_OUT_OF_THE_WAY);
        if (moved[i] < 0)
            return -errno;
    }
    *control_out = moved[0];
    for (int fd = 0; fd < 4; fd++)
        if (dup2(moved[fd + 1], fd) < 0)
            return -errno;
    close_range(4, UINT_MAX, CLOSE_RANGE_CLOEXEC); /* also what others have left open in us */
    return 0;
}

static int set_variables(char *const *variables)
{
    for (; *variables; variables++) {
        int rc = strchr(*variables, '=') ? putenv(*variables) : unsetenv(*variables);
        if (rc != 0)
            return -errno;
    }
    return 0;
}

static void reset_signals(void)
{
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL); /* some can't be changed, and need not be */
    signals_child();
}

_Noreturn void keeper_become(const struct keeper_task *task, pid_t keeper,
                             const struct rlimit *files)
{
    int control = task->fds[0];
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper) /* it has died in between: nobody would send that signal */
        _exit(EXIT_NOT_EXECUTED);
    reset_signals();
    int rc = take_descriptors(task->fds, &control);
    if (rc == 0)
        rc = set_variables(task->variables);
    if (rc == 0) {
        setrlimit(RLIMIT_NOFILE, files);
        execv(task->words[0], task->words);
        rc = -errno;
    }
    struct keeper_news news = {.word = KEEPER_REFUSED, .error = -rc};
    send(control, &news, sizeof news, MSG_NOSIGNAL | MSG_DONTWAIT);
    _exit(EXIT_NOT_EXECUTED);
}
