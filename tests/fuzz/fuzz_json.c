/* Any bytes as JSON: what is accepted becomes msgpack that the scan accepts, and the JSON written
 * from it gives the same msgpack again. */
#include "tests/fuzz/fuzz.h"

#include "proto/json.h"
#include "proto/limits.h"
#include "proto/scan.h"
#include "proto/utf8.h"

static void check_fault(const struct fault *fault)
{
    CHECK(fault->error > WIRE_OK && fault->problem[0] != '\0');
    CHECK(utf8_valid(text_of(fault->problem)) && utf8_valid(text_of(fault->field)));
}

static void through_and_back(const struct buf *packed)
{
    struct buf json = {0}, again = {0};
    struct fault fault;
    const char *problem;
    CHECK(scan_value(buf_slice(packed), VALUE_DEPTH_MAX, UINT32_MAX, &problem) == 0);
    CHECK(json_from_msgpack(buf_slice(packed), &json) == 0);
    CHECK(utf8_valid(buf_text(&json)));
    CHECK(json_to_msgpack(buf_text(&json), &again, &fault) == 0);
    CHECK(slice_eq(buf_slice(packed), buf_slice(&again)));
    buf_fini(&json);
    buf_fini(&again);
}

static void as_shape(struct text text, const struct shape *shape)
{
    struct buf packed = {0}, json = {0}, again = {0};
    struct fault fault;
    if (json_to_shape(text, shape, &packed, &fault) == 0) {
        CHECK(json_from_shape(buf_slice(&packed), shape, &json) == 0);
        CHECK(json_to_shape(buf_text(&json), shape, &again, &fault) == 0);
        CHECK(slice_eq(buf_slice(&packed), buf_slice(&again)));
    } else {
        check_fault(&fault);
        CHECK(packed.len == 0);
    }
    buf_fini(&packed);
    buf_fini(&json);
    buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct text text = {(const char *)at, len};
    struct buf packed = {0};
    struct fault fault;
    if (json_to_msgpack(text, &packed, &fault) == 0)
        through_and_back(&packed);
    else
        check_fault(&fault);
    buf_fini(&packed);
    as_shape(text, &shape_job);
    as_shape(text, &shape_spec);
    return 0;
}
