/* One line in the log for every request. Must never contain a body, a query or a token. */
#include "gateway/http/access_log.h"

#include <inttypes.h>

#include "base/log.h"

enum { PATH_SHOWN_MAX = 512 };

static int shown(struct text text, int max)
{
    return text.len < (size_t)max ? (int)text.len : max;
}

void access_log(const struct access_entry *entry)
{
    const char *owner = entry->owner.len ? entry->owner.at : "-";
    log_info("request",
             "%s %s %.*s %u%s in=%" PRIu64 " ms=%" PRIu64 ".%03u owner=%.*s trace=%.*s id=%.*s",
             entry->address, entry->method[0] ? entry->method : "-",
             shown(entry->path, PATH_SHOWN_MAX), entry->path.at ? entry->path.at : "",
             entry->status, entry->complete ? "" : " incomplete", entry->body_len,
             entry->duration_us / 1000, (unsigned)(entry->duration_us % 1000),
             entry->owner.len ? shown(entry->owner, 100) : 1, owner, (int)entry->trace_id.len,
             entry->trace_id.at, (int)entry->request_id.len, entry->request_id.at);
}
