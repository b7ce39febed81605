/* Ticks over the real core and a store that crashes: what is too long for a trace to tell. Slices
 * and bounds after a long absence; each tick once, whatever is killed when. */
#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "broker/core/check.h"
#include "broker/core/core.h"
#include "broker/store/record.h"
#include "broker/store/store_mem.h"
#include "proto/json.h"
#include "tests/lib/hand_zones.h"

#define START_MS UINT64_C(1893456000000)

struct world {
    struct store *store;
    struct core *core;
    struct effects effects;
    uint64_t mono_ms, wall_ms, draws;
    bool full, no_zones;
};

static struct core_now now_of(struct world *world)
{
    return (struct core_now){world->mono_ms, world->wall_ms, ++world->draws * 977};
}

static void start(struct world *world)
{
    struct core_config config;
    core_config_init(&config);
    config.program = TEXT("test");
    if (!world->no_zones)
        config.zones = hand_zones();
    config.broker.at[15] = 1;
    assert_good(core_new(&config, world->store, now_of(world), &world->core));
}

static struct world world_new(void)
{
    struct world world = {.store = store_mem_new(), .mono_ms = 1000, .wall_ms = START_MS};
    assert_non_null(world.store);
    start(&world);
    return world;
}

static void fini(struct world *world)
{
    core_destroy(&world->core);
    effects_fini(&world->effects);
    store_close(&world->store);
}

static void violated(void *context, const char *line)
{
    (void)context;
    print_error("%s\n", line);
}

static void check(struct world *world)
{
    struct store_snapshot *snapshot;
    assert_good(store_snapshot_open(world->store, &snapshot));
    assert_good(core_check(snapshot, violated, NULL, NULL));
    store_snapshot_close(&snapshot);
}

static void step(struct world *world, struct core_event *event)
{
    event->now = now_of(world);
    event->free_bytes = world->full ? 0 : UINT64_MAX;
    effects_clear(&world->effects);
    assert_good(store_begin(world->store));
    assert_good(core_step(world->core, event, &world->effects));
    assert_good(core_settle(world->core, now_of(world), &world->effects));
}

static void tick(struct world *world)
{
    struct core_event event = {.kind = CORE_TICK};
    step(world, &event);
    assert_good(store_commit(world->store));
}

static void say(struct world *world, const char *json)
{
    struct buf frame = {0};
    struct message message, answer;
    struct fault fault;
    assert_good(json_to_msgpack(text_of(json), &frame, &fault));
    assert_good(message_decode(buf_slice(&frame), &message, &fault));
    struct core_event event = {
        .kind = CORE_MESSAGE, .socket = CORE_CLIENTS, .peer = 1, .message = &message};
    step(world, &event);
    assert_good(store_commit(world->store));
    struct slice bytes = {world->effects.bytes.at, world->effects.at[0].len};
    assert_good(message_decode(bytes, &answer, &fault));
    assert_int_not_equal(answer.id, MSG_ERROR);
    buf_fini(&frame);
}

static void hello(struct world *world)
{
    say(world, "{\"msg\":\"hello\",\"version\":1,\"role\":\"admin\","
               "\"session\":\"01a202bb-0710-7001-95d2-c315054b235b\"}");
}

static void set(struct world *world, const char *name, const char *cron, const char *rest)
{
    struct buf json = {0};
    assert_good(buf_printf(&json,
                           "{\"msg\":\"set_schedule\",\"name\":\"%s\",\"cron\":\"%s\","
                           "\"spec\":{\"type\":\"%s\"}%s}",
                           name, cron, name, rest));
    assert_good(buf_append(&json, "", 1));
    say(world, (const char *)json.at);
    buf_fini(&json);
}

/* The head of one schedule; its texts are gone. */
static struct rec_schedule head_of(struct world *world, const char *name)
{
    struct rec_key key;
    struct slice value;
    struct rec_schedule r;
    struct fault fault;
    assert_good(store_get(world->store, TABLE_SCHEDULE,
                          key_schedule(&key, 'h', TEXT("anonymous"), text_of(name)), &value));
    assert_good(shape_decode(value, &shape_rec_schedule, KEYS_NUMBERS, &r, &fault));
    return r;
}

