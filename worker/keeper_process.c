/* The keeper process: one thread, one epoll, one ward for each handler.
 *
 * It never returns to the worker's code: keeper_start leaves with its exit status. Must never block
 * on the worker, and never leave a ward behind. */
#include "worker/keeper_parts.h"

/* Out of memory inside a table is reported to the caller instead of ending the program. */
#define HASH_NONFATAL_OOM 1

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uthash.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"
#include "worker/scratch.h"

enum {
    EVENTS_MAX = 64,
    TICK_MS = 1000,
    STATUS_NOT_STARTED = 127 << 8, /* as waitpid says "exit status 127" */
    MARK_SIZE = 128
};

/* A handler: the leader of its process group. */
struct ward {
    pid_t pid;
    int control;
    struct heap_node kill; /* by when its group gets SIGKILL, mono ms; in no heap: not yet */
    char mark[MARK_SIZE];  /* "NAME=value": a variable of its descendants */
    bool killed;           /* by us, with SIGKILL */
    uint64_t ooms;         /* the kernel's count when it started */
    UT_hash_handle hh;     /* by pid */
};

struct process {
    int channel, signals, epoll;
    struct rlimit files; /* the worker's, for handlers */
    struct ward *wards;
    struct heap kills;
    uint64_t silence_ms, silent_ms, looked_at; /* of the worker */
    char oom_path[PATH_MAX];                   /* "": the kernel does not tell */
    uint64_t ooms;                             /* those that are some ward's */
    bool closed;
    char datagram[KEEPER_DATAGRAM_MAX];
};

/* What epoll says is told apart by these addresses; all others are wards. */
static char of_channel, of_signals;

static int watch(const struct process *process, int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    return epoll_ctl(process->epoll, EPOLL_CTL_ADD, fd, &event) != 0 ? -errno : 0;
}

static void tell(int control, const struct keeper_news *news)
{
    ssize_t ignored = send(control, news, sizeof *news, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)ignored;
}

/* --- ends --------------------------------------------------------------------------------------
 */

/* The whole group; what is stopped must run to receive anything but SIGKILL. */
static void ward_signal(struct ward *ward, int number)
{
    ward->killed |= number == SIGKILL;
    kill(-ward->pid, number);
    if (number != SIGKILL)
        kill(-ward->pid, SIGCONT);
}

/* A rung of the ladder: it is told. */
static void ward_end(struct ward *ward, int number)
{
    enum keeper_word word = number == SIGKILL ? KEEPER_KILLED : KEEPER_TERMED;
    ward_signal(ward, number);
    tell(ward->control, &(struct keeper_news){.word = word, .pid = ward->pid});
}

static void ward_kill_at(struct process *process, struct ward *ward, uint64_t when)
{
    if (heap_has(&ward->kill)) {
        if (when < ward->kill.key)
            heap_update(&process->kills, &ward->kill, when);
        return;
    }
    ward->kill.key = when;
    if (heap_push(&process->kills, &ward->kill) < 0)
        ward_end(ward, SIGKILL); /* no memory to be patient with */
}

static void kill_due(struct process *process)
{
    struct heap_node *node;
    uint64_t now = clock_mono_ms();
    while ((node = heap_peek(&process->kills)) && node->key <= now) {
        heap_pop(&process->kills);
        ward_end(HEAP_ENTRY(node, struct ward, kill), SIGKILL);
    }
}

/* Closing alone would not end the watch: a child that is about to exec has the descriptor too. */
static void ward_free(struct process *process, struct ward *ward)
{
    heap_remove(&process->kills, &ward->kill);
    HASH_DEL(process->wards, ward);
    epoll_ctl(process->epoll, EPOLL_CTL_DEL, ward->control, NULL);
    close(ward->control);
    free(ward);
}

static uint64_t oom_count(const struct process *process)
{
    return process->oom_path[0] ? keeper_oom_count(process->oom_path) : 0;
}

/* Was it the kernel, for want of memory? Its count has grown by more than what is told already, and
 * nobody here sent that signal. */
