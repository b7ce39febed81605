/* The pre-scan of a msgpack value and the pull reader above it.
 *
 * Iterative, without allocation, linear in the bytes that are there: a value that claims 2^32
 * items costs no more than its own length. Must never trust a length before comparing it with what
 * is left, and never end in an assertion because of bytes. */
#include "proto/scan.h"

#include <string.h>

#include "base/check.h"
#include "proto/lead.h"

/* More than any caller asks for; the stack of open arrays and maps is this deep. */
#define DEPTH_LIMIT 64

const struct lead_row lead_rows[32] = {
    {1, 0, 0}, {0, 0, 0}, {1, 0, 0}, {1, 0, 0}, /* nil, never used, false, true */
    {2, 1, 0}, {3, 2, 0}, {5, 4, 0},            /* bin 8, 16, 32 */
    {0, 0, 0}, {0, 0, 0}, {0, 0, 0},            /* ext 8, 16, 32: refused */
    {5, 0, 0}, {9, 0, 0},                       /* float 32, 64 */
    {2, 0, 0}, {3, 0, 0}, {5, 0, 0}, {9, 0, 0}, /* uint 8 to 64 */
    {2, 0, 0}, {3, 0, 0}, {5, 0, 0}, {9, 0, 0}, /* int 8 to 64 */
    {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, /* fixext: refused */
    {2, 1, 0}, {3, 2, 0}, {5, 4, 0},            /* str 8, 16, 32 */
    {3, 2, 1}, {5, 4, 1},                       /* array 16, 32 */
    {3, 2, 2}, {5, 4, 2},                       /* map 16, 32 */
};

/* Bounds of one walk, and the values that its outer arrays and maps still need. */
struct walk {
    uint32_t depth, depth_max;
    uint64_t items_left;
    uint64_t outer[DEPTH_LIMIT];
};

static const char *lead_problem(const uint8_t *at, size_t left)
{
    if (left == 0)
        return "the value is cut short";
    uint8_t first = at[0];
    if (first == 0xc1)
        return "the byte 0xc1 is reserved";
    if ((first >= 0xc7 && first <= 0xc9) || (first >= 0xd4 && first <= 0xd8))
        return "extension types are not used here";
    return "the value is cut short";
}

static bool is_container(uint8_t first)
{
    return (first >= 0x80 && first < 0xa0) || (first >= 0xdc && first < 0xe0);
}

/* Enters an array or map of `items` values; `needed` are those that follow behind it. */
static const char *walk_into(struct walk *walk, uint64_t items, uint64_t needed, size_t left)
{
    if (walk->depth >= walk->depth_max)
        return "the value is nested too deeply";
    if (items > walk->items_left)
        return "the value has too many items";
    if (items > left)
        return "the value is cut short";
    walk->items_left -= items;
    walk->outer[walk->depth++] = needed;
    return NULL;
}

/* Steps over one value; NULL, or why it is malformed or beyond the bounds. */
static const char *walk_value(struct mp_reader *reader, struct walk *walk)
{
    const uint8_t *at = reader->at;
    uint64_t needed = 1; /* values, on the present level */
    while (needed > 0) {
        size_t left = (size_t)(reader->end - at);
        struct lead lead = lead_of(at, left);
        if (lead.size == 0 || lead.size > left)
            return lead_problem(at, left);
        bool enters = is_container(*at);
        at += lead.size;
        needed--;
        if (enters) {
            const char *problem = walk_into(walk, lead.items, needed, left - (size_t)lead.size);
            if (problem)
                return problem;
            needed = lead.items;
        }
        while (needed == 0 && walk->depth > 0)
            needed = walk->outer[--walk->depth];
    }
    reader->at = at;
    return NULL;
}

struct slice mp_skip_within(struct mp_reader *reader, uint32_t depth_max, uint32_t items_max,
                            const char **problem_out)
{
    CHECK(depth_max <= DEPTH_LIMIT && items_max > 0);
    struct walk walk;
    walk.depth = 0;
    walk.depth_max = depth_max;
    walk.items_left = items_max - 1;
    const uint8_t *from = reader->at;
    *problem_out = walk_value(reader, &walk);
    if (*problem_out)
        return (struct slice){NULL, 0};
    return (struct slice){from, (size_t)(reader->at - from)};
}

int scan_value(struct slice in, uint32_t depth_max, uint32_t items_max, const char **problem_out)
{
    struct mp_reader reader = mp_reader_of(in);
    mp_skip_within(&reader, depth_max, items_max, problem_out);
    if (*problem_out)
        return 1;
    if (reader.at != reader.end) {
        *problem_out = "bytes follow after the value";
        return 1;
    }
    return 0;
}

struct mp_reader mp_reader_of(struct slice in)
{
    static const uint8_t nothing[1];
    if (in.len == 0)
        return (struct mp_reader){nothing, nothing};
    return (struct mp_reader){in.at, in.at + in.len};
}

/* No depth here, only a count of values still to come: it cannot overflow, since every value met
 * costs a byte and adds less than 2^33. */
struct slice mp_skip(struct mp_reader *reader)
{
    const uint8_t *from = reader->at, *at = from;
    uint64_t wanted = 1;
    while (wanted > 0) {
        size_t left = (size_t)(reader->end - at);
        struct lead lead = lead_of(at, left);
        if (lead.size == 0 || lead.size > left || wanted - 1 + lead.items > left)
            return (struct slice){NULL, 0};
        at += lead.size;
        wanted = wanted - 1 + lead.items;
    }
    reader->at = at;
    return (struct slice){from, (size_t)(at - from)};
}

static enum mp_type type_of(uint8_t first)
{
    static const enum mp_type types[32] = {
        MP_NIL,  MP_BAD,  MP_BOOL, MP_BOOL, MP_BIN,   MP_BIN,   MP_BIN,   MP_BAD,
        MP_BAD,  MP_BAD,  MP_FLOAT, MP_FLOAT, MP_UINT, MP_UINT, MP_UINT,  MP_UINT,
        MP_INT,  MP_INT,  MP_INT,  MP_INT,  MP_BAD,   MP_BAD,   MP_BAD,   MP_BAD,
        MP_BAD,  MP_STR,  MP_STR,  MP_STR,  MP_ARRAY, MP_ARRAY, MP_MAP,   MP_MAP,
    };
    if (first < 0x80)
        return MP_UINT;
    if (first < 0x90)
        return MP_MAP;
    if (first < 0xa0)
        return MP_ARRAY;
    if (first < 0xc0)
        return MP_STR;
    return first < 0xe0 ? types[first - 0xc0] : MP_INT;
}

static uint64_t uint_at(const uint8_t *at, size_t width)
{
    switch (width) {
    case 1:
        return at[0];
    case 2:
        return get_be16(at);
    case 4:
        return get_be32(at);
    default:
        return get_be64(at);
    }
}

/* A signed number of `width` bytes: shifted up so that its sign is the sign of 64 bits. */
static int64_t int_at(const uint8_t *at, size_t width)
{
    unsigned spare = (unsigned)(8 - width) * 8;
    uint64_t raised = uint_at(at, width) << spare;
    return raised >> 63 ? -(int64_t)(~raised >> spare) - 1 : (int64_t)(raised >> spare);
}

static double real_at(const uint8_t *at, size_t width)
{
    if (width == 8) {
        uint64_t bits = get_be64(at);
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    uint32_t bits = get_be32(at);
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

/* A number that is written as signed may be positive all the same. */
static struct mp_token int_token(int64_t value)
{
    if (value >= 0)
        return (struct mp_token){MP_UINT, {.uint = (uint64_t)value}};
    return (struct mp_token){MP_INT, {.sint = value}};
}

static struct mp_token bytes_token(enum mp_type type, const uint8_t *at, const uint8_t *end)
{
    size_t head = (at[0] & 0xe0) == 0xa0 ? 1 : lead_rows[at[0] - 0xc0].head;
    return (struct mp_token){type, {.bytes = {at + head, (size_t)(end - at) - head}}};
}

static struct mp_token token_of(const uint8_t *at, struct lead lead)
{
    size_t body = (size_t)lead.size - 1;
    enum mp_type type = type_of(at[0]);
    switch (type) {
    case MP_BOOL:
        return (struct mp_token){type, {.boolean = at[0] == 0xc3}};
    case MP_UINT:
        return (struct mp_token){type, {.uint = body == 0 ? at[0] : uint_at(at + 1, body)}};
    case MP_INT:
        return int_token(body == 0 ? int_at(at, 1) : int_at(at + 1, body));
    case MP_FLOAT:
        return (struct mp_token){type, {.real = real_at(at + 1, body)}};
    case MP_STR:
    case MP_BIN:
        return bytes_token(type, at, at + lead.size);
    case MP_ARRAY:
        return (struct mp_token){type, {.count = (uint32_t)lead.items}};
    case MP_MAP:
        return (struct mp_token){type, {.count = (uint32_t)(lead.items / 2)}};
    default:
        return (struct mp_token){type, {.uint = 0}};
    }
}

struct mp_token mp_next(struct mp_reader *reader)
{
    size_t left = (size_t)(reader->end - reader->at);
    if (left == 0)
        return (struct mp_token){MP_END, {.uint = 0}};
    struct lead lead = lead_of(reader->at, left);
    if (lead.size == 0 || lead.size > left)
        return (struct mp_token){MP_BAD, {.uint = 0}};
    const uint8_t *at = reader->at;
    reader->at += lead.size;
    return token_of(at, lead);
}

enum mp_type mp_peek(const struct mp_reader *reader)
{
    return reader->at == reader->end ? MP_END : type_of(reader->at[0]);
}