static size_t count_jobs(struct world *world)
{
    struct store_rows rows = {0};
    struct store_range all = {.table = TABLE_SPEC, .limit = 100000};
    assert_good(store_scan(world->store, &all, &rows));
    size_t count = rows.count;
    store_rows_fini(&rows);
    return count;
}

/* Ticks until nothing is due any more; the most jobs that one batch made. */
static size_t catch_up(struct world *world)
{
    size_t most = 0, before = count_jobs(world);
    for (int i = 0; core_next_deadline(world->core) <= world->mono_ms; i++) {
        assert_true(i < 1000);
        tick(world);
        size_t jobs = count_jobs(world);
        most = jobs - before > most ? jobs - before : most;
        before = jobs;
    }
    return most;
}

static void pass(struct world *world, uint64_t ms)
{
    world->mono_ms += ms;
    world->wall_ms += ms;
}

TEST(all_makes_up_for_a_thousand_in_slices)
{
    struct world world = world_new();
    hello(&world);
    set(&world, "all", "@every 1s", ",\"misfire\":\"all\"");
    pass(&world, 5000 * 1000);
    assert_int_equal(catch_up(&world), 101); /* a slice, and the last one, which is in time */
    struct rec_schedule r = head_of(&world, "all");
    assert_int_equal(r.runs, SCHEDULE_MISSED_MAX + 1);
    assert_int_equal(r.runs + r.missed, 5000);
    assert_int_equal(r.next_at, START_MS + 5001 * 1000);
    assert_int_equal(r.made_up, 0);
    check(&world);
    /* The next absence has a thousand of its own. */
    pass(&world, 500 * 1000);
    catch_up(&world);
    assert_int_equal(head_of(&world, "all").runs, 2 * SCHEDULE_MISSED_MAX + 1 - 500);
    fini(&world);
}

TEST(cron_counts_a_thousand_at_most)
{
    struct world world = world_new();
    hello(&world);
    set(&world, "once", "* * * * *", "");
    set(&world, "skip", "* * * * *", ",\"misfire\":\"skip\"");
    pass(&world, UINT64_C(90000000) + 30 * 1000); /* 25 h and a half minute: 1,500 ticks */
    catch_up(&world);
    assert_int_equal(head_of(&world, "once").runs, 1);
    assert_int_equal(head_of(&world, "once").missed, SCHEDULE_MISSED_MAX);
    assert_int_equal(head_of(&world, "once").last_at, START_MS + UINT64_C(90000000));
    assert_int_equal(head_of(&world, "skip").runs, 0);
    assert_int_equal(head_of(&world, "skip").missed, SCHEDULE_MISSED_MAX + 1);
    check(&world);
    fini(&world);
}

TEST(many_schedules_take_turns)
{
    struct world world = world_new();
    char name[16];
    hello(&world);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "s%d", i);
        set(&world, name, "@every 1s", ",\"misfire\":\"all\"");
    }
    pass(&world, 200 * 1000);
    assert_true(catch_up(&world) <= 1100);
    assert_int_equal(count_jobs(&world), 40 * 200);
    check(&world);
    fini(&world);
}

TEST(an_owner_has_a_thousand)
{
    struct world world = world_new();
    char name[16];
    hello(&world);
    for (int i = 0; i < SCHEDULES_OWNER_MAX; i++) {
        snprintf(name, sizeof name, "s%d", i);
        set(&world, name, "@daily", "");
    }
    set(&world, "s7", "@hourly", ""); /* one that there is may be changed */
    struct buf frame = {0};
    struct message message, answer;
    struct fault fault;
    assert_good(json_to_msgpack(TEXT("{\"msg\":\"set_schedule\",\"name\":\"one too many\","
                                     "\"cron\":\"@daily\",\"spec\":{\"type\":\"a\"}}"),
                                &frame, &fault));
    assert_good(message_decode(buf_slice(&frame), &message, &fault));
    struct core_event event = {
        .kind = CORE_MESSAGE, .socket = CORE_CLIENTS, .peer = 1, .message = &message};
    step(&world, &event);
    assert_good(store_commit(world.store));
    assert_good(message_decode(buf_slice(&world.effects.bytes), &answer, &fault));
    assert_int_equal(answer.id, MSG_ERROR);
    assert_true(text_is(answer.error.code, "CONFLICT"));
    buf_fini(&frame);
    fini(&world);
}

