/* Small JSON bodies. Must never accept a field it was not told of. */
#include "gateway/api/body.h"

#include <stdio.h>

#include "proto/json.h"
#include "proto/scan.h"

static int read_field(const struct body_field *fields, size_t count, struct text key,
                      const struct mp_token *value, struct fault *fault)
{
    char name[64];
    for (size_t i = 0; i < count; i++) {
        const struct body_field *field = &fields[i];
        if (!text_is(key, field->name))
            continue;
        if (value->type == MP_NIL)
            return 0;
        if (value->type != MP_STR || value->as.bytes.len > field->len_max)
            return fault_set(fault, WIRE_INVALID_REQUEST, field->name,
                             "expected a text of at most %zu bytes", field->len_max);
        *field->value_out = slice_text(value->as.bytes);
        return 0;
    }
    snprintf(name, sizeof name, "%.*s", key.len < sizeof name ? (int)key.len : 63, key.at);
    return fault_set(fault, WIRE_INVALID_REQUEST, name, "unknown field");
}

int body_read(struct text json, const struct body_field *fields, size_t count, struct buf *scratch,
              struct fault *fault)
{
    for (size_t i = 0; i < count; i++)
        *fields[i].value_out = TEXT("");
    if (json.len == 0)
        return 0;
    int rc = json_to_msgpack(json, scratch, fault);
    if (rc != 0)
        return rc;
    struct mp_reader reader = mp_reader_of(buf_slice(scratch));
    struct mp_token map = mp_next(&reader);
    if (map.type != MP_MAP)
        return fault_set(fault, WIRE_INVALID_REQUEST, "", "expected an object");
    for (uint32_t i = 0; i < map.as.count; i++) {
        struct mp_token key = mp_next(&reader);
        struct slice bytes = mp_skip(&reader);
        struct mp_reader inner = mp_reader_of(bytes);
        struct mp_token value = mp_next(&inner);
        if (key.type != MP_STR)
            return fault_set(fault, WIRE_INVALID_REQUEST, "", "expected an object");
        if (read_field(fields, count, slice_text(key.as.bytes), &value, fault) != 0)
            return 1;
    }
    return 0;
}
