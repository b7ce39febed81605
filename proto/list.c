/* Walking and building the lists inside messages, item by item, without a copy of the list.
 * Must never trust a list's count: the items themselves say when the bytes end. */
#include "base/check.h"
#include "base/endian.h"
#include "proto/decode.h"

#define ARRAY32      0xdd
#define ARRAY32_HEAD 5

int list_open(struct slice list, struct list_iter *iter_out)
{
    *iter_out = (struct list_iter){{NULL, 0}, 0, 0, false};
    if (list.len == 0)
        return 0;
    struct mp_reader reader = mp_reader_of(list);
    struct mp_token token = mp_next(&reader);
    if (token.type != MP_ARRAY)
        return 1;
    iter_out->rest = (struct slice){reader.at, (size_t)(reader.end - reader.at)};
    iter_out->count = token.as.count;
    return 0;
}

/* Is there another item? Steps over the bad one that the last call told of. */
static bool has_next(struct list_iter *iter, struct mp_reader *reader_out)
{
    iter->index += iter->failed;
    iter->failed = false;
    *reader_out = mp_reader_of(iter->rest);
    return iter->index < iter->count;
}

static int took(struct list_iter *iter, const struct mp_reader *reader)
{
    iter->rest = (struct slice){reader->at, (size_t)(reader->end - reader->at)};
    iter->index++;
    return 1;
}

/* Where the bad item's end is not known, the walk is over: nothing behind it has a beginning. */
static int failed(struct list_iter *iter)
{
    struct mp_reader reader = mp_reader_of(iter->rest);
    if (mp_skip(&reader).at)
        iter->rest = (struct slice){reader.at, (size_t)(reader.end - reader.at)};
    else
        iter->count = iter->index + 1;
    iter->failed = true;
    return -1;
}

int list_next(struct list_iter *iter, const struct shape *shape, enum shape_keys keys,
              void *value_out, struct fault *fault)
{
    struct mp_reader reader;
    if (!has_next(iter, &reader))
        return 0;
    if (decode_map(&reader, shape, keys, value_out, fault) == 0)
        return took(iter, &reader);
    return failed(iter);
}

int list_next_any(struct list_iter *iter, struct slice *item_out)
{
    struct mp_reader reader;
    if (!has_next(iter, &reader))
        return 0;
    *item_out = mp_skip(&reader);
    return item_out->at ? took(iter, &reader) : failed(iter);
}

int list_next_text(struct list_iter *iter, struct text *item_out)
{
    struct mp_reader reader;
    if (!has_next(iter, &reader))
        return 0;
    return decode_text(&reader, item_out) ? took(iter, &reader) : failed(iter);
}

int list_next_uuid(struct list_iter *iter, struct uuid *item_out)
{
    struct mp_reader reader;
    if (!has_next(iter, &reader))
        return 0;
    return decode_uuid(&reader, item_out) ? took(iter, &reader) : failed(iter);
}

/* The head always has room for 32 bits of count, so that closing moves nothing. */
int list_begin(struct buf *out, size_t *mark_out)
{
    static const uint8_t head[ARRAY32_HEAD] = {ARRAY32};
    *mark_out = out->len;
    return buf_append(out, head, sizeof head);
}

void list_end(struct buf *out, size_t mark, uint32_t count)
{
    CHECK(mark + ARRAY32_HEAD <= out->len && out->at[mark] == ARRAY32);
    put_be32(out->at + mark + 1, count);
}
