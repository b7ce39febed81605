/* gateway/api/spec: JSON of a job to the wire's spec, field by field. */
#include "tests/testing.h"

#include <string.h>

#include "gateway/api/body.h"
#include "gateway/api/spec.h"
#include "proto/json.h"

static struct buf parsed;
static struct wire_spec spec;
static struct spec_extras extras;
static struct fault fault;

static int read(const char *json)
{
    buf_clear(&parsed);
    assert_good(json_to_msgpack(text_of(json), &parsed, &fault));
    return spec_read(buf_slice(&parsed), &spec, &extras, &fault);
}

TEST(the_least_that_is_enough)
{
    assert_good(read("{\"type\":\"ingest\"}"));
    assert_true(text_is(spec.type, "ingest"));
    assert_int_equal(spec.params.len, 1); /* {} */
    assert_int_equal(spec.params.at[0], 0x80);
    assert_false(spec.priority.set);
    assert_true(uuid_is_null(&spec.id));
    assert_int_equal(extras.idempotency_key.len, 0);
}

TEST(every_field)
{
    assert_good(
        read("{\"type\":\"t\",\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\",\"owner\":\"me\","
             "\"queue\":\"q\",\"priority\":0,\"group\":\"g\",\"name\":\"n\",\"description\":\"d\","
             "\"metadata\":{\"k\":1},\"params\":[1,2],\"delay\":1.5,\"timeout\":\"1h30m\","
             "\"max_attempts\":7,\"max_lost\":2,\"backoff\":\"500ms\",\"backoff_cap\":60,"
             "\"retention\":\"2d\",\"traceparent\":\"00-x\",\"idempotency_key\":\"k\","
             "\"result_retention\":3600,\"start_deadline\":\"5m\",\"stuck_timeout\":90,"
             "\"on_stuck\":\"fail\",\"unique_key\":\"u\",\"unique_policy\":\"return\","
             "\"depends_on\":[\"01890a5d-ac96-774b-bcce-b302099a8057\"],"
             "\"on_parent_failure\":\"run\"}"));
    char id[UUID_TEXT_LEN + 1];
    uuid_format(&spec.id, id);
    assert_string_equal(id, "01890a5d-ac96-774b-bcce-b302099a8057");
    assert_true(text_is(spec.owner, "me") && text_is(spec.queue, "q"));
    assert_true(text_is(spec.group, "g") && text_is(spec.name, "n"));
    assert_true(text_is(spec.description, "d") && text_is(spec.traceparent, "00-x"));
    assert_true(spec.priority.set && spec.priority.value == 0);
    assert_int_equal(spec.params.len, 3);
    assert_int_equal(spec.metadata.len, 4);
    assert_int_equal(spec.delay_ms, 1500);
    assert_int_equal(spec.timeout_ms.value, 5400000);
    assert_int_equal(spec.max_attempts.value, 7);
    assert_int_equal(spec.max_lost.value, 2);
    assert_int_equal(spec.backoff_ms.value, 500);
    assert_int_equal(spec.backoff_cap_ms.value, 60000);
    assert_int_equal(spec.retention_ms.value, 172800000);
    assert_true(text_is(extras.idempotency_key, "k"));
    assert_int_equal(spec.result_retention_ms.value, 3600000);
    assert_int_equal(spec.start_deadline_ms.value, 300000);
    assert_int_equal(spec.stuck_timeout_ms.value, 90000);
    assert_true(text_is(spec.on_stuck, "fail") && text_is(spec.on_parent_failure, "run"));
    assert_true(text_is(spec.unique_key, "u") && text_is(spec.unique_policy, "return"));
    struct list_iter iter;
    struct uuid parent;
    assert_good(list_open(spec.depends_on, &iter));
    assert_int_equal(list_next_uuid(&iter, &parent), 1);
    assert_true(uuid_eq(&parent, &spec.id));
}

TEST(times_and_absent_values)
{
    assert_good(read("{\"type\":\"t\",\"run_at\":\"2030-01-01T00:00:00Z\",\"queue\":null,"
                     "\"priority\":null,\"params\":null,\"idempotency_key\":null}"));
    assert_int_equal(spec.run_at, 1893456000000);
    assert_int_equal(spec.queue.len, 0);
    assert_false(spec.priority.set);
    assert_int_equal(spec.params.at[0], 0xc0); /* null is a value for a handler */
}

static void assert_refused(const char *json, const char *field)
{
    if (read(json) == 0)
        fail_msg("taken: %s", json);
    assert_string_equal(fault.field, field);
    assert_int_equal(fault.error, WIRE_INVALID_REQUEST);
    assert_true(fault.problem[0] != '\0');
}

