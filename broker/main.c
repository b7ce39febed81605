/* reeve-broker: opens the store, binds the endpoints, builds the core, and serves until SIGTERM.
 * Must never say `ready` before a client would be answered. With an option such as --check it is a
 * tool over a store instead (tool.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/random.h"
#include "base/signals.h"
#include "broker/core/core.h"
#include "broker/options.h"
#include "broker/server.h"
#include "broker/store/record.h"
#include "broker/store/store_lmdb.h"
#include "broker/tool.h"
#include "broker/zones.h"

/* The parts of a running broker; {.signal_fd = -1} is a valid start. */
struct broker {
    struct options options;
    int signal_fd;
    struct server_auth *auth;
    struct curve_pair pair;
    struct store *store;
    struct server *server;
    struct core *core;
    struct zones *zones;
};

/* One connection is one file descriptor; the soft limit is often 1,024. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_store(struct broker *broker)
{
    char problem[512] = "";
    int rc = store_lmdb_open(broker->options.data, NULL, &broker->store, problem, sizeof problem);
    if (rc < 0)
        log_error("store_refused", "%s", problem[0] ? problem : strerror(-rc));
    return rc;
}

/* Keys that can't be used are wrong configuration. */
static int read_keys(struct broker *broker)
{
    const struct options *options = &broker->options;
    char problem[4500];
    if (!options->curve_key)
        return 0;
    if (curve_pair_read(options->curve_key, &broker->pair, problem, sizeof problem) < 0) {
        log_error("key_unusable", "--curve-key: %s", problem);
        return SETTINGS_WRONG;
    }
    int rc = server_auth_open(options->curve_peers, &broker->auth);
    return rc == 0 || rc == -ENOMEM ? rc : SETTINGS_WRONG;
}

/* The secret is libzmq's alone afterwards. */
static int open_server(struct broker *broker)
{
    const struct options *options = &broker->options;
    const struct server_config config = {
        .endpoints = {[SOCKET_CLIENTS] = options->clients,
                      [SOCKET_WORKERS] = options->workers,
                      [SOCKET_EVENTS] = options->events},
        .pair = broker->auth ? &broker->pair : NULL,
        .auth = broker->auth,
    };
    int rc = server_open(&config, &broker->server);
    if (rc == 0 && broker->auth)
        log_info("curve", "this broker's public key is %s; %zu keys are listed",
                 broker->pair.public_key, server_auth_count(broker->auth));
    curve_pair_wipe(&broker->pair);
    return rc;
}

/* The data directory's own id. */
static int read_identity(struct store *store, struct uuid *id_out)
{
    struct slice value;
    int rc = store_begin(store);
    if (rc < 0)
        return rc;
    rc = store_get(store, TABLE_META, text_slice(TEXT(META_INSTANCE)), &value);
    if (rc == STORE_NOT_FOUND || (rc == 0 && value.len != sizeof *id_out))
        rc = -EUCLEAN;
    if (rc == 0)
        memcpy(id_out, value.at, sizeof *id_out);
    store_abort(store);
    return rc;
}

static int build_core(struct broker *broker)
{
    const struct options *options = &broker->options;
    struct core_config config;
    core_config_init(&config);
    config.program = TEXT("reeve-broker " REEVE_VERSION);
    config.events_endpoint = text_of(server_endpoint(broker->server, SOCKET_EVENTS));
    config.heartbeat_ms = options->heartbeat;
    config.lost_after_ms = options->lost_after;
    config.grace_ms = options->grace;
    config.retention_ms = options->retention;
    config.reserve_bytes = options->reserve;
    config.zones = zones_port(broker->zones);
    config.journal_bytes = options->journal_size;
    config.journal_age_ms = options->journal_age;
    struct core_now now = {clock_mono_ms(), clock_wall_ms(), random_u64()};
    int rc = read_identity(broker->store, &config.broker);
    if (rc == 0)
        rc = core_new(&config, broker->store, now, &broker->core);
    if (rc < 0)
        log_error("start_failed", "the store can't be read: %s", strerror(-rc));
    return rc;
}

static int start(struct broker *broker)
{
    raise_file_limit();
    broker->signal_fd = signals_open();
    if (broker->signal_fd < 0)
        return broker->signal_fd;
    int rc = read_keys(broker);
    if (rc == 0)
        rc = zones_open(&broker->zones);
    if (rc == 0)
        rc = open_store(broker);
    if (rc == 0)
        rc = open_server(broker);
    return rc == 0 ? build_core(broker) : rc;
}

static void say_ready(const struct broker *broker)
{
    char text[2048];
    snprintf(text, sizeof text, "clients=%s workers=%s events=%s",
             server_endpoint(broker->server, SOCKET_CLIENTS),
             server_endpoint(broker->server, SOCKET_WORKERS),
             server_endpoint(broker->server, SOCKET_EVENTS));
    notify_ready(text);
}

static void stop(struct broker *broker)
{
    notify_stopping();
    server_close(&broker->server);
    server_auth_close(&broker->auth);
    curve_pair_wipe(&broker->pair);
    core_destroy(&broker->core);
    zones_close(&broker->zones);
    store_close(&broker->store);
    if (broker->signal_fd >= 0)
        close(broker->signal_fd);
    options_fini(&broker->options);
}

int main(int argc, char *argv[])
{
    struct broker broker = {.signal_fd = -1};
    int rc = options_load(argc, argv, &broker.options);
    if (rc != SETTINGS_GO_ON)
        return settings_exit(rc);
    if (tool_wanted(&broker.options)) {
        rc = tool_run(&broker.options);
        options_fini(&broker.options);
        return rc;
    }
    rc = start(&broker);
    if (rc == 0) {
        say_ready(&broker);
        rc = server_run(broker.server, broker.core, broker.store, broker.signal_fd);
    }
    stop(&broker);
    return rc == 0 ? 0 : rc == SETTINGS_WRONG ? settings_exit(rc) : 1;
}
