/* Why the jobs of a queue wait, counted by reason. Reads only. */
#include <errno.h>
#include <string.h>

#include "broker/core/counter.h"
#include "broker/core/gate.h"
#include "broker/core/why.h"
#include "broker/core/workers.h"
#include "proto/pack.h"

enum { ROWS_AT_ONCE = 256 };

/* The reasons that are counted, with the words of why.c. */
enum reason {
    NOT_DUE,
    BLOCKED,
    QUESTION,
    QUEUE_GATE,
    GROUP_LIMIT,
    NO_WORKER,
    ALONE,
    BEHIND,
    UNCOUNTED
};
enum { REASONS = UNCOUNTED + 1 };

struct tally {
    uint64_t count[REASONS];
    const char *gate; /* the word of QUEUE_GATE */
};

static const char *word_of(const struct tally *tally, enum reason reason)
{
    static const char *const words[REASONS] = {
        [NOT_DUE] = "not_due",         [BLOCKED] = "blocked",     [QUESTION] = "question",
        [GROUP_LIMIT] = "group_limit", [NO_WORKER] = "no_worker", [ALONE] = "alone",
        [BEHIND] = "behind",           [UNCOUNTED] = "uncounted"};
    return reason == QUEUE_GATE ? tally->gate : words[reason];
}

static enum reason reason_of(const struct core *core, struct text queue,
                             const struct rec_ready *ready)
{
    struct gate_verdict verdict;
    if (!gate_group(core, queue, ready->group, &verdict))
        return GROUP_LIMIT;
    if (workers_capable(core, queue, ready->type).workers == 0)
        return NO_WORKER;
    return ready->alone ? ALONE : BEHIND;
}

/* Neighbours are mostly of one lane, and so of one reason. */
struct last {
    char group[GROUP_LEN_MAX], type[TYPE_LEN_MAX];
    size_t group_len, type_len;
    enum reason reason;
};

static enum reason reason_again(const struct core *core, struct text queue,
                                const struct rec_ready *ready, struct last *last)
{
    if (last->type_len && text_eq(ready->group, (struct text){last->group, last->group_len}) &&
        text_eq(ready->type, (struct text){last->type, last->type_len}))
        return last->reason;
    memcpy(last->group, ready->group.at, last->group_len = ready->group.len);
    memcpy(last->type, ready->type.at, last->type_len = ready->type.len);
    return last->reason = reason_of(core, queue, ready);
}

/* The pending jobs under one name of the ready table (the queue's, or that of those alone). */
static int count_rows(struct core *core, struct text queue, struct text name, struct tally *tally,
                      uint32_t *left)
{
    struct rec_key prefix_key, last_key;
    struct slice prefix = key_ready_queue(&prefix_key, name), after = {0};
    struct last last = {.type_len = 0};
    while (*left > 0) {
        size_t limit = *left < ROWS_AT_ONCE ? *left : ROWS_AT_ONCE;
        struct store_range range = {
            .table = TABLE_READY, .prefix = prefix, .after = after, .limit = limit};
        int rc = store_scan(core->store, &range, &core->rows);
        for (size_t i = 0; i < core->rows.count && rc == 0; i++) {
            struct rec_ready ready;
            rc = key_ready_parse(core->rows.at[i].key, &ready) == 0 ? 0 : -EBADMSG;
            if (rc == 0)
                tally->count[reason_again(core, queue, &ready, &last)]++;
        }
        if (rc < 0 || core->rows.count < limit)
            return rc;
        *left -= (uint32_t)limit;
        struct slice end = core->rows.at[limit - 1].key;
        memcpy(last_key.at, end.at, end.len);
        after = (struct slice){last_key.at, end.len};
    }
    return 0;
}

static int count_pending(struct core *core, struct text queue, uint64_t pending,
                         struct tally *tally)
{
    struct gate_verdict verdict;
    char alone[1 + QUEUE_LEN_MAX] = READY_ALONE;
    uint32_t left = WHY_ROWS_MAX;
    if (!gate_queue(core, queue, &verdict)) {
        tally->gate = verdict.reason;
        tally->count[QUEUE_GATE] = pending;
        return 0;
    }
    memcpy(alone + 1, queue.at, queue.len);
    int rc = count_rows(core, queue, queue, tally, &left);
    if (rc == 0)
        rc = count_rows(core, queue, (struct text){alone, 1 + queue.len}, tally, &left);
    uint64_t counted = tally->count[GROUP_LIMIT] + tally->count[NO_WORKER] + tally->count[ALONE] +
                       tally->count[BEHIND];
    tally->count[UNCOUNTED] = pending > counted ? pending - counted : 0;
    return rc;
}

static int pack_tally(const struct tally *tally, struct buf *out)
{
    uint32_t pairs = 0;
    for (size_t i = 0; i < REASONS; i++)
        pairs += tally->count[i] > 0;
    int rc = pack_map(out, pairs);
    for (size_t i = 0; i < REASONS && rc == 0; i++) {
        if (tally->count[i] == 0)
            continue;
        rc = pack_text(out, text_of(word_of(tally, (enum reason)i)));
        if (rc == 0)
            rc = pack_u64(out, tally->count[i]);
    }
    return rc;
}

int why_count(struct core *core, struct text queue, struct buf *out)
{
    const struct counter *counter = counter_find(core, 'q', queue);
    struct tally tally = {.gate = ""};
    int rc = 0;
    if (counter) {
        tally.count[NOT_DUE] = counter->count[JOB_SCHEDULED];
        tally.count[BLOCKED] = counter->count[JOB_BLOCKED];
        tally.count[QUESTION] = counter->count[JOB_WAITING];
        if (counter->count[JOB_PENDING])
            rc = count_pending(core, queue, counter->count[JOB_PENDING], &tally);
    }
    return rc < 0 ? rc : pack_tally(&tally, out);
}
