/* Calls about jobs whose answers are used as structs: what the public API and the command line
 * share. Internal. Each waits for its answer, gives it to `use`, and returns a code. */
#ifndef REEVE_CLIENT_JOBS_H
#define REEVE_CLIENT_JOBS_H

#include "client/handle.h"

/* job_is, with the result where there is one. */
int jobs_get(struct reeve *reeve, const struct uuid *id, handle_use *use, void *arg);

/* job_is; also where the broker refuses because an earlier copy of this very request came first. */
int jobs_cancel(struct reeve *reeve, const struct uuid *id, const char *reason, handle_use *use,
                void *arg);
int jobs_retry(struct reeve *reeve, const struct uuid *id, handle_use *use, void *arg);

/* why. */
int jobs_why(struct reeve *reeve, const struct uuid *id, handle_use *use, void *arg);

/* jobs; logs. `filter` of a list is not NULL. */
int jobs_list(struct reeve *reeve, const struct reeve_filter *filter, handle_use *use, void *arg);
int jobs_logs(struct reeve *reeve, const struct uuid *id, const struct reeve_log_filter *filter,
              handle_use *use, void *arg);
/* question_is; job_is. `answer` is one msgpack value. */
int jobs_question(struct reeve *reeve, const struct uuid *id, handle_use *use, void *arg);
int jobs_answer(struct reeve *reeve, const struct uuid *id, struct slice answer, uint64_t question,
                handle_use *use, void *arg);

/* attempts. */
int jobs_attempts(struct reeve *reeve, const struct uuid *id, handle_use *use, void *arg);

#endif
