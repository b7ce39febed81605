/* The broker's options.
 * Must never let an endpoint beyond loopback through unasked. */
#include "broker/options.h"

#include <string.h>

static const struct setting rows[] = {
#define SETTING(field, ...) SETTING_ROW(struct options, field, __VA_ARGS__)
#include "broker/settings.def"
#undef SETTING
};

static const struct settings_table table = {
    .program = "reeve-broker",
    .version = REEVE_VERSION,
    .usage = "--data DIR [OPTION]...",
    .description = "Keeps jobs in DIR and hands them to workers. Says `ready` on stderr, with its\n"
                   "endpoints, when it can be reached; SIGTERM ends it and loses nothing.",
    .examples = "  reeve-broker --data ~/.reeve/data\n"
                "  reeve-broker --data /var/lib/reeve --clients 'tcp://127.0.0.1:*'\n"
                "  reeve-broker --data ~/.reeve/data --check\n"
                "  reeve-broker --data ~/.reeve/data --backup reeve.backup",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
};

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* libzmq binds to addresses and to names of interfaces, never to host names. */
bool endpoint_is_local(const char *endpoint)
{
    return starts(endpoint, "ipc://") || starts(endpoint, "inproc://") ||
           starts(endpoint, "tcp://127.") || starts(endpoint, "tcp://[::1]:") ||
           starts(endpoint, "tcp://lo:");
}

static int check_endpoint(const struct options *options, const char *name, const char *endpoint)
{
    if (options->insecure || options->curve_key || endpoint_is_local(endpoint))
        return SETTINGS_GO_ON;
    return settings_wrong(&table,
                          "--%s %s can be reached from other hosts, and whoever reaches it may do "
                          "anything; let keys decide with --curve-key and --curve-peers, use a "
                          "loopback address, or say --insecure to allow it",
                          name, endpoint);
}

static int check_tools(const struct options *options)
{
    int tools = options->check + options->dump + (options->backup != NULL) +
                (options->restore != NULL) + options->compact;
    if (tools > 1)
        return settings_wrong(
            &table, "only one of --check, --dump, --backup, --restore, --compact at a time");
    if ((options->table || options->job) && !options->dump)
        return settings_wrong(&table, "--table and --job go with --dump");
    if (options->overwrite && !options->backup)
        return settings_wrong(&table, "--overwrite goes with --backup");
    return SETTINGS_GO_ON;
}

static int check_all(const struct options *options)
{
    if (check_tools(options) != SETTINGS_GO_ON)
        return SETTINGS_WRONG;
    if (!options->data)
        return settings_wrong(&table, "--data DIR is needed: the folder of the store");
    if (options->lost_after < 2 * options->heartbeat)
        return settings_wrong(&table, "--lost-after must be at least twice --heartbeat");
    if (!options->curve_key != !options->curve_peers)
        return settings_wrong(&table, "--curve-key and --curve-peers need each other: a key of "
                                      "the broker's own, and the keys that get in");
    int rc = check_endpoint(options, "clients", options->clients);
    if (rc == SETTINGS_GO_ON)
        rc = check_endpoint(options, "workers", options->workers);
    return rc == SETTINGS_GO_ON ? check_endpoint(options, "events", options->events) : rc;
}

int options_load(int argc, char *const argv[], struct options *options_out)
{
    memset(options_out, 0, sizeof *options_out);
    int rc = settings_load(&table, argc, argv, options_out, NULL);
    if (rc != SETTINGS_GO_ON)
        return rc;
    rc = settings_log(&table, options_out->log_level, options_out->log_format);
    if (rc == SETTINGS_GO_ON)
        rc = check_all(options_out);
    if (rc != SETTINGS_GO_ON)
        options_fini(options_out);
    return rc;
}

void options_fini(struct options *options)
{
    settings_fini(&table, options);
}
