/* Every message and every shape, from their descriptors: golden bytes, round trips, every cut and
 * many damaged bytes. With `--print` it writes the golden bytes as golden.hex has them. */
#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"
#include "tests/wire/sample.h"

#define ROUNDS 200
#define FLIPS_MAX 20000

static const struct shape *const shapes[] = {
#define SHAPE(NAME, name) &shape_##name,
#include "proto/shapes.def"
#undef SHAPE
};

static struct buf encoded(const struct message *message)
{
    struct buf buf = {0};
    assert_good(message_encode(&buf, message));
    return buf;
}

static void golden_message(struct sample *sample, enum message_id id, struct message *out)
{
    *sample = sample_of(1000 + id);
    sample->only_small = true;
    sample_message(sample, id, out);
}

/* --- golden bytes ---------------------------------------------------------------------------- */

static void print_golden(enum message_id id)
{
    struct sample sample;
    struct message message;
    golden_message(&sample, id, &message);
    struct buf buf = encoded(&message);
    printf("%s", message_name(id));
    for (size_t i = 0; i < buf.len; i++)
        printf("%s%02x", i % 48 == 0 ? "\n  " : "", buf.at[i]);
    printf("\n");
    buf_fini(&buf);
    sample_fini(&sample);
}

static FILE *open_golden(void)
{
    char path[4096];
    const char *source = getenv("REEVE_SOURCE");
    snprintf(path, sizeof path, "%s/tests/wire/golden.hex", source ? source : ".");
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s is missing", path);
    return file;
}

/* Appends a line's hex digits as bytes. */
static void read_hex(struct buf *out, const char *line)
{
    unsigned byte;
    for (line += 2; sscanf(line, "%2x", &byte) == 1; line += 2) {
        uint8_t value = (uint8_t)byte;
        assert_good(buf_append(out, &value, 1));
    }
}

/* The bytes of one message in the file: a line with its name, then indented lines of hex. */
static struct buf read_golden(enum message_id id)
{
    struct buf bytes = {0};
    char line[256];
    bool ours = false;
    FILE *file = open_golden();
    while (fgets(line, sizeof line, file)) {
        if (ours && line[0] == ' ')
            read_hex(&bytes, line);
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != ' ')
            ours = strcmp(line, message_name(id)) == 0;
    }
    fclose(file);
    return bytes;
}

static void check_golden(enum message_id id)
{
    struct sample sample;
    struct message message, decoded;
    struct fault fault;
    golden_message(&sample, id, &message);
    struct buf now = encoded(&message), golden = read_golden(id);
    if (!slice_eq(buf_slice(&now), buf_slice(&golden)))
        fail_msg("the bytes of %s have changed: peers of other versions will not understand; "
                 "if that is meant, write golden.hex anew with --print", message_name(id));
    if (message_decode(buf_slice(&golden), &decoded, &fault))
        fail_msg("%s: %s: %s", message_name(id), fault.field, fault.problem);
    assert_shape_equal(message_shape(id), sample_own(&message), sample_own(&decoded));
    buf_fini(&now);
    buf_fini(&golden);
    sample_fini(&sample);
}

TEST(golden_bytes_have_not_changed)
{
    for (unsigned id = 1; id < MSG_COUNT; id++)
        check_golden((enum message_id)id);
}

/* --- round trips ----------------------------------------------------------------------------- */

static void check_message_round(struct sample *sample, enum message_id id)
{
    struct message message, decoded;
    struct fault fault;
    sample_message(sample, id, &message);
    struct buf buf = encoded(&message);
    memset(&decoded, 0xa5, sizeof decoded);
    if (message_decode(buf_slice(&buf), &decoded, &fault))
        fail_msg("%s: %s: %s", message_name(id), fault.field, fault.problem);
    assert_int_equal(decoded.id, id);
    assert_shape_equal(&shape_envelope, &message.envelope, &decoded.envelope);
    assert_shape_equal(message_shape(id), sample_own(&message), sample_own(&decoded));
    buf_fini(&buf);
}

