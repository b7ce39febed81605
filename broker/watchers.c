/* The set of subscribed topics.
 * Must never lose a topic without counting everything as wanted. */
#include "broker/watchers.h"

#include <stdlib.h>

/* Out of memory inside a table is reported to the caller instead of ending the program. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct topic {
    UT_hash_handle hh;
    size_t len;
    char text[UUID_TEXT_LEN];
};

/* Only the canonical text is published under, so only that is a job's topic. */
static bool is_job(struct text topic, struct uuid *job_out)
{
    char canonical[UUID_TEXT_LEN + 1];
    if (topic.len != UUID_TEXT_LEN || uuid_parse(topic, job_out) != 0)
        return false;
    uuid_format(job_out, canonical);
    return memcmp(canonical, topic.at, UUID_TEXT_LEN) == 0;
}

static struct topic *find(const struct watchers *watchers, struct text topic)
{
    struct topic *found;
    const char *at = topic.len ? topic.at : "";
    HASH_FIND(hh, watchers->topics, at, topic.len, found);
    return found;
}

static bool keep(struct watchers *watchers, struct text text)
{
    if (HASH_COUNT(watchers->topics) >= WATCHED_TOPICS_MAX)
        return false;
    struct topic *topic = calloc(1, sizeof *topic);
    if (!topic)
        return false;
    topic->len = text.len;
    if (text.len > 0)
        memcpy(topic->text, text.at, text.len);
    HASH_ADD_KEYPTR(hh, watchers->topics, topic->text, topic->len, topic);
    if (topic->hh.tbl)
        return true;
    free(topic);
    return false;
}

bool watchers_add(struct watchers *watchers, struct text topic, struct uuid *job_out)
{
    if (topic.len > UUID_TEXT_LEN)
        return false; /* longer than anything that is published */
    bool job = is_job(topic, job_out);
    if (find(watchers, topic))
        return job;
    if (!keep(watchers, topic))
        watchers->overflowed = true;
    else if (!job)
        watchers->prefixes++;
    return job;
}

void watchers_remove(struct watchers *watchers, struct text topic)
{
    struct uuid job;
    struct topic *found = topic.len <= UUID_TEXT_LEN ? find(watchers, topic) : NULL;
    if (!found)
        return;
    if (!is_job(topic, &job))
        watchers->prefixes--;
    HASH_DEL(watchers->topics, found);
    free(found);
}

bool watchers_any(const struct watchers *watchers)
{
    return watchers->overflowed || watchers->topics;
}

bool watchers_want(const struct watchers *watchers, struct text topic)
{
    return watchers->overflowed || watchers->prefixes > 0 || find(watchers, topic);
}

void watchers_fini(struct watchers *watchers)
{
    struct topic *topic, *next;
    HASH_ITER(hh, watchers->topics, topic, next)
    {
        HASH_DEL(watchers->topics, topic);
        free(topic);
    }
    *watchers = (struct watchers){0};
}
