/* Reading maps into structs: what decode.c offers to codec.c, list.c and json.c. Internal to
 * proto/; the contract that other folders see is codec.h. */
#ifndef REEVE_PROTO_DECODE_H
#define REEVE_PROTO_DECODE_H

#include "proto/codec.h"
#include "proto/scan.h"

/* Where the fields of one shape go: a struct that is already zeroed. `next` is the field that
 * comes after the last one met: maps written in a table's order cost one comparison a key. */
struct target {
    const struct shape *shape;
    uint8_t *base;
    uint64_t seen;
    size_t next;
};

static inline struct target target_of(const struct shape *shape, void *base)
{
    return (struct target){shape, base, 0, 0};
}

/* Reads `pairs` keys and values; a key belongs to the first target that knows it, or is skipped.
 * 0; 1 with *fault set. */
int decode_pairs(struct mp_reader *reader, uint32_t pairs, struct target *targets, size_t count,
                 enum shape_keys keys, struct fault *fault);

/* Reads one map of `shape` into the struct at `value_out` (zeroed first). 0; 1 with *fault set. */
int decode_map(struct mp_reader *reader, const struct shape *shape, enum shape_keys keys,
               void *value_out, struct fault *fault);

/* Reads one value of `field`, checked against its row, into `member`. 0; 1 with *fault set. */
int decode_value(struct mp_reader *reader, const struct field *field, enum shape_keys keys,
                 void *member, struct fault *fault);

/* The field of that name, looked for from `*next` on and around, which then is the one behind it;
 * NULL where the shape has none. */
const struct field *decode_find(const struct shape *shape, struct text name, size_t *next);

/* Reads an id: bin of 16, or a str that uuid_parse takes. Is it one? */
bool decode_uuid(struct mp_reader *reader, struct uuid *out);

/* Reads a text of valid UTF-8. Is it one? */
bool decode_text(struct mp_reader *reader, struct text *out);

/* Says what `field` wants. Returns 1. */
int fault_expected(struct fault *fault, const struct field *field);

#endif
