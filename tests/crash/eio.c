/* Preloaded into a broker: once the file $EIO_WHEN exists, the calls named in $EIO_CALLS fail with
 * EIO, as those of a dying disk do. For test_io_error.py.
 *
 * Must never allocate, nor touch a call that is not named. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int dying(const char *call)
{
    const char *calls = getenv("EIO_CALLS"), *when = getenv("EIO_WHEN");
    int before = errno;
    int dead = calls && when && strstr(calls, call) && access(when, F_OK) == 0;
    errno = dead ? EIO : before;
    return dead;
}

/* A name that the broker calls, under which name it fails, and how. */
#define FAILING(type, name, as, parameters, arguments)                            \
    type name parameters                                                          \
    {                                                                             \
        type(*real) parameters = (type(*) parameters)dlsym(RTLD_NEXT, #name);     \
        return dying(as) ? -1 : real arguments;                                   \
    }

FAILING(int, fdatasync, "fdatasync", (int fd), (fd))
FAILING(int, fsync, "fdatasync", (int fd), (fd))
FAILING(ssize_t, pwrite, "pwrite", (int fd, const void *at, size_t size, off_t to),
        (fd, at, size, to))
FAILING(ssize_t, pwrite64, "pwrite", (int fd, const void *at, size_t size, off64_t to),
        (fd, at, size, to))
FAILING(ssize_t, pwritev, "writev", (int fd, const struct iovec *at, int count, off_t to),
        (fd, at, count, to))
FAILING(ssize_t, pwritev64, "writev", (int fd, const struct iovec *at, int count, off64_t to),
        (fd, at, count, to))
FAILING(ssize_t, writev, "writev", (int fd, const struct iovec *at, int count), (fd, at, count))
