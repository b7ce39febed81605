/* JSON both ways: what is kept, what is refused, and what is said about it. */
#include "tests/testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base64.h"
#include "proto/json.h"
#include "proto/pack.h"
#include "tests/wire/sample.h"

/* JSON through msgpack and back must give `wanted`. */
static void assert_through(const char *json, const char *wanted)
{
    struct buf packed = {0}, back = {0};
    struct fault fault;
    if (json_to_msgpack(text_of(json), &packed, &fault) != 0)
        fail_msg("%s: %s", json, fault.problem);
    assert_good(json_from_msgpack(buf_slice(&packed), &back));
    assert_good(buf_append(&back, "", 1));
    assert_string_equal((const char *)back.at, wanted);
    buf_fini(&packed);
    buf_fini(&back);
}

static void assert_same(const char *json)
{
    assert_through(json, json);
}

static void assert_refused(const char *json, const char *words)
{
    struct buf packed = {0};
    struct fault fault;
    assert_good(pack_nil(&packed));
    assert_int_equal(json_to_msgpack(text_of(json), &packed, &fault), 1);
    assert_int_equal(fault.error, WIRE_INVALID_REQUEST);
    if (!strstr(fault.problem, words))
        fail_msg("%s: \"%s\" says nothing of \"%s\"", json, fault.problem, words);
    assert_true(packed.len == 1);
    buf_fini(&packed);
}

/* What is packed in `value` must be written as `wanted`. */
static void assert_written(struct buf *value, const char *wanted)
{
    struct buf json = {0};
    assert_good(json_from_msgpack(buf_slice(value), &json));
    assert_good(buf_append(&json, "", 1));
    assert_string_equal((const char *)json.at, wanted);
    buf_fini(&json);
    buf_clear(value);
}

TEST(plain_values_stay)
{
    assert_same("null");
    assert_same("true");
    assert_same("[]");
    assert_same("{}");
    assert_same("[1,[2,{\"a\":[false,null]}],\"x\"]");
    assert_through(" { \"a\" : 1 , \"b\" : [ ] } ", "{\"a\":1,\"b\":[]}");
}

TEST(whole_numbers_are_exact)
{
    assert_same("[0,127,128,255,256,65535,65536,4294967295,4294967296]");
    assert_same("[9007199254740993,9223372036854775807,9223372036854775808]");
    assert_same("18446744073709551615");
    assert_same("[-1,-32,-33,-128,-129,-9007199254740993,-9223372036854775808]");
    assert_through("-0", "0");
    assert_refused("18446744073709551616", "64 bits");
    assert_refused("-9223372036854775809", "64 bits");
    assert_refused("{\"a\":[1,99999999999999999999999]}", "64 bits");
}

/* Numbers are looked up in the text: what looks like one inside a string must not be met. */
TEST(digits_in_strings_are_no_numbers)
{
    assert_same("{\"12\":\"34\",\"a\\\"5\":6,\"7\":[\"\\\\\",8,\"-9\"],\"-\":-1}");
    assert_through("[\"\\u0031\",2]", "[\"1\",2]");
}

TEST(floats_read_back_as_they_were)
{
    assert_same("[0.1,1.5,-2.25,1e+300,4.94065645841247e-324,0.30000000000000004]");
    assert_same("[1.7976931348623157e+308,-1e-07]");
    assert_through("[1.0,1e3,1E2,-0.0,100000000000000000000.0]",
                   "[1.0,1000.0,100.0,-0.0,1e+20]");
    assert_refused("1e400", "overflow");
}

TEST(numbers_that_json_lacks_become_null)
{
    struct buf value = {0};
    pack_array(&value, 3);
    pack_f64(&value, (double)NAN);
    pack_f64(&value, (double)INFINITY);
    pack_f64(&value, -(double)INFINITY);
    assert_written(&value, "[null,null,null]");
    buf_fini(&value);
}

