/* Any bytes through the pre-scan and the reader: what the scan accepts, the reader reads to its
 * end, token by token; what it refuses does no harm. */
#include "tests/fuzz/fuzz.h"

#include "proto/json.h"
#include "proto/limits.h"
#include "proto/scan.h"

static void read_tokens(struct slice in, bool well_formed)
{
    struct mp_reader reader = mp_reader_of(in);
    for (;;) {
        enum mp_type ahead = mp_peek(&reader);
        struct mp_token token = mp_next(&reader);
        if (token.type == MP_END || token.type == MP_BAD) {
            CHECK(!well_formed || token.type == MP_END);
            return;
        }
        CHECK(ahead == token.type || (ahead == MP_INT && token.type == MP_UINT));
        CHECK(token.type != MP_INT || token.as.sint < 0);
    }
}

static void check_accepted(struct slice in)
{
    struct mp_reader reader = mp_reader_of(in);
    struct buf json = {0};
    CHECK(mp_skip(&reader).len == in.len && reader.at == reader.end);
    read_tokens(in, true);
    CHECK(json_from_msgpack(in, &json) == 0);
    buf_fini(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct slice in = {at, len};
    const char *problem;
    int rc = scan_value(in, MESSAGE_DEPTH_MAX, MESSAGE_ITEMS_MAX, &problem);
    CHECK((rc == 0) == (problem == NULL));
    if (rc == 0) {
        check_accepted(in);
        return 0;
    }
    struct mp_reader reader = mp_reader_of(in);
    while (mp_skip(&reader).at)
        continue;
    read_tokens(in, false);
    return 0;
}
