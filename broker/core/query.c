/* Questions about one job, or a few by id. Reads only. Lists are in list.c, figures in stats.c. */
#include "broker/core/query.h"

#include <errno.h>

#include "base/endian.h"
#include "broker/core/ask.h"
#include "broker/core/caller.h"
#include "broker/core/effects.h"
#include "broker/core/reply.h"

static int load(struct core *core, struct session *session, const struct message *message,
                const struct uuid *id)
{
    struct caller caller = caller_of(session, message);
    return caller_load(core, &caller, id, &core->job);
}

int handle_get_job(struct core *core, struct session *session, const struct message *message)
{
    int rc = load(core, session, message, &message->get_job.id);
    if (rc != 0)
        return rc;
    enum job_detail detail = message->get_job.result ? DETAIL_RESULT : DETAIL_WHOLE;
    buf_clear(&core->rendered);
    rc = job_render(core, &core->job, detail, &core->rendered);
    if (rc < 0)
        return rc;
    struct message answer = {.id = MSG_JOB_IS};
    answer.job_is.job = buf_slice(&core->rendered);
    answer.job_is.ending = core->job.s.ending;
    return reply(core, &answer);
}

int handle_get_result(struct core *core, struct session *session, const struct message *message)
{
    int rc = load(core, session, message, &message->get_result.id);
    if (rc != 0)
        return rc;
    enum job_state status = core->job.s.status;
    if (status != JOB_COMPLETED)
        return refuse(core, WIRE_CONFLICT, "", "the job is %s: it has no result",
                      job_state_word(status));
    struct message answer = {.id = MSG_RESULT};
    rc = store_get(core->store, TABLE_RESULT, key_job(&core->job.id), &answer.result.result);
    if (rc != 0)
        return rc < 0 ? rc : refuse(core, WIRE_GONE, "", "the job's result is not kept any more");
    answer.result.id = core->job.id;
    answer.result.status = status;
    return reply(core, &answer);
}

static int level_of(struct text level)
{
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    for (int i = 0; i < 4; i++)
        if (text_is(level, levels[i]))
            return i;
    return -1;
}

static bool has_room(const struct core *core, uint32_t count, uint64_t limit)
{
    return count < limit && core->answer.len < PAGE_SIZE_MAX;
}

/* Appends the lines of at least `level` that follow `after`. Returns how many were appended. */
static int collect_logs(struct core *core, const struct msg_get_logs *ask, int level,
                        uint64_t limit, uint64_t *next_out, uint32_t *count_out)
{
    struct rec_key key;
    uint64_t after = ask->after;
    *count_out = 0;
    for (int pages = 0; pages < 16 && has_room(core, *count_out, limit); pages++) {
        struct store_range range = {.table = TABLE_LOG,
                                    .prefix = key_job(&core->job.id),
                                    .after = key_job_n(&key, &core->job.id, after),
                                    .limit = (size_t)limit};
        int rc = store_scan(core->store, &range, &core->rows);
        if (rc < 0)
            return rc;
        for (size_t i = 0; i < core->rows.count && has_room(core, *count_out, limit); i++) {
            struct wire_log log;
            struct fault fault;
            if (shape_decode(core->rows.at[i].value, &shape_log, KEYS_NUMBERS, &log, &fault) != 0)
                return -EBADMSG;
            after = log.seq;
            if (level_of(log.level) < level)
                continue;
            rc = shape_encode(&core->answer, &shape_log, &log, KEYS_NAMES);
            if (rc < 0)
                return rc;
            ++*count_out;
        }
        if (core->rows.count < limit)
            break;
    }
    *next_out = after;
    return 0;
}

int handle_get_logs(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_get_logs *ask = &message->get_logs;
    int level = ask->level.len ? level_of(ask->level) : 0;
    if (level < 0)
        return refuse(core, WIRE_INVALID_REQUEST, "level",
                      "expected debug, info, warning or error");
    int rc = load(core, session, message, &ask->id);
    if (rc != 0)
        return rc;
    uint32_t count = 0;
    size_t mark;
    struct message answer = {.id = MSG_LOGS};
    buf_clear(&core->answer);
    rc = list_begin(&core->answer, &mark);
    if (rc == 0)
        rc = collect_logs(core, ask, level, ask->limit ? ask->limit : 100, &answer.logs.next,
                          &count);
    if (rc < 0)
        return rc;
    list_end(&core->answer, mark, count);
    const struct rec_state *s = &core->job.s;
    answer.logs.logs = buf_slice(&core->answer);
    answer.logs.total = s->log_next ? s->log_next - s->log_first + 1 : 0;
    answer.logs.dropped = s->log_first ? s->log_first - 1 : 0;
    return reply(core, &answer);
}