TEST(unicode_stays_and_escapes_are_read)
{
    assert_same("\"é€😀\"");
    assert_through("\"\\u00e9\\u20ac\\ud83d\\ude00\\/\"", "\"é€😀/\"");
    assert_through("\"\\b\\f\\n\\r\\t\\\"\\\\\"", "\"\\u0008\\u000c\\n\\r\\t\\\"\\\\\"");
}

/* In a script element and in a line of SSE a text must end nothing. */
TEST(what_is_written_is_safe_inside_html_and_sse)
{
    assert_through("\"</script>&\\u2028\\u2029\\u007f\"",
                   "\"\\u003c/script\\u003e\\u0026\\u2028\\u2029\\u007f\"");
    assert_through("{\"a\\nb<\":1}", "{\"a\\nb\\u003c\":1}");
}

TEST(bad_utf8_in_a_value_is_replaced)
{
    struct buf value = {0};
    pack_text(&value, text_of("a\xff\xc3(\xed\xa0\x80z"));
    assert_written(&value, "\"a\\ufffd\\ufffd(\\ufffd\\ufffd\\ufffdz\"");
    pack_text(&value, (struct text){"\0x", 2});
    assert_written(&value, "\"\\u0000x\"");
    buf_fini(&value);
}

TEST(keys_that_are_no_texts_become_texts)
{
    struct buf value = {0};
    struct uuid id = {{0xff, 1}};
    pack_map(&value, 6);
    pack_u64(&value, 1);
    pack_nil(&value);
    pack_bool(&value, true);
    pack_nil(&value);
    pack_f64(&value, 1.5);
    pack_nil(&value);
    pack_nil(&value);
    pack_nil(&value);
    pack_array(&value, 1);
    pack_text(&value, TEXT("x"));
    pack_nil(&value);
    pack_uuid(&value, &id);
    pack_nil(&value);
    assert_written(&value, "{\"1\":null,\"true\":null,\"1.5\":null,\"null\":null,"
                           "\"[\\\"x\\\"]\":null,\"/wEAAAAAAAAAAAAAAAAAAA==\":null}");
    buf_fini(&value);
}

/* Each level of quoting would double what is inside it: 32 levels would be gigabytes. */
TEST(maps_as_keys_of_keys_do_not_grow_without_bound)
{
    struct buf value = {0}, json = {0};
    for (int i = 0; i < VALUE_DEPTH_MAX; i++)
        pack_map(&value, 1);
    pack_text(&value, TEXT("\"\"\"\""));
    for (int i = 0; i < VALUE_DEPTH_MAX; i++)
        pack_nil(&value);
    assert_good(json_from_msgpack(buf_slice(&value), &json));
    assert_true(json.len < 1000);
    buf_clear(&value);
    pack_map(&value, 1);
    pack_map(&value, 1);
    pack_array(&value, 0);
    pack_u64(&value, 1);
    pack_nil(&value);
    assert_written(&value, "{\"{\\\"kA==\\\":1}\":null}");
    buf_fini(&value);
    buf_fini(&json);
}

TEST(bytes_become_base64)
{
    static const char *const pairs[][2] = {{"", ""},         {"f", "Zg=="},     {"fo", "Zm8="},
                                           {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}};
    struct buf out = {0};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_good(base64_encode(&out, text_slice(text_of(pairs[i][0]))));
        assert_true(text_is(buf_text(&out), pairs[i][1]));
        buf_clear(&out);
        assert_good(base64_decode(&out, text_of(pairs[i][1])));
        assert_true(text_is(buf_text(&out), pairs[i][0]));
        buf_clear(&out);
    }
    static const char *const bad[] = {"Zg=", "Zg", "Z===", "Zh==", "Zm9=", "Zg==Zg==", "Z g=",
                                      "===="};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(base64_decode(&out, text_of(bad[i])), 1);
        assert_true(out.len == 0);
    }
    buf_fini(&out);
}

TEST(what_is_no_json_is_refused_with_its_place)
{
    assert_refused("", "line 1");
    assert_refused("{\"a\":1,}", "line 1");
    assert_refused("{\n\"a\":\n nope}", "line 3, column");
    assert_refused("[1] 2", "end of file expected");
    assert_refused("\"\xff\"", "line 1");
    assert_refused("\"\\ud800\"", "line 1");
    assert_refused("\"\\u0000\"", "line 1");
    assert_refused("{\"\\u0000\":1}", "line 1");
    assert_refused("NaN", "line 1");
    assert_refused("01", "line 1");
}

