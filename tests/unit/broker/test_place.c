/* A job's place in line against what happens: queues with random groups, weights, priorities and
 * types are asked for the place of each job, and then one slot takes them one by one. The place
 * that was told must be the turn at which the job was started. */
#include "tests/testing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/core/core.h"
#include "broker/store/record.h"
#include "broker/store/store_mem.h"
#include "proto/json.h"

enum { CLIENT = 1, WORKER = 2, JOBS = 40, ROUNDS = 60 };

struct world {
    struct store *store;
    struct core *core;
    struct effects effects;
    uint64_t mono_ms, draws, seed;
    uint64_t fence;   /* of the job that the worker has */
    struct uuid job;  /* that job */
    struct buf frame; /* the last answer to the client */
};

static uint64_t draw(struct world *world, uint64_t below)
{
    world->seed = world->seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (world->seed >> 33) % below;
}

static struct core_now now_of(struct world *world)
{
    return (struct core_now){world->mono_ms, UINT64_C(1893456000000) + world->mono_ms,
                             ++world->draws};
}

static void take_dispatch(struct world *world, const struct message *message)
{
    struct list_iter iter;
    struct wire_dispatch_item item;
    struct fault fault;
    assert_good(list_open(message->dispatch.jobs, &iter));
    assert_int_equal(list_next(&iter, &shape_dispatch_item, KEYS_NAMES, &item, &fault), 1);
    world->fence = item.fence;
    world->job = item.job;
    assert_int_equal(iter.count, 1);
}

static void look_at_effects(struct world *world)
{
    for (size_t i = 0; i < world->effects.count; i++) {
        const struct effect *effect = &world->effects.at[i];
        struct slice bytes = {world->effects.bytes.at + effect->offset, effect->len};
        struct message message;
        struct fault fault;
        if (effect->kind == EFFECT_PUBLISH || effect->kind == EFFECT_FORGET)
            continue;
        assert_good(message_decode(bytes, &message, &fault));
        assert_int_not_equal(message.id, MSG_ERROR);
        if (message.id == MSG_DISPATCH)
            take_dispatch(world, &message);
        if (effect->kind != EFFECT_SEND_CLIENT)
            continue;
        buf_clear(&world->frame);
        assert_good(buf_append(&world->frame, bytes.at, bytes.len));
    }
}

static void say(struct world *world, enum core_socket socket, const char *json)
{
    struct buf frame = {0};
    struct message message;
    struct fault fault;
    assert_good(json_to_msgpack(text_of(json), &frame, &fault));
    assert_good(message_decode(buf_slice(&frame), &message, &fault));
    struct core_event event = {.kind = CORE_MESSAGE,
                               .socket = socket,
                               .peer = socket == CORE_CLIENTS ? CLIENT : WORKER,
                               .message = &message,
                               .now = now_of(world),
                               .free_bytes = UINT64_MAX};
    effects_clear(&world->effects);
    assert_good(store_begin(world->store));
    assert_good(core_step(world->core, &event, &world->effects));
    assert_good(core_settle(world->core, now_of(world), &world->effects));
    assert_good(store_commit(world->store));
    look_at_effects(world);
    buf_fini(&frame);
}

static void start(struct world *world, uint64_t seed)
{
    struct core_config config;
    *world = (struct world){.store = store_mem_new(), .mono_ms = 1000, .seed = seed};
    core_config_init(&config);
    config.program = TEXT("test");
    config.broker.at[15] = 1;
    assert_good(core_new(&config, world->store, now_of(world), &world->core));
    say(world, CORE_CLIENTS,
        "{\"msg\":\"hello\",\"version\":1,\"role\":\"admin\","
        "\"session\":\"01a202bb-0710-7001-95d2-c315054b235b\"}");
}

static void fini(struct world *world)
{
    core_destroy(&world->core);
    effects_fini(&world->effects);
    store_close(&world->store);
    buf_fini(&world->frame);
}

static void id_of(unsigned i, char out[UUID_TEXT_LEN + 1])
{
    snprintf(out, UUID_TEXT_LEN + 1, "01a202bb-0710-7001-95d2-%012u", i);
}

static void set_weights(struct world *world)
{
    char json[300];
    snprintf(json, sizeof json,
             "{\"msg\":\"set_queue\",\"queue\":\"q\",\"set\":{\"groups\":[{\"group\":\"g1\","
             "\"weight\":%u},{\"group\":\"g2\",\"weight\":%u}]}}",
             1 + (unsigned)draw(world, 4), 1 + (unsigned)draw(world, 4));
    say(world, CORE_CLIENTS, json);
}

static void submit(struct world *world, unsigned i)
{
    char json[300], id[UUID_TEXT_LEN + 1];
    id_of(i, id);
    snprintf(json, sizeof json,
             "{\"msg\":\"submit\",\"jobs\":[{\"type\":\"t%u\",\"id\":\"%s\",\"queue\":\"q\","
             "\"group\":\"g%u\",\"priority\":%u}]}",
             (unsigned)draw(world, 3), id, (unsigned)draw(world, 4), 4 + (unsigned)draw(world, 2));
    say(world, CORE_CLIENTS, json);
}

static uint64_t place_of_job(struct world *world, unsigned i)
{
    char json[120], id[UUID_TEXT_LEN + 1];
    struct message answer;
    struct fault fault;
    id_of(i, id);
    snprintf(json, sizeof json, "{\"msg\":\"get_why\",\"id\":\"%s\"}", id);
    say(world, CORE_CLIENTS, json);
    assert_good(message_decode(buf_slice(&world->frame), &answer, &fault));
    assert_int_equal(answer.id, MSG_WHY);
    assert_false(answer.why.position_is_minimum);
    return answer.why.position.value; /* 0: it runs, or has ended */
}

static void finish_one(struct world *world)
{
    char json[200], id[UUID_TEXT_LEN + 1];
    uuid_format(&world->job, id);
    snprintf(json, sizeof json,
             "{\"msg\":\"done\",\"items\":[{\"job\":\"%s\",\"fence\":%" PRIu64
             ",\"outcome\":\"completed\"}]}",
             id, world->fence);
    world->fence = 0;
    say(world, CORE_WORKERS, json);
}

static unsigned number_of(const struct uuid *id)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(id, text);
    return (unsigned)strtoul(text + 24, NULL, 10);
}

/* In the middle of it the turns stand anywhere: places are asked for again then. */
static void play(struct world *world)
{
    uint64_t told[JOBS] = {0}, turn = 0;
    unsigned ask_again = (unsigned)draw(world, JOBS);
    set_weights(world);
    for (unsigned i = 0; i < JOBS; i++)
        submit(world, i);
    say(world, CORE_WORKERS,
        "{\"msg\":\"hello\",\"version\":1,\"role\":\"worker\",\"queues\":[\"q\"],\"slots\":1,"
        "\"session\":\"01a202bb-0710-7001-95d2-c315054b235c\"}");
    for (unsigned started = 1; world->fence; started++) {
        if (turn)
            assert_int_equal(told[number_of(&world->job)], ++turn);
        if (started == 1 || started == ask_again) {
            for (unsigned i = 0; i < JOBS; i++)
                told[i] = place_of_job(world, i) + 1;
            turn = 1;
        }
        finish_one(world);
    }
    assert_int_equal(turn, ask_again > 1 ? JOBS - ask_again + 1 : JOBS);
}

static void test_places_are_turns(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct world world;
        start(&world, seed);
        play(&world);
        fini(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_places_are_turns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
