/* What the decoder refuses, what it lets pass, and what it says: one case at a time. */
#include "tests/testing.h"

#include <math.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/pack.h"

/* A map under construction: pairs are packed by hand, as a peer in another language would. */
struct peer {
    struct buf bytes;
    struct message message;
    struct fault fault;
};

static void peer_begin(struct peer *peer, uint32_t pairs, const char *name)
{
    memset(peer, 0, sizeof *peer);
    assert_good(pack_map(&peer->bytes, pairs));
    assert_good(pack_text(&peer->bytes, TEXT("msg")));
    assert_good(pack_text(&peer->bytes, text_of(name)));
}

static void put_key(struct peer *peer, const char *key)
{
    assert_good(pack_text(&peer->bytes, text_of(key)));
}

static void put_u64(struct peer *peer, const char *key, uint64_t value)
{
    put_key(peer, key);
    assert_good(pack_u64(&peer->bytes, value));
}

static void put_text(struct peer *peer, const char *key, const char *value)
{
    put_key(peer, key);
    assert_good(pack_text(&peer->bytes, text_of(value)));
}

static int peer_decode(struct peer *peer)
{
    return message_decode(buf_slice(&peer->bytes), &peer->message, &peer->fault);
}

static void assert_fault(struct peer *peer, enum wire_error error, const char *field,
                         const char *problem)
{
    assert_int_equal(peer_decode(peer), 1);
    assert_int_equal(peer->fault.error, error);
    assert_string_equal(peer->fault.field, field);
    assert_string_equal(peer->fault.problem, problem);
    buf_fini(&peer->bytes);
}

/* --- the frame ------------------------------------------------------------------------------- */

TEST(msg_comes_first)
{
    struct peer peer = {0};
    assert_good(pack_map(&peer.bytes, 2));
    put_u64(&peer, "request", 9);
    put_text(&peer, "msg", "ping");
    assert_fault(&peer, WIRE_INVALID_REQUEST, "msg", "expected msg as the first key");
    assert_true(peer.message.envelope.request == 9);
}

TEST(a_frame_is_a_map)
{
    struct peer peer = {0};
    assert_good(pack_array(&peer.bytes, 0));
    assert_fault(&peer, WIRE_INVALID_REQUEST, "", "expected a message, which is a map");
    peer = (struct peer){0};
    assert_good(pack_map(&peer.bytes, 0));
    assert_fault(&peer, WIRE_INVALID_REQUEST, "msg", "expected msg as the first key");
}

TEST(an_unknown_message_is_named_and_can_be_answered)
{
    struct peer peer;
    peer_begin(&peer, 3, "teleport");
    put_text(&peer, "to", "mars");
    put_u64(&peer, "request", 12);
    assert_fault(&peer, WIRE_UNKNOWN_MESSAGE, "msg", "\"teleport\" is not a known message");
    assert_true(peer.message.envelope.request == 12);
    assert_int_equal(peer.message.id, MSG_NONE);
}

TEST(a_long_message_name_is_cut_at_a_character)
{
    struct peer peer;
    peer_begin(&peer, 1, "xäääääääääääääääääääääääääää");
    assert_int_equal(peer_decode(&peer), 1);
    struct text problem = text_of(peer.fault.problem);
    assert_true(problem.len > 0 && (problem.at[problem.len - 1] & 0xc0) != 0xc0);
    buf_fini(&peer.bytes);
}

TEST(unknown_fields_are_skipped_whatever_they_hold)
{
    struct peer peer;
    peer_begin(&peer, 4, "get_events");
    put_key(&peer, "newer");
    assert_good(pack_map(&peer.bytes, 1));
    assert_good(pack_array(&peer.bytes, 1));
    assert_good(pack_nil(&peer.bytes));
    assert_good(pack_f64(&peer.bytes, 1.5));
    put_u64(&peer, "after", 4);
    put_text(&peer, "a_field_with_a_name_that_is_longer_than_any_of_ours", "x");
    assert_good(peer_decode(&peer));
    assert_true(peer.message.get_events.after == 4);
    buf_fini(&peer.bytes);
}

