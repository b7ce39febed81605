/* Keys: that they sort as they must, that taking apart undoes building, and that no bytes at all
 * can harm it; and records as they rest.
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/store/record.h"
#include "tests/store/fixture.h"

static struct uuid id_of(uint8_t last)
{
    struct uuid id = {{0}};
    id.at[0] = 1;
    id.at[15] = last;
    return id;
}

static struct rec_state ready(const char *queue, uint64_t priority, const char *group,
                              const char *type, uint64_t at, uint64_t arrival)
{
    return (struct rec_state){.queue = text_of(queue),
                              .priority = priority,
                              .group = text_of(group),
                              .type = text_of(type),
                              .ready_at = at,
                              .ready_seq = arrival};
}

/* In the order in which they are to be found. */
TEST(ready_keys_sort_as_lanes)
{
    const struct rec_state order[] = {
        ready("a", 9, "g", "t", 5, 5),   ready("a", 5, "g", "t", 1, 9),
        ready("a", 5, "g", "t", 2, 1),   ready("a", 5, "g", "t", 2, 2),
        ready("a", 5, "g", "t", 256, 0), ready("a", 5, "g", "t", UINT64_C(1) << 40, 0),
        ready("a", 5, "g", "tt", 0, 0),  ready("a", 5, "g", "u", 0, 0),
        ready("a", 5, "gg", "a", 0, 0),  ready("a", 5, "h", "a", 0, 0),
        ready("a", 0, "", "", 0, 0),     ready("aa", 9, "a", "a", 0, 0),
        ready("b", 9, "a", "a", 0, 0)};
    struct rec_key keys[2];
    struct uuid job = id_of(1);
    for (size_t i = 1; i < sizeof order / sizeof order[0]; i++) {
        struct slice before = key_ready(&keys[0], &order[i - 1], &job);
        struct slice after = key_ready(&keys[1], &order[i], &job);
        if (text_cmp(slice_text(before), slice_text(after)) >= 0)
            fail_msg("row %zu does not sort behind the one before", i);
    }
}

static void assert_prefix(struct slice prefix, struct slice key)
{
    assert_true(prefix.len < key.len && memcmp(prefix.at, key.at, prefix.len) == 0);
}

TEST(lane_prefixes_are_prefixes)
{
    struct rec_key key;
    struct rec_key part;
    struct uuid job = id_of(7);
    struct rec_state rec = ready("mail", 7, "owner", "send", 1000, 3);
    struct slice whole = key_ready(&key, &rec, &job);
    assert_prefix(key_ready_queue(&part, rec.queue), whole);
    assert_prefix(key_ready_priority(&part, rec.queue, 7), whole);
    assert_prefix(key_ready_group(&part, rec.queue, 7, rec.group), whole);
    assert_prefix(key_ready_lane(&part, rec.queue, 7, rec.group, rec.type), whole);
    struct slice other = key_ready_queue(&part, TEXT("mai"));
    assert_memory_not_equal(other.at, whole.at, other.len);
}

TEST(ready_keys_come_apart_again)
{
    struct rec_key key;
    struct rec_ready back;
    struct uuid job = id_of(9);
    struct rec_state rec = ready("mail", 3, "", "send", 77, UINT64_MAX);
    struct slice whole = key_ready(&key, &rec, &job);
    assert_good(key_ready_parse(whole, &back));
    assert_true(text_eq(back.queue, rec.queue) && text_eq(back.group, rec.group) &&
                text_eq(back.type, rec.type));
    assert_int_equal(back.priority, 3);
    assert_int_equal(back.at, 77);
    assert_true(back.arrival == UINT64_MAX);
    assert_true(uuid_eq(&back.job, &job));
    for (size_t len = 0; len < whole.len; len++)
        assert_int_equal(key_ready_parse((struct slice){whole.at, len}, &back), 1);
    key.at[key.len++] = 0;
    assert_int_equal(key_ready_parse((struct slice){key.at, key.len}, &back), 1);
}

