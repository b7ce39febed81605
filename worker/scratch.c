/* Private folders and what crashed workers left of theirs.
 * Must never follow a link, nor touch what is not this user's or still locked. */
#include "worker/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 10 };

static const char prefix[] = "reeve-worker.";

struct scratch {
    char *path;
    int fd; /* of the folder, locked */
};

static int open_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* Takes over `fd`. */
static void empty_folder(int fd)
{
    DIR *folder = fdopendir(fd);
    struct dirent *entry;
    if (!folder) {
        close(fd);
        return;
    }
    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
}

void scratch_remove(const char *path)
{
    int fd = open_folder(path);
    if (fd < 0)
        return;
    empty_folder(fd);
    rmdir(path);
}

/* A lock that can be had means: its worker is dead. */
static void remove_if_dead(const char *path)
{
    struct stat found;
    int fd = open_folder(path);
    if (fd < 0)
        return;
    bool ours = fstat(fd, &found) == 0 && found.st_uid == geteuid() && (found.st_mode & 077) == 0 &&
                flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (ours)
        scratch_remove(path); /* while it is locked: nobody takes it over meanwhile */
    close(fd);
}

static void remove_dead(const char *parent)
{
    DIR *folder = opendir(parent);
    struct dirent *entry;
    char *path;
    while (folder && (entry = readdir(folder))) {
        if (strncmp(entry->d_name, prefix, sizeof prefix - 1) != 0 ||
            asprintf(&path, "%s/%s", parent, entry->d_name) < 0)
            continue;
        remove_if_dead(path);
        free(path);
    }
    if (folder)
        closedir(folder);
}

/* 0; 1: another worker took it for a dead one's before it was locked; -errno. */
static int make(const char *parent, struct scratch *scratch)
{
    struct stat ours, there;
    if (asprintf(&scratch->path, "%s/%sXXXXXX", parent, prefix) < 0) {
        scratch->path = NULL;
        return -ENOMEM;
    }
    if (!mkdtemp(scratch->path))
        return -errno;
    scratch->fd = open_folder(scratch->path);
    if (scratch->fd < 0)
        return scratch->fd == -ENOENT ? 1 : scratch->fd;
    if (flock(scratch->fd, LOCK_EX) != 0 || fstat(scratch->fd, &ours) != 0)
        return -errno;
    bool same = lstat(scratch->path, &there) == 0 && there.st_ino == ours.st_ino &&
                there.st_dev == ours.st_dev;
    return same ? 0 : 1;
}

static void forget(struct scratch *scratch)
{
    if (scratch->fd >= 0)
        close(scratch->fd);
    scratch->fd = -1;
    free(scratch->path);
    scratch->path = NULL;
}

int scratch_new(const char *parent, struct scratch **scratch_out)
{
    struct scratch *scratch = calloc(1, sizeof *scratch);
    *scratch_out = scratch;
    if (!scratch)
        return -ENOMEM;
    scratch->fd = -1;
    parent = parent && *parent ? parent : "/tmp";
    remove_dead(parent);
    int rc = 1;
    for (int i = 0; rc == 1 && i < TRIES; i++) {
        forget(scratch);
        rc = make(parent, scratch);
    }
    if (rc == 0)
        return 0;
    forget(scratch);
    free(scratch);
    *scratch_out = NULL;
    return rc == 1 ? -EAGAIN : rc;
}

const char *scratch_path(const struct scratch *scratch)
{
    return scratch->path;
}

static int write_all(int fd, struct slice data)
{
    while (data.len > 0) {
        ssize_t put = write(fd, data.at, data.len);
        if (put < 0 && errno != EINTR)
            return -errno;
        if (put > 0) {
            data.at += put;
            data.len -= (size_t)put;
        }
    }
    return 0;
}

int scratch_write(const struct scratch *scratch, const char *name, struct slice data,
                  char **path_out)
{
    char *path;
    *path_out = NULL;
    if (asprintf(&path, "%s/%s", scratch->path, name) < 0)
        return -ENOMEM;
    int fd = openat(scratch->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc = fd < 0 ? -errno : write_all(fd, data);
    if (fd >= 0)
        close(fd);
    if (rc < 0) {
        if (fd >= 0)
            unlinkat(scratch->fd, name, 0);
        free(path);
        return rc;
    }
    *path_out = path;
    return 0;
}

void scratch_destroy(struct scratch **scratch)
{
    struct scratch *s = *scratch;
    *scratch = NULL;
    if (!s)
        return;
    scratch_remove(s->path);
    forget(s);
    free(s);
}
