/* The command stats.
 * Must never fail because a figure is missing: what is not told is not shown.
 */
#include <stdio.h>

#include "client/cli/cli.h"
#include "client/cli/print.h"
#include "client/cli/table.h"
#include "client/jobs.h"
#include "proto/scan.h"

static const enum job_state shown_states[] = {JOB_PENDING, JOB_SCHEDULED, JOB_BLOCKED,
                                              JOB_RUNNING, JOB_WAITING,   JOB_COMPLETED,
                                              JOB_FAILED,  JOB_CANCELLED};
enum { SHOWN_COUNT = sizeof shown_states / sizeof shown_states[0] };

/* The value of a key in a map; empty where there is none. */
static struct slice find(struct slice map, struct text key)
{
    struct mp_reader reader = mp_reader_of(map);
    struct mp_token token = mp_next(&reader);
    uint32_t count = token.type == MP_MAP ? token.as.count : 0;
    for (uint32_t i = 0; i < count; i++) {
        struct mp_token name = mp_next(&reader);
        struct slice value = mp_skip(&reader);
        if (!value.at)
            break;
        if (name.type == MP_STR && text_eq(slice_text(name.as.bytes), key))
            return value;
    }
    return (struct slice){0};
}

/* A number of any kind; false where it is none. */
static bool number_of(struct slice value, double *out)
{
    struct mp_reader reader = mp_reader_of(value);
    struct mp_token token = mp_next(&reader);
    if (token.type == MP_UINT)
        *out = (double)token.as.uint;
    else if (token.type == MP_FLOAT)
        *out = token.as.real;
    return token.type == MP_UINT || token.type == MP_FLOAT;
}

static void add_counts(struct table *table, struct slice counts)
{
    for (size_t i = 0; i < SHOWN_COUNT; i++) {
        double count = 0;
        number_of(find(counts, text_of(job_state_word(shown_states[i]))), &count);
        table_printf(table, "%.0f", count);
    }
}

/* One row for each name of a map {name: {state: n}}. */
static void add_rows(struct table *table, struct slice map, const char *kind)
{
    struct mp_reader reader = mp_reader_of(map);
    struct mp_token token = mp_next(&reader);
    uint32_t count = token.type == MP_MAP ? token.as.count : 0;
    for (uint32_t i = 0; i < count; i++) {
        struct mp_token name = mp_next(&reader);
        struct slice value = mp_skip(&reader);
        if (name.type != MP_STR || !value.at)
            return;
        table_printf(table, "%s %.*s", kind, (int)name.as.bytes.len,
                     (const char *)name.as.bytes.at);
        add_counts(table, value);
    }
}

static void print_counts(const struct msg_stats *stats)
{
    static const char *const heads[] = {"JOBS",    "PENDING",   "SCHEDULED", "BLOCKED",   "RUNNING",
                                        "WAITING", "COMPLETED", "FAILED",    "CANCELLED", NULL};
    struct table table;
    table_init(&table, heads);
    table_add(&table, TEXT("all"));
    add_counts(&table, stats->by_status);
    add_rows(&table, stats->by_queue, "queue");
    add_rows(&table, stats->by_type, "type");
    table_print(&table);
}

static void print_rates(struct slice rates)
{
    static const char *const kinds[] = {"submitted", "completed", "failed"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        double minute = 0, five = 0;
        struct slice rate = find(rates, text_of(kinds[i]));
        if (number_of(find(rate, TEXT("1m")), &minute) && number_of(find(rate, TEXT("5m")), &five))
            printf("%-16s %.2f/s (1m)  %.2f/s (5m)\n", kinds[i], minute, five);
    }
}

static void print_size(const char *name, struct slice value)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double size = 0;
    size_t unit = 0;
    if (!number_of(value, &size))
        return;
    for (; size >= 1024 && unit < 4; unit++)
        size /= 1024;
    printf("%-16s %.1f %s\n", name, size, units[unit]);
}

static void print_rest(const struct msg_stats *stats)
{
    double busy = 0, idle = 0;
    char span[PRINT_SPAN_SIZE];
    if (stats->total_submitted.set)
        printf("%-16s %llu\n", "ever submitted", (unsigned long long)stats->total_submitted.value);
    print_rates(stats->rates);
    if (stats->oldest_pending_seconds.set && stats->oldest_pending_seconds.value >= 0) {
        print_span((uint64_t)(stats->oldest_pending_seconds.value * 1000), span);
        printf("%-16s %s\n", "oldest pending", span);
    }
    if (stats->workers.set)
        printf("%-16s %llu\n", "workers", (unsigned long long)stats->workers.value);
    if (number_of(find(stats->slots, TEXT("busy")), &busy) &&
        number_of(find(stats->slots, TEXT("free")), &idle))
        printf("%-16s %.0f busy, %.0f free\n", "slots", busy, idle);
    print_size("store", find(stats->store, TEXT("bytes")));
    print_size("free on disk", find(stats->store, TEXT("free_bytes")));
}

static int print_stats(void *arg, struct reeve *reeve, const struct message *answer)
{
    (void)arg;
    (void)reeve;
    print_counts(&answer->stats);
    if (print_to_terminal())
        putchar('\n');
    print_rest(&answer->stats);
    return REEVE_OK;
}

int cli_stats(struct cli *cli)
{
    struct message request = {.id = MSG_GET_STATS};
    char *json = NULL;
    int code = cli->settings.json ? reeve_stats(cli->reeve, &json)
                                  : handle_call(cli->reeve, &request, MSG_STATS, print_stats, NULL);
    print_json(json);
    return cli_failed(cli, code);
}
