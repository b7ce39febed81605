/* One run of a program: started by the keeper, listened to until it has ended.
 *
 * Everything it wrote before its end is in the pipes when the keeper tells that it has ended, so
 * one last look finds it all, even where something else still holds a pipe's other end open. */
#include "worker/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#include "worker/exec_parts.h"

enum { CHUNK = 64 * 1024, CHUNKS_A_TURN = 16 };

/* poll's places: the three streams have their own numbers less one. */
enum { AT_OUT, AT_ERR, AT_REPORTS, AT_CONTROL, AT_STOP, PLACES };

struct run {
    struct exec_said said;
    struct pollfd polled[PLACES]; /* fd -1: closed */
    pid_t pid;                    /* 0: not started */
    int refused;                  /* an errno: it could not be executed */
    struct keeper_news end;       /* how it ended, where it did */
    bool ended, abandoned;        /* the keeper told its end; the keeper is gone */
    struct run *prev, *next;
};

static pthread_mutex_t runs_lock = PTHREAD_MUTEX_INITIALIZER;
static struct run *runs; /* those with a pid */

static void run_list(struct run *run, pid_t pid)
{
    pthread_mutex_lock(&runs_lock);
    run->pid = pid;
    DL_APPEND(runs, run);
    pthread_mutex_unlock(&runs_lock);
}

static void run_unlist(struct run *run)
{
    pthread_mutex_lock(&runs_lock);
    if (run->pid)
        DL_DELETE(runs, run);
    run->pid = 0;
    pthread_mutex_unlock(&runs_lock);
}

void exec_kill_all(void)
{
    struct run *run;
    pthread_mutex_lock(&runs_lock);
    DL_FOREACH(runs, run)
    {
        kill(-run->pid, SIGKILL);
    }
    pthread_mutex_unlock(&runs_lock);
}

/* --- starting ----------------------------------------------------------------------------------
 */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Our ends go into run->polled, the program's into fds[1..3]. */
static int make_pipes(struct run *run, int fds[4])
{
    for (int stream = 1; stream < 4; stream++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
            return -errno;
        run->polled[stream - 1] = (struct pollfd){.fd = ends[0], .events = POLLIN};
        fds[stream] = ends[1];
    }
    return 0;
}

static int spawn(struct run *run, const struct exec *exec, const struct exec_job *told)
{
    const char *const direct[] = {exec->command, NULL};
    const char *const shell[] = {"/bin/sh", "-c", exec->command, NULL};
    struct keeper_order order = {.words = exec_is_program(exec->command) ? direct : shell,
                                 .variables = (const char *const *)told->variables,
                                 .fds = {-1, -1, -1, -1}};
    order.fds[0] = exec_job_stdin(run->said.job);
    int rc = order.fds[0] < 0 ? order.fds[0] : make_pipes(run, order.fds);
    if (rc == 0)
        rc = keeper_spawn(exec->keeper, &order, &run->polled[AT_CONTROL].fd);
    for (int i = 0; i < 4; i++)
        close_fd(&order.fds[i]);
    return rc;
}

/* --- listening ---------------------------------------------------------------------------------
 */

/* Reads what is there, within bounds that are more than a pipe holds. */
static void read_stream(struct run *run, int place)
{
    uint8_t chunk[CHUNK];
    struct pollfd *polled = &run->polled[place];
    for (int i = 0; i < CHUNKS_A_TURN && polled->fd >= 0; i++) {
        ssize_t got = read(polled->fd, chunk, sizeof chunk);
        if (got > 0)
            exec_said_take(&run->said, place + 1, (struct slice){chunk, (size_t)got});
        else if (got == 0 || (errno != EAGAIN && errno != EINTR))
            close_fd(&polled->fd);
        else if (errno == EAGAIN)
            return;
    }
}

/* A signal was sent: that is a step towards its end. */
static void tell_step(const struct run *run, enum keeper_word word)
{
    struct wire_step step = {.step = word == KEEPER_KILLED ? TEXT("sigkill") : TEXT("sigterm"),
                             .reason = text_of(reeve_job_cancel_reason(run->said.job))};
    job_report_shape(run->said.job, INBOX_STEP, &shape_step, &step);
}

