/* Options like --metadata a=1 --metadata b=x.
 * Must never print but what is wrong with them. */
#ifndef REEVE_CLIENT_CLI_PAIRS_H
#define REEVE_CLIENT_CLI_PAIRS_H

#include "base/buf.h"
#include "client/cli/cli.h"

/* Appends the pairs as a JSON object of strings with its final zero; a key twice: the later holds.
 * EXIT_GOOD, or an exit status, told on stderr. */
int cli_pairs(const struct cli *cli, const char *option, const struct settings_list *list,
              struct buf *out);

#endif
