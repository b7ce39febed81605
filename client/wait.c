/* Following and waiting as programs see it: news as JSON, the end as a state.
 * Must never keep a subscription: follow.c ends them all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/answer.h"
#include "client/follow.h"
#include "proto/json.h"

struct public_follow {
    reeve_on_news *on_news;
    void *arg;
    struct uuid *ids;
    struct buf json;
};

static enum reeve_news_kind kind_of(enum watch_news_kind kind)
{
    switch (kind) {
    case WATCH_SNAPSHOT:
        return REEVE_SNAPSHOT;
    case WATCH_EVENT:
        return REEVE_EVENT;
    case WATCH_RESET:
        return REEVE_RESET;
    case WATCH_ENDED:
        return REEVE_ENDED;
    case WATCH_GONE:
        break;
    }
    return REEVE_MISSING;
}

/* The job or the event as a JSON text; without one where memory is short. */
static const char *json_of(struct buf *out, const struct watch_news *news)
{
    int rc = -ENOENT;
    buf_clear(out);
    if (news->job_is)
        rc = json_from_shape(news->job_is->job, &shape_job, out);
    else if (news->event)
        rc = json_from_shape(news->encoded, &shape_event, out);
    return rc == 0 && buf_append(out, "", 1) == 0 ? (const char *)out->at : NULL;
}

static int publish(void *arg, size_t index, const struct watch_news *news)
{
    struct public_follow *follow = arg;
    char id[REEVE_ID_SIZE];
    char type[64] = "";
    uuid_format(&follow->ids[index], id);
    struct reeve_news told = {.kind = kind_of(news->kind),
                              .state = (enum reeve_state)news->status,
                              .rev = news->rev,
                              .id = id,
                              .type = type,
                              .json = json_of(&follow->json, news)};
    if (news->event && news->event->type.len < sizeof type)
        memcpy(type, news->event->type.at, news->event->type.len);
    return follow->on_news(follow->arg, &told);
}

static int read_ids(struct reeve *reeve, const char *const *texts, size_t count, struct uuid *ids)
{
    int code = REEVE_OK;
    for (size_t i = 0; code == REEVE_OK && i < count; i++)
        code = handle_read_id(reeve, texts[i], &ids[i]);
    return code;
}

int reeve_follow(struct reeve *reeve, const char *const *ids, size_t count,
                 const struct reeve_follow_options *options, reeve_on_news *on_news, void *arg)
{
    struct public_follow follow = {.on_news = on_news, .arg = arg};
    int code = handle_enter(reeve);
    if (code != REEVE_OK)
        return code;
    follow.ids = calloc(count ? count : 1, sizeof *follow.ids);
    if (!follow.ids)
        return handle_fail_memory(reeve);
    code = read_ids(reeve, ids, count, follow.ids);
    if (code == REEVE_OK)
        code = follow_run(reeve, follow.ids, count, options, publish, &follow);
    free(follow.ids);
    buf_fini(&follow.json);
    return code;
}

/* --- waiting ---------------------------------------------------------------------------------- */

struct ending {
    enum job_state status;
    int code;
    char message[160];
};

static int note_ending(void *arg, size_t index, const struct watch_news *news)
{
    struct ending *ending = arg;
    (void)index;
    ending->status = news->status;
    if (news->kind != WATCH_GONE)
        return 0;
    ending->code = handle_code_of(news->error.code);
    snprintf(ending->message, sizeof ending->message, "%.*s", (int)news->error.message.len,
             news->error.message.at ? news->error.message.at : "");
    return 0;
}

int reeve_wait(struct reeve *reeve, const char *id, uint64_t timeout_ms,
               enum reeve_state *state_out, char **job_out)
{
    struct uuid uuid;
    struct ending ending = {0};
    const struct reeve_follow_options options = {.timeout_ms = timeout_ms};
    int code = handle_enter(reeve);
    if (code == REEVE_OK)
        code = handle_read_id(reeve, id, &uuid);
    if (code == REEVE_OK)
        code = follow_run(reeve, &uuid, 1, &options, note_ending, &ending);
    if (code == REEVE_OK && ending.code != REEVE_OK)
        code = handle_fail(reeve, ending.code, "id", "%s", ending.message);
    if (code != REEVE_OK)
        return code;
    if (state_out)
        *state_out = (enum reeve_state)ending.status;
    return job_out ? reeve_get(reeve, id, job_out) : REEVE_OK;
}
