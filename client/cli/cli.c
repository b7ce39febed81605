/* What every command needs: words for failures, ids, exit statuses.
 * Must never know what a command does.
 */
#include "client/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "client/cli/print.h"
#include "proto/json.h"

static int exit_of_code(int code)
{
    switch (code) {
    case REEVE_OK:
        return EXIT_GOOD;
    case REEVE_UNAVAILABLE:
    case REEVE_TIMEOUT:
    case REEVE_RATE_LIMITED:
    case REEVE_QUEUE_FULL:
    case REEVE_STORE_FULL:
        return EXIT_TRY_AGAIN;
    default:
        return EXIT_FAILED;
    }
}

/* {"error":{"code","message","details":{"field"}}}, as everywhere in Reeve. */
static void print_json_error(const struct reeve_error *error)
{
    struct buf out = {0};
    int rc = buf_printf(&out, "{\"error\":{\"code\":\"%s\",\"message\":", error->name);
    if (rc == 0)
        rc = json_quote(&out, text_of(error->message));
    if (rc == 0)
        rc = buf_append_text(&out, TEXT(",\"details\":{"));
    if (rc == 0 && error->field[0])
        rc = buf_append_text(&out, TEXT("\"field\":"));
    if (rc == 0 && error->field[0])
        rc = json_quote(&out, text_of(error->field));
    if (rc == 0)
        rc = buf_append_text(&out, TEXT("}}}"));
    if (rc == 0)
        printf("%.*s\n", (int)out.len, (const char *)out.at);
    buf_fini(&out);
}

int cli_failed(const struct cli *cli, int code)
{
    const struct reeve_error *error = reeve_error(cli->reeve);
    if (code == REEVE_OK)
        return EXIT_GOOD;
    fflush(stdout);
    fprintf(stderr, "%s: ", cli->table->program);
    print_text(stderr, text_of(error->message));
    bool told = code == REEVE_NOT_FOUND || strstr(error->message, error->field);
    if (error->field[0] && !told) {
        fputs(" (", stderr);
        print_text(stderr, text_of(error->field));
        fputs(")", stderr);
    }
    fputs("\n", stderr);
    if (cli->settings.json)
        print_json_error(error);
    return exit_of_code(code);
}

int cli_exit_of(enum job_state status)
{
    return status == JOB_COMPLETED   ? EXIT_GOOD
           : status == JOB_CANCELLED ? EXIT_JOB_CANCELLED
           : status == JOB_FAILED    ? EXIT_JOB_FAILED
                                     : EXIT_FAILED;
}

static bool has_id(const struct uuid *ids, size_t count, const struct uuid *id)
{
    for (size_t i = 0; i < count; i++) {
        if (uuid_eq(&ids[i], id))
            return true;
    }
    return false;
}

int cli_ids(const struct cli *cli, struct uuid **ids_out, size_t *count_out)
{
    struct uuid *ids = calloc(cli->words.count, sizeof *ids);
    size_t count = 0;
    *ids_out = ids;
    if (!ids) {
        fprintf(stderr, "%s: out of memory\n", cli->table->program);
        return EXIT_FAILED;
    }
    for (size_t i = 1; i < cli->words.count; i++) {
        struct uuid id;
        if (uuid_parse(text_of(cli->words.at[i]), &id) != 0)
            return settings_exit(
                settings_wrong(cli->table, "'%.80s' is no job id", cli->words.at[i]));
        if (!has_id(ids, count, &id))
            ids[count++] = id;
    }
    *count_out = count;
    return EXIT_GOOD;
}
