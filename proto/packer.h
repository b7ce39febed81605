/* msgpack-c's packer on top of a buf whose room was reserved before: no check per write.
 *
 * Internal to pack.c and codec.c, which may include msgpack.h; nobody else. Must never be used
 * without a buf_reserve that covers everything that is packed. */
#ifndef REEVE_PROTO_PACKER_H
#define REEVE_PROTO_PACKER_H

#include <msgpack/pack.h>

#include "base/buf.h"

/* The longest head of a value: a type byte and 8 bytes. */
#define PACK_HEAD_MAX 9

static inline int packer_write(void *data, const char *bytes, size_t len)
{
    struct buf *out = data;
    memcpy(out->at + out->len, bytes, len);
    out->len += len;
    return 0;
}

static inline msgpack_packer packer_of(struct buf *out)
{
    return (msgpack_packer){out, packer_write};
}

/* A head is packed by the library, the body that follows it is copied here: an empty one may have
 * no address. */
static inline void packer_body(struct buf *out, const void *bytes, size_t len)
{
    if (len > 0)
        packer_write(out, bytes, len);
}

#endif
