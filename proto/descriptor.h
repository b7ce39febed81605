/* SHAPE_DESCRIPTOR: the descriptor of a table's rows, for shapes of this folder and for those of
 * records on disk. Include it only in the file that makes descriptors.
 *
 * Must never hold a list of its own: what is here follows from shapes.def. */
#ifndef REEVE_PROTO_DESCRIPTOR_H
#define REEVE_PROTO_DESCRIPTOR_H

#include "proto/codec.h"

/* Fields of one shape: the decoder marks those it met in one word. */
#define SHAPE_FIELDS_MAX 64

/* Each shape once more under the name that a row's `of` column gives it, as something that decays
 * to its address: `of_HOLD` is &shape_hold. shapes.c makes them. */
#define of_none NULL
#define SHAPE(NAME, name) extern const struct shape of_##NAME[1];
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

/* Defines `shape_NAME`, declared beside SHAPE_STRUCT(tag, FIELDS). */
#define SHAPE_DESCRIPTOR(name, tag, FIELDS) DESCRIBE(, shape_##name, tag, #name, FIELDS)

#endif
