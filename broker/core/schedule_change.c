/* What people do to a schedule: set, pause, resume, delete, run. Everything is checked before
 * anything is written: an expression, a zone and a spec that are no good never come to rest. */
#include <errno.h>

#include "broker/core/birth.h"
#include "broker/core/caller.h"
#include "broker/core/job.h"
#include "broker/core/name.h"
#include "broker/core/reply.h"
#include "broker/core/schedule.h"
#include "broker/core/schedule_parts.h"
#include "broker/core/spec.h"

/* --- set -------------------------------------------------------------------------------------- */

/* One of three words; the first is the default. */
static int read_word(struct core *core, const char *field, const char *const words[3],
                     struct text *word)
{
    if (word->len == 0)
        *word = text_of(words[0]);
    for (int i = 0; i < 3; i++)
        if (text_is(*word, words[i]))
            return 0;
    return refuse(core, WIRE_INVALID_REQUEST, field, "expected %s, %s or %s", words[0], words[1],
                  words[2]);
}

/* A schedule says when; and what only one job can have, each of its jobs has of its own. */
static int check_own(struct core *core, const struct wire_spec *spec)
{
    const char *field = !uuid_is_null(&spec->id)         ? "id"
                        : spec->run_at                   ? "run_at"
                        : spec->delay_ms                 ? "delay_ms"
                        : spec->depends_on.len           ? "depends_on"
                        : !uuid_is_null(&spec->retry_of) ? "retry_of"
                        : spec->schedule.at              ? "schedule"
                                                         : NULL;
    if (!field)
        return 0;
    return refuse(core, WIRE_INVALID_REQUEST, field,
                  "expected none: a schedule's jobs differ in it");
}

/* Kept as it was said, but for the owner: other defaults are those of the day of the tick. */
static int read_spec(struct core *core, const struct caller *caller, struct slice given,
                     struct wire_spec *spec)
{
    int rc = shape_decode(given, &shape_spec, KEYS_NAMES, spec, &core->fault) == 0 ? 0 : REFUSED;
    struct wire_spec checked = *spec;
    if (rc == 0)
        rc = check_own(core, spec);
    if (rc == 0)
        rc = spec_check(core, caller, &checked);
    if (rc == REFUSED)
        fault_within(&core->fault, "spec", -1);
    spec->owner = checked.owner;
    return rc;
}

/* Fills in the new definition. What has been counted stays, and so does a pause. */
static int define(struct core *core, const struct msg_set_schedule *set, struct schedule *s)
{
    static const char *const misfires[] = {"once", "skip", "all"};
    static const char *const overlaps[] = {"allow", "skip", "replace"};
    s->r.misfire = set->misfire;
    s->r.overlap = set->overlap;
    int rc = read_word(core, "misfire", misfires, &s->r.misfire);
    if (rc == 0)
        rc = read_word(core, "overlap", overlaps, &s->r.overlap);
    s->r.paused = s->r.paused || set->paused;
    s->r.updated_at = core->now.wall_ms;
    s->r.last_error = (struct slice){0};
    s->r.last_error_at = 0;
    return rc;
}

/* The same expression in the same zone goes on counting where it was. Returns when it ticks next
 * in *next_out; 0: paused. */
static int set_times(struct core *core, const struct msg_set_schedule *set, struct schedule *s,
                     uint64_t *next_out)
{
    struct schedule_rule rule;
    struct text zone = set->zone.len ? set->zone : TEXT("UTC");
    bool same = text_eq(s->r.cron, set->cron) && text_eq(s->r.zone, zone);
    int rc = schedule_rule_of(core, set->cron, zone, &rule);
    if (rc != 0)
        return rc;
    s->r.cron = set->cron;
    s->r.zone = zone;
    if (!same)
        s->r.anchor = core->now.wall_ms;
    *next_out = same && s->r.next_at ? s->r.next_at : schedule_next(s, &rule, core->now.wall_ms);
    if (*next_out == 0)
        return refuse(core, WIRE_INVALID_REQUEST, "cron", "it does not tick in the next 50 years");
    if (s->r.paused)
        *next_out = 0;
    return 0;
}

static int count_of_owner(struct core *core, struct text owner)
{
    struct rec_key key;
    struct store_range range = {.table = TABLE_SCHEDULE,
                                .prefix = key_schedule(&key, 'h', owner, (struct text){0}),
                                .limit = SCHEDULES_OWNER_MAX};
    int rc = store_scan(core->store, &range, &core->rows);
    if (rc < 0)
        return rc;
    if (core->rows.count < SCHEDULES_OWNER_MAX)
        return 0;
    return refuse(core, WIRE_CONFLICT, "name", "this owner has %d schedules already",
                  SCHEDULES_OWNER_MAX);
}

/* As it was, or new: then there must be room for one more. */
static int load_or_begin(struct core *core, struct schedule *s)
{
    int rc = schedule_load(core, s);
    if (rc != STORE_NOT_FOUND)
        return rc;
    s->r = (struct rec_schedule){.created_at = core->now.wall_ms};
    rc = count_of_owner(core, s->owner);
    return rc;
}

