/* One handle: connecting, waiting for answers, and words for what went wrong.
 * Must never call back into the program, and never leave a failure without words.
 */
#include "client/handle.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"

#define DEFAULT_BROKER "tcp://127.0.0.1:5570"

#ifndef REEVE_VERSION
#define REEVE_VERSION "0"
#endif

/* --- words ------------------------------------------------------------------------------------ */

const char *reeve_code_name(int code)
{
    switch (code) {
    case REEVE_TIMEOUT:
        return "TIMEOUT";
    case REEVE_STOPPED:
        return "STOPPED";
    case REEVE_BUSY:
        return "BUSY";
    case REEVE_NO_MEMORY:
        return "NO_MEMORY";
    case REEVE_SYSTEM:
        return "SYSTEM";
    default:
        return code >= 0 && code < WIRE_ERROR_COUNT ? wire_error_code((enum wire_error)code)
                                                    : "UNKNOWN";
    }
}

const char *reeve_version(void)
{
    return REEVE_VERSION;
}

const struct reeve_error *reeve_error(const struct reeve *reeve)
{
    return &reeve->error;
}

int handle_fail(struct reeve *reeve, int code, const char *field, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(reeve->message, sizeof reeve->message, fmt, args);
    va_end(args);
    snprintf(reeve->field, sizeof reeve->field, "%s", field);
    snprintf(reeve->name, sizeof reeve->name, "%s", reeve_code_name(code));
    reeve->job[0] = '\0';
    reeve->error =
        (struct reeve_error){code, reeve->name, reeve->message, reeve->field, reeve->job};
    return code;
}

/* What only the library handles is never told: to a program it means another version. */
int handle_code_of(struct text code)
{
    enum wire_error error = wire_error_of(code);
    if (error == WIRE_UNKNOWN_MESSAGE || error == WIRE_UNSUPPORTED_VERSION)
        return REEVE_UNSUPPORTED_VERSION;
    return error == WIRE_UNKNOWN_SESSION ? REEVE_UNAVAILABLE : (int)error;
}

struct wire_fault handle_fault_of(const struct msg_error *error)
{
    return (struct wire_fault){
        .code = error->code, .message = error->message, .field = error->field, .job = error->job};
}

int handle_fail_wire(struct reeve *reeve, const struct wire_fault *error)
{
    int code = handle_code_of(error->code);
    char field[NAME_LEN_MAX + 1];
    snprintf(field, sizeof field, "%.*s", (int)error->field.len, error->field.at);
    handle_fail(reeve, code, field, "%.*s", (int)error->message.len, error->message.at);
    if (!uuid_is_null(&error->job))
        uuid_format(&error->job, reeve->job);
    if (code == REEVE_SERVER_ERROR) /* may be a code that this library does not know yet */
        snprintf(reeve->name, sizeof reeve->name, "%.*s", (int)error->code.len, error->code.at);
    return code;
}

static int fail_refused(struct reeve *reeve)
{
    const struct fault *why = conn_refusal(reeve->conn);
    if (!why)
        return handle_fail(reeve, REEVE_UNAVAILABLE, "", "the broker at %s refused the session",
                           reeve->broker);
    return handle_fail(reeve, handle_code_of(text_of(wire_error_code(why->error))), "",
                       "the broker at %s refuses us: %s", reeve->broker, why->problem);
}

int handle_fail_memory(struct reeve *reeve)
{
    return handle_fail(reeve, REEVE_NO_MEMORY, "", "out of memory");
}

int handle_fail_status(struct reeve *reeve, int status)
{
    switch (status) {
    case -ETIMEDOUT:
        if (conn_is_up(reeve->conn))
            return handle_fail(reeve, REEVE_TIMEOUT, "", "no answer within %.3g s",
                               reeve->timeout_ms / 1000.0);
        return handle_fail(reeve, REEVE_UNAVAILABLE, "", "no broker at %s within %.3g s%s%s",
                           reeve->broker, reeve->timeout_ms / 1000.0,
                           conn_hint(reeve->conn)[0] ? ": " : "", conn_hint(reeve->conn));
    case -ECONNREFUSED:
        return fail_refused(reeve);
    case -EMSGSIZE:
        return handle_fail(reeve, REEVE_PAYLOAD_TOO_LARGE, "",
                           "the request is larger than the %llu bytes that the broker takes",
                           (unsigned long long)conn_limits(reeve->conn).message_size_max);
    case -EPROTO:
        return handle_fail(reeve, REEVE_SERVER_ERROR, "", "the broker's answer cannot be read");
    case -ENOMEM:
        return handle_fail_memory(reeve);
    default:
        return handle_fail(reeve, REEVE_SYSTEM, "", "the connection failed: %s", strerror(-status));
    }
}

/* --- the handle ------------------------------------------------------------------------------- */

static uint32_t within(uint32_t value, uint32_t preset, uint32_t max)
{
    return value == 0 ? preset : value < max ? value : max;
}

int reeve_check_keys(const struct reeve_options *options, char *problem, size_t size)
{
    struct client_curve curve;
    int rc = client_curve_load(options->curve_key, options->curve_server, &curve, problem, size);
    client_curve_wipe(&curve);
    return rc < 0 ? REEVE_UNAUTHORIZED : REEVE_OK;
}

