/* The jobs that fit a filter, in order of creation, a bounded number of rows at a time.
 *
 *     struct walk *walk;
 *     rc = walk_start(core, &filter, &from, &walk);
 *     while ((rc = walk_next(walk, &job)) == WALK_JOB)
 *         …;                            may change, end or delete this very job
 *     struct walk_place place = walk_place(walk);      go on from here: now, or after a restart
 *     walk_end(&walk);
 *
 * Between two calls the store may change in any way: a job is given at most once by one chain of
 * walks, and every job that fits all the time is given. Jobs made meanwhile may be given where they
 * lie ahead in the order. Reads only.
 *
 * plan.c chooses what is read: by state, owner, type and queue there are indexes, and exact
 * counters tell which is the shortest. What else the filter says is looked up job by job. */
#ifndef REEVE_BROKER_CORE_WALK_H
#define REEVE_BROKER_CORE_WALK_H

#include "broker/core/filter.h"

enum { WALK_END = 0, WALK_JOB = 1, WALK_PAUSED = 2 };

/* Rows that one walk looks at unless it is allowed more: what may be done between other work. */
enum { WALK_ROWS_DEFAULT = 5000 };

/* Where a walk stands: behind the last row it looked at. Plain bytes, to be kept in a record or
 * given to a client; {.set = false} is the beginning. Stays good when that job is gone. */
enum { WALK_PLACE_LEN = 24, WALK_CURSOR_LEN = 2 * WALK_PLACE_LEN };
struct walk_place {
    uint8_t at[WALK_PLACE_LEN];
    bool set;
};

struct walk_from {
    struct walk_place place; /* the rows strictly behind it */
    bool oldest_first;       /* otherwise the newest first */
    uint32_t rows_max;       /* 0: WALK_ROWS_DEFAULT */
};

struct walk;

/* `filter`, and what it points at, must live as long as the walk. 0, -errno (-ENOMEM). */
int walk_start(struct core *core, const struct filter *filter, const struct walk_from *from,
               struct walk **walk_out);

/* Loads the next job that fits into `job` (which may be core->job). WALK_JOB; WALK_END: there are
 * no more; WALK_PAUSED: rows_max rows were looked at, go on with walk_allow or another walk from
 * walk_place; -errno. */
int walk_next(struct walk *walk, struct job *job);

/* Is there another row to look at? It may fit or not. 1, 0, -errno. */
int walk_has_more(struct walk *walk);

/* Lets the walk look at so many rows more. */
void walk_allow(struct walk *walk, uint32_t rows);

struct walk_place walk_place(const struct walk *walk);
void walk_end(struct walk **walk); /* NULL is fine */

/* A place as text, and back: 0, or 1 where the text is no place. An empty text is the beginning. */
void walk_place_format(const struct walk_place *place, char out[WALK_CURSOR_LEN]);
int walk_place_parse(struct text text, struct walk_place *place_out);

#endif
