/* The commands question and answer.
 * Must never take words for an answer that are no JSON.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/rfc3339.h"
#include "client/answer.h"
#include "client/cli/cli.h"
#include "client/cli/print.h"
#include "client/jobs.h"

static void put_time(const char *name, uint64_t at)
{
    char words[RFC3339_LEN + 1];
    if (at == 0)
        return;
    rfc3339_format(at, words);
    printf("%-9s %s\n", name, words);
}

static int print_question(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct wire_question question;
    struct fault fault;
    (void)arg;
    if (shape_decode(answer->question_is.question, &shape_question, KEYS_NAMES, &question,
                     &fault) != 0)
        return handle_fail(reeve, REEVE_SERVER_ERROR, fault.field, "%s", fault.problem);
    printf("%-9s %llu\n", "question", (unsigned long long)question.n);
    printf("%-9s ", "kind");
    print_text(stdout, question.kind);
    putchar('\n');
    put_time("asked", question.asked_at);
    put_time("until", question.expires_at);
    if (question.prompt.len > 0) {
        printf("%-9s ", "prompt");
        print_value(stdout, question.prompt);
        putchar('\n');
    }
    return REEVE_OK;
}

int cli_question(struct cli *cli)
{
    char *json = NULL;
    struct uuid *ids;
    size_t count = 0;
    int status = cli_ids(cli, &ids, &count);
    if (status != EXIT_GOOD)
        return status;
    int code = cli->settings.json ? reeve_question(cli->reeve, cli->words.at[1], &json)
                                  : jobs_question(cli->reeve, &ids[0], print_question, NULL);
    free(ids);
    print_json(json);
    return cli_failed(cli, code);
}

static int print_answered(void *arg, struct reeve *reeve, const struct message *answer)
{
    const struct cli *cli = arg;
    struct buf text = {0};
    char *json = NULL;
    if (!cli->settings.json) {
        printf("%s answered\n", cli->words.at[1]);
        return REEVE_OK;
    }
    int code = answer_take(reeve, answer_job(answer, &text), &text, &json);
    print_json(json);
    return code;
}

int cli_answer(struct cli *cli)
{
    struct uuid id;
    struct buf answer = {0};
    uint64_t question = cli->settings.question == SETTING_ABSENT ? 0 : cli->settings.question;
    if (uuid_parse(text_of(cli->words.at[1]), &id) != 0)
        return settings_exit(settings_wrong(cli->table, "'%.80s' is no job id", cli->words.at[1]));
    int status = cli_value(cli, cli->words.at[2], "the answer", &answer);
    if (status == EXIT_GOOD)
        status = cli_failed(
            cli, jobs_answer(cli->reeve, &id, buf_slice(&answer), question, print_answered, cli));
    buf_fini(&answer);
    return status;
}
