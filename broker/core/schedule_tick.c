/* What a tick does: which of the ticks that are due make jobs (misfire), and whether the last job
 * stands in the way (overlap). Must never work off more than a slice of ticks at a time. */
#include <errno.h>

#include "broker/core/control.h"
#include "broker/core/job.h"
#include "broker/core/reply.h"
#include "broker/core/schedule.h"

/* Ticks of one schedule made up for in one go, and of all of them, counted ones too. */
enum { SLICE = 100, TICKS_MAX = 1000 };

/* --- overlap ---------------------------------------------------------------------------------- */

/* Loads the last job; whether it, or its handler, is still there. 1, 0, -errno. */
static int last_is_open(struct core *core, const struct schedule *s)
{
    if (uuid_is_null(&s->r.last_job))
        return 0;
    int rc = job_load(core, &s->r.last_job, &core->job);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    return !job_state_is_terminal(core->job.s.status) || core->job.s.ending;
}

/* Only once its follower has been made: a refused one replaces nothing. */
static int cancel_last(struct core *core, const struct uuid *last)
{
    int rc = job_load(core, last, &core->job);
    if (rc != 0 || job_state_is_terminal(core->job.s.status))
        return rc < 0 ? rc : 0;
    return control_cancel(core, &core->job, TEXT("its schedule's next job replaces it"));
}

/* --- one tick --------------------------------------------------------------------------------- */

/* Keeps why a tick made no job. Its texts live in core->fault and core->schedule_fault. */
static int note_refusal(struct core *core, struct schedule *s)
{
    const struct fault *fault = &core->fault;
    struct wire_fault error = {.code = text_of(wire_error_code(fault->error)),
                               .message = text_of(fault->problem),
                               .field = text_of(fault->field),
                               .job = core->fault_job};
    s->r.missed++;
    s->r.last_error_at = core->now.wall_ms;
    return shape_keep(&core->schedule_fault, &shape_fault, &error, KEYS_NAMES, &s->r.last_error);
}

static int make_job(struct core *core, struct schedule *s, uint64_t at)
{
    int open = last_is_open(core, s);
    struct uuid last = s->r.last_job, job = {{0}};
    core->ticked++;
    if (open < 0)
        return open;
    if (open && text_is(s->r.overlap, "skip")) {
        s->r.skipped++;
        return 0;
    }
    int rc = schedule_submit(core, s, at, &job);
    if (rc == REFUSED)
        return note_refusal(core, s);
    if (rc == 0 && open && text_is(s->r.overlap, "replace") && !uuid_eq(&job, &last))
        rc = cancel_last(core, &last);
    return rc;
}

/* --- misfire ---------------------------------------------------------------------------------- */

/* How many ticks there are from `first` to before `last`; of cron at most SCHEDULE_MISSED_MAX are
 * counted. */
static uint64_t count_ticks(struct core *core, const struct schedule *s,
                            const struct schedule_rule *rule, uint64_t first, uint64_t last)
{
    uint64_t count = 0;
    if (rule->cron.every_ms)
        return (last - first) / rule->cron.every_ms;
    for (uint64_t at = first; at && at < last && count < SCHEDULE_MISSED_MAX; count++)
        at = schedule_next(s, rule, at);
    core->ticked += count;
    return count;
}

static bool is_late(const struct core *core, uint64_t at)
{
    return at + SCHEDULE_LATE_MS < core->now.wall_ms;
}

/* Several ticks are due: all but the last were missed, and the last one too where it is late and
 * nothing is made up for. */
static int take_last(struct core *core, struct schedule *s, const struct schedule_rule *rule,
                     bool make_up)
{
    uint64_t last =
        cron_last(&rule->cron, rule->zone, s->r.anchor, s->r.next_at, core->now.wall_ms);
    s->r.missed += count_ticks(core, s, rule, s->r.next_at, last);
    s->r.made_up = 0;
    int rc = 0;
    if (make_up || !is_late(core, last))
        rc = make_job(core, s, last);
    else
        s->r.missed++;
    return rc < 0 ? rc : schedule_plan(core, s, schedule_next(s, rule, last));
}

static bool is_enough(const struct core *core, const struct schedule *s, uint64_t at)
{
    return is_late(core, at) && s->r.made_up == SCHEDULE_MISSED_MAX;
}

/* One job for each tick that is due, the oldest first, a slice at a time. */
static int take_all(struct core *core, struct schedule *s, const struct schedule_rule *rule)
{
    uint64_t at = s->r.next_at;
    for (int n = 0; at && at <= core->now.wall_ms && n < SLICE; n++) {
        if (is_enough(core, s, at))
            break;
        s->r.made_up = is_late(core, at) ? s->r.made_up + 1 : 0;
        int rc = make_job(core, s, at);
        if (rc < 0)
            return rc;
        at = schedule_next(s, rule, at);
    }
    int rc = schedule_plan(core, s, at);
    return rc < 0 || at == 0 || !is_enough(core, s, at) ? rc : take_last(core, s, rule, false);
}

static int take_due(struct core *core, struct schedule *s, const struct schedule_rule *rule)
{
    if (text_is(s->r.misfire, "all"))
        return take_all(core, s, rule);
    return take_last(core, s, rule, text_is(s->r.misfire, "once"));
}

int schedule_fire(struct core *core, struct slice what)
{
    char row;
    struct rec_key key;
    struct schedule s = {0};
    struct schedule_rule rule;
    struct slice whole = key_schedule_what(&key, 'h', what);
    if (key_schedule_parse(whole, &row, &s.owner, &s.name) != 0)
        return -EBADMSG;
    int rc = schedule_load(core, &s);
    if (rc != 0 || s.r.next_at == 0 || s.r.next_at > core->now.wall_ms)
        return rc < 0 ? rc : 0;
    if (core->ticked >= TICKS_MAX) /* the next batch goes on */
        return schedule_plan(core, &s, s.r.next_at);
    rc = schedule_rule_of(core, s.r.cron, s.r.zone, &rule);
    if (rc == REFUSED) { /* its zone is not known any more: it stands until it is set again */
        rc = note_refusal(core, &s);
        s.r.next_at = 0;
    } else if (rc == 0) {
        rc = take_due(core, &s, &rule);
    }
    return rc < 0 ? rc : schedule_save(core, &s);
}
