/* The message `get_stats`: figures of all, each queue and type. Reads only. */
#include "broker/core/query.h"

#include "base/endian.h"
#include "broker/core/counter.h"
#include "broker/core/rate.h"
#include "broker/core/reply.h"
#include "proto/pack.h"

enum { NAMES_TOLD = 1000 }; /* queues or types in one answer */

static int pack_counts(struct buf *out, const struct counter *counter)
{
    int rc = pack_map(out, JOB_STATE_COUNT - 1);
    for (unsigned i = 1; i < JOB_STATE_COUNT && rc == 0; i++) {
        rc = pack_text(out, text_of(job_state_word((enum job_state)i)));
        if (rc == 0)
            rc = pack_u64(out, counter->count[i]);
    }
    return rc;
}

static uint32_t names_in(const struct core *core, char dimension)
{
    size_t count = core->counter_count[(unsigned char)dimension];
    return count < NAMES_TOLD ? (uint32_t)count : NAMES_TOLD;
}

static int pack_dimension(struct core *core, struct buf *out, char dimension)
{
    struct counter *counter, *next;
    uint32_t left = names_in(core, dimension);
    int rc = pack_map(out, left);
    HASH_ITER(hh, core->counters, counter, next)
    {
        if (counter->dimension != dimension || left == 0 || rc < 0)
            continue;
        left--;
        rc = pack_text(out, (struct text){counter->key + 1, counter->key_len - 1});
        if (rc == 0)
            rc = pack_counts(out, counter);
    }
    return rc;
}

static int pack_rate(struct core *core, struct buf *out, const char *name, enum rate_kind kind)
{
    int rc = pack_text(out, text_of(name));
    if (rc == 0)
        rc = pack_map(out, 2);
    if (rc == 0)
        rc = pack_text(out, TEXT("1m"));
    if (rc == 0)
        rc = pack_f64(out, rate_of(core, kind, 60 * 1000));
    if (rc == 0)
        rc = pack_text(out, TEXT("5m"));
    if (rc == 0)
        rc = pack_f64(out, rate_of(core, kind, 5 * 60 * 1000));
    return rc;
}

static int pack_rates(struct core *core, struct buf *out)
{
    int rc = pack_map(out, RATE_KINDS);
    if (rc == 0)
        rc = pack_rate(core, out, "submitted", RATE_SUBMITTED);
    if (rc == 0)
        rc = pack_rate(core, out, "completed", RATE_COMPLETED);
    return rc < 0 ? rc : pack_rate(core, out, "failed", RATE_FAILED);
}

static int pack_pair(struct buf *out, const char *a, uint64_t a_value, const char *b,
                     uint64_t b_value)
{
    int rc = pack_map(out, 2);
    if (rc == 0)
        rc = pack_text(out, text_of(a));
    if (rc == 0)
        rc = pack_u64(out, a_value);
    if (rc == 0)
        rc = pack_text(out, text_of(b));
    return rc < 0 ? rc : pack_u64(out, b_value);
}

static int pack_slots(struct core *core, struct buf *out)
{
    struct session *session;
    uint64_t busy = 0, slots = 0;
    DL_FOREACH(core->workers, session)
    {
        busy += session->worker->held;
        slots += session->worker->slots;
    }
    return pack_pair(out, "busy", busy, "free", slots > busy ? slots - busy : 0);
}

static int pack_store(struct core *core, struct buf *out)
{
    struct store_info info;
    int rc = store_info(core->store, &info);
    if (rc < 0)
        return rc;
    return pack_pair(out, "bytes", info.used_bytes, "free_bytes", info.free_bytes);
}

/* How long the oldest pending job has been waiting. */
static int oldest_pending(struct core *core, struct opt_f64 *seconds_out)
{
    uint8_t prefix = JOB_PENDING;
    struct store_range range = {
        .table = TABLE_STATUS, .prefix = {&prefix, sizeof prefix}, .limit = 1};
    int rc = store_scan(core->store, &range, &core->rows);
    if (rc < 0 || core->rows.count == 0)
        return rc;
    enum job_state status;
    bool system;
    uint64_t created;
    struct uuid id;
    if (key_status_parse(core->rows.at[0].key, &status, &system, &created, &id) == 0)
        *seconds_out = f64_of(
            created < core->now.wall_ms ? (double)(core->now.wall_ms - created) / 1000.0 : 0);
    return 0;
}

/* Packs one value behind the others; its place is found again once the buf has stopped growing. */
struct part {
    size_t offset, len;
};

static struct slice part_of(const struct core *core, struct part part)
{
    return (struct slice){core->answer.at + part.offset, part.len};
}

int handle_get_stats(struct core *core, struct session *session, const struct message *message)
{
    (void)session;
    (void)message;
    enum { BY_STATUS, BY_QUEUE, BY_TYPE, RATES, SLOTS, STORE, PARTS };
    struct part parts[PARTS];
    struct message answer = {.id = MSG_STATS};
    int rc = 0;
    buf_clear(&core->answer);
    for (int i = 0; i < PARTS && rc == 0; i++) {
        parts[i].offset = core->answer.len;
        rc = i == BY_STATUS  ? pack_counts(&core->answer, core->all)
             : i == BY_QUEUE ? pack_dimension(core, &core->answer, 'q')
             : i == BY_TYPE  ? pack_dimension(core, &core->answer, 't')
             : i == RATES    ? pack_rates(core, &core->answer)
             : i == SLOTS    ? pack_slots(core, &core->answer)
                             : pack_store(core, &core->answer);
        parts[i].len = core->answer.len - parts[i].offset;
    }
    if (rc == 0)
        rc = oldest_pending(core, &answer.stats.oldest_pending_seconds);
    if (rc < 0)
        return rc;
    answer.stats.total_submitted = opt_of(core->all->count[JOB_NONE]);
    answer.stats.by_status = part_of(core, parts[BY_STATUS]);
    answer.stats.by_queue = part_of(core, parts[BY_QUEUE]);
    answer.stats.by_type = part_of(core, parts[BY_TYPE]);
    answer.stats.rates = part_of(core, parts[RATES]);
    answer.stats.workers = opt_of(core->worker_count);
    answer.stats.slots = part_of(core, parts[SLOTS]);
    answer.stats.store = part_of(core, parts[STORE]);
    return reply(core, &answer);
}