TEST(every_message_comes_back_as_it_was)
{
    for (unsigned id = 1; id < MSG_COUNT; id++)
        for (unsigned round = 0; round < ROUNDS / 4; round++) {
            struct sample sample = sample_of(id * 10000 + round);
            check_message_round(&sample, (enum message_id)id);
            sample_fini(&sample);
        }
}

static void check_shape_round(struct sample *sample, const struct shape *shape,
                              enum shape_keys keys)
{
    void *value = calloc(1, shape->size), *decoded = malloc(shape->size);
    struct buf buf = {0};
    struct fault fault;
    sample_fill(sample, shape, value);
    assert_good(shape_encode(&buf, shape, value, keys));
    memset(decoded, 0xa5, shape->size);
    if (shape_decode(buf_slice(&buf), shape, keys, decoded, &fault))
        fail_msg("%s: %s: %s", shape->name, fault.field, fault.problem);
    assert_shape_equal(shape, value, decoded);
    buf_fini(&buf);
    free(value);
    free(decoded);
}

TEST(every_shape_comes_back_as_it_was)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (unsigned round = 0; round < ROUNDS / 4; round++) {
            struct sample sample = sample_of(i * 10000 + round);
            check_shape_round(&sample, shapes[i], KEYS_NAMES);
            check_shape_round(&sample, shapes[i], KEYS_NUMBERS);
            sample_fini(&sample);
        }
}

TEST(an_empty_struct_is_an_empty_map)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        void *value = calloc(1, shapes[i]->size);
        struct buf buf = {0};
        assert_good(shape_encode(&buf, shapes[i], value, KEYS_NAMES));
        assert_true(buf.len == 1 && buf.at[0] == 0x80);
        buf_fini(&buf);
        free(value);
    }
}

/* Whoever writes a map by hand may use any order. */
TEST(fields_are_read_in_any_order)
{
    struct sample sample = sample_of(7);
    struct wire_job job, decoded;
    struct buf buf = {0}, turned = {0};
    struct fault fault;
    sample_fill(&sample, &shape_job, &job);
    assert_good(shape_encode(&buf, &shape_job, &job, KEYS_NAMES));
    size_t head = 3, from = buf.len;
    assert_int_equal(buf.at[0], 0xde);
    assert_good(buf_append(&turned, buf.at, head));
    for (size_t i = shape_job.count; i-- > 0;) {
        const struct field *field = &shape_job.fields[i];
        struct buf one = {0};
        struct wire_job alone = {0};
        size_t end = i + 1 < shape_job.count ? shape_job.fields[i + 1].offset
                                             : offsetof(struct wire_job, end_);
        size_t size = end - field->offset;
        memcpy((uint8_t *)&alone + field->offset, (uint8_t *)&job + field->offset, size);
        assert_good(shape_encode(&one, &shape_job, &alone, KEYS_NAMES));
        assert_good(buf_append(&turned, one.at + 1, one.len - 1));
        buf_fini(&one);
    }
    assert_true(turned.len == from);
    assert_good(shape_decode(buf_slice(&turned), &shape_job, KEYS_NAMES, &decoded, &fault));
    assert_shape_equal(&shape_job, &job, &decoded);
    buf_fini(&buf);
    buf_fini(&turned);
    sample_fini(&sample);
}

/* --- damage ---------------------------------------------------------------------------------- */

/* A copy of its own size, so that a sanitizer sees one byte read too far. */
static int decode_copy(const uint8_t *at, size_t len, struct message *message, struct fault *fault)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, at, len);
    int rc = message_decode((struct slice){copy, len}, message, fault);
    free(copy);
    return rc;
}

