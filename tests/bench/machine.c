/* What the figures were measured on. */
#include "tests/bench/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zmq.h>

#include "base/clock.h"
#include "tests/bench/figures.h"

enum { SYNC_BLOCK = 4096, SYNC_FILE = 4 * 1024 * 1024, SYNCS = 300, SYNCS_QUICK = 10 };

/* The rest of the first line of `path` that begins with `key`, or "?". */
static void find_line(const char *path, const char *key, char *out, size_t size)
{
    char line[512];
    snprintf(out, size, "?");
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        const char *value = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) == 0 && value) {
            snprintf(out, size, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
            break;
        }
    }
    if (file)
        fclose(file);
}

/* "ext4 (rw,relatime)" of the file system that `path` is on. */
static void find_file_system(const char *path, char *out, size_t size)
{
    struct stat info;
    char line[1024], device[32], kind[64], options[256];
    snprintf(out, size, "?");
    if (stat(path, &info) != 0)
        return;
    snprintf(device, sizeof device, "%u:%u", major(info.st_dev), minor(info.st_dev));
    FILE *file = fopen("/proc/self/mountinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        char at[32];
        const char *rest = strstr(line, " - ");
        if (sscanf(line, "%*s %*s %31s %*s %*s %255s", at, options) == 2 && rest &&
            sscanf(rest, " - %63s", kind) == 1 && strcmp(at, device) == 0)
            snprintf(out, size, "%s (%s)", kind, options);
    }
    if (file)
        fclose(file);
}

void machine_print(const struct bench_options *options)
{
    char cpu[256], memory[64], disk[512];
    struct utsname system;
    int major, minor, patch;
    find_line("/proc/cpuinfo", "model name", cpu, sizeof cpu);
    find_line("/proc/meminfo", "MemTotal", memory, sizeof memory);
    find_file_system(options->data, disk, sizeof disk);
    uname(&system);
    zmq_version(&major, &minor, &patch);
    printf("machine     %s, %ld cores, %s memory\n", cpu, sysconf(_SC_NPROCESSORS_ONLN),
           memory + strspn(memory, " "));
    printf("system      %s %s; data in %s on %s\n", system.sysname, system.release, options->data,
           disk);
    printf("versions    reeve %s, libzmq %d.%d.%d\n", REEVE_VERSION, major, minor, patch);
    printf("durability  every answer after an fsync of what it says; TCP loopback; payload %lu "
           "bytes\n\n",
           (unsigned long)options->payload);
}

static int open_scratch(const struct bench_options *options)
{
    char path[4096];
    static char zeros[SYNC_FILE];
    snprintf(path, sizeof path, "%s/reeve-bench-sync-XXXXXX", options->data);
    int fd = mkstemp(path);
    if (fd < 0)
        die("%s: %s", path, strerror(errno));
    unlink(path);
    if (write(fd, zeros, sizeof zeros) != (ssize_t)sizeof zeros || fsync(fd) != 0)
        die("%s can't be written: %s", options->data, strerror(errno));
    return fd;
}

void machine_sync_times(const struct bench_options *options)
{
    double samples[SYNCS];
    char block[SYNC_BLOCK] = {1};
    int count = options->quick ? SYNCS_QUICK : SYNCS;
    int fd = open_scratch(options);
    for (int i = 0; i < count; i++) {
        uint64_t began = clock_mono_us();
        if (pwrite(fd, block, sizeof block, (off_t)i * SYNC_BLOCK % SYNC_FILE) != SYNC_BLOCK ||
            fdatasync(fd) != 0)
            die("%s can't be written: %s", options->data, strerror(errno));
        samples[i] = (double)(clock_mono_us() - began);
    }
    close(fd);
    figure_add("fdatasync_p50", percentile(samples, (size_t)count, 50), "us", (struct setup){0});
}
