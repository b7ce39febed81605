/* The loop around a client's session. What it asks is in actions.c. */
#include "tests/sim/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tests/sim/client_parts.h"
#include "tests/sim/names.h"
#include "tests/sim/trace.h"

enum { PATIENCE_MS = 60 * 1000 };

static void receive(void *owner, struct slice frame);
static void wake(void *arg);

static uint64_t mono_ms(const struct client *client)
{
    return client->world->now + 500;
}

static void start(struct client *client)
{
    struct world *world = client->world;
    struct stream *stream = &client->stream;
    if (uuid_is_null(&client->id) || chance(stream, 50))
        client->id = uuid_v7(wall_ms(world), draw(stream, 4096), draw(stream, UINT64_MAX));
    struct client_session_config config = {.id = client->id,
                                           .epoch = ++client->epoch,
                                           .role = client->role,
                                           .owner = client->owner,
                                           .program = TEXT("sim"),
                                           .requests_max = ASKS_MAX,
                                           .bytes_max = 1 << 20,
                                           .always_ping = chance(stream, 20) &&
                                                          !has_feature(world, FEATURE_nights)};
    CHECK(client_session_new(&config, &client->session) == 0);
    net_open(&client->line);
    world_at(world, &client->wake, world->now);
}

struct client *sim_client_new(struct world *world, size_t index)
{
    static const char *const roles[] = {"admin", "producer", "gateway"};
    struct client *client = calloc(1, sizeof *client);
    CHECK(client);
    client->world = world;
    client->stream = stream_of(world->seed, 0x4000 + index);
    client->role = text_of(roles[index % 3]);
    client->owner = owner_name(index);
    client->is_gateway = index % 3 == 2;
    client->line =
        (struct line){.world = world, .socket = CORE_CLIENTS, .receive = receive, .owner = client};
    snprintf(client->line.name, sizeof client->line.name, "c%u", (unsigned)index % 100 + 1);
    client->wake = (struct occurrence){.happen = wake, .arg = client};
    client->jobs_max = has_feature(world, FEATURE_flood) ? 60 : 20;
    client->act_at = world->now + draw_wait(&client->stream, world->heartbeat_ms);
    start(client);
    return client;
}

void sim_client_destroy(struct client **client_at)
{
    struct client *client = *client_at;
    *client_at = NULL;
    world_never(client->world, &client->wake);
    client_session_destroy(&client->session);
    net_close(&client->line);
    buf_fini(&client->list);
    free(client);
}

void sim_client_kill(struct client *client)
{
    trace_note(client->world, "%s starts anew", client->line.name);
    client_session_destroy(&client->session);
    net_close(&client->line);
    for (size_t i = 0; i < ASKS_MAX; i++)
        client->asks[i].open = false;
    start(client);
}

void sim_client_break_line(struct client *client)
{
    trace_note(client->world, "the line of %s breaks", client->line.name);
    net_break(&client->line);
}

void sim_client_cut_line(struct client *client, uint64_t ms)
{
    trace_note(client->world, "the line of %s is cut", client->line.name);
    client->line.cut_until = client->world->now + ms;
}

void sim_client_rest(struct client *client, uint64_t until)
{
    client->act_at = until;
    if (client->world->healing)
        client->line.cut_until = 0;
    world_at(client->world, &client->wake, client->world->now);
}

/* --- asking ----------------------------------------------------------------------------------- */

struct text sim_client_owner(struct client *client)
{
    return client->is_gateway ? owner_name(draw(&client->stream, OWNERS)) : client->owner;
}

