/* The keeper: a small process that starts the handlers of one reeve-worker and outlives it just
 * long enough to end them.
 *
 * It is forked before the worker has threads or a ZeroMQ context, so that no handler is forked from
 * those. It is the parent of all handlers and the reaper of what they leave behind
 * (PR_SET_CHILD_SUBREAPER). Each handler leads a process group of its own.
 *
 *     a handler ends                  the rest of its group, and descendants that left the group,
 *                                     are killed (SIGKILL) before its end is told
 *     the worker dies, however        its end of the channel closes: everything is killed
 *     the worker stands still         (SIGSTOP) for as long as makes the broker give its jobs to
 *                                     others: everything is killed
 *     the keeper dies (kill -9)       handlers die with it (PR_SET_PDEATHSIG); the worker sees the
 *                                     channel close, kills what they leave (it is a subreaper
 *                                     too) and is to end at once
 *
 * Must never run a handler's code before exec, read what handlers say, or leave one behind. */
#ifndef REEVE_WORKER_KEEPER_H
#define REEVE_WORKER_KEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    KEEPER_ORDER_MAX = 64 * 1024, /* bytes of an order's words and variables */
    KEEPER_STRINGS_MAX = 64       /* words and variables */
};

struct keeper;

/* Forks the keeper. Call while the process has one thread. `scratch` (NULL: none): a folder that
 * the keeper removes, with the files in it, when the worker has died without doing so. 0, -errno.
 */
int keeper_start(const char *scratch, struct keeper **keeper_out);

/* The worker's end of the channel: readable (end of file) when the keeper has died. */
int keeper_fd(const struct keeper *keeper);

/* Says that the worker is alive, and after how long a silence it is to be taken for dead (0:
 * never). Say it every second. From any one thread. */
void keeper_alive(struct keeper *keeper, uint64_t silence_ms);

/* A handler to start. Both lists end with NULL and are copied. `words`: a path to execute and its
 * arguments. `variables`: added to the worker's environment, "NAME=value", or "NAME" for what is
 * not to be there; the first one is no other handler's and marks this one's descendants. */
struct keeper_order {
    const char *const *words;
    const char *const *variables;
    int fds[4]; /* become its descriptors 0, 1, 2 and 3 */
};

/* Has a handler started. *control_out: its control, the caller's to close. From any thread. 0;
 * -EPIPE: the keeper is gone; -EMSGSIZE; another -errno. */
int keeper_spawn(struct keeper *keeper, const struct keeper_order *order, int *control_out);

/* What the keeper says on a handler's control. KEEPER_REFUSED: it could not be executed.
 * KEEPER_TERMED, KEEPER_KILLED: its group was sent SIGTERM, SIGKILL, as the ladder wants it.
 * KEEPER_ENDED always comes, and is the last; the end of file without it: the keeper is gone. */
enum keeper_word { KEEPER_STARTED = 1, KEEPER_REFUSED, KEEPER_TERMED, KEEPER_KILLED, KEEPER_ENDED };
struct keeper_news {
    enum keeper_word word;
    pid_t pid;  /* STARTED */
    int error;  /* REFUSED: an errno */
    int status; /* ENDED: as waitpid has it */
    bool oom;   /* ENDED: killed by the kernel for want of memory, as far as the kernel tells */
    uint64_t cpu_ms, rss_max_bytes; /* ENDED: of it and the children that it waited for */
};
/* 1: *news_out is set; 0: nothing yet; -EPIPE: the end of file; another -errno. Never blocks. */
int keeper_hear(int control, struct keeper_news *news_out);

/* Begins the ladder for a handler: SIGTERM to its group now, SIGKILL after the grace. A later call
 * can only shorten it, and sends no second SIGTERM. Closing the control means SIGKILL at once. 0,
 * -errno. */
int keeper_end(int control, uint64_t grace_ms);

/* When the keeper has died: its handlers die with it, and what they had started, wherever it went,
 * becomes a child of this process, its other subreaper. Kills them, and waits for that. From the
 * first thread, when this process is about to end. */
void keeper_kill_orphans(void);

/* Closes the channel, upon which the keeper kills what is left and ends; waits for that. NULL is
 * fine. */
void keeper_stop(struct keeper **keeper);

#endif
