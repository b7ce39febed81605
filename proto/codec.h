/* From the tables to structs and bytes: the one codec for what travels and for what rests.
 *
 * shapes.def and messages.def are the only hand-written lists. From each row come a struct member,
 * a field descriptor and so the codec: encode and decode walk descriptors, there is no code per
 * message. On the wire a map's keys are the names, on disk the rows' numbers.
 *
 * A zeroed struct is a valid, empty value: zero, NULL and all-zero ids mean "absent" and are not
 * encoded. Where 0 is a value of its own, the kind is `opt` or `f64` with a `set` flag.
 *
 * Decoding never allocates and never copies: texts, blobs, values and lists point into the bytes
 * that were decoded and live as long as they do. Bytes from a wire or disk lead to a fault, never
 * to an assertion. All functions are pure and thread-safe. Only proto/packer.h may include
 * msgpack.h. */
#ifndef REEVE_PROTO_CODEC_H
#define REEVE_PROTO_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "proto/error.h"
#include "proto/limits.h"
#include "proto/state.h"

struct opt_u64 {
    uint64_t value;
    bool set;
};

struct opt_f64 {
    double value;
    bool set;
};

static inline struct opt_u64 opt_of(uint64_t value)
{
    return (struct opt_u64){value, true};
}

static inline struct opt_f64 f64_of(double value)
{
    return (struct opt_f64){value, true};
}

static inline uint64_t opt_or(struct opt_u64 opt, uint64_t otherwise)
{
    return opt.set ? opt.value : otherwise;
}

/* kind → C type. On the wire: u64 opt time = unsigned integer, f64 = float or integer, flag =
 * boolean, text = str (valid UTF-8), blob = bin, uuid = bin of 16 (a str in any of uuid_parse's
 * forms is taken too), state = its word as str (its number on disk), any = one value of any type,
 * map = a map of shape `of`, list = an array of maps of shape `of`, texts = an array of str,
 * uuids = an array of ids. any, map, list, texts and uuids are kept as their encoded bytes. */
typedef uint64_t kind_u64;
typedef struct opt_u64 kind_opt;
typedef struct opt_f64 kind_f64;
typedef bool kind_flag;
typedef uint64_t kind_time;
typedef enum job_state kind_state;
typedef struct text kind_text;
typedef struct slice kind_blob;
typedef struct uuid kind_uuid;
typedef struct slice kind_any;
typedef struct slice kind_map;
typedef struct slice kind_list;
typedef struct slice kind_texts;
typedef struct slice kind_uuids;

enum field_kind {
    KIND_u64,
    KIND_opt,
    KIND_f64,
    KIND_flag,
    KIND_time,
    KIND_state,
    KIND_text,
    KIND_blob,
    KIND_uuid,
    KIND_any,
    KIND_map,
    KIND_list,
    KIND_texts,
    KIND_uuids
};

struct shape;

struct field {
    const char *name;
    uint8_t name_len;
    uint8_t number;
    uint8_t kind;
    uint16_t offset;
    uint64_t max;
    const struct shape *of;
};

struct shape {
    const char *name;
    const struct field *fields;
    size_t count;
    size_t size; /* of the C struct */
};

/* Makes a struct `tag` from a table's rows, and the descriptor `shape_NAME` beside it. */
#define SHAPE_MEMBER(number, kind, name, max, of) kind_##kind name;
#define SHAPE_STRUCT(tag, FIELDS)                                          \
    struct tag {                                                           \
        FIELDS(SHAPE_MEMBER)                                               \
        uint8_t end_; /* a shape may have no fields; C11 wants a member */ \
    }

