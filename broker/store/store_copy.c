/* Backup, restore and compaction of the tables' file.
 * Must never give a file its final name before it is whole, checked and synced.
 */
#include "broker/store/store_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "broker/store/lmdb_file.h"
#include "broker/store/store_lmdb.h"
#include "broker/store/tree.h"

#define FILE_NAME "data.mdb"
#define NEW_NAME  "data.mdb.new"

enum { CHUNK = 1024 * 1024, TRIES = 3 };

struct store_copy {
    struct data_dir dir; /* locked; in a compaction with the old file claimed */
    struct store *store;
};

/* --- room and pages ----------------------------------------------------------------------------
 */

static int no_room(const struct problem *problem, const char *path, uint64_t needed, int fd)
{
    struct statvfs room;
    uint64_t left = fstatvfs(fd, &room) == 0 ? (uint64_t)room.f_bavail * room.f_frsize : 0;
    return problem_set(problem, -ENOSPC,
                       "%s: no room: about %" PRIu64 " MiB are needed, %" PRIu64 " MiB are free",
                       path, needed / (1024 * 1024) + 1, left / (1024 * 1024));
}

/* Says so before an hour of copying, where it can be known. */
static int check_room(const struct problem *problem, const char *path, uint64_t needed, int fd)
{
    struct statvfs room;
    if (fstatvfs(fd, &room) < 0 || (uint64_t)room.f_bavail * room.f_frsize >= needed)
        return 0;
    return no_room(problem, path, needed, fd);
}

static int copy_failed(const struct problem *problem, const char *path, int rc, uint64_t needed,
                       int fd)
{
    if (rc == -ENOSPC || rc == -EDQUOT)
        return no_room(problem, path, needed, fd);
    return problem_set(problem, rc, "%s can't be written: %s", path, strerror(-rc));
}

static uint64_t used_bytes(struct store *store)
{
    struct store_info info;
    return store_info(store, &info) == 0 ? info.used_bytes : 0;
}

/* A head may be read just while the broker beside writes it: what is wrong then is right at once.
 */
int store_check_pages(struct store *store, char *at, size_t size)
{
    struct problem problem = {at, size};
    const struct data_dir *dir = store_tree_dir(store);
    struct lmdb_file_facts facts;
    int rc = -EUCLEAN;
    for (int i = 0; i < TRIES && rc == -EUCLEAN; i++)
        rc = lmdb_file_check(dir->claim_fd, FILE_NAME, UINT64_MAX, &facts, &problem);
    return rc;
}

static int sync_file(const struct problem *problem, const char *path, int fd)
{
    if (fsync(fd) == 0)
        return 0;
    return problem_set(problem, -errno, "%s can't be synced: %s", path, strerror(errno));
}

/* The tables as a compact file; plainly where LMDB has leaked pages, which it then refuses. */
static int copy_tree(struct store *store, int fd, bool plain_too)
{
    int rc = tree_copy(store_tree_of(store), fd, true);
    if (rc != TREE_LEAKED || !plain_too)
        return rc;
    if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    return tree_copy(store_tree_of(store), fd, false);
}

/* --- backup ------------------------------------------------------------------------------------
 */

struct target {
    const char *path;
    char partial[PATH_MAX]; /* what it is called until it is whole */
    char folder[PATH_MAX];
    int fd, folder_fd;
};

static int target_names(struct target *target, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    target->path = path;
    int wrote = snprintf(target->partial, sizeof target->partial, "%s.partial", path);
    if (wrote < 0 || (size_t)wrote >= sizeof target->partial)
        return -ENAMETOOLONG;
    snprintf(target->folder, sizeof target->folder, "%.*s", (int)len, path);
    if (!slash)
        snprintf(target->folder, sizeof target->folder, ".");
    else if (len == 0)
        snprintf(target->folder, sizeof target->folder, "/");
    return 0;
}

