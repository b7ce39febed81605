/* Messages about queues and budgets. Settings as values are queue_settings.c's, in memory
 * queue.c's; here they are checked, written, and told. */
#include "broker/core/settings.h"

#include <errno.h>
#include <string.h>

#include "broker/core/caller.h"
#include "broker/core/counter.h"
#include "broker/core/filter.h"
#include "broker/core/name.h"
#include "broker/core/pick.h"
#include "broker/core/queue_settings.h"
#include "broker/core/reply.h"
#include "broker/core/walk.h"
#include "broker/core/why.h"

enum {
    QUEUES_LIMIT_DEFAULT = 100,
    OLDEST_ROWS_MAX = 1000 /* waiting jobs looked at to find the oldest of one queue */
};

static int may_change(struct core *core, const struct session *session,
                      const struct message *message)
{
    struct caller caller = caller_of(session, message);
    if (session->role == ROLE_OBSERVER || !caller.sees_all)
        return refuse(core, WIRE_FORBIDDEN, "", "only an admin changes settings");
    return 0;
}

/* --- how a queue stands ---------------------------------------------------------------------- */

/* Age of its oldest pending job; absent where it was not among those looked at. */
static int find_oldest(struct core *core, struct text name, struct opt_f64 *seconds_out)
{
    struct filter filter = {.queue = name, .statuses = 1u << JOB_PENDING, .system = true};
    struct walk_from from = {.oldest_first = true, .rows_max = OLDEST_ROWS_MAX};
    struct walk *walk;
    int rc = walk_start(core, &filter, &from, &walk);
    if (rc < 0)
        return rc;
    rc = walk_next(walk, &core->job);
    walk_end(&walk);
    uint64_t now = core->now.wall_ms, created = core->job.s.created_at;
    if (rc == WALK_JOB)
        *seconds_out = f64_of(created < now ? (double)(now - created) / 1000.0 : 0);
    return rc < 0 ? rc : 0;
}

static int count_queue(struct core *core, struct text name, struct wire_queue *out)
{
    const struct counter *counter = counter_find(core, 'q', name);
    out->depth = opt_of(queue_depth(core, name));
    out->running = opt_of(counter ? counter->count[JOB_RUNNING] : 0);
    bool any = counter && counter->count[JOB_PENDING] > 0;
    return any ? find_oldest(core, name, &out->oldest_seconds) : 0;
}

/* Appends the queue as everybody sees it. */
static int pack_queue(struct core *core, struct text name, struct slice because, struct buf *out)
{
    static const uint8_t none[] = {0x80}; /* a map of nothing */
    const struct queue *queue = queue_find(core, name);
    struct wire_queue wire = {.name = name,
                              .limits = {none, sizeof none},
                              .defaults = {none, sizeof none},
                              .waiting_because = because};
    int rc = count_queue(core, name, &wire);
    if (rc == 0 && queue) {
        wire.paused = queue->settings.paused;
        wire.in_use = opt_of(queue->meter.running);
        buf_clear(&core->value);
        rc = queue_pack_limits(core, &queue->settings, &queue->meter, &core->value);
        wire.limits = buf_slice(&core->value);
        if (rc == 0)
            rc = shape_keep(&core->record, &shape_queue_defaults, &queue->settings.defaults,
                            KEYS_NAMES, &wire.defaults);
    }
    return rc < 0 ? rc : shape_encode(out, &shape_queue, &wire, KEYS_NAMES);
}

static int check_queue_name(struct core *core, struct text name)
{
    if (name_is_fit(name, QUEUE_LEN_MAX))
        return 0;
    return refuse(core, WIRE_INVALID_REQUEST, "queue",
                  "expected 1 to %d bytes without control characters", QUEUE_LEN_MAX);
}

/* One queue alone is told with the reasons why its jobs wait. */
static int answer_queue(struct core *core, struct text name)
{
    struct message answer = {.id = MSG_QUEUE_IS};
    buf_clear(&core->answer);
    buf_clear(&core->scratch);
    int rc = why_count(core, name, &core->scratch);
    if (rc == 0)
        rc = pack_queue(core, name, buf_slice(&core->scratch), &core->answer);
    answer.queue_is.queue = buf_slice(&core->answer);
    return rc < 0 ? rc : reply(core, &answer);
}

/* A queue is there as soon as anybody submitted to it or set anything. */
int handle_get_queue(struct core *core, struct session *session, const struct message *message)
{
    struct text name = message->get_queue.queue;
    (void)session;
    int rc = check_queue_name(core, name);
    if (rc != 0)
        return rc;
    if (!counter_find(core, 'q', name) && !queue_find(core, name))
        return refuse(core, WIRE_NOT_FOUND, "queue", "no job was ever in that queue");
    return answer_queue(core, name);
}

/* --- all queues, by name --------------------------------------------------------------------- */

