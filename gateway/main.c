/* reeve-gateway: connects to the broker, listens, serves until SIGTERM, then ends in order.
 * Must never say `ready` before it answers, nor end while it owes an answer it can still give. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/signals.h"
#include "gateway/api/app.h"
#include "gateway/api/error.h"
#include "gateway/gateway.h"
#include "gateway/link.h"
#include "gateway/stream/follow.h"

enum { OTHER_FILES = 128, LAST_ANSWERS_MS = 2000 };

/* One connection is one file descriptor; the soft limit is often 1,024. */
static void raise_file_limit(const struct options *options)
{
    struct rlimit limit;
    rlim_t wanted = options->connections_max + OTHER_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
        log_warning("few_files",
                    "only %llu open files are allowed: --max-connections %llu can't "
                    "be reached",
                    (unsigned long long)limit.rlim_cur,
                    (unsigned long long)options->connections_max);
}

static int open_listening(struct gateway *gateway)
{
    const struct options *options = &gateway->options;
    int rc = listen_open(options->listen, &gateway->listening);
    if (rc == LISTEN_UNREADABLE)
        return options_wrong_listen(options);
    if (rc == -EADDRINUSE)
        log_error("port_busy", "%s is in use by another program; choose another with --listen",
                  options->listen);
    else if (rc < 0)
        log_error("listen_failed", "%s: %s", options->listen, strerror(-rc));
    return rc;
}

/* Keys that can't be used are wrong configuration. */
static int load_keys(const struct options *options, struct client_curve *curve_out)
{
    char problem[4500];
    if (client_curve_load(options->curve_key, options->curve_server, curve_out, problem,
                          sizeof problem) == 0)
        return 0;
    log_error("key_unusable", "--curve-key, --curve-server: %s", problem);
    return SETTINGS_WRONG;
}

static int open_link(struct gateway *gateway)
{
    const struct options *options = &gateway->options;
    struct client_curve curve;
    int rc = load_keys(options, &curve);
    if (rc != 0)
        return rc;
    const struct link_options wanted = {
        .broker = options->broker,
        .events = options->events,
        .program = "reeve-gateway " REEVE_VERSION,
        .curve = &curve,
        .calls_max = (uint32_t)options->calls_max,
        .answer_ms = options->answer_ms,
        .away_ms = options->away_ms,
    };
    rc = link_open(&wanted, &gateway->link);
    client_curve_wipe(&curve);
    if (rc == 0)
        rc = follows_new(gateway->link, (uint32_t)options->beat_ms, (uint32_t)options->stall_ms,
                         &gateway->follows);
    if (rc == 0)
        rc = link_start(gateway->link);
    if (rc < 0)
        log_error("link_failed", "--broker %s%s%s: %s", options->broker,
                  options->events ? " --events " : "", options->events ? options->events : "",
                  strerror(-rc));
    return rc;
}

static int open_server(struct gateway *gateway)
{
    const struct options *options = &gateway->options;
    const struct server_config config = {
        .listen_fd = gateway->listening.fd,
        .threads = (unsigned)options->threads,
        .log_access = options->access_log,
        .app = api_app(gateway),
        .connections =
            {
                .patience_ms = {[PHASE_IDLE] = options->idle_ms,
                                [PHASE_HEAD] = options->head_ms,
                                [PHASE_BODY] = options->body_ms,
                                [PHASE_REPLY] = options->reply_ms},
                .count_max = options->connections_max,
                .per_address_max = options->per_address_max,
                .slow_answer = api_slow_answer(),
            },
    };
    int rc = server_start(&config, &gateway->server);
    if (rc == 0)
        gateway->listening.fd = -1; /* the server's now */
    else
        log_error("server_failed", "the HTTP server can't be started: %s", strerror(-rc));
    return rc;
}

static int start(struct gateway *gateway)
{
    raise_file_limit(&gateway->options);
    gateway->signal_fd = signals_open();
    if (gateway->signal_fd < 0)
        return gateway->signal_fd;
    int rc = open_listening(gateway);
    if (rc != 0)
        return rc;
    gateway->auth = (struct auth){
        .mode = AUTH_none,
        .loopback = gateway->listening.loopback,
        .origins = &gateway->options.cors_origins,
    };
    auth_mode_parse(gateway->options.auth, &gateway->auth.mode);
    rc = open_link(gateway);
    return rc == 0 ? open_server(gateway) : rc;
}

static void say_ready(const struct gateway *gateway)
{
    char text[LISTEN_TEXT_SIZE + 32];
    snprintf(text, sizeof text, "listen=http://%s", gateway->listening.text);
    notify_ready(text);
}

/* SIGHUP has nothing to do yet. 0; -EACCES: the broker does not let us in. */
static int wait_for_end(const struct gateway *gateway)
{
    for (;;) {
        struct pollfd fds[] = {{.fd = gateway->signal_fd, .events = POLLIN},
                               {.fd = link_refused_fd(gateway->link), .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return -errno;
        if (fds[1].revents)
            return -EACCES;
        int signal = signals_read(gateway->signal_fd);
        if (signal == SIGTERM || signal == SIGINT || signal < 0)
            return 0;
    }
}

/* Lets what runs be answered. */
static void drain(struct server *server, uint64_t patience_ms)
{
    uint64_t deadline_ms = clock_mono_ms() + patience_ms;
    while (server_active(server) > 0 && clock_mono_ms() < deadline_ms)
        poll(NULL, 0, 10);
}

/* In this order: no new connections; streams end; what runs is answered, for a while; then the
 * rest is refused; then nothing waits any more and the server may stop, and after it the link, to
 * which ended streams still say goodbye. */
static void stop(struct gateway *gateway)
{
    notify_stopping();
    if (gateway->server) {
        server_quiesce(gateway->server);
        follows_end(gateway->follows);
        drain(gateway->server, gateway->options.drain_ms);
        link_close(gateway->link);
        drain(gateway->server, LAST_ANSWERS_MS);
        server_stop(&gateway->server);
    }
    link_stop(&gateway->link);
    follows_destroy(&gateway->follows);
    if (gateway->listening.fd >= 0)
        close(gateway->listening.fd);
    if (gateway->signal_fd >= 0)
        close(gateway->signal_fd);
    options_fini(&gateway->options);
}

int main(int argc, char *argv[])
{
    struct gateway gateway = {.signal_fd = -1, .listening = {.fd = -1}};
    int rc = options_load(argc, argv, &gateway.options);
    if (rc != SETTINGS_GO_ON)
        return settings_exit(rc);
    rc = start(&gateway);
    if (rc == 0) {
        say_ready(&gateway);
        rc = wait_for_end(&gateway);
    }
    stop(&gateway);
    return rc == 0 ? 0 : rc == SETTINGS_WRONG ? 2 : 1;
}
