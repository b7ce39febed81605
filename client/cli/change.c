/* The commands that change jobs: cancel, retry, delete.
 * Must never stop at the first job that refuses: each is tried, and told.
 */
#include <stdio.h>
#include <stdlib.h>

#include "client/cli/bulk.h"
#include "client/cli/print.h"
#include "client/relatives.h"

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
    char **out = cli->settings.json ? json_out : NULL;
    return cli->settings.tree ? reeve_cancel_tree(cli->reeve, id, cli->settings.reason, out)
                              : reeve_cancel(cli->reeve, id, cli->settings.reason, out);
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

/* --- once more with other params ---------------------------------------------------------------
 */

static int print_new(void *arg, struct reeve *reeve, const struct message *answer)
{
    (void)arg;
    (void)reeve;
    print_value(stdout, answer->job_is.job);
    putchar('\n');
    return REEVE_OK;
}

/* The new job's id is what is printed, as of submit. */
static int retry_with(struct cli *cli, const struct uuid *ids, size_t count, struct slice params)
{
    int status = EXIT_GOOD;
    for (size_t i = 0; i < count && status != EXIT_TRY_AGAIN; i++) {
        char id[REEVE_ID_SIZE];
        struct uuid made;
        int code = relatives_retry_with(cli->reeve, &ids[i], params, &made,
                                        cli->settings.json ? print_new : NULL, NULL);
        int own = cli_failed(cli, code);
        status = own != EXIT_GOOD ? own : status;
        uuid_format(&made, id);
        if (own == EXIT_GOOD && !cli->settings.json)
            puts(id);
    }
    return status;
}

static int retry_all_with(struct cli *cli)
{
    struct buf params = {0};
    struct uuid *ids = NULL;
    size_t count = 0;
    int status = cli_value(cli, cli->settings.params, "--params", &params);
    if (status == EXIT_GOOD)
        status = cli_ids(cli, &ids, &count);
    if (status == EXIT_GOOD)
        status = retry_with(cli, ids, count, buf_slice(&params));
    free(ids);
    buf_fini(&params);
    return status;
}

/* --- the commands ------------------------------------------------------------------------------
 */

int cli_cancel(struct cli *cli)
{
    if (cli->settings.tree && cli->words.count == 1)
        return settings_exit(settings_wrong(cli->table, "--tree: expected the ids of jobs"));
    return cli->words.count > 1 ? change_all(cli, cancel_one, "cancelled")
                                : cli_bulk(cli, "cancel", "cancelled");
}

int cli_retry(struct cli *cli)
{
    if (cli->settings.params)
        return cli->words.count > 1 ? retry_all_with(cli)
                                    : settings_exit(settings_wrong(
                                          cli->table, "--params: expected the ids of jobs"));
    return cli->words.count > 1 ? change_all(cli, retry_one, "pending")
                                : cli_bulk(cli, "retry", "made pending");
}

int cli_delete(struct cli *cli)
{
    return cli->words.count > 1 ? change_all(cli, delete_one, "deleted")
                                : cli_bulk(cli, "delete", "deleted");
}
