/* The simulator's program.
 *
 *     sim [OPTION...] [N [FIRST]]     lives N worlds of the seeds from FIRST on (1)
 *       --seed S                      lives the one of seed S, and says its hash
 *       --trace                       writes the trace of what it lives
 *       --store mem|lmdb|mix          what the broker's store is; mix: LMDB for one seed in 16
 *       --jobs J                      J processes share the seeds
 *       --tooth NAME                  with this planted bug (a build with REEVE_TEETH)
 *       --teeth                       lists the planted bugs
 *
 * The last line is `sim: N seeds, H simulated hours, 0 violations`. A violation says its seed and
 * the end of its trace, and the status is 1. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "tests/sim/life.h"
#include "tests/sim/teeth.h"

enum { LINES_SHOWN = 60, JOBS_MAX = 16, LMDB_EVERY = 16 };

enum store_choice { STORE_MEM, STORE_LMDB, STORE_MIX };

static struct options {
    uint64_t count, first, step;
    unsigned jobs;
    bool one, trace, list_teeth;
    enum store_choice store;
} options = {.count = 200, .first = 1, .step = 1, .jobs = 1, .store = STORE_MIX};

static jmp_buf escape;
static char problem[512];
static uint64_t seed_now;

_Noreturn void violated(struct world *world, const char *what, ...)
{
    va_list args;
    char text[400];
    va_start(args, what);
    vsnprintf(text, sizeof text, what, args);
    va_end(args);
    snprintf(problem, sizeof problem, "%s\n(at %llu.%03llu s)", text,
             (unsigned long long)(world->now / 1000), (unsigned long long)(world->now % 1000));
    longjmp(escape, 1);
}

static enum port_kind store_of(uint64_t seed)
{
    bool lmdb =
        options.store == STORE_LMDB || (options.store == STORE_MIX && seed % LMDB_EVERY == 0);
    return lmdb ? PORT_LMDB : PORT_MEM;
}

static const char *store_word(uint64_t seed)
{
    return store_of(seed) == PORT_LMDB ? "lmdb" : "mem";
}

/* An assertion of the code under test: its seed is worth as much as a violation's. */
static void on_abort(int number)
{
    char line[80];
    (void)number;
    int len = snprintf(line, sizeof line, "violated: it aborted\nseed %llu, store %s\n",
                       (unsigned long long)seed_now, store_word(seed_now));
    ssize_t ignored = write(STDOUT_FILENO, line, (size_t)len);
    (void)ignored;
    _exit(1);
}

/* --- a failure ---------------------------------------------------------------------------------
 */

static void show_end(FILE *file)
{
    char line[2000];
    long places[LINES_SHOWN] = {0};
    size_t lines = 0;
    rewind(file);
    do
        places[lines++ % LINES_SHOWN] = ftell(file);
    while (fgets(line, sizeof line, file));
    fseek(file, lines > LINES_SHOWN ? places[lines % LINES_SHOWN] : 0, SEEK_SET);
    while (fgets(line, sizeof line, file))
        fputs(line, stdout);
}

/* Lives the same world once more, with its trace. What the first one left in memory stays there. */
static void show_failure(uint64_t seed)
{
    static struct world world;
    struct trace trace = {.out = tmpfile()};
    if (trace.out && !options.trace) {
        if (setjmp(escape) == 0)
            live(&world, seed, store_of(seed), &trace);
        printf("--- the end of its trace; all of it: sim --seed %llu --store %s --trace\n",
               (unsigned long long)seed, store_word(seed));
        show_end(trace.out);
        fclose(trace.out);
    }
    printf("violated: %s\nseed %llu, store %s\n", problem, (unsigned long long)seed,
           store_word(seed));
    fflush(stdout);
}

/* --- lives -------------------------------------------------------------------------------------
 */

