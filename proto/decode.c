/* Reading maps into structs, driven by the descriptors of shapes.c.
 *
 * This runs several times in every job's life, so: no allocation, no copy, one comparison per key
 * when the keys come in the table's order. Must never trust a length, and never assert on what the
 * bytes say. */
#include "proto/decode.h"

#include <math.h>

#include "proto/lead.h"
#include "proto/utf8.h"

static int malformed(struct fault *fault, const char *field)
{
    return fault_set(fault, WIRE_INVALID_REQUEST, field, "the bytes are cut short or malformed");
}

/* --- one value, by kind ---------------------------------------------------------------------- */

static bool read_uint(struct mp_reader *reader, uint64_t *out)
{
    if (reader->at < reader->end && *reader->at < 0x80) {
        *out = *reader->at++;
        return true;
    }
    struct mp_token token = mp_next(reader);
    *out = token.as.uint;
    return token.type == MP_UINT;
}

bool decode_text(struct mp_reader *reader, struct text *out)
{
    size_t left = (size_t)(reader->end - reader->at);
    size_t len = left > 0 ? *reader->at & 0x1fu : 0;
    if (left > len && (*reader->at & 0xe0) == 0xa0) {
        *out = (struct text){(const char *)reader->at + 1, len};
        reader->at += 1 + len;
    } else {
        struct mp_token token = mp_next(reader);
        if (token.type != MP_STR)
            return false;
        *out = slice_text(token.as.bytes);
    }
    return utf8_valid(*out);
}

bool decode_uuid(struct mp_reader *reader, struct uuid *out)
{
    struct mp_token token = mp_next(reader);
    if (token.type == MP_STR)
        return uuid_parse(slice_text(token.as.bytes), out) == 0;
    if (token.type != MP_BIN || token.as.bytes.len != sizeof out->at)
        return false;
    memcpy(out->at, token.as.bytes.at, sizeof out->at);
    return true;
}

static bool read_real(struct mp_reader *reader, double *out)
{
    struct mp_token token = mp_next(reader);
    switch (token.type) {
    case MP_FLOAT:
        *out = token.as.real;
        return true;
    case MP_UINT:
        *out = (double)token.as.uint;
        return true;
    case MP_INT:
        *out = (double)token.as.sint;
        return true;
    default:
        return false;
    }
}

static int read_number(struct mp_reader *reader, const struct field *field, uint64_t *out,
                       struct fault *fault)
{
    uint64_t value;
    if (!read_uint(reader, &value) || value > field->max)
        return fault_expected(fault, field);
    *out = value;
    return 0;
}

static int read_opt(struct mp_reader *reader, const struct field *field, struct opt_u64 *out,
                    struct fault *fault)
{
    out->set = true;
    return read_number(reader, field, &out->value, fault);
}

static int read_f64(struct mp_reader *reader, const struct field *field, struct opt_f64 *out,
                    struct fault *fault)
{
    double value;
    if (!read_real(reader, &value) || !isfinite(value))
        return fault_expected(fault, field);
    if (field->max > 0 && (value < 0 || value > (double)field->max))
        return fault_expected(fault, field);
    *out = f64_of(value);
    return 0;
}

static int read_flag(struct mp_reader *reader, const struct field *field, bool *out,
                     struct fault *fault)
{
    struct mp_token token = mp_next(reader);
    if (token.type != MP_BOOL)
        return fault_expected(fault, field);
    *out = token.as.boolean;
    return 0;
}

static int read_state(struct mp_reader *reader, const struct field *field, enum shape_keys keys,
                      enum job_state *out, struct fault *fault)
{
    uint64_t number;
    struct text word;
    if (keys == KEYS_NUMBERS) {
        if (!read_uint(reader, &number) || number >= JOB_STATE_COUNT)
            return fault_expected(fault, field);
        *out = (enum job_state)number;
        return 0;
    }
    if (!decode_text(reader, &word))
        return fault_expected(fault, field);
    *out = job_state_of(word);
    return *out == JOB_NONE ? fault_expected(fault, field) : 0;
}

static int read_text(struct mp_reader *reader, const struct field *field, struct text *out,
                     struct fault *fault)
{
    bool is_str = mp_peek(reader) == MP_STR;
    bool valid = decode_text(reader, out);
    if (!is_str || out->len > field->max)
        return fault_expected(fault, field);
    if (!valid)
        return fault_set(fault, WIRE_INVALID_REQUEST, field->name, "expected valid UTF-8");
    return 0;
}

