/* How the news of followed jobs are shown: not at all, as lines, as JSON, or as bars.
 * Must never be used for anything but standard output. */
#ifndef REEVE_CLIENT_CLI_SCREEN_H
#define REEVE_CLIENT_CLI_SCREEN_H

#include "client/cli/view.h"

enum screen_kind { SCREEN_NOTHING, SCREEN_LINES, SCREEN_JSON, SCREEN_BARS };

/* All followed jobs. `views` is borrowed. */
struct screen {
    enum screen_kind kind;
    const struct view *views;
    size_t count;
    size_t drawn; /* lines of bars that stand at the bottom */
    bool utf8, colours;
};

void screen_init(struct screen *screen, enum screen_kind kind, const struct view *views,
                 size_t count);
/* Shows news of views[index], which has taken them in already. */
void screen_news(struct screen *screen, size_t index, const struct watch_news *news);
/* Leaves the bars as they are and the cursor below them. */
void screen_end(struct screen *screen);

#endif
