/* What a job is made of by the options of submit; the command schedule takes the same.
 * Must never ask the broker. */
#ifndef REEVE_CLIENT_CLI_DRAFT_H
#define REEVE_CLIENT_CLI_DRAFT_H

#include "client/cli/cli.h"

/* What a spec points into besides the settings. {0} is valid and empty. */
struct draft {
    struct buf params;   /* msgpack */
    struct buf metadata; /* JSON */
};

/* Reads the options into a spec. 0 or an exit status, told on stderr; draft_fini in any case. */
int draft_read(const struct cli *cli, const char *type, struct draft *draft,
               struct reeve_spec *spec);
void draft_fini(struct draft *draft);

#endif