static void restart(struct world *world)
{
    core_destroy(&world->core);
    start(world);
    hello(world);
}

TEST(a_zone_that_is_gone)
{
    struct world world = world_new();
    hello(&world);
    set(&world, "s", "@hourly", ",\"zone\":\"Hand/East\"");
    world.no_zones = true;
    restart(&world);
    pass(&world, 2 * 3600 * 1000);
    catch_up(&world);
    struct rec_schedule r = head_of(&world, "s");
    assert_int_equal(r.next_at, 0);
    assert_int_equal(r.last_error_at, world.wall_ms);
    assert_int_equal(r.runs, 0);
    check(&world);
    world.no_zones = false;
    restart(&world);
    say(&world, "{\"msg\":\"resume_schedule\",\"name\":\"s\"}");
    assert_int_equal(head_of(&world, "s").next_at, START_MS + 2 * 3600 * 1000 + 15 * 60 * 1000);
    fini(&world);
}

/* --- killed at any batch -----------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Every tick of the schedule from its first to its last has exactly one job. */
static void each_tick_once(struct world *world, const char *name, uint64_t every_ms)
{
    struct store_rows rows = {0};
    struct store_range all = {.table = TABLE_SPEC, .limit = 100000};
    assert_good(store_scan(world->store, &all, &rows));
    uint64_t *ticks = calloc(rows.count + 1, sizeof *ticks);
    size_t count = 0;
    assert_non_null(ticks);
    for (size_t i = 0; i < rows.count; i++) {
        struct wire_spec spec;
        struct fault fault;
        assert_good(shape_decode(rows.at[i].value, &shape_spec, KEYS_NUMBERS, &spec, &fault));
        if (text_is(spec.schedule, name))
            ticks[count++] = spec.run_at;
    }
    qsort(ticks, count, sizeof *ticks, compare);
    for (size_t i = 1; i < count; i++)
        assert_int_equal(ticks[i] - ticks[i - 1], every_ms);
    assert_int_equal(count, head_of(world, name).runs);
    assert_true(count > 100);
    free(ticks);
    store_rows_fini(&rows);
}

/* One of: a tick; killed before its commit; the commit fails for want of room; killed behind it. */
static void live(struct world *world, uint64_t draw)
{
    struct core_event event = {.kind = CORE_TICK};
    switch (draw % 4) {
    case 0:
        step(world, &event);
        core_destroy(&world->core);
        store_mem_crash(world->store);
        start(world);
        break;
    case 1:
        step(world, &event);
        store_abort(world->store);
        assert_good(core_rebuild(world->core, now_of(world)));
        break;
    case 2:
        tick(world);
        core_destroy(&world->core);
        store_mem_crash(world->store);
        start(world);
        break;
    default:
        tick(world);
    }
}

TEST(each_tick_once_whatever_is_killed)
{
    struct world world = world_new();
    uint64_t draw = 20261122;
    hello(&world);
    set(&world, "every", "@every 7s", ",\"misfire\":\"all\"");
    set(&world, "cron", "*/5 * * * *", ",\"misfire\":\"all\",\"zone\":\"Hand/East\"");
    for (int i = 0; i < 3000; i++) {
        draw = draw * UINT64_C(6364136223846793005) + 1442695040888963407U;
        world.mono_ms += (draw >> 33) % 25000;
        /* The clock of day is put back now and then, by up to half a minute. */
        int64_t put = (draw >> 20) % 16 == 0 ? -(int64_t)((draw >> 40) % 30000) : 0;
        world.wall_ms = (uint64_t)((int64_t)(world.wall_ms + (draw >> 33) % 25000) + put);
        live(&world, draw >> 60);
    }
    catch_up(&world);
    each_tick_once(&world, "every", 7000);
    each_tick_once(&world, "cron", 300000);
    check(&world);
    fini(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_makes_up_for_a_thousand_in_slices),
                                       cmocka_unit_test(cron_counts_a_thousand_at_most),
                                       cmocka_unit_test(many_schedules_take_turns),
                                       cmocka_unit_test(an_owner_has_a_thousand),
                                       cmocka_unit_test(a_zone_that_is_gone),
                                       cmocka_unit_test(each_tick_once_whatever_is_killed)};
    return TESTS_RUN(tests);
}
