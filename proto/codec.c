/* Whole messages: one frame to a struct and back.
 *
 * A frame is scanned before anything looks into it, then read in one pass. Must never answer a bad
 * frame with more than a fault; the request's number is saved even from a bad one, so that the
 * asker can be told. */
#include "proto/codec.h"

#include "proto/decode.h"
#include "proto/encode.h"
#include "proto/scan.h"
#include "proto/shapes.h"

/* The envelope's first row is `msg` itself. */
#define MSG_MARK     UINT64_C(1)
#define MSG_SIZE_MAX 64

/* Where the union is: every member of it begins there. */
#define OWN_FIELDS offsetof(struct message, hello)

static const void *own_fields(const struct message *message)
{
    return (const uint8_t *)message + OWN_FIELDS;
}

const char *message_name(enum message_id id)
{
    return message_rows[(unsigned)id < MSG_COUNT ? id : MSG_NONE].name.at;
}

const void *message_body(const struct message *message)
{
    return (const char *)message + OWN_FIELDS;
}

const struct shape *message_shape(enum message_id id)
{
    return message_rows[(unsigned)id < MSG_COUNT ? id : MSG_NONE].shape;
}

unsigned message_senders(enum message_id id)
{
    return message_rows[(unsigned)id < MSG_COUNT ? id : MSG_NONE].from;
}

static enum message_id message_of(struct text name)
{
    for (unsigned i = MSG_NONE + 1; i < MSG_COUNT; i++)
        if (text_eq(message_rows[i].name, name))
            return (enum message_id)i;
    return MSG_NONE;
}

static void leave_out(struct presence *presence, uint64_t mark)
{
    presence->count -= (presence->mask & mark) != 0;
    presence->mask &= ~mark;
}

int message_encode(struct buf *out, const struct message *message)
{
    const struct message_row *row = &message_rows[message->id];
    struct presence envelope = encode_presence(&shape_envelope, &message->envelope);
    struct presence own = encode_presence(row->shape, own_fields(message));
    leave_out(&envelope, MSG_MARK);
    int rc =
        buf_reserve(out, MSG_SIZE_MAX + presence_size_max(&envelope) + presence_size_max(&own));
    if (rc < 0)
        return rc;
    encode_map_head(out, 1 + envelope.count + own.count);
    encode_text(out, TEXT("msg"));
    encode_text(out, row->name);
    encode_fields(out, &shape_envelope, &message->envelope, &envelope, KEYS_NAMES);
    encode_fields(out, row->shape, own_fields(message), &own, KEYS_NAMES);
    return 0;
}

/* Reads the map's head and the first pair, which says what the message is. */
static int decode_head(struct mp_reader *reader, uint32_t *pairs_out, struct message *message,
                       struct fault *fault)
{
    struct mp_token token = mp_next(reader);
    struct text key;
    if (token.type != MP_MAP)
        return fault_set(fault, WIRE_INVALID_REQUEST, "", "expected a message, which is a map");
    *pairs_out = token.as.count;
    if (token.as.count == 0 || !decode_text(reader, &key) || !text_is(key, "msg"))
        return fault_set(fault, WIRE_INVALID_REQUEST, "msg", "expected msg as the first key");
    if (!decode_text(reader, &message->envelope.msg))
        return fault_set(fault, WIRE_INVALID_REQUEST, "msg", "expected the message's name");
    message->id = message_of(message->envelope.msg);
    if (message->id != MSG_NONE)
        return 0;
    int shown = message->envelope.msg.len > 32 ? 32 : (int)message->envelope.msg.len;
    return fault_set(fault, WIRE_UNKNOWN_MESSAGE, "msg", "\"%.*s\" is not a known message", shown,
                     message->envelope.msg.at);
}

static int decode_frame(struct slice frame, struct message *message, struct fault *fault)
{
    const char *problem;
    uint32_t pairs = 0;
    if (frame.len > MESSAGE_SIZE_MAX)
        return fault_set(fault, WIRE_PAYLOAD_TOO_LARGE, "",
                         "expected a message of at most %d bytes", MESSAGE_SIZE_MAX);
    if (scan_value(frame, MESSAGE_DEPTH_MAX, MESSAGE_ITEMS_MAX, &problem))
        return fault_set(fault, WIRE_INVALID_REQUEST, "", "%s", problem);
    struct mp_reader reader = mp_reader_of(frame);
    if (decode_head(&reader, &pairs, message, fault))
        return 1;
    const struct shape *own = message_rows[message->id].shape;
    void *fields = (uint8_t *)message + OWN_FIELDS;
    memset(fields, 0, own->size);
    struct target targets[] = {target_of(&shape_envelope, &message->envelope),
                               target_of(own, fields)};
    targets[0].seen = MSG_MARK;
    targets[0].next = 1;
    return decode_pairs(&reader, pairs - 1, targets, 2, KEYS_NAMES, fault);
}

/* The number of a request that is not understood; 0 where it can't be read either. */
static uint64_t request_of(struct slice frame)
{
    struct mp_reader reader = mp_reader_of(frame);
    struct mp_token map = mp_next(&reader);
    uint32_t pairs = map.type == MP_MAP ? map.as.count : 0;
    for (uint32_t i = 0; i < pairs; i++) {
        struct mp_token key = mp_next(&reader);
        if (key.type != MP_STR)
            return 0;
        if (text_is(slice_text(key.as.bytes), "request")) {
            struct mp_token value = mp_next(&reader);
            return value.type == MP_UINT ? value.as.uint : 0;
        }
        if (!mp_skip(&reader).at)
            return 0;
    }
    return 0;
}

int message_decode(struct slice frame, struct message *message_out, struct fault *fault)
{
    memset(&message_out->envelope, 0, sizeof message_out->envelope);
    message_out->id = MSG_NONE;
    if (decode_frame(frame, message_out, fault) == 0)
        return 0;
    message_out->id = MSG_NONE;
    message_out->envelope = (struct msg_envelope){.request = request_of(frame)};
    return 1;
}