static void stand(const struct job *job, struct wire_standing *out)
{
    *out = (struct wire_standing){
        .job = job->id, .rev = job->s.rev, .status = job->s.status, .ending = job->s.ending};
}

/* A log event points at its line: joins it again, where the line is still kept. */
static int join_log(struct core *core, struct wire_event *event)
{
    struct wire_log log;
    struct fault fault;
    struct slice value;
    struct rec_key key;
    if (event->log.len == 0 || shape_decode(event->log, &shape_log, KEYS_NAMES, &log, &fault) != 0)
        return 0;
    int rc = store_get(core->store, TABLE_LOG, key_job_n(&key, &core->job.id, log.seq), &value);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (shape_decode(value, &shape_log, KEYS_NUMBERS, &log, &fault) != 0)
        return -EBADMSG;
    return shape_keep(&core->nested, &shape_log, &log, KEYS_NAMES, &event->log);
}

static int append_event(struct core *core, const struct store_row *row)
{
    struct wire_event event;
    struct fault fault;
    if (row->key.len != 24 ||
        shape_decode(row->value, &shape_event, KEYS_NUMBERS, &event, &fault) != 0)
        return -EBADMSG;
    event.job = core->job.id;
    event.rev = get_be64(row->key.at + 16);
    int rc = join_log(core, &event);
    if (rc == 0)
        rc = ask_join(core, &core->job.id, &event);
    return rc < 0 ? rc : shape_encode(&core->answer, &shape_event, &event, KEYS_NAMES);
}

int handle_get_events(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_get_events *ask = &message->get_events;
    int rc = load(core, session, message, &ask->id);
    if (rc != 0)
        return rc;
    struct rec_key key;
    struct store_range range = {.table = TABLE_EVENT,
                                .prefix = key_job(&core->job.id),
                                .after = key_job_n(&key, &core->job.id, ask->after),
                                .limit = ask->limit ? (size_t)ask->limit : LIST_LIMIT_MAX};
    rc = store_scan(core->store, &range, &core->rows);
    size_t mark;
    buf_clear(&core->answer);
    if (rc == 0)
        rc = list_begin(&core->answer, &mark);
    uint32_t count = 0;
    for (; count < core->rows.count && core->answer.len < PAGE_SIZE_MAX && rc == 0; count++)
        rc = append_event(core, &core->rows.at[count]);
    if (rc < 0)
        return rc;
    list_end(&core->answer, mark, count);
    struct message answer = {.id = MSG_EVENTS};
    struct wire_standing standing;
    stand(&core->job, &standing);
    answer.events.events = buf_slice(&core->answer);
    answer.events.oldest = core->job.s.event_first;
    rc = shape_keep(&core->nested, &shape_standing, &standing, KEYS_NAMES, &answer.events.standing);
    return rc < 0 ? rc : reply(core, &answer);
}

int handle_get_revs(struct core *core, struct session *session, const struct message *message)
{
    struct caller caller = caller_of(session, message);
    struct list_iter iter;
    struct uuid id;
    size_t mark;
    uint32_t count = 0;
    if (list_open(message->get_revs.ids, &iter) != 0)
        return refuse(core, WIRE_INVALID_REQUEST, "ids", "expected a list of ids");
    buf_clear(&core->answer);
    int rc = list_begin(&core->answer, &mark);
    while (rc == 0 && list_next_uuid(&iter, &id) == 1) {
        struct wire_standing standing;
        rc = caller_load(core, &caller, &id, &core->job);
        if (rc != 0) { /* unknown jobs are left out */
            rc = rc < 0 ? rc : 0;
            continue;
        }
        stand(&core->job, &standing);
        rc = shape_encode(&core->answer, &shape_standing, &standing, KEYS_NAMES);
        count++;
    }
    if (rc < 0)
        return rc;
    list_end(&core->answer, mark, count);
    struct message answer = {.id = MSG_REVS};
    answer.revs.jobs = buf_slice(&core->answer);
    return reply(core, &answer);
}

int publish_standing(struct core *core, const struct uuid *id)
{
    int rc = job_load(core, id, &core->job);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    struct message message = {.id = MSG_STANDING_IS};
    struct wire_standing standing;
    stand(&core->job, &standing);
    rc = shape_keep(&core->nested, &shape_standing, &standing, KEYS_NAMES,
                    &message.standing_is.standing);
    return rc < 0 ? rc : effects_add(core->effects, EFFECT_PUBLISH, 0, id, &message);
}
