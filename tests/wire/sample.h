/* Values for every shape, made from its descriptor and a seed: every field set, within its row.
 *
 * Whatever a value points at lives in the sample until sample_fini. The same seed gives the same
 * values for ever: golden.hex rests on it. */
#ifndef REEVE_TESTS_WIRE_SAMPLE_H
#define REEVE_TESTS_WIRE_SAMPLE_H

#include <stdint.h>

#include "proto/codec.h"

struct sample_piece;

struct sample {
    uint64_t state;
    struct sample_piece *pieces;
    bool only_small; /* short texts and lists of one item, for golden bytes that one can read */
};

struct sample sample_of(uint64_t seed);
void sample_fini(struct sample *sample);

/* The next number of the seed; below `bound` (which is not 0). */
uint64_t sample_next(struct sample *sample);
uint64_t sample_below(struct sample *sample, uint64_t bound);

/* Sets every field of the struct at `value_out`. */
void sample_fill(struct sample *sample, const struct shape *shape, void *value_out);

/* A message with every field set, its envelope's too. */
void sample_message(struct sample *sample, enum message_id id, struct message *message_out);

/* Fails the test, naming the field, where two structs of a shape differ. */
void assert_shape_equal(const struct shape *shape, const void *a, const void *b);

/* The struct of a message's own fields. */
const void *sample_own(const struct message *message);

#endif
