/* Directory, lock and reserve.
 * Must never open a directory that it could not lock.
 */
#include "broker/store/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { READERS_WAIT = 500 }; /* steps of 10 ms */

int problem_set(const struct problem *problem, int rc, const char *fmt, ...)
{
    if (!problem->at || problem->size == 0)
        return rc;
    va_list args;
    va_start(args, fmt);
    vsnprintf(problem->at, problem->size, fmt, args);
    va_end(args);
    return rc;
}

/* --- directories ----------------------------------------------------------------------------- */

static int sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

static int sync_parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash)
        return sync_path(".");
    if (slash == path)
        return sync_path("/");
    *slash = 0;
    int rc = sync_path(path);
    *slash = '/';
    return rc;
}

/* A directory that is there is good, also where its parent can't be written. */
static int make_one(char *path)
{
    if (mkdir(path, 0700) == 0)
        return sync_parent(path);
    int rc = -errno;
    struct stat found;
    if (stat(path, &found) < 0)
        return rc;
    return S_ISDIR(found.st_mode) ? 0 : -ENOTDIR;
}

static int make_all(const char *path)
{
    char copy[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0)
        return -ENOENT;
    if (len >= sizeof copy)
        return -ENAMETOOLONG;
    memcpy(copy, path, len + 1);
    while (len > 1 && copy[len - 1] == '/')
        copy[--len] = 0;
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        int rc = make_one(copy);
        if (rc < 0)
            return rc;
        *slash = '/';
    }
    return make_one(copy);
}

/* --- the lock -------------------------------------------------------------------------------- */

static int refuse_second(struct data_dir *dir, const struct problem *problem)
{
    char holder[16] = {0};
    ssize_t got = pread(dir->lock_fd, holder, sizeof holder - 1, 0);
    holder[got > 0 ? strspn(holder, "0123456789") : 0] = 0;
    if (holder[0])
        return problem_set(problem, -EBUSY, "%s is in use by another broker, process %s", dir->path,
                           holder);
    return problem_set(problem, -EBUSY, "%s is in use by another process", dir->path);
}

/* Who holds the lock is a courtesy: a full disk must not keep a broker from starting. */
static void write_holder(const struct data_dir *dir)
{
    char holder[16];
    int len = snprintf(holder, sizeof holder, "%ld\n", (long)getpid());
    if (ftruncate(dir->lock_fd, 0) == 0 && pwrite(dir->lock_fd, holder, (size_t)len, 0) != len)
        (void)!ftruncate(dir->lock_fd, 0);
}

/* Who only reads holds brokers off for some milliseconds: that is no reason not to start. */
static void wait_for_readers(const struct data_dir *dir)
{
    static const struct timespec step = {.tv_nsec = 10 * 1000 * 1000};
    for (int i = 0; i < READERS_WAIT; i++) {
        if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) == 0 ||
            flock(dir->lock_fd, LOCK_SH | LOCK_NB) != 0)
            return; /* ours, or a broker's */
        nanosleep(&step, NULL);
    }
}

static int take_lock(struct data_dir *dir, const struct problem *problem)
{
    dir->lock_fd = openat(dir->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (dir->lock_fd < 0)
        return problem_set(problem, -errno, "%s/lock: %s", dir->path, strerror(errno));
    data_dir_adopt(dir, "lock");
    wait_for_readers(dir);
    if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        write_holder(dir);
        return 0;
    }
    if (errno == EWOULDBLOCK)
        return refuse_second(dir, problem);
    return problem_set(problem, -errno, "%s/lock can't be locked: %s", dir->path, strerror(errno));
}

static void dir_init(struct data_dir *dir, const char *path)
{
    *dir =
        (struct data_dir){.path = path, .fd = -1, .lock_fd = -1, .reserve_fd = -1, .claim_fd = -1};
}

int data_dir_open(struct data_dir *dir, const char *path, const struct problem *problem)
{
    dir_init(dir, path);
    int rc = make_all(path);
    if (rc < 0)
        return problem_set(problem, rc, "%s can't be made: %s", path, strerror(-rc));
    dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir->fd < 0)
        return problem_set(problem, -errno, "%s: %s", path, strerror(errno));
    rc = take_lock(dir, problem);
    if (rc < 0)
        data_dir_close(dir);
    return rc;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void data_dir_close(struct data_dir *dir)
{
    close_fd(&dir->claim_fd);
    close_fd(&dir->reserve_fd);
    close_fd(&dir->lock_fd);
    close_fd(&dir->fd);
}

void data_dir_adopt(const struct data_dir *dir, const char *name)
{
    struct stat owner;
    if (geteuid() == 0 && fstat(dir->fd, &owner) == 0 && owner.st_uid != 0)
        (void)!fchownat(dir->fd, name, owner.st_uid, owner.st_gid, AT_SYMLINK_NOFOLLOW);
}

/* --- beside a broker ------------------------------------------------------------------------- */