/* --- the shapes of shapes.def: struct wire_NAME, descriptor shape_NAME ----------------------- */
#define SHAPE(NAME, name)                     \
    SHAPE_STRUCT(wire_##name, FIELDS_##NAME); \
    extern const struct shape shape_##name;
#include "proto/shapes.def"
#undef SHAPE

/* --- the messages of messages.def: struct msg_NAME ------------------------------------------- */
#define MESSAGE(NAME, name, from) SHAPE_STRUCT(msg_##name, FIELDS_##NAME);
#include "proto/messages.def"
#undef MESSAGE
SHAPE_STRUCT(msg_envelope, FIELDS_ENVELOPE);

enum message_id {
    MSG_NONE = 0,
#define MESSAGE(NAME, name, from) MSG_##NAME,
#include "proto/messages.def"
#undef MESSAGE
    MSG_COUNT
};

/* One message of any kind: `id` says which member of the union is meant. */
struct message {
    enum message_id id;
    struct msg_envelope envelope; /* .msg is set by encode and decode */
    union {
#define MESSAGE(NAME, name, from) struct msg_##name name;
#include "proto/messages.def"
#undef MESSAGE
    };
};

/* What is wrong with bytes: which field, and what was expected. The decoder names a field of the
 * map it reads ("type"); whoever reads a list's items makes a path of it with fault_within. */
struct fault {
    enum wire_error error;
    char field[96];
    char problem[160];
};

enum shape_keys { KEYS_NAMES, KEYS_NUMBERS };

/* Appends `value` (a struct of `shape`) to `out` as one map. 0, -ENOMEM; on error `out` is as it
 * was. Bounds are not checked here: they are checked by whoever decodes. */
int shape_encode(struct buf *out, const struct shape *shape, const void *value,
                 enum shape_keys keys);

/* Reads one map of `shape`, which must be all of `in`, into `value_out` (a struct of `shape`,
 * zeroed first). 0; 1 with *fault set (INVALID_REQUEST, or PAYLOAD_TOO_LARGE for an over-long any
 * or blob). Unknown keys are skipped, a key twice is a fault, nil is as absent (but an any). The
 * maps and lists inside are checked when they are read in their turn. */
int shape_decode(struct slice in, const struct shape *shape, enum shape_keys keys, void *value_out,
                 struct fault *fault);

/* Walks a `list`, `texts` or `uuids` value. An empty slice is an empty list. */
struct list_iter {
    struct slice rest;
    uint32_t count; /* items of the list */
    uint32_t index; /* items taken so far; after a fault, the place of the bad one */
    bool failed;    /* the last call gave -1 */
};
int list_open(struct slice list, struct list_iter *iter_out); /* 0, 1: not an array */
/* 1: an item was read; 0: the end; -1: *fault set, and the next call goes on behind the bad item
 * (0 where its end can't be found), so that a list's good items can be had beside its bad ones. */
int list_next(struct list_iter *iter, const struct shape *shape, enum shape_keys keys,
              void *value_out, struct fault *fault);
/* As list_next, for an item as its encoded bytes, a text, an id. */
int list_next_any(struct list_iter *iter, struct slice *item_out);
int list_next_text(struct list_iter *iter, struct text *item_out);
int list_next_uuid(struct list_iter *iter, struct uuid *item_out);

/* Builds a list whose length is not known in advance: open, append items with shape_encode or
 * pack.h, close with their count. 0, -ENOMEM. */
int list_begin(struct buf *out, size_t *mark_out);
void list_end(struct buf *out, size_t mark, uint32_t count);

/* --- whole messages -------------------------------------------------------------------------- */

/* Appends the message as one frame. 0, -ENOMEM. */
int message_encode(struct buf *out, const struct message *message);

/* Reads one frame. The frame is scanned first (scan.h), so nothing in it can cost more than its
 * length. 0; 1 with *fault set: INVALID_REQUEST, PAYLOAD_TOO_LARGE or UNKNOWN_MESSAGE; then
 * message_out->envelope.request is set where it could still be read, so that the asker can be
 * told. `message_out->id` is MSG_NONE on a fault. */
int message_decode(struct slice frame, struct message *message_out, struct fault *fault);

const char *message_name(enum message_id id);            /* "submit"; "none" */
const struct shape *message_shape(enum message_id id);   /* its own fields */
const void *message_body(const struct message *message); /* the struct of that shape in it */
extern const struct shape shape_envelope;

/* Who may send a message: a mask of these. */
enum message_from { FROM_CLIENT = 1, FROM_WORKER = 2, FROM_BROKER = 4, FROM_EVENTS = 8 };
unsigned message_senders(enum message_id id);

/* Puts where a fault was found before its field: "type" becomes "jobs[3].type" (`index` < 0: the
 * `parent` is a map, and it becomes "job.type"). For those who walk the lists of a message. */
void fault_within(struct fault *fault, const char *parent, int64_t index);

/* Sets *fault, printf-style. Returns 1, so that a check can end with `return fault_set(…)`. */
int fault_set(struct fault *fault, enum wire_error error, const char *field, const char *problem,
              ...) __attribute__((format(printf, 4, 5)));

#endif
