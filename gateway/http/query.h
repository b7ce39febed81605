/* Query parameters by table: which names a route takes, what their values may be, and typed
 * reading.
 *
 * query_check refuses what is unknown, repeated or out of range by name, once, before a handler
 * runs; afterwards the getters cannot fail.
 * Must never clamp a value. Pure. */
#ifndef REEVE_GATEWAY_HTTP_QUERY_H
#define REEVE_GATEWAY_HTTP_QUERY_H

#include <stdint.h>

#include "gateway/http/target.h"
#include "proto/codec.h"

enum query_kind {
    QUERY_TEXT,   /* 1 to `max` bytes */
    QUERY_NUMBER, /* `min` to `max`, decimal */
    QUERY_FLAG,   /* 1 true yes, 0 false no */
    QUERY_WORD,   /* one of `words`, which are set apart by blanks */
    QUERY_STATE   /* a job state's word */
};

struct query_row {
    const char *name;
    enum query_kind kind;
    bool many; /* may be given more than once */
    uint64_t min, max;
    const char *words;
};

/* A route's rows. */
struct query_table {
    const struct query_row *rows;
    size_t count;
};

/* 0: every parameter is one of the table's; 1: *fault names the one that is not. */
int query_check(const struct target *target, const struct query_table *table, struct fault *fault);

/* Values of checked parameters; `otherwise` where it is absent. */
struct text query_text(const struct target *target, const char *name);
uint64_t query_number(const struct target *target, const char *name, uint64_t otherwise);
bool query_flag(const struct target *target, const char *name);

#endif