bool sim_client_ask(struct client *client, struct message *message, const struct ask *ask)
{
    struct world *world = client->world;
    uint64_t patience = draw_wait(&client->stream, 30000 + world->lost_after_ms);
    for (size_t i = 0; i < ASKS_MAX; i++) {
        struct ask *slot = &client->asks[i];
        if (slot->open)
            continue;
        *slot = *ask;
        slot->id = message->id;
        slot->asked_at = world->now;
        if (world->healing)
            patience = 600000;
        int rc = client_session_request(client->session, mono_ms(client), message,
                                        mono_ms(client) + patience, slot);
        CHECK(rc == 0 || rc == -EAGAIN);
        slot->open = rc == 0;
        return rc == 0;
    }
    return false;
}

void sim_client_submit(struct client *client, struct deed *deed)
{
    struct message message = {.id = MSG_SUBMIT};
    if (client->is_gateway)
        message.envelope.owner = deed->owner;
    message.submit.jobs = buf_slice(&deed->jobs);
    message.submit.partial = deed->partial;
    message.submit.whole = chance(&client->stream, 30);
    message.submit.idempotency_key = text_of(deed->key);
    if (!deed->key[0])
        message.submit.idempotency_key = (struct text){0};
    if (!sim_client_ask(client, &message, &(struct ask){.deed = deed}))
        return;
    deed->asked++;
    deed->never = false;
}

/* --- ends ------------------------------------------------------------------------------------- */

static bool is_answer_to(const struct ask *ask, const struct message *answer)
{
    switch (ask->id) {
    case MSG_SUBMIT:
        return answer->id == MSG_SUBMITTED;
    case MSG_GET_JOB:
    case MSG_CANCEL:
    case MSG_RETRY:
        return answer->id == MSG_JOB_IS;
    case MSG_DELETE:
        return answer->id == MSG_DELETED && uuid_eq(&answer->deleted.id, &ask->job);
    case MSG_LIST_JOBS:
        return answer->id == MSG_JOBS;
    case MSG_GET_EVENTS:
        return answer->id == MSG_EVENTS;
    case MSG_GET_LOGS:
        return answer->id == MSG_LOGS;
    case MSG_GET_REVS:
        return answer->id == MSG_REVS;
    case MSG_GET_RESULT:
        return answer->id == MSG_RESULT && uuid_eq(&answer->result.id, &ask->job);
    default:
        return true;
    }
}

static void check_job_is(struct client *client, const struct ask *ask,
                         const struct msg_job_is *job_is)
{
    struct wire_job job;
    struct fault fault;
    struct world *world = client->world;
    DEMAND(world, shape_decode(job_is->job, &shape_job, KEYS_NAMES, &job, &fault) == 0,
           "a job can be read");
    DEMAND(world, uuid_eq(&job.id, &ask->job), "an answer is about what was asked");
    DEMAND(world, ask->id != MSG_CANCEL || job.status == JOB_CANCELLED,
           "what is answered to be cancelled is");
}

static void on_answer(struct client *client, const struct ask *ask, const struct message *answer)
{
    struct world *world = client->world;
    if (answer->id == MSG_ERROR) {
        if (ask->deed)
            oracle_refused(world, ask->deed, &answer->error);
        return;
    }
    DEMAND(world, is_answer_to(ask, answer), "an answer is to its own request (%s to %s)",
           message_name(answer->id), message_name(ask->id));
    if (answer->id == MSG_JOB_IS)
        check_job_is(client, ask, &answer->job_is);
    if (answer->id == MSG_SUBMITTED)
        oracle_answered(world, ask->deed, answer->submitted.jobs);
}

static void on_end(struct client *client, const struct client_session_end *end)
{
    struct ask *ask = end->tag;
    struct world *world = client->world;
    DEMAND(world, ask->open, "a request ends once");
    ask->open = false;
    if (end->status == 0) {
        on_answer(client, ask, end->answer);
        return;
    }
    trace_note(world, "%s: a request ends without an answer", client->line.name);
    if (ask->deed && ask->deed->asked == 1 && end->sends == 0) {
        DEMAND(world, ask->deed->wishes[0].born == 0, "what was never sent has no effect");
        ask->deed->never = true;
    }
    if (ask->deed && chance(&client->stream, 60))
        sim_client_submit(client, ask->deed);
}