static bool was_oom(struct process *process, const struct ward *ward, bool killed, int status)
{
    if (killed || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        return false;
    uint64_t told = process->ooms > ward->ooms ? process->ooms : ward->ooms;
    if (oom_count(process) <= told)
        return false;
    process->ooms = told + 1;
    return true;
}

static uint64_t ms_of(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_usec / 1000;
}

/* The leader is dead, not yet reaped, so that its number is still its group's. */
static void ward_ended(struct process *process, struct ward *ward)
{
    struct keeper_news news = {.word = KEEPER_ENDED, .pid = ward->pid};
    struct rusage usage = {0};
    bool killed = ward->killed;
    ward_signal(ward, SIGKILL);
    while (wait4(ward->pid, &news.status, 0, &usage) < 0 && errno == EINTR) {
    }
    news.cpu_ms = ms_of(usage.ru_utime) + ms_of(usage.ru_stime);
    news.rss_max_bytes = (uint64_t)usage.ru_maxrss * 1024;
    news.oom = was_oom(process, ward, killed, news.status);
    tell(ward->control, &news);
    ward_free(process, ward);
}

static struct ward *ward_of(const struct process *process, pid_t pid)
{
    struct ward *ward;
    HASH_FIND(hh, process->wards, &pid, sizeof pid, ward);
    return ward;
}

static bool marks_a_ward(const struct process *process, const char *mark)
{
    struct ward *ward, *next;
    HASH_ITER(hh, process->wards, ward, next)
    {
        if (strcmp(ward->mark, mark) == 0)
            return true;
    }
    return false;
}

/* An orphan that became ours lives on only while its handler does; one that does not show whose it
 * is, while any does. */
static bool may_live(const struct process *process, pid_t pid)
{
    char mark[MARK_SIZE];
    if (!process->wards)
        return false;
    if (ward_of(process, pid))
        return true;
    size_t name_len = strcspn(process->wards->mark, "=");
    return !keeper_variable(pid, process->wards->mark, name_len, mark, sizeof mark) ||
           marks_a_ward(process, mark);
}

static void end_stray(pid_t pid, void *arg)
{
    if (!may_live(arg, pid))
        kill(pid, SIGKILL);
}

/* The next child that has died, left unreaped; 0: none. */
static pid_t next_dead(void)
{
    siginfo_t info = {0};
    int rc;
    do {
        rc = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
    } while (rc != 0 && errno == EINTR);
    return rc == 0 ? info.si_pid : 0;
}

static void reap(struct process *process)
{
    struct signalfd_siginfo info;
    pid_t pid;
    while (read(process->signals, &info, sizeof info) > 0) {
    }
    while ((pid = next_dead()) > 0) {
        struct ward *ward = ward_of(process, pid);
        if (ward)
            ward_ended(process, ward);
        else
            waitpid(pid, NULL, 0);
    }
    keeper_children(end_stray, process);
}

static void kill_wards(struct process *process)
{
    struct ward *ward, *next;
    HASH_ITER(hh, process->wards, ward, next)
    {
        ward_signal(ward, SIGKILL);
    }
}

static void kill_all(struct process *process)
{
    kill_wards(process);
    keeper_kill_children();
}

/* --- starts ------------------------------------------------------------------------------------
 */

static struct ward *ward_new(struct process *process, const struct keeper_task *task, pid_t pid)
{
    struct ward *ward = calloc(1, sizeof *ward);
    if (!ward)
        return NULL;
    ward->pid = pid;
    ward->control = task->fds[0];
    ward->ooms = oom_count(process);
    strncpy(ward->mark, task->variables[0], sizeof ward->mark - 1);
    HASH_ADD(hh, process->wards, pid, sizeof ward->pid, ward);
    if (ward_of(process, pid) == ward && watch(process, ward->control, ward) == 0)
        return ward;
    if (ward_of(process, pid) == ward)
        HASH_DEL(process->wards, ward);
    free(ward);
    return NULL;
}

static int start(struct process *process, const struct keeper_task *task)
{
    pid_t keeper = getpid(), pid = fork();
    if (pid == 0)
        keeper_become(task, keeper, &process->files);
    if (pid < 0)
        return -errno;
    setpgid(pid, pid); /* here too: whichever comes first */
    if (!ward_new(process, task, pid)) {
        kill(-pid, SIGKILL);
        return -ENOMEM;
    }
    tell(task->fds[0], &(struct keeper_news){.word = KEEPER_STARTED, .pid = pid});
    return 0;
}

static void take_order(struct process *process, struct keeper_task *task)
{
    int rc = start(process, task);
    if (rc == 0) {
        task->fds[0] = -1; /* the ward's now */
    } else {
        tell(task->fds[0], &(struct keeper_news){.word = KEEPER_REFUSED, .error = -rc});
        tell(task->fds[0],
             &(struct keeper_news){.word = KEEPER_ENDED, .status = STATUS_NOT_STARTED});
    }
    for (int i = 0; i < KEEPER_FDS; i++)
        if (task->fds[i] >= 0)
            close(task->fds[i]);
}

/* --- the loop ----------------------------------------------------------------------------------
 */

static void on_channel(struct process *process)
{
    struct keeper_head head;
    struct keeper_task task;
    int got = keeper_receive(process->channel, process->datagram, &head, &task);
    process->closed = got == -EPIPE;
    if (got <= 0)
        return;
    process->silent_ms = 0;
    if (head.kind == KEEPER_ALIVE)
        process->silence_ms = head.silence_ms;
    else
        take_order(process, &task);
}

static void on_control(struct process *process, struct ward *ward)
{
    struct keeper_ladder ladder;
    ssize_t got = recv(ward->control, &ladder, sizeof ladder, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got == (ssize_t)sizeof ladder && ladder.grace_ms > 0) {
        if (!heap_has(&ward->kill)) /* once: a second SIGTERM would hit it while it cleans up */
            ward_end(ward, SIGTERM);
        ward_kill_at(process, ward, clock_mono_ms() + ladder.grace_ms);
        return;
    }
    if (got != (ssize_t)sizeof ladder) /* closed: nothing more to hear of it */
        epoll_ctl(process->epoll, EPOLL_CTL_DEL, ward->control, NULL);
    ward_end(ward, SIGKILL);
}

/* Time counts only while we run ourselves: where the whole machine stood still, nobody is late. */
static void look_after_worker(struct process *process)
{
    uint64_t now = clock_mono_ms(), passed = now - process->looked_at;
    process->looked_at = now;
    process->silent_ms += passed < 2 * TICK_MS ? passed : TICK_MS;
    if (process->silence_ms == 0 || process->silent_ms < process->silence_ms)
        return;
    if (process->wards)
        log_warning("worker_stands_still", "for %llu ms: its handlers are killed",
                    (unsigned long long)process->silent_ms);
    process->silent_ms = 0;
    kill_wards(process);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int wait_ms(const struct process *process)
{
    const struct heap_node *node = heap_peek(&process->kills);
    uint64_t now = clock_mono_ms(), wait = TICK_MS;
    if (!process->wards)
        return -1;
    if (node)
        wait = sooner(wait, node->key > now ? node->key - now : 0);
    if (process->silence_ms > process->silent_ms)
        wait = sooner(wait, process->silence_ms - process->silent_ms);
    return (int)wait;
}

/* Deaths come last: a ward in this very list of events must not be freed before its turn. */
static void turn(struct process *process)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(process->epoll, events, EVENTS_MAX, wait_ms(process));
    bool deaths = false;
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == &of_channel)
            on_channel(process);
        else if (events[i].data.ptr == &of_signals)
            deaths = true;
        else
            on_control(process, events[i].data.ptr);
    }
    if (deaths)
        reap(process);
    kill_due(process);
    look_after_worker(process);
}

