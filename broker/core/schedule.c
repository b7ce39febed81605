/* A schedule's records, its timer, and the making of one job. When a tick makes one is decided in
 * schedule_tick.c. */
#include "broker/core/schedule.h"

#include <errno.h>

#include "broker/core/birth.h"
#include "broker/core/job.h"
#include "broker/core/reply.h"
#include "broker/core/timer.h"

static int copy(struct core *core, struct slice key, struct buf *out)
{
    struct slice value;
    int rc = store_get(core->store, TABLE_SCHEDULE, key, &value);
    if (rc != 0)
        return rc;
    buf_clear(out);
    return buf_append(out, value.at, value.len);
}

int schedule_load(struct core *core, struct schedule *s)
{
    struct rec_key key;
    struct fault fault;
    int rc = copy(core, key_schedule(&key, 'h', s->owner, s->name), &core->schedule_head);
    if (rc != 0)
        return rc;
    rc = shape_decode(buf_slice(&core->schedule_head), &shape_rec_schedule, KEYS_NUMBERS, &s->r,
                      &fault);
    return rc == 0 ? 0 : -EBADMSG;
}

int schedule_save(struct core *core, const struct schedule *s)
{
    struct rec_key key;
    struct slice value;
    core->changed = true;
    int rc = shape_keep(&core->record, &shape_rec_schedule, &s->r, KEYS_NUMBERS, &value);
    if (rc < 0)
        return rc;
    return store_put(core->store, TABLE_SCHEDULE, key_schedule(&key, 'h', s->owner, s->name),
                     value);
}

int schedule_spec(struct core *core, const struct schedule *s, struct wire_spec *spec_out)
{
    struct rec_key key;
    struct fault fault;
    int rc = copy(core, key_schedule(&key, 's', s->owner, s->name), &core->schedule_spec);
    if (rc != 0)
        return rc < 0 ? rc : -EBADMSG; /* a head without its spec */
    rc = shape_decode(buf_slice(&core->schedule_spec), &shape_spec, KEYS_NUMBERS, spec_out, &fault);
    return rc == 0 ? 0 : -EBADMSG;
}

int schedule_rule_of(struct core *core, struct text cron, struct text zone,
                     struct schedule_rule *rule_out)
{
    struct cron_fault fault;
    if (cron_parse(cron, &rule_out->cron, &fault) != 0)
        return refuse(core, WIRE_INVALID_REQUEST, "cron", "%s%s%s", fault.field,
                      fault.field[0] ? ": " : "", fault.problem);
    int rc = zone_find(&core->config.zones, zone, &rule_out->zone);
    if (rc == ZONE_NO_DATA)
        return refuse(core, WIRE_INVALID_REQUEST, "zone",
                      "the broker's machine has no time zones (package tzdata): only UTC is known");
    if (rc > 0)
        return refuse(core, WIRE_INVALID_REQUEST, "zone",
                      "expected the name of a time zone, like Europe/Berlin or UTC");
    return rc;
}

uint64_t schedule_next(const struct schedule *s, const struct schedule_rule *rule, uint64_t after)
{
    uint64_t next;
    return cron_next(&rule->cron, rule->zone, s->r.anchor, after, &next) == 0 ? next : 0;
}

int schedule_plan(struct core *core, struct schedule *s, uint64_t next_at)
{
    struct rec_key key;
    struct slice whole = key_schedule(&key, 'h', s->owner, s->name);
    struct slice what = {whole.at + 1, whole.len - 1};
    int rc = s->r.next_at ? timer_unset(core, s->r.next_at, TIMER_SCHEDULE, what) : 0;
    s->r.next_at = next_at;
    if (rc == 0 && next_at)
        rc = timer_set(core, next_at, TIMER_SCHEDULE, what);
    return rc;
}

/* The tick is the job's run_at: never later than now, so that it is pending at once. */
static int make(struct core *core, const struct schedule *s, uint64_t at, struct uuid *id)
{
    struct wire_spec spec;
    struct caller caller = {.owner = s->owner};
    int rc = birth_check_room(core);
    if (rc == 0)
        rc = schedule_spec(core, s, &spec);
    if (rc != 0)
        return rc;
    spec.id = *id;
    spec.schedule = s->name;
    spec.run_at = at;
    rc = birth_job(core, &caller, &spec, false);
    *id = core->job.id;
    return rc;
}

int schedule_submit(struct core *core, struct schedule *s, uint64_t at, struct uuid *id)
{
    uint64_t seq = core->seq;
    int rc = make(core, s, at, id);
    if (rc != 0)
        return rc;
    if (core->seq == seq) { /* nothing has happened: there is such a job already */
        s->r.skipped += at > 0;
        return 0;
    }
    s->r.last_job = *id;
    s->r.runs++;
    if (at)
        s->r.last_at = at;
    return 0;
}
