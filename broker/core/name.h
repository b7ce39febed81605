/* Which texts may be names of queues, types, groups and owners. Pure. */
#ifndef REEVE_BROKER_CORE_NAME_H
#define REEVE_BROKER_CORE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* 1 to len_max bytes, no control characters (so that a name ends a part of a key with a 0 byte,
 * and a log line stays a line). UTF-8 was checked by the codec. */
static inline bool name_is_fit(struct text name, size_t len_max)
{
    if (name.len == 0 || name.len > len_max)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.at[i] < 0x20 || name.at[i] == 0x7f)
            return false;
    return true;
}

#endif