/* Milliseconds lived; exits at a violation. */
static uint64_t one_life(uint64_t seed)
{
    static struct world world;
    struct trace trace = {.out = options.trace ? stdout : NULL};
    seed_now = seed;
    if (setjmp(escape) != 0) {
        show_failure(seed);
        _exit(1);
    }
    uint64_t lived = live(&world, seed, store_of(seed), &trace);
    if (options.one)
        printf("seed %llu, store %s: %llu lines, hash %016llx\n", (unsigned long long)seed,
               store_word(seed), (unsigned long long)trace.lines, (unsigned long long)trace.hash);
    trace_fini(&trace);
    return lived;
}

static uint64_t many_lives(uint64_t first, uint64_t step)
{
    uint64_t lived = 0;
    for (uint64_t seed = first; seed < options.first + options.count; seed += step)
        lived += one_life(seed);
    return lived;
}

/* Each process takes every J-th seed. What they lived comes through a pipe. */
static int share(uint64_t *lived_out)
{
    int ends[2], failed = 0;
    CHECK(pipe(ends) == 0);
    for (unsigned i = 0; i < options.jobs; i++) {
        fflush(stdout);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            uint64_t lived = many_lives(options.first + i, options.jobs);
            fflush(stdout);
            _exit(write(ends[1], &lived, sizeof lived) == sizeof lived ? 0 : 1);
        }
    }
    close(ends[1]);
    uint64_t lived;
    while (read(ends[0], &lived, sizeof lived) == sizeof lived)
        *lived_out += lived;
    for (unsigned i = 0; i < options.jobs; i++) {
        int status = 0;
        wait(&status);
        failed |= status != 0;
    }
    return failed;
}

/* --- options -----------------------------------------------------------------------------------
 */

static int usage(const char *why)
{
    fprintf(stderr,
            "%s\nusage: sim [--seed S] [--trace] [--store mem|lmdb|mix] [--jobs J]"
            " [--tooth NAME | --teeth] [N [FIRST]]\n",
            why);
    return 2;
}

static bool choose_store(const char *word)
{
    static const char *const words[] = {"mem", "lmdb", "mix"};
    for (unsigned i = 0; i < 3; i++)
        if (strcmp(word, words[i]) == 0) {
            options.store = (enum store_choice)i;
            return true;
        }
    return false;
}

static bool read_pair(const char *name, const char *value)
{
    if (strcmp(name, "--seed") == 0) {
        options.one = true;
        options.first = strtoull(value, NULL, 10);
        options.count = 1;
        return true;
    }
    if (strcmp(name, "--jobs") == 0) {
        options.jobs = (unsigned)strtoul(value, NULL, 10);
        return options.jobs >= 1 && options.jobs <= JOBS_MAX;
    }
    if (strcmp(name, "--store") == 0)
        return choose_store(value);
    return strcmp(name, "--tooth") == 0 && teeth_choose(value);
}

static bool read_options(int argc, char **argv)
{
    int plain = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0) {
            options.trace = true;
        } else if (strcmp(argv[i], "--teeth") == 0) {
            options.list_teeth = true;
        } else if (argv[i][0] == '-') {
            if (i + 1 == argc || !read_pair(argv[i], argv[i + 1]))
                return false;
            i++;
        } else {
            uint64_t number = strtoull(argv[i], NULL, 10);
            *(plain == 0 ? &options.count : &options.first) = number;
            if (number == 0 || plain++ > 1)
                return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    uint64_t lived = 0;
    if (!read_options(argc, argv))
        return usage("sim: this is no such option, number or tooth");
    if (options.list_teeth) {
        teeth_list();
        return 0;
    }
    signal(SIGABRT, on_abort);
    setvbuf(stdout, NULL, options.trace ? _IOFBF : _IOLBF, 1 << 16);
    if (options.jobs > 1) {
        if (share(&lived))
            return 1;
    } else {
        lived = many_lives(options.first, 1);
    }
    printf("sim: %llu seeds, %llu simulated hours, 0 violations\n",
           (unsigned long long)options.count, (unsigned long long)(lived / 3600000));
    return 0;
}
