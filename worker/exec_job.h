/* What a program is told of its job: the file that $REEVE_JOB names, and the environment.
 * Must never put params where other users can read them. */
#ifndef REEVE_WORKER_EXEC_JOB_H
#define REEVE_WORKER_EXEC_JOB_H

#include "worker/exec.h"
#include "worker/job.h"

enum { EXEC_VARIABLES_MAX = 12 };

struct exec_job {
    char *path;                              /* of the file */
    char *variables[EXEC_VARIABLES_MAX + 1]; /* for the keeper; NULL at the end */
};

/* Writes the file and words the environment. 0, -errno; exec_job_fini in any case. */
int exec_job_init(struct exec_job *told, struct reeve_job *job, const struct exec *exec);
/* Removes the file. */
void exec_job_fini(struct exec_job *told);

/* A file of memory with the params as JSON, at its beginning: stdin. The descriptor, -errno. */
int exec_job_stdin(struct reeve_job *job);

#endif
