/* A job as a client words it in JSON, made into the wire's spec. Pure.
 * Must never accept what it does not know. */
#include "gateway/api/spec.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/duration.h"
#include "base/rfc3339.h"
#include "proto/scan.h"

enum spec_kind {
    SPEC_TEXT,
    SPEC_OPT,
    SPEC_MS,
    SPEC_OPT_MS,
    SPEC_TIME,
    SPEC_ID,
    SPEC_IDS,
    SPEC_ANY,
    SPEC_MAP
};

struct spec_row {
    const char *name;
    const char *member;
    enum spec_kind kind;
    size_t offset;
    uint64_t min, max;
};

static const struct spec_row rows[] = {
#define SPEC(name, kind, member, min, max) \
    {(name), #member, SPEC_##kind, offsetof(struct wire_spec, member), (min), (max)},
#include "gateway/api/spec.def"
#undef SPEC
};

enum { ROWS = sizeof rows / sizeof *rows };

/* A value that is being read: its bytes, and what its first token is. */
struct value {
    const struct spec_row *row;
    struct slice bytes;
    struct mp_token token;
    void *member;
};

static int refuse(const struct value *value, struct fault *fault, const char *expected)
{
    return fault_set(fault, WIRE_INVALID_REQUEST, value->row->name, "expected %s", expected);
}

static int read_text(const struct value *value, struct fault *fault)
{
    const struct spec_row *row = value->row;
    struct slice bytes = value->token.as.bytes;
    if (value->token.type != MP_STR || bytes.len < row->min || bytes.len > row->max)
        return fault_set(fault, WIRE_INVALID_REQUEST, row->name,
                         "expected a text of %" PRIu64 " to %" PRIu64 " bytes", row->min, row->max);
    *(struct text *)value->member = slice_text(bytes);
    return 0;
}

static int read_opt(const struct value *value, struct fault *fault)
{
    const struct spec_row *row = value->row;
    uint64_t number = value->token.as.uint;
    if (value->token.type != MP_UINT || number < row->min || number > row->max)
        return fault_set(fault, WIRE_INVALID_REQUEST, row->name,
                         "expected a whole number from %" PRIu64 " to %" PRIu64, row->min,
                         row->max);
    *(struct opt_u64 *)value->member = opt_of(number);
    return 0;
}

/* Seconds as a number, or a text. 0; 1: neither, or out of range. */
static int duration_of(const struct mp_token *token, const struct spec_row *row, uint64_t *ms_out)
{
    uint64_t ms = 0;
    switch (token->type) {
    case MP_UINT:
        if (token->as.uint > row->max / 1000)
            return 1;
        ms = token->as.uint * 1000;
        break;
    case MP_FLOAT:
        if (!(token->as.real >= 0) || token->as.real * 1000 > (double)row->max)
            return 1;
        ms = (uint64_t)llround(token->as.real * 1000);
        break;
    case MP_STR:
        if (duration_parse(slice_text(token->as.bytes), &ms) != 0)
            return 1;
        break;
    default:
        return 1;
    }
    *ms_out = ms;
    return ms < row->min || ms > row->max;
}

static int read_duration(const struct value *value, struct fault *fault)
{
    uint64_t ms;
    char longest[DURATION_TEXT_SIZE];
    if (duration_of(&value->token, value->row, &ms) != 0) {
        duration_format(value->row->max, longest);
        return fault_set(fault, WIRE_INVALID_REQUEST, value->row->name,
                         "expected a duration of at most %s%s: seconds as a number, or a text "
                         "such as \"1h30m\"",
                         longest, value->row->min ? " and more than 0" : "");
    }
    if (value->row->kind == SPEC_MS)
        *(uint64_t *)value->member = ms;
    else
        *(struct opt_u64 *)value->member = opt_of(ms);
    return 0;
}

static int read_time(const struct value *value, struct fault *fault)
{
    uint64_t ms;
    if (value->token.type != MP_STR || rfc3339_parse(slice_text(value->token.as.bytes), &ms) != 0 ||
        ms < value->row->min)
        return refuse(value, fault, "an RFC 3339 time such as \"2026-01-31T12:00:00Z\"");
    *(uint64_t *)value->member = ms;
    return 0;
}

static int read_id(const struct value *value, struct fault *fault)
{
    struct uuid *id = value->member;
    if (value->token.type != MP_STR || uuid_parse(slice_text(value->token.as.bytes), id) != 0 ||
        uuid_is_null(id))
        return refuse(value, fault, "a UUID");
    return 0;
}

/* The broker takes ids as texts too. */
static int read_ids(const struct value *value, struct fault *fault)
{
    struct list_iter iter;
    struct uuid id;
    int more = -1;
    bool is_list = list_open(value->bytes, &iter) == 0;
    if (is_list && iter.count > value->row->max)
        return fault_set(fault, WIRE_INVALID_REQUEST, value->row->name,
                         "expected at most %" PRIu64 " ids", value->row->max);
    while (is_list && (more = list_next_uuid(&iter, &id)) == 1)
        continue;
    if (more != 0)
        return refuse(value, fault, "a list of UUIDs");
    *(struct slice *)value->member = value->bytes;
    return 0;
}

static int read_any(const struct value *value, struct fault *fault)
{
    if (value->row->kind == SPEC_MAP && value->token.type != MP_MAP)
        return refuse(value, fault, "an object");
    if (value->bytes.len > value->row->max)
        return fault_set(fault, WIRE_PAYLOAD_TOO_LARGE, value->row->name,
                         "expected at most %" PRIu64 " bytes", value->row->max);
    *(struct slice *)value->member = value->bytes;
    return 0;
}

static int (*const readers[])(const struct value *, struct fault *) = {
    [SPEC_TEXT] = read_text,       [SPEC_OPT] = read_opt,   [SPEC_MS] = read_duration,
    [SPEC_OPT_MS] = read_duration, [SPEC_TIME] = read_time, [SPEC_ID] = read_id,
    [SPEC_IDS] = read_ids,         [SPEC_ANY] = read_any,   [SPEC_MAP] = read_any,
};

static const struct spec_row *find_row(struct text name)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (text_is(name, rows[i].name))
            return &rows[i];
    }
    return NULL;
}

