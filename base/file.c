/* Whole files: read with a limit, replaced atomically.
 * Must never leave a half-written file under the asked name.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"

#define READ_STEP 65536

static ssize_t read_some(int fd, struct buf *out, size_t size)
{
    int rc = buf_reserve(out, size);
    if (rc < 0)
        return rc;
    ssize_t got;
    do {
        got = read(fd, out->at + out->len, size);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    out->len += (size_t)got;
    return got;
}

/* Asks for one byte more than is allowed, to tell a full file from one that is too long. */
static int read_to_end(int fd, size_t max, struct buf *out)
{
    for (;;) {
        size_t left = max - out->len;
        ssize_t got = read_some(fd, out, left < READ_STEP ? left + 1 : READ_STEP);
        if (got <= 0)
            return (int)got;
        if (out->len > max)
            return -EFBIG;
    }
}

int file_read_all(const char *path, size_t max, struct buf *out)
{
    buf_clear(out);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = read_to_end(fd, max, out);
    if (rc < 0)
        buf_clear(out);
    close(fd);
    return rc;
}

static int write_all(int fd, struct slice data)
{
    while (data.len > 0) {
        ssize_t wrote = write(fd, data.at, data.len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return -errno;
        data.at += wrote;
        data.len -= (size_t)wrote;
    }
    return 0;
}

static int write_synced(const char *path, struct slice data, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int rc = write_all(fd, data);
    if (rc == 0 && fchmod(fd, mode) < 0)
        rc = -errno;
    if (rc == 0 && fsync(fd) < 0)
        rc = -errno;
    if (close(fd) < 0 && rc == 0)
        rc = -errno;
    return rc;
}

static int sync_folder_of(const char *path)
{
    struct buf folder = {0};
    const char *slash = strrchr(path, '/');
    int rc = slash ? buf_printf(&folder, "%.*s", (int)(slash - path + 1), path)
                   : buf_printf(&folder, ".");
    if (rc == 0)
        rc = buf_append(&folder, "", 1);
    if (rc == 0) {
        int fd = open((const char *)folder.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        rc = fd < 0 || fsync(fd) < 0 ? -errno : 0;
        if (fd >= 0)
            close(fd);
    }
    buf_fini(&folder);
    return rc;
}

static int replace(const char *path, const char *temporary, struct slice data, mode_t mode)
{
    int rc = write_synced(temporary, data, mode);
    if (rc == 0 && rename(temporary, path) < 0)
        rc = -errno;
    if (rc < 0 && rc != -EEXIST)
        unlink(temporary);
    return rc < 0 ? rc : sync_folder_of(path);
}

int file_write_new(const char *path, struct slice data, mode_t mode)
{
    int rc = write_synced(path, data, mode);
    if (rc < 0 && rc != -EEXIST)
        unlink(path);
    return rc < 0 ? rc : sync_folder_of(path);
}

int file_write_atomic(const char *path, struct slice data, mode_t mode)
{
    struct buf temporary = {0};
    int rc = buf_printf(&temporary, "%s.tmp-%016" PRIx64, path, random_u64());
    if (rc == 0)
        rc = buf_append(&temporary, "", 1);
    if (rc == 0)
        rc = replace(path, (const char *)temporary.at, data, mode);
    buf_fini(&temporary);
    return rc;
}
