/* From the handlers' threads to the connection's thread: a bounded queue with a descriptor to poll.
 *
 * Handlers wait where more is queued than the bound; the connection's thread never waits here.
 * Must never lose an item, or change their order. */
#ifndef REEVE_WORKER_INBOX_H
#define REEVE_WORKER_INBOX_H

#include <stdbool.h>

#include "base/slice.h"

struct reeve_job;

/* Bytes of reports that may wait. */
enum { INBOX_SIZE_MAX = 4 * 1024 * 1024 };

enum inbox_kind {
    INBOX_PROGRESS,
    INBOX_STAGE,
    INBOX_LOG,
    INBOX_CHECKPOINT,
    INBOX_STEP,
    INBOX_FINISHED
};

/* What a handler has to say, or that it has ended (the last item of its job). */
struct inbox_item {
    struct inbox_item *next;
    struct reeve_job *job;
    enum inbox_kind kind;
    uint64_t at;        /* wall */
    struct slice value; /* an encoded value of that kind, in the item's own memory */
};

struct inbox;

int inbox_new(struct inbox **inbox_out); /* 0, -ENOMEM, -EMFILE */
/* Frees what is still queued but items of kind INBOX_FINISHED. NULL is fine. */
void inbox_destroy(struct inbox **inbox);

/* Readable when there is something to take, or a word was said. */
int inbox_fd(const struct inbox *inbox);

/* Copies `value` into a new item; waits while there is no room. From any thread. 0, -ENOMEM;
 * -ECANCELED after inbox_close. */
int inbox_report(struct inbox *inbox, struct reeve_job *job, enum inbox_kind kind, uint64_t at,
                 struct slice value);

/* Queues the job's own item; never waits, never fails. The item stays its job's. */
void inbox_finished(struct inbox *inbox, struct inbox_item *item);

/* Takes all that is queued, oldest first (NULL: nothing), and resets the descriptor. Reports are
 * the caller's to free. Only from the connection's thread. */
struct inbox_item *inbox_take(struct inbox *inbox);

/* Nobody takes any more: those who wait return. */
void inbox_close(struct inbox *inbox);

/* Words to the connection's thread that outlive nothing and may be said in a signal handler. */
enum inbox_word { INBOX_DRAIN = 1, INBOX_STOP = 2 };
void inbox_say(struct inbox *inbox, enum inbox_word word);
unsigned inbox_words(struct inbox *inbox); /* a mask of those not heard yet */

#endif
