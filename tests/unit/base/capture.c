/* Standard descriptors turned to a temporary file.
 * Must never lose what was there before: cmocka itself writes to them.
 */
#include "tests/unit/base/capture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

static int captured = -1;
static int kept = -1;
static FILE *file;

void capture_begin(int fd)
{
    CHECK(captured < 0);
    fflush(NULL);
    file = tmpfile();
    CHECK(file);
    captured = fd;
    kept = dup(fd);
    CHECK(kept >= 0 && dup2(fileno(file), fd) == fd);
}

char *capture_end(void)
{
    fflush(NULL);
    CHECK(dup2(kept, captured) == captured);
    close(kept);
    captured = -1;
    off_t len = lseek(fileno(file), 0, SEEK_END);
    CHECK(len >= 0);
    char *words = calloc(1, (size_t)len + 1);
    CHECK(words && pread(fileno(file), words, (size_t)len, 0) == len);
    fclose(file);
    return words;
}

int capture_child(void (*body)(void *state), void *state)
{
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        body(state);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}
