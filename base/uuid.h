/* UUIDs: version 7 made from a given clock and given randomness, and their texts.
 * Must never read a clock or a source of randomness itself: everything here is pure.
 */
#ifndef REEVE_BASE_UUID_H
#define REEVE_BASE_UUID_H

#include "base/slice.h"

#define UUID_TEXT_LEN 36
#define UUID_HEX_LEN  32

/* uuid_parse: the text is no UUID. */
#define UUID_UNREADABLE 1

struct uuid {
    uint8_t at[16];
};

/* A process's (or core's) own line of ids. {0} is a valid start. Not thread-safe. */
struct uuid_source {
    uint64_t last_ms;
    uint32_t count;
};

/* A version 7 UUID: 48 bits of wall_ms (ms since 1970), the low 12 bits of random_hi and the low
 * 62 bits of random_lo. */
struct uuid uuid_v7(uint64_t wall_ms, uint64_t random_hi, uint64_t random_lo);

/* The next id of a source: each one is greater than the one before, also when wall_ms stands still
 * or steps back (RFC 9562, 6.2: a 32-bit counter after the time, seeded anew each millisecond). */
struct uuid uuid_next(struct uuid_source *source, uint64_t wall_ms, uint64_t random);

/* The milliseconds since 1970 that a version 7 UUID carries. */
uint64_t uuid_wall_ms(const struct uuid *uuid);

/* The usual text, lower case with dashes, and its final zero. */
void uuid_format(const struct uuid *uuid, char out[UUID_TEXT_LEN + 1]);

/* The 32 hex digits alone, for dialects with prefixed ids, and a final zero. */
void uuid_format_hex(const struct uuid *uuid, char out[UUID_HEX_LEN + 1]);

/* Reads the dashed text, 32 hex digits, or `prefix_` (1 to 16 letters, digits, '_' or '-') and 32
 * hex digits, in any case. 0, or UUID_UNREADABLE and *out is untouched. */
int uuid_parse(struct text text, struct uuid *out);

bool uuid_is_null(const struct uuid *uuid);

/* Order of the bytes, which for version 7 is order of time. < 0, 0, > 0. */
int uuid_cmp(const struct uuid *a, const struct uuid *b);

bool uuid_eq(const struct uuid *a, const struct uuid *b);

#endif