TEST(duplicate_keys_are_refused)
{
    assert_refused("{\"a\":1,\"a\":2}", "duplicate");
    assert_refused("[{\"b\":{\"a\":1,\"\\u0061\":2}}]", "duplicate");
}

static void nested(char *json, size_t depth)
{
    memset(json, '[', depth);
    memset(json + depth, ']', depth);
    json[2 * depth] = '\0';
}

TEST(depth_is_bounded)
{
    static char json[2 * 100000 + 1];
    nested(json, VALUE_DEPTH_MAX);
    assert_same(json);
    nested(json, VALUE_DEPTH_MAX + 1);
    assert_refused(json, "too deeply");
    nested(json, 100000);
    assert_refused(json, "depth");
}

TEST(bad_bytes_are_never_written)
{
    static const uint8_t cut[] = {0x92, 1}, more[] = {1, 2}, reserved[] = {0xc1},
                         ext[] = {0xd4, 1, 1}, bomb[] = {0xdf, 0xff, 0xff, 0xff, 0xff};
    const struct slice bad[] = {{cut, sizeof cut}, {more, sizeof more}, {reserved, 1},
                                {ext, sizeof ext}, {bomb, sizeof bomb}, {NULL, 0}};
    struct buf out = {0};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_true(json_from_msgpack(bad[i], &out) < 0);
        assert_true(json_from_shape(bad[i], &shape_job, &out) < 0);
        assert_true(out.len == 0);
    }
    uint8_t deep[10000];
    memset(deep, 0x91, sizeof deep);
    assert_true(json_from_msgpack((struct slice){deep, sizeof deep}, &out) < 0);
    memset(deep, 0x81, sizeof deep);
    assert_true(json_from_msgpack((struct slice){deep, sizeof deep}, &out) < 0);
    buf_fini(&out);
}

/* --- by shape -------------------------------------------------------------------------------- */

#define ID "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"

static void assert_shape_through(const struct shape *shape, const char *json, const char *wanted)
{
    struct buf packed = {0}, back = {0};
    struct fault fault;
    if (json_to_shape(text_of(json), shape, &packed, &fault) != 0)
        fail_msg("%s: %s: %s", json, fault.field, fault.problem);
    assert_good(json_from_shape(buf_slice(&packed), shape, &back));
    assert_good(buf_append(&back, "", 1));
    assert_string_equal((const char *)back.at, wanted);
    buf_fini(&packed);
    buf_fini(&back);
}

static void assert_shape_refused(const struct shape *shape, const char *json, const char *field,
                                 const char *problem)
{
    struct buf packed = {0};
    struct fault fault;
    assert_int_equal(json_to_shape(text_of(json), shape, &packed, &fault), 1);
    assert_string_equal(fault.field, field);
    assert_string_equal(fault.problem, problem);
    assert_true(packed.len == 0);
    buf_fini(&packed);
}

TEST(fields_are_worded_by_their_kind)
{
    static const char json[] =
        "{\"id\":\"" ID "\",\"type\":\"a\",\"status\":\"running\",\"priority\":0,"
        "\"params\":{\"at\":5,\"id\":\"x\"},\"progress\":{\"fraction\":0.5,\"total\":7},"
        "\"stages\":[{\"name\":\"s\",\"started_at\":\"2026-01-02T03:04:05.678Z\"}],"
        "\"created_at\":\"1970-01-01T00:00:00.001Z\",\"result\":null}";
    assert_shape_through(&shape_job, json, json);
}

