/* Base64 with the standard letters and padding. Must never accept what it would not write. */
#include "proto/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static uint32_t three_of(const uint8_t *at, size_t len)
{
    uint32_t bits = (uint32_t)at[0] << 16;
    if (len > 1)
        bits |= (uint32_t)at[1] << 8;
    if (len > 2)
        bits |= at[2];
    return bits;
}

int base64_encode(struct buf *out, struct slice bytes)
{
    int rc = buf_reserve(out, bytes.len / 3 * 4 + 4);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t len = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t bits = three_of(bytes.at + i, len);
        for (size_t k = 0; k < 4; k++)
            out->at[out->len++] =
                k <= len ? (uint8_t)letters[bits >> (18 - 6 * k) & 0x3f] : (uint8_t)'=';
    }
    return 0;
}

static int value_of(char letter)
{
    const char *found = letter ? strchr(letters, letter) : NULL;
    return found ? (int)(found - letters) : -1;
}

static size_t padding_of(struct text text)
{
    size_t padding = 0;
    while (padding < 2 && padding < text.len && text.at[text.len - 1 - padding] == '=')
        padding++;
    return padding;
}

/* Four letters, of which the last `padding` are '='; false where they are not, or where bits that
 * the padding cuts off are set. */
static bool decode_four(struct buf *out, const char *at, size_t padding)
{
    uint32_t bits = 0;
    for (size_t k = 0; k < 4; k++) {
        int value = k < 4 - padding ? value_of(at[k]) : 0;
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
    }
    if (padding > 0 && bits & ((UINT32_C(1) << 8 * padding) - 1))
        return false;
    for (size_t k = 0; k < 3 - padding; k++)
        out->at[out->len++] = (uint8_t)(bits >> (16 - 8 * k));
    return true;
}

int base64_decode(struct buf *out, struct text text)
{
    size_t from = out->len, padding = padding_of(text);
    if (text.len % 4 != 0)
        return 1;
    int rc = buf_reserve(out, text.len / 4 * 3);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < text.len; i += 4)
        if (!decode_four(out, text.at + i, i + 4 == text.len ? padding : 0)) {
            out->len = from;
            return 1;
        }
    return 0;
}
