/* Writing msgpack into a buf, item by item, through msgpack-c's packer.
 * Must never leave half an item behind: room is reserved first, then nothing can fail. */
#include "proto/pack.h"

#include <errno.h>

#include "proto/packer.h"

int pack_nil(struct buf *out)
{
    int rc = buf_reserve(out, PACK_HEAD_MAX);
    if (rc < 0)
        return rc;
    msgpack_packer packer = packer_of(out);
    return msgpack_pack_nil(&packer);
}

int pack_bool(struct buf *out, bool value)
{
    int rc = buf_reserve(out, PACK_HEAD_MAX);
    if (rc < 0)
        return rc;
    msgpack_packer packer = packer_of(out);
    return value ? msgpack_pack_true(&packer) : msgpack_pack_false(&packer);
}

int pack_u64(struct buf *out, uint64_t value)
{
    int rc = buf_reserve(out, PACK_HEAD_MAX);
    if (rc < 0)
        return rc;
    msgpack_packer packer = packer_of(out);
    return msgpack_pack_uint64(&packer, value);
}

int pack_i64(struct buf *out, int64_t value)
{
    int rc = buf_reserve(out, PACK_HEAD_MAX);
    if (rc < 0)
        return rc;
    msgpack_packer packer = packer_of(out);
    return msgpack_pack_int64(&packer, value);
}

int pack_f64(struct buf *out, double value)
{
    int rc = buf_reserve(out, PACK_HEAD_MAX);
    if (rc < 0)
        return rc;
    msgpack_packer packer = packer_of(out);
    return msgpack_pack_double(&packer, value);
}

int pack_text(struct buf *out, struct text value)
{
    if (value.len > UINT32_MAX)
        return -EMSGSIZE;
    int rc = buf_reserve(out, PACK_HEAD_MAX + value.len);
    if (rc < 0)
        return rc;
    msgpack_packer packer = packer_of(out);
    msgpack_pack_str(&packer, value.len);
    packer_body(out, value.at, value.len);
    return 0;
}

int pack_bin(struct buf *out, struct slice value)
{
    if (value.len > UINT32_MAX)
        return -EMSGSIZE;
    int rc = buf_reserve(out, PACK_HEAD_MAX + value.len);
    if (rc < 0)
        return rc;
    msgpack_packer packer = packer_of(out);
    msgpack_pack_bin(&packer, value.len);
    packer_body(out, value.at, value.len);
    return 0;
}

int pack_uuid(struct buf *out, const struct uuid *value)
{
    return pack_bin(out, (struct slice){value->at, sizeof value->at});
}

int pack_map(struct buf *out, uint32_t pairs)
{
    int rc = buf_reserve(out, PACK_HEAD_MAX);
    if (rc < 0)
        return rc;
    msgpack_packer packer = packer_of(out);
    return msgpack_pack_map(&packer, pairs);
}

int pack_array(struct buf *out, uint32_t items)
{
    int rc = buf_reserve(out, PACK_HEAD_MAX);
    if (rc < 0)
        return rc;
    msgpack_packer packer = packer_of(out);
    return msgpack_pack_array(&packer, items);
}

int pack_raw(struct buf *out, struct slice encoded)
{
    return buf_append(out, encoded.at, encoded.len);
}
