/* reeve-worker's options, read and checked. Must never start a handler. */
#ifndef REEVE_WORKER_OPTIONS_H
#define REEVE_WORKER_OPTIONS_H

#include "base/settings.h"
#include "proto/limits.h"

/* A --handler; points into the options. */
struct option_handler {
    char *type;
    const char *command;
};

struct options {
#define SETTING(field, name, letter, kind, ...) SETTING_TYPE_##kind field;
#include "worker/settings.def"
#undef SETTING
};

/* A settings_load result; only with SETTINGS_GO_ON is there something to free. *handlers_out: one
 * for each --handler, in its order, the caller's to free. Sets the log's level and format. Runs
 * /bin/sh to look for commands; call before threads start. */
int options_load(int argc, char *const argv[], struct options *options_out,
                 struct option_handler **handlers_out);
void options_fini(struct options *options);

/* Says on stderr that --broker can't be read. Returns SETTINGS_WRONG. */
int options_wrong_broker(const struct options *options);

#endif
