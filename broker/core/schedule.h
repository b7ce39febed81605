/* Schedules: jobs that are made again and again, at the ticks of a cron expression.
 *
 * A schedule rests in two rows: a small head, rewritten at every tick, and its spec, written when
 * it is set. While it is not paused it has one timer, at its next tick. At a tick the job is made
 * and the timer moves on in the same batch: so each tick has its job once, whatever crashes, and
 * what is put back is only the clock, never a tick. */
#ifndef REEVE_BROKER_CORE_SCHEDULE_H
#define REEVE_BROKER_CORE_SCHEDULE_H

#include "base/cron.h"
#include "broker/core/memory.h"

struct schedule {
    struct text owner, name; /* its key: the caller's, alive as long as this is used */
    struct rec_schedule r;   /* texts in core->schedule_head or the caller's */
};

/* Its cron and zone, ready to be asked. */
struct schedule_rule {
    struct cron cron;
    const struct zone *zone;
};

/* Reads the head: s->owner and s->name say which. 0, STORE_NOT_FOUND, -errno. */
int schedule_load(struct core *core, struct schedule *s);
int schedule_save(struct core *core, const struct schedule *s);

/* Reads the spec by way of core->schedule_spec, where its texts live. 0, -errno. */
int schedule_spec(struct core *core, const struct schedule *s, struct wire_spec *spec_out);

/* Reads cron and zone. 0; REFUSED: field `cron` or `zone`, in the fault. */
int schedule_rule_of(struct core *core, struct text cron, struct text zone,
                     struct schedule_rule *rule_out);

/* The first tick after `after`; 0: none. */
uint64_t schedule_next(const struct schedule *s, const struct schedule_rule *rule, uint64_t after);

/* Moves the timer: to `next_at`, or 0: there is none any more. Saved by the caller. */
int schedule_plan(struct core *core, struct schedule *s, uint64_t next_at);

/* Makes a job of the schedule's spec: at the tick `at` (0: by hand), with the id *id (null: one is
 * made). Afterwards *id and core->job are the job, which may have been there before, by its id or
 * its unique key. Counts it in s->r; the caller saves. 0, REFUSED, -errno. */
int schedule_submit(struct core *core, struct schedule *s, uint64_t at, struct uuid *id);

/* The timer of a schedule (`what` of its key) is due. 0, -errno. */
int schedule_fire(struct core *core, struct slice what);

/* The messages; each 0, REFUSED, -errno. */
int handle_set_schedule(struct core *core, struct session *session, const struct message *message);
int handle_delete_schedule(struct core *core, struct session *session,
                           const struct message *message);
int handle_pause_schedule(struct core *core, struct session *session,
                          const struct message *message);
int handle_resume_schedule(struct core *core, struct session *session,
                           const struct message *message);
int handle_run_schedule(struct core *core, struct session *session, const struct message *message);
int handle_get_schedule(struct core *core, struct session *session, const struct message *message);
int handle_get_schedules(struct core *core, struct session *session, const struct message *message);
int handle_preview_schedule(struct core *core, struct session *session,
                            const struct message *message);

#endif
