/* JSON to msgpack: jansson parses, then the tree is packed; with a shape, field by field.
 *
 * jansson's integers end at 2^63, ours at 2^64. So it is told to read all numbers as reals, which
 * it then only vouches for, and each number is read once more from its own digits in the text: the
 * tree keeps the order of the text, so a cursor that steps from number to number stays beside it.
 * Must never lose a digit of a whole number, nor recurse deeper than a value may be. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/rfc3339.h"
#include "proto/base64.h"
#include "proto/decode.h"
#include "proto/json.h"
#include "proto/pack.h"

/* One conversion: where the next number of the text is looked for, where the msgpack goes. */
struct conversion {
    const char *at, *end;
    struct buf *out;
    struct fault *fault;
};

static int pack_value(struct conversion *run, json_t *value, unsigned depth);
static int pack_object(struct conversion *run, json_t *object, const struct shape *shape,
                       unsigned depth);

static int refuse(struct conversion *run, const char *field, const char *problem)
{
    return fault_set(run->fault, WIRE_INVALID_REQUEST, field, "%s", problem);
}

static struct text string_of(const json_t *value)
{
    return (struct text){json_string_value(value), json_string_length(value)};
}

/* --- numbers --------------------------------------------------------------------------------- */

static void skip_string(struct conversion *run)
{
    for (run->at++; run->at < run->end && *run->at != '"'; run->at++)
        if (*run->at == '\\')
            run->at++;
    run->at++;
}

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

/* The digits of the next number in the text, which jansson found well-formed. */
static struct text next_number(struct conversion *run)
{
    while (run->at < run->end && !is_digit(*run->at) && *run->at != '-') {
        if (*run->at == '"')
            skip_string(run);
        else
            run->at++;
    }
    const char *from = run->at;
    while (run->at < run->end && (is_digit(*run->at) || strchr("+-.eE", *run->at)))
        run->at++;
    return (struct text){from, (size_t)(run->at - from)};
}