/* What a killed backup left under the provisional name is written anew. */
static int target_open(struct target *target, const struct problem *problem)
{
    target->folder_fd = open(target->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (target->folder_fd < 0)
        return problem_set(problem, -errno, "%s: %s", target->folder, strerror(errno));
    target->fd = open(target->partial, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (target->fd < 0)
        return problem_set(problem, -errno, "%s: %s", target->partial, strerror(errno));
    if (flock(target->fd, LOCK_EX | LOCK_NB) < 0)
        return problem_set(problem, -EBUSY, "another backup writes %s", target->partial);
    if (ftruncate(target->fd, 0) < 0)
        return problem_set(problem, -errno, "%s: %s", target->partial, strerror(errno));
    return 0;
}

static int target_fill(struct target *target, struct store *store, const struct problem *problem)
{
    struct lmdb_file_facts facts;
    uint64_t needed = used_bytes(store);
    int rc = check_room(problem, target->path, needed, target->folder_fd);
    if (rc < 0)
        return rc;
    rc = copy_tree(store, target->fd, true);
    if (rc < 0)
        return copy_failed(problem, target->path, rc, needed, target->folder_fd);
    rc = lmdb_file_check(target->fd, target->partial, UINT64_MAX, &facts, problem);
    return rc < 0 ? rc : sync_file(problem, target->path, target->fd);
}

static int target_exists(const struct target *target, const struct problem *problem)
{
    return problem_set(problem, -EEXIST, "%s exists; say --overwrite to replace it", target->path);
}

/* File systems that can't rename without replacing get what `target_fill` began with: a look. */
static int target_rename(const struct target *target, bool overwrite, const struct problem *problem)
{
    unsigned flags = overwrite ? 0 : RENAME_NOREPLACE;
    int rc = renameat2(AT_FDCWD, target->partial, AT_FDCWD, target->path, flags);
    if (rc < 0 && errno == EINVAL && access(target->path, F_OK) < 0)
        rc = rename(target->partial, target->path);
    if (rc < 0 && (errno == EEXIST || errno == EINVAL))
        return target_exists(target, problem);
    if (rc == 0)
        rc = fsync(target->folder_fd);
    return rc == 0 ? 0 : problem_set(problem, -errno, "%s: %s", target->path, strerror(errno));
}

int store_backup(struct store *store, const char *path, bool overwrite, char *at, size_t size)
{
    struct problem problem = {at, size};
    struct target target = {.fd = -1, .folder_fd = -1};
    int rc = target_names(&target, path);
    if (rc < 0)
        return problem_set(&problem, rc, "%s: %s", path, strerror(-rc));
    if (!overwrite && access(path, F_OK) == 0)
        return target_exists(&target, &problem);
    rc = target_open(&target, &problem);
    if (rc == 0)
        rc = target_fill(&target, store, &problem);
    if (rc == 0)
        rc = target_rename(&target, overwrite, &problem);
    if (rc < 0 && rc != -EBUSY && target.fd >= 0)
        unlink(target.partial);
    if (target.fd >= 0)
        close(target.fd);
    if (target.folder_fd >= 0)
        close(target.folder_fd);
    return rc;
}

/* --- restore and compaction --------------------------------------------------------------------
 */

static int new_file(const struct store_copy *copy, const struct problem *problem)
{
    data_dir_remove(&copy->dir, NEW_NAME "-lock");
    int fd = openat(copy->dir.fd, NEW_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return problem_set(problem, -errno, "%s/%s: %s", copy->dir.path, NEW_NAME, strerror(errno));
    data_dir_adopt(&copy->dir, NEW_NAME);
    return fd;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(fd, bytes, size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return -errno;
        bytes += wrote;
        size -= (size_t)wrote;
    }
    return 0;
}

static int copy_bytes(int from, int to)
{
    static char chunk[CHUNK];
    for (;;) {
        ssize_t got = read(from, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : 0;
        int rc = write_all(to, chunk, (size_t)got);
        if (rc < 0)
            return rc;
    }
}

static int copy_begin(const char *dir, struct store_copy **copy_out, const struct problem *problem)
{
    struct store_copy *copy = calloc(1, sizeof *copy);
    if (!copy)
        return problem_set(problem, -ENOMEM, "out of memory");
    int rc = data_dir_open(&copy->dir, dir, problem);
    if (rc < 0)
        free(copy);
    *copy_out = rc < 0 ? NULL : copy;
    return rc;
}

/* The new file is there, synced: it becomes a store of its own. */
static int copy_open(struct store_copy *copy, const struct problem *problem)
{
    struct store_lmdb_options options = {.held = true, .new_file = true};
    return store_lmdb_open(copy->dir.path, &options, &copy->store, problem->at, problem->size);
}

static int refuse_full(const struct store_copy *copy, const struct problem *problem)
{
    if (!data_dir_has(&copy->dir, FILE_NAME) && !data_dir_has(&copy->dir, "lock.mdb"))
        return 0;
    return problem_set(problem, -EEXIST,
                       "%s holds a store already; restore into an empty or a new folder",
                       copy->dir.path);
}

static int restore_into(const struct store_copy *copy, const char *file, int from,
                        const struct problem *problem)
{
    struct lmdb_file_facts facts;
    struct stat found;
    int rc = lmdb_file_check(from, file, UINT64_MAX, &facts, problem);
    if (rc == 0 && fstat(from, &found) < 0)
        rc = problem_set(problem, -errno, "%s: %s", file, strerror(errno));
    if (rc == 0)
        rc = check_room(problem, copy->dir.path, (uint64_t)found.st_size, copy->dir.fd);
    int fd = rc == 0 ? new_file(copy, problem) : rc;
    if (fd < 0)
        return fd;
    rc = copy_bytes(from, fd);
    if (rc < 0)
        copy_failed(problem, copy->dir.path, rc, (uint64_t)found.st_size, copy->dir.fd);
    else
        rc = sync_file(problem, copy->dir.path, fd);
    close(fd);
    return rc;
}

int store_copy_restore(const char *dir, const char *file, struct store_copy **copy_out, char *at,
                       size_t size)
{
    struct problem problem = {at, size};
    *copy_out = NULL;
    int from = open(file, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return problem_set(&problem, -errno, "%s: %s", file, strerror(errno));
    int rc = copy_begin(dir, copy_out, &problem);
    if (rc == 0)
        rc = refuse_full(*copy_out, &problem);
    if (rc == 0)
        rc = restore_into(*copy_out, file, from, &problem);
    close(from);
    if (rc == 0)
        rc = copy_open(*copy_out, &problem);
    if (rc < 0)
        store_copy_abandon(copy_out);
    return rc;
}

static int compact_into(const struct store_copy *copy, struct store *store,
                        const struct problem *problem)
{
    uint64_t needed = used_bytes(store);
    int rc = check_room(problem, copy->dir.path, needed, copy->dir.fd);
    int fd = rc == 0 ? new_file(copy, problem) : rc;
    if (fd < 0)
        return fd;
    rc = copy_tree(store, fd, false);
    if (rc == TREE_LEAKED)
        rc = problem_set(
            problem, -EUCLEAN,
            "%s/%s has pages that nothing refers to, which LMDB does not compact; it is "
            "good otherwise, and nothing was changed",
            copy->dir.path, FILE_NAME);
    else if (rc < 0)
        copy_failed(problem, copy->dir.path, rc, needed, copy->dir.fd);
    else
        rc = sync_file(problem, copy->dir.path, fd);
    close(fd);
    return rc;
}

/* The old file is closed before the new one takes its place, and nobody else reads it: LMDB's table
 * of readers, which belongs to the old file, is then made anew when a broker next comes. */
static int compact_old(struct store_copy *copy, const struct problem *problem)
{
    struct store_lmdb_options options = {.held = true, .read_only = true};
    struct store *old = NULL;
    int rc = store_lmdb_open(copy->dir.path, &options, &old, problem->at, problem->size);
    if (rc == 0)
        rc = compact_into(copy, old, problem);
    store_close(&old);
    return rc;
}

int store_copy_compact(const char *dir, struct store_copy **copy_out, char *at, size_t size)
{
    struct problem problem = {at, size};
    struct data_dir there;
    *copy_out = NULL;
    int rc = data_dir_look(&there, dir, &problem);
    if (rc == 0 && !data_dir_has(&there, FILE_NAME))
        rc = problem_set(&problem, -ENOENT, "%s holds no store: there is no %s", dir, FILE_NAME);
    data_dir_close(&there);
    if (rc == 0)
        rc = copy_begin(dir, copy_out, &problem);
    if (rc == 0)
        rc = data_dir_claim(&(*copy_out)->dir, FILE_NAME, true, &problem);
    if (rc == 0)
        rc = compact_old(*copy_out, &problem);
    if (rc == 0)
        rc = copy_open(*copy_out, &problem);
    if (rc < 0)
        store_copy_abandon(copy_out);
    return rc;
}

struct store *store_copy_store(struct store_copy *copy)
{
    return copy->store;
}

static void copy_free(struct store_copy **copy)
{
    data_dir_remove(&(*copy)->dir, NEW_NAME);
    data_dir_remove(&(*copy)->dir, NEW_NAME "-lock");
    data_dir_close(&(*copy)->dir);
    free(*copy);
    *copy = NULL;
}

int store_copy_finish(struct store_copy **copy, char *at, size_t size)
{
    struct problem problem = {at, size};
    const struct data_dir *dir = &(*copy)->dir;
    store_close(&(*copy)->store);
    int rc = renameat(dir->fd, NEW_NAME, dir->fd, FILE_NAME) < 0 ? -errno : data_dir_sync(dir);
    if (rc < 0)
        problem_set(&problem, rc, "%s/%s: %s", dir->path, FILE_NAME, strerror(-rc));
    copy_free(copy);
    return rc;
}

void store_copy_abandon(struct store_copy **copy)
{
    if (!*copy)
        return;
    store_close(&(*copy)->store);
    copy_free(copy);
}
