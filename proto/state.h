/* Job states and their legal moves, made from states.def. Pure; nothing here allocates. */
#ifndef REEVE_PROTO_STATE_H
#define REEVE_PROTO_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum job_state {
    JOB_NONE = 0, /* no state: an absent filter, a job that does not exist yet */
#define STATE(number, NAME, word, moves) JOB_##NAME = (number),
#include "proto/states.def"
#undef STATE
    JOB_STATE_COUNT
};

/* May a job go from `from` to `to`? A job is born (from JOB_NONE) scheduled, pending or blocked. */
bool job_state_may(enum job_state from, enum job_state to);

/* Completed, failed or cancelled. */
bool job_state_is_terminal(enum job_state state);

/* The word for a state, never NULL ("none" for JOB_NONE). */
const char *job_state_word(enum job_state state);

/* The state for a word; JOB_NONE where no state has that word. */
enum job_state job_state_of(struct text word);

#endif
