/* The descriptors of every shape and message, and the lists of their names, made from the tables.
 *
 * Must never hold a list of its own: what is here follows from shapes.def and messages.def. */
#include "proto/shapes.h"

/* Each shape once more under the name that a row's `of` column gives it, as something that decays
 * to its address: `of_HOLD` is &shape_hold. */
#define of_none NULL
#define SHAPE(NAME, name) \
    extern const struct shape of_##NAME[1] __attribute__((alias("shape_" #name)));
#include "proto/shapes.def"
#undef SHAPE

/* One row of a table. The row's macro does not know its struct, so it is made in two steps: ROW
 * names the struct and stops before the row's bracket, ROW_REST goes on with what is in it. */
#define ROW(tag) {.offset = __builtin_offsetof(struct tag, ROW_REST
#define ROW_REST(field_number, field_kind, member, field_max, field_of) \
    member),                                                            \
    .name = #member,                                                    \
    .name_len = sizeof(#member) - 1,                                    \
    .number = (field_number),                                           \
    .kind = KIND_##field_kind,                                          \
    .max = (field_max),                                                 \
    .of = of_##field_of},

#define COUNT_OF(rows) (sizeof(rows) / sizeof(rows)[0] - 1)

/* The last row is empty: a message may have no fields, an array in C11 needs an element. */
#define DESCRIBE(linkage, id, tag, label, FIELDS)                                           \
    static const struct field fields_##id[] = {FIELDS(ROW(tag)){.offset = 0}};              \
    _Static_assert(COUNT_OF(fields_##id) <= SHAPE_FIELDS_MAX, "fields are marked in 64 bits"); \
    linkage const struct shape id = {label, fields_##id, COUNT_OF(fields_##id), sizeof(struct tag)};

#define SHAPE(NAME, name) DESCRIBE(, shape_##name, wire_##name, #name, FIELDS_##NAME)
#include "proto/shapes.def"
#undef SHAPE

#define MESSAGE(NAME, name, from) \
    DESCRIBE(static, message_##name, msg_##name, #name, FIELDS_##NAME)
#include "proto/messages.def"
#undef MESSAGE

DESCRIBE(, shape_envelope, msg_envelope, "envelope", FIELDS_ENVELOPE)

#define CLIENT FROM_CLIENT
#define WORKER FROM_WORKER
#define BROKER FROM_BROKER
#define EVENTS FROM_EVENTS

const struct message_row message_rows[MSG_COUNT] = {
    [MSG_NONE] = {TEXT_INIT("none"), NULL, 0},
#define MESSAGE(NAME, name, from) [MSG_##NAME] = {TEXT_INIT(#name), &message_##name, (from)},
#include "proto/messages.def"
#undef MESSAGE
};
