/* Walking and building the lists inside messages, item by item, without a copy of the list.
 * Must never trust a list's count: the items themselves say when the bytes end. */
#include "base/check.h"
#include "base/endian.h"
#include "proto/decode.h"

#define ARRAY32 0xdd
#define ARRAY32_HEAD 5

int list_open(struct slice list, struct list_iter *iter_out)
{
    *iter_out = (struct list_iter){{NULL, 0}, 0, 0};
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

/* After an item that could not be read the walk is over: the next one has no certain beginning. */
static int took(struct list_iter *iter, const struct mp_reader *reader, bool good)
{
    if (!good) {
        iter->index = iter->count;
        return -1;
    }
    iter->rest = (struct slice){reader->at, (size_t)(reader->end - reader->at)};
    iter->index++;
    return 1;
}

/* A bad item does not end the walk where its end is known, so that a partial submit can answer
 * for each of its jobs. */
int list_next(struct list_iter *iter, const struct shape *shape, enum shape_keys keys,
              void *value_out, struct fault *fault)
{
    if (iter->index >= iter->count)
        return 0;
    struct mp_reader reader = mp_reader_of(iter->rest), whole = reader;
    if (decode_map(&reader, shape, keys, value_out, fault) == 0)
        return took(iter, &reader, true);
    bool ends = mp_skip(&whole).at != NULL;
    took(iter, &whole, ends);
    return -1;
}

int list_next_any(struct list_iter *iter, struct slice *item_out)
{
    if (iter->index >= iter->count)
        return 0;
    struct mp_reader reader = mp_reader_of(iter->rest);
    *item_out = mp_skip(&reader);
    return took(iter, &reader, item_out->at != NULL);
}

int list_next_text(struct list_iter *iter, struct text *item_out)
{
    if (iter->index >= iter->count)
        return 0;
    struct mp_reader reader = mp_reader_of(iter->rest);
    bool good = decode_text(&reader, item_out);
    return took(iter, &reader, good);
}

int list_next_uuid(struct list_iter *iter, struct uuid *item_out)
{
    if (iter->index >= iter->count)
        return 0;
    struct mp_reader reader = mp_reader_of(iter->rest);
    bool good = decode_uuid(&reader, item_out);
    return took(iter, &reader, good);
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
