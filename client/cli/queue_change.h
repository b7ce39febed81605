/* What the options of `queue` and `budget` want changed.
 * Must never ask the broker. */
#ifndef REEVE_CLIENT_CLI_QUEUE_CHANGE_H
#define REEVE_CLIENT_CLI_QUEUE_CHANGE_H

#include "base/buf.h"
#include "client/cli/cli.h"

/* `change` points into the rest. */
struct queue_wish {
    struct reeve_queue_change change;
    struct reeve_rate rates[QUEUE_RATES_MAX];
    struct reeve_queue_group groups[QUEUE_GROUPS_MAX];
    char names[QUEUE_GROUPS_MAX][GROUP_LEN_MAX + 1];
    const char *clear[QUEUE_CLEAR_MAX];
    char clear_words[QUEUE_CLEAR_MAX][GROUP_LEN_MAX + 32];
    struct buf defaults; /* JSON */
    bool any;            /* something shall be changed */
};

/* Fills *wish ({0}) from the options. EXIT_GOOD, or an exit status, told on stderr. Either way
 * queue_wish_fini. */
int queue_wish_read(const struct cli *cli, struct queue_wish *wish);
void queue_wish_fini(struct queue_wish *wish);

#endif
