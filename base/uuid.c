/* UUIDs: version 7 (RFC 9562), and their texts.
 * Must never read a clock or a source of randomness itself.
 */
#include "base/uuid.h"

#include "base/endian.h"

#define TIME_BITS_MASK ((UINT64_C(1) << 48) - 1)
#define VARIANT        (UINT64_C(2) << 62)
#define RAND_B_MASK    ((UINT64_C(1) << 62) - 1)
#define PREFIX_MAX     16

/* A source's id: 48 bits time, 32 bits counter (12 in rand_a, 20 atop rand_b), 42 random bits. */
#define COUNT_LOW_BITS 20
#define TAIL_BITS      42
#define TAIL_MASK      ((UINT64_C(1) << TAIL_BITS) - 1)

struct uuid uuid_v7(uint64_t wall_ms, uint64_t random_hi, uint64_t random_lo)
{
    struct uuid uuid;
    uint64_t high = (wall_ms & TIME_BITS_MASK) << 16 | UINT64_C(0x7000) | (random_hi & 0xfff);
    put_be64(uuid.at, high);
    put_be64(uuid.at + 8, VARIANT | (random_lo & RAND_B_MASK));
    return uuid;
}

/* The seed leaves the counter's top ten bits free, so that a millisecond holds four billion ids. */
static void advance(struct uuid_source *source, uint64_t wall_ms, uint64_t random)
{
    if (wall_ms <= source->last_ms && source->count < UINT32_MAX) {
        source->count++;
        return;
    }
    source->last_ms = wall_ms > source->last_ms ? wall_ms : source->last_ms + 1;
    source->count = (uint32_t)(random >> TAIL_BITS);
}

struct uuid uuid_next(struct uuid_source *source, uint64_t wall_ms, uint64_t random)
{
    advance(source, wall_ms, random);
    uint64_t low = source->count & ((UINT32_C(1) << COUNT_LOW_BITS) - 1);
    return uuid_v7(source->last_ms, source->count >> COUNT_LOW_BITS,
                   low << TAIL_BITS | (random & TAIL_MASK));
}

uint64_t uuid_wall_ms(const struct uuid *uuid)
{
    return get_be64(uuid->at) >> 16;
}

static char *put_hex(char *out, uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    out[0] = digits[byte >> 4];
    out[1] = digits[byte & 15];
    return out + 2;
}

void uuid_format(const struct uuid *uuid, char out[UUID_TEXT_LEN + 1])
{
    for (size_t i = 0; i < sizeof uuid->at; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        out = put_hex(out, uuid->at[i]);
    }
    *out = '\0';
}

void uuid_format_hex(const struct uuid *uuid, char out[UUID_HEX_LEN + 1])
{
    for (size_t i = 0; i < sizeof uuid->at; i++)
        out = put_hex(out, uuid->at[i]);
    *out = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_prefix_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/* Cuts `prefix_` off a text that ends in 32 digits; false when what stands there is no prefix. */
static bool strip_prefix(struct text *text)
{
    if (text->len <= UUID_HEX_LEN)
        return text->len == UUID_HEX_LEN;
    size_t prefix = text->len - UUID_HEX_LEN - 1;
    if (prefix == 0 || prefix > PREFIX_MAX || text->at[prefix] != '_')
        return false;
    for (size_t i = 0; i < prefix; i++) {
        if (!is_prefix_char(text->at[i]))
            return false;
    }
    text->at += prefix + 1;
    text->len = UUID_HEX_LEN;
    return true;
}

static bool is_dashed(struct text text)
{
    return text.len == UUID_TEXT_LEN && text.at[8] == '-' && text.at[13] == '-' &&
           text.at[18] == '-' && text.at[23] == '-';
}

int uuid_parse(struct text text, struct uuid *out)
{
    bool dashed = is_dashed(text);
    if (!dashed && !strip_prefix(&text))
        return UUID_UNREADABLE;
    struct uuid uuid;
    const char *at = text.at;
    for (size_t i = 0; i < sizeof uuid.at; i++, at += 2) {
        if (dashed && (i == 4 || i == 6 || i == 8 || i == 10))
            at++;
        int high = hex_digit(at[0]);
        int low = hex_digit(at[1]);
        if (high < 0 || low < 0)
            return UUID_UNREADABLE;
        uuid.at[i] = (uint8_t)(high << 4 | low);
    }
    *out = uuid;
    return 0;
}

bool uuid_is_null(const struct uuid *uuid)
{
    static const struct uuid null;
    return uuid_eq(uuid, &null);
}

int uuid_cmp(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->at, b->at, sizeof a->at);
}

bool uuid_eq(const struct uuid *a, const struct uuid *b)
{
    return uuid_cmp(a, b) == 0;
}