TEST(a_field_given_twice_is_a_fault)
{
    struct peer peer;
    peer_begin(&peer, 4, "get_events");
    put_u64(&peer, "after", 4);
    put_u64(&peer, "limit", 4);
    put_u64(&peer, "after", 5);
    assert_fault(&peer, WIRE_INVALID_REQUEST, "after", "given twice");
    peer_begin(&peer, 3, "ping");
    put_u64(&peer, "request", 4);
    put_u64(&peer, "request", 4);
    assert_fault(&peer, WIRE_INVALID_REQUEST, "request", "given twice");
    peer_begin(&peer, 2, "ping");
    put_text(&peer, "msg", "pong");
    assert_fault(&peer, WIRE_INVALID_REQUEST, "msg", "given twice");
}

TEST(keys_are_texts)
{
    struct peer peer;
    peer_begin(&peer, 2, "ping");
    assert_good(pack_u64(&peer.bytes, 2));
    assert_good(pack_u64(&peer.bytes, 7));
    assert_fault(&peer, WIRE_INVALID_REQUEST, "", "expected texts as keys");
}

TEST(nil_is_as_absent)
{
    struct peer peer;
    peer_begin(&peer, 3, "cancel");
    put_key(&peer, "id");
    assert_good(pack_nil(&peer.bytes));
    put_key(&peer, "reason");
    assert_good(pack_nil(&peer.bytes));
    assert_good(peer_decode(&peer));
    assert_true(uuid_is_null(&peer.message.cancel.id));
    assert_true(peer.message.cancel.reason.len == 0);
    buf_fini(&peer.bytes);
}

TEST(the_union_is_clean_of_what_was_there_before)
{
    struct peer peer;
    struct message message;
    peer_begin(&peer, 1, "hello");
    memset(&message, 0xff, sizeof message);
    assert_good(message_decode(buf_slice(&peer.bytes), &message, &peer.fault));
    assert_true(message.hello.epoch == 0 && message.hello.queues.at == NULL);
    assert_true(message.envelope.request == 0 && !message.envelope.admin);
    buf_fini(&peer.bytes);
}

TEST(bombs_are_refused_and_still_answered)
{
    static const uint8_t bombs[][5] = {{0xdd, 0xff, 0xff, 0xff, 0xff},
                                       {0xdf, 0xff, 0xff, 0xff, 0xff},
                                       {0xdb, 0xff, 0xff, 0xff, 0xff},
                                       {0xc6, 0xff, 0xff, 0xff, 0xff}};
    for (size_t i = 0; i < sizeof bombs / sizeof bombs[0]; i++) {
        struct peer peer;
        peer_begin(&peer, 3, "submit");
        put_u64(&peer, "request", 3);
        put_key(&peer, "jobs");
        assert_good(buf_append(&peer.bytes, bombs[i], sizeof bombs[i]));
        assert_int_equal(peer_decode(&peer), 1);
        assert_int_equal(peer.fault.error, WIRE_INVALID_REQUEST);
        assert_true(peer.message.envelope.request == 3);
        buf_fini(&peer.bytes);
    }
}

TEST(a_frame_nested_ten_thousand_deep_is_refused)
{
    struct peer peer;
    peer_begin(&peer, 2, "submit");
    put_key(&peer, "jobs");
    for (int i = 0; i < 10000; i++)
        assert_good(pack_array(&peer.bytes, 1));
    assert_good(pack_nil(&peer.bytes));
    assert_fault(&peer, WIRE_INVALID_REQUEST, "", "the value is nested too deeply");
}

TEST(a_frame_beyond_the_size_is_refused)
{
    struct peer peer = {0};
    assert_good(buf_reserve(&peer.bytes, MESSAGE_SIZE_MAX + 1));
    memset(peer.bytes.at, 0xc0, MESSAGE_SIZE_MAX + 1);
    peer.bytes.len = MESSAGE_SIZE_MAX + 1;
    assert_fault(&peer, WIRE_PAYLOAD_TOO_LARGE, "", "expected a message of at most 8388608 bytes");
}

/* --- kinds and limits ------------------------------------------------------------------------ */

/* Decodes a map of one field with a value that is already packed in `value`. */
static int decode_one(const struct shape *shape, const char *key, struct buf *value, void *out,
                      struct fault *fault)
{
    struct buf bytes = {0};
    assert_good(pack_map(&bytes, 1));
    assert_good(pack_text(&bytes, text_of(key)));
    assert_good(pack_raw(&bytes, buf_slice(value)));
    int rc = shape_decode(buf_slice(&bytes), shape, KEYS_NAMES, out, fault);
    buf_fini(&bytes);
    buf_clear(value);
    return rc;
}

