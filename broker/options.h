/* The broker's options, read and checked. Must never open anything. */
#ifndef REEVE_BROKER_OPTIONS_H
#define REEVE_BROKER_OPTIONS_H

#include "base/log.h"
#include "base/settings.h"
#include "proto/limits.h"

struct options {
#define SETTING(field, name, letter, kind, ...) SETTING_TYPE_##kind field;
#include "broker/settings.def"
#undef SETTING
};

/* A settings_load result; only with SETTINGS_GO_ON is there something to free. Sets the log's
 * level and format. Call before threads start. */
int options_load(int argc, char *const argv[], struct options *options_out);
void options_fini(struct options *options);

/* Whether an endpoint can only be reached from this machine. Pure. */
bool endpoint_is_local(const char *endpoint);

#endif
