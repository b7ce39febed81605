/* Queues and budgets: asking for them and changing their settings.
 * Must never keep anything between calls.
 */
#include "client/queues.h"

#include "client/answer.h"
#include "proto/json.h"
#include "proto/pack.h"

/* A change, encoded; the slices of a request point into these. */
struct packed {
    struct buf lists, set, defaults, clear;
};

static void packed_fini(struct packed *packed)
{
    buf_fini(&packed->lists);
    buf_fini(&packed->set);
    buf_fini(&packed->defaults);
    buf_fini(&packed->clear);
}

static struct opt_u64 opt_if(uint64_t value)
{
    return (struct opt_u64){value, value != 0};
}

static int pack_rates(const struct reeve_queue_change *change, struct buf *out)
{
    size_t mark;
    int rc = list_begin(out, &mark);
    for (size_t i = 0; i < change->rate_count && rc == 0; i++) {
        struct wire_rate rate = {.max = change->rates[i].max,
                                 .window_ms = change->rates[i].window_ms};
        rc = shape_encode(out, &shape_rate, &rate, KEYS_NAMES);
    }
    if (rc == 0)
        list_end(out, mark, (uint32_t)change->rate_count);
    return rc;
}

static int pack_groups(const struct reeve_queue_change *change, struct buf *out)
{
    size_t mark;
    int rc = list_begin(out, &mark);
    for (size_t i = 0; i < change->group_count && rc == 0; i++) {
        struct wire_queue_group group = {.group = text_of(change->groups[i].group),
                                         .concurrency = opt_if(change->groups[i].concurrency),
                                         .weight = opt_if(change->groups[i].weight)};
        rc = shape_encode(out, &shape_queue_group, &group, KEYS_NAMES);
    }
    if (rc == 0)
        list_end(out, mark, (uint32_t)change->group_count);
    return rc;
}

/* Both lists in one buf; a list that is empty is not sent. */
static int pack_set(const struct reeve_queue_change *change, struct packed *packed)
{
    struct wire_queue_limits limits = {
        .concurrency = opt_if(change->concurrency),
        .group_concurrency = opt_if(change->group_concurrency),
        .ageing_ms = opt_if(change->ageing_ms),
        .length_max = {change->length_max, change->has_length_max},
        .budget = text_of(change->budget),
    };
    int rc = pack_rates(change, &packed->lists);
    size_t split = packed->lists.len;
    if (rc == 0)
        rc = pack_groups(change, &packed->lists);
    if (rc == 0 && change->rate_count)
        limits.rates = (struct slice){packed->lists.at, split};
    if (rc == 0 && change->group_count)
        limits.groups = (struct slice){packed->lists.at + split, packed->lists.len - split};
    return rc == 0 ? shape_encode(&packed->set, &shape_queue_limits, &limits, KEYS_NAMES) : rc;
}

static int pack_clear(const struct reeve_queue_change *change, struct buf *out)
{
    int rc = pack_array(out, (uint32_t)change->clear_count);
    for (size_t i = 0; i < change->clear_count && rc == 0; i++)
        rc = pack_text(out, text_of(change->clear[i]));
    return rc;
}

/* A code. */
static int pack(struct reeve *reeve, const struct reeve_queue_change *change, struct packed *packed)
{
    struct fault fault;
    if (change->clear_count > QUEUE_CLEAR_MAX || change->rate_count > QUEUE_RATES_MAX ||
        change->group_count > QUEUE_GROUPS_MAX)
        return handle_fail(reeve, REEVE_INVALID_REQUEST, "",
                           "expected at most %d rates, %d groups and %d names to clear",
                           QUEUE_RATES_MAX, QUEUE_GROUPS_MAX, QUEUE_CLEAR_MAX);
    int rc = pack_set(change, packed);
    if (rc == 0)
        rc = pack_clear(change, &packed->clear);
    if (rc == 0 && change->defaults_json)
        rc = json_to_shape(text_of(change->defaults_json), &shape_queue_defaults, &packed->defaults,
                           &fault);
    if (rc > 0)
        return handle_fail(reeve, REEVE_INVALID_REQUEST, fault.field[0] ? fault.field : "defaults",
                           "%s", fault.problem);
    return rc < 0 ? handle_fail_memory(reeve) : REEVE_OK;
}

