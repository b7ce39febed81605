/* Runs trace files against the real core over a real store: a person reads them as a story.
 *
 * A trace is a text file. Lines that the runner takes as what happens:
 *     [12.5] w1 > heartbeat {"slots":2}        peer w… (workers) or c… (clients) sends a message
 *     [12.5] tick                              nothing but time
 *     [12.5] away                              the broker did not run since the line before
 *     [12.5] subscribe J1                      somebody watches the job
 *     [12.5] key w1 worker - K1                w1 proves from now on that it holds the key K1,
 *                                              listed with this role and owner (-: none)
 *     [12.5] revoke K1                         the key is taken off the list
 *     [12.5] lost w1                           what is sent to w1 fails until its next word
 *     [12.5] unsent w1                         the same, and so did the last dispatch to it
 *     [12.5] restart                           the broker is killed and started again
 *     [12.5] full / room                       the disk is full, has room again
 *     [12.5] clock -3600                       the clock of day is set by so many seconds
 * and lines that it writes itself behind them, which are the expectation: messages sent
 * (`[12.5] w1 < dispatch {…}`) and published (`[12.5] * event_is {…}`). Comments (#) and blank
 * lines stay. Ids are names: J1, J2, … in order of appearance for jobs; any other capital-digit
 * name in what happens (S1, X1) is an id of its own. Between two lines the core is called when it
 * asked to be, as the server does. Time is seconds; the clock of day starts at
 * 2030-01-01T00:00:00Z. After each step the store's invariants are checked.
 *
 *     trace_run FILE...            runs; says where it differs; exit 1
 *     trace_run --update FILE...   writes what happened into the files instead: read the diff
 *     trace_run --damage FILE...   also damages the store, row by row, now and then and at the end,
 *                                  and wants the check to notice */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/file.h"
#include "broker/core/check.h"
#include "broker/core/core.h"
#include "broker/store/store_mem.h"
#include "proto/json.h"
#include "tests/lib/hand_zones.h"
#include "tests/trace/damage.h"

#define WALL_START UINT64_C(1893456000000) /* 2030-01-01T00:00:00Z */

enum { NAMES_MAX = 64, PEERS_MAX = 16, DAMAGE_EACH = 8 };

struct name {
    char word[8];
    char id[UUID_TEXT_LEN + 1];
};

/* What a peer has proved to be; `key` padded to a key's length. */
struct proof {
    char key[AUTH_KEY_LEN + 1], owner[32];
    struct core_auth auth;
};

struct trace {
    struct store *store;
    struct core *core;
    struct effects effects;
    struct buf out;
    struct name names[NAMES_MAX];
    size_t name_count, job_count;
    char peers[PEERS_MAX][8];
    struct proof proofs[PEERS_MAX];
    size_t peer_count;
    uint64_t dispatches[PEERS_MAX]; /* the number of the last dispatch to each */
    char lost[8];
    bool full;
    uint64_t steps;
    bool damage; /* plant some, too */
    uint64_t planted;
    int missed;
    int64_t wall_step; /* how far the clock of day has been set */
    char clock[24];
    const char *path;
};

static uint64_t wall_at(const struct trace *trace, uint64_t ms)
{
    return (uint64_t)((int64_t)(WALL_START + ms) + trace->wall_step);
}

static void start(struct trace *trace, uint64_t mono_ms)
{
    struct core_config config;
    core_config_init(&config);
    config.program = TEXT("reeve-broker test");
    config.events_endpoint = TEXT("tcp://127.0.0.1:5572");
    config.broker.at[15] = 1;
    config.zones = hand_zones();
    struct core_now now = {1000 + mono_ms, wall_at(trace, mono_ms), 7};
    CHECK(core_new(&config, trace->store, now, &trace->core) == 0);
}

/* --- names for ids --------------------------------------------------------------------------- */

static const char *name_of(struct trace *trace, const char *id)
{
    for (size_t i = 0; i < trace->name_count; i++)
        if (strncmp(trace->names[i].id, id, UUID_TEXT_LEN) == 0)
            return trace->names[i].word;
    CHECK(trace->name_count < NAMES_MAX);
    struct name *name = &trace->names[trace->name_count++];
    snprintf(name->word, sizeof name->word, "J%u", (unsigned)++trace->job_count);
    memcpy(name->id, id, UUID_TEXT_LEN);
    return name->word;
}

static const char *id_of(struct trace *trace, const char *word, size_t len)
{
    for (size_t i = 0; i < trace->name_count; i++)
        if (strlen(trace->names[i].word) == len && memcmp(trace->names[i].word, word, len) == 0)
            return trace->names[i].id;
    CHECK(trace->name_count < NAMES_MAX && len < sizeof trace->names[0].word);
    struct name *name = &trace->names[trace->name_count++];
    memcpy(name->word, word, len);
    struct uuid id = uuid_v7(WALL_START, 0, trace->name_count);
    uuid_format(&id, name->id);
    return name->id;
}

