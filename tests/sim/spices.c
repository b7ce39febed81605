/* What a submitted job may say: a row in features.def and a function here. */
#include "tests/sim/client_parts.h"
#include "tests/sim/names.h"

void spice_delay(struct client *client, struct wire_spec *spec)
{
    struct world *world = client->world;
    uint64_t wait = draw_wait(&client->stream, world->heartbeat_ms * 20);
    if (chance(&client->stream, 50))
        spec->delay_ms = wait;
    else
        spec->run_at = wall_ms(world) + wait;
}

/* Of a small set, so that now and then it is taken. */
void spice_own_id(struct client *client, struct wire_spec *spec)
{
    uint64_t which = draw(&client->stream, 200) + (client->stream.state & 0xffff0000);
    spec->id = uuid_v7(UINT64_C(1893456000000), which % 3, which);
}

void spice_priority(struct client *client, struct wire_spec *spec)
{
    spec->priority = opt_of(draw(&client->stream, PRIORITY_MAX + 1));
}

void spice_group(struct client *client, struct wire_spec *spec)
{
    spec->group = group_name(draw(&client->stream, GROUPS));
}

void spice_attempts(struct client *client, struct wire_spec *spec)
{
    spec->max_attempts = opt_of(1 + draw(&client->stream, 4));
    spec->max_lost = opt_of(1 + draw(&client->stream, 3));
}

void spice_backoff(struct client *client, struct wire_spec *spec)
{
    spec->backoff_ms = opt_of(draw(&client->stream, 5000));
    spec->backoff_cap_ms = opt_of(draw(&client->stream, 20000));
}

void spice_timeout(struct client *client, struct wire_spec *spec)
{
    spec->timeout_ms = opt_of(1 + draw_wait(&client->stream, client->world->heartbeat_ms * 5));
}

void spice_retention(struct client *client, struct wire_spec *spec)
{
    spec->retention_ms = opt_of(draw_wait(&client->stream, client->world->heartbeat_ms * 50));
}

/* How much is drawn where params are made. */
void spice_filler(struct client *client, struct wire_spec *spec)
{
    (void)client;
    spec->description = TEXT("filled");
}