TEST(every_cut_message_is_refused)
{
    for (unsigned id = 1; id < MSG_COUNT; id++) {
        struct sample sample;
        struct message message, decoded;
        struct fault fault;
        golden_message(&sample, (enum message_id)id, &message);
        struct buf buf = encoded(&message);
        for (size_t len = 0; len < buf.len; len++) {
            assert_int_equal(decode_copy(buf.at, len, &decoded, &fault), 1);
            assert_int_equal(decoded.id, MSG_NONE);
        }
        buf_fini(&buf);
        sample_fini(&sample);
    }
}

/* Reads whatever a message's lists hold, as its receiver would. */
static void walk_lists(const struct message *message)
{
    const struct shape *shape = message_shape(message->id);
    for (size_t i = 0; i < shape->count; i++) {
        const struct field *field = &shape->fields[i];
        struct slice list;
        struct list_iter iter;
        struct fault fault;
        if (field->kind != KIND_list)
            continue;
        memcpy(&list, (const uint8_t *)sample_own(message) + field->offset, sizeof list);
        void *item = malloc(field->of->size);
        assert_good(list_open(list, &iter));
        while (list_next(&iter, field->of, KEYS_NAMES, item, &fault) != 0)
            continue;
        free(item);
    }
}

static void damage(struct sample *sample, struct buf *buf)
{
    struct message decoded;
    struct fault fault;
    size_t at = (size_t)sample_below(sample, buf->len);
    uint8_t was = buf->at[at];
    buf->at[at] = (uint8_t)(was ^ (1 + sample_below(sample, 255)));
    if (message_decode(buf_slice(buf), &decoded, &fault) == 0)
        walk_lists(&decoded);
    else
        assert_true(fault.problem[0] != '\0' && fault.error != WIRE_OK);
    buf->at[at] = was;
}

TEST(damaged_bytes_never_crash)
{
    for (unsigned id = 1; id < MSG_COUNT; id++) {
        struct sample sample = sample_of(31 * id);
        struct message message;
        sample_message(&sample, (enum message_id)id, &message);
        struct buf buf = encoded(&message);
        for (unsigned i = 0; i < FLIPS_MAX / MSG_COUNT; i++)
            damage(&sample, &buf);
        buf_fini(&buf);
        sample_fini(&sample);
    }
}

/* On disk too: a shape is read back without a scan before it. */
TEST(cut_and_damaged_records_never_crash)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct sample sample = sample_of(i);
        void *value = calloc(1, shapes[i]->size);
        struct buf buf = {0};
        struct fault fault;
        sample.only_small = true;
        sample_fill(&sample, shapes[i], value);
        assert_good(shape_encode(&buf, shapes[i], value, KEYS_NUMBERS));
        for (size_t len = 0; len < buf.len; len++)
            assert_int_equal(shape_decode((struct slice){buf.at, len}, shapes[i], KEYS_NUMBERS,
                                          value, &fault), 1);
        for (unsigned round = 0; round < 500; round++) {
            size_t at = (size_t)sample_below(&sample, buf.len);
            uint8_t was = buf.at[at];
            buf.at[at] = (uint8_t)sample_next(&sample);
            shape_decode(buf_slice(&buf), shapes[i], KEYS_NUMBERS, value, &fault);
            buf.at[at] = was;
        }
        buf_fini(&buf);
        free(value);
        sample_fini(&sample);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_bytes_have_not_changed),
        cmocka_unit_test(every_message_comes_back_as_it_was),
        cmocka_unit_test(every_shape_comes_back_as_it_was),
        cmocka_unit_test(an_empty_struct_is_an_empty_map),
        cmocka_unit_test(fields_are_read_in_any_order),
        cmocka_unit_test(every_cut_message_is_refused),
        cmocka_unit_test(damaged_bytes_never_crash),
        cmocka_unit_test(cut_and_damaged_records_never_crash),
    };
    if (argc > 1 && strcmp(argv[1], "--print") == 0) {
        for (unsigned id = 1; id < MSG_COUNT; id++)
            print_golden((enum message_id)id);
        return 0;
    }
    return TESTS_RUN(tests);
}
