/* The errors that travel: codes, statuses and messages, all made from errors.def. */
#include "proto/error.h"

#include <stddef.h>

struct row {
    const char *code;
    int status;
    const char *message;
};

static const struct row rows[WIRE_ERROR_COUNT] = {
    [WIRE_OK] = {"OK", 200, "good"},
#define ERROR(number, NAME, status, message) [WIRE_##NAME] = {#NAME, (status), (message)},
#include "proto/errors.def"
#undef ERROR
};

static const struct row *row_of(enum wire_error error)
{
    return &rows[(unsigned)error < WIRE_ERROR_COUNT ? error : WIRE_SERVER_ERROR];
}

const char *wire_error_code(enum wire_error error)
{
    return row_of(error)->code;
}

int wire_error_status(enum wire_error error)
{
    return row_of(error)->status;
}

const char *wire_error_message(enum wire_error error)
{
    return row_of(error)->message;
}

enum wire_error wire_error_of(struct text code)
{
    for (unsigned i = 1; i < WIRE_ERROR_COUNT; i++)
        if (text_eq(code, text_of(rows[i].code)))
            return (enum wire_error)i;
    return WIRE_SERVER_ERROR;
}
