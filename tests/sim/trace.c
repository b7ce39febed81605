/* Lines and their hash. Must never change anything of the world. */
#include "tests/sim/trace.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "proto/codec.h"
#include "proto/json.h"

static void hash_bytes(struct trace *trace, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len; i++)
        trace->hash = (trace->hash ^ at[i]) * UINT64_C(0x100000001b3);
}

static void hash_line(struct world *world, const char *word, struct slice bytes)
{
    struct trace *trace = world->trace;
    if (trace->lines++ == 0)
        trace->hash = UINT64_C(0xcbf29ce484222325);
    hash_bytes(trace, &world->now, sizeof world->now);
    hash_bytes(trace, word, strlen(word));
    hash_bytes(trace, bytes.at, bytes.len);
}

void trace_fini(struct trace *trace)
{
    free(trace->names);
    trace->names = NULL;
    trace->name_count = trace->name_cap = 0;
}

static size_t name_index(struct trace *trace, const struct uuid *id)
{
    for (size_t i = 0; i < trace->name_count; i++)
        if (uuid_eq(&trace->names[i], id))
            return i;
    if (trace->name_count == trace->name_cap) {
        trace->name_cap = trace->name_cap ? 2 * trace->name_cap : 64;
        trace->names = realloc(trace->names, trace->name_cap * sizeof *trace->names);
        CHECK(trace->names);
    }
    trace->names[trace->name_count] = *id;
    return trace->name_count++;
}

const char *trace_name(struct world *world, const struct uuid *id)
{
    static char names[4][16];
    static unsigned turn;
    char *name = names[turn++ % 4];
    snprintf(name, sizeof names[0], "J%zu", name_index(world->trace, id) + 1);
    return name;
}

/* Writes the text with ids as names. */
static void put_named(struct world *world, const char *text)
{
    struct uuid id;
    while (*text) {
        bool dashed = strlen(text) >= UUID_TEXT_LEN && text[8] == '-' && text[13] == '-' &&
                      isxdigit((unsigned char)text[0]);
        if (dashed && uuid_parse((struct text){text, UUID_TEXT_LEN}, &id) == 0) {
            fputs(trace_name(world, &id), world->trace->out);
            text += UUID_TEXT_LEN;
        } else {
            fputc(*text++, world->trace->out);
        }
    }
}

static void put_time(struct world *world)
{
    fprintf(world->trace->out, "[%llu.%03llu] ", (unsigned long long)(world->now / 1000),
            (unsigned long long)(world->now % 1000));
}

void trace_frame(struct world *world, const char *who, const char *arrow, struct slice frame)
{
    struct trace *trace = world->trace;
    struct message message;
    struct fault fault;
    struct buf json = {0};
    hash_line(world, who, frame);
    if (!trace->out)
        return;
    put_time(world);
    fprintf(trace->out, "%s %s ", who, arrow);
    if (message_decode(frame, &message, &fault) == 0 &&
        json_from_shape(frame, message_shape(message.id), &json) == 0 &&
        buf_append(&json, "", 1) == 0) {
        const char *rest = strchr((char *)json.at, ','); /* the key msg is said already */
        fprintf(trace->out, "%s {", message_name(message.id));
        put_named(world, rest ? rest + 1 : "}");
    } else {
        fprintf(trace->out, "%zu bytes that are no message", frame.len);
    }
    fputc('\n', trace->out);
    buf_fini(&json);
}

void trace_note(struct world *world, const char *fmt, ...)
{
    va_list args;
    hash_line(world, fmt, (struct slice){0});
    if (!world->trace->out)
        return;
    put_time(world);
    va_start(args, fmt);
    vfprintf(world->trace->out, fmt, args);
    va_end(args);
    fputc('\n', world->trace->out);
}
