/* What a client does now and then: a row in features.def and a function here. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "tests/sim/client_parts.h"
#include "tests/sim/names.h"

static const struct {
    enum feature feature;
    void (*add)(struct client *, struct wire_spec *);
} spices[] = {
#define SPICE(name, percent, what) {FEATURE_##name, spice_##name},
#define ACTION(name, percent, weight, what)
#define FEATURE(name, percent, what)
#include "tests/sim/features.def"
#undef ACTION
#undef SPICE
#undef FEATURE
};

/* --- submits ---------------------------------------------------------------------------------- */

static void add_wish(struct client *client, struct deed *deed)
{
    struct world *world = client->world;
    struct stream *stream = &client->stream;
    struct wire_spec spec = {.type = type_name(draw(stream, TYPES))};
    if (chance(stream, 50))
        spec.queue = queue_name(draw(stream, QUEUES));
    for (size_t i = 0; i < sizeof spices / sizeof *spices; i++)
        if (has_feature(world, spices[i].feature) && chance(stream, 40))
            spices[i].add(client, &spec);
    bool filled = has_feature(world, FEATURE_filler) && chance(stream, 20);
    oracle_wish(world, deed, &spec, filled ? draw(stream, 4000) : draw(stream, 30));
    client->submitted++;
}

static void name_key(struct client *client, struct deed *deed)
{
    if (!has_feature(client->world, FEATURE_keys) || chance(&client->stream, 40))
        return;
    snprintf(deed->key, sizeof deed->key, "%s-%llu", client->line.name,
             (unsigned long long)++client->keys);
}

static struct deed *new_deed(struct client *client)
{
    struct world *world = client->world;
    struct stream *stream = &client->stream;
    struct deed *deed = oracle_deed(world);
    bool many = has_feature(world, FEATURE_batches) && chance(stream, 40);
    deed->owner = sim_client_owner(client);
    deed->partial = has_feature(world, FEATURE_partial) && chance(stream, 40);
    for (uint64_t n = many ? 2 + draw(stream, DEED_WISHES_MAX - 2) : 1; n > 0; n--)
        add_wish(client, deed);
    oracle_wished(world, deed);
    return deed;
}

void act_submit(struct client *client)
{
    uint64_t times = has_feature(client->world, FEATURE_flood) ? 4 : 1;
    for (; times > 0 && client->submitted < client->jobs_max; times--) {
        struct deed *deed = new_deed(client);
        name_key(client, deed);
        sim_client_submit(client, deed);
    }
}

/* The very same request, as a retry of somebody who is not sure. Without a key or ids it would be
 * two requests, and nobody promises that they are one. */
void act_again(struct client *client)
{
    struct deed *deed = oracle_any_deed(client->world, &client->stream);
    if (deed && (client->is_gateway || text_eq(deed->owner, client->owner)))
        sim_client_submit(client, deed);
}

/* Another request under a key that is taken. */
void act_clash(struct client *client)
{
    struct deed *taken = oracle_any_deed(client->world, &client->stream);
    if (!taken || !taken->key[0] || client->submitted >= client->jobs_max)
        return;
    struct deed *deed = new_deed(client);
    memcpy(deed->key, taken->key, sizeof deed->key);
    sim_client_submit(client, deed);
}

/* --- one job ---------------------------------------------------------------------------------- */

static void speak_for(struct client *client, struct message *message)
{
    if (client->is_gateway && chance(&client->stream, 30))
        message->envelope.owner = sim_client_owner(client);
}

static void ask_about(struct client *client, enum message_id id)
{
    struct message message = {.id = id};
    struct ask ask = {0};
    oracle_any_job(client->world, &client->stream, &ask.job);
    speak_for(client, &message);
    if (id == MSG_CANCEL)
        message.cancel.id = ask.job;
    else if (id == MSG_RETRY)
        message.retry.id = ask.job;
    else if (id == MSG_DELETE)
        message.delete.id = ask.job;
    else if (id == MSG_GET_RESULT)
        message.get_result.id = ask.job;
    else if (id == MSG_GET_LOGS)
        message.get_logs.id = ask.job;
    else if (id == MSG_GET_EVENTS)
        message.get_events.id = ask.job;
    else
        message.get_job.id = ask.job;
    message.get_job.result |= id == MSG_GET_JOB && chance(&client->stream, 50);
    sim_client_ask(client, &message, &ask);
}

void act_cancel(struct client *client)
{
    ask_about(client, MSG_CANCEL);
}

void act_retry(struct client *client)
{
    ask_about(client, MSG_RETRY);
}

void act_remove(struct client *client)
{
    ask_about(client, MSG_DELETE);
}

void act_look(struct client *client)
{
    ask_about(client, chance(&client->stream, 70) ? MSG_GET_JOB : MSG_GET_RESULT);
}

static void ask_revs(struct client *client)
{
    struct message message = {.id = MSG_GET_REVS};
    struct uuid id;
    size_t mark;
    buf_clear(&client->list);
    CHECK(list_begin(&client->list, &mark) == 0);
    for (int i = 0; i < 3; i++) {
        oracle_any_job(client->world, &client->stream, &id);
        CHECK(pack_uuid(&client->list, &id) == 0);
    }
    list_end(&client->list, mark, 3);
    message.get_revs.ids = buf_slice(&client->list);
    sim_client_ask(client, &message, &(struct ask){0});
}

void act_history(struct client *client)
{
    uint64_t which = draw(&client->stream, 3);
    if (which == 0)
        ask_revs(client);
    else
        ask_about(client, which == 1 ? MSG_GET_EVENTS : MSG_GET_LOGS);
}

void act_list(struct client *client)
{
    struct stream *stream = &client->stream;
    struct message message = {.id = MSG_LIST_JOBS};
    struct wire_filter filter = {0};
    speak_for(client, &message);
    message.list_jobs.limit = opt_of(1 + draw(stream, 20));
    if (chance(stream, 50))
        message.list_jobs.order = TEXT("asc");
    if (chance(stream, 30))
        filter.type = type_name(draw(stream, TYPES));
    if (chance(stream, 30))
        filter.queue = queue_name(draw(stream, QUEUES));
    buf_clear(&client->list);
    CHECK(shape_encode(&client->list, &shape_filter, &filter, KEYS_NAMES) == 0);
    message.list_jobs.filter = buf_slice(&client->list);
    sim_client_ask(client, &message, &(struct ask){0});
}