static int open_handle(const struct reeve_options *options, const struct client_curve *curve,
                       struct reeve *reeve)
{
    const char *broker = options->broker ? options->broker : DEFAULT_BROKER;
    const struct conn_options conn_options = {.broker = broker,
                                              .events = options->events,
                                              .role = options->role,
                                              .owner = options->owner,
                                              .curve = curve,
                                              .program = options->program};
    snprintf(reeve->broker, sizeof reeve->broker, "%s", broker);
    reeve->timeout_ms = within(options->timeout_ms, HANDLE_TIMEOUT_MS, CONN_CALL_MS_MAX);
    reeve->window = within(options->window, HANDLE_WINDOW, HANDLE_WINDOW_MAX);
    reeve->batch = within(options->batch, HANDLE_BATCH, BATCH_JOBS_MAX);
    handle_fail(reeve, REEVE_OK, "", "%s", "");
    return conn_open(&conn_options, &reeve->conn);
}

int reeve_connect(const struct reeve_options *options, struct reeve **reeve_out)
{
    const struct reeve_options defaults = {0};
    struct client_curve curve;
    char problem[64];
    *reeve_out = NULL;
    options = options ? options : &defaults;
    if (client_curve_load(options->curve_key, options->curve_server, &curve, problem,
                          sizeof problem) < 0)
        return REEVE_UNAUTHORIZED;
    struct reeve *reeve = calloc(1, sizeof *reeve);
    int rc = reeve ? open_handle(options, &curve, reeve) : -ENOMEM;
    client_curve_wipe(&curve);
    if (rc == 0) {
        *reeve_out = reeve;
        return REEVE_OK;
    }
    free(reeve);
    return rc == -ENOMEM                       ? REEVE_NO_MEMORY
           : rc == -EMFILE || rc == -ESHUTDOWN ? REEVE_SYSTEM
                                               : REEVE_INVALID_REQUEST;
}

void reeve_close(struct reeve **reeve)
{
    if (!*reeve)
        return;
    conn_close(&(*reeve)->conn);
    free(*reeve);
    *reeve = NULL;
}

void reeve_free(void *memory)
{
    free(memory);
}

struct uuid handle_new_id(struct reeve *reeve)
{
    return uuid_next(&reeve->ids, clock_wall_ms(), random_u64());
}

int handle_read_id(struct reeve *reeve, const char *text, struct uuid *id_out)
{
    if (text && uuid_parse(text_of(text), id_out) == 0)
        return REEVE_OK;
    return handle_fail(reeve, REEVE_INVALID_REQUEST, "id", "'%.80s' is no job id",
                       text ? text : "");
}

int handle_enter(struct reeve *reeve)
{
    if (!reeve->inside)
        return REEVE_OK;
    return handle_fail(reeve, REEVE_BUSY, "", "a callback may not use the handle that calls it");
}

/* --- waiting ---------------------------------------------------------------------------------- */

static int wait_ms(uint64_t until_ms, uint64_t now_ms)
{
    if (until_ms <= now_ms)
        return 0;
    return until_ms - now_ms < 60000 ? (int)(until_ms - now_ms) : 60000;
}

int handle_turn(struct reeve *reeve, uint64_t until_ms)
{
    int fds[CONN_FDS_MAX];
    struct pollfd polled[CONN_FDS_MAX];
    uint64_t deadline = conn_next_deadline(reeve->conn);
    size_t count = conn_fds(reeve->conn, fds);
    for (size_t i = 0; i < count; i++)
        polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    poll(polled, count, wait_ms(deadline < until_ms ? deadline : until_ms, clock_mono_ms()));
    int rc = conn_process(reeve->conn, clock_mono_ms());
    return rc < 0 ? handle_fail_status(reeve, rc) : REEVE_OK;
}

/* One call that is waited for. */
struct wait {
    struct reeve *reeve;
    enum message_id expected;
    handle_use *use;
    void *arg;
    int code;
    bool done;
};

static int use_answer(struct wait *wait, const struct message *answer)
{
    if (answer->id == MSG_ERROR) {
        const struct wire_fault fault = handle_fault_of(&answer->error);
        return handle_fail_wire(wait->reeve, &fault);
    }
    if (answer->id != wait->expected)
        return handle_fail(wait->reeve, REEVE_SERVER_ERROR, "", "the broker answered with '%s'",
                           message_name(answer->id));
    return wait->use ? wait->use(wait->arg, wait->reeve, answer) : REEVE_OK;
}

static void on_outcome(void *arg, const struct conn_outcome *outcome)
{
    struct wait *wait = arg;
    wait->done = true;
    wait->reeve->resent = outcome->resent;
    wait->code = outcome->status == 0 ? use_answer(wait, outcome->answer)
                                      : handle_fail_status(wait->reeve, outcome->status);
}

int handle_call(struct reeve *reeve, const struct message *request, enum message_id expected,
                handle_use *use, void *arg)
{
    struct wait wait = {.reeve = reeve, .expected = expected, .use = use, .arg = arg};
    int rc = conn_call_outcome(reeve->conn, request, reeve->timeout_ms, on_outcome, &wait);
    if (rc < 0)
        return handle_fail_status(reeve, rc);
    while (!wait.done) {
        int code = handle_turn(reeve, UINT64_MAX);
        if (code != REEVE_OK) {
            conn_abandon(reeve->conn, &wait);
            return code;
        }
    }
    return wait.code;
}
