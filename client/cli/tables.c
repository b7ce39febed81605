/* The tables of settings that base/settings.h wants, made from commands.def and options.def.
 * Must never list a command or an option by hand.
 */
#include "client/cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"

#ifndef REEVE_VERSION
#define REEVE_VERSION "0"
#endif

struct command {
    const char *name, *words, *summary, *text, *examples;
    size_t min, max;
    cli_run *run;
};

static const struct command commands[] = {
#define COMMAND(NAME, name, words, min, max, summary, text, examples) \
    {#name, words, summary, text, examples, min, max, cli_##name},
#include "client/cli/commands.def"
#undef COMMAND
};

struct option {
    uint64_t commands;
    struct setting row;
};

static const struct option options[] = {
#define OPTION(on, field, name, letter, kind, env, preset, min, max, label, help)          \
    {(on),                                                                                 \
     {(name), (letter), SETTING_##kind, (env), (preset), (uint64_t)(min), (uint64_t)(max), \
      (label), (help), offsetof(struct cli_settings, field)}},
#include "client/cli/options.def"
#undef OPTION
};

_Static_assert(COMMAND_COUNT < 64, "a set of commands has 64 bits");
enum { OPTION_COUNT = sizeof options / sizeof options[0] };
_Static_assert(OPTION_COUNT <= SETTINGS_ROWS_MAX, "more options than settings take");

enum cli_command cli_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return (enum cli_command)i;
    }
    return COMMAND_COUNT;
}

const char *cli_name(enum cli_command command)
{
    return commands[command].name;
}

cli_run *cli_function(enum cli_command command)
{
    return commands[command].run;
}

bool cli_takes(enum cli_command command, size_t words)
{
    return words >= commands[command].min && words <= commands[command].max;
}

static int words_width(void)
{
    size_t width = 0;
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        width = strlen(commands[i].words) > width ? strlen(commands[i].words) : width;
    return (int)width;
}

/* The help of the program as a whole. Memory short: a shorter help. */
static const char *list_of_commands(void)
{
    static struct buf text;
    buf_clear(&text);
    int rc = buf_append_text(&text, TEXT("Submits jobs to a Reeve broker and shows what becomes "
                                         "of them.\n\nCommands:\n"));
    for (size_t i = 0; rc == 0 && i < COMMAND_COUNT; i++)
        rc = buf_printf(&text, "  %-11s%-*s  %s\n", commands[i].name, words_width(),
                        commands[i].words, commands[i].summary);
    if (rc == 0)
        rc = buf_append_text(&text, TEXT("\nOptions may stand before or after the command. "
                                         "`reeve COMMAND --help` says more.\n"
                                         "Exit status: 0 good, 1 failed, 2 wrong usage, 75 no "
                                         "broker (try again later)."));
    return rc == 0 && buf_append(&text, "", 1) == 0 ? (const char *)text.at : NULL;
}

static const char examples_of_all[] =
    "  reeve submit ingest --params '{\"path\": \"/usr/share/doc\"}' --watch\n"
    "  reeve list --status failed\n"
    "  reeve logs -f 0192d3a0-7c1e-7000-8000-000000000001";

static void describe(enum cli_command command, struct settings_table *table)
{
    static char program[64];
    static char usage[64];
    snprintf(program, sizeof program, "reeve%s%s", command == COMMAND_COUNT ? "" : " ",
             command == COMMAND_COUNT ? "" : commands[command].name);
    snprintf(usage, sizeof usage, "%s%s[OPTIONS]",
             command == COMMAND_COUNT ? "COMMAND" : commands[command].words,
             command == COMMAND_COUNT || commands[command].words[0] ? " " : "");
    table->program = program;
    table->version = REEVE_VERSION;
    table->usage = usage;
    table->description = command == COMMAND_COUNT ? list_of_commands() : commands[command].text;
    table->examples = command == COMMAND_COUNT ? examples_of_all : commands[command].examples;
}

const struct settings_table *cli_table(enum cli_command command)
{
    static struct setting rows[OPTION_COUNT];
    static struct settings_table table;
    uint64_t wanted = command == COMMAND_COUNT ? ON_ALL : UINT64_C(1) << command;
    size_t count = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        bool shown = command == COMMAND_COUNT ? options[i].commands == ON_ALL : true;
        if (!(options[i].commands & wanted))
            continue;
        rows[count] = options[i].row;
        if (!shown)
            rows[count].help = NULL; /* found, so that the command is found; not told */
        count++;
    }
    table = (struct settings_table){.rows = rows, .count = count};
    describe(command, &table);
    return &table;
}
