/* reeve-worker's options. Must never let a handler through that cannot be run. */
#include "worker/options.h"

#include <stdlib.h>
#include <string.h>

#include "worker/exec.h"

static const struct setting rows[] = {
#define SETTING(field, ...) SETTING_ROW(struct options, field, __VA_ARGS__)
#include "worker/settings.def"
#undef SETTING
};

static const struct settings_table table = {
    .program = "reeve-worker",
    .version = REEVE_VERSION,
    .usage = "--handler TYPE=COMMAND [OPTION]...",
    .description =
        "Takes jobs from a broker and runs a program for each. The program gets the job's params\n"
        "as JSON on stdin; its stdout is the result, its stderr the job's log; on file descriptor\n"
        "3 it may report, one JSON object a line:\n"
        "    {\"progress\": 0.65, \"message\": \"Reading (65/100)\"}\n"
        "    {\"stage\": \"reading\", \"status\": \"running\"}    {\"checkpoint\": {\"page\": "
        "65}}\n"
        "Exit status 0 is completed, 75 try again later, anything else failed. A cancelled or\n"
        "timed-out program gets SIGTERM, and SIGKILL after the grace. $REEVE_JOB names a file "
        "with\n"
        "the whole job. Says `ready` on stderr when the broker has taken it. SIGTERM finishes "
        "what\n"
        "runs and takes nothing new; a second one gives everything back and ends.",
    .examples = "  reeve-worker --handler resize=./resize.sh --concurrency 8\n"
                "  reeve-worker -q mail -q default -H mail='python3 -m mailer' -H echo=cat",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
};

static bool is_url(const char *command)
{
    return strncmp(command, "http://", 7) == 0 || strncmp(command, "https://", 8) == 0;
}

static int check_handler(char *word, struct option_handler *handler_out)
{
    char problem[400];
    char *equals = strchr(word, '=');
    if (!equals || equals == word || equals - word > TYPE_LEN_MAX)
        return settings_wrong(&table, "--handler '%s' is not TYPE=COMMAND", word);
    const char *command = equals + 1;
    if (is_url(command))
        return settings_wrong(&table,
                              "--handler %s: this build has no HTTP handlers, only commands", word);
    if (exec_check(command, problem, sizeof problem) != 0)
        return settings_wrong(&table, "--handler %s: %s", word, problem);
    *equals = 0;
    *handler_out = (struct option_handler){word, command};
    return SETTINGS_GO_ON;
}

static int check_handlers(const struct options *options, struct option_handler *handlers)
{
    for (size_t i = 0; i < options->handlers.count; i++) {
        int rc = check_handler(options->handlers.at[i], &handlers[i]);
        if (rc != SETTINGS_GO_ON)
            return rc;
        for (size_t before = 0; before < i; before++)
            if (strcmp(handlers[before].type, handlers[i].type) == 0)
                return settings_wrong(&table, "--handler %s is given twice", handlers[i].type);
    }
    return SETTINGS_GO_ON;
}

static int check_all(const struct options *options, struct option_handler *handlers)
{
    if (options->webhooks)
        return settings_wrong(&table, "--webhooks: this build has no HTTP, and delivers none");
    if (options->handlers.count == 0)
        return settings_wrong(&table, "--handler TYPE=COMMAND is needed: what should run the jobs");
    if (options->handlers.count > WORKER_TYPES_MAX || options->queues.count > WORKER_QUEUES_MAX)
        return settings_wrong(&table, "at most %d handlers and %d queues", WORKER_TYPES_MAX,
                              WORKER_QUEUES_MAX);
    return check_handlers(options, handlers);
}

int options_load(int argc, char *const argv[], struct options *options_out,
                 struct option_handler **handlers_out)
{
    *handlers_out = NULL;
    memset(options_out, 0, sizeof *options_out);
    int rc = settings_load(&table, argc, argv, options_out, NULL);
    if (rc != SETTINGS_GO_ON)
        return rc;
    struct option_handler *handlers = calloc(options_out->handlers.count + 1, sizeof *handlers);
    rc = handlers ? settings_log(&table, options_out->log_level, options_out->log_format) : -1;
    if (rc == SETTINGS_GO_ON)
        rc = check_all(options_out, handlers);
    if (rc != SETTINGS_GO_ON) {
        free(handlers);
        options_fini(options_out);
        return rc;
    }
    *handlers_out = handlers;
    return rc;
}

void options_fini(struct options *options)
{
    settings_fini(&table, options);
}

int options_wrong_broker(const struct options *options)
{
    return settings_wrong(&table, "--broker: '%s' is no endpoint", options->broker);
}