TEST(times_and_ids_are_taken_in_other_forms)
{
    assert_shape_through(&shape_event, "{\"at\":1000}", "{\"at\":\"1970-01-01T00:00:01.000Z\"}");
    assert_shape_through(&shape_event, "{\"at\":\"2026-01-01T02:00:00+02:00\"}",
                         "{\"at\":\"2026-01-01T00:00:00.000Z\"}");
    assert_shape_through(&shape_event, "{\"job\":\"job_017f22e279b07cc398c4dc0c0c07398f\"}",
                         "{\"job\":\"" ID "\"}");
    assert_shape_through(message_shape(MSG_GET_REVS), "{\"ids\":[\"" ID "\"]}",
                         "{\"ids\":[\"" ID "\"]}");
    assert_shape_through(message_shape(MSG_SUBMIT), "{\"fingerprint\":\"Zm9v\"}",
                         "{\"fingerprint\":\"Zm9v\"}");
}

TEST(null_is_as_absent_but_for_values)
{
    assert_shape_through(&shape_spec, "{\"type\":\"a\",\"name\":null,\"priority\":null}",
                         "{\"type\":\"a\"}");
    assert_shape_through(&shape_spec, "{\"params\":null}", "{\"params\":null}");
}

TEST(unknown_fields_are_named)
{
    assert_shape_refused(&shape_spec, "{\"type\":\"a\",\"prioritty\":3}", "prioritty",
                         "unknown field");
    assert_shape_refused(&shape_spec, "{\"what\":null}", "what", "unknown field");
    assert_shape_refused(&shape_job, "{\"error\":{\"typ\":\"x\"}}", "error.typ", "unknown field");
    assert_shape_refused(&shape_job, "{\"stages\":[{},{\"nam\":\"x\"}]}", "stages[1].nam",
                         "unknown field");
}

TEST(wrong_kinds_are_named_with_their_path)
{
    assert_shape_refused(&shape_spec, "{\"type\":5}", "type", "expected text of at most 100 bytes");
    assert_shape_refused(&shape_spec, "{\"priority\":10}", "priority",
                         "expected a whole number of at most 9");
    assert_shape_refused(&shape_spec, "{\"priority\":1.0}", "priority",
                         "expected a whole number of at most 9");
    assert_shape_refused(&shape_spec, "{\"priority\":\"5\"}", "priority",
                         "expected a whole number of at most 9");
    assert_shape_refused(&shape_spec, "{\"run_at\":\"tomorrow\"}", "run_at",
                         "expected an RFC 3339 time, from 1970 to 9999");
    assert_shape_refused(&shape_spec, "{\"run_at\":{}}", "run_at",
                         "expected a time from 1970 to 9999");
    assert_shape_refused(&shape_spec, "{\"id\":\"7\"}", "id", "expected a UUID");
    assert_shape_refused(&shape_job, "{\"status\":\"dead\"}", "status",
                         "expected one of: scheduled pending running completed failed cancelled "
                         "blocked waiting");
    assert_shape_refused(&shape_job, "{\"stages\":{}}", "stages",
                         "expected a list of objects of at most 64");
    assert_shape_refused(&shape_job, "{\"stages\":[1]}", "stages[0]", "expected an object");
    assert_shape_refused(&shape_job, "{\"progress\":1}", "progress", "expected an object");
    assert_shape_refused(&shape_job, "{\"progress\":{\"fraction\":2}}", "progress.fraction",
                         "expected a number from 0 to 1");
    assert_shape_refused(&shape_spec, "[]", "", "expected an object");
    assert_shape_refused(&shape_spec, "{\"params\":99999999999999999999}", "params",
                         "expected whole numbers of at most 64 bits");
}

TEST(large_values_have_an_error_of_their_own)
{
    static char json[CONTEXT_SIZE_MAX + 64];
    struct buf packed = {0};
    struct fault fault;
    size_t head = strlen("{\"context\":\"");
    memset(json, 'x', sizeof json);
    memcpy(json, "{\"context\":\"", head);
    memcpy(json + head + CONTEXT_SIZE_MAX, "\"}", 3);
    assert_int_equal(json_to_shape(text_of(json), &shape_log, &packed, &fault), 1);
    assert_int_equal(fault.error, WIRE_PAYLOAD_TOO_LARGE);
    assert_string_equal(fault.field, "context");
    buf_fini(&packed);
}