static int read_extra(struct text key, const struct mp_token *token, struct spec_extras *extras,
                      struct fault *fault)
{
    char name[64];
    if (text_is(key, "idempotency_key")) {
        if (token->type != MP_STR || token->as.bytes.len == 0 || token->as.bytes.len > KEY_LEN_MAX)
            return fault_set(fault, WIRE_INVALID_REQUEST, "idempotency_key",
                             "expected a text of 1 to %d bytes", KEY_LEN_MAX);
        extras->idempotency_key = slice_text(token->as.bytes);
        return 0;
    }
    snprintf(name, sizeof name, "%.*s", key.len < sizeof name ? (int)key.len : 63, key.at);
    return fault_set(fault, WIRE_INVALID_REQUEST, name, "unknown field");
}

/* null is as absent, but for params, where it is a value. */
static int read_field(struct text key, struct slice bytes, struct wire_spec *spec,
                      struct spec_extras *extras, struct fault *fault)
{
    struct mp_reader reader = mp_reader_of(bytes);
    struct mp_token token = mp_next(&reader);
    const struct spec_row *row = find_row(key);
    if (token.type == MP_NIL && (!row || row->kind != SPEC_ANY) &&
        (row || text_is(key, "idempotency_key")))
        return 0;
    if (!row)
        return read_extra(key, &token, extras, fault);
    const struct value value = {row, bytes, token, (char *)spec + row->offset};
    return readers[row->kind](&value, fault);
}

static int check_whole(struct wire_spec *spec, struct fault *fault)
{
    static const uint8_t empty_map = 0x80;
    if (spec->type.len == 0)
        return fault_set(fault, WIRE_INVALID_REQUEST, "type", "is required: which handler");
    if (spec->run_at && spec->delay_ms)
        return fault_set(fault, WIRE_INVALID_REQUEST, "run_at",
                         "expected run_at or delay, not both");
    if (spec->params.len == 0)
        spec->params = (struct slice){&empty_map, 1};
    return 0;
}

int spec_read(struct slice in, struct wire_spec *spec_out, struct spec_extras *extras_out,
              struct fault *fault)
{
    struct mp_reader reader = mp_reader_of(in);
    struct mp_token map = mp_next(&reader);
    *spec_out = (struct wire_spec){0};
    *extras_out = (struct spec_extras){0};
    if (map.type != MP_MAP)
        return fault_set(fault, WIRE_INVALID_REQUEST, "", "expected a job as an object");
    for (uint32_t i = 0; i < map.as.count; i++) {
        struct mp_token key = mp_next(&reader);
        struct slice bytes = mp_skip(&reader);
        if (key.type != MP_STR || !bytes.at)
            return fault_set(fault, WIRE_INVALID_REQUEST, "", "expected a job as an object");
        if (read_field(slice_text(key.as.bytes), bytes, spec_out, extras_out, fault) != 0)
            return 1;
    }
    return check_whole(spec_out, fault);
}

/* The client's word for a member, or NULL where it is the same. */
static const char *word_of(struct text member)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (text_is(member, rows[i].member))
            return strcmp(rows[i].member, rows[i].name) == 0 ? NULL : rows[i].name;
    }
    return NULL;
}

void spec_reword(struct fault *fault, bool is_list)
{
    char place[sizeof fault->field] = "", name[sizeof fault->field];
    const char *at = fault->field, *close = strchr(at, ']');
    if (strncmp(at, "jobs[", 5) == 0 && close) {
        if (is_list)
            snprintf(place, sizeof place, "%.*s", (int)(close + 1 - (at + 4)), at + 4);
        at = close + 1;
    }
    snprintf(name, sizeof name, "%s", *at == '.' ? at + 1 : at);
    const char *word = word_of(text_of(name));
    size_t len = strlen(place);
    snprintf(fault->field, sizeof fault->field, "%s", place);
    snprintf(fault->field + len, sizeof fault->field - len, "%s%.80s", len && name[0] ? "." : "",
             word ? word : name);
}
