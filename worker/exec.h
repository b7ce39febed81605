/* Any program as a handler: its params on stdin, its result from stdout, its logs from stderr, its
 * reports from file descriptor 3, its end by its exit status.
 *
 * `docs` of the interface, for people: "A handler in any language". A handler runs in a process
 * group of its own, started and ended by the keeper. One thread of the pool waits for it.
 * Must never let a program block it: what it says is read until it ends, whatever its amount. */
#ifndef REEVE_WORKER_EXEC_H
#define REEVE_WORKER_EXEC_H

#include "worker/keeper.h"
#include "worker/reeve_worker.h"
#include "worker/scratch.h"

enum {
    EXEC_OUTPUT_MAX = 4 * 1024 * 1024, /* of stdout: JSON text of a result that may be 1 MiB */
    EXEC_LAST_LINE_MAX = 500           /* of stderr's last line in an error's message */
};

/* One handler; all of it borrowed. */
struct exec {
    struct keeper *keeper;
    const struct scratch *scratch;
    const char *command;
    const char *clients; /* told to the program as REEVE_CLIENTS; NULL: not told */
};

/* Can this command be run? A command that is the path of an executable file is executed as it is;
 * anything else is a line for /bin/sh. 0; 1 with a sentence in `problem`. Runs /bin/sh; call it
 * before threads start. */
int exec_check(const char *command, char *problem, size_t size);

/* The handler; `arg` is a struct exec. */
int exec_handle(struct reeve_job *job, void *arg);

/* Kills the process groups of all handlers that this process runs: when the keeper is dead, and
 * this process is about to end. From any thread. */
void exec_kill_all(void);

#endif
