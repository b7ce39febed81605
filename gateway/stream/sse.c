/* Server-sent events as text. Must never let data break out of its lines. */
#include "gateway/stream/sse.h"

#include <inttypes.h>

int sse_retry(struct buf *out, uint64_t ms)
{
    return buf_printf(out, "retry: %" PRIu64 "\n", ms);
}

/* A line ends with CR, LF or both. */
static size_t line_len(struct text text)
{
    size_t len = 0;
    while (len < text.len && text.at[len] != '\n' && text.at[len] != '\r')
        len++;
    return len;
}

static int add_data(struct buf *out, struct text data)
{
    for (;;) {
        size_t len = line_len(data);
        int rc = buf_append_text(out, TEXT("data: "));
        if (rc == 0)
            rc = buf_append(out, data.at, len);
        if (rc == 0)
            rc = buf_append(out, "\n", 1);
        if (rc < 0 || len == data.len)
            return rc;
        size_t skip = len + 1;
        if (data.at[len] == '\r' && skip < data.len && data.at[skip] == '\n')
            skip++;
        data = (struct text){data.at + skip, data.len - skip};
    }
}

int sse_event(struct buf *out, uint64_t id, struct text name, struct text data)
{
    size_t before = out->len;
    int rc = buf_printf(out, "id: %" PRIu64 "\nevent: %.*s\n", id, (int)name.len, name.at);
    if (rc == 0)
        rc = add_data(out, data);
    if (rc == 0)
        rc = buf_append(out, "\n", 1);
    if (rc < 0)
        out->len = before;
    return rc;
}
