/* Seeks in the ready table. Reads only. */
#include "broker/core/ready.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

int ready_seek(struct core *core, struct slice prefix, struct slice after,
               struct rec_ready *ready_out)
{
    struct store_range range = {.table = TABLE_READY, .prefix = prefix, .after = after, .limit = 1};
    int rc = store_scan(core->store, &range, &core->rows);
    if (rc < 0 || core->rows.count == 0)
        return rc;
    return key_ready_parse(core->rows.at[0].key, ready_out) == 0 ? 1 : -EBADMSG;
}

/* The part's last byte is a text's ending 0 or a priority: nothing sorts between it and its
 * successor but its own. */
struct slice ready_behind(struct rec_key *key, struct slice part)
{
    CHECK(part.len > 0);
    memmove(key->at, part.at, part.len);
    key->len = part.len;
    key->at[key->len - 1]++;
    return (struct slice){key->at, key->len};
}

bool ready_is_older(const struct rec_ready *a, const struct rec_ready *b)
{
    return a->at != b->at ? a->at < b->at : a->arrival < b->arrival;
}
