/* Large families through the real core: a callback of 10,000 jobs, a fan-out as wide, a chain of
 * 1,000, whole trees; each with a restart in the middle. What is done for them is done in bounded
 * slices, goes on after the restart, and leaves a store without a contradiction.
 * Must never look into the core: it sends messages and reads the store. */
#include "tests/testing.h"

#include <stdio.h>

#include "broker/core/check.h"
#include "broker/core/core.h"
#include "broker/store/record.h"
#include "broker/store/store_mem.h"
#include "proto/pack.h"

enum { WIDE = 10000, LONG = 1000, SLICE_MAX = 500, BATCH = 1000, SLOTS = 1000 };
enum { CLIENT = 1, WORKER = 2 };

static struct store *store;
static struct core *core;
static struct effects effects;
static struct buf list, frame;
static uint64_t mono;

/* What the last batch sent. */
static struct message answer;
static size_t dispatched;
static struct wire_hold holds[4 * SLOTS];
static size_t held;

static struct core_now now(void)
{
    return (struct core_now){mono, UINT64_C(1893456000000) + mono, mono * 7 + 1};
}

static void start(void)
{
    struct core_config config;
    core_config_init(&config);
    config.program = TEXT("families");
    assert_good(core_new(&config, store, now(), &core));
}

static void take_dispatch(struct slice jobs)
{
    struct list_iter iter;
    struct wire_dispatch_item item;
    struct fault fault;
    assert_good(list_open(jobs, &iter));
    while (list_next(&iter, &shape_dispatch_item, KEYS_NAMES, &item, &fault) == 1) {
        holds[held++] = (struct wire_hold){.job = item.job, .fence = item.fence};
        dispatched++;
    }
}

static void batch(struct core_event *event)
{
    effects_clear(&effects);
    event->now = now();
    event->free_bytes = UINT64_MAX;
    assert_good(store_begin(store));
    assert_good(core_step(core, event, &effects));
    assert_good(core_settle(core, now(), &effects));
    assert_good(store_commit(store));
    for (size_t i = 0; i < effects.count; i++) {
        struct slice bytes = {effects.bytes.at + effects.at[i].offset, effects.at[i].len};
        struct message message;
        struct fault fault;
        if (effects.at[i].kind == EFFECT_FORGET)
            continue;
        assert_good(message_decode(bytes, &message, &fault));
        if (message.id == MSG_DISPATCH)
            take_dispatch(message.dispatch.jobs);
        else if (effects.at[i].kind == EFFECT_SEND_CLIENT)
            answer = message;
    }
}

static void send_message(enum core_socket socket, const struct message *message)
{
    struct message decoded;
    struct fault fault;
    buf_clear(&frame);
    assert_good(message_encode(&frame, message));
    assert_good(message_decode(buf_slice(&frame), &decoded, &fault));
    struct core_event event = {.kind = CORE_MESSAGE,
                               .socket = socket,
                               .peer = socket == CORE_CLIENTS ? CLIENT : WORKER,
                               .message = &decoded};
    batch(&event);
}

static void client_hello(void)
{
    struct message message = {.id = MSG_HELLO};
    message.hello.version = PROTOCOL_VERSION;
    message.hello.session = uuid_v7(1, 1, CLIENT);
    message.hello.role = TEXT("admin");
    send_message(CORE_CLIENTS, &message);
}

/* Listing what it holds, as it does when the broker was started again. */
static void worker_hello(void)
{
    struct message message = {.id = MSG_HELLO};
    size_t mark;
    buf_clear(&list);
    assert_good(list_begin(&list, &mark));
    for (size_t i = 0; i < held; i++)
        assert_good(shape_encode(&list, &shape_hold, &holds[i], KEYS_NAMES));
    list_end(&list, mark, (uint32_t)held);
    message.hello.version = PROTOCOL_VERSION;
    message.hello.session = uuid_v7(1, 1, WORKER);
    message.hello.role = TEXT("worker");
    message.hello.slots = SLOTS;
    message.hello.running = buf_slice(&list);
    send_message(CORE_WORKERS, &message);
}

static void restart(void)
{
    core_destroy(&core);
    store_mem_crash(store);
    start();
    client_hello();
}

/* Is there something to do at once? */
static bool is_due(void)
{
    return core_next_deadline(core) <= mono;
}

static void tick(void)
{
    struct core_event event = {.kind = CORE_TICK};
    batch(&event);
}

static uint64_t count_of(enum job_state state)
{
    struct slice value;
    struct rec_key key;
    int rc =
        store_get(store, TABLE_COUNTER, key_counter(&key, 'a', (struct text){0}, state), &value);
    uint64_t count = 0;
    for (size_t i = 0; rc == 0 && i < value.len; i++)
        count = count << 8 | value.at[i];
    return count;
}

/* Ticks until nothing is left to do, with a restart after a few; none moves more than a slice. The
 * number of ticks. */
