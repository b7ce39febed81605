/* The commands that change jobs: cancel, retry, delete.
 * Must never stop at the first job that refuses: each is tried, and told.
 */
#include <stdio.h>
#include <stdlib.h>

#include "client/cli/bulk.h"
#include "client/cli/print.h"

/* Changes one job. `json_out` gets the job as it is then, where there is one. A code. */
typedef int change_one(struct cli *cli, const char *id, char **json_out);

static int change_all(struct cli *cli, change_one *change, const char *done)
{
    struct uuid *ids;
    size_t count = 0;
    int status = cli_ids(cli, &ids, &count);
    for (size_t i = 0; i < count; i++) {
        char id[REEVE_ID_SIZE];
        char *json = NULL;
        uuid_format(&ids[i], id);
        int code = change(cli, id, &json);
        int own = cli_failed(cli, code);
        if (own != EXIT_GOOD)
            status = own;
        else if (!cli->settings.json)
            printf("%s %s\n", id, done);
        print_json(json);
        if (own == EXIT_TRY_AGAIN)
            break;
    }
    free(ids);
    return status;
}

static int cancel_one(struct cli *cli, const char *id, char **json_out)
{
    return reeve_cancel(cli->reeve, id, cli->settings.reason, cli->settings.json ? json_out : NULL);
}

static int retry_one(struct cli *cli, const char *id, char **json_out)
{
    return reeve_retry(cli->reeve, id, cli->settings.json ? json_out : NULL);
}

static int delete_one(struct cli *cli, const char *id, char **json_out)
{
    (void)json_out;
    int code = reeve_delete(cli->reeve, id);
    if (code == REEVE_OK && cli->settings.json)
        printf("{\"id\":\"%s\",\"deleted\":true}\n", id);
    return code;
}

int cli_cancel(struct cli *cli)
{
    return cli->words.count > 1 ? change_all(cli, cancel_one, "cancelled")
                                : cli_bulk(cli, "cancel", "cancelled");
}

int cli_retry(struct cli *cli)
{
    return cli->words.count > 1 ? change_all(cli, retry_one, "pending")
                                : cli_bulk(cli, "retry", "made pending");
}

int cli_delete(struct cli *cli)
{
    return cli->words.count > 1 ? change_all(cli, delete_one, "deleted")
                                : cli_bulk(cli, "delete", "deleted");
}
