/* Asking about workers, and telling one to drain.
 * Must never keep anything between calls.
 */
#include "client/workers.h"

#include "client/answer.h"
#include "proto/json.h"

static int take_workers(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_whole(answer, &text), &text, arg);
}

int workers_list(struct reeve *reeve, const struct uuid *after, uint32_t limit, handle_use *use,
                 void *arg)
{
    struct message request = {.id = MSG_GET_WORKERS, .get_workers = {.limit = limit}};
    if (after)
        request.get_workers.after = *after;
    return handle_call(reeve, &request, MSG_WORKERS, use, arg);
}

int reeve_workers(struct reeve *reeve, const char *after, uint32_t limit, char **workers_out)
{
    struct uuid id;
    int code = handle_enter(reeve);
    if (code == REEVE_OK && after)
        code = handle_read_id(reeve, after, &id);
    return code == REEVE_OK
               ? workers_list(reeve, after ? &id : NULL, limit, take_workers, workers_out)
               : code;
}

static int take_worker(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    int rc = json_from_shape(answer->worker_is.worker, &shape_worker, &text);
    return answer_take(reeve, rc, &text, arg);
}

int workers_drain(struct reeve *reeve, const struct uuid *id, handle_use *use, void *arg)
{
    struct message request = {.id = MSG_DRAIN_WORKER, .drain_worker = {.id = *id}};
    return handle_call(reeve, &request, MSG_WORKER_IS, use, arg);
}

int reeve_drain(struct reeve *reeve, const char *id, char **worker_out)
{
    struct uuid uuid;
    int code = handle_enter(reeve);
    if (code == REEVE_OK)
        code = handle_read_id(reeve, id, &uuid);
    return code == REEVE_OK ? workers_drain(reeve, &uuid, take_worker, worker_out) : code;
}
