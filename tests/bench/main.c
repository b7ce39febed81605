/* reeve-bench: reads the options, runs the modes, writes the figures.
 * Must never assert a time: it only tells. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/figures.h"
#include "tests/bench/fleet.h"
#include "tests/bench/machine.h"

static const struct setting rows[] = {
#define SETTING(field, ...) SETTING_ROW(struct bench_options, field, __VA_ARGS__)
#include "tests/bench/settings.def"
#undef SETTING
};

static const struct settings_table table = {
    .program = "reeve-bench",
    .version = REEVE_VERSION,
    .usage = "MODE... [OPTION]...",
    .description =
        "Measures a broker of its own, every answer durable. Modes:\n"
        "  life     jobs/s from submit to settled, at each window, number of workers and batch\n"
        "  idle     microseconds from submit to handler, one job at a time\n"
        "  backlog  with --jobs queued: submit rate, memory, disk, restart, lives on top\n"
        "  list     with --jobs in the store: the first page of each kind of list, under load",
    .examples = "  reeve-bench life --window 100 --workers 4 --batch 1 --seconds 10s\n"
                "  reeve-bench idle backlog --jobs 1000000 --data /var/tmp --json figures.json",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
};

static const struct {
    const char *name;
    void (*run)(const struct bench_options *);
} modes[] = {
    {"life", bench_life}, {"idle", bench_idle}, {"backlog", bench_backlog}, {"list", bench_list}};

enum { MODES = sizeof modes / sizeof *modes };

void die(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "reeve-bench: ");
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

void check(int rc, const char *what)
{
    if (rc < 0)
        die("%s: %s", what, strerror(-rc));
}

void sleep_ms(uint64_t ms)
{
    struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

/* --- lists of numbers ---------------------------------------------------------------------- */

struct numbers {
    uint32_t at[SETUPS_MAX];
    size_t count;
};

/* Each word of the list may itself be a list: `--window 1,100`. 0: not numbers. */
static int read_numbers(const struct settings_list *list, uint32_t max, struct numbers *out)
{
    out->count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const char *at = list->at[i];
        do {
            char *end;
            unsigned long value = strtoul(at, &end, 10);
            if (end == at || (*end && *end != ',') || value < 1 || value > max ||
                out->count == SETUPS_MAX)
                return 0;
            out->at[out->count++] = (uint32_t)value;
            at = end + (*end == ',');
        } while (*at);
    }
    return 1;
}

struct axes {
    struct numbers windows, workers, batches;
};

static int read_axes(const struct bench_options *options, struct axes *axes)
{
    if (!read_numbers(&options->windows, 1000000, &axes->windows))
        return settings_wrong(&table, "--window takes numbers from 1 to 1000000");
    if (!read_numbers(&options->workers, WORKERS_MAX, &axes->workers))
        return settings_wrong(&table, "--workers takes numbers from 1 to %d", WORKERS_MAX);
    if (!read_numbers(&options->batches, BATCH_JOBS_MAX, &axes->batches))
        return settings_wrong(&table, "--batch takes numbers from 1 to %d", BATCH_JOBS_MAX);
    return SETTINGS_GO_ON;
}

size_t bench_setups(const struct bench_options *options, struct setup out[SETUPS_MAX])
{
    struct axes axes;
    size_t count = 0;
    if (read_axes(options, &axes) != SETTINGS_GO_ON)
        return 0;
    for (size_t b = 0; b < axes.batches.count; b++)
        for (size_t k = 0; k < axes.workers.count; k++)
            for (size_t w = 0; w < axes.windows.count && count < SETUPS_MAX; w++) {
                struct setup setup = {axes.windows.at[w], axes.workers.at[k], axes.batches.at[b]};
                if (setup.batch <= setup.window)
                    out[count++] = setup;
            }
    return count;
}

/* --- options and modes --------------------------------------------------------------------- */

static int find_mode(const char *name)
{
    for (int i = 0; i < MODES; i++) {
        if (strcmp(modes[i].name, name) == 0)
            return i;
    }
    return -1;
}

static int check_words(const struct settings_list *words)
{
    if (words->count == 0)
        return settings_wrong(&table, "say what to measure: life, idle, backlog or list");
    for (size_t i = 0; i < words->count; i++) {
        if (find_mode(words->at[i]) < 0)
            return settings_wrong(&table, "'%s' is not life, idle, backlog or list", words->at[i]);
    }
    return SETTINGS_GO_ON;
}

static void make_quick(struct bench_options *options)
{
    if (!options->quick)
        return;
    options->seconds = 200;
    options->jobs = 2000;
}

static void run(const struct bench_options *options, const struct settings_list *words)
{
    machine_print(options);
    machine_sync_times(options);
    for (size_t i = 0; i < words->count; i++)
        modes[find_mode(words->at[i])].run(options);
    if (options->json)
        check(figures_write(options->json), options->json);
}

int main(int argc, char *argv[])
{
    struct bench_options options = {0};
    struct settings_list words;
    struct axes axes;
    int rc = settings_load(&table, argc, argv, &options, &words);
    if (rc != SETTINGS_GO_ON)
        return settings_exit(rc);
    rc = check_words(&words);
    if (rc == SETTINGS_GO_ON)
        rc = read_axes(&options, &axes);
    make_quick(&options);
    if (rc == SETTINGS_GO_ON)
        run(&options, &words);
    settings_fini(&table, &options);
    settings_list_fini(&words);
    return settings_exit(rc);
}
