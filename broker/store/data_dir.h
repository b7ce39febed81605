/* The data directory: made if missing, locked against a second broker, with a reserve of disk space
 * for the day the disk is full.
 *
 * Must never touch the tables' own file. */
#ifndef REEVE_BROKER_STORE_DATA_DIR_H
#define REEVE_BROKER_STORE_DATA_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a sentence for people goes when something is refused; `at` may be NULL. */
struct problem {
    char *at;
    size_t size;
};

/* Writes the sentence and returns `rc`, so that a check can end with `return problem_set(…)`. */
int problem_set(const struct problem *problem, int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

struct data_dir {
    const char *path; /* borrowed from the caller of open until close */
    int fd, lock_fd, reserve_fd, claim_fd;
    uint64_t reserve_size; /* what is to be held; 0: no reserve */
    bool reserve_held;
};

/* Makes `path` (0700, with its parents) where it is missing, syncs what it made, and takes the
 * lock. 0; -EBUSY: another process has it; -errno. The lock ends with close or with the process. */
int data_dir_open(struct data_dir *dir, const char *path, const struct problem *problem);
void data_dir_close(struct data_dir *dir);

/* Opens a directory that is there, without its lock; makes nothing. 0, -ENOENT, -errno. */
int data_dir_look(struct data_dir *dir, const char *path, const struct problem *problem);

/* After look: true while no broker has the directory; none gets it then until let_go. */
bool data_dir_hold_off(struct data_dir *dir);
void data_dir_let_go(struct data_dir *dir);

/* Claims the file `name` until close: shared by all who read it beside a broker, `alone` by who is
 * about to put another in its place, so that neither happens to the other. 0; -EBUSY; -ENOENT;
 * -errno. */
int data_dir_claim(struct data_dir *dir, const char *name, bool alone,
                   const struct problem *problem);
uint64_t data_dir_claimed_size(const struct data_dir *dir);

/* Root makes files for whoever owns the directory: gives `name` to them. */
void data_dir_adopt(const struct data_dir *dir, const char *name);

/* Makes what was created or renamed in the directory durable. 0 or -errno. */
int data_dir_sync(const struct data_dir *dir);

bool data_dir_has(const struct data_dir *dir, const char *name);
void data_dir_remove(const struct data_dir *dir, const char *name);

/* Sets the reserve aside if there is room for twice as much and it is not held already. */
void data_dir_reserve(struct data_dir *dir);
/* Gives the reserve back to the file system. */
void data_dir_release(struct data_dir *dir);

/* Tries a small write: was it refused for want of room? */
bool data_dir_is_full(const struct data_dir *dir);

/* Bytes that this process may still write on the file system; 0 when it can't be told. */
uint64_t data_dir_free(const struct data_dir *dir);

#endif