/* The first name in the range. 1: *name_out lives until the next scan; 0; -errno. */
static int seek_name(struct core *core, const struct store_range *range, struct text *name_out)
{
    char dimension;
    enum job_state status;
    uint64_t window_ms;
    int rc = store_scan(core->store, range, &core->rows);
    if (rc < 0 || core->rows.count == 0)
        return rc;
    struct slice key = core->rows.at[0].key;
    rc = range->table == TABLE_QUEUE ? key_limit_parse(key, name_out, &window_ms)
                                     : key_counter_parse(key, &dimension, name_out, &status);
    return rc == 0 ? 1 : -EBADMSG;
}

/* The end of a text in a key, made the place behind all keys with that text. */
static struct slice behind(struct rec_key *key)
{
    key->at[key->len - 1]++;
    return (struct slice){key->at, key->len};
}

/* Queues that have counters, and those that have but settings. `name` (QUEUE_LEN_MAX bytes) is
 * replaced by the next. 1, 0: there are no more, -errno. */
static int next_name(struct core *core, char *name, size_t *len)
{
    struct text found, after = {name, *len};
    struct rec_key keys[2];
    static const uint8_t dimension = 'q';
    struct store_range ranges[2] = {{.table = TABLE_COUNTER, .prefix = {&dimension, 1}, .limit = 1},
                                    {.table = TABLE_QUEUE, .limit = 1}};
    key_counter(&keys[0], 'q', after, JOB_NONE);
    keys[0].len--; /* without the status */
    key_limit_name(&keys[1], after);
    char best[QUEUE_LEN_MAX];
    size_t best_len = 0;
    for (int i = 0; i < 2; i++) {
        if (after.len)
            ranges[i].after = behind(&keys[i]);
        int rc = seek_name(core, &ranges[i], &found);
        if (rc < 0 || (rc == 1 && found.len > QUEUE_LEN_MAX))
            return rc < 0 ? rc : -EBADMSG;
        if (rc == 1 && (best_len == 0 || text_cmp(found, (struct text){best, best_len}) < 0))
            memcpy(best, found.at, best_len = found.len);
    }
    memcpy(name, best, *len = best_len);
    return best_len > 0;
}

int handle_get_queues(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_get_queues *ask = &message->get_queues;
    uint64_t limit = ask->limit ? ask->limit : QUEUES_LIMIT_DEFAULT;
    char name[QUEUE_LEN_MAX];
    size_t len = ask->after.len, mark;
    uint32_t count = 0;
    (void)session;
    if (len && !name_is_fit(ask->after, QUEUE_LEN_MAX))
        return refuse(core, WIRE_INVALID_REQUEST, "after", "expected the name of a queue");
    if (len)
        memcpy(name, ask->after.at, len);
    buf_clear(&core->answer);
    int more = 1, rc = list_begin(&core->answer, &mark);
    for (; rc == 0 && count < limit && core->answer.len < PAGE_SIZE_MAX; count++) {
        more = next_name(core, name, &len);
        if (more <= 0)
            break;
        rc = pack_queue(core, (struct text){name, len}, (struct slice){0}, &core->answer);
    }
    if (rc < 0 || more < 0)
        return rc < 0 ? rc : more;
    list_end(&core->answer, mark, count);
    struct message answer = {.id = MSG_QUEUES};
    answer.queues.queues = buf_slice(&core->answer);
    char last[QUEUE_LEN_MAX];
    size_t last_len = len;
    memcpy(last, name, len);
    if (more)
        more = next_name(core, name, &len);
    if (more == 1)
        answer.queues.next = (struct text){last, last_len};
    else if (more < 0)
        return more;
    return reply(core, &answer);
}

/* --- changing -------------------------------------------------------------------------------- */

static int put_or_delete(struct core *core, enum store_table table, struct text name, bool keep,
                         struct slice record)
{
    struct rec_key key;
    core->changed = true;
    int rc = keep ? store_put(core->store, table, key_limit(&key, name), record)
                  : store_del(core->store, table, key_limit(&key, name));
    return rc < 0 ? rc : 0;
}

static int set_queue(struct core *core, struct text name, struct queue_settings *settings)
{
    struct slice record = {0};
    bool keep = !queue_settings_are_none(settings);
    if (keep && !queue_find(core, name) && HASH_COUNT(core->queues) >= QUEUES_SET_MAX)
        return refuse(core, WIRE_INVALID_REQUEST, "queue", "%d queues have settings already",
                      QUEUES_SET_MAX);
    int rc = keep ? queue_settings_write(core, settings, &record) : 0;
    if (rc == 0)
        rc = put_or_delete(core, TABLE_QUEUE, name, keep, record);
    if (rc == 0)
        rc = queue_set(core, name, settings);
    picks_changed(core);
    return rc;
}

int handle_set_queue(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_set_queue *ask = &message->set_queue;
    struct queue_change change = {.pause = ask->pause,
                                  .resume = ask->resume,
                                  .limits = ask->set,
                                  .defaults = ask->defaults,
                                  .clear = ask->clear};
    struct queue_settings settings = {0};
    int rc = may_change(core, session, message);
    if (rc == 0)
        rc = check_queue_name(core, ask->queue);
    const struct queue *queue = rc == 0 ? queue_find(core, ask->queue) : NULL;
    if (queue)
        rc = queue_settings_copy(&queue->settings, &settings);
    if (rc == 0)
        rc = queue_settings_change(core, &change, &settings);
    if (rc == 0)
        rc = set_queue(core, ask->queue, &settings);
    queue_settings_fini(&settings);
    return rc != 0 ? rc : answer_queue(core, ask->queue);
}

