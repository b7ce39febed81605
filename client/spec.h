/* A program's reeve_spec as what travels: checked as far as only this side can, and encoded.
 * Internal. Must never wait or send. */
#ifndef REEVE_CLIENT_SPEC_H
#define REEVE_CLIENT_SPEC_H

#include "base/buf.h"
#include "client/handle.h"

/* Appends the spec to `out` as one map of shape spec; `scratch` is cleared and used. The id is the
 * spec's own or a new one; where nobody wants to know it (NULL), the spec's own or none. A code; on
 * failure `out` is as it was. */
int spec_encode(struct reeve *reeve, const struct reeve_spec *spec, struct buf *scratch,
                struct buf *out, struct uuid *id_out);

#endif