/* Out of the worker's terminal, its signals and its standard streams; errors are still said. */
static int settle_in(struct process *process)
{
    sigset_t all, children;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    setpgid(0, 0);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
        return -errno;
    close(null);
    prctl(PR_SET_NAME, "reeve-keeper");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    process->signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    process->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (process->signals < 0 || process->epoll < 0)
        return -errno;
    getrlimit(RLIMIT_NOFILE, &process->files);
    struct rlimit raised = {process->files.rlim_max, process->files.rlim_max};
    setrlimit(RLIMIT_NOFILE, &raised);
    int rc = watch(process, process->channel, &of_channel);
    return rc < 0 ? rc : watch(process, process->signals, &of_signals);
}

int keeper_process(int channel, const char *scratch)
{
    struct process *process = calloc(1, sizeof *process);
    if (!process)
        return 1;
    process->channel = channel;
    process->looked_at = clock_mono_ms();
    heap_init(&process->kills);
    if (!keeper_oom_path(process->oom_path, sizeof process->oom_path))
        process->oom_path[0] = '\0';
    int rc = settle_in(process);
    if (rc < 0)
        log_error("keeper_failed", "%s", strerror(-rc));
    while (rc == 0 && !process->closed)
        turn(process);
    kill_all(process);
    if (scratch)
        scratch_remove(scratch);
    return rc < 0;
}
