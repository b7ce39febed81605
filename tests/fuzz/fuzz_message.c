/* Any bytes as a message: a fault is complete and can be sent on; what is understood can be
 * walked, written as JSON, and comes back the same when it is encoded again. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#include "proto/codec.h"
#include "proto/json.h"
#include "proto/utf8.h"

static void check_fault(const struct fault *fault)
{
    CHECK(fault->error > WIRE_OK && fault->error < WIRE_ERROR_COUNT);
    CHECK(fault->problem[0] != '\0');
    CHECK(utf8_valid(text_of(fault->problem)) && utf8_valid(text_of(fault->field)));
}

static const uint8_t *own_of(const struct message *message)
{
    return (const uint8_t *)message + offsetof(struct message, hello);
}

static struct slice slice_of(const struct message *message, const struct field *field)
{
    struct slice value;
    memcpy(&value, own_of(message) + field->offset, sizeof value);
    return value;
}

static void walk_list(struct slice list, const struct shape *shape)
{
    struct list_iter iter;
    struct fault fault;
    struct buf json = {0};
    void *item = malloc(shape->size);
    CHECK(item && list_open(list, &iter) == 0);
    for (int rc; (rc = list_next(&iter, shape, KEYS_NAMES, item, &fault)) != 0;) {
        if (rc < 0)
            check_fault(&fault);
        else
            CHECK(json_from_struct(item, shape, &json) == 0);
    }
    free(item);
    buf_fini(&json);
}

static void walk_map(struct slice map, const struct shape *shape)
{
    struct fault fault;
    void *value = malloc(shape->size);
    CHECK(value);
    if (map.len > 0 && shape_decode(map, shape, KEYS_NAMES, value, &fault) != 0)
        check_fault(&fault);
    free(value);
}

static void walk(const struct message *message)
{
    const struct shape *shape = message_shape(message->id);
    for (size_t i = 0; i < shape->count; i++) {
        const struct field *field = &shape->fields[i];
        if (field->kind == KIND_list)
            walk_list(slice_of(message, field), field->of);
        if (field->kind == KIND_map)
            walk_map(slice_of(message, field), field->of);
    }
}

/* Unknown fields and other forms of the same value go at the first encoding, not at the second. */
static void encode_twice(const struct message *message)
{
    struct buf first = {0}, second = {0};
    struct message again;
    struct fault fault;
    CHECK(message_encode(&first, message) == 0);
    CHECK(message_decode(buf_slice(&first), &again, &fault) == 0);
    CHECK(message_encode(&second, &again) == 0);
    CHECK(slice_eq(buf_slice(&first), buf_slice(&second)));
    buf_fini(&first);
    buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct message message;
    struct fault fault;
    if (message_decode((struct slice){at, len}, &message, &fault) != 0) {
        check_fault(&fault);
        CHECK(message.id == MSG_NONE);
        return 0;
    }
    walk(&message);
    encode_twice(&message);
    return 0;
}
