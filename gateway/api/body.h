/* Small JSON bodies: an object of a few optional text fields.
 * Must never accept a field it was not told of. */
#ifndef REEVE_GATEWAY_API_BODY_H
#define REEVE_GATEWAY_API_BODY_H

#include "base/buf.h"
#include "proto/codec.h"

struct body_field {
    const char *name;
    size_t len_max;
    struct text *value_out; /* empty where it is absent or null */
};

/* Reads `json` (empty: as {}). `scratch` gets the bytes that the values point into. 0; 1 with
 * *fault set; -ENOMEM. */
int body_read(struct text json, const struct body_field *fields, size_t count, struct buf *scratch,
              struct fault *fault);

#endif
