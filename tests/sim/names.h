/* The few names of queues, types, owners and groups in a world, and what params and results look
 * like: bytes that say where they come from. */
#ifndef REEVE_TESTS_SIM_NAMES_H
#define REEVE_TESTS_SIM_NAMES_H

#include "base/buf.h"
#include "base/endian.h"
#include "proto/pack.h"

enum { QUEUES = 3, TYPES = 3, OWNERS = 3, GROUPS = 3 };

static inline struct text queue_name(size_t i)
{
    static const char *const names[QUEUES] = {"default", "mail", "night"};
    return text_of(names[i % QUEUES]);
}

static inline struct text type_name(size_t i)
{
    static const char *const names[TYPES] = {"ingest", "render", "notify"};
    return text_of(names[i % TYPES]);
}

static inline struct text owner_name(size_t i)
{
    static const char *const names[OWNERS] = {"ada", "bob", "cyd"};
    return text_of(names[i % OWNERS]);
}

static inline struct text group_name(size_t i)
{
    static const char *const names[GROUPS] = {"g1", "g2", "g3"};
    return text_of(names[i % GROUPS]);
}

/* A value of two numbers and `more` bytes: params have (serial, 0), results (serial, fence). */
static inline int pack_marked(struct buf *out, uint64_t serial, uint64_t fence, size_t more)
{
    uint8_t bytes[16 + 4096] = {0};
    put_be64(bytes, serial);
    put_be64(bytes + 8, fence);
    return pack_bin(out, (struct slice){bytes, 16 + (more < 4096 ? more : 4096)});
}

/* The numbers of such a value; false where it is none. */
static inline bool read_marked(struct slice value, uint64_t *serial_out, uint64_t *fence_out)
{
    size_t head = value.len > 2 && value.at[0] == 0xc4 ? 2 : 3; /* bin 8, bin 16 */
    if (value.len < head + 16 || (value.at[0] != 0xc4 && value.at[0] != 0xc5))
        return false;
    *serial_out = get_be64(value.at + head);
    *fence_out = get_be64(value.at + head + 8);
    return true;
}

#endif