#define assert_one_refused(shape, key, value, out, words)                           \
    do {                                                                            \
        struct fault why;                                                           \
        assert_int_equal(decode_one((shape), (key), (value), (out), &why), 1);      \
        assert_string_equal(why.field, (key));                                      \
        assert_string_equal(why.problem, (words));                                  \
    } while (0)

TEST(wrong_kinds_are_named)
{
    struct wire_job job;
    struct buf value = {0};
    pack_u64(&value, 1);
    assert_one_refused(&shape_job, "type", &value, &job, "expected text of at most 100 bytes");
    pack_text(&value, TEXT("x"));
    assert_one_refused(&shape_job, "rev", &value, &job, "expected a whole number");
    pack_i64(&value, -1);
    assert_one_refused(&shape_job, "priority", &value, &job,
                       "expected a whole number of at most 9");
    pack_f64(&value, 3);
    assert_one_refused(&shape_job, "rev", &value, &job, "expected a whole number");
    pack_bool(&value, true);
    assert_one_refused(&shape_job, "created_at", &value, &job,
                       "expected a time from 1970 to 9999");
    pack_array(&value, 0);
    assert_one_refused(&shape_job, "progress", &value, &job, "expected an object");
    pack_map(&value, 0);
    assert_one_refused(&shape_job, "stages", &value, &job,
                       "expected a list of objects of at most 64");
    pack_text(&value, TEXT("not-an-id"));
    assert_one_refused(&shape_job, "id", &value, &job, "expected a UUID");
    pack_bin(&value, (struct slice){(const uint8_t *)"0123456789abcde", 15});
    assert_one_refused(&shape_job, "id", &value, &job, "expected a UUID");
    buf_fini(&value);
}

TEST(states_go_by_word)
{
    struct wire_job job;
    struct buf value = {0};
    struct fault fault;
    pack_text(&value, TEXT("running"));
    assert_good(decode_one(&shape_job, "status", &value, &job, &fault));
    assert_int_equal(job.status, JOB_RUNNING);
    pack_text(&value, TEXT("sleeping"));
    assert_one_refused(&shape_job, "status", &value, &job,
                       "expected one of: scheduled pending running completed failed cancelled "
                       "blocked waiting");
    pack_u64(&value, JOB_RUNNING);
    assert_int_equal(decode_one(&shape_job, "status", &value, &job, &fault), 1);
    buf_fini(&value);
}

TEST(limits_hold_to_the_last)
{
    struct wire_spec spec;
    struct buf value = {0};
    struct fault fault;
    char long_text[TYPE_LEN_MAX + 1];
    memset(long_text, 'a', sizeof long_text);
    pack_text(&value, (struct text){long_text, TYPE_LEN_MAX});
    assert_good(decode_one(&shape_spec, "type", &value, &spec, &fault));
    pack_text(&value, (struct text){long_text, TYPE_LEN_MAX + 1});
    assert_one_refused(&shape_spec, "type", &value, &spec, "expected text of at most 100 bytes");
    pack_u64(&value, PRIORITY_MAX);
    assert_good(decode_one(&shape_spec, "priority", &value, &spec, &fault));
    assert_true(spec.priority.set && spec.priority.value == PRIORITY_MAX);
    pack_u64(&value, PRIORITY_MAX + 1);
    assert_one_refused(&shape_spec, "priority", &value, &spec,
                       "expected a whole number of at most 9");
    pack_u64(&value, TIME_MAX_MS);
    assert_good(decode_one(&shape_spec, "run_at", &value, &spec, &fault));
    pack_u64(&value, TIME_MAX_MS + 1);
    assert_one_refused(&shape_spec, "run_at", &value, &spec, "expected a time from 1970 to 9999");
    buf_fini(&value);
}

/* An empty struct beside a zero that means something. */
TEST(zero_and_absent_differ_where_the_kind_says_so)
{
    struct wire_spec spec = {.priority = opt_of(0)}, decoded;
    struct buf bytes = {0};
    struct fault fault;
    assert_good(shape_encode(&bytes, &shape_spec, &spec, KEYS_NAMES));
    assert_good(shape_decode(buf_slice(&bytes), &shape_spec, KEYS_NAMES, &decoded, &fault));
    assert_true(decoded.priority.set && decoded.priority.value == 0);
    assert_false(decoded.max_attempts.set);
    assert_true(opt_or(decoded.max_attempts, 3) == 3);
    buf_fini(&bytes);
}

