/* msgpack to JSON, written straight into a buf; with a shape, worded as its fields want it.
 *
 * Must never write a byte that is not valid UTF-8, nor a character that would end a line of SSE or
 * a script element. Depth is bounded: what is too deep is refused, never recursed into. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rfc3339.h"
#include "proto/base64.h"
#include "proto/decode.h"
#include "proto/json.h"
#include "proto/utf8.h"

/* How deep values may still be nested, and whether they stand inside a key, whose text is quoted.
 */
struct place {
    unsigned depth;
    bool in_key;
};

static int write_value(struct mp_reader *reader, struct buf *out, struct place place);
static int write_shape(struct mp_reader *reader, const struct shape *shape, struct buf *out,
                       struct place place);

static struct place deeper(struct place place)
{
    return (struct place){place.depth - 1, place.in_key};
}

static int put(struct buf *out, const char *literal)
{
    return buf_append(out, literal, strlen(literal));
}

/* --- strings --------------------------------------------------------------------------------- */

static bool is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\' && byte != '<' &&
           byte != '>' && byte != '&';
}

static size_t plain_run(const uint8_t *at, size_t left)
{
    size_t len = 0;
    while (len < left && is_plain(at[len]))
        len++;
    return len;
}

static int put_escape(struct buf *out, uint8_t byte)
{
    switch (byte) {
    case '"':
        return put(out, "\\\"");
    case '\\':
        return put(out, "\\\\");
    case '\n':
        return put(out, "\\n");
    case '\r':
        return put(out, "\\r");
    case '\t':
        return put(out, "\\t");
    default:
        return buf_printf(out, "\\u%04x", byte);
    }
}

/* U+2028 and U+2029 end a line in JavaScript, though not in JSON. */
static bool is_line_end(const uint8_t *at, size_t len)
{
    return len == 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9);
}

/* One character that is not plain; *len_out is what it took of the text. */
static int put_special(struct buf *out, const uint8_t *at, size_t left, size_t *len_out)
{
    size_t len = utf8_step(at, left);
    *len_out = len > 0 ? len : 1;
    if (len == 0)
        return put(out, "\\ufffd");
    if (len == 1)
        return put_escape(out, at[0]);
    if (is_line_end(at, len))
        return put(out, at[2] == 0xa8 ? "\\u2028" : "\\u2029");
    return buf_append(out, at, len);
}

static int put_characters(struct buf *out, struct text text)
{
    const uint8_t *at = (const uint8_t *)text.at;
    size_t left = text.len;
    while (left > 0) {
        size_t len = plain_run(at, left);
        int rc = len > 0 ? buf_append(out, at, len) : put_special(out, at, left, &len);
        if (rc < 0)
            return rc;
        at += len;
        left -= len;
    }
    return 0;
}

/* Ends a piece of writing: on an error `out` is as it was. */
static int whole_or_nothing(struct buf *out, size_t from, int rc)
{
    if (rc < 0)
        out->len = from;
    return rc;
}

int json_quote(struct buf *out, struct text text)
{
    size_t from = out->len;
    int rc = put(out, "\"");
    if (rc == 0)
        rc = put_characters(out, text);
    if (rc == 0)
        rc = put(out, "\"");
    return whole_or_nothing(out, from, rc);
}

/* --- scalars --------------------------------------------------------------------------------- */

/* A locale may write a comma, which JSON must not have. */
static void point_decimals(char *digits)
{
    for (; *digits; digits++)
        if (!strchr("0123456789+-.e", *digits))
            *digits = '.';
}

/* The fewest of 15 to 17 digits that read back as the same number; told from a whole number. */
static int put_real(struct buf *out, double value)
{
    char digits[40];
    if (!isfinite(value))
        return put(out, "null");
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    point_decimals(digits);
    return buf_printf(out, "%s%s", digits, strpbrk(digits, ".e") ? "" : ".0");
}

