/* Starting, reading and stopping operations on many jobs; failed jobs by their cause.
 * Must never keep anything between calls.
 */
#include "client/operations.h"

#include "client/answer.h"
#include "client/filter.h"
#include "proto/json.h"

static int take_operation(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_operation(answer, &text), &text, arg);
}

static int take_whole(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_whole(answer, &text), &text, arg);
}

static int read_params(struct reeve *reeve, const char *json, struct buf *out)
{
    struct fault fault;
    int rc = json ? json_to_msgpack(text_of(json), out, &fault) : 0;
    if (rc <= 0)
        return rc < 0 ? handle_fail_memory(reeve) : REEVE_OK;
    return handle_fail(reeve, REEVE_INVALID_REQUEST, "params", "params are not JSON: %s",
                       fault.problem);
}

int operations_start(struct reeve *reeve, const struct reeve_bulk *bulk, const struct uuid *id,
                     handle_use *use, void *arg)
{
    struct buf filter = {0}, params = {0};
    struct message request = {.id = MSG_START_OPERATION};
    struct msg_start_operation *start = &request.start_operation;
    int code = bulk->filter ? filter_pack(reeve, bulk->filter, &filter) : REEVE_OK;
    if (code == REEVE_OK)
        code = read_params(reeve, bulk->params_json, &params);
    start->id = *id;
    start->kind = text_of(bulk->kind);
    start->filter = buf_slice(&filter);
    start->params = buf_slice(&params);
    start->reason = text_of(bulk->reason);
    start->canaries = bulk->canaries;
    start->per_second = bulk->per_second;
    if (bulk->has_failures_max)
        start->failures_max = opt_of(bulk->failures_max);
    if (code == REEVE_OK)
        code = handle_call(reeve, &request, MSG_OPERATION_IS, use, arg);
    buf_fini(&filter);
    buf_fini(&params);
    return code;
}

int reeve_operation_start(struct reeve *reeve, const struct reeve_bulk *bulk,
                          char id_out[REEVE_ID_SIZE], char **operation_out)
{
    int code = handle_enter(reeve);
    if (code != REEVE_OK)
        return code;
    struct uuid id = handle_new_id(reeve);
    if (id_out)
        uuid_format(&id, id_out);
    return operations_start(reeve, bulk, &id, take_operation, operation_out);
}

int operations_get(struct reeve *reeve, const struct uuid *id, handle_use *use, void *arg)
{
    struct message request = {.id = MSG_GET_OPERATION, .get_operation = {.id = *id}};
    return handle_call(reeve, &request, MSG_OPERATION_IS, use, arg);
}

/* Enters the handle and reads the id. */
static int begin(struct reeve *reeve, const char *text, struct uuid *id_out)
{
    int code = handle_enter(reeve);
    return code == REEVE_OK ? handle_read_id(reeve, text, id_out) : code;
}

int reeve_operation_get(struct reeve *reeve, const char *id, char **operation_out)
{
    struct uuid uuid;
    int code = begin(reeve, id, &uuid);
    return code == REEVE_OK ? operations_get(reeve, &uuid, take_operation, operation_out) : code;
}

int reeve_operation_stop(struct reeve *reeve, const char *id, char **operation_out)
{
    struct message request = {.id = MSG_STOP_OPERATION};
    int code = begin(reeve, id, &request.stop_operation.id);
    return code == REEVE_OK
               ? handle_call(reeve, &request, MSG_OPERATION_IS, take_operation, operation_out)
               : code;
}

int operations_list(struct reeve *reeve, const struct uuid *after, uint32_t limit, handle_use *use,
                    void *arg)
{
    struct message request = {.id = MSG_LIST_OPERATIONS};
    if (after)
        request.list_operations.after = *after;
    request.list_operations.limit = limit;
    return handle_call(reeve, &request, MSG_OPERATIONS, use, arg);
}

int reeve_operations(struct reeve *reeve, const char *after, uint32_t limit, char **operations_out)
{
    struct uuid uuid;
    int code = after ? begin(reeve, after, &uuid) : handle_enter(reeve);
    return code == REEVE_OK
               ? operations_list(reeve, after ? &uuid : NULL, limit, take_whole, operations_out)
               : code;
}

int operations_causes(struct reeve *reeve, const struct msg_get_causes *ask, handle_use *use,
                      void *arg)
{
    struct message request = {.id = MSG_GET_CAUSES, .get_causes = *ask};
    return handle_call(reeve, &request, MSG_CAUSES, use, arg);
}

int reeve_causes(struct reeve *reeve, const char *queue, const char *type, const char *after,
                 uint32_t limit, char **causes_out)
{
    const struct msg_get_causes ask = {
        .queue = text_of(queue), .type = text_of(type), .after = text_of(after), .limit = limit};
    int code = handle_enter(reeve);
    return code == REEVE_OK ? operations_causes(reeve, &ask, take_whole, causes_out) : code;
}
