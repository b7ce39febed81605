/* Time zones by their IANA names: GLib's GTimeZone behind the core's port.
 * The only code that includes GLib. Must never hand GLib a text that is no name of the database:
 * it would take absolute paths, POSIX rules and offsets too. */
#include "broker/zones.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

enum { NAME_MAX_LEN = 64, ZONES_MAX = 2000 };

struct known {
    struct zone zone; /* first: what is handed out */
    GTimeZone *data;
    char name[NAME_MAX_LEN + 1];
    UT_hash_handle hh;
};

struct zones {
    struct known *by_name;
};

static int32_t offset_at(const struct zone *zone, int64_t utc_s)
{
    const struct known *known = (const struct known *)(const void *)zone;
    gint interval = g_time_zone_find_interval(known->data, G_TIME_TYPE_UNIVERSAL, utc_s);
    return g_time_zone_get_offset(known->data, interval);
}

static bool starts(struct text text, struct text with)
{
    return text.len >= with.len && memcmp(text.at, with.at, with.len) == 0;
}

/* Area/Place, or one of the old names (EST5EDT, Zulu): letters, digits, _ + - and single slashes,
 * beginning with a letter. `posix` and `right` hold all zones again, the latter with leap seconds,
 * which our clock does not count. */
static bool is_name(struct text name)
{
    if (name.len == 0 || name.len > NAME_MAX_LEN || !g_ascii_isalpha(name.at[0]))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool slash = c == '/' && i + 1 < name.len && name.at[i - 1] != '/';
        if (!g_ascii_isalnum(c) && !strchr("_+-", c) && !slash)
            return false;
    }
    return !starts(name, TEXT("posix/")) && !starts(name, TEXT("right/"));
}

static const char *folder(void)
{
    const char *set = getenv("TZDIR");
    return set && set[0] ? set : "/usr/share/zoneinfo";
}

/* GLib falls back to reading "EST5EDT" as a rule where there is no such file: only files count. */
static bool has_file(const char *name)
{
    char *path = g_build_filename(folder(), name, NULL);
    bool regular = g_file_test(path, G_FILE_TEST_IS_REGULAR);
    g_free(path);
    return regular;
}

static int load(struct zones *zones, const char *name, struct known **known_out)
{
    if (!has_file(name))
        return access(folder(), R_OK | X_OK) == 0 ? ZONE_UNKNOWN : ZONE_NO_DATA;
    if (HASH_COUNT(zones->by_name) >= ZONES_MAX)
        return -ENOMEM;
    GTimeZone *data = g_time_zone_new_identifier(name);
    if (!data) /* a file of the folder that is no zone: zone.tab, a damaged one */
        return ZONE_UNKNOWN;
    struct known *known = calloc(1, sizeof *known);
    if (known) {
        known->zone.offset = offset_at;
        known->data = data;
        strcpy(known->name, name);
        HASH_ADD_STR(zones->by_name, name, known);
    }
    if (!known || !known->hh.tbl) {
        g_time_zone_unref(data);
        free(known);
        return -ENOMEM;
    }
    *known_out = known;
    return 0;
}

static int find(void *arg, struct text text, const struct zone **zone_out)
{
    struct zones *zones = arg;
    char name[NAME_MAX_LEN + 1];
    struct known *known;
    if (!is_name(text))
        return ZONE_UNKNOWN;
    memcpy(name, text.at, text.len);
    name[text.len] = '\0';
    HASH_FIND_STR(zones->by_name, name, known);
    int rc = known ? 0 : load(zones, name, &known);
    if (rc == 0)
        *zone_out = &known->zone;
    return rc;
}

int zones_open(struct zones **zones_out)
{
    *zones_out = calloc(1, sizeof **zones_out);
    return *zones_out ? 0 : -ENOMEM;
}

void zones_close(struct zones **zones_at)
{
    struct zones *zones = *zones_at;
    struct known *known, *next;
    *zones_at = NULL;
    if (!zones)
        return;
    HASH_ITER(hh, zones->by_name, known, next)
    {
        HASH_DEL(zones->by_name, known);
        g_time_zone_unref(known->data);
        free(known);
    }
    free(zones);
}

struct zone_port zones_port(struct zones *zones)
{
    return (struct zone_port){find, zones};
}
