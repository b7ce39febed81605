/* UTF-8, checked and stepped through, after table 3-7 of the Unicode standard.
 * Must never read beyond the length it is given. */
#include "proto/utf8.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

static bool is_tail(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The second byte carries the bounds: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool second_fits(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return is_tail(second);
    }
}

static size_t length_of(uint8_t first)
{
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    if (first >= 0xf0 && first <= 0xf4)
        return 4;
    return 0;
}

size_t utf8_step(const uint8_t *at, size_t left)
{
    if (at[0] < 0x80)
        return 1;
    size_t len = length_of(at[0]);
    if (len == 0 || len > left || !second_fits(at[0], at[1]))
        return 0;
    for (size_t i = 2; i < len; i++)
        if (!is_tail(at[i]))
            return 0;
    return len;
}

static size_t ascii_run(const uint8_t *at, size_t left)
{
    size_t len = 0;
    for (uint64_t eight; left - len >= sizeof eight; len += sizeof eight) {
        memcpy(&eight, at + len, sizeof eight);
        if (eight & HIGH_BITS)
            break;
    }
    while (len < left && at[len] < 0x80)
        len++;
    return len;
}

bool utf8_valid(struct text text)
{
    const uint8_t *at = (const uint8_t *)text.at;
    size_t left = text.len;
    while (left > 0) {
        size_t len = ascii_run(at, left);
        if (len == 0)
            len = utf8_step(at, left);
        if (len == 0)
            return false;
        at += len;
        left -= len;
    }
    return true;
}