static void pump(struct client *client)
{
    struct slice frame;
    struct client_session_end end;
    while (client_session_next_ended(client->session, mono_ms(client), &end))
        on_end(client, &end);
    while (client_session_next_send(client->session, &frame)) {
        net_say(&client->line, frame);
        client_session_sent(client->session, mono_ms(client));
    }
    uint64_t next = client_session_next_deadline(client->session);
    uint64_t at = next == UINT64_MAX ? next : next > 500 ? next - 500 : 0;
    at = client->act_at < at ? client->act_at : at;
    if (at == UINT64_MAX)
        world_never(client->world, &client->wake);
    else
        world_at(client->world, &client->wake, at > client->world->now ? at : client->world->now);
}

static void receive(void *owner, struct slice frame)
{
    struct client *client = owner;
    struct client_session_end end;
    struct message message;
    struct fault fault;
    DEMAND(client->world, message_decode(frame, &message, &fault) == 0,
           "what the broker sends can be read (%s: %s)", fault.field, fault.problem);
    if (client_session_receive(client->session, mono_ms(client), &message, &end) == 1)
        on_end(client, &end);
    pump(client);
}

/* --- what it does ------------------------------------------------------------------------------
 */

static const struct {
    enum feature feature;
    unsigned weight;
    void (*act)(struct client *);
} actions[] = {
#define ACTION(name, percent, weight, what) {FEATURE_##name, weight, act_##name},
#define SPICE(name, percent, what)
#define FEATURE(name, percent, what)
#include "tests/sim/features.def"
#undef ACTION
#undef SPICE
#undef FEATURE
};

static void act(struct client *client)
{
    unsigned sum = 0;
    size_t count = sizeof actions / sizeof *actions;
    for (size_t i = 0; i < count; i++)
        sum += has_feature(client->world, actions[i].feature) ? actions[i].weight : 0;
    uint64_t place = draw(&client->stream, sum);
    for (size_t i = 0; i < count; i++) {
        if (!has_feature(client->world, actions[i].feature))
            continue;
        if (place < actions[i].weight) {
            actions[i].act(client);
            return;
        }
        place -= actions[i].weight;
    }
}

/* While nothing is wrong an answer does not take long. */
static void check_patience(const struct client *client)
{
    const struct world *world = client->world;
    if (world->now < PATIENCE_MS)
        return;
    uint64_t since = world->now - PATIENCE_MS;
    if (client->line.trouble_at >= since || client->line.cut_until >= since ||
        sim_broker_trouble_at(world) >= since)
        return;
    for (size_t i = 0; i < ASKS_MAX; i++)
        DEMAND(client->world, !client->asks[i].open || client->asks[i].asked_at >= since,
               "%s: a request is answered while nothing is wrong", client->line.name);
}

static void wake(void *arg)
{
    struct client *client = arg;
    struct world *world = client->world;
    check_patience(client);
    if (world->now >= client->act_at) {
        client->act_at = world->now + draw_wait(&client->stream, world->heartbeat_ms * 3);
        act(client);
    }
    client_session_tick(client->session, mono_ms(client));
    pump(client);
}

/* --- the audit -------------------------------------------------------------------------------- */

bool sim_client_is_idle(const struct client *client)
{
    return client_session_open_count(client->session) == 0;
}

bool sim_client_audit(struct client *client, size_t *place)
{
    struct uuid id;
    while (oracle_job_at(client->world, *place, &id)) {
        struct message message = {.id = MSG_GET_JOB};
        message.get_job.id = id;
        message.get_job.result = true;
        if (!sim_client_ask(client, &message, &(struct ask){.job = id}))
            break;
        ++*place;
    }
    pump(client);
    return oracle_job_at(client->world, *place, &id) || !sim_client_is_idle(client);
}