TEST(payloads_are_bounded_with_an_error_of_their_own)
{
    struct wire_report_item item;
    struct buf value = {0};
    struct fault fault;
    assert_good(buf_reserve(&value, CHECKPOINT_SIZE_MAX));
    struct slice fits = {value.at, CHECKPOINT_SIZE_MAX - 3};
    struct buf packed = {0};
    memset(value.at, 'x', CHECKPOINT_SIZE_MAX);
    assert_good(pack_bin(&packed, fits));
    assert_true(packed.len == CHECKPOINT_SIZE_MAX);
    assert_good(decode_one(&shape_report_item, "checkpoint", &packed, &item, &fault));
    fits.len++;
    assert_good(pack_bin(&packed, fits));
    assert_one_refused(&shape_report_item, "checkpoint", &packed, &item,
                       "expected at most 65536 bytes");
    assert_good(pack_bin(&packed, fits));
    decode_one(&shape_report_item, "checkpoint", &packed, &item, &fault);
    assert_int_equal(fault.error, WIRE_PAYLOAD_TOO_LARGE);
    buf_fini(&value);
    buf_fini(&packed);
}

TEST(a_value_is_bounded_in_depth_by_itself)
{
    struct wire_spec spec;
    struct buf value = {0};
    struct fault fault;
    for (int i = 0; i < VALUE_DEPTH_MAX; i++)
        pack_array(&value, 1);
    pack_nil(&value);
    assert_good(decode_one(&shape_spec, "params", &value, &spec, &fault));
    for (int i = 0; i <= VALUE_DEPTH_MAX; i++)
        pack_array(&value, 1);
    pack_nil(&value);
    assert_one_refused(&shape_spec, "params", &value, &spec, "the value is nested too deeply");
    buf_fini(&value);
}

TEST(fractions_are_finite_and_within_their_row)
{
    struct wire_progress progress;
    struct wire_stage stage;
    struct buf value = {0};
    struct fault fault;
    pack_u64(&value, 1);
    assert_good(decode_one(&shape_progress, "fraction", &value, &progress, &fault));
    assert_true(progress.fraction.set && progress.fraction.value == 1);
    pack_f64(&value, 1.0001);
    assert_one_refused(&shape_progress, "fraction", &value, &progress,
                       "expected a number from 0 to 1");
    pack_i64(&value, -1);
    assert_one_refused(&shape_progress, "fraction", &value, &progress,
                       "expected a number from 0 to 1");
    pack_f64(&value, (double)NAN);
    assert_one_refused(&shape_progress, "fraction", &value, &progress,
                       "expected a number from 0 to 1");
    pack_f64(&value, (double)INFINITY);
    assert_one_refused(&shape_stage, "duration_seconds", &value, &stage,
                       "expected a finite number");
    pack_f64(&value, 123.5);
    assert_good(decode_one(&shape_stage, "duration_seconds", &value, &stage, &fault));
    buf_fini(&value);
}

TEST(text_is_valid_utf8)
{
    static const char *const bad[] = {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
                                      "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                                      "\xf8\x88\x80\x80\x80", "abcdefgh\xff"};
    static const char *const good[] = {"é", "€", "\xf0\x9f\x98\x80", "\xed\x9f\xbf",
                                       "abcdefghé"};
    struct wire_spec spec;
    struct buf value = {0};
    struct fault fault;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        pack_text(&value, text_of(bad[i]));
        assert_one_refused(&shape_spec, "name", &value, &spec, "expected valid UTF-8");
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        pack_text(&value, text_of(good[i]));
        assert_good(decode_one(&shape_spec, "name", &value, &spec, &fault));
    }
    buf_fini(&value);
}