static int put_bin(struct buf *out, struct slice bytes)
{
    int rc = put(out, "\"");
    if (rc == 0)
        rc = base64_encode(out, bytes);
    return rc == 0 ? put(out, "\"") : rc;
}

static int put_uuid(struct buf *out, const struct uuid *uuid)
{
    char text[UUID_TEXT_LEN + 1];
    uuid_format(uuid, text);
    return json_quote(out, text_of(text));
}

static int put_time(struct buf *out, uint64_t wall_ms)
{
    char text[RFC3339_LEN + 1];
    rfc3339_format(wall_ms, text);
    return json_quote(out, text_of(text));
}

/* --- values without a shape ------------------------------------------------------------------ */

static int write_items(struct mp_reader *reader, uint32_t count, struct buf *out,
                       struct place place)
{
    int rc = put(out, "[");
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = i > 0 ? put(out, ",") : 0;
        if (rc == 0)
            rc = write_value(reader, out, place);
    }
    return rc == 0 ? put(out, "]") : rc;
}

/* A key that is no string becomes its JSON text as a string. An array or map that is the key of a
 * map inside a key becomes its bytes as base64: quoting a text once more for each level would
 * double it each time. */
static int write_odd_key(struct mp_reader *reader, struct buf *out, struct place place)
{
    struct buf key = {0};
    if (place.in_key && (mp_peek(reader) == MP_ARRAY || mp_peek(reader) == MP_MAP)) {
        struct slice bytes = mp_skip(reader);
        return bytes.at ? put_bin(out, bytes) : -EINVAL;
    }
    int rc = write_value(reader, &key, (struct place){place.depth, true});
    if (rc == 0)
        rc = json_quote(out, buf_text(&key));
    buf_fini(&key);
    return rc;
}

static int write_key(struct mp_reader *reader, struct buf *out, struct place place)
{
    enum mp_type type = mp_peek(reader);
    bool is_text = type == MP_STR || type == MP_BIN;
    int rc = is_text ? write_value(reader, out, place) : write_odd_key(reader, out, place);
    return rc == 0 ? put(out, ":") : rc;
}

static int write_pairs(struct mp_reader *reader, uint32_t count, struct buf *out,
                       struct place place)
{
    int rc = put(out, "{");
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        rc = i > 0 ? put(out, ",") : 0;
        if (rc == 0)
            rc = write_key(reader, out, place);
        if (rc == 0)
            rc = write_value(reader, out, place);
    }
    return rc == 0 ? put(out, "}") : rc;
}

static int write_value(struct mp_reader *reader, struct buf *out, struct place place)
{
    struct mp_token token = mp_next(reader);
    switch (token.type) {
    case MP_NIL:
        return put(out, "null");
    case MP_BOOL:
        return put(out, token.as.boolean ? "true" : "false");
    case MP_UINT:
        return buf_printf(out, "%" PRIu64, token.as.uint);
    case MP_INT:
        return buf_printf(out, "%" PRId64, token.as.sint);
    case MP_FLOAT:
        return put_real(out, token.as.real);
    case MP_STR:
        return json_quote(out, slice_text(token.as.bytes));
    case MP_BIN:
        return put_bin(out, token.as.bytes);
    case MP_ARRAY:
        return place.depth == 0 ? -EINVAL : write_items(reader, token.as.count, out, deeper(place));
    case MP_MAP:
        return place.depth == 0 ? -EINVAL : write_pairs(reader, token.as.count, out, deeper(place));
    default:
        return -EINVAL;
    }
}

/* --- values of a shape ----------------------------------------------------------------------- */

static int write_uuids(struct mp_reader *reader, struct buf *out)
{
    struct mp_token list = mp_next(reader);
    struct uuid uuid;
    int rc = put(out, "[");
    for (uint32_t i = 0; rc == 0 && i < list.as.count; i++) {
        rc = i > 0 ? put(out, ",") : 0;
        if (rc == 0)
            rc = decode_uuid(reader, &uuid) ? put_uuid(out, &uuid) : -EINVAL;
    }
    return rc == 0 ? put(out, "]") : rc;
}

