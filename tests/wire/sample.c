/* Values for every shape, made from its descriptor and a seed. Must never use another source of
 * chance than the seed. */
#include "tests/testing.h"

#include "tests/wire/sample.h"

#include <stdlib.h>
#include <string.h>

#include "proto/pack.h"

struct sample_piece {
    struct sample_piece *next;
    struct buf bytes;
};

struct sample sample_of(uint64_t seed)
{
    return (struct sample){seed, NULL, false};
}

void sample_fini(struct sample *sample)
{
    while (sample->pieces) {
        struct sample_piece *piece = sample->pieces;
        sample->pieces = piece->next;
        buf_fini(&piece->bytes);
        free(piece);
    }
}

/* splitmix64 */
uint64_t sample_next(struct sample *sample)
{
    uint64_t z = sample->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t sample_below(struct sample *sample, uint64_t bound)
{
    return sample_next(sample) % bound;
}

static struct buf *new_piece(struct sample *sample)
{
    struct sample_piece *piece = calloc(1, sizeof *piece);
    assert_non_null(piece);
    piece->next = sample->pieces;
    sample->pieces = piece;
    return &piece->bytes;
}

/* 1 to the row's bound: small ones, the bound itself, and all widths between. */
static uint64_t number_up_to(struct sample *sample, uint64_t max)
{
    if (sample_below(sample, 8) == 0)
        return max;
    unsigned width = (unsigned)sample_below(sample, 64);
    return (sample_next(sample) >> width) % max + 1;
}

static struct slice letters(struct sample *sample, uint64_t len)
{
    struct buf *bytes = new_piece(sample);
    for (uint64_t i = 0; i < len; i++) {
        char letter = (char)('a' + sample_below(sample, 26));
        assert_good(buf_append(bytes, &letter, 1));
    }
    return buf_slice(bytes);
}

static struct slice some_letters(struct sample *sample, uint64_t max)
{
    if (sample->only_small)
        max = max < 6 ? max : 6;
    else if (max > 300)
        max = 300;
    return letters(sample, sample_below(sample, max) + 1);
}

static int64_t below_zero(struct sample *sample)
{
    unsigned width = 1 + (unsigned)sample_below(sample, 63);
    return -(int64_t)(sample_next(sample) >> width);
}

static void put_any(struct sample *sample, struct buf *out, unsigned depth)
{
    uint64_t what = sample_below(sample, depth > 0 ? 9 : 7);
    uint32_t count = (uint32_t)sample_below(sample, 4);
    switch (what) {
    case 0:
        assert_good(pack_nil(out));
        break;
    case 1:
        assert_good(pack_bool(out, count & 1));
        break;
    case 2:
        assert_good(pack_u64(out, number_up_to(sample, UINT64_MAX)));
        break;
    case 3:
        assert_good(pack_i64(out, below_zero(sample)));
        break;
    case 4:
        assert_good(pack_f64(out, (double)(int64_t)sample_next(sample) / 1024));
        break;
    case 5:
        assert_good(pack_text(out, slice_text(some_letters(sample, 40))));
        break;
    case 6:
        assert_good(pack_bin(out, some_letters(sample, 40)));
        break;
    case 7:
        assert_good(pack_array(out, count));
        for (uint32_t i = 0; i < count; i++)
            put_any(sample, out, depth - 1);
        break;
    default:
        assert_good(pack_map(out, count));
        for (uint32_t i = 0; i < count; i++) {
            assert_good(pack_text(out, slice_text(some_letters(sample, 10))));
            put_any(sample, out, depth - 1);
        }
    }
}

static struct uuid some_uuid(struct sample *sample)
{
    uint64_t wall_ms = sample_below(sample, UINT64_C(1) << 48);
    uint64_t high = sample_next(sample), low = sample_next(sample) | 1;
    return uuid_v7(wall_ms, high, low);
}

static void put_struct(struct sample *sample, struct buf *out, const struct shape *shape)
{
    void *value = calloc(1, shape->size);
    assert_non_null(value);
    sample_fill(sample, shape, value);
    assert_good(shape_encode(out, shape, value, KEYS_NAMES));
    free(value);
}

static void put_item(struct sample *sample, struct buf *out, const struct field *field)
{
    struct uuid uuid;
    if (field->kind == KIND_list) {
        put_struct(sample, out, field->of);
    } else if (field->kind == KIND_texts) {
        assert_good(pack_text(out, slice_text(some_letters(sample, 20))));
    } else {
        uuid = some_uuid(sample);
        assert_good(pack_uuid(out, &uuid));
    }
}

static struct slice some_items(struct sample *sample, const struct field *field)
{
    struct buf *bytes = new_piece(sample);
    uint64_t count = sample->only_small ? 1 : 1 + sample_below(sample, 3);
    size_t mark;
    if (count > field->max)
        count = field->max;
    assert_good(list_begin(bytes, &mark));
    for (uint64_t i = 0; i < count; i++)
        put_item(sample, bytes, field);
    list_end(bytes, mark, (uint32_t)count);
    return buf_slice(bytes);
}

static struct slice some_map(struct sample *sample, const struct field *field)
{
    struct buf *bytes = new_piece(sample);
    put_struct(sample, bytes, field->of);
    return buf_slice(bytes);
}

static struct slice some_any(struct sample *sample)
{
    struct buf *bytes = new_piece(sample);
    put_any(sample, bytes, sample->only_small ? 1 : 4);
    return buf_slice(bytes);
}

static struct opt_f64 some_real(struct sample *sample, uint64_t max)
{
    double part = (double)sample_below(sample, 1025) / 1024;
    return f64_of(max > 0 ? part * (double)max : part * 1e6);
}

static void fill_field(struct sample *sample, const struct field *field, void *member)
{
    switch ((enum field_kind)field->kind) {
    case KIND_u64:
    case KIND_time:
        *(uint64_t *)member = number_up_to(sample, field->max);
        break;
    case KIND_opt:
        *(struct opt_u64 *)member = opt_of(number_up_to(sample, field->max) - 1);
        break;
    case KIND_f64:
        *(struct opt_f64 *)member = some_real(sample, field->max);
        break;
    case KIND_flag:
        *(bool *)member = true;
        break;
    case KIND_state:
        *(enum job_state *)member = (enum job_state)(1 + sample_below(sample, JOB_STATE_COUNT - 1));
        break;
    case KIND_text:
        *(struct text *)member = slice_text(some_letters(sample, field->max));
        break;
    case KIND_blob:
        *(struct slice *)member = some_letters(sample, field->max);
        break;
    case KIND_uuid:
        *(struct uuid *)member = some_uuid(sample);
        break;
    case KIND_any:
        *(struct slice *)member = some_any(sample);
        break;
    case KIND_map:
        *(struct slice *)member = some_map(sample, field);
        break;
    case KIND_list:
    case KIND_texts:
    case KIND_uuids:
        *(struct slice *)member = some_items(sample, field);
        break;
    }
}

void sample_fill(struct sample *sample, const struct shape *shape, void *value_out)
{
    memset(value_out, 0, shape->size);
    for (size_t i = 0; i < shape->count; i++)
        fill_field(sample, &shape->fields[i], (uint8_t *)value_out + shape->fields[i].offset);
}

/* Where the union is: every member of it begins there. */
#define OWN_FIELDS offsetof(struct message, hello)

const void *sample_own(const struct message *message)
{
    return (const uint8_t *)message + OWN_FIELDS;
}

void sample_message(struct sample *sample, enum message_id id, struct message *message_out)
{
    memset(message_out, 0, sizeof *message_out);
    message_out->id = id;
    sample_fill(sample, &shape_envelope, &message_out->envelope);
    sample_fill(sample, message_shape(id), (uint8_t *)message_out + OWN_FIELDS);
    message_out->envelope.msg = text_of(message_name(id));
}

/* --- comparing ------------------------------------------------------------------------------- */

static bool field_equal(const struct field *field, const void *a, const void *b)
{
    const struct opt_u64 *whole_a = a, *whole_b = b;
    const struct opt_f64 *real_a = a, *real_b = b;
    switch ((enum field_kind)field->kind) {
    case KIND_u64:
    case KIND_time:
        return *(const uint64_t *)a == *(const uint64_t *)b;
    case KIND_opt:
        return whole_a->set == whole_b->set && whole_a->value == whole_b->value;
    case KIND_f64:
        return real_a->set == real_b->set &&
               memcmp(&real_a->value, &real_b->value, sizeof real_a->value) == 0;
    case KIND_flag:
        return *(const bool *)a == *(const bool *)b;
    case KIND_state:
        return *(const enum job_state *)a == *(const enum job_state *)b;
    case KIND_text:
        return text_eq(*(const struct text *)a, *(const struct text *)b);
    case KIND_uuid:
        return uuid_eq(a, b);
    default:
        return slice_eq(*(const struct slice *)a, *(const struct slice *)b);
    }
}

void assert_shape_equal(const struct shape *shape, const void *a, const void *b)
{
    for (size_t i = 0; i < shape->count; i++) {
        const struct field *field = &shape->fields[i];
        if (!field_equal(field, (const uint8_t *)a + field->offset,
                         (const uint8_t *)b + field->offset))
            fail_msg("%s.%s differs", shape->name, field->name);
    }
}
