/* A caller's filter as the map that travels.
 */
#include "client/filter.h"

#include "proto/json.h"
#include "proto/pack.h"

/* "failed,cancelled" as a list of texts; nothing for nothing. */
static int pack_words(const char *words, struct buf *out)
{
    uint32_t count = 0;
    size_t mark;
    if (!words || !words[0])
        return 0;
    int rc = list_begin(out, &mark);
    for (const char *at = words; rc == 0 && *at; count++) {
        struct text word = {at, strcspn(at, ",")};
        rc = pack_text(out, word);
        at += word.len + (at[word.len] == ',');
    }
    if (rc == 0)
        list_end(out, mark, count);
    return rc;
}

static int read_metadata(struct reeve *reeve, const char *json, struct buf *out)
{
    struct fault fault;
    int rc = json ? json_to_msgpack(text_of(json), out, &fault) : 0;
    if (rc <= 0)
        return rc < 0 ? handle_fail_memory(reeve) : REEVE_OK;
    return handle_fail(reeve, REEVE_INVALID_REQUEST, "metadata", "metadata is not JSON: %s",
                       fault.problem);
}

static int pack(const struct reeve_filter *filter, struct slice metadata, struct buf *out)
{
    struct buf words = {0};
    struct wire_filter wire = {
        .type = text_of(filter->type),
        .queue = text_of(filter->queue),
        .owner = text_of(filter->owner),
        .group = text_of(filter->group),
        .name = text_of(filter->name),
        .metadata = metadata,
        .created_after = filter->created_after_ms,
        .created_before = filter->created_before_ms,
        .ended_before = filter->ended_before_ms,
        .cause = text_of(filter->cause),
        .system = filter->system,
    };
    int rc = pack_words(filter->status, &words);
    wire.status = buf_slice(&words);
    if (rc == 0)
        rc = shape_encode(out, &shape_filter, &wire, KEYS_NAMES);
    buf_fini(&words);
    return rc;
}

int filter_pack(struct reeve *reeve, const struct reeve_filter *filter, struct buf *out)
{
    struct buf metadata = {0};
    int code = read_metadata(reeve, filter->metadata_json, &metadata);
    if (code == REEVE_OK && pack(filter, buf_slice(&metadata), out) < 0)
        code = handle_fail_memory(reeve);
    buf_fini(&metadata);
    return code;
}