TEST(other_keys_come_apart_again)
{
    struct rec_key key;
    struct uuid job = id_of(9);
    struct uuid back;
    uint64_t at;
    enum rec_timer kind;
    enum job_state status;
    struct slice what;
    struct text name;
    char dimension;
    assert_good(key_timer_parse(key_timer(&key, 123456, TIMER_RETENTION, key_job(&job)), &at, &kind,
                                &what));
    assert_true(at == 123456 && kind == TIMER_RETENTION && slice_eq(what, key_job(&job)));
    bool system;
    assert_good(key_status_parse(key_status(&key, JOB_RUNNING, false, 99, &job), &status, &system,
                                 &at, &back));
    assert_true(status == JOB_RUNNING && !system && at == 99 && uuid_eq(&back, &job));
    assert_good(key_status_parse(key_status(&key, JOB_WAITING, true, 99, &job), &status, &system,
                                 &at, &back));
    assert_true(status == JOB_WAITING && system && at == 99 && uuid_eq(&back, &job));
    struct rec_index index;
    assert_good(
        key_index_parse(key_index(&key, 't', TEXT("send"), CLASS_FAILED, true, 98, &job), &index));
    assert_true(index.dimension == 't' && text_is(index.name, "send") && index.system &&
                index.class == CLASS_FAILED && index.created_at == 98 && uuid_eq(&index.job, &job));
    assert_good(
        key_index_parse(key_index(&key, 'q', TEXT(""), CLASS_ACTIVE, false, 0, &job), &index));
    assert_true(index.dimension == 'q' && index.name.len == 0 && !index.system);
    assert_good(key_counter_parse(key_counter(&key, 'q', TEXT("mail"), JOB_FAILED), &dimension,
                                  &name, &status));
    assert_true(dimension == 'q' && text_is(name, "mail") && status == JOB_FAILED);
    assert_good(
        key_counter_parse(key_counter(&key, 't', TEXT(""), JOB_NONE), &dimension, &name, &status));
    assert_good(key_uuid_parse(key_job(&job), &back));
    assert_true(uuid_eq(&back, &job));
}

/* Every parser on one key; the answers do not matter, only that all bytes are survived. */
static void parse_all(struct slice key)
{
    struct rec_ready ready_key;
    uint64_t at;
    enum rec_timer kind;
    struct slice what;
    enum job_state status;
    struct uuid job;
    char dimension;
    struct text name;
    (void)key_ready_parse(key, &ready_key);
    if (key_timer_parse(key, &at, &kind, &what) == 0)
        assert_true(kind >= TIMER_DUE && kind <= TIMER_KIND_LAST && what.len > 0);
    bool system;
    if (key_status_parse(key, &status, &system, &at, &job) == 0)
        assert_true(status > JOB_NONE && status < JOB_STATE_COUNT);
    struct rec_index index;
    if (key_index_parse(key, &index) == 0)
        assert_true(index.class >= CLASS_ACTIVE && index.class <= CLASS_LAST);
    if (key_counter_parse(key, &dimension, &name, &status) == 0)
        assert_true(status < JOB_STATE_COUNT);
    (void)key_uuid_parse(key, &job);
}

/* On the heap and of its exact size, so that a sanitizer sees a byte too far. */
static void parse_copy(struct slice key)
{
    uint8_t *copy = malloc(key.len > 0 ? key.len : 1);
    if (key.len > 0)
        memcpy(copy, key.at, key.len);
    parse_all((struct slice){key.len > 0 ? copy : NULL, key.len});
    free(copy);
}

TEST(cut_keys_are_refused_unharmed)
{
    struct rec_key key;
    struct uuid job = id_of(9);
    struct rec_state rec = ready("mail", 3, "owner", "send", 77, 5);
    struct slice keys[] = {key_ready(&key, &rec, &job)};
    for (size_t len = 0; len <= keys[0].len; len++)
        parse_copy((struct slice){keys[0].at, len});
    key_timer(&key, 123456, TIMER_IDEMPOTENCY, word("owner|key"));
    for (size_t len = 0; len <= key.len; len++)
        parse_copy((struct slice){key.at, len});
    key_index(&key, 'o', TEXT("owner"), CLASS_CANCELLED, false, 99, &job);
    for (size_t len = 0; len <= key.len; len++)
        parse_copy((struct slice){key.at, len});
    key_status(&key, JOB_RUNNING, true, 99, &job);
    for (size_t len = 0; len <= key.len; len++)
        parse_copy((struct slice){key.at, len});
    key_counter(&key, 'q', TEXT("mail"), JOB_FAILED);
    for (size_t len = 0; len <= key.len; len++)
        parse_copy((struct slice){key.at, len});
}