int data_dir_look(struct data_dir *dir, const char *path, const struct problem *problem)
{
    dir_init(dir, path);
    dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir->fd < 0 ? problem_set(problem, -errno, "%s: %s", path, strerror(errno)) : 0;
}

/* Where there is no lock file, no broker was ever here. */
bool data_dir_hold_off(struct data_dir *dir)
{
    dir->lock_fd = openat(dir->fd, "lock", O_RDONLY | O_CLOEXEC);
    if (dir->lock_fd < 0)
        return errno == ENOENT;
    return flock(dir->lock_fd, LOCK_SH | LOCK_NB) == 0;
}

void data_dir_let_go(struct data_dir *dir)
{
    close_fd(&dir->lock_fd);
}

static int claim_once(struct data_dir *dir, const char *name, bool alone,
                      const struct problem *problem)
{
    dir->claim_fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC);
    if (dir->claim_fd < 0 && errno == ENOENT)
        return problem_set(problem, -ENOENT, "%s holds no store: there is no %s", dir->path, name);
    if (dir->claim_fd < 0)
        return problem_set(problem, -errno, "%s/%s: %s", dir->path, name, strerror(errno));
    if (flock(dir->claim_fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0)
        return 0;
    return problem_set(problem, -EBUSY,
                       alone ? "%s is being read by a check, dump or backup; try again when it ends"
                             : "%s is just being compacted or restored; try again when it ends",
                       dir->path);
}

/* Between open and flock another file may have been put in its place: only the one that bears the
 * name counts. */
static bool bears_its_name(const struct data_dir *dir, const char *name)
{
    struct stat claimed, named;
    return fstat(dir->claim_fd, &claimed) == 0 && fstatat(dir->fd, name, &named, 0) == 0 &&
           claimed.st_ino == named.st_ino && claimed.st_dev == named.st_dev;
}

int data_dir_claim(struct data_dir *dir, const char *name, bool alone,
                   const struct problem *problem)
{
    int rc = claim_once(dir, name, alone, problem);
    while (rc == 0 && !bears_its_name(dir, name)) {
        close_fd(&dir->claim_fd);
        rc = claim_once(dir, name, alone, problem);
    }
    return rc;
}

uint64_t data_dir_claimed_size(const struct data_dir *dir)
{
    struct stat found;
    return fstat(dir->claim_fd, &found) == 0 ? (uint64_t)found.st_size : 0;
}

/* --- files ----------------------------------------------------------------------------------- */

int data_dir_sync(const struct data_dir *dir)
{
    return fsync(dir->fd) < 0 ? -errno : 0;
}

bool data_dir_has(const struct data_dir *dir, const char *name)
{
    struct stat found;
    return fstatat(dir->fd, name, &found, 0) == 0;
}

void data_dir_remove(const struct data_dir *dir, const char *name)
{
    unlinkat(dir->fd, name, 0);
}

/* --- the reserve ----------------------------------------------------------------------------- */

uint64_t data_dir_free(const struct data_dir *dir)
{
    struct statvfs room;
    return fstatvfs(dir->fd, &room) == 0 ? (uint64_t)room.f_bavail * room.f_frsize : 0;
}

/* What can't be written for any other reason is not full. */
bool data_dir_is_full(const struct data_dir *dir)
{
    static const char some[64 * 1024] = {1};
    int fd = openat(dir->fd, "probe", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t wrote = fd >= 0 ? write(fd, some, sizeof some) : -1;
    bool refused = wrote < 0 || (fd >= 0 && fsync(fd) < 0);
    bool full = (refused && (errno == ENOSPC || errno == EDQUOT)) ||
                (wrote >= 0 && (size_t)wrote < sizeof some);
    if (fd >= 0)
        close(fd);
    unlinkat(dir->fd, "probe", 0);
    return full;
}

/* Is it there already, with blocks of its own? */
static bool is_reserved(const struct data_dir *dir)
{
    struct stat found;
    return fstat(dir->reserve_fd, &found) == 0 && (uint64_t)found.st_size == dir->reserve_size &&
           (uint64_t)found.st_blocks * 512 >= dir->reserve_size;
}

void data_dir_reserve(struct data_dir *dir)
{
    if (dir->reserve_size == 0 || dir->reserve_held)
        return;
    if (dir->reserve_fd < 0)
        dir->reserve_fd = openat(dir->fd, "reserve", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (dir->reserve_fd < 0)
        return;
    dir->reserve_held = is_reserved(dir);
    if (dir->reserve_held || data_dir_free(dir) / 2 < dir->reserve_size)
        return;
    dir->reserve_held = ftruncate(dir->reserve_fd, 0) == 0 &&
                        posix_fallocate(dir->reserve_fd, 0, (off_t)dir->reserve_size) == 0;
    if (!dir->reserve_held)
        data_dir_release(dir);
}

/* Synced, since some file systems hand freed blocks out again only then. */
void data_dir_release(struct data_dir *dir)
{
    if (dir->reserve_fd >= 0 && ftruncate(dir->reserve_fd, 0) == 0)
        fsync(dir->reserve_fd);
    dir->reserve_held = false;
}
