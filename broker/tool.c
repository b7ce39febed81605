/* The tools' entrance, and --check.
 * Must never change a store that it only reads. */
#include "broker/tool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "broker/core/check.h"
#include "broker/store/store_copy.h"
#include "broker/store/store_lmdb.h"

int tool_failed(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "reeve-broker: ");
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    return TOOL_FAILED;
}

/* --- check -------------------------------------------------------------------------------------
 */

static void print_violation(void *context, const char *line)
{
    (void)context;
    puts(line);
}

static void print_figures(const char *what, const struct check_figures *figures, uint64_t took_ms)
{
    uint64_t rows = 0;
    for (unsigned table = 0; table < STORE_TABLE_COUNT; table++)
        rows += figures->rows[table];
    printf("%s: %" PRIu64 " jobs, %" PRIu64 " rows, %" PRIu64 " violations, %.1f s\n", what,
           figures->rows[TABLE_STATE], rows, figures->violations, (double)took_ms / 1000.0);
}

static int check_snapshot(struct store_snapshot *snapshot, const char *what)
{
    struct check_figures figures;
    uint64_t began = clock_mono_ms();
    int rc = core_check(snapshot, print_violation, NULL, &figures);
    if (rc < 0)
        return tool_failed("%s can't be read: %s", what, strerror(-rc));
    print_figures(what, &figures, clock_mono_ms() - began);
    return rc == 0 ? TOOL_GOOD : TOOL_FAILED;
}

int tool_check_rows(struct store *store, const char *what)
{
    struct store_snapshot *snapshot;
    int rc = store_snapshot_open(store, &snapshot);
    if (rc < 0)
        return tool_failed("%s can't be read: %s", what, strerror(-rc));
    rc = check_snapshot(snapshot, what);
    store_snapshot_close(&snapshot);
    return rc;
}

/* Pages first: with the snapshot open, a broker beside leaves them as they are. */
static int check(const struct options *options, struct store *store)
{
    char problem[512] = "";
    struct store_snapshot *snapshot;
    int rc = store_snapshot_open(store, &snapshot);
    if (rc < 0)
        return tool_failed("%s can't be read: %s", options->data, strerror(-rc));
    rc = store_check_pages(store, problem, sizeof problem);
    rc = rc < 0 ? tool_failed("%s", problem) : check_snapshot(snapshot, options->data);
    store_snapshot_close(&snapshot);
    return rc;
}

/* --- which -------------------------------------------------------------------------------------
 */

bool tool_wanted(const struct options *options)
{
    return options->check || options->dump || options->backup || options->restore ||
           options->compact;
}

static int read_store(const struct options *options)
{
    struct store_lmdb_options reading = {.read_only = true};
    struct store *store;
    char problem[512] = "";
    int rc = store_lmdb_open(options->data, &reading, &store, problem, sizeof problem);
    if (rc < 0) {
        tool_failed("%s", problem[0] ? problem : strerror(-rc));
        return rc == -ENOENT ? TOOL_WRONG : TOOL_FAILED;
    }
    rc = options->check  ? check(options, store)
         : options->dump ? tool_dump(options, store)
                         : tool_backup(options, store);
    store_close(&store);
    return rc;
}

int tool_run(const struct options *options)
{
    int rc = options->restore   ? tool_restore(options)
             : options->compact ? tool_compact(options)
                                : read_store(options);
    if (fflush(stdout) != 0 || ferror(stdout))
        return tool_failed("stdout: %s", strerror(errno));
    return rc;
}
