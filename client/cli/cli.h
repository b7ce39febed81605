/* The program `reeve`: what its commands share.
 * Must never be included outside client/cli. */
#ifndef REEVE_CLIENT_CLI_CLI_H
#define REEVE_CLIENT_CLI_CLI_H

#include "base/settings.h"
#include "client/handle.h"

/* Commands as numbers and as a set. */
enum cli_command {
#define COMMAND(NAME, ...) COMMAND_##NAME,
#include "client/cli/commands.def"
#undef COMMAND
    COMMAND_COUNT
};
#define ON(NAME)    (UINT64_C(1) << COMMAND_##NAME)
#define ON_ALL      ((UINT64_C(1) << COMMAND_COUNT) - 1u)
#define ON_BULK     (ON(CANCEL) | ON(RETRY) | ON(DELETE) | ON(PURGE))
#define ON_LIMITED  (ON(QUEUE) | ON(BUDGET))
#define ON_SPEC     (ON(SUBMIT) | ON(SCHEDULE))
/* The command count is TALLY here: COMMAND_COUNT is how many commands there are. */
#define ON_FILTERED (ON(LIST) | ON(TALLY) | ON_BULK)

struct cli_settings {
#define OPTION(commands, field, name, letter, kind, ...) SETTING_TYPE_##kind field;
#include "client/cli/options.def"
#undef OPTION
};

enum cli_exit {
    EXIT_GOOD = 0,
    EXIT_FAILED = 1,
    EXIT_WRONG_USAGE = 2,
    EXIT_JOB_FAILED = 3,
    EXIT_JOB_CANCELLED = 4,
    EXIT_TIMED_OUT = 5,
    EXIT_TRY_AGAIN = 75
};

/* One run of the program. */
struct cli {
    const struct settings_table *table; /* the command's own, for its words on wrong usage */
    struct cli_settings settings;
    struct settings_list words; /* the command first */
    struct reeve *reeve;
};

/* A command: everything is loaded and the handle is there. Returns an exit status. */
typedef int cli_run(struct cli *cli);
#define COMMAND(NAME, name, ...) cli_run cli_##name;
#include "client/cli/commands.def"
#undef COMMAND

/* --- tables.c --------------------------------------------------------------------------------- */

/* The command with this name, or COMMAND_COUNT. */
enum cli_command cli_find(const char *name);
const char *cli_name(enum cli_command command);
cli_run *cli_function(enum cli_command command);
/* Whether so many words may follow the command. */
bool cli_takes(enum cli_command command, size_t words);
/* The options of a command, with its help; COMMAND_COUNT: those of all, with the list of commands.
 * Lives until the next call. */
const struct settings_table *cli_table(enum cli_command command);

/* --- cli.c ------------------------------------------------------------------------------------ */

/* Words on stderr (and the error as JSON on stdout, with --json) for the last failure of the
 * handle; the exit status it means. REEVE_OK is 0 and says nothing. */
int cli_failed(const struct cli *cli, int code);
/* The ids among the words, as many as there are, each once; the caller frees them. 0 or an exit
 * status, told on stderr. */
int cli_ids(const struct cli *cli, struct uuid **ids_out, size_t *count_out);
/* The exit status of a job that has ended. */
int cli_exit_of(enum job_state status);

/* --- value.c ---------------------------------------------------------------------------------- */

/* The JSON value that words give: themselves, @FILE, or @- for standard input; appended as msgpack.
 * `what` names it where it is wrong. 0 or an exit status, told on stderr. */
int cli_value(const struct cli *cli, const char *words, const char *what, struct buf *out);

#endif