/* Exact, or false where it needs more than 64 bits. */
static bool whole_number(struct text digits, uint64_t *magnitude_out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        uint64_t digit = (uint64_t)(digits.at[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *magnitude_out = value;
    return true;
}

static bool is_whole(struct text digits)
{
    for (size_t i = 0; i < digits.len; i++)
        if (digits.at[i] != '-' && !is_digit(digits.at[i]))
            return false;
    return true;
}

static int pack_number(struct conversion *run, const json_t *value)
{
    struct text digits = next_number(run);
    uint64_t magnitude = 0;
    if (!is_whole(digits))
        return pack_f64(run->out, json_real_value(value));
    bool negative = digits.len > 0 && digits.at[0] == '-';
    if (negative)
        digits = (struct text){digits.at + 1, digits.len - 1};
    if (!whole_number(digits, &magnitude) || (negative && magnitude > UINT64_C(1) << 63))
        return refuse(run, "", "expected whole numbers of at most 64 bits");
    if (!negative || magnitude == 0)
        return pack_u64(run->out, magnitude);
    return pack_i64(run->out, -(int64_t)(magnitude - 1) - 1);
}

/* --- values without a shape ------------------------------------------------------------------ */

static int pack_items(struct conversion *run, json_t *array, unsigned depth)
{
    size_t index;
    json_t *item;
    int rc = pack_array(run->out, (uint32_t)json_array_size(array));
    json_array_foreach(array, index, item)
    {
        if (rc == 0)
            rc = pack_value(run, item, depth);
    }
    return rc;
}

static int pack_pairs(struct conversion *run, json_t *object, unsigned depth)
{
    const char *key;
    json_t *value;
    int rc = pack_map(run->out, (uint32_t)json_object_size(object));
    json_object_foreach(object, key, value)
    {
        if (rc == 0)
            rc = pack_text(run->out, text_of(key));
        if (rc == 0)
            rc = pack_value(run, value, depth);
    }
    return rc;
}

static int pack_value(struct conversion *run, json_t *value, unsigned depth)
{
    bool nested = json_is_array(value) || json_is_object(value);
    if (nested && depth == 0)
        return refuse(run, "", "the value is nested too deeply");
    switch (json_typeof(value)) {
    case JSON_NULL:
        return pack_nil(run->out);
    case JSON_TRUE:
    case JSON_FALSE:
        return pack_bool(run->out, json_is_true(value));
    case JSON_INTEGER:
    case JSON_REAL:
        return pack_number(run, value);
    case JSON_STRING:
        return pack_text(run->out, string_of(value));
    case JSON_ARRAY:
        return pack_items(run, value, depth - 1);
    case JSON_OBJECT:
        return pack_pairs(run, value, depth - 1);
    }
    return refuse(run, "", "not a JSON value");
}

/* --- values of a shape ----------------------------------------------------------------------- */

static int pack_time(struct conversion *run, const struct field *field, json_t *value)
{
    uint64_t wall_ms;
    if (!json_is_string(value))
        return json_is_number(value) ? pack_number(run, value) : fault_expected(run->fault, field);
    if (rfc3339_parse(string_of(value), &wall_ms) != 0)
        return refuse(run, field->name, "expected an RFC 3339 time, from 1970 to 9999");
    return pack_u64(run->out, wall_ms);
}

static int pack_id(struct conversion *run, const struct field *field, json_t *value)
{
    struct uuid uuid;
    if (!json_is_string(value) || uuid_parse(string_of(value), &uuid) != 0)
        return fault_expected(run->fault, field);
    return pack_uuid(run->out, &uuid);
}

static int pack_blob(struct conversion *run, const struct field *field, json_t *value)
{
    struct buf bytes = {0};
    int rc = json_is_string(value) ? base64_decode(&bytes, string_of(value)) : 1;
    if (rc == 0)
        rc = pack_bin(run->out, buf_slice(&bytes));
    else if (rc > 0)
        rc = refuse(run, field->name, "expected bytes as base64");
    buf_fini(&bytes);
    return rc;
}

static int pack_ids(struct conversion *run, const struct field *field, json_t *value)
{
    size_t index;
    json_t *item;
    if (!json_is_array(value))
        return fault_expected(run->fault, field);
    int rc = pack_array(run->out, (uint32_t)json_array_size(value));
    json_array_foreach(value, index, item)
    {
        if (rc == 0)
            rc = pack_id(run, field, item);
    }
    return rc;
}

static int pack_list(struct conversion *run, const struct field *field, json_t *value,
                     unsigned depth)
{
    size_t index;
    json_t *item;
    if (!json_is_array(value) || json_array_size(value) > field->max)
        return fault_expected(run->fault, field);
    int rc = pack_array(run->out, (uint32_t)json_array_size(value));
    json_array_foreach(value, index, item)
    {
        if (rc == 0 && (rc = pack_object(run, item, field->of, depth)) > 0)
            fault_within(run->fault, field->name, (int64_t)index);
    }
    return rc;
}

static int pack_map_of(struct conversion *run, const struct field *field, json_t *value,
                       unsigned depth)
{
    int rc = pack_object(run, value, field->of, depth);
    if (rc > 0)
        fault_within(run->fault, field->name, -1);
    return rc;
}

static int pack_plain(struct conversion *run, const struct field *field, json_t *value)
{
    int rc = pack_value(run, value, VALUE_DEPTH_MAX);
    if (rc > 0)
        fault_within(run->fault, field->name, -1);
    return rc;
}

static int pack_by_kind(struct conversion *run, const struct field *field, json_t *value,
                        unsigned depth)
{
    switch ((enum field_kind)field->kind) {
    case KIND_time:
        return pack_time(run, field, value);
    case KIND_uuid:
        return pack_id(run, field, value);
    case KIND_uuids:
        return pack_ids(run, field, value);
    case KIND_blob:
        return pack_blob(run, field, value);
    case KIND_list:
        return pack_list(run, field, value, depth);
    case KIND_map:
        return pack_map_of(run, field, value, depth);
    default:
        return pack_plain(run, field, value);
    }
}

/* What a field can hold: whatever was packed is read back once, by the wire's own rules. */
union member {
    uint64_t number;
    struct opt_u64 opt;
    struct opt_f64 real;
    bool flag;
    enum job_state state;
    struct text text;
    struct slice slice;
    struct uuid uuid;
};

static int pack_field(struct conversion *run, const struct field *field, json_t *value,
                      unsigned depth)
{
    union member member;
    int rc = pack_text(run->out, (struct text){field->name, field->name_len});
    size_t from = run->out->len;
    if (rc == 0)
        rc = pack_by_kind(run, field, value, depth);
    if (rc != 0)
        return rc;
    struct mp_reader reader =
        mp_reader_of((struct slice){run->out->at + from, run->out->len - from});
    return decode_value(&reader, field, KEYS_NAMES, &member, run->fault);
}

/* null says the same as nothing, except for a value that the user makes up. */
static bool is_absent(const struct field *field, const json_t *value)
{
    return json_is_null(value) && (!field || field->kind != KIND_any);
}

static uint32_t present_count(json_t *object, const struct shape *shape)
{
    const char *key;
    json_t *value;
    size_t next = 0;
    uint32_t count = 0;
    json_object_foreach(object, key, value)
    {
        const struct field *field = decode_find(shape, text_of(key), &next);
        count += !is_absent(field, value);
    }
    return count;
}

static int pack_object(struct conversion *run, json_t *object, const struct shape *shape,
                       unsigned depth)
{
    const char *key;
    json_t *value;
    size_t next = 0;
    if (!json_is_object(object) || depth == 0)
        return refuse(run, "",
                      json_is_object(object) ? "the value is nested too deeply"
                                             : "expected an object");
    int rc = pack_map(run->out, present_count(object, shape));
    json_object_foreach(object, key, value)
    {
        const struct field *field = decode_find(shape, text_of(key), &next);
        if (rc == 0 && !field)
            rc = refuse(run, key, "unknown field");
        if (rc == 0 && !is_absent(field, value))
            rc = pack_field(run, field, value, depth - 1);
    }
    return rc;
}

/* --- the contract ---------------------------------------------------------------------------- */

static int parse(struct text json, json_t **root_out, struct fault *fault)
{
    json_error_t error;
    *root_out =
        json_loadb(json.at ? json.at : "", json.len,
                   JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &error);
    if (*root_out)
        return 0;
    if (json_error_code(&error) == json_error_out_of_memory)
        return -ENOMEM;
    return fault_set(fault, WIRE_INVALID_REQUEST, "", "not valid JSON: line %d, column %d: %s",
                     error.line, error.column, error.text);
}

static int convert(struct text json, const struct shape *shape, struct buf *out,
                   struct fault *fault)
{
    json_t *root = NULL;
    size_t from = out->len;
    struct conversion run = {json.at, json.at + json.len, out, fault};
    int rc = parse(json, &root, fault);
    if (rc == 0)
        rc = shape ? pack_object(&run, root, shape, VALUE_DEPTH_MAX)
                   : pack_value(&run, root, VALUE_DEPTH_MAX);
    if (rc != 0)
        out->len = from;
    json_decref(root);
    return rc;
}

int json_to_msgpack(struct text json, struct buf *out, struct fault *fault)
{
    return convert(json, NULL, out, fault);
}

int json_to_shape(struct text json, const struct shape *shape, struct buf *out, struct fault *fault)
{
    return convert(json, shape, out, fault);
}
