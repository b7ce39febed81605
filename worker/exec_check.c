/* Whether a handler's command can be run, asked before the first job needs it.
 * Must never run the command itself. */
#include "worker/exec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/signals.h"
#include "worker/exec_parts.h"

/* Words that begin with these are the shell's own business. */
static const char shells_own[] = "\"'$`(){}[]<>|&;!~*?#\\=%";

bool exec_is_program(const char *command)
{
    struct stat found;
    return strchr(command, '/') && stat(command, &found) == 0 && S_ISREG(found.st_mode) &&
           access(command, X_OK) == 0;
}

/* Does the shell know the word: a program in PATH, a builtin, a keyword? */
static bool shell_knows(const char *word)
{
    pid_t pid = fork();
    int status = 1;
    if (pid == 0) {
        signals_child();
        execl("/bin/sh", "sh", "-c", "command -v -- \"$1\" >/dev/null 2>&1", "sh", word,
              (char *)NULL);
        _exit(1);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return pid > 0 && status == 0;
}

static int check_word(const char *word, char *problem, size_t size)
{
    struct stat found;
    if (!strchr(word, '/')) {
        if (shell_knows(word))
            return 0;
        snprintf(problem, size, "there is no program '%s' in PATH", word);
        return 1;
    }
    if (exec_is_program(word))
        return 0;
    if (stat(word, &found) != 0)
        snprintf(problem, size, "'%s': %s", word, strerror(errno));
    else
        snprintf(problem, size, "'%s' is no executable file", word);
    return 1;
}

int exec_check(const char *command, char *problem, size_t size)
{
    if (exec_is_program(command))
        return 0;
    command += strspn(command, " \t");
    size_t len = strcspn(command, " \t\n");
    if (len == 0) {
        snprintf(problem, size, "the command is empty");
        return 1;
    }
    char *word = strndup(command, len);
    if (!word)
        return 0;
    int rc = strpbrk(word, shells_own) ? 0 : check_word(word, problem, size);
    free(word);
    return rc;
}
