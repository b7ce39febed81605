/* The command why.
 * Must never guess: what the broker does not tell is not shown.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/rfc3339.h"
#include "client/cli/cli.h"
#include "client/cli/print.h"
#include "client/jobs.h"

static int print_why(void *arg, struct reeve *reeve, const struct message *answer)
{
    const struct msg_why *why = &answer->why;
    (void)arg;
    (void)reeve;
    printf("%s: ", job_state_word(why->status));
    print_text(stdout, why->text);
    putchar('\n');
    if (why->position.set)
        printf("place in line: %s%llu\n", why->position_is_minimum ? "more than " : "",
               (unsigned long long)why->position.value);
    if (why->estimated_start) {
        char at[RFC3339_LEN + 1];
        rfc3339_format(why->estimated_start, at);
        printf("estimated start: %s\n", at);
    }
    return REEVE_OK;
}

static int why_one(struct cli *cli, const struct uuid *id)
{
    char text[REEVE_ID_SIZE];
    char *json = NULL;
    uuid_format(id, text);
    int code = cli->settings.json ? reeve_why(cli->reeve, text, &json)
                                  : jobs_why(cli->reeve, id, print_why, NULL);
    print_json(json);
    return cli_failed(cli, code);
}

int cli_why(struct cli *cli)
{
    struct uuid *ids;
    size_t count = 0;
    int status = cli_ids(cli, &ids, &count);
    for (size_t i = 0; i < count && status != EXIT_TRY_AGAIN; i++) {
        int own = why_one(cli, &ids[i]);
        status = own != EXIT_GOOD ? own : status;
    }
    free(ids);
    return status;
}
