/* The oracle: what has been promised, written from the promises and from what a job is, never from
 * the core's code. It sees three things and holds them against each other: what was asked (wishes,
 * and what arrived in a batch), what is durable after each commit, and what leaves the broker.
 *
 *   committed    every change of a job has a cause that allows it, in this batch, at this time
 *   told         nothing leaves that is not durable, or is not so
 *   restarted    what was durable is there, byte for byte
 *
 * Whatever is not so ends the world by `violated`. */
#ifndef REEVE_TESTS_SIM_ORACLE_H
#define REEVE_TESTS_SIM_ORACLE_H

#include "base/buf.h"
#include "proto/codec.h"
#include "tests/sim/broker.h"
#include "tests/sim/world.h"

enum { DEED_WISHES_MAX = 8 };

struct deed;

/* One job that somebody asked for. */
struct wish {
    uint64_t serial; /* stands in its params, so that the job can be told from all others */
    struct deed *deed;
    struct wire_spec spec; /* as asked; points into deed->jobs */
    uint32_t born;         /* how often it was made a job */
};

/* One submit: it may be asked again and again, and may be asked by nobody any more. */
struct deed {
    struct deed *next;
    struct wish wishes[DEED_WISHES_MAX];
    size_t count;
    struct buf jobs; /* the list of specs */
    struct text owner;
    char key[24]; /* empty: none */
    bool partial;
    uint32_t asked; /* how often */
    bool never;     /* its only asking surely reached nobody */
};

struct oracle *oracle_new(struct world *world);
void oracle_destroy(struct oracle **oracle);

/* A new deed with nothing in it; the oracle's own. Then its jobs, one by one: the spec's params are
 * filled in. */
struct deed *oracle_deed(struct world *world);
void oracle_wish(struct world *world, struct deed *deed, struct wire_spec *spec, size_t filler);
void oracle_wished(struct world *world, struct deed *deed);               /* the list is whole */
struct deed *oracle_any_deed(struct world *world, struct stream *stream); /* or NULL */
/* Its asker was refused. */
void oracle_refused(struct world *world, const struct deed *deed, const struct msg_error *error);
/* Its asker got this list of answers. */
void oracle_answered(struct world *world, const struct deed *deed, struct slice answers);

/* A batch is durable. Called before its effects are sent. */
void oracle_committed(struct world *world, const struct batch_seen *seen);
/* A batch was undone; its sessions were not. */
void oracle_undone(struct world *world, const struct batch_seen *seen);
/* This leaves the broker now. */
void oracle_told(struct world *world, const struct effect *effect, struct slice frame);
/* This could not be sent: nobody is there. */
void oracle_unsent(struct world *world, struct slice frame);
/* The store was opened again; no core is up. */
void oracle_restarted(struct world *world);
/* All that is durable, against each other and against what it should be. */
void oracle_full_check(struct world *world);

/* --- questions -------------------------------------------------------------------------------- */

/* A random job's id, deleted ones too; one that never was where there is none. */
void oracle_any_job(struct world *world, struct stream *stream, struct uuid *id_out);
uint64_t oracle_fence_max(const struct world *world);
/* Whether this dispatch is one that may change its job. */
bool oracle_is_alive(const struct world *world, const struct uuid *job, uint64_t fence);
/* How many jobs are not at their end. `due_out`: the latest wall time one of them waits for. */
size_t oracle_open_jobs(const struct world *world, uint64_t *due_out);
/* The place-th job that ever was; false: there are no more. */
bool oracle_job_at(const struct world *world, size_t place, struct uuid *id_out);
/* Says in the trace which jobs are open. */
void oracle_tell_open(struct world *world);

#endif
