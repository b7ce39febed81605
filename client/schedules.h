/* Calls about schedules whose answers are used as structs; as jobs.h. Internal. */
#ifndef REEVE_CLIENT_SCHEDULES_H
#define REEVE_CLIENT_SCHEDULES_H

#include "client/handle.h"

/* schedule_is. `owner` may be NULL: the session's own. */
int schedules_set(struct reeve *reeve, const struct reeve_schedule *schedule, handle_use *use,
                  void *arg);
int schedules_get(struct reeve *reeve, const char *name, const char *owner, handle_use *use,
                  void *arg);
int schedules_pause(struct reeve *reeve, const char *name, const char *owner, bool paused,
                    handle_use *use, void *arg);

/* schedules; preview. */
int schedules_list(struct reeve *reeve, const struct reeve_schedule_filter *filter, handle_use *use,
                   void *arg);
int schedules_preview(struct reeve *reeve, const struct reeve_preview *preview, handle_use *use,
                      void *arg);

#endif