static bool is_id(const char *at)
{
    for (int i = 0; i < UUID_TEXT_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? at[i] != '-' : !isxdigit((unsigned char)at[i]))
            return false;
    }
    return true;
}

/* Copies `in` with ids as names and the day left out of times. */
static void put_named(struct trace *trace, const char *in)
{
    static const char day[] = "2030-01-01T";
    while (*in) {
        if (strlen(in) >= UUID_TEXT_LEN && is_id(in)) {
            CHECK(buf_append_text(&trace->out, text_of(name_of(trace, in))) == 0);
            in += UUID_TEXT_LEN;
        } else if (strncmp(in, day, sizeof day - 1) == 0) {
            in += sizeof day - 1;
        } else {
            CHECK(buf_append(&trace->out, in++, 1) == 0);
        }
    }
}

/* Copies `in` with quoted names as ids. */
static void put_ids(struct trace *trace, const char *in, struct buf *out)
{
    for (; *in; in++) {
        size_t len = 1;
        if (*in == '"' && isupper((unsigned char)in[1]))
            while (isdigit((unsigned char)in[1 + len]))
                len++;
        CHECK(buf_append(out, in, 1) == 0);
        if (len > 1 && in[1 + len] == '"') {
            CHECK(buf_append_text(out, text_of(id_of(trace, in + 1, len))) == 0);
            in += len;
        }
    }
}

/* --- what comes out -------------------------------------------------------------------------- */

static void put_effect(struct trace *trace, const struct effect *effect)
{
    struct slice frame = {trace->effects.bytes.at + effect->offset, effect->len};
    struct message message;
    struct fault fault;
    struct buf json = {0};
    const char *peer = effect->kind == EFFECT_PUBLISH ? "*" : trace->peers[effect->peer - 1];
    if (effect->kind == EFFECT_FORGET) {
        CHECK(buf_printf(&trace->out, "[%s] %s forgotten\n", trace->clock, peer) == 0);
        return;
    }
    CHECK(message_decode(frame, &message, &fault) == 0);
    CHECK(json_from_shape(frame, message_shape(message.id), &json) == 0);
    CHECK(buf_append(&json, "", 1) == 0);
    CHECK(buf_printf(&trace->out, "[%s] %s %s%s {", trace->clock, peer,
                     effect->kind == EFFECT_PUBLISH ? "" : "< ", message_name(message.id)) == 0);
    const char *rest = strchr((char *)json.at, ','); /* the key msg is said already */
    put_named(trace, rest ? rest + 1 : "}");
    CHECK(buf_append(&trace->out, "\n", 1) == 0);
    buf_fini(&json);
}

static void put_effects(struct trace *trace)
{
    for (size_t i = 0; i < trace->effects.count; i++) {
        const struct effect *effect = &trace->effects.at[i];
        put_effect(trace, effect);
        if (effect->dispatch)
            trace->dispatches[effect->peer - 1] = effect->dispatch;
    }
}

/* --- what goes in ---------------------------------------------------------------------------- */

static uint32_t peer_of(struct trace *trace, const char *word)
{
    for (size_t i = 0; i < trace->peer_count; i++)
        if (strcmp(trace->peers[i], word) == 0)
            return (uint32_t)i + 1;
    CHECK(trace->peer_count < PEERS_MAX);
    snprintf(trace->peers[trace->peer_count], sizeof trace->peers[0], "%s", word);
    return (uint32_t)++trace->peer_count;
}

static void say_violation(void *context, const char *line)
{
    struct trace *trace = context;
    fprintf(stderr, "%s: [%s] %s\n", trace->path, trace->clock, line);
}

static void check_store(struct trace *trace)
{
    struct store_snapshot *snapshot;
    CHECK(store_snapshot_open(trace->store, &snapshot) == 0);
    int violations = core_check(snapshot, say_violation, trace, NULL);
    store_snapshot_close(&snapshot);
    CHECK(violations >= 0);
    if (violations > 0)
        exit(1);
}

static const struct core_auth *auth_of(struct trace *trace, uint32_t peer)
{
    struct proof *proof = &trace->proofs[peer - 1];
    proof->auth.key = text_of(proof->key);
    proof->auth.owner = text_of(strcmp(proof->owner, "-") == 0 ? "" : proof->owner);
    return proof->key[0] ? &proof->auth : NULL;
}

