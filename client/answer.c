/* Answers of the broker as JSON: the same names as on the wire and in /v1.
 * Must never wait or send.
 */
#include "client/answer.h"

#include <errno.h>
#include <inttypes.h>

#include "proto/json.h"

int answer_take(struct reeve *reeve, int rc, struct buf *text, char **out)
{
    if (rc == 0)
        rc = buf_append(text, "", 1);
    if (rc < 0 || !out) {
        buf_fini(text);
        if (rc == -EINVAL)
            return handle_fail(reeve, REEVE_SERVER_ERROR, "", "the broker's answer is malformed");
        return rc < 0 ? handle_fail_memory(reeve) : REEVE_OK;
    }
    *out = (char *)text->at;
    *text = (struct buf){0};
    return REEVE_OK;
}

int answer_job(const struct message *answer, struct buf *out)
{
    return json_from_shape(answer->job_is.job, &shape_job, out);
}

/* A list's items as a JSON array, also an empty one. */
static int add_list(struct buf *out, const char *name, struct slice list, const struct shape *shape)
{
    struct list_iter iter;
    struct slice item;
    int rc = buf_printf(out, "{\"%s\":[", name);
    if (list_open(list, &iter) != 0)
        return -EINVAL;
    while (rc == 0 && list_next_any(&iter, &item) == 1) {
        if (iter.index > 1)
            rc = buf_append(out, ",", 1);
        if (rc == 0)
            rc = json_from_shape(item, shape, out);
    }
    return rc == 0 ? buf_append(out, "]", 1) : rc;
}

static const char *word_of(bool flag)
{
    return flag ? "true" : "false";
}

int answer_jobs(const struct msg_jobs *jobs, uint64_t limit, struct buf *out)
{
    int rc = add_list(out, "jobs", jobs->jobs, &shape_job);
    if (rc == 0 && jobs->total.set)
        rc = buf_printf(out, ",\"total\":%" PRIu64, jobs->total.value);
    if (rc == 0)
        rc = buf_printf(out, ",\"total_capped\":%s,\"limit\":%" PRIu64 ",\"has_more\":%s",
                        word_of(jobs->total_capped), limit, word_of(jobs->next_cursor.len > 0));
    if (rc == 0 && jobs->next_cursor.len > 0) {
        rc = buf_append_text(out, TEXT(",\"next_cursor\":"));
        if (rc == 0)
            rc = json_quote(out, jobs->next_cursor);
    }
    return rc == 0 ? buf_append(out, "}", 1) : rc;
}

int answer_logs(const struct msg_logs *logs, struct buf *out)
{
    int rc = add_list(out, "logs", logs->logs, &shape_log);
    if (rc < 0)
        return rc;
    return buf_printf(out, ",\"total\":%" PRIu64 ",\"next\":%" PRIu64 ",\"dropped\":%" PRIu64 "}",
                      logs->total, logs->next, logs->dropped);
}

int answer_attempts(const struct msg_attempts *attempts, struct buf *out)
{
    int rc = add_list(out, "attempts", attempts->attempts, &shape_attempt);
    return rc < 0 ? rc : buf_printf(out, ",\"total\":%" PRIu64 "}", attempts->total);
}

int answer_operation(const struct message *answer, struct buf *out)
{
    return json_from_shape(answer->operation_is.operation, &shape_operation, out);
}

int answer_whole(const struct message *answer, struct buf *out)
{
    return json_from_struct(message_body(answer), message_shape(answer->id), out);
}

int answer_queue(struct slice queue, struct buf *out)
{
    struct wire_queue wire;
    struct fault fault;
    struct buf rest = {0};
    if (shape_decode(queue, &shape_queue, KEYS_NAMES, &wire, &fault) != 0)
        return -EINVAL;
    if (wire.paused)
        return json_from_shape(queue, &shape_queue, out);
    int rc = json_from_shape(queue, &shape_queue, &rest); /* begins with the name */
    if (rc == 0)
        rc = buf_append_text(out, TEXT("{\"paused\":false,"));
    if (rc == 0)
        rc = buf_append(out, rest.at + 1, rest.len - 1);
    buf_fini(&rest);
    return rc;
}

int answer_queues(const struct msg_queues *queues, struct buf *out)
{
    struct list_iter iter;
    struct slice item;
    int rc = buf_append_text(out, TEXT("{\"queues\":["));
    if (list_open(queues->queues, &iter) != 0)
        return -EINVAL;
    while (rc == 0 && list_next_any(&iter, &item) == 1) {
        if (iter.index > 1)
            rc = buf_append(out, ",", 1);
        if (rc == 0)
            rc = answer_queue(item, out);
    }
    if (rc == 0)
        rc = buf_append(out, "]", 1);
    if (rc == 0 && queues->next.len)
        rc = buf_append_text(out, TEXT(",\"next\":"));
    if (rc == 0 && queues->next.len)
        rc = json_quote(out, queues->next);
    return rc == 0 ? buf_append(out, "}", 1) : rc;
}
