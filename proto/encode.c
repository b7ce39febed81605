/* Writing structs as maps, driven by the descriptors of shapes.c.
 *
 * Two walks over a struct: which fields are there and how much room they need at most, then the
 * bytes, with the room reserved once. Must never check bounds: whoever decodes does. */
#include "proto/encode.h"

#include "base/check.h"
#include "proto/packer.h"

/* Where in a member it shows whether the field is there, as a number that is not 0: `width` bytes
 * at `at`. `body`: all bits where that number is also the bytes behind the value's head. A table
 * and not a switch, since most fields of most structs are absent and this is all they cost. */
struct probe {
    uint8_t at, width;
    uint64_t body;
};

#define PROBE_LEN(type) {offsetof(type, len), sizeof((type){0}.len), UINT64_MAX}
#define PROBE_SET(type) {offsetof(type, set), sizeof(bool), 0}
#define PROBE_OWN(type) {0, sizeof(type), 0}

static const struct probe probes[] = {
    [KIND_u64] = PROBE_OWN(uint64_t),
    [KIND_opt] = PROBE_SET(struct opt_u64),
    [KIND_f64] = PROBE_SET(struct opt_f64),
    [KIND_flag] = PROBE_OWN(bool),
    [KIND_time] = PROBE_OWN(uint64_t),
    [KIND_state] = PROBE_OWN(enum job_state),
    [KIND_text] = PROBE_LEN(struct text),
    [KIND_blob] = PROBE_LEN(struct slice),
    [KIND_uuid] = PROBE_OWN(struct uuid),
    [KIND_any] = PROBE_LEN(struct slice),
    [KIND_map] = PROBE_LEN(struct slice),
    [KIND_list] = PROBE_LEN(struct slice),
    [KIND_texts] = PROBE_LEN(struct slice),
    [KIND_uuids] = PROBE_LEN(struct slice),
};

_Static_assert(sizeof(size_t) == 8, "a probe reads lengths as 64 bits");
_Static_assert(sizeof(enum job_state) == 4, "a probe reads states as 32 bits");

static uint64_t probe_number(const uint8_t *at, unsigned width)
{
    uint64_t number = 0, more;
    uint32_t half;
    switch (width) {
    case 1:
        return *at;
    case 4:
        memcpy(&half, at, sizeof half);
        return half;
    case 8:
        memcpy(&number, at, sizeof number);
        return number;
    default: /* an id */
        memcpy(&number, at, sizeof number);
        memcpy(&more, at + sizeof number, sizeof more);
        return number | more;
    }
}

struct presence encode_presence(const struct shape *shape, const void *value)
{
    struct presence presence = {0, 0, 0};
    for (size_t i = 0; i < shape->count; i++) {
        const struct field *field = &shape->fields[i];
        const struct probe *probe = &probes[field->kind];
        uint64_t number =
            probe_number((const uint8_t *)value + field->offset + probe->at, probe->width);
        presence.mask |= (uint64_t)(number != 0) << i;
        presence.body += number & probe->body;
    }
    presence.count = (uint32_t)__builtin_popcountll(presence.mask);
    return presence;
}

void encode_map_head(struct buf *out, uint32_t pairs)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_map(&packer, pairs);
}

void encode_text(struct buf *out, struct text text)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_str(&packer, text.len);
    packer_body(out, text.at, text.len);
}

static void put_uint(struct buf *out, uint64_t value)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_uint64(&packer, value);
}

static void put_real(struct buf *out, double value)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_double(&packer, value);
}

static void put_flag(struct buf *out)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_true(&packer);
}

static void put_blob(struct buf *out, const void *bytes, size_t len)
{
    msgpack_packer packer = packer_of(out);
    msgpack_pack_bin(&packer, len);
    packer_body(out, bytes, len);
}

static void put_state(struct buf *out, enum job_state state, enum shape_keys keys)
{
    if (keys == KEYS_NUMBERS)
        put_uint(out, (uint64_t)state);
    else
        encode_text(out, text_of(job_state_word(state)));
}

static void put_encoded(struct buf *out, const struct slice *value)
{
    packer_body(out, value->at, value->len);
}

static void put_value(struct buf *out, const struct field *field, const void *member,
                      enum shape_keys keys)
{
    switch ((enum field_kind)field->kind) {
    case KIND_u64:
    case KIND_time:
        put_uint(out, *(const uint64_t *)member);
        break;
    case KIND_opt:
        put_uint(out, ((const struct opt_u64 *)member)->value);
        break;
    case KIND_f64:
        put_real(out, ((const struct opt_f64 *)member)->value);
        break;
    case KIND_flag:
        put_flag(out);
        break;
    case KIND_state:
        put_state(out, *(const enum job_state *)member, keys);
        break;
    case KIND_text:
        encode_text(out, *(const struct text *)member);
        break;
    case KIND_uuid:
        put_blob(out, member, sizeof(struct uuid));
        break;
    case KIND_blob:
        put_blob(out, ((const struct slice *)member)->at,
                 ((const struct slice *)member)->len);
        break;
    case KIND_any:
    case KIND_map:
    case KIND_list:
    case KIND_texts:
    case KIND_uuids:
        put_encoded(out, member);
        break;
    }
}

void encode_fields(struct buf *out, const struct shape *shape, const void *value,
                   const struct presence *presence, enum shape_keys keys)
{
    for (uint64_t left = presence->mask; left != 0; left &= left - 1) {
        const struct field *field = &shape->fields[__builtin_ctzll(left)];
        if (keys == KEYS_NUMBERS)
            put_uint(out, field->number);
        else
            encode_text(out, (struct text){field->name, field->name_len});
        put_value(out, field, (const uint8_t *)value + field->offset, keys);
    }
}

int shape_encode(struct buf *out, const struct shape *shape, const void *value,
                 enum shape_keys keys)
{
    struct presence presence = encode_presence(shape, value);
    int rc = buf_reserve(out, PACK_HEAD_MAX + presence_size_max(&presence));
    if (rc < 0)
        return rc;
    encode_map_head(out, presence.count);
    encode_fields(out, shape, value, &presence, keys);
    return 0;
}
