/* The gateway's options, read and checked. Must never open anything. */
#ifndef REEVE_GATEWAY_OPTIONS_H
#define REEVE_GATEWAY_OPTIONS_H

#include "base/settings.h"

struct options {
#define SETTING(field, name, letter, kind, ...) SETTING_TYPE_##kind field;
#include "gateway/settings.def"
#undef SETTING
};

/* A settings_load result; only with SETTINGS_GO_ON is there something to free. Sets the log's
 * level and format. Call before threads start. */
int options_load(int argc, char *const argv[], struct options *options_out);
void options_fini(struct options *options);

/* Says on stderr what is wrong about the address of --listen. Returns SETTINGS_WRONG. */
int options_wrong_listen(const struct options *options);

#endif
