/* Leases: which dispatch is in whose hands, and until when.
 *
 * A lease is granted with a fence that was never used before, renewed only by being listed in a
 * heartbeat or hello of its holder, and ends by a result, by loss or by the job's timeout. */
#ifndef REEVE_BROKER_CORE_LEASE_H
#define REEVE_BROKER_CORE_LEASE_H

#include "broker/core/memory.h"

/* The next fence: greater than every one before, also across restarts. */
uint64_t fence_next(struct core *core);

/* Gives the job (already moved to running, with job->s.fence set) to a worker, on its spec's terms.
 * 0, -errno. */
int lease_grant(struct core *core, struct session *session, const struct job *job,
                const struct wire_spec *spec);

/* Its handler reported something: it is not stuck. */
void lease_heard(const struct core *core, struct lease *lease);

/* The lease of a fence if it is this job's, else NULL. */
struct lease *lease_find(const struct core *core, uint64_t fence, const struct uuid *job);

/* Is it in this session's hands? A session is the id it gave itself and the key it proved. */
bool lease_is_held_by(const struct lease *lease, const struct session *session);

/* Listed by its holder: it lives on. Adopts it after a restart. false: it is not this session's. */
bool lease_renew(struct core *core, struct lease *lease, struct session *session);

/* Ends a lease: its row, its slot. The job's state is the caller's. 0, -errno. */
int lease_drop(struct core *core, struct lease *lease);

/* The holder's connection is gone for good: the lease waits for its deadline alone. */
void lease_orphan(struct lease *lease);

/* Given back unharmed: pending again, this attempt does not count. */
int lease_undo(struct core *core, struct lease *lease, const char *reason);

/* The session's dispatches from this number on were never sent: those are undone. 0, -errno. */
int leases_unsent(struct core *core, struct session *session, uint64_t first);

/* Loses what is past its deadline, fails what is past its job's timeout. 0, -errno. */
int leases_expire(struct core *core);

/* mono; UINT64_MAX: none. */
uint64_t leases_next(const struct core *core);

/* Reads the lease table: everything found waits lost_after for its worker. 0, -errno. */
int leases_load(struct core *core);
void leases_fini(struct core *core);

#endif
