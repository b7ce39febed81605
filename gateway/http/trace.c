/* W3C traceparent and X-Request-ID: taken or made.
 * Must never let a character through that could end a header or a log line. Pure. */
#include "gateway/http/trace.h"

enum { SPAN_ID_LEN = 16, REQUEST_ID_LEN = 32 };

static void hex_of(const uint8_t *bytes, size_t digits, char *out)
{
    for (size_t i = 0; i < digits; i++)
        out[i] = "0123456789abcdef"[i % 2 ? bytes[i / 2] & 15 : bytes[i / 2] >> 4];
}

/* `len` lower-case hex digits? With `not_zero`, not all of them 0. */
static bool is_hex(const char *at, size_t len, bool not_zero)
{
    bool seen = !not_zero;
    for (size_t i = 0; i < len; i++) {
        if (!((at[i] >= '0' && at[i] <= '9') || (at[i] >= 'a' && at[i] <= 'f')))
            return false;
        seen = seen || at[i] != '0';
    }
    return seen;
}

/* Version 00 has no more; later ones may have more behind a dash. */
static bool is_traceparent(struct text text)
{
    const char *at = text.at;
    if (text.len < TRACEPARENT_LEN || at[2] != '-' || at[35] != '-' || at[52] != '-')
        return false;
    bool first = memcmp(at, "00", 2) == 0;
    if (text.len > TRACEPARENT_LEN && (first || at[TRACEPARENT_LEN] != '-'))
        return false;
    return is_hex(at, 2, false) && memcmp(at, "ff", 2) != 0 && is_hex(at + 3, TRACE_ID_LEN, true) &&
           is_hex(at + 36, SPAN_ID_LEN, true) && is_hex(at + 53, 2, false);
}

static void make_traceparent(const uint8_t *random, char *out)
{
    memcpy(out, "00-", 3);
    hex_of(random, TRACE_ID_LEN, out + 3);
    out[35] = '-';
    hex_of(random + TRACE_ID_LEN / 2, SPAN_ID_LEN, out + 36);
    memcpy(out + 52, "-00", 4);
    out[3] = out[3] == '0' ? '1' : out[3]; /* all zeros would mean: none */
    out[36] = out[36] == '0' ? '1' : out[36];
}

static bool is_request_id(struct text text)
{
    if (text.len == 0 || text.len > REQUEST_ID_LEN_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] <= ' ' || text.at[i] > '~')
            return false;
    }
    return true;
}

void trace_take(struct text traceparent, struct text request_id,
                const uint8_t random[TRACE_RANDOM_SIZE], struct trace *trace_out)
{
    if (is_traceparent(traceparent))
        memcpy(trace_out->traceparent, traceparent.at, TRACEPARENT_LEN);
    else
        make_traceparent(random, trace_out->traceparent);
    trace_out->traceparent[TRACEPARENT_LEN] = '\0';
    size_t len = REQUEST_ID_LEN;
    if (is_request_id(request_id))
        memcpy(trace_out->request_id, request_id.at, len = request_id.len);
    else
        hex_of(random + (TRACE_ID_LEN + SPAN_ID_LEN) / 2, len, trace_out->request_id);
    trace_out->request_id[len] = '\0';
}

struct text trace_id(const struct trace *trace)
{
    return (struct text){trace->traceparent + 3, TRACE_ID_LEN};
}
