/* What travels between a worker and its keeper, and the pieces of the keeper process.
 * Must never be included outside worker/keeper*.c. Both ends are one program: plain structs do. */
#ifndef REEVE_WORKER_KEEPER_PARTS_H
#define REEVE_WORKER_KEEPER_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#include "worker/keeper.h"

enum { KEEPER_FDS = 5 }; /* of an order: the control, then descriptors 0 to 3 */

enum keeper_kind { KEEPER_ORDER = 1, KEEPER_ALIVE };

/* The head of a datagram on the channel; after an order's head come its strings, each with its
 * final zero, words first. */
struct keeper_head {
    enum keeper_kind kind;
    uint32_t words, variables;
    uint64_t silence_ms; /* KEEPER_ALIVE */
};

enum { KEEPER_DATAGRAM_MAX = sizeof(struct keeper_head) + KEEPER_ORDER_MAX };

/* A datagram on a control, towards the keeper. */
struct keeper_ladder {
    uint64_t grace_ms;
};

/* An order as it has arrived; strings point into the datagram. */
struct keeper_task {
    char *words[KEEPER_STRINGS_MAX + 1];
    char *variables[KEEPER_STRINGS_MAX + 1];
    int fds[KEEPER_FDS];
};

/* Sends an order over the channel. 0; -EPIPE: nobody is there; -EMSGSIZE; another -errno. */
int keeper_send(int channel, const struct keeper_order *order, int control);
/* Takes the next datagram from the channel into `datagram` (KEEPER_DATAGRAM_MAX bytes), and for an
 * order *task_out, which points into it; its descriptors are the caller's. 1; 0: none, or one that
 * is no good; -EPIPE: the other end is closed. Never blocks. */
int keeper_receive(int channel, char *datagram, struct keeper_head *head_out,
                   struct keeper_task *task_out);

/* The keeper process; returns its exit status when the channel has closed and nobody is left. */
int keeper_process(int channel, const char *scratch);

/* In the child: becomes the handler. `keeper`: its parent's pid. `files`: the worker's own limit of
 * open files. Never returns. */
_Noreturn void keeper_become(const struct keeper_task *task, pid_t keeper,
                             const struct rlimit *files);

/* The file that counts the kernel's out-of-memory kills in the group (cgroup v2) of this process.
 * False: there is none. */
bool keeper_oom_path(char *path, size_t size);
/* That count; 0 where it can't be read. */
uint64_t keeper_oom_count(const char *path);
/* The same of the files' texts. */
bool keeper_oom_group(const char *cgroup, char *path, size_t size);
uint64_t keeper_oom_kills(const char *events);

/* Kills all children, and what becomes a child by that, until none is left. */
void keeper_kill_children(void);

/* Calls `visit` with each child of this process. False: the system does not tell. */
bool keeper_children(void (*visit)(pid_t pid, void *arg), void *arg);
/* The value of a process's variable `name` as "NAME=value" in `out`. False: not there. */
bool keeper_variable(pid_t pid, const char *name, size_t name_len, char *out, size_t size);

#endif