static int write_spec(struct core *core, const struct schedule *s, const struct wire_spec *spec)
{
    struct rec_key key;
    struct slice value;
    core->changed = true;
    int rc = shape_keep(&core->schedule_spec, &shape_spec, spec, KEYS_NUMBERS, &value);
    if (rc < 0)
        return rc;
    return store_put(core->store, TABLE_SCHEDULE, key_schedule(&key, 's', s->owner, s->name),
                     value);
}

int handle_set_schedule(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_set_schedule *set = &message->set_schedule;
    struct caller caller = caller_of(session, message);
    struct schedule s = {.name = set->name};
    struct wire_spec spec;
    uint64_t next_at = 0;
    int rc = schedule_check_change(core, session, set->name);
    if (rc == 0)
        rc = read_spec(core, &caller, set->spec, &spec);
    if (rc != 0)
        return rc;
    s.owner = spec.owner;
    rc = load_or_begin(core, &s);
    if (rc == 0)
        rc = define(core, set, &s);
    if (rc == 0)
        rc = set_times(core, set, &s, &next_at);
    if (rc == 0)
        rc = birth_check_room(core);
    if (rc == 0)
        rc = write_spec(core, &s, &spec);
    if (rc == 0)
        rc = schedule_plan(core, &s, next_at);
    if (rc == 0)
        rc = schedule_save(core, &s);
    return rc != 0 ? rc : schedule_answer(core, &s);
}

/* --- the others ------------------------------------------------------------------------------- */

int handle_pause_schedule(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_pause_schedule *ask = &message->pause_schedule;
    struct schedule s;
    int rc = schedule_to_change(core, session, message, ask->name, ask->of_owner, &s);
    if (rc != 0 || s.r.paused)
        return rc != 0 ? rc : schedule_answer(core, &s);
    s.r.paused = true;
    s.r.updated_at = core->now.wall_ms;
    rc = schedule_plan(core, &s, 0);
    if (rc == 0)
        rc = schedule_save(core, &s);
    return rc < 0 ? rc : schedule_answer(core, &s);
}

/* From now on: ticks that it slept through are nobody's loss. */
int handle_resume_schedule(struct core *core, struct session *session,
                           const struct message *message)
{
    const struct msg_resume_schedule *ask = &message->resume_schedule;
    struct schedule s;
    struct schedule_rule rule;
    int rc = schedule_to_change(core, session, message, ask->name, ask->of_owner, &s);
    if (rc == 0 && !s.r.paused && s.r.next_at)
        return schedule_answer(core, &s);
    if (rc == 0)
        rc = schedule_rule_of(core, s.r.cron, s.r.zone, &rule);
    if (rc != 0)
        return rc;
    s.r.paused = false;
    s.r.updated_at = core->now.wall_ms;
    rc = schedule_plan(core, &s, schedule_next(&s, &rule, core->now.wall_ms));
    if (rc == 0)
        rc = schedule_save(core, &s);
    return rc < 0 ? rc : schedule_answer(core, &s);
}

int handle_delete_schedule(struct core *core, struct session *session,
                           const struct message *message)
{
    const struct msg_delete_schedule *ask = &message->delete_schedule;
    struct schedule s;
    struct rec_key key;
    int rc = schedule_to_change(core, session, message, ask->name, ask->of_owner, &s);
    if (rc != 0)
        return rc;
    core->changed = true;
    rc = schedule_plan(core, &s, 0);
    if (rc == 0)
        rc = store_del(core->store, TABLE_SCHEDULE, key_schedule(&key, 'h', s.owner, s.name));
    if (rc == 0)
        rc = store_del(core->store, TABLE_SCHEDULE, key_schedule(&key, 's', s.owner, s.name));
    if (rc != 0)
        return rc < 0 ? rc : -EBADMSG;
    struct message answer = {.id = MSG_SCHEDULE_DELETED};
    answer.schedule_deleted.name = s.name;
    answer.schedule_deleted.of_owner = s.owner;
    return reply(core, &answer);
}

/* By hand: neither a pause nor the last job stands in the way, and no tick is used up. */
int handle_run_schedule(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_run_schedule *ask = &message->run_schedule;
    struct schedule s;
    struct uuid id = ask->id;
    int rc = schedule_to_change(core, session, message, ask->name, ask->of_owner, &s);
    if (rc == 0)
        rc = schedule_submit(core, &s, 0, &id);
    if (rc == 0)
        rc = schedule_save(core, &s);
    if (rc != 0)
        return rc;
    struct message answer = {.id = MSG_JOB_IS};
    buf_clear(&core->rendered);
    rc = job_render(core, &core->job, DETAIL_WHOLE, &core->rendered);
    answer.job_is.job = buf_slice(&core->rendered);
    answer.job_is.ending = core->job.s.ending;
    return rc < 0 ? rc : reply(core, &answer);
}
