/* The broker that is measured.
 * Must never end a process that it did not start. */
#include "tests/bench/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/signals.h"

/* What die() has to clean up. */
static struct daemon *running;

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

void daemon_remove(struct daemon *daemon)
{
    if (daemon->folder[0])
        nftw(daemon->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    daemon->folder[0] = '\0';
    running = NULL;
}

static void clean_up(void)
{
    if (!running)
        return;
    if (running->pid > 0) {
        kill(running->pid, SIGKILL);
        waitpid(running->pid, NULL, 0);
    }
    daemon_remove(running);
}

static void find_program(struct daemon *daemon, const struct bench_options *options)
{
    if (options->broker) {
        snprintf(daemon->program, sizeof daemon->program, "%s", options->broker);
        return;
    }
    char self[4000];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len < 0)
        die("/proc/self/exe: %s", strerror(errno));
    self[len] = '\0';
    *strrchr(self, '/') = '\0';
    snprintf(daemon->program, sizeof daemon->program, "%s/reeve-broker", self);
}

/* Heartbeats stay out of the measurement: the workers here never fall silent. */
static void run_program(const struct daemon *daemon, int log_fd)
{
    char data[4200];
    snprintf(data, sizeof data, "%s/data", daemon->folder);
    const char *const any = "tcp://127.0.0.1:*";
    char *const words[] = {(char *)daemon->program,
                           "--data",
                           data,
                           "--clients",
                           (char *)any,
                           "--workers",
                           (char *)any,
                           "--events",
                           (char *)any,
                           "--heartbeat",
                           "10m",
                           "--lost-after",
                           "1h",
                           "--log-level",
                           "warning",
                           NULL};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signals_child();
    dup2(log_fd, STDERR_FILENO);
    execv(daemon->program, words);
    dprintf(STDERR_FILENO, "%s: %s\n", daemon->program, strerror(errno));
    _exit(127);
}

/* The broker's later lines go to our stderr, so that it never blocks on a full pipe. */
static void *pass_on(void *context)
{
    struct daemon *daemon = context;
    char bytes[4096];
    ssize_t got;
    while ((got = read(daemon->log_fd, bytes, sizeof bytes)) > 0) {
        ssize_t ignored = write(STDERR_FILENO, bytes, (size_t)got);
        (void)ignored;
    }
    return NULL;
}

static bool read_line(int fd, char *line, size_t size)
{
    size_t len = 0;
    while (len + 1 < size && read(fd, line + len, 1) == 1) {
        if (line[len] == '\n')
            break;
        len++;
    }
    line[len] = '\0';
    return len > 0;
}

static void wait_ready(struct daemon *daemon)
{
    char line[2048];
    while (read_line(daemon->log_fd, line, sizeof line)) {
        if (sscanf(line, "ready clients=%255s workers=%255s events=%255s", daemon->clients,
                   daemon->workers, daemon->events) == 3)
            return;
        fprintf(stderr, "%s\n", line);
    }
    die("the broker %s did not start", daemon->program);
}

void daemon_again(struct daemon *daemon)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe: %s", strerror(errno));
    daemon->pid = fork();
    if (daemon->pid < 0)
        die("fork: %s", strerror(errno));
    if (daemon->pid == 0)
        run_program(daemon, ends[1]);
    close(ends[1]);
    daemon->log_fd = ends[0];
    wait_ready(daemon);
    if (pthread_create(&daemon->reader, NULL, pass_on, daemon) != 0)
        die("no thread could be started");
}

void daemon_start(struct daemon *daemon, const struct bench_options *options)
{
    static bool registered;
    *daemon = (struct daemon){.pid = 0};
    find_program(daemon, options);
    snprintf(daemon->folder, sizeof daemon->folder, "%s/reeve-bench-XXXXXX", options->data);
    if (!mkdtemp(daemon->folder))
        die("no folder could be made in %s: %s", options->data, strerror(errno));
    running = daemon;
    if (!registered)
        atexit(clean_up);
    registered = true;
    daemon_again(daemon);
}

static int end_with(struct daemon *daemon, int number)
{
    int status = 0;
    kill(daemon->pid, number);
    while (waitpid(daemon->pid, &status, 0) < 0 && errno == EINTR)
        ;
    daemon->pid = 0;
    pthread_join(daemon->reader, NULL);
    close(daemon->log_fd);
    return status;
}

void daemon_stop(struct daemon *daemon)
{
    int status = end_with(daemon, SIGTERM);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die("the broker ended badly (wait status %d)", status);
}

void daemon_kill(struct daemon *daemon)
{
    end_with(daemon, SIGKILL);
}

static FILE *open_proc(const struct daemon *daemon, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)daemon->pid, name);
    FILE *file = fopen(path, "r");
    if (!file)
        die("%s: %s", path, strerror(errno));
    return file;
}

double daemon_cpu_us(const struct daemon *daemon)
{
    unsigned long user = 0, system = 0;
    FILE *file = open_proc(daemon, "stat");
    int got = fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                     &user, &system);
    fclose(file);
    if (got != 2)
        die("/proc/%d/stat could not be read", (int)daemon->pid);
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

struct daemon_memory daemon_memory(const struct daemon *daemon)
{
    struct daemon_memory memory = {0, 0};
    char line[256];
    double kib;
    FILE *file = open_proc(daemon, "smaps_rollup");
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "Private_Clean: %lf", &kib) == 1 ||
            sscanf(line, "Private_Dirty: %lf", &kib) == 1)
            memory.private_bytes += kib * 1024;
        if (sscanf(line, "Anonymous: %lf", &kib) == 1)
            memory.anonymous_bytes = kib * 1024;
    }
    fclose(file);
    return memory;
}

static double disk_bytes;

static int add_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)path;
    (void)where;
    if (kind == FTW_F)
        disk_bytes += (double)info->st_blocks * 512;
    return 0;
}

double daemon_disk_bytes(const struct daemon *daemon)
{
    disk_bytes = 0;
    nftw(daemon->folder, add_entry, 16, FTW_PHYS);
    return disk_bytes;
}