static void pad_key(const char *word, char key[AUTH_KEY_LEN + 1])
{
    size_t len = strlen(word);
    CHECK(len < AUTH_KEY_LEN);
    memset(key, '0', AUTH_KEY_LEN);
    memcpy(key, word, len);
    key[AUTH_KEY_LEN] = '\0';
}

static void prove(struct trace *trace, const char *peer, const char *role, const char *owner,
                  const char *word)
{
    struct proof *proof = &trace->proofs[peer_of(trace, peer) - 1];
    proof->auth.listed = true;
    CHECK(role_parse(text_of(role), &proof->auth.role));
    snprintf(proof->owner, sizeof proof->owner, "%s", owner);
    pad_key(word, proof->key);
}

static void run_batch(struct trace *trace, struct core_event *event)
{
    effects_clear(&trace->effects);
    trace->effects.watched = true;
    CHECK(store_begin(trace->store) == 0);
    CHECK(core_step(trace->core, event, &trace->effects) == 0);
    event->now.random++;
    CHECK(core_settle(trace->core, event->now, &trace->effects) == 0);
    CHECK(store_commit(trace->store) == 0);
    put_effects(trace);
    check_store(trace);
    if (trace->damage && trace->steps % DAMAGE_EACH == 0)
        trace->missed += damage_everywhere(trace->store, &trace->planted);
}

static void send_message(struct trace *trace, struct core_event *event, const char *peer,
                         const char *name, const char *fields)
{
    struct buf json = {0}, frame = {0};
    struct message message;
    struct fault fault;
    bool empty = fields[1] == '}';
    CHECK(fields[0] == '{');
    CHECK(buf_printf(&json, "{\"msg\":\"%s\"%s", name, empty ? "" : ",") == 0);
    put_ids(trace, fields + 1, &json);
    if (json_to_msgpack(buf_text(&json), &frame, &fault) != 0) {
        fprintf(stderr, "%s: [%s] is no JSON: %s\n", trace->path, trace->clock, fault.problem);
        exit(1);
    }
    event->kind = CORE_MESSAGE;
    event->socket = peer[0] == 'w' ? CORE_WORKERS : CORE_CLIENTS;
    event->peer = peer_of(trace, peer);
    event->auth = auth_of(trace, event->peer);
    event->message = &message;
    if (message_decode(buf_slice(&frame), &message, &fault) != 0) {
        event->kind = CORE_BAD_MESSAGE;
        event->fault = &fault;
        event->request = message.envelope.request;
    }
    run_batch(trace, event);
    buf_fini(&json);
    buf_fini(&frame);
}

static void revoke(struct trace *trace, struct core_event *event, const char *word)
{
    char key[AUTH_KEY_LEN + 1];
    pad_key(word, key);
    for (size_t i = 0; i < trace->peer_count; i++)
        if (strcmp(trace->proofs[i].key, key) == 0)
            trace->proofs[i].auth.listed = false;
    struct text revoked = text_of(key);
    event->kind = CORE_REVOKED;
    event->keys = &revoked;
    event->key_count = 1;
    run_batch(trace, event);
}

static void take_line(struct trace *trace, struct core_event *event, const char *what)
{
    char peer[8], name[32], word[8], role[16];
    int at = 0;
    if (sscanf(what, "%7s > %31s %n", peer, name, &at) == 2 && at > 0) {
        send_message(trace, event, peer, name, what[at] ? what + at : "{}");
    } else if (sscanf(what, "subscribe %7s", word) == 1) {
        struct text id = text_of(id_of(trace, word, strlen(word)));
        event->kind = CORE_SUBSCRIBED;
        CHECK(uuid_parse(id, &event->topic) == 0);
        run_batch(trace, event);
    } else if (sscanf(what, "key %7s %15s %31s %7s", peer, role, name, word) == 4) {
        prove(trace, peer, role, name, word);
    } else if (sscanf(what, "revoke %7s", word) == 1) {
        revoke(trace, event, word);
    } else if (sscanf(what, "lost %7s", word) == 1 || sscanf(what, "unsent %7s", word) == 1) {
        event->kind = CORE_SEND_FAILED;
        event->socket = word[0] == 'w' ? CORE_WORKERS : CORE_CLIENTS;
        event->peer = peer_of(trace, word);
        event->unsent = what[0] == 'u' ? trace->dispatches[event->peer - 1] : 0;
        run_batch(trace, event);
    } else if (strcmp(what, "tick") == 0 || strcmp(what, "away") == 0) {
        event->kind = CORE_TICK;
        run_batch(trace, event);
    } else if (strcmp(what, "restart") == 0) {
        core_destroy(&trace->core);
        store_mem_crash(trace->store);
        start(trace, event->now.mono_ms - 1000);
    } else if (sscanf(what, "clock %d", &at) == 1) {
        trace->wall_step += (int64_t)at * 1000;
    } else {
        trace->full = strcmp(what, "full") == 0;
        CHECK(trace->full || strcmp(what, "room") == 0);
    }
}

