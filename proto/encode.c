/* Writing structs as maps, driven by the descriptors of shapes.c.
 *
 * Two walks over a struct: which fields are there and how much room they need at most, then the
 * bytes, with the room reserved once. Must never check bounds: whoever decodes does. */
#include "proto/encode.h"

#include "base/check.h"
#include "proto/packer.h"

struct measure {
    bool there;
    size_t body; /* bytes beyond the head */
};

static struct measure measure_bytes(const struct slice *value)
{
    return (struct measure){value->len > 0, value->len};
}

static struct measure measure_field(const struct field *field, const void *member)
{
    switch ((enum field_kind)field->kind) {
    case KIND_u64:
    case KIND_time:
        return (struct measure){*(const uint64_t *)member != 0, 0};
    case KIND_opt:
        return (struct measure){((const struct opt_u64 *)member)->set, 0};
    case KIND_f64:
        return (struct measure){((const struct opt_f64 *)member)->set, 0};
    case KIND_flag:
        return (struct measure){*(const bool *)member, 0};
    case KIND_state:
        return (struct measure){*(const enum job_state *)member != JOB_NONE, 32};
    case KIND_text:
        return (struct measure){((const struct text *)member)->len > 0,
                                ((const struct text *)member)->len};
    case KIND_uuid:
        return (struct measure){!uuid_is_null(member), sizeof(struct uuid)};
    case KIND_blob:
    case KIND_any:
    case KIND_map:
    case KIND_list:
    case KIND_texts:
    case KIND_uuids:
        return measure_bytes(member);
    }
    CHECK(false && "a kind of field that no table has");
    return (struct measure){false, 0};
}

struct presence encode_presence(const struct shape *shape, const void *value)
{
    struct presence presence = {0, 0, 0};
    for (size_t i = 0; i < shape->count; i++) {
        const struct field *field = &shape->fields[i];
        struct measure measure = measure_field(field, (const uint8_t *)value + field->offset);
        if (!measure.there)
            continue;
        presence.mask |= UINT64_C(1) << i;
        presence.count++;
        presence.size_max += 2 * PACK_HEAD_MAX + (size_t)field->name_len + measure.body;
    }
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
    for (size_t i = 0; i < shape->count; i++) {
        if (!(presence->mask >> i & 1))
            continue;
        const struct field *field = &shape->fields[i];
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
    int rc = buf_reserve(out, PACK_HEAD_MAX + presence.size_max);
    if (rc < 0)
        return rc;
    encode_map_head(out, presence.count);
    encode_fields(out, shape, value, &presence, keys);
    return 0;
}
