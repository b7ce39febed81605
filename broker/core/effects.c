/* The list of what a batch wants sent. Knows nothing of sockets. */
#include "broker/core/effects.h"

#include <errno.h>
#include <stdlib.h>

void effects_clear(struct effects *effects)
{
    effects->count = 0;
    buf_clear(&effects->bytes);
}

void effects_fini(struct effects *effects)
{
    free(effects->at);
    buf_fini(&effects->bytes);
    *effects = (struct effects){0};
}

static int effects_grow(struct effects *effects)
{
    size_t cap = effects->cap ? 2 * effects->cap : 64;
    struct effect *at = realloc(effects->at, cap * sizeof *at);
    if (!at)
        return -ENOMEM;
    effects->at = at;
    effects->cap = cap;
    return 0;
}

int effects_add(struct effects *effects, enum effect_kind kind, uint32_t peer,
                const struct uuid *topic, const struct message *message)
{
    if (effects->count == effects->cap) {
        int rc = effects_grow(effects);
        if (rc < 0)
            return rc;
    }
    size_t offset = effects->bytes.len;
    int rc = message ? message_encode(&effects->bytes, message) : 0;
    if (rc < 0)
        return rc;
    effects->at[effects->count++] = (struct effect){
        .kind = kind,
        .peer = peer,
        .topic = topic ? *topic : (struct uuid){{0}},
        .offset = offset,
        .len = effects->bytes.len - offset,
    };
    return 0;
}