static void hear_keeper(struct run *run)
{
    struct keeper_news news;
    int rc;
    while (!run->ended && (rc = keeper_hear(run->polled[AT_CONTROL].fd, &news)) != 0) {
        if (rc < 0) {
            run->abandoned = run->ended = true;
            if (run->pid)
                kill(-run->pid, SIGKILL); /* the keeper can't any more */
        } else if (news.word == KEEPER_STARTED) {
            run_list(run, news.pid);
        } else if (news.word == KEEPER_REFUSED) {
            run->refused = news.error;
        } else if (news.word == KEEPER_TERMED || news.word == KEEPER_KILLED) {
            tell_step(run, news.word);
        } else {
            run->end = news;
            run->ended = true;
        }
    }
}

static void listen_to(struct run *run)
{
    while (!run->ended) {
        if (poll(run->polled, PLACES, -1) < 0)
            continue;
        for (int place = AT_OUT; place <= AT_REPORTS; place++)
            if (run->polled[place].fd >= 0 && run->polled[place].revents)
                read_stream(run, place);
        if (run->polled[AT_STOP].revents)
            keeper_end(run->polled[AT_CONTROL].fd, job_stop_grace(run->said.job));
        if (run->polled[AT_CONTROL].revents)
            hear_keeper(run);
    }
    run_unlist(run);
    for (int place = AT_OUT; place <= AT_REPORTS; place++)
        read_stream(run, place);
    exec_said_end(&run->said);
}

/* --- one run -----------------------------------------------------------------------------------
 */

/* What the keeper has measured. */
static void tell_box(const struct run *run)
{
    char name[SIGNAL_LEN_MAX + 1];
    int status = run->end.status;
    struct wire_box box = {.pid = (uint64_t)run->end.pid,
                           .oom = run->end.oom,
                           .cpu_ms = opt_of(run->end.cpu_ms),
                           .rss_max_bytes = opt_of(run->end.rss_max_bytes)};
    if (WIFEXITED(status)) {
        box.exit_code = opt_of((uint64_t)WEXITSTATUS(status));
    } else if (WIFSIGNALED(status)) {
        const char *word = sigabbrev_np(WTERMSIG(status));
        if (word)
            snprintf(name, sizeof name, "SIG%s", word);
        else
            snprintf(name, sizeof name, "%d", WTERMSIG(status));
        box.signal = text_of(name);
    }
    job_box(run->said.job, &box);
}

static void conclude(struct run *run, const struct exec *exec)
{
    char message[300];
    if (run->abandoned) {
        reeve_job_fail(run->said.job, "WorkerError", "the worker's keeper has died", true);
    } else if (run->refused) {
        snprintf(message, sizeof message, "'%.200s' can't be executed: %s", exec->command,
                 strerror(run->refused));
        reeve_job_fail(run->said.job, "ExecError", message, true);
    } else {
        tell_box(run);
        exec_conclude(&run->said, run->end.status);
    }
}

static int prepare(struct run *run, const struct exec *exec, struct exec_job *told)
{
    run->polled[AT_STOP].fd = job_stop_fd(run->said.job);
    int rc = run->polled[AT_STOP].fd < 0 ? run->polled[AT_STOP].fd : 0;
    if (rc == 0)
        rc = exec_job_init(told, run->said.job, exec);
    return rc < 0 ? rc : spawn(run, exec, told);
}

static void fail_to_start(struct run *run, int rc)
{
    char message[200];
    snprintf(message, sizeof message, "the handler could not be started: %s", strerror(-rc));
    reeve_job_fail(run->said.job, "ExecError", message, true);
}

int exec_handle(struct reeve_job *job, void *arg)
{
    const struct exec *exec = arg;
    struct exec_job told = {0};
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return -ENOMEM;
    for (int place = 0; place < PLACES; place++)
        run->polled[place] = (struct pollfd){.fd = -1, .events = POLLIN};
    exec_said_init(&run->said, job);
    int rc = prepare(run, exec, &told);
    if (rc == 0) {
        listen_to(run);
        conclude(run, exec);
    } else {
        fail_to_start(run, rc);
    }
    for (int place = 0; place < AT_STOP; place++) /* the job closes its own */
        close_fd(&run->polled[place].fd);
    exec_said_fini(&run->said);
    exec_job_fini(&told);
    free(run);
    return 0;
}