static int too_large(struct fault *fault, const struct field *field)
{
    return fault_set(fault, WIRE_PAYLOAD_TOO_LARGE, field->name, "expected at most %llu bytes",
                     (unsigned long long)field->max);
}

static int read_blob(struct mp_reader *reader, const struct field *field, struct slice *out,
                     struct fault *fault)
{
    struct mp_token token = mp_next(reader);
    if (token.type != MP_BIN)
        return fault_expected(fault, field);
    *out = token.as.bytes;
    return out->len > field->max ? too_large(fault, field) : 0;
}

static int read_uuid(struct mp_reader *reader, const struct field *field, struct uuid *out,
                     struct fault *fault)
{
    return decode_uuid(reader, out) ? 0 : fault_expected(fault, field);
}

/* A user's value is bounded in depth by itself, wherever in a message it stands: it will travel on
 * inside other messages. */
static int read_any(struct mp_reader *reader, const struct field *field, struct slice *out,
                    struct fault *fault)
{
    const char *problem;
    *out = mp_skip_within(reader, VALUE_DEPTH_MAX, UINT32_MAX, &problem);
    if (problem)
        return fault_set(fault, WIRE_INVALID_REQUEST, field->name, "%s", problem);
    return out->len > field->max ? too_large(fault, field) : 0;
}

static int read_map(struct mp_reader *reader, const struct field *field, struct slice *out,
                    struct fault *fault)
{
    if (mp_peek(reader) != MP_MAP)
        return fault_expected(fault, field);
    *out = mp_skip(reader);
    return out->at ? 0 : malformed(fault, field->name);
}

static int open_list(const struct mp_reader *reader, const struct field *field,
                     struct mp_reader *items_out, uint32_t *count_out, struct fault *fault)
{
    *items_out = *reader;
    struct mp_token token = mp_next(items_out);
    if (token.type != MP_ARRAY || token.as.count > field->max)
        return fault_expected(fault, field);
    *count_out = token.as.count;
    return 0;
}

static int read_list(struct mp_reader *reader, const struct field *field, struct slice *out,
                     struct fault *fault)
{
    struct mp_reader items;
    uint32_t count = 0;
    if (open_list(reader, field, &items, &count, fault))
        return 1;
    *out = mp_skip(reader);
    return out->at ? 0 : malformed(fault, field->name);
}

static bool read_item(struct mp_reader *items, enum field_kind kind)
{
    struct text text;
    struct uuid uuid;
    return kind == KIND_texts ? decode_text(items, &text) : decode_uuid(items, &uuid);
}

static int read_items(struct mp_reader *reader, const struct field *field, struct slice *out,
                      struct fault *fault)
{
    struct mp_reader items;
    uint32_t count = 0;
    if (open_list(reader, field, &items, &count, fault))
        return 1;
    for (uint32_t i = 0; i < count; i++)
        if (!read_item(&items, field->kind))
            return fault_expected(fault, field);
    *out = (struct slice){reader->at, (size_t)(items.at - reader->at)};
    *reader = items;
    return 0;
}

int decode_value(struct mp_reader *reader, const struct field *field, enum shape_keys keys,
                 void *member, struct fault *fault)
{
    switch ((enum field_kind)field->kind) {
    case KIND_u64:
    case KIND_time:
        return read_number(reader, field, member, fault);
    case KIND_opt:
        return read_opt(reader, field, member, fault);
    case KIND_f64:
        return read_f64(reader, field, member, fault);
    case KIND_flag:
        return read_flag(reader, field, member, fault);
    case KIND_state:
        return read_state(reader, field, keys, member, fault);
    case KIND_text:
        return read_text(reader, field, member, fault);
    case KIND_blob:
        return read_blob(reader, field, member, fault);
    case KIND_uuid:
        return read_uuid(reader, field, member, fault);
    case KIND_any:
        return read_any(reader, field, member, fault);
    case KIND_map:
        return read_map(reader, field, member, fault);
    case KIND_list:
        return read_list(reader, field, member, fault);
    case KIND_texts:
    case KIND_uuids:
        return read_items(reader, field, member, fault);
    }
    return malformed(fault, field->name);
}

/* --- keys ------------------------------------------------------------------------------------ */

static bool is_named(const struct field *field, struct text key)
{
    return field->name_len == key.len && field->name[0] == key.at[0] &&
           memcmp(field->name, key.at, key.len) == 0;
}

