/* The worker's side of its keeper. Must never wait for a handler. */
#include "worker/keeper_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct keeper {
    int channel;
    pid_t pid;
};

int keeper_start(const char *scratch, struct keeper **keeper_out)
{
    int ends[2];
    struct keeper *keeper = calloc(1, sizeof *keeper);
    *keeper_out = NULL;
    if (!keeper)
        return -ENOMEM;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        free(keeper);
        return -errno;
    }
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        _exit(keeper_process(ends[1], scratch));
    }
    int rc = pid < 0 ? -errno : 0;
    close(ends[1]);
    if (rc < 0) {
        close(ends[0]);
        free(keeper);
        return rc;
    }
    keeper->channel = ends[0];
    keeper->pid = pid;
    *keeper_out = keeper;
    return 0;
}

int keeper_fd(const struct keeper *keeper)
{
    return keeper->channel;
}

void keeper_alive(struct keeper *keeper, uint64_t silence_ms)
{
    struct keeper_head head = {.kind = KEEPER_ALIVE, .silence_ms = silence_ms};
    ssize_t ignored = send(keeper->channel, &head, sizeof head, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)ignored;
}

/* --- orders ------------------------------------------------------------------------------------
 */

int keeper_spawn(struct keeper *keeper, const struct keeper_order *order, int *control_out)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return -errno;
    int rc = keeper_send(keeper->channel, order, ends[1]);
    close(ends[1]);
    if (rc < 0)
        close(ends[0]);
    else
        *control_out = ends[0];
    return rc;
}

/* --- controls ----------------------------------------------------------------------------------
 */

int keeper_hear(int control, struct keeper_news *news_out)
{
    ssize_t got;
    do {
        got = recv(control, news_out, sizeof *news_out, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN ? 0 : errno == ECONNRESET ? -EPIPE : -errno;
    return got == (ssize_t)sizeof *news_out ? 1 : -EPIPE;
}

int keeper_end(int control, uint64_t grace_ms)
{
    struct keeper_ladder ladder = {grace_ms};
    return send(control, &ladder, sizeof ladder, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

void keeper_kill_orphans(void)
{
    keeper_kill_children();
}

void keeper_stop(struct keeper **keeper)
{
    struct keeper *k = *keeper;
    *keeper = NULL;
    if (!k)
        return;
    close(k->channel);
    while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    free(k);
}
