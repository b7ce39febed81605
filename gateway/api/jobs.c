/* The routes that read jobs: one, many, a result, logs.
 * Must never change anything. */
#include <inttypes.h>

#include "gateway/api/ask.h"
#include "gateway/api/error.h"
#include "gateway/api/job.h"
#include "gateway/api/routes.h"
#include "proto/json.h"
#include "proto/pack.h"

enum { LOGS_LIMIT_DEFAULT = 100 };

void job_get(struct request *request)
{
    struct uuid id;
    if (job_path_id(request, &id) != 0)
        return;
    struct message *message = ask_message(request, MSG_GET_JOB);
    if (!message)
        return;
    message->get_job.id = id;
    message->get_job.result = true;
    ask(request, job_respond_is);
}

/* --- lists ------------------------------------------------------------------------------------ */

/* Appends every `status` parameter as one list. */
static int pack_states(const struct target *target, struct buf *out)
{
    uint32_t count = 0;
    size_t mark;
    int rc = list_begin(out, &mark);
    for (size_t i = 0; i < target->param_count && rc == 0; i++) {
        if (!text_is(target->params[i].name, "status"))
            continue;
        rc = pack_text(out, target->params[i].value);
        count++;
    }
    if (rc == 0)
        list_end(out, mark, count);
    return rc;
}

static int pack_filter(const struct target *target, struct buf *out)
{
    struct buf states = {0};
    struct wire_filter filter = {
        .type = query_text(target, "type"),
        .queue = query_text(target, "queue"),
        .owner = query_text(target, "owner"),
    };
    int rc = target_param(target, TEXT("status")) ? pack_states(target, &states) : 0;
    filter.status = buf_slice(&states);
    if (rc == 0)
        rc = shape_encode(out, &shape_filter, &filter, KEYS_NAMES);
    buf_fini(&states);
    return rc;
}

/* {"jobs":[…],"total":…,"limit":…,"has_more":…,"next_cursor":…} */
static int render_list(const struct msg_jobs *jobs, uint64_t limit, bool first, struct buf *out)
{
    int rc = buf_append_text(out, TEXT("{\"jobs\":"));
    if (rc == 0)
        rc = json_items(jobs->jobs, &shape_job, out);
    if (rc == 0 && jobs->total.set)
        rc = buf_printf(out, ",\"total\":%" PRIu64, jobs->total.value);
    if (rc == 0)
        rc = buf_printf(out, ",\"total_capped\":%s,\"limit\":%" PRIu64 "%s,\"has_more\":%s",
                        jobs->total_capped ? "true" : "false", limit, first ? ",\"offset\":0" : "",
                        jobs->next_cursor.len ? "true" : "false");
    if (rc == 0 && jobs->next_cursor.len) {
        rc = buf_append_text(out, TEXT(",\"next_cursor\":"));
        if (rc == 0)
            rc = json_quote(out, jobs->next_cursor);
    }
    return rc == 0 ? buf_append(out, "}", 1) : rc;
}

static void listed(struct request *request, const struct message *answer)
{
    struct buf body = {0};
    uint64_t limit = query_number(&request->target, "limit", LIST_LIMIT_DEFAULT);
    bool first = query_text(&request->target, "cursor").len == 0;
    int rc = render_list(&answer->jobs, limit, first, &body);
    json_respond(request, 200, rc, &body);
}

void jobs_list(struct request *request)
{
    const struct target *target = &request->target;
    struct message *message = ask_message(request, MSG_LIST_JOBS);
    if (!message)
        return;
    struct buf *filter = ask_scratch(request);
    if (pack_filter(target, filter) < 0) {
        api_fail_memory(request);
        return;
    }
    message->list_jobs = (struct msg_list_jobs){
        .filter = buf_slice(filter),
        .order = query_text(target, "order"),
        .limit = opt_of(query_number(target, "limit", LIST_LIMIT_DEFAULT)),
        .cursor = query_text(target, "cursor"),
    };
    ask(request, listed);
}

/* --- result and logs -------------------------------------------------------------------------- */

static void got_result(struct request *request, const struct message *answer)
{
    struct buf body = {0};
    struct slice result = answer->result.result;
    int rc = result.len ? json_from_msgpack(result, &body) : buf_append_text(&body, TEXT("null"));
    json_respond(request, 200, rc, &body);
}

void job_result(struct request *request)
{
    struct uuid id;
    if (job_path_id(request, &id) != 0)
        return;
    struct message *message = ask_message(request, MSG_GET_RESULT);
    if (!message)
        return;
    message->get_result.id = id;
    ask(request, got_result);
}

static void got_logs(struct request *request, const struct message *answer)
{
    const struct msg_logs *logs = &answer->logs;
    struct buf body = {0};
    int rc = buf_append_text(&body, TEXT("{\"logs\":"));
    if (rc == 0)
        rc = json_items(logs->logs, &shape_log, &body);
    if (rc == 0)
        rc = buf_printf(&body, ",\"total\":%" PRIu64 ",\"next\":%" PRIu64, logs->total, logs->next);
    if (rc == 0 && logs->dropped > 0)
        rc = buf_printf(&body, ",\"dropped\":%" PRIu64, logs->dropped);
    if (rc == 0)
        rc = buf_append(&body, "}", 1);
    json_respond(request, 200, rc, &body);
}

void job_logs(struct request *request)
{
    struct uuid id;
    const struct target *target = &request->target;
    if (job_path_id(request, &id) != 0)
        return;
    struct message *message = ask_message(request, MSG_GET_LOGS);
    if (!message)
        return;
    message->get_logs = (struct msg_get_logs){
        .id = id,
        .level = query_text(target, "level"),
        .after = query_number(target, "after", 0),
        .limit = query_number(target, "limit", LOGS_LIMIT_DEFAULT),
    };
    ask(request, got_logs);
}
