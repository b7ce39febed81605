/* The tables themselves: what the codec and every reader of the protocol rely on. */
#include "tests/testing.h"

#include <string.h>

#include "proto/codec.h"

static const struct shape *const shapes[] = {
#define SHAPE(NAME, name) &shape_##name,
#include "proto/shapes.def"
#undef SHAPE
    &shape_envelope,
};

typedef void check_fn(const struct shape *shape, const struct field *field);

static void each_field_of(const struct shape *shape, check_fn *check)
{
    for (size_t i = 0; i < shape->count; i++)
        check(shape, &shape->fields[i]);
}

static void each_field(check_fn *check)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        each_field_of(shapes[i], check);
    for (unsigned id = 1; id < MSG_COUNT; id++)
        each_field_of(message_shape((enum message_id)id), check);
}

static void check_name(const struct shape *shape, const struct field *field)
{
    if (field->name_len == 0 || field->name_len > 31 || field->name_len != strlen(field->name))
        fail_msg("%s.%s: a name has 1 to 31 letters", shape->name, field->name);
}

static void check_of(const struct shape *shape, const struct field *field)
{
    bool nested = field->kind == KIND_map || field->kind == KIND_list;
    if (nested != (field->of != NULL))
        fail_msg("%s.%s: a map or list has a shape, nothing else has", shape->name, field->name);
}

/* Numbers rest on disk: one byte each, and never two fields with the same. */
static void check_once(const struct shape *shape, const struct field *field)
{
    for (const struct field *other = shape->fields; other < field; other++)
        if (strcmp(other->name, field->name) == 0 || other->number == field->number)
            fail_msg("%s: %s and %s share a name or a number", shape->name, other->name,
                     field->name);
    assert_in_range(field->number, 1, 127);
}

static void check_max(const struct shape *shape, const struct field *field)
{
    bool without = field->kind == KIND_flag || field->kind == KIND_state ||
                   field->kind == KIND_uuid || field->kind == KIND_map || field->kind == KIND_f64;
    if (!without && field->max == 0)
        fail_msg("%s.%s has no limit", shape->name, field->name);
}

TEST(names_fit_a_short_head)
{
    each_field(check_name);
}

TEST(maps_and_lists_have_their_shape)
{
    each_field(check_of);
}

TEST(names_and_numbers_are_used_once)
{
    each_field(check_once);
}

TEST(everything_has_a_limit)
{
    each_field(check_max);
}

/* Both live in one map: a field named like one of the envelope's would never be met. */
TEST(no_message_hides_a_field_behind_the_envelope)
{
    for (unsigned id = 1; id < MSG_COUNT; id++) {
        const struct shape *own = message_shape((enum message_id)id);
        for (size_t i = 0; i < own->count; i++)
            for (size_t k = 0; k < shape_envelope.count; k++)
                if (strcmp(own->fields[i].name, shape_envelope.fields[k].name) == 0)
                    fail_msg("%s.%s is also in the envelope", own->name, own->fields[i].name);
    }
}

TEST(every_message_has_a_name_a_shape_and_a_sender)
{
    for (unsigned id = 1; id < MSG_COUNT; id++) {
        assert_non_null(message_shape((enum message_id)id));
        assert_string_equal(message_name((enum message_id)id),
                            message_shape((enum message_id)id)->name);
        assert_true(message_senders((enum message_id)id) != 0);
    }
    assert_string_equal(message_name(MSG_NONE), "none");
    assert_string_equal(message_name(MSG_COUNT), "none");
    assert_null(message_shape(MSG_COUNT));
    assert_int_equal(message_senders(MSG_HELLO), FROM_CLIENT | FROM_WORKER);
    assert_int_equal(message_senders(MSG_EVENT_IS), FROM_EVENTS);
}

TEST(a_row_names_the_shape_itself)
{
    assert_ptr_equal(message_shape(MSG_SUBMIT)->fields[0].of, &shape_spec);
    assert_ptr_equal(message_shape(MSG_HEARTBEAT)->fields[0].of, &shape_hold);
}

TEST(states_and_their_words)
{
    for (unsigned i = 1; i < JOB_STATE_COUNT; i++)
        assert_int_equal(job_state_of(text_of(job_state_word((enum job_state)i))), i);
    assert_int_equal(job_state_of(TEXT("none")), JOB_NONE);
    assert_int_equal(job_state_of(TEXT("")), JOB_NONE);
    assert_string_equal(job_state_word(JOB_STATE_COUNT), "none");
}

/* Every pair there is, one row for each state and what may follow it; rows and letters in the order
 * of the states' numbers: Scheduled Pending Running Completed Failed cAncelled Blocked Waiting. */
TEST(moves_are_those_of_the_table_and_no_others)
{
    static const char letters[] = "-SPRCFABW";
    static const char *const may[JOB_STATE_COUNT] = {
        "SPB", "PFA", "RFA", "SPCFAW", "", "PB", "PB", "SPFA", "PFA",
    };
    for (unsigned from = 0; from < JOB_STATE_COUNT; from++)
        for (unsigned to = 0; to < JOB_STATE_COUNT; to++) {
            bool legal = strchr(may[from], letters[to]) != NULL;
            if (job_state_may((enum job_state)from, (enum job_state)to) != legal)
                fail_msg("%s to %s", job_state_word((enum job_state)from),
                         job_state_word((enum job_state)to));
        }
    assert_false(job_state_may(JOB_NONE, JOB_STATE_COUNT));
    assert_false(job_state_may(JOB_STATE_COUNT, JOB_PENDING));
}

TEST(errors_and_their_codes)
{
    for (unsigned i = 1; i < WIRE_ERROR_COUNT; i++) {
        enum wire_error error = (enum wire_error)i;
        assert_int_equal(wire_error_of(text_of(wire_error_code(error))), error);
        assert_in_range(wire_error_status(error), 400, 599);
        assert_true(strlen(wire_error_message(error)) > 0);
    }
    assert_int_equal(wire_error_of(TEXT("NEW_ONE")), WIRE_SERVER_ERROR);
    assert_string_equal(wire_error_code(WIRE_OK), "OK");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_fit_a_short_head),
        cmocka_unit_test(maps_and_lists_have_their_shape),
        cmocka_unit_test(names_and_numbers_are_used_once),
        cmocka_unit_test(everything_has_a_limit),
        cmocka_unit_test(no_message_hides_a_field_behind_the_envelope),
        cmocka_unit_test(every_message_has_a_name_a_shape_and_a_sender),
        cmocka_unit_test(a_row_names_the_shape_itself),
        cmocka_unit_test(states_and_their_words),
        cmocka_unit_test(moves_are_those_of_the_table_and_no_others),
        cmocka_unit_test(errors_and_their_codes),
    };
    return TESTS_RUN(tests);
}
