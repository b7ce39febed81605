/* Keys in words, for people: read by keys.def alone, part by part.
 * Must never trust a byte of a key. */
#include <errno.h>

#include "base/endian.h"
#include "base/rfc3339.h"
#include "broker/store/record.h"
#include "proto/json.h"

enum part_kind {
    PART_uuid,
    PART_u64,
    PART_time,
    PART_byte,
    PART_priority,
    PART_status,
    PART_timer,
    PART_letter,
    PART_text,
    PART_rest,
    PART_what
};

enum { PARTS_MAX = 8, NOT_SUCH = 1 };

struct part {
    enum part_kind kind;
    const char *name; /* NULL: no more parts */
};

static const struct part keys[STORE_TABLE_COUNT][PARTS_MAX] = {
#define PART(kind, name)  {PART_##kind, #name},
#define KEY(TABLE, parts) [TABLE_##TABLE] = {parts},
#include "broker/store/keys.def"
#undef KEY
#undef PART
};

/* As enum rec_timer has them. */
static const char *const timers[] = {
    "none",   "due",      "retention", "tombstone", "idempotency", "sweep", "start_deadline",
    "result", "question", "schedule",  "operation", "journal",     "family"};

/* Cuts `len` bytes off the front. 0, or NOT_SUCH. */
static int take(struct slice *rest, size_t len, struct slice *part_out)
{
    if (rest->len < len)
        return NOT_SUCH;
    *part_out = (struct slice){rest->at, len};
    *rest = (struct slice){rest->at + len, rest->len - len};
    return 0;
}

static int take_text(struct slice *rest, struct slice *part_out)
{
    const uint8_t *end = rest->len > 0 ? memchr(rest->at, 0, rest->len) : NULL;
    if (!end)
        return NOT_SUCH;
    size_t len = (size_t)(end - rest->at);
    *part_out = (struct slice){rest->at, len};
    *rest = (struct slice){end + 1, rest->len - len - 1};
    return 0;
}

static int take_part(enum part_kind kind, struct slice *rest, struct slice *part_out)
{
    switch (kind) {
    case PART_uuid:
        return take(rest, sizeof(struct uuid), part_out);
    case PART_u64:
    case PART_time:
        return take(rest, 8, part_out);
    case PART_byte:
    case PART_priority:
    case PART_status:
    case PART_timer:
    case PART_letter:
        return take(rest, 1, part_out);
    case PART_text:
        return take_text(rest, part_out);
    case PART_rest:
    case PART_what:
        break;
    }
    return take(rest, rest->len, part_out);
}

static int put_uuid(struct buf *out, struct slice bytes)
{
    struct uuid id;
    char text[UUID_TEXT_LEN + 1];
    memcpy(id.at, bytes.at, sizeof id.at);
    uuid_format(&id, text);
    return buf_printf(out, "\"%s\"", text);
}

static int put_time(struct buf *out, uint64_t ms)
{
    char text[RFC3339_LEN + 1];
    if (ms > TIME_MAX_MS)
        return buf_printf(out, "%llu", (unsigned long long)ms);
    rfc3339_format(ms, text);
    return buf_printf(out, "\"%s\"", text);
}

static bool is_uuid_v7(struct slice bytes)
{
    return bytes.len == sizeof(struct uuid) && bytes.at[6] >> 4 == 7 && bytes.at[8] >> 6 == 2;
}

static int put_byte(struct buf *out, enum part_kind kind, unsigned byte)
{
    if (kind == PART_priority && byte <= PRIORITY_MAX)
        return buf_printf(out, "%u", PRIORITY_MAX - byte);
    if (kind == PART_status && byte < JOB_STATE_COUNT)
        return buf_printf(out, "\"%s\"", job_state_word((enum job_state)byte));
    if (kind == PART_timer && byte < sizeof timers / sizeof *timers)
        return buf_printf(out, "\"%s\"", timers[byte]);
    if (kind == PART_letter && byte >= 'a' && byte <= 'z')
        return buf_printf(out, "\"%c\"", (char)byte);
    return buf_printf(out, "%u", byte);
}

static int put_part(struct buf *out, enum part_kind kind, struct slice bytes)
{
    switch (kind) {
    case PART_uuid:
        return put_uuid(out, bytes);
    case PART_u64:
        return buf_printf(out, "%llu", (unsigned long long)get_be64(bytes.at));
    case PART_time:
        return put_time(out, get_be64(bytes.at));
    case PART_what:
        if (is_uuid_v7(bytes))
            return put_uuid(out, bytes);
        return json_quote(out, slice_text(bytes));
    case PART_text:
    case PART_rest:
        return json_quote(out, slice_text(bytes));
    case PART_byte:
    case PART_priority:
    case PART_status:
    case PART_timer:
    case PART_letter:
        break;
    }
    return put_byte(out, kind, bytes.at[0]);
}

int bytes_describe(struct slice bytes, struct buf *out)
{
    int rc = buf_append_text(out, TEXT("{\"hex\":\""));
    for (size_t i = 0; i < bytes.len && rc == 0; i++)
        rc = buf_printf(out, "%02x", bytes.at[i]);
    return rc < 0 ? rc : buf_append_text(out, TEXT("\"}"));
}

/* 0; NOT_SUCH: the key is not made so; -ENOMEM. */
static int put_parts(const struct part *parts, struct slice rest, struct buf *out)
{
    int rc = 0;
    for (size_t i = 0; i < PARTS_MAX && parts[i].name && rc == 0; i++) {
        struct slice bytes;
        if (i > 0 && rest.len == 0 && parts[i].kind != PART_rest)
            break;
        rc = take_part(parts[i].kind, &rest, &bytes);
        if (rc == 0)
            rc = buf_printf(out, "%s\"%s\":", i > 0 ? "," : "{", parts[i].name);
        if (rc == 0)
            rc = put_part(out, parts[i].kind, bytes);
    }
    if (rc != 0)
        return rc;
    return parts[0].name && rest.len == 0 ? buf_append_text(out, TEXT("}")) : NOT_SUCH;
}

bool key_begins_with_job(enum store_table table)
{
    return keys[table][0].name && keys[table][0].kind == PART_uuid;
}

int key_describe(enum store_table table, struct slice key, struct buf *out)
{
    size_t before = out->len;
    int rc = put_parts(keys[table], key, out);
    if (rc != NOT_SUCH)
        return rc;
    out->len = before;
    return bytes_describe(key, out);
}
