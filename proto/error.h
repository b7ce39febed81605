/* The errors that travel, made from errors.def. Pure. */
#ifndef REEVE_PROTO_ERROR_H
#define REEVE_PROTO_ERROR_H

#include "base/slice.h"

enum wire_error {
    WIRE_OK = 0,
#define ERROR(number, NAME, status, message) WIRE_##NAME = (number),
#include "proto/errors.def"
#undef ERROR
    WIRE_ERROR_COUNT
};

/* The code as it travels, e.g. "NOT_FOUND"; "OK" for WIRE_OK. Never NULL. */
const char *wire_error_code(enum wire_error error);

/* Its HTTP status (200 for WIRE_OK) and its default message. */
int wire_error_status(enum wire_error error);
const char *wire_error_message(enum wire_error error);

/* The error of a code; WIRE_SERVER_ERROR for a code that this build does not know. */
enum wire_error wire_error_of(struct text code);

#endif