static int settle(enum job_state watched, int restart_after)
{
    int ticks = 0;
    for (; is_due(); ticks++) {
        uint64_t before = count_of(watched);
        if (ticks == restart_after)
            restart();
        tick();
        uint64_t after = count_of(watched);
        assert_true((after > before ? after - before : before - after) <= SLICE_MAX);
        assert_true(ticks < 10000);
    }
    return ticks;
}

static void say(void *context, const char *line)
{
    (void)context;
    printf("%s\n", line);
}

static void check_store(void)
{
    struct store_snapshot *snapshot;
    assert_good(store_snapshot_open(store, &snapshot));
    assert_int_equal(core_check(snapshot, say, NULL, NULL), 0);
    store_snapshot_close(&snapshot);
}

/* --- jobs ------------------------------------------------------------------------------------- */

/* The ids that this test makes: of a row of jobs, the i-th. */
static struct uuid id_of(unsigned row, unsigned i)
{
    return uuid_v7(1000 + row, i >> 8, i);
}

static void submit_one(struct wire_spec *spec)
{
    struct message message = {.id = MSG_SUBMIT};
    size_t mark;
    buf_clear(&list);
    assert_good(list_begin(&list, &mark));
    assert_good(shape_encode(&list, &shape_spec, spec, KEYS_NAMES));
    list_end(&list, mark, 1);
    message.submit.jobs = buf_slice(&list);
    send_message(CORE_CLIENTS, &message);
    assert_int_equal(answer.id, MSG_SUBMITTED);
}

/* `count` ids of a row as a list. */
static struct slice ids_of(struct buf *out, unsigned row, unsigned count)
{
    size_t mark;
    buf_clear(out);
    assert_good(list_begin(out, &mark));
    for (unsigned i = 0; i < count; i++) {
        struct uuid id = id_of(row, i);
        assert_good(pack_uuid(out, &id));
    }
    list_end(out, mark, count);
    return buf_slice(out);
}

/* A row of jobs, each with the same parents. */
static void submit_row(unsigned row, unsigned count, struct slice parents)
{
    for (unsigned done = 0; done < count; done += BATCH) {
        struct message message = {.id = MSG_SUBMIT};
        size_t mark;
        buf_clear(&list);
        assert_good(list_begin(&list, &mark));
        for (unsigned i = done; i < done + BATCH; i++) {
            struct wire_spec spec = {.id = id_of(row, i), .type = TEXT("t"), .depends_on = parents};
            assert_good(shape_encode(&list, &shape_spec, &spec, KEYS_NAMES));
        }
        list_end(&list, mark, BATCH);
        message.submit.jobs = buf_slice(&list);
        send_message(CORE_CLIENTS, &message);
        assert_int_equal(answer.id, MSG_SUBMITTED);
    }
}

static enum job_state state_of(const struct uuid *id)
{
    struct slice value;
    struct rec_state s;
    struct fault fault;
    assert_good(store_get(store, TABLE_STATE, key_job(id), &value));
    assert_good(shape_decode(value, &shape_rec_state, KEYS_NUMBERS, &s, &fault));
    return s.status;
}

/* Everything that the worker holds ends so; it gets more in return. */
static void finish_all(const char *outcome)
{
    struct message message = {.id = MSG_DONE};
    size_t mark, count = held;
    buf_clear(&list);
    assert_good(list_begin(&list, &mark));
    for (size_t i = 0; i < count; i++) {
        struct wire_done_item item = {
            .job = holds[i].job, .fence = holds[i].fence, .outcome = text_of(outcome)};
        assert_good(shape_encode(&list, &shape_done_item, &item, KEYS_NAMES));
    }
    list_end(&list, mark, (uint32_t)count);
    held = 0;
    message.done.items = buf_slice(&list);
    send_message(CORE_WORKERS, &message);
}

static void rest(void)
{
    while (is_due())
        tick();
}

static int setup(void **state)
{
    (void)state;
    mono = 1000;
    held = dispatched = 0;
    store = store_mem_new();
    assert_non_null(store);
    start();
    client_hello();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    core_destroy(&core);
    store_close(&store);
    effects_fini(&effects);
    effects = (struct effects){0};
    buf_fini(&list);
    buf_fini(&frame);
    return 0;
}

/* --- fan-in ----------------------------------------------------------------------------------- */