/* --- budgets --------------------------------------------------------------------------------- */

static void settings_of_budget(const struct budget *budget, struct queue_settings *settings_out)
{
    const struct meter *meter = &budget->meter;
    *settings_out = (struct queue_settings){.rate_count = meter->window_count};
    if (meter->concurrency_max)
        settings_out->concurrency = opt_of(meter->concurrency_max);
    for (size_t i = 0; i < meter->window_count; i++)
        settings_out->rates[i] = (struct wire_rate){.max = meter->windows[i]->max,
                                                    .window_ms = meter->windows[i]->window_ms};
}

static int pack_budget(struct core *core, const struct budget *budget, struct buf *out)
{
    struct queue_settings settings;
    struct wire_budget wire = {.name = {budget->name, budget->name_len},
                               .queues = opt_of(budget->queues),
                               .in_use = opt_of(budget->meter.running)};
    settings_of_budget(budget, &settings);
    buf_clear(&core->value);
    int rc = queue_pack_limits(core, &settings, &budget->meter, &core->value);
    wire.limits = buf_slice(&core->value);
    return rc < 0 ? rc : shape_encode(out, &shape_budget, &wire, KEYS_NAMES);
}

static int answer_budget(struct core *core, const struct budget *budget)
{
    struct message answer = {.id = MSG_BUDGET_IS};
    buf_clear(&core->answer);
    int rc = pack_budget(core, budget, &core->answer);
    answer.budget_is.budget = buf_slice(&core->answer);
    return rc < 0 ? rc : reply(core, &answer);
}

static int remove_budget(struct core *core, struct budget *budget)
{
    if (!budget)
        return refuse(core, WIRE_NOT_FOUND, "budget", "there is no budget of that name");
    if (budget->queues)
        return refuse(core, WIRE_CONFLICT, "budget", "%llu queue%s it",
                      (unsigned long long)budget->queues,
                      budget->queues == 1 ? " draws on" : "s draw on");
    struct message answer = {.id = MSG_BUDGET_IS};
    buf_clear(&core->answer);
    int rc = pack_budget(core, budget, &core->answer);
    answer.budget_is.budget = buf_slice(&core->answer);
    struct text name = {budget->name, budget->name_len};
    if (rc == 0)
        rc = put_or_delete(core, TABLE_BUDGET, name, false, (struct slice){0});
    if (rc == 0)
        rc = budget_remove(core, budget);
    return rc < 0 ? rc : reply(core, &answer);
}

static int set_budget(struct core *core, struct text name, const struct queue_settings *settings)
{
    struct slice record;
    if (!budget_find(core, name) && HASH_COUNT(core->budgets) >= BUDGETS_MAX)
        return refuse(core, WIRE_INVALID_REQUEST, "budget", "there are %d budgets already",
                      BUDGETS_MAX);
    int rc = budget_settings_write(core, settings, &record);
    if (rc == 0)
        rc = put_or_delete(core, TABLE_BUDGET, name, true, record);
    if (rc == 0)
        rc = budget_set(core, name, settings);
    picks_changed(core);
    return rc;
}

int handle_set_budget(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_set_budget *ask = &message->set_budget;
    struct queue_change change = {.limits = ask->set, .clear = ask->clear, .is_budget = true};
    struct queue_settings settings = {0};
    int rc = may_change(core, session, message);
    if (rc == 0 && !name_is_fit(ask->budget, BUDGET_LEN_MAX))
        rc = refuse(core, WIRE_INVALID_REQUEST, "budget",
                    "expected 1 to %d bytes without control characters", BUDGET_LEN_MAX);
    if (rc != 0)
        return rc;
    struct budget *budget = budget_find(core, ask->budget);
    if (ask->remove)
        return remove_budget(core, budget);
    if (budget)
        settings_of_budget(budget, &settings);
    rc = queue_settings_change(core, &change, &settings);
    if (rc == 0)
        rc = set_budget(core, ask->budget, &settings);
    queue_settings_fini(&settings);
    return rc != 0 ? rc : answer_budget(core, budget_find(core, ask->budget));
}

int handle_get_budgets(struct core *core, struct session *session, const struct message *message)
{
    struct budget *budget, *next;
    size_t mark;
    (void)session;
    (void)message;
    buf_clear(&core->answer);
    int rc = list_begin(&core->answer, &mark);
    HASH_ITER(hh, core->budgets, budget, next)
    {
        rc = rc < 0 ? rc : pack_budget(core, budget, &core->answer);
    }
    if (rc < 0)
        return rc;
    list_end(&core->answer, mark, HASH_COUNT(core->budgets));
    struct message answer = {.id = MSG_BUDGETS};
    answer.budgets.budgets = buf_slice(&core->answer);
    return reply(core, &answer);
}
