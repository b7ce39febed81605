/* What the two files of a schedule's messages share: finding it for a caller, answering with it. */
#ifndef REEVE_BROKER_CORE_SCHEDULE_PARTS_H
#define REEVE_BROKER_CORE_SCHEDULE_PARTS_H

#include "broker/core/caller.h"
#include "broker/core/schedule.h"

/* May this session change schedules, and can one have this name? 0, REFUSED. */
int schedule_check_change(struct core *core, const struct session *session, struct text name);

/* Finds a schedule for a caller: `of_owner`'s, otherwise his own. 0, REFUSED (somebody else's is
 * not found), -errno. Fills in `s`. */
int schedule_to_read(struct core *core, const struct caller *caller, struct text name,
                     struct text of_owner, struct schedule *s);
/* The same, for those who may change it. */
int schedule_to_change(struct core *core, struct session *session, const struct message *message,
                       struct text name, struct text of_owner, struct schedule *s);

/* Answers the current event with the schedule. 0, -errno. */
int schedule_answer(struct core *core, const struct schedule *s);

#endif
