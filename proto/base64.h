/* Base64 as RFC 4648 section 4 has it, with padding: how bytes stand in JSON. */
#ifndef REEVE_PROTO_BASE64_H
#define REEVE_PROTO_BASE64_H

#include "base/buf.h"
#include "base/slice.h"

/* Appends the letters for `bytes`. 0, -ENOMEM. */
int base64_encode(struct buf *out, struct slice bytes);

/* Appends the bytes of `text`, which must be whole and padded. 0; 1: it is not base64, nothing was
 * appended; -ENOMEM. */
int base64_decode(struct buf *out, struct text text);

#endif
