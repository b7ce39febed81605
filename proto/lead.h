/* What the first byte of a msgpack value says: how long its head is, and what follows.
 *
 * Internal to proto/: scan.c and codec.c read through this, so that there is one place that knows
 * the format's bytes. Must never read beyond the end it is given. */
#ifndef REEVE_PROTO_LEAD_H
#define REEVE_PROTO_LEAD_H

#include "base/endian.h"
#include "proto/scan.h"

/* A value's own bytes (head and, for str and bin, the body) and how many values it contains. */
struct lead {
    uint64_t size;  /* 0: malformed */
    uint64_t items; /* of an array; twice the pairs of a map */
};

/* The rows for 0xc0 to 0xdf: `head` bytes in all before a body, of which the last `width` are a
 * big-endian count; `per` says what is counted: 0 bytes of the body, 1 items, 2 pairs. */
struct lead_row {
    uint8_t head; /* 0: never valid here */
    uint8_t width;
    uint8_t per;
};

extern const struct lead_row lead_rows[32];

static inline uint64_t lead_count(const uint8_t *at, unsigned width)
{
    switch (width) {
    case 1:
        return at[0];
    case 2:
        return get_be16(at);
    default:
        return get_be32(at);
    }
}

/* Reads the lead of the value at `at`. size is 0 where it is malformed or its head is cut; a body
 * may still be longer than what is there. */
static inline struct lead lead_of(const uint8_t *at, size_t left)
{
    if (left == 0)
        return (struct lead){0, 0};
    uint8_t first = at[0];
    if (first < 0x80 || first >= 0xe0)
        return (struct lead){1, 0};
    if (first < 0x90)
        return (struct lead){1, 2u * (first & 0x0fu)};
    if (first < 0xa0)
        return (struct lead){1, first & 0x0fu};
    if (first < 0xc0)
        return (struct lead){1u + (first & 0x1fu), 0};
    struct lead_row row = lead_rows[first - 0xc0];
    if (row.head > left)
        return (struct lead){0, 0};
    if (row.width == 0)
        return (struct lead){row.head, 0};
    uint64_t count = lead_count(at + row.head - row.width, row.width);
    if (row.per == 0)
        return (struct lead){row.head + count, 0};
    return (struct lead){row.head, row.per * count};
}

#endif