/* Looks from the expected field on and around; SIZE_MAX where there is none. */
static size_t find_name(const struct shape *shape, size_t next, struct text key)
{
    for (size_t i = next; i < shape->count; i++)
        if (is_named(&shape->fields[i], key))
            return i;
    for (size_t i = 0; i < next; i++)
        if (is_named(&shape->fields[i], key))
            return i;
    return SIZE_MAX;
}

const struct field *decode_find(const struct shape *shape, struct text name, size_t *next)
{
    size_t index = find_name(shape, *next, name);
    if (index == SIZE_MAX)
        return NULL;
    *next = index + 1;
    return &shape->fields[index];
}

static size_t find_number(const struct shape *shape, size_t next, uint64_t number)
{
    for (size_t i = next; i < shape->count; i++)
        if (shape->fields[i].number == number)
            return i;
    for (size_t i = 0; i < next; i++)
        if (shape->fields[i].number == number)
            return i;
    return SIZE_MAX;
}

struct key {
    struct text name;
    uint64_t number;
};

static int read_key(struct mp_reader *reader, enum shape_keys keys, struct key *out,
                    struct fault *fault)
{
    if (keys == KEYS_NUMBERS)
        return read_uint(reader, &out->number)
                   ? 0
                   : fault_set(fault, WIRE_INVALID_REQUEST, "", "expected numbers as keys");
    size_t left = (size_t)(reader->end - reader->at);
    size_t len = left > 0 ? *reader->at & 0x1fu : 0;
    if (left > len && (*reader->at & 0xe0) == 0xa0) {
        out->name = (struct text){(const char *)reader->at + 1, len};
        reader->at += 1 + len;
        return 0;
    }
    struct mp_token token = mp_next(reader);
    if (token.type == MP_BAD || token.type == MP_END)
        return malformed(fault, "");
    if (token.type != MP_STR)
        return fault_set(fault, WIRE_INVALID_REQUEST, "", "expected texts as keys");
    out->name = slice_text(token.as.bytes);
    return 0;
}

static int read_field(struct mp_reader *reader, struct target *target, size_t index,
                      enum shape_keys keys, struct fault *fault)
{
    const struct field *field = &target->shape->fields[index];
    uint64_t mark = UINT64_C(1) << index;
    if (target->seen & mark)
        return fault_set(fault, WIRE_INVALID_REQUEST, field->name, "given twice");
    target->seen |= mark;
    target->next = index + 1;
    if (reader->at < reader->end && *reader->at == 0xc0 && field->kind != KIND_any) {
        reader->at++;
        return 0;
    }
    return decode_value(reader, field, keys, target->base + field->offset, fault);
}

static int read_pair(struct mp_reader *reader, struct target *targets, size_t count,
                     enum shape_keys keys, struct fault *fault)
{
    struct key key = {{NULL, 0}, 0};
    if (read_key(reader, keys, &key, fault))
        return 1;
    for (size_t i = 0; i < count; i++) {
        const struct target *target = &targets[i];
        size_t index = keys == KEYS_NAMES ? find_name(target->shape, target->next, key.name)
                                          : find_number(target->shape, target->next, key.number);
        if (index != SIZE_MAX)
            return read_field(reader, &targets[i], index, keys, fault);
    }
    return mp_skip(reader).at ? 0 : malformed(fault, "");
}

int decode_pairs(struct mp_reader *reader, uint32_t pairs, struct target *targets, size_t count,
                 enum shape_keys keys, struct fault *fault)
{
    for (uint32_t i = 0; i < pairs; i++)
        if (read_pair(reader, targets, count, keys, fault))
            return 1;
    return 0;
}

int decode_map(struct mp_reader *reader, const struct shape *shape, enum shape_keys keys,
               void *value_out, struct fault *fault)
{
    memset(value_out, 0, shape->size);
    struct mp_token token = mp_next(reader);
    if (token.type != MP_MAP)
        return fault_set(fault, WIRE_INVALID_REQUEST, "", "expected an object (%s)", shape->name);
    struct target target = target_of(shape, value_out);
    return decode_pairs(reader, token.as.count, &target, 1, keys, fault);
}

int shape_decode(struct slice in, const struct shape *shape, enum shape_keys keys, void *value_out,
                 struct fault *fault)
{
    struct mp_reader reader = mp_reader_of(in);
    if (decode_map(&reader, shape, keys, value_out, fault))
        return 1;
    if (reader.at != reader.end)
        return fault_set(fault, WIRE_INVALID_REQUEST, "", "bytes follow after the object");
    return 0;
}