TEST(refuses_by_name)
{
    assert_refused("{}", "type");
    assert_refused("{\"type\":\"\"}", "type");
    assert_refused("{\"type\":5}", "type");
    assert_refused("{\"type\":\"t\",\"prio\":5}", "prio");
    assert_refused("{\"type\":\"t\",\"prio\":null}", "prio");
    assert_refused("{\"type\":\"t\",\"delay_ms\":5}", "delay_ms");
    assert_refused("{\"type\":\"t\",\"priority\":10}", "priority");
    assert_refused("{\"type\":\"t\",\"priority\":-1}", "priority");
    assert_refused("{\"type\":\"t\",\"priority\":1.5}", "priority");
    assert_refused("{\"type\":\"t\",\"priority\":\"5\"}", "priority");
    assert_refused("{\"type\":\"t\",\"max_attempts\":0}", "max_attempts");
    assert_refused("{\"type\":\"t\",\"max_attempts\":10001}", "max_attempts");
    assert_refused("{\"type\":\"t\",\"timeout\":0}", "timeout");
    assert_refused("{\"type\":\"t\",\"timeout\":\"soon\"}", "timeout");
    assert_refused("{\"type\":\"t\",\"delay\":-1}", "delay");
    assert_refused("{\"type\":\"t\",\"delay\":-0.5}", "delay");
    assert_refused("{\"type\":\"t\",\"delay\":1e300}", "delay");
    assert_refused("{\"type\":\"t\",\"delay\":18446744073709551615}", "delay");
    assert_refused("{\"type\":\"t\",\"delay\":[]}", "delay");
    assert_refused("{\"type\":\"t\",\"depends_on\":\"01890a5d-ac96-774b-bcce-b302099a8057\"}",
                   "depends_on");
    assert_refused("{\"type\":\"t\",\"depends_on\":[\"x\"]}", "depends_on");
    assert_refused("{\"type\":\"t\",\"depends_on\":[5]}", "depends_on");
    assert_refused("{\"type\":\"t\",\"stuck_timeout\":0}", "stuck_timeout");
    assert_refused("{\"type\":\"t\",\"unique_key\":\"\"}", "unique_key");
    assert_refused("{\"type\":\"t\",\"run_at\":\"tomorrow\"}", "run_at");
    assert_refused("{\"type\":\"t\",\"run_at\":5}", "run_at");
    assert_refused("{\"type\":\"t\",\"id\":\"x\"}", "id");
    assert_refused("{\"type\":\"t\",\"id\":\"00000000-0000-0000-0000-000000000000\"}", "id");
    assert_refused("{\"type\":\"t\",\"metadata\":[]}", "metadata");
    assert_refused("{\"type\":\"t\",\"idempotency_key\":\"\"}", "idempotency_key");
    assert_refused("{\"type\":\"t\",\"run_at\":\"2030-01-01T00:00:00Z\",\"delay\":1}", "run_at");
    assert_refused("[]", "");
    assert_refused("\"type\"", "");
}

TEST(a_text_too_long)
{
    char json[256];
    memset(json, 'x', sizeof json);
    memcpy(json, "{\"type\":\"", 9);
    strcpy(json + 9 + TYPE_LEN_MAX, "\"}");
    assert_good(read(json));
    strcpy(json + 9 + TYPE_LEN_MAX, "x\"}");
    assert_refused(json, "type");
}

TEST(values_too_large)
{
    struct buf json = {0};
    buf_append_text(&json, TEXT("{\"type\":\"t\",\"metadata\":{\"k\":\""));
    for (int i = 0; i < METADATA_SIZE_MAX; i++)
        buf_append(&json, "x", 1);
    buf_append_text(&json, TEXT("\"}}"));
    buf_append(&json, "", 1);
    assert_int_equal(read((const char *)json.at), 1);
    assert_int_equal(fault.error, WIRE_PAYLOAD_TOO_LARGE);
    assert_string_equal(fault.field, "metadata");
    buf_fini(&json);
}

static void assert_reworded(const char *from, bool is_list, const char *to)
{
    fault_set(&fault, WIRE_INVALID_REQUEST, from, "no");
    spec_reword(&fault, is_list);
    assert_string_equal(fault.field, to);
}

TEST(words_the_brokers_fields_as_the_client_knows_them)
{
    assert_reworded("jobs[0].type", false, "type");
    assert_reworded("jobs[12].delay_ms", true, "[12].delay");
    assert_reworded("jobs[0].timeout_ms", false, "timeout");
    assert_reworded("backoff_cap_ms", false, "backoff_cap");
    assert_reworded("jobs[3]", true, "[3]");
    assert_reworded("jobs[3]", false, "");
    assert_reworded("idempotency_key", false, "idempotency_key");
    assert_reworded("", true, "");
    assert_reworded("jobs[", true, "jobs[");
}

TEST(small_bodies)
{
    struct text reason;
    const struct body_field fields[] = {{"reason", 5, &reason}};
    struct buf scratch = {0};
    assert_good(body_read(TEXT(""), fields, 1, &scratch, &fault));
    assert_int_equal(reason.len, 0);
    assert_good(body_read(TEXT("{\"reason\":\"busy\"}"), fields, 1, &scratch, &fault));
    assert_true(text_is(reason, "busy"));
    static const char *const bad[] = {
        "{\"reason\":\"too long\"}", "{\"reason\":5}", "{\"why\":\"x\"}", "[]", "{",
        "{\"reason\":\"a\"} x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf_clear(&scratch);
        assert_int_equal(body_read(text_of(bad[i]), fields, 1, &scratch, &fault), 1);
    }
    buf_fini(&scratch);
}

static int forget(void **state)
{
    (void)state;
    buf_fini(&parsed);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_that_is_enough),
        cmocka_unit_test(every_field),
        cmocka_unit_test(times_and_absent_values),
        cmocka_unit_test(refuses_by_name),
        cmocka_unit_test(a_text_too_long),
        cmocka_unit_test(values_too_large),
        cmocka_unit_test(words_the_brokers_fields_as_the_client_knows_them),
        cmocka_unit_test(small_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
