/* A page of a list under way: what list.c and sorted.c share. Internal to the message list_jobs. */
#ifndef REEVE_BROKER_CORE_LIST_H
#define REEVE_BROKER_CORE_LIST_H

#include "broker/core/walk.h"

/* What is asked for: by creation straight from the indexes; otherwise by sorting all that fit. */
enum list_sort { SORT_CREATED, SORT_UPDATED, SORT_NAME };

struct listing {
    const struct msg_list_jobs *ask;
    struct filter filter;
    enum list_sort sort;
    bool ascending;
    uint64_t limit;

    uint32_t found;       /* jobs on the page, in core->answer */
    struct buf cursor;    /* of the next page; empty: this is the last one */
    struct opt_u64 total; /* as far as making the page has told it */
    bool total_capped;
};

/* Appends the job to the page. 0, -errno. */
int list_add(struct core *core, struct listing *listing, const struct job *job);
bool list_is_full(const struct core *core, const struct listing *listing);

/* Bytes as digits of a cursor, and back: 0, or 1 where they are none. */
int cursor_write(struct buf *out, struct slice bytes);
int cursor_read(struct text digits, struct buf *out);

/* The page by update time or name, and the total. Reads every job that fits, at most LIST_SORT_MAX.
 * 0; REFUSED: too many, or a bad cursor; -errno. */
int list_sorted(struct core *core, struct listing *listing);

#endif
