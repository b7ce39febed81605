/* Moves a restored store's numbers on. Touches only the meta table. */
#include "broker/core/restored.h"

#include <errno.h>

#include "base/endian.h"
#include "broker/store/record.h"

static int put(struct store *store, const char *name, const void *bytes, size_t len)
{
    return store_put(store, TABLE_META, text_slice(text_of(name)), (struct slice){bytes, len});
}

static int move_on(struct store *store, const char *name)
{
    struct slice value;
    uint8_t number[8];
    int rc = store_get(store, TABLE_META, text_slice(text_of(name)), &value);
    if (rc < 0 || (rc == 0 && value.len != sizeof number))
        return rc < 0 ? rc : -EBADMSG;
    uint64_t before = rc == 0 ? get_be64(value.at) : 0;
    if (before > UINT64_MAX - RESTORED_JUMP)
        return -EOVERFLOW;
    put_be64(number, before + RESTORED_JUMP);
    return put(store, name, number, sizeof number);
}

static int change(struct store *store, const struct uuid *instance, uint64_t wall_ms)
{
    uint8_t at[8];
    put_be64(at, wall_ms);
    int rc = move_on(store, "fence");
    if (rc == 0)
        rc = move_on(store, "seq");
    if (rc == 0)
        rc = put(store, META_INSTANCE, instance->at, sizeof instance->at);
    return rc == 0 ? put(store, "restored", at, sizeof at) : rc;
}

int core_restored(struct store *store, const struct uuid *instance, uint64_t wall_ms)
{
    int rc = store_begin(store);
    if (rc < 0)
        return rc;
    rc = change(store, instance, wall_ms);
    if (rc == 0)
        rc = store_commit(store);
    if (rc < 0)
        store_abort(store);
    return rc;
}