TEST(ids_come_as_bytes_or_in_any_text_form)
{
    static const char *const forms[] = {"017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
                                        "017F22E279B07CC398C4DC0C0C07398F",
                                        "job_017f22e279b07cc398c4dc0c0c07398f"};
    struct wire_hold hold;
    struct uuid first;
    struct buf value = {0};
    struct fault fault;
    assert_good(uuid_parse(text_of(forms[0]), &first));
    pack_uuid(&value, &first);
    assert_good(decode_one(&shape_hold, "job", &value, &hold, &fault));
    assert_true(uuid_eq(&hold.job, &first));
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        pack_text(&value, text_of(forms[i]));
        assert_good(decode_one(&shape_hold, "job", &value, &hold, &fault));
        assert_true(uuid_eq(&hold.job, &first));
    }
    buf_fini(&value);
}

/* Absent is only the id that is zero in all its bytes. */
TEST(ids_that_begin_or_end_with_zeros_are_ids)
{
    struct wire_hold hold = {0}, decoded;
    for (size_t i = 0; i < sizeof hold.job.at; i++) {
        struct buf bytes = {0};
        struct fault fault;
        hold.job = (struct uuid){{0}};
        hold.job.at[i] = 1;
        assert_good(shape_encode(&bytes, &shape_hold, &hold, KEYS_NAMES));
        assert_good(shape_decode(buf_slice(&bytes), &shape_hold, KEYS_NAMES, &decoded, &fault));
        assert_true(uuid_eq(&hold.job, &decoded.job));
        buf_fini(&bytes);
    }
}

/* --- lists ----------------------------------------------------------------------------------- */

TEST(a_list_with_too_many_items_is_refused)
{
    struct peer peer;
    peer_begin(&peer, 2, "submit");
    put_key(&peer, "jobs");
    assert_good(pack_array(&peer.bytes, BATCH_JOBS_MAX));
    for (int i = 0; i < BATCH_JOBS_MAX; i++)
        assert_good(pack_map(&peer.bytes, 0));
    assert_good(peer_decode(&peer));
    buf_fini(&peer.bytes);
    peer_begin(&peer, 2, "submit");
    put_key(&peer, "jobs");
    assert_good(pack_array(&peer.bytes, BATCH_JOBS_MAX + 1));
    for (int i = 0; i <= BATCH_JOBS_MAX; i++)
        assert_good(pack_map(&peer.bytes, 0));
    assert_fault(&peer, WIRE_INVALID_REQUEST, "jobs", "expected a list of objects of at most 1000");
}

/* A partial submit answers for each of its jobs: a bad one does not end the walk. */
TEST(a_bad_item_does_not_hide_those_after_it)
{
    struct buf list = {0};
    struct list_iter iter;
    struct wire_hold hold;
    struct fault fault;
    pack_array(&list, 4);
    pack_map(&list, 1);
    pack_text(&list, TEXT("fence"));
    pack_u64(&list, 1);
    pack_map(&list, 2);
    pack_text(&list, TEXT("fence"));
    pack_text(&list, TEXT("one"));
    pack_text(&list, TEXT("job"));
    pack_nil(&list);
    pack_text(&list, TEXT("no map"));
    pack_map(&list, 1);
    pack_text(&list, TEXT("fence"));
    pack_u64(&list, 4);
    assert_good(list_open(buf_slice(&list), &iter));
    assert_true(iter.count == 4);
    assert_int_equal(list_next(&iter, &shape_hold, KEYS_NAMES, &hold, &fault), 1);
    assert_int_equal(list_next(&iter, &shape_hold, KEYS_NAMES, &hold, &fault), -1);
    assert_string_equal(fault.field, "fence");
    assert_true(iter.index == 1);
    fault_within(&fault, "running", iter.index);
    assert_string_equal(fault.field, "running[1].fence");
    assert_int_equal(list_next(&iter, &shape_hold, KEYS_NAMES, &hold, &fault), -1);
    assert_string_equal(fault.problem, "expected an object (hold)");
    fault_within(&fault, "running", iter.index);
    assert_string_equal(fault.field, "running[2]");
    assert_int_equal(list_next(&iter, &shape_hold, KEYS_NAMES, &hold, &fault), 1);
    assert_true(hold.fence == 4);
    assert_int_equal(list_next(&iter, &shape_hold, KEYS_NAMES, &hold, &fault), 0);
    assert_true(iter.index == 4);
    buf_fini(&list);
}

