/* Lines out of bytes. */
#include "worker/lines.h"

static void emit(struct lines *lines)
{
    struct text line = buf_text(&lines->line);
    if (line.len > 0 && line.at[line.len - 1] == '\r' && lines->left_out == 0)
        line.len--;
    lines->each(lines->arg, line, lines->left_out);
    buf_clear(&lines->line);
    lines->left_out = 0;
}

static int keep(struct lines *lines, struct slice part)
{
    size_t room = lines->max - lines->line.len;
    size_t fits = part.len < room ? part.len : room;
    int rc = buf_append(&lines->line, part.at, fits);
    lines->left_out += rc == 0 ? part.len - fits : part.len;
    return rc;
}

int lines_feed(struct lines *lines, struct slice bytes)
{
    int rc = 0;
    while (bytes.len > 0) {
        const uint8_t *end = memchr(bytes.at, '\n', bytes.len);
        struct slice part = {bytes.at, end ? (size_t)(end - bytes.at) : bytes.len};
        int kept = keep(lines, part);
        rc = rc < 0 ? rc : kept;
        if (!end)
            return rc;
        emit(lines);
        bytes.len -= part.len + 1;
        bytes.at += part.len + 1;
    }
    return rc;
}

void lines_end(struct lines *lines)
{
    if (lines->line.len > 0 || lines->left_out > 0)
        emit(lines);
    buf_fini(&lines->line);
}
