/* Reading and writing of CURVE keys.
 * Must never let a secret into a log, a problem's sentence or memory that is given back. */
#include "base/curve_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* --- Z85 ------------------------------------------------------------------------------------- */

static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/* Five digits of base 85 are four bytes, if they do not say more. */
static bool is_group(const char *at)
{
    uint64_t value = 0;
    for (int i = 0; i < 5; i++) {
        const char *digit = at[i] ? strchr(alphabet, at[i]) : NULL;
        if (!digit)
            return false;
        value = value * 85 + (uint64_t)(digit - alphabet);
    }
    return value <= UINT32_MAX;
}

bool curve_key_is_fit(struct text key)
{
    for (size_t i = 0; i < key.len && key.len == CURVE_KEY_LEN; i += 5)
        if (!is_group(key.at + i))
            return false;
    return key.len == CURVE_KEY_LEN;
}

/* --- the words of a file ---------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct text trimmed(struct text text)
{
    while (text.len > 0 && is_blank(text.at[0]))
        text.at++, text.len--;
    while (text.len > 0 && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

static struct text unquoted(struct text text)
{
    if (text.len >= 2 && text.at[0] == '"' && text.at[text.len - 1] == '"')
        return (struct text){text.at + 1, text.len - 2};
    return text;
}

static int fail(char *problem, size_t size, unsigned line, const char *what)
{
    snprintf(problem, size, "line %u: %s", line, what);
    return -EINVAL;
}

static int take_line(struct text line, unsigned number, struct curve_pair *pair, char *problem,
                     size_t size)
{
    const char *equals = line.len > 0 ? memchr(line.at, '=', line.len) : NULL;
    if (!equals || line.at[0] == '#')
        return 0;
    struct text name = trimmed((struct text){line.at, (size_t)(equals - line.at)});
    struct text value = {equals + 1, line.len - (size_t)(equals - line.at) - 1};
    char *at = text_is(name, "public-key")   ? pair->public_key
               : text_is(name, "secret-key") ? pair->secret_key
                                             : NULL;
    if (!at)
        return 0;
    value = unquoted(trimmed(value));
    if (at[0])
        return fail(problem, size, number, "a key is given twice");
    if (!curve_key_is_fit(value))
        return fail(problem, size, number, "expected a key of 40 characters (Z85)");
    memcpy(at, value.at, CURVE_KEY_LEN);
    return 0;
}

static int take_lines(struct text file, struct curve_pair *pair, char *problem, size_t size)
{
    unsigned number = 0;
    while (file.len > 0) {
        const char *end = memchr(file.at, '\n', file.len);
        size_t len = end ? (size_t)(end - file.at) : file.len;
        int rc = take_line(trimmed((struct text){file.at, len}), ++number, pair, problem, size);
        if (rc < 0)
            return rc;
        len += end != NULL;
        file = (struct text){file.at + len, file.len - len};
    }
    return 0;
}

int curve_pair_parse(struct text file, struct curve_pair *pair_out, char *problem, size_t size)
{
    memset(pair_out, 0, sizeof *pair_out);
    int rc = take_lines(file, pair_out, problem, size);
    if (rc == 0 && !pair_out->secret_key[0]) {
        snprintf(problem, size, "it has no secret-key; this may be the public half only");
        rc = -EINVAL;
    } else if (rc == 0 && !pair_out->public_key[0]) {
        snprintf(problem, size, "it has no public-key");
        rc = -EINVAL;
    }
    if (rc < 0)
        curve_pair_wipe(pair_out);
    return rc;
}

/* --- files ------------------------------------------------------------------------------------ */

static int check_file(int fd, const char *path, char *problem, size_t size)
{
    struct stat found;
    if (fstat(fd, &found) != 0) {
        snprintf(problem, size, "%s: %s", path, strerror(errno));
        return -errno;
    }
    if (!S_ISREG(found.st_mode)) {
        snprintf(problem, size, "%s is no regular file", path);
        return -EINVAL;
    }
    if ((found.st_mode & 077) == 0)
        return 0;
    snprintf(problem, size,
             "%s holds a secret key and has mode %03o: others may read it; chmod 600 %s", path,
             (unsigned)found.st_mode & 0777, path);
    return -EPERM;
}

static int read_content(int fd, const char *path, struct curve_pair *pair, char *problem,
                        size_t size)
{
    char content[CURVE_FILE_SIZE_MAX + 1], sentence[128];
    ssize_t got;
    size_t len = 0;
    do {
        got = read(fd, content + len, sizeof content - len);
        len += got > 0 ? (size_t)got : 0;
    } while (len < sizeof content && (got > 0 || (got < 0 && errno == EINTR)));
    int rc = got < 0 ? -errno : len > CURVE_FILE_SIZE_MAX ? -EFBIG : 0;
    if (rc < 0)
        snprintf(problem, size, "%s: %s", path, strerror(-rc));
    else if ((rc = curve_pair_parse((struct text){content, len}, pair, sentence, sizeof sentence)) <
             0)
        snprintf(problem, size, "%s: %s", path, sentence);
    explicit_bzero(content, sizeof content);
    return rc;
}

int curve_pair_read(const char *path, struct curve_pair *pair_out, char *problem, size_t size)
{
    memset(pair_out, 0, sizeof *pair_out);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hold us up */
    if (fd < 0) {
        snprintf(problem, size, "%s: %s", path, strerror(errno));
        return -errno;
    }
    int rc = check_file(fd, path, problem, size);
    if (rc == 0)
        rc = read_content(fd, path, pair_out, problem, size);
    close(fd);
    return rc;
}

int curve_pair_write(const char *path, const struct curve_pair *pair)
{
    char content[512];
    int len = snprintf(content, sizeof content,
                       "# A CURVE key pair of Reeve's. Whoever can read this file can be this\n"
                       "# program: keep it on its host, with mode 0600.\n"
                       "curve\n"
                       "    public-key = \"%s\"\n"
                       "    secret-key = \"%s\"\n",
                       pair->public_key, pair->secret_key);
    int rc = file_write_new(path, (struct slice){(const uint8_t *)content, (size_t)len}, 0600);
    explicit_bzero(content, sizeof content);
    return rc;
}

void curve_pair_wipe(struct curve_pair *pair)
{
    explicit_bzero(pair, sizeof *pair);
}
