/* Job states, their words and their legal moves, all made from states.def. */
#include "proto/state.h"

#include <stddef.h>

#define TO_NOTHING 0u
#define TO(NAME) (1u << JOB_##NAME)

static const uint32_t moves_from[JOB_STATE_COUNT] = {
    [JOB_NONE] = TO(SCHEDULED) | TO(PENDING) | TO(BLOCKED),
#define STATE(number, NAME, word, moves) [JOB_##NAME] = (moves),
#include "proto/states.def"
#undef STATE
};

static const char *const words[JOB_STATE_COUNT] = {
    [JOB_NONE] = "none",
#define STATE(number, NAME, word, moves) [JOB_##NAME] = (word),
#include "proto/states.def"
#undef STATE
};

_Static_assert(JOB_STATE_COUNT <= 32, "moves are a 32-bit mask");

bool job_state_may(enum job_state from, enum job_state to)
{
    if ((unsigned)from >= JOB_STATE_COUNT || (unsigned)to >= JOB_STATE_COUNT)
        return false;
    return (moves_from[from] >> to) & 1u;
}

bool job_state_is_terminal(enum job_state state)
{
    return state == JOB_COMPLETED || state == JOB_FAILED || state == JOB_CANCELLED;
}

const char *job_state_word(enum job_state state)
{
    return (unsigned)state < JOB_STATE_COUNT ? words[state] : words[JOB_NONE];
}

enum job_state job_state_of(struct text word)
{
    for (unsigned i = 1; i < JOB_STATE_COUNT; i++)
        if (text_eq(word, text_of(words[i])))
            return (enum job_state)i;
    return JOB_NONE;
}