TEST(an_empty_slice_is_an_empty_list)
{
    struct list_iter iter;
    struct text text;
    assert_good(list_open((struct slice){NULL, 0}, &iter));
    assert_int_equal(list_next_text(&iter, &text), 0);
    uint8_t no_list = 0x05;
    assert_int_equal(list_open((struct slice){&no_list, 1}, &iter), 1);
}

TEST(a_list_cut_short_ends_with_an_error)
{
    static const uint8_t cut[] = {0xdd, 0xff, 0xff, 0xff, 0xff, 0xa1, 'a', 0xa3, 'b'};
    struct list_iter iter;
    struct slice item;
    struct text text;
    assert_good(list_open((struct slice){cut, sizeof cut}, &iter));
    assert_int_equal(list_next_text(&iter, &text), 1);
    assert_int_equal(list_next_any(&iter, &item), -1);
    assert_true(iter.index == 1);
    assert_int_equal(list_next_any(&iter, &item), 0);
    assert_true(iter.index == 2);
}

TEST(texts_and_ids_are_checked_item_by_item)
{
    struct peer peer;
    struct list_iter iter;
    struct text text;
    peer_begin(&peer, 2, "hello");
    put_key(&peer, "types");
    pack_array(&peer.bytes, 2);
    pack_text(&peer.bytes, TEXT("failed"));
    pack_text(&peer.bytes, TEXT("running"));
    assert_good(peer_decode(&peer));
    assert_good(list_open(peer.message.hello.types, &iter));
    assert_int_equal(list_next_text(&iter, &text), 1);
    assert_int_equal(list_next_text(&iter, &text), 1);
    assert_true(text_is(text, "running"));
    assert_int_equal(list_next_text(&iter, &text), 0);
    buf_fini(&peer.bytes);
    peer_begin(&peer, 2, "hello");
    put_key(&peer, "types");
    pack_array(&peer.bytes, 1);
    pack_u64(&peer.bytes, 3);
    assert_fault(&peer, WIRE_INVALID_REQUEST, "types", "expected a list of texts of at most 256");
    peer_begin(&peer, 2, "get_revs");
    put_key(&peer, "ids");
    pack_array(&peer.bytes, 1);
    pack_text(&peer.bytes, TEXT("x"));
    assert_fault(&peer, WIRE_INVALID_REQUEST, "ids", "expected a list of UUIDs of at most 1000");
}

TEST(lists_are_built_with_their_count_last)
{
    struct buf list = {0};
    struct list_iter iter;
    struct uuid id = {{1, 2, 3}}, back;
    size_t mark;
    assert_good(pack_nil(&list));
    assert_good(list_begin(&list, &mark));
    for (int i = 0; i < 3; i++)
        assert_good(pack_uuid(&list, &id));
    list_end(&list, mark, 3);
    assert_good(list_open((struct slice){list.at + mark, list.len - mark}, &iter));
    for (int i = 0; i < 3; i++)
        assert_int_equal(list_next_uuid(&iter, &back), 1);
    assert_int_equal(list_next_uuid(&iter, &back), 0);
    assert_true(uuid_eq(&id, &back));
    buf_fini(&list);
}

/* --- numbers as keys ------------------------------------------------------------------------- */

TEST(records_are_keyed_by_number)
{
    struct wire_standing standing = {.rev = 5, .status = JOB_FAILED}, decoded;
    struct buf bytes = {0};
    struct fault fault;
    static const uint8_t wanted[] = {0x82, 2, 5, 3, 5};
    assert_good(shape_encode(&bytes, &shape_standing, &standing, KEYS_NUMBERS));
    assert_true(bytes.len == sizeof wanted);
    assert_memory_equal(bytes.at, wanted, sizeof wanted);
    assert_good(shape_decode(buf_slice(&bytes), &shape_standing, KEYS_NUMBERS, &decoded, &fault));
    assert_int_equal(decoded.status, JOB_FAILED);
    buf_fini(&bytes);
}

