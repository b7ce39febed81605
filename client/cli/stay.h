/* Staying until jobs have ended: what wait, watch, logs -f and submit --wait share.
 * Must never be included outside client/cli. */
#ifndef REEVE_CLIENT_CLI_STAY_H
#define REEVE_CLIENT_CLI_STAY_H

#include "client/cli/cli.h"
#include "client/cli/screen.h"

/* How to stay, and what to print when all is over. */
struct stay {
    enum screen_kind screen;
    uint64_t timeout_ms;  /* SETTING_ABSENT: none */
    struct opt_u64 after; /* show what happened after this rev too */
    bool print_jobs;      /* the ended jobs at the end, as JSON lines */
};

/* Follows the jobs to their end. Puts how each ended into views_out[count] (NULL: nobody wants to
 * know). An exit status: the worst of the jobs', or EXIT_TIMED_OUT, or that of a failure (told on
 * stderr). A broker that is not there at the beginning is a failure; later it is waited for. */
int stay_with(struct cli *cli, const struct uuid *ids, size_t count, const struct stay *stay,
              struct view *views_out);

/* Bars on a terminal, lines elsewhere, JSON if asked for. */
enum screen_kind stay_screen(const struct cli *cli);

#endif
