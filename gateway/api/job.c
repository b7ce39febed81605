/* What several routes of jobs do alike. Must never ask the broker. */
#include "gateway/api/job.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "gateway/api/error.h"
#include "proto/json.h"

int job_path_id(struct request *request, struct uuid *id_out)
{
    if (uuid_parse(request->match.args[0], id_out) == 0)
        return 0;
    api_fail(request, WIRE_INVALID_REQUEST, "id", "expected a UUID in the path");
    return 1;
}

void json_respond(struct request *request, unsigned status, int rc, struct buf *body)
{
    if (rc == 0)
        rc = buf_append(body, "\n", 1);
    if (rc == 0) {
        respond_json(request, status, body);
        return;
    }
    buf_fini(body);
    if (rc == -ENOMEM)
        api_fail_memory(request);
    else
        api_fail(request, WIRE_SERVER_ERROR, NULL, "the broker's answer can't be read");
}

int json_items(struct slice list, const struct shape *shape, struct buf *out)
{
    struct list_iter iter;
    struct slice item;
    if (list_open(list, &iter) != 0)
        return -EINVAL;
    int rc = buf_append(out, "[", 1);
    while (rc == 0 && list_next_any(&iter, &item) == 1) {
        if (iter.index > 1)
            rc = buf_append(out, ",", 1);
        if (rc == 0)
            rc = json_from_shape(item, shape, out);
    }
    return rc == 0 ? buf_append(out, "]", 1) : rc;
}

/* The ETags of If-None-Match, with or without W/. */
static bool names_rev(struct text list, uint64_t rev)
{
    char tag[32];
    int len = snprintf(tag, sizeof tag, "\"%" PRIu64 "\"", rev);
    if (text_is(list, "*"))
        return true;
    for (size_t i = 0; i + (size_t)len <= list.len; i++) {
        if (memcmp(list.at + i, tag, (size_t)len) == 0)
            return true;
    }
    return false;
}

void job_respond(struct request *request, unsigned status, struct slice encoded)
{
    struct wire_job job;
    struct fault fault;
    struct buf body = {0};
    char id[UUID_TEXT_LEN + 1];
    if (shape_decode(encoded, &shape_job, KEYS_NAMES, &job, &fault) != 0) {
        json_respond(request, status, -EINVAL, &body);
        return;
    }
    uuid_format(&job.id, id);
    response_header(request, "ETag", "\"%" PRIu64 "\"", job.rev);
    if (status == 201)
        response_header(request, "Location", "/v1/jobs/%s", id);
    bool read = request->method == METHOD_GET || request->method == METHOD_HEAD;
    if (read && names_rev(request_header(request, "If-None-Match"), job.rev)) {
        respond(request, 304, NULL, NULL);
        return;
    }
    json_respond(request, status, json_from_shape(encoded, &shape_job, &body), &body);
}

void job_respond_is(struct request *request, const struct message *answer)
{
    job_respond(request, 200, answer->job_is.job);
}