TEST(a_callback_of_ten_thousand)
{
    struct buf parents = {0};
    struct uuid last = id_of(2, 0);
    submit_row(1, WIDE, (struct slice){0});
    struct wire_spec spec = {
        .id = last, .type = TEXT("t"), .depends_on = ids_of(&parents, 1, WIDE)};
    submit_one(&spec);
    assert_int_equal(state_of(&last), JOB_BLOCKED);
    worker_hello();
    rest();
    for (int rounds = 0; count_of(JOB_COMPLETED) < WIDE; rounds++) {
        assert_int_equal(state_of(&last), JOB_BLOCKED);
        assert_true(rounds < 100);
        if (rounds == 5) {
            restart();
            worker_hello();
        }
        finish_all("completed");
        rest();
    }
    assert_int_equal(state_of(&last), JOB_RUNNING);
    assert_int_equal(dispatched, WIDE + 1);
    check_store();
    /* its parents by page: all of them, in order */
    uint64_t after = 0, seen = 0;
    do {
        struct message ask = {.id = MSG_GET_PARENTS};
        struct list_iter iter;
        struct wire_parent item;
        struct fault fault;
        ask.get_parents.id = last;
        ask.get_parents.after = after;
        ask.get_parents.limit = LIST_LIMIT_MAX;
        send_message(CORE_CLIENTS, &ask);
        assert_int_equal(answer.id, MSG_PARENTS);
        assert_int_equal(answer.parents.total.value, WIDE);
        assert_good(list_open(answer.parents.parents, &iter));
        while (list_next(&iter, &shape_parent, KEYS_NAMES, &item, &fault) == 1) {
            struct uuid expected = id_of(1, (unsigned)seen++);
            assert_true(uuid_eq(&item.id, &expected) && item.status == JOB_COMPLETED);
        }
        after = answer.parents.next;
    } while (after);
    assert_int_equal(seen, WIDE);
    buf_fini(&parents);
}

/* --- fan-out ---------------------------------------------------------------------------------- */

TEST(ten_thousand_are_let_go_in_slices)
{
    struct buf parents = {0};
    submit_row(1, BATCH, (struct slice){0});
    submit_row(2, WIDE, ids_of(&parents, 1, 1));
    worker_hello();
    rest();
    assert_int_equal(held, SLOTS); /* all of the first row */
    assert_int_equal(count_of(JOB_BLOCKED), WIDE);
    finish_all("completed");
    assert_int_equal(count_of(JOB_BLOCKED), WIDE); /* nobody waited for them */
    int ticks = settle(JOB_BLOCKED, 7);
    assert_true(ticks >= WIDE / SLICE_MAX);
    assert_int_equal(count_of(JOB_BLOCKED), 0);
    assert_int_equal(count_of(JOB_PENDING) + count_of(JOB_RUNNING), WIDE);
    check_store();
    buf_fini(&parents);
}

TEST(a_wide_tree_is_cancelled_across_a_restart)
{
    struct buf parents = {0};
    struct message message = {.id = MSG_CANCEL, .cancel = {.id = id_of(1, 0), .tree = true}};
    submit_row(1, BATCH, (struct slice){0});
    submit_row(2, WIDE, ids_of(&parents, 1, 1));
    submit_row(3, BATCH, ids_of(&parents, 2, 20)); /* each reached twenty times */
    send_message(CORE_CLIENTS, &message);
    assert_int_equal(answer.id, MSG_JOB_IS);
    assert_int_equal(count_of(JOB_CANCELLED), 1); /* the rest comes after the answer */
    int ticks = settle(JOB_CANCELLED, 7);
    assert_true(ticks >= WIDE / SLICE_MAX);
    assert_int_equal(count_of(JOB_CANCELLED), 1 + WIDE + BATCH);
    assert_int_equal(count_of(JOB_PENDING), BATCH - 1);
    check_store();
    buf_fini(&parents);
}

/* --- chains ----------------------------------------------------------------------------------- */

static void submit_chain(void)
{
    for (unsigned i = 0; i < LONG; i++) {
        struct buf parent = {0};
        struct wire_spec spec = {.id = id_of(1, i), .type = TEXT("t")};
        size_t mark;
        assert_good(list_begin(&parent, &mark));
        struct uuid before = id_of(1, i - 1);
        assert_good(pack_uuid(&parent, &before));
        list_end(&parent, mark, 1);
        if (i > 0)
            spec.depends_on = buf_slice(&parent);
        submit_one(&spec);
        buf_fini(&parent);
    }
}

TEST(a_chain_runs_link_by_link)
{
    submit_chain();
    assert_int_equal(count_of(JOB_BLOCKED), LONG - 1);
    worker_hello();
    rest();
    for (unsigned i = 0; i < LONG; i++) {
        struct uuid expected = id_of(1, i);
        assert_int_equal(held, 1);
        assert_true(uuid_eq(&holds[0].job, &expected));
        if (i == LONG / 2) {
            restart();
            worker_hello();
        }
        finish_all("completed");
        rest();
    }
    assert_int_equal(count_of(JOB_COMPLETED), LONG);
    check_store();
}

TEST(a_chain_falls_with_its_first_link)
{
    struct message message = {.id = MSG_CANCEL, .cancel = {.id = id_of(1, 0)}};
    submit_chain();
    send_message(CORE_CLIENTS, &message);
    settle(JOB_CANCELLED, LONG / 2);
    assert_int_equal(count_of(JOB_CANCELLED), LONG);
    check_store();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_callback_of_ten_thousand, setup, teardown),
        cmocka_unit_test_setup_teardown(ten_thousand_are_let_go_in_slices, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wide_tree_is_cancelled_across_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_chain_runs_link_by_link, setup, teardown),
        cmocka_unit_test_setup_teardown(a_chain_falls_with_its_first_link, setup, teardown),
    };
    return TESTS_RUN(tests);
}
