/* Reading msgpack without allocating: the bounded pre-scan and the pull reader above it.
 *
 * A frame is scanned once before anything looks into it: nesting, number of items and lengths
 * against the bytes that are there, exactly one value, nothing behind it. After that, readers only
 * meet well-formed bytes, but still check every length. Pure; bytes never lead to an assertion. */
#ifndef REEVE_PROTO_SCAN_H
#define REEVE_PROTO_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* 0: `in` is exactly one msgpack value within the bounds. 1: it is not, *problem_out says why
 * (a static string). The reserved byte 0xc1 and ext types are refused. */
int scan_value(struct slice in, uint32_t depth_max, uint32_t items_max,
               const char **problem_out);

enum mp_type {
    MP_END, MP_BAD, MP_NIL, MP_BOOL, MP_UINT, MP_INT, MP_FLOAT, MP_STR, MP_BIN, MP_ARRAY, MP_MAP
};

/* One token. MP_INT is negative only; arrays and maps give their count and are then read item by
 * item (a map: key, value, key, value). */
struct mp_token {
    enum mp_type type;
    union {
        bool boolean;
        uint64_t uint;
        int64_t sint;
        double real;
        struct slice bytes; /* MP_STR, MP_BIN: points into the input */
        uint32_t count;     /* MP_ARRAY, MP_MAP */
    } as;
};

struct mp_reader {
    const uint8_t *at, *end;
};

struct mp_reader mp_reader_of(struct slice in);
struct mp_token mp_next(struct mp_reader *reader);
/* Steps over one whole value. Returns its bytes; .at == NULL where they are cut or malformed. */
struct slice mp_skip(struct mp_reader *reader);
/* The same within bounds, as scan_value has them; *problem_out is a static string, or NULL. */
struct slice mp_skip_within(struct mp_reader *reader, uint32_t depth_max, uint32_t items_max,
                            const char **problem_out);
/* The type of the next value without reading it. */
enum mp_type mp_peek(const struct mp_reader *reader);

#endif
