/* What /proc tells the keeper about its children, and /sys about its memory. Must never change
 * anything. */
#include "worker/keeper_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

enum { PROC_SIZE_MAX = 1024 * 1024 };

/* Files of /proc have no size: they are read until they end. */
static int read_proc(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -errno : 0;
    ssize_t got = 1;
    while (rc == 0 && got > 0 && out->len < PROC_SIZE_MAX) {
        rc = buf_reserve(out, 4096);
        if (rc < 0)
            break;
        got = read(fd, out->at + out->len, out->cap - out->len);
        if (got > 0)
            out->len += (size_t)got;
        else if (got < 0 && errno != EINTR)
            rc = -errno;
    }
    if (fd >= 0)
        close(fd);
    return rc < 0 ? rc : buf_append(out, "", 1);
}

bool keeper_children(void (*visit)(pid_t pid, void *arg), void *arg)
{
    char path[64];
    struct buf list = {0};
    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    bool told = read_proc(path, &list) == 0;
    char *at = (char *)list.at, *end;
    while (told) {
        long pid = strtol(at, &end, 10);
        if (end == at)
            break;
        visit((pid_t)pid, arg);
        at = end;
    }
    buf_fini(&list);
    return told;
}

static void kill_one(pid_t pid, void *arg)
{
    (void)arg;
    kill(pid, SIGKILL);
}

void keeper_kill_children(void)
{
    while (keeper_children(kill_one, NULL)) {
        pid_t pid = waitpid(-1, NULL, 0);
        if (pid < 0 && errno != EINTR)
            return;
    }
}

bool keeper_variable(pid_t pid, const char *name, size_t name_len, char *out, size_t size)
{
    char path[64];
    struct buf environment = {0};
    bool found = false;
    snprintf(path, sizeof path, "/proc/%ld/environ", (long)pid);
    if (read_proc(path, &environment) == 0) {
        const char *at = (const char *)environment.at, *end = at + environment.len;
        for (; !found && at < end; at += strlen(at) + 1) {
            found = strncmp(at, name, name_len) == 0 && at[name_len] == '=' && strlen(at) < size;
            if (found)
                memcpy(out, at, strlen(at) + 1);
        }
    }
    buf_fini(&environment);
    return found;
}

/* --- out of memory -----------------------------------------------------------------------------
 */

bool keeper_oom_group(const char *cgroup, char *path, size_t size)
{
    for (const char *at = cgroup; at; at = strchr(at, '\n'), at = at ? at + 1 : NULL) {
        if (strncmp(at, "0::/", 4) != 0) /* the line of version 2 */
            continue;
        int len = snprintf(path, size, "/sys/fs/cgroup%.*s/memory.events",
                           (int)strcspn(at + 3, "\n"), at + 3);
        return len > 0 && (size_t)len < size;
    }
    return false;
}

bool keeper_oom_path(char *path, size_t size)
{
    struct buf groups = {0};
    bool found = read_proc("/proc/self/cgroup", &groups) == 0 &&
                 keeper_oom_group((const char *)groups.at, path, size) && access(path, R_OK) == 0;
    buf_fini(&groups);
    return found;
}

uint64_t keeper_oom_kills(const char *events)
{
    static const char name[] = "oom_kill ";
    for (const char *at = events; at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
        if (strncmp(at, name, sizeof name - 1) == 0)
            return strtoull(at + sizeof name - 1, NULL, 10);
    return 0;
}

uint64_t keeper_oom_count(const char *path)
{
    struct buf events = {0};
    uint64_t count = 0;
    if (read_proc(path, &events) == 0)
        count = keeper_oom_kills((const char *)events.at);
    buf_fini(&events);
    return count;
}
