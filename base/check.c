/* The end of a program whose own state is wrong.
 * Must never allocate or lock: the state it reports on may be the allocator's.
 */
#include "base/check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say(const char *words)
{
    ssize_t ignored = write(STDERR_FILENO, words, strlen(words));
    (void)ignored;
}

static void say_number(int number)
{
    char digits[12];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0 && at > 0);
    say(digits + at);
}

_Noreturn void check_failed(const char *file, int line, const char *condition)
{
    say(file);
    say(":");
    say_number(line);
    say(": CHECK failed: ");
    say(condition);
    say("\n");
    abort();
}
