/* Cutting and cleaning texts. Must never cut inside a character. */
#include "worker/words.h"

#include "proto/utf8.h"

static const char mark_cut[] = "\xe2\x80\xa6", mark_bad[] = "\xef\xbf\xbd";
enum { MARK_LEN = 3 };

/* Is it as it should be? */
static bool is_fit(struct text in, size_t max)
{
    return in.len <= max && utf8_valid(in) && (in.len == 0 || !memchr(in.at, 0, in.len));
}

int words_fit(struct buf *out, struct text in, size_t max)
{
    if (is_fit(in, max))
        return buf_append_text(out, in);
    size_t start = out->len, fits = start; /* up to here a mark can follow */
    int rc = buf_reserve(out, max + MARK_LEN);
    if (rc < 0)
        return rc;
    for (size_t at = 0; at < in.len;) {
        size_t step = utf8_step((const uint8_t *)in.at + at, in.len - at);
        bool bad = step == 0 || in.at[at] == 0;
        size_t size = bad ? MARK_LEN : step;
        if (out->len - start + size > max) {
            out->len = fits;
            return buf_append(out, mark_cut, MARK_LEN);
        }
        buf_append(out, bad ? mark_bad : in.at + at, size);
        at += step ? step : 1;
        if (out->len - start + MARK_LEN <= max)
            fits = out->len;
    }
    return 0;
}
