/* The gateway's options.
 * Must never let an open door through unasked: no authentication is for loopback only. */
#include "gateway/options.h"

#include "gateway/auth/auth.h"
#include "gateway/http/listen.h"

static const struct setting rows[] = {
#define SETTING(field, ...) SETTING_ROW(struct options, field, __VA_ARGS__)
#include "gateway/settings.def"
#undef SETTING
};

static const struct settings_table table = {
    .program = "reeve-gateway",
    .version = REEVE_VERSION,
    .usage = "[OPTION]...",
    .description = "Serves the jobs of a broker over HTTP: REST and live streams. Says `ready` on\n"
                   "stderr, with its address, when it can be reached; SIGTERM ends it after what\n"
                   "it was asked is answered. It keeps nothing: run as many as you like.",
    .examples = "  reeve-gateway --listen 127.0.0.1:8080\n"
                "  curl -d '{\"type\":\"ingest\"}' -H 'Content-Type: application/json' "
                "localhost:8080/v1/jobs\n"
                "  curl -N localhost:8080/v1/jobs/ID/events",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
};

int options_wrong_listen(const struct options *options)
{
    return settings_wrong(&table,
                          "--listen %s: expected ADDRESS:PORT, such as 127.0.0.1:8080 or "
                          "[::1]:8080",
                          options->listen);
}

static int check_auth(const struct options *options)
{
    enum auth_mode mode;
    if (auth_mode_parse(options->auth, &mode) != 0)
        return settings_wrong(&table, "--auth %s: this build has only `none`", options->auth);
    if (options->insecure || listen_is_loopback(options->listen))
        return SETTINGS_GO_ON;
    return settings_wrong(&table,
                          "--listen %s can be reached from other hosts, and with --auth none "
                          "whoever reaches it may do anything; use a loopback address, or say "
                          "--insecure to allow it",
                          options->listen);
}

static int check_origins(const struct options *options)
{
    for (size_t i = 0; i < options->cors_origins.count; i++) {
        const char *origin = options->cors_origins.at[i];
        if (!origin_is_fit(text_of(origin)))
            return settings_wrong(&table,
                                  "--cors-origin %s: expected * or SCHEME://HOST[:PORT] without a "
                                  "path, such as https://app.example",
                                  origin);
    }
    return SETTINGS_GO_ON;
}

int options_load(int argc, char *const argv[], struct options *options_out)
{
    memset(options_out, 0, sizeof *options_out);
    int rc = settings_load(&table, argc, argv, options_out, NULL);
    if (rc != SETTINGS_GO_ON)
        return rc;
    rc = settings_log(&table, options_out->log_level, options_out->log_format);
    if (rc == SETTINGS_GO_ON)
        rc = check_auth(options_out);
    if (rc == SETTINGS_GO_ON)
        rc = check_origins(options_out);
    if (rc != SETTINGS_GO_ON)
        options_fini(options_out);
    return rc;
}

void options_fini(struct options *options)
{
    settings_fini(&table, options);
}