static bool is_expectation(const char *line)
{
    char peer[8], mark[16];
    if (sscanf(line, "[%*[^]]] %7s %15s", peer, mark) != 2)
        return false;
    return strcmp(peer, "*") == 0 || strcmp(mark, "<") == 0 || strcmp(mark, "forgotten") == 0;
}

static struct core_event event_at(struct trace *trace, uint64_t ms)
{
    return (struct core_event){.now = {1000 + ms, wall_at(trace, ms), ++trace->steps * 1000},
                               .free_bytes = trace->full ? 0 : UINT64_MAX};
}

/* Calls the core at its deadlines until `ms`, as the server does. */
static void let_time_pass(struct trace *trace, uint64_t ms)
{
    char clock[sizeof trace->clock];
    memcpy(clock, trace->clock, sizeof clock);
    for (int ticks = 0; core_next_deadline(trace->core) < 1000 + ms; ticks++) {
        CHECK(ticks < 1000);
        uint64_t at = core_next_deadline(trace->core) - 1000;
        struct core_event event = event_at(trace, at);
        event.kind = CORE_TICK;
        snprintf(trace->clock, sizeof trace->clock, "%g", (double)at / 1000.0);
        run_batch(trace, &event);
    }
    memcpy(trace->clock, clock, sizeof clock);
}

static void run_line(struct trace *trace, const char *line)
{
    int at = 0;
    if (is_expectation(line))
        return;
    bool happens = sscanf(line, " [%23[0-9.]] %n", trace->clock, &at) == 1 && at > 0;
    uint64_t ms = happens ? (uint64_t)(strtod(trace->clock, NULL) * 1000 + 0.5) : 0;
    if (happens && strcmp(line + at, "away") != 0)
        let_time_pass(trace, ms);
    CHECK(buf_printf(&trace->out, "%s\n", line) == 0);
    if (!happens)
        return;
    struct core_event event = event_at(trace, ms);
    take_line(trace, &event, line + at);
}

static void say_difference(const char *path, const char *expected, const char *happened)
{
    int line = 1;
    while (*expected && *expected == *happened) {
        line += *expected == '\n';
        expected++;
        happened++;
    }
    while (expected[-1] != '\n')
        expected--, happened--;
    fprintf(stderr, "%s:%d: expected\n  %.*s\nbut this happened\n  %.*s\n", path, line,
            (int)strcspn(expected, "\n"), expected, (int)strcspn(happened, "\n"), happened);
}

static int run_file(const char *path, bool update, bool damage)
{
    struct trace trace = {.path = path, .store = store_mem_new(), .damage = damage};
    struct buf file = {0};
    CHECK(trace.store);
    CHECK(file_read_all(path, 1 << 20, &file) == 0 && buf_append(&file, "", 1) == 0);
    snprintf(trace.names[0].word, sizeof trace.names[0].word, "broker");
    snprintf(trace.names[0].id, sizeof trace.names[0].id, "00000000-0000-0000-0000-000000000001");
    trace.name_count = 1;
    start(&trace, 0);
    char *copy = strdup((char *)file.at), *rest = copy, *line;
    while ((line = strsep(&rest, "\n")) && (rest || *line))
        run_line(&trace, line);
    CHECK(buf_append(&trace.out, "", 1) == 0);
    bool same = strcmp((char *)file.at, (char *)trace.out.at) == 0;
    if (!same && update)
        CHECK(file_write_atomic(path, (struct slice){trace.out.at, trace.out.len - 1}, 0644) == 0);
    else if (!same)
        say_difference(path, (char *)file.at, (char *)trace.out.at);
    printf("%s %s\n", same ? "good   " : update ? "updated" : "FAILED ", path);
    free(copy);
    if (damage) {
        trace.missed += damage_everywhere(trace.store, &trace.planted);
        printf("        %llu rows damaged, %d not noticed\n", (unsigned long long)trace.planted,
               trace.missed);
    }
    core_destroy(&trace.core);
    store_close(&trace.store);
    effects_fini(&trace.effects);
    buf_fini(&trace.out);
    buf_fini(&file);
    return (same || update) && trace.missed == 0 && (!damage || trace.planted > 0) ? 0 : 1;
}

int main(int argc, char **argv)
{
    int first = 1, failed = 0;
    bool update = argc > 1 && strcmp(argv[1], "--update") == 0;
    bool damage = argc > 1 && strcmp(argv[1], "--damage") == 0;
    for (first += update || damage; first < argc; first++)
        failed += run_file(argv[first], update, damage);
    return failed ? 1 : 0;
}