TEST(random_keys_are_survived)
{
    struct draw draw = {seed_of("record")};
    uint8_t bytes_at[400];
    for (int i = 0; i < 200000; i++) {
        size_t len = draw_below(&draw, i % 100 == 0 ? sizeof bytes_at : 60);
        unsigned limit = draw_below(&draw, 2) == 0 ? 4 : 256;
        for (size_t j = 0; j < len; j++)
            bytes_at[j] = (uint8_t)draw_below(&draw, limit);
        parse_copy((struct slice){bytes_at, len});
    }
}

TEST(the_longest_names_fit)
{
    static char name[NAME_LEN_MAX];
    memset(name, 'x', sizeof name);
    struct rec_key key;
    struct rec_ready back;
    struct uuid job = id_of(1);
    struct rec_state rec = {.queue = {name, QUEUE_LEN_MAX},
                            .group = {name, GROUP_LEN_MAX},
                            .type = {name, TYPE_LEN_MAX}};
    assert_good(key_ready_parse(key_ready(&key, &rec, &job), &back));
    struct slice idempotency =
        key_idempotency(&key, (struct text){name, OWNER_LEN_MAX}, (struct text){name, KEY_LEN_MAX});
    assert_int_equal(idempotency.len, OWNER_LEN_MAX + 1 + KEY_LEN_MAX);
    struct rec_key timer;
    key_timer(&timer, 1, TIMER_IDEMPOTENCY, idempotency);
    key_counter(&key, 'n', (struct text){name, NAME_LEN_MAX}, JOB_FAILED);
}

/* Numbers sort as numbers. */
TEST(numbers_sort)
{
    const uint64_t numbers[] = {0, 1, 255, 256, 65535, 65536, UINT64_C(1) << 32, UINT64_MAX};
    struct rec_key keys[2];
    struct uuid job = id_of(1);
    for (size_t i = 1; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct slice a = key_fence(&keys[0], numbers[i - 1]);
        struct slice b = key_fence(&keys[1], numbers[i]);
        assert_true(text_cmp(slice_text(a), slice_text(b)) < 0);
        a = key_job_n(&keys[0], &job, numbers[i - 1]);
        b = key_job_n(&keys[1], &job, numbers[i]);
        assert_true(text_cmp(slice_text(a), slice_text(b)) < 0);
        a = key_timer(&keys[0], numbers[i - 1], TIMER_SWEEP, key_job(&job));
        b = key_timer(&keys[1], numbers[i], TIMER_DUE, key_job(&job));
        assert_true(text_cmp(slice_text(a), slice_text(b)) < 0);
    }
}

TEST(a_state_rests_and_returns)
{
    struct buf out = {0};
    struct fault fault;
    struct rec_state back;
    struct rec_state rec = ready("mail", 0, "owner", "send", 1718000000000, 42);
    rec.status = JOB_RUNNING;
    rec.fence = UINT64_MAX;
    rec.ending = true;
    rec.session = id_of(3);
    assert_good(shape_encode(&out, &shape_rec_state, &rec, KEYS_NUMBERS));
    assert_good(shape_decode(buf_slice(&out), &shape_rec_state, KEYS_NUMBERS, &back, &fault));
    assert_true(back.status == JOB_RUNNING && back.fence == UINT64_MAX && back.ending);
    assert_true(text_is(back.queue, "mail") && uuid_eq(&back.session, &rec.session));
    for (size_t len = 0; len < out.len; len++)
        assert_int_equal(shape_decode((struct slice){out.at, len}, &shape_rec_state, KEYS_NUMBERS,
                                      &back, &fault),
                         1);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_keys_sort_as_lanes),
        cmocka_unit_test(lane_prefixes_are_prefixes),
        cmocka_unit_test(ready_keys_come_apart_again),
        cmocka_unit_test(other_keys_come_apart_again),
        cmocka_unit_test(cut_keys_are_refused_unharmed),
        cmocka_unit_test(random_keys_are_survived),
        cmocka_unit_test(the_longest_names_fit),
        cmocka_unit_test(numbers_sort),
        cmocka_unit_test(a_state_rests_and_returns),
    };
    return TESTS_RUN(tests);
}
