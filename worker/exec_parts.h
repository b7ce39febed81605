/* What the files of exec share. Must never be included outside worker/exec*.c. */
#ifndef REEVE_WORKER_EXEC_PARTS_H
#define REEVE_WORKER_EXEC_PARTS_H

#include <stdbool.h>

#include "worker/exec_job.h"
#include "worker/lines.h"
#include "worker/tell.h"

/* The path of an executable file, and nothing else? */
bool exec_is_program(const char *command);

/* What a program has said so far. */
struct exec_said {
    struct reeve_job *job;
    struct buf output; /* stdout */
    bool output_too_big;
    struct lines errors, reports; /* stderr, descriptor 3 */
    struct buf last_error;        /* stderr's last line, made fit */
    struct tell tell;
};

void exec_said_init(struct exec_said *said, struct reeve_job *job);
void exec_said_fini(struct exec_said *said);

/* Takes bytes from one of the three; `stream`: 1 stdout, 2 stderr, 3 reports. */
void exec_said_take(struct exec_said *said, int stream, struct slice bytes);
/* The last lines, though they have no end. */
void exec_said_end(struct exec_said *said);

/* Says how the job has ended, by a status as waitpid has it. */
void exec_conclude(struct exec_said *said, int status);

#endif