int queues_set(struct reeve *reeve, const char *queue, const struct reeve_queue_change *change,
               handle_use *use, void *arg)
{
    struct packed packed = {0};
    struct message request = {.id = MSG_SET_QUEUE};
    int code = pack(reeve, change, &packed);
    request.set_queue = (struct msg_set_queue){.queue = text_of(queue),
                                               .pause = change->pause,
                                               .resume = change->resume,
                                               .set = buf_slice(&packed.set),
                                               .defaults = buf_slice(&packed.defaults),
                                               .clear = buf_slice(&packed.clear)};
    if (code == REEVE_OK)
        code = handle_call(reeve, &request, MSG_QUEUE_IS, use, arg);
    packed_fini(&packed);
    return code;
}

int budgets_set(struct reeve *reeve, const char *budget, const struct reeve_queue_change *change,
                handle_use *use, void *arg)
{
    struct packed packed = {0};
    struct message request = {.id = MSG_SET_BUDGET};
    int code = pack(reeve, change, &packed);
    request.set_budget = (struct msg_set_budget){.budget = text_of(budget),
                                                 .set = buf_slice(&packed.set),
                                                 .clear = buf_slice(&packed.clear)};
    if (code == REEVE_OK && (change->pause || change->resume || change->defaults_json))
        code = handle_fail(reeve, REEVE_INVALID_REQUEST, "",
                           "a budget has concurrency and rates only");
    if (code == REEVE_OK)
        code = handle_call(reeve, &request, MSG_BUDGET_IS, use, arg);
    packed_fini(&packed);
    return code;
}

int budgets_remove(struct reeve *reeve, const char *budget, handle_use *use, void *arg)
{
    struct message request = {.id = MSG_SET_BUDGET,
                              .set_budget = {.budget = text_of(budget), .remove = true}};
    return handle_call(reeve, &request, MSG_BUDGET_IS, use, arg);
}

int queues_list(struct reeve *reeve, const char *after, uint32_t limit, handle_use *use, void *arg)
{
    struct message request = {.id = MSG_GET_QUEUES,
                              .get_queues = {.after = text_of(after), .limit = limit}};
    return handle_call(reeve, &request, MSG_QUEUES, use, arg);
}

int queues_get(struct reeve *reeve, const char *queue, handle_use *use, void *arg)
{
    struct message request = {.id = MSG_GET_QUEUE, .get_queue = {.queue = text_of(queue)}};
    return handle_call(reeve, &request, MSG_QUEUE_IS, use, arg);
}

int budgets_list(struct reeve *reeve, handle_use *use, void *arg)
{
    struct message request = {.id = MSG_GET_BUDGETS};
    return handle_call(reeve, &request, MSG_BUDGETS, use, arg);
}

/* --- as JSON -----------------------------------------------------------------------------------
 */

static int take_queue(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_queue(answer->queue_is.queue, &text), &text, arg);
}

static int take_queues(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_queues(&answer->queues, &text), &text, arg);
}

static int take_budget(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    int rc = json_from_shape(answer->budget_is.budget, &shape_budget, &text);
    return answer_take(reeve, rc, &text, arg);
}

static int take_budgets(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_whole(answer, &text), &text, arg);
}

int reeve_queues(struct reeve *reeve, const char *after, uint32_t limit, char **queues_out)
{
    int code = handle_enter(reeve);
    return code == REEVE_OK ? queues_list(reeve, after, limit, take_queues, queues_out) : code;
}

int reeve_queue(struct reeve *reeve, const char *queue, char **queue_out)
{
    int code = handle_enter(reeve);
    return code == REEVE_OK ? queues_get(reeve, queue, take_queue, queue_out) : code;
}

int reeve_queue_set(struct reeve *reeve, const char *queue, const struct reeve_queue_change *change,
                    char **queue_out)
{
    int code = handle_enter(reeve);
    return code == REEVE_OK ? queues_set(reeve, queue, change, take_queue, queue_out) : code;
}

int reeve_budgets(struct reeve *reeve, char **budgets_out)
{
    int code = handle_enter(reeve);
    return code == REEVE_OK ? budgets_list(reeve, take_budgets, budgets_out) : code;
}

int reeve_budget_set(struct reeve *reeve, const char *budget,
                     const struct reeve_queue_change *change, char **budget_out)
{
    int code = handle_enter(reeve);
    return code == REEVE_OK ? budgets_set(reeve, budget, change, take_budget, budget_out) : code;
}

int reeve_budget_remove(struct reeve *reeve, const char *budget)
{
    int code = handle_enter(reeve);
    return code == REEVE_OK ? budgets_remove(reeve, budget, NULL, NULL) : code;
}