static int write_list(struct mp_reader *reader, const struct shape *of, struct buf *out,
                      struct place place)
{
    struct mp_token list = mp_next(reader);
    int rc = place.depth == 0 ? -EINVAL : put(out, "[");
    for (uint32_t i = 0; rc == 0 && i < list.as.count; i++) {
        rc = i > 0 ? put(out, ",") : 0;
        if (rc == 0)
            rc = write_shape(reader, of, out, deeper(place));
    }
    return rc == 0 ? put(out, "]") : rc;
}

/* A value as its field wants it. One of another type than the field's is written as it is: it comes
 * from a broker of another version, and a reader decides what it means. */
static int write_field(struct mp_reader *reader, const struct field *field, struct buf *out,
                       struct place place)
{
    enum mp_type type = mp_peek(reader);
    struct mp_reader ahead = *reader;
    struct uuid uuid;
    if (field->kind == KIND_uuid && type == MP_BIN && decode_uuid(&ahead, &uuid)) {
        *reader = ahead;
        return put_uuid(out, &uuid);
    }
    if (field->kind == KIND_time && type == MP_UINT)
        return put_time(out, mp_next(reader).as.uint);
    if (field->kind == KIND_uuids && type == MP_ARRAY)
        return write_uuids(reader, out);
    if (field->kind == KIND_list && type == MP_ARRAY)
        return write_list(reader, field->of, out, place);
    if (field->kind == KIND_map)
        return write_shape(reader, field->of, out, place);
    return write_value(reader, out, place);
}

static const struct field *field_ahead(struct mp_reader reader, const struct shape *shape,
                                       size_t *next)
{
    struct mp_token key = mp_next(&reader);
    return key.type == MP_STR ? decode_find(shape, slice_text(key.as.bytes), next) : NULL;
}

static int write_shape_pairs(struct mp_reader *reader, uint32_t count, const struct shape *shape,
                             struct buf *out, struct place place)
{
    size_t next = 0;
    int rc = put(out, "{");
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        const struct field *field = field_ahead(*reader, shape, &next);
        rc = i > 0 ? put(out, ",") : 0;
        if (rc == 0)
            rc = write_key(reader, out, place);
        if (rc == 0)
            rc = field ? write_field(reader, field, out, place) : write_value(reader, out, place);
    }
    return rc == 0 ? put(out, "}") : rc;
}

static int write_shape(struct mp_reader *reader, const struct shape *shape, struct buf *out,
                       struct place place)
{
    if (mp_peek(reader) != MP_MAP)
        return write_value(reader, out, place);
    struct mp_token map = mp_next(reader);
    if (place.depth == 0)
        return -EINVAL;
    return write_shape_pairs(reader, map.as.count, shape, out, deeper(place));
}

/* --- the contract ---------------------------------------------------------------------------- */

static const struct place outermost = {MESSAGE_DEPTH_MAX, false};

int json_from_msgpack(struct slice value, struct buf *out)
{
    struct mp_reader reader = mp_reader_of(value);
    size_t from = out->len;
    int rc = write_value(&reader, out, outermost);
    if (rc == 0 && reader.at != reader.end)
        rc = -EINVAL;
    return whole_or_nothing(out, from, rc);
}

int json_from_shape(struct slice value, const struct shape *shape, struct buf *out)
{
    struct mp_reader reader = mp_reader_of(value);
    size_t from = out->len;
    int rc = mp_peek(&reader) == MP_MAP ? write_shape(&reader, shape, out, outermost) : -EINVAL;
    if (rc == 0 && reader.at != reader.end)
        rc = -EINVAL;
    return whole_or_nothing(out, from, rc);
}

int json_from_struct(const void *value, const struct shape *shape, struct buf *out)
{
    struct buf encoded = {0};
    int rc = shape_encode(&encoded, shape, value, KEYS_NAMES);
    if (rc == 0)
        rc = json_from_shape(buf_slice(&encoded), shape, out);
    buf_fini(&encoded);
    return rc;
}