/* What a broker of a newer version may send. */
TEST(fields_beyond_the_shape_are_written_as_they_are)
{
    struct buf value = {0}, json = {0};
    pack_map(&value, 3);
    pack_text(&value, TEXT("newer"));
    pack_array(&value, 1);
    pack_u64(&value, 1);
    pack_text(&value, TEXT("at"));
    pack_text(&value, TEXT("noon"));
    pack_text(&value, TEXT("job"));
    pack_u64(&value, 5);
    assert_good(json_from_shape(buf_slice(&value), &shape_event, &json));
    assert_true(text_is(buf_text(&json), "{\"newer\":[1],\"at\":\"noon\",\"job\":5}"));
    buf_fini(&value);
    buf_fini(&json);
}

TEST(a_struct_is_written_as_its_map)
{
    struct wire_standing standing = {.rev = 3, .status = JOB_PENDING, .ending = true};
    struct buf json = {0};
    assert_good(json_from_struct(&standing, &shape_standing, &json));
    assert_true(text_is(buf_text(&json), "{\"rev\":3,\"status\":\"pending\",\"ending\":true}"));
    buf_fini(&json);
}

TEST(texts_are_quoted)
{
    struct buf json = {0};
    assert_good(json_quote(&json, TEXT("say \"hi\"\n")));
    assert_true(text_is(buf_text(&json), "\"say \\\"hi\\\"\\n\""));
    buf_fini(&json);
}

/* Every shape with every field, from the struct to JSON and back to a struct. */
static void check_round(const struct shape *shape, uint64_t seed)
{
    struct sample sample = sample_of(seed);
    struct buf first = {0}, packed = {0}, second = {0};
    struct fault fault;
    void *value = calloc(1, shape->size);
    sample_fill(&sample, shape, value);
    assert_good(json_from_struct(value, shape, &first));
    if (json_to_shape(buf_text(&first), shape, &packed, &fault) != 0)
        fail_msg("%s.%s: %s", shape->name, fault.field, fault.problem);
    assert_good(json_from_shape(buf_slice(&packed), shape, &second));
    assert_true(text_eq(buf_text(&first), buf_text(&second)));
    buf_fini(&first);
    buf_fini(&packed);
    buf_fini(&second);
    free(value);
    sample_fini(&sample);
}

TEST(every_shape_goes_through_json_and_back)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
#define SHAPE(NAME, name) check_round(&shape_##name, seed);
#include "proto/shapes.def"
#undef SHAPE
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_values_stay),
        cmocka_unit_test(whole_numbers_are_exact),
        cmocka_unit_test(digits_in_strings_are_no_numbers),
        cmocka_unit_test(floats_read_back_as_they_were),
        cmocka_unit_test(numbers_that_json_lacks_become_null),
        cmocka_unit_test(unicode_stays_and_escapes_are_read),
        cmocka_unit_test(what_is_written_is_safe_inside_html_and_sse),
        cmocka_unit_test(bad_utf8_in_a_value_is_replaced),
        cmocka_unit_test(keys_that_are_no_texts_become_texts),
        cmocka_unit_test(maps_as_keys_of_keys_do_not_grow_without_bound),
        cmocka_unit_test(bytes_become_base64),
        cmocka_unit_test(what_is_no_json_is_refused_with_its_place),
        cmocka_unit_test(duplicate_keys_are_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(bad_bytes_are_never_written),
        cmocka_unit_test(fields_are_worded_by_their_kind),
        cmocka_unit_test(times_and_ids_are_taken_in_other_forms),
        cmocka_unit_test(null_is_as_absent_but_for_values),
        cmocka_unit_test(unknown_fields_are_named),
        cmocka_unit_test(wrong_kinds_are_named_with_their_path),
        cmocka_unit_test(large_values_have_an_error_of_their_own),
        cmocka_unit_test(fields_beyond_the_shape_are_written_as_they_are),
        cmocka_unit_test(a_struct_is_written_as_its_map),
        cmocka_unit_test(texts_are_quoted),
        cmocka_unit_test(every_shape_goes_through_json_and_back),
    };
    return TESTS_RUN(tests);
}
