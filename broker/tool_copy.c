/* --backup, --restore, --compact.
 * Must never put a copy in place that was not checked. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "broker/core/restored.h"
#include "broker/store/store_copy.h"
#include "broker/tool.h"

enum { PROBLEM_SIZE = 512 };

static int problem_of(const char *problem, int rc)
{
    tool_failed("%s", problem[0] ? problem : strerror(-rc));
    return rc == -EEXIST || rc == -ENOENT ? TOOL_WRONG : TOOL_FAILED;
}

int tool_backup(const struct options *options, struct store *store)
{
    char problem[PROBLEM_SIZE] = "";
    uint64_t began = clock_mono_ms();
    int rc = store_backup(store, options->backup, options->overwrite, problem, sizeof problem);
    if (rc < 0)
        return problem_of(problem, rc);
    printf("%s: a backup of %s, %.1f s\n", options->backup, options->data,
           (double)(clock_mono_ms() - began) / 1000.0);
    return TOOL_GOOD;
}

static int finish(struct store_copy **copy)
{
    char problem[PROBLEM_SIZE] = "";
    int rc = store_copy_finish(copy, problem, sizeof problem);
    return rc < 0 ? problem_of(problem, rc) : TOOL_GOOD;
}

/* What is wrong was said; the copy goes. */
static int refuse(struct store_copy **copy, const char *what)
{
    store_copy_abandon(copy);
    return tool_failed("%s: nothing was changed", what);
}

int tool_restore(const struct options *options)
{
    char problem[PROBLEM_SIZE] = "";
    struct store_copy *copy;
    int rc = store_copy_restore(options->data, options->restore, &copy, problem, sizeof problem);
    if (rc < 0)
        return problem_of(problem, rc);
    struct store *store = store_copy_store(copy);
    if (tool_check_rows(store, options->restore) != TOOL_GOOD)
        return refuse(&copy, "the backup contradicts itself");
    uint64_t now = clock_wall_ms();
    struct uuid instance = uuid_v7(now, random_u64(), random_u64());
    rc = core_restored(store, &instance, now);
    if (rc < 0)
        return refuse(&copy, strerror(-rc));
    rc = finish(&copy);
    if (rc == TOOL_GOOD)
        printf("%s: restored from %s\n", options->data, options->restore);
    return rc;
}

int tool_compact(const struct options *options)
{
    char problem[PROBLEM_SIZE] = "";
    struct store_copy *copy;
    int rc = store_copy_compact(options->data, &copy, problem, sizeof problem);
    if (rc < 0)
        return problem_of(problem, rc);
    if (tool_check_rows(store_copy_store(copy), options->data) != TOOL_GOOD)
        return refuse(&copy, "the store contradicts itself");
    rc = finish(&copy);
    if (rc == TOOL_GOOD)
        printf("%s: compacted\n", options->data);
    return rc;
}
