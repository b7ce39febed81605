/* Wording what is wrong with bytes, so that a person who wrote a client can mend it.
 * Must never echo more of the bytes than a short, printable piece. */
#include <stdarg.h>
#include <stdio.h>

#include "proto/decode.h"
#include "proto/utf8.h"

/* What was cut may end inside a character, and a fault travels as text: it ends before that. */
static void end_well(char *text)
{
    size_t at = 0, len = strlen(text), step;
    while (at < len && (step = utf8_step((const uint8_t *)text + at, len - at)) > 0)
        at += step;
    text[at] = '\0';
}

int fault_set(struct fault *fault, enum wire_error error, const char *field, const char *problem,
              ...)
{
    va_list args;
    fault->error = error;
    snprintf(fault->field, sizeof fault->field, "%s", field);
    va_start(args, problem);
    vsnprintf(fault->problem, sizeof fault->problem, problem, args);
    va_end(args);
    end_well(fault->field);
    end_well(fault->problem);
    return 1;
}

/* Appends as much of a word as there is room for. */
static void field_add(struct fault *fault, const char *word)
{
    size_t used = strlen(fault->field), room = sizeof fault->field - 1 - used;
    size_t len = strlen(word) < room ? strlen(word) : room;
    memcpy(fault->field + used, word, len);
    fault->field[used + len] = '\0';
}

void fault_within(struct fault *fault, const char *parent, int64_t index)
{
    char inner[sizeof fault->field], place[32] = "";
    memcpy(inner, fault->field, sizeof inner);
    if (index >= 0)
        snprintf(place, sizeof place, "[%lld]", (long long)index);
    fault->field[0] = '\0';
    field_add(fault, parent);
    field_add(fault, place);
    field_add(fault, inner[0] == '\0' || inner[0] == '[' ? "" : ".");
    field_add(fault, inner);
    end_well(fault->field);
}

#define STATE(number, NAME, word, moves) " " word
static const char state_words[] =
#include "proto/states.def"
    ;
#undef STATE

static int expected(struct fault *fault, const struct field *field, const char *what)
{
    return fault_set(fault, WIRE_INVALID_REQUEST, field->name, "expected %s", what);
}

static int expected_up_to(struct fault *fault, const struct field *field, const char *what,
                          const char *unit)
{
    if (field->max == UINT64_MAX)
        return expected(fault, field, what);
    return fault_set(fault, WIRE_INVALID_REQUEST, field->name, "expected %s of at most %llu%s",
                     what, (unsigned long long)field->max, unit);
}

static int expected_real(struct fault *fault, const struct field *field)
{
    if (field->max == 0)
        return expected(fault, field, "a finite number");
    return fault_set(fault, WIRE_INVALID_REQUEST, field->name, "expected a number from 0 to %llu",
                     (unsigned long long)field->max);
}

int fault_expected(struct fault *fault, const struct field *field)
{
    switch ((enum field_kind)field->kind) {
    case KIND_u64:
    case KIND_opt:
        return expected_up_to(fault, field, "a whole number", "");
    case KIND_f64:
        return expected_real(fault, field);
    case KIND_flag:
        return expected(fault, field, "true or false");
    case KIND_time:
        return expected(fault, field, "a time from 1970 to 9999");
    case KIND_state:
        return fault_set(fault, WIRE_INVALID_REQUEST, field->name, "expected one of:%s",
                         state_words);
    case KIND_text:
        return expected_up_to(fault, field, "text", " bytes");
    case KIND_blob:
        return expected_up_to(fault, field, "bytes", "");
    case KIND_uuid:
        return expected(fault, field, "a UUID");
    case KIND_any:
        return expected(fault, field, "a value");
    case KIND_map:
        return expected(fault, field, "an object");
    case KIND_list:
        return expected_up_to(fault, field, "a list of objects", "");
    case KIND_texts:
        return expected_up_to(fault, field, "a list of texts", "");
    case KIND_uuids:
        return expected_up_to(fault, field, "a list of UUIDs", "");
    }
    return expected(fault, field, "something else");
}
