/* The program `reeve`: finds the command, reads its options, opens the handle, runs it.
 * Must never know what a command does.
 */
#include "client/cli/cli.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include "client/endpoint.h"

#ifndef REEVE_VERSION
#define REEVE_VERSION "0"
#endif

static int wrong_keys(const struct cli *cli, const struct reeve_options *options)
{
    char problem[4500] = "";
    reeve_check_keys(options, problem, sizeof problem);
    return settings_exit(settings_wrong(cli->table, "--curve-key, --curve-server: %s", problem));
}

/* The broker's own setting may name the endpoint for binding: `tcp://` and any host. */
static int open_handle(struct cli *cli)
{
    char broker[ENDPOINT_SIZE];
    if (endpoint_of_events(TEXT("tcp://127.0.0.1:0"), text_of(cli->settings.broker), broker) < 0)
        return settings_exit(settings_wrong(cli->table, "--broker is too long"));
    const struct reeve_options options = {.broker = broker,
                                          .events = cli->settings.events,
                                          .role = cli->settings.curve_key ? NULL : "admin",
                                          .curve_key = cli->settings.curve_key,
                                          .curve_server = cli->settings.curve_server,
                                          .program = "reeve " REEVE_VERSION,
                                          .timeout_ms = (uint32_t)cli->settings.give_up_ms};
    int code = reeve_connect(&options, &cli->reeve);
    if (code == REEVE_OK)
        return EXIT_GOOD;
    if (code == REEVE_UNAUTHORIZED)
        return wrong_keys(cli, &options);
    if (code == REEVE_INVALID_REQUEST)
        return settings_exit(settings_wrong(cli->table,
                                            "'%s' is no endpoint; expected something "
                                            "like tcp://127.0.0.1:5570",
                                            cli->settings.broker));
    fprintf(stderr, "%s: sockets cannot be made: %s\n", cli->table->program, reeve_code_name(code));
    return EXIT_FAILED;
}

static int run(struct cli *cli, enum cli_command command)
{
    if (!cli_takes(command, cli->words.count - 1))
        return settings_exit(settings_wrong(cli->table,
                                            cli->words.count == 1
                                                ? "something is missing: usage is "
                                                  "'%s %s'"
                                                : "too many words: usage is '%s %s'",
                                            cli->table->program, cli->table->usage));
    int status = command == COMMAND_KEYGEN ? EXIT_GOOD : open_handle(cli);
    if (status == EXIT_GOOD)
        status = cli_function(command)(cli);
    reeve_close(&cli->reeve);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "%s: standard output cannot be written\n", cli->table->program);
        return status == EXIT_GOOD ? EXIT_FAILED : status;
    }
    return status;
}

/* No command, or one that there is not: help, version and wrong options come first. */
static int without_command(struct cli *cli, int argc, char *argv[], const char *name)
{
    cli->table = cli_table(COMMAND_COUNT);
    int rc = settings_load(cli->table, argc, argv, &cli->settings, &cli->words);
    if (rc != SETTINGS_GO_ON)
        return settings_exit(rc);
    settings_fini(cli->table, &cli->settings);
    settings_list_fini(&cli->words);
    rc = name ? settings_wrong(cli->table, "there is no command '%.40s'", name)
              : settings_wrong(cli->table, "a command is missing");
    return settings_exit(rc);
}

int main(int argc, char *argv[])
{
    struct cli cli = {0};
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN);
    const char *name = settings_command(cli_table(COMMAND_COUNT), argc, argv);
    enum cli_command command = name ? cli_find(name) : COMMAND_COUNT;
    if (command == COMMAND_COUNT)
        return without_command(&cli, argc, argv, name);
    cli.table = cli_table(command);
    int rc = settings_load(cli.table, argc, argv, &cli.settings, &cli.words);
    if (rc != SETTINGS_GO_ON)
        return settings_exit(rc);
    int status = run(&cli, command);
    settings_fini(cli.table, &cli.settings);
    settings_list_fini(&cli.words);
    return status;
}
