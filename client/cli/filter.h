/* The options that say which jobs are meant, for every command that means many.
 * Must never ask the broker. */
#ifndef REEVE_CLIENT_CLI_FILTER_H
#define REEVE_CLIENT_CLI_FILTER_H

#include "base/buf.h"
#include "client/cli/cli.h"

/* A filter and the memory behind its texts. {0} is valid. */
struct cli_filter {
    struct reeve_filter wanted;
    bool narrows; /* at least one option was given */
    struct buf status, metadata;
};

/* Reads the options. EXIT_GOOD, or an exit status, told on stderr. */
int cli_filter_read(const struct cli *cli, struct cli_filter *filter_out);
void cli_filter_fini(struct cli_filter *filter);

/* A time: RFC 3339, or an age like 2h: so long ago. EXIT_GOOD (0 where `text` is NULL), or an exit
 * status, told on stderr. */
int cli_time(const struct cli *cli, const char *option, const char *text, uint64_t *wall_ms_out);

#endif
