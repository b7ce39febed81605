/* The oracle's model, and the calls between its files. Must never be included elsewhere.
 *
 * oracle.c has deeds, jobs and the comparison with the store; oracle_batch.c reads what came in;
 * oracle_moves.c says what may happen to a job and why; oracle_told.c what may be said of it;
 * oracle_turn.c whose turn it is. */
#ifndef REEVE_TESTS_SIM_ORACLE_PARTS_H
#define REEVE_TESTS_SIM_ORACLE_PARTS_H

#include <string.h>
#include <uthash.h>

#include "broker/store/record.h"
#include "tests/sim/oracle.h"

/* How a dispatch ended. */
enum run_end { RUN_LIVE, RUN_ACCEPTED, RUN_OVER };

struct run {
    uint64_t fence;
    struct uuid session;
    enum run_end end;
    uint64_t started_at, listed_at; /* true time; 0: never listed */
    bool restarted, left, unsent;   /* its worker has started anew; left; was never told */
};

/* What an event of a job was, by rev. */
struct step {
    char type[12];
    enum job_state status;
};

struct model_job {
    struct uuid id;
    const struct wish *wish;
    enum job_state status;
    bool ending, deleted;
    uint64_t rev, attempt, failures, lost, again, report_n;
    uint64_t due_at, ended_at, deleted_at; /* wall */
    uint64_t ready_turn, ready_at;         /* when it became pending: among all jobs; wall */
    uint64_t ready_batch;
    bool was_dispatched, was_delayed;
    struct run *runs;
    size_t run_count, run_cap;
    uint64_t *log_hashes; /* of the lines that were kept */
    size_t log_count, log_cap;
    struct step *steps; /* by rev - 1 */
    size_t step_cap;
    uint64_t state_hash, spec_hash, result_hash, checkpoint_hash;
    UT_hash_handle hh;
};

struct model_session {
    struct uuid id;
    uint64_t epoch;
    uint32_t peer; /* 0: not bound */
    uint64_t slots, hello_at;
    char name[16];
    UT_hash_handle hh;
};

struct model_key {
    char name[64]; /* owner/key */
    const struct deed *deed;
    uint64_t at; /* wall */
    UT_hash_handle hh;
};

struct lane_turn;

struct oracle {
    struct deed *deeds;
    size_t deed_count;
    struct wish **wishes; /* by serial - 1 */
    size_t wish_count, wish_cap;
    struct model_job *jobs;
    struct model_session *sessions;
    struct model_key *keys;
    struct lane_turn *turns;
    uint64_t fence_max, fence_floor; /* the greatest; before this batch */
    uint64_t fences;                 /* given in all */
    uint64_t turn, batches;
    uint64_t wall_max;              /* the latest that the broker's clock of day has shown */
    uint64_t check_every, check_at; /* in batches */
    struct buf scratch, expected;
};

/* Never 0. */
static inline uint64_t hash_of(struct slice bytes)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) + bytes.len, word;
    size_t i = 0;
    for (; i + 8 <= bytes.len; i += 8) {
        memcpy(&word, bytes.at + i, 8);
        hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
        hash ^= hash >> 29;
    }
    for (; i < bytes.len; i++)
        hash = (hash ^ bytes.at[i]) * UINT64_C(0x100000001b3);
    return hash | 1;
}

/* --- oracle.c --- */
struct model_job *model_find(const struct world *world, const struct uuid *id);
struct run *run_last(const struct model_job *job);
struct run *run_find(const struct model_job *job, uint64_t fence);
const struct wish *wish_of(const struct world *world, struct slice params);

/* --- oracle_batch.c --- */
/* Takes in who spoke: hellos, heartbeats, goodbyes. */
void batch_hear(struct world *world, const struct batch_seen *seen);
struct model_session *session_at(const struct world *world, uint32_t peer);
bool batch_done(const struct batch_seen *seen, const struct uuid *job, uint64_t fence,
                struct wire_done_item *item_out);
/* The first report of this dispatch that is newer than its last one; of a cancelled job only steps
 * of its stopping count. */
bool batch_report(const struct batch_seen *seen, const struct model_job *job,
                  struct wire_report_item *item_out);
bool batch_asks(const struct batch_seen *seen, enum message_id id, const struct uuid *job);
bool batch_submits(const struct batch_seen *seen, const struct wish *wish);
bool batch_dispatch(const struct batch_seen *seen, const struct uuid *job, uint32_t *peer_out,
                    struct wire_dispatch_item *item_out);

/* --- oracle_moves.c --- */
void job_is_born(struct world *world, const struct batch_seen *seen, const struct uuid *id,
                 struct store_snapshot *snapshot);
void job_has_moved(struct world *world, const struct batch_seen *seen, struct model_job *job,
                   struct store_snapshot *snapshot, const struct rec_state *state);
void job_is_gone(struct world *world, const struct batch_seen *seen, struct model_job *job,
                 struct store_snapshot *snapshot);

/* --- oracle_turn.c --- */
/* A dispatch: priority, order and fairness. Called when the whole batch has been taken in. */
void turn_taken(struct world *world, const struct batch_seen *seen);
void turns_forget(struct oracle *oracle);

#endif
