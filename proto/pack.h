/* Writing msgpack into a buf, item by item. Each returns 0 or -ENOMEM and leaves the buf as it
 * was on error. Wraps msgpack-c's packer, so that nobody else needs msgpack.h. */
#ifndef REEVE_PROTO_PACK_H
#define REEVE_PROTO_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "base/uuid.h"

int pack_nil(struct buf *out);
int pack_bool(struct buf *out, bool value);
int pack_u64(struct buf *out, uint64_t value);
int pack_i64(struct buf *out, int64_t value);
int pack_f64(struct buf *out, double value);
int pack_text(struct buf *out, struct text value);
int pack_bin(struct buf *out, struct slice value);
int pack_uuid(struct buf *out, const struct uuid *value); /* bin of 16 */
int pack_map(struct buf *out, uint32_t pairs);
int pack_array(struct buf *out, uint32_t items);
int pack_raw(struct buf *out, struct slice encoded); /* an already encoded value */

#endif