TEST(records_of_a_newer_program_are_read_as_far_as_known)
{
    static const uint8_t newer[] = {0x83, 99, 0x91, 1, 2, 7, 0xcd, 1, 0, 1};
    static const uint8_t named[] = {0x81, 0xa3, 'r', 'e', 'v', 7};
    static const uint8_t no_state[] = {0x81, 3, 0x7f};
    static const uint8_t twice[] = {0x82, 2, 7, 2, 7};
    struct wire_standing standing;
    struct fault fault;
    assert_good(shape_decode((struct slice){newer, sizeof newer}, &shape_standing, KEYS_NUMBERS,
                             &standing, &fault));
    assert_true(standing.rev == 7);
    assert_int_equal(shape_decode((struct slice){named, sizeof named}, &shape_standing,
                                  KEYS_NUMBERS, &standing, &fault), 1);
    assert_int_equal(shape_decode((struct slice){no_state, sizeof no_state}, &shape_standing,
                                  KEYS_NUMBERS, &standing, &fault), 1);
    assert_int_equal(shape_decode((struct slice){twice, sizeof twice}, &shape_standing,
                                  KEYS_NUMBERS, &standing, &fault), 1);
    assert_string_equal(fault.problem, "given twice");
}

TEST(a_shape_is_all_of_its_bytes)
{
    static const uint8_t more[] = {0x80, 0x80};
    static const uint8_t list[] = {0x90};
    struct wire_hold hold;
    struct fault fault;
    assert_int_equal(shape_decode((struct slice){more, 2}, &shape_hold, KEYS_NAMES, &hold, &fault),
                     1);
    assert_string_equal(fault.problem, "bytes follow after the object");
    assert_int_equal(shape_decode((struct slice){list, 1}, &shape_hold, KEYS_NAMES, &hold, &fault),
                     1);
}

/* --- faults ---------------------------------------------------------------------------------- */

TEST(paths_of_faults_are_cut_not_overrun)
{
    struct fault fault;
    char long_name[200];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(fault_set(&fault, WIRE_CONFLICT, "type", "%d of %s", 3, "them"), 1);
    assert_string_equal(fault.problem, "3 of them");
    fault_within(&fault, "error", -1);
    fault_within(&fault, "jobs", 12);
    assert_string_equal(fault.field, "jobs[12].error.type");
    fault_within(&fault, long_name, -1);
    assert_true(strlen(fault.field) < sizeof fault.field);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(msg_comes_first),
        cmocka_unit_test(a_frame_is_a_map),
        cmocka_unit_test(an_unknown_message_is_named_and_can_be_answered),
        cmocka_unit_test(a_long_message_name_is_cut_at_a_character),
        cmocka_unit_test(unknown_fields_are_skipped_whatever_they_hold),
        cmocka_unit_test(a_field_given_twice_is_a_fault),
        cmocka_unit_test(keys_are_texts),
        cmocka_unit_test(nil_is_as_absent),
        cmocka_unit_test(the_union_is_clean_of_what_was_there_before),
        cmocka_unit_test(bombs_are_refused_and_still_answered),
        cmocka_unit_test(a_frame_nested_ten_thousand_deep_is_refused),
        cmocka_unit_test(a_frame_beyond_the_size_is_refused),
        cmocka_unit_test(wrong_kinds_are_named),
        cmocka_unit_test(states_go_by_word),
        cmocka_unit_test(limits_hold_to_the_last),
        cmocka_unit_test(zero_and_absent_differ_where_the_kind_says_so),
        cmocka_unit_test(payloads_are_bounded_with_an_error_of_their_own),
        cmocka_unit_test(a_value_is_bounded_in_depth_by_itself),
        cmocka_unit_test(fractions_are_finite_and_within_their_row),
        cmocka_unit_test(text_is_valid_utf8),
        cmocka_unit_test(ids_come_as_bytes_or_in_any_text_form),
        cmocka_unit_test(ids_that_begin_or_end_with_zeros_are_ids),
        cmocka_unit_test(a_list_with_too_many_items_is_refused),
        cmocka_unit_test(a_bad_item_does_not_hide_those_after_it),
        cmocka_unit_test(an_empty_slice_is_an_empty_list),
        cmocka_unit_test(a_list_cut_short_ends_with_an_error),
        cmocka_unit_test(texts_and_ids_are_checked_item_by_item),
        cmocka_unit_test(lists_are_built_with_their_count_last),
        cmocka_unit_test(records_are_keyed_by_number),
        cmocka_unit_test(records_of_a_newer_program_are_read_as_far_as_known),
        cmocka_unit_test(a_shape_is_all_of_its_bytes),
        cmocka_unit_test(paths_of_faults_are_cut_not_overrun),
    };
    return TESTS_RUN(tests);
}
