/* Operations on many jobs: started, and watched to their end.
 * Must never touch a job unless an option says which, or --all.
 */
#include "client/cli/bulk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "client/cli/filter.h"
#include "client/cli/print.h"
#include "client/operations.h"

enum { POLL_MS = 100, POLL_MAX_MS = 1000 };

/* What an answer told of the operation. */
struct standing {
    bool over, stopped;
    uint64_t changed, refused, examined;
    char problem[256];
};

static int take(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct standing *out = arg;
    struct wire_operation operation;
    struct fault fault;
    if (shape_decode(answer->operation_is.operation, &shape_operation, KEYS_NAMES, &operation,
                     &fault) != 0)
        return handle_fail(reeve, REEVE_SERVER_ERROR, fault.field, "%s", fault.problem);
    out->over = !text_is(operation.status, "running");
    out->stopped = text_is(operation.status, "stopped");
    out->changed = operation.changed;
    out->refused = operation.refused;
    out->examined = operation.examined;
    snprintf(out->problem, sizeof out->problem, "%.*s", (int)operation.problem.len,
             operation.problem.len ? operation.problem.at : "");
    return REEVE_OK;
}

/* On a terminal one line tells how far it is. */
static void show(const struct standing *standing, const char *done)
{
    if (print_to_terminal()) {
        printf("\r%" PRIu64 " %s ...", standing->changed, done);
        fflush(stdout);
    }
}

static int tell(const struct cli *cli, const struct standing *standing, const char *done)
{
    if (print_to_terminal())
        fputs("\r\033[K", stdout);
    printf("%" PRIu64 " %s", standing->changed, done);
    if (standing->refused)
        printf(", %" PRIu64 " could not be", standing->refused);
    putchar('\n');
    if (!standing->stopped)
        return EXIT_GOOD;
    fprintf(stderr, "%s: it was stopped: ", cli->table->program);
    print_text(stderr, text_of(standing->problem));
    fputc('\n', stderr);
    return EXIT_FAILED;
}

static int tell_json(struct cli *cli, const struct uuid *id, bool stopped)
{
    char text[REEVE_ID_SIZE];
    char *json = NULL;
    uuid_format(id, text);
    int code = reeve_operation_get(cli->reeve, text, &json);
    print_json(json);
    return code == REEVE_OK && stopped ? EXIT_FAILED : cli_failed(cli, code);
}

int cli_bulk_follow(struct cli *cli, const struct uuid *id, const char *done)
{
    struct standing standing = {0};
    uint64_t wait = POLL_MS;
    int code = operations_get(cli->reeve, id, take, &standing);
    while (code == REEVE_OK && !standing.over) {
        uint64_t until = clock_mono_ms() + wait;
        show(&standing, done);
        while (code == REEVE_OK && clock_mono_ms() < until)
            code = handle_turn(cli->reeve, until);
        wait = wait * 2 < POLL_MAX_MS ? wait * 2 : POLL_MAX_MS;
        if (code == REEVE_OK)
            code = operations_get(cli->reeve, id, take, &standing);
    }
    if (code != REEVE_OK)
        return cli_failed(cli, code);
    return cli->settings.json ? tell_json(cli, id, standing.stopped) : tell(cli, &standing, done);
}

static int start(struct cli *cli, const struct reeve_bulk *bulk, const char *done)
{
    struct standing standing = {0};
    struct uuid id = handle_new_id(cli->reeve);
    char text[REEVE_ID_SIZE];
    int code = operations_start(cli->reeve, bulk, &id, take, &standing);
    if (code != REEVE_OK)
        return cli_failed(cli, code);
    if (!cli->settings.no_wait)
        return cli_bulk_follow(cli, &id, done);
    uuid_format(&id, text);
    if (cli->settings.json)
        return tell_json(cli, &id, false);
    printf("%s\n", text);
    return EXIT_GOOD;
}

static uint32_t number(uint64_t value)
{
    return value == SETTING_ABSENT ? 0 : (uint32_t)value;
}

/* Options that only retry has. */
static void set_pace(const struct cli_settings *s, struct reeve_bulk *bulk)
{
    bulk->canaries = number(s->canaries);
    bulk->per_second = number(s->per_second);
    bulk->has_failures_max = s->failures_max != SETTING_ABSENT;
    bulk->failures_max = number(s->failures_max);
}

int cli_bulk(struct cli *cli, const char *kind, const char *done)
{
    const struct cli_settings *s = &cli->settings;
    struct cli_filter filter = {0};
    int status = cli_filter_read(cli, &filter);
    if (status == EXIT_GOOD && !filter.narrows && !s->all)
        status = settings_exit(settings_wrong(
            cli->table, "say which jobs: by id, by options like --status and --type, or --all"));
    if (status == EXIT_GOOD) {
        struct reeve_bulk bulk = {.kind = kind, .filter = &filter.wanted, .reason = s->reason};
        if (strcmp(kind, "retry") == 0)
            set_pace(s, &bulk);
        status = start(cli, &bulk, done);
    }
    cli_filter_fini(&filter);
    return status;
}

int cli_purge(struct cli *cli)
{
    return cli_bulk(cli, "purge", "purged");
}
