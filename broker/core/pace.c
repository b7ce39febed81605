/* The figures behind estimates. Reads and changes only `pace` of the counters. */
#include "broker/core/pace.h"

#include "broker/core/counter.h"

/* A rate is told of the last whole slices, so that a slice just begun does not bend it. */
enum { RUNS_WEIGHED = 16, STARTS_MIN = 2 };

static struct pace *pace_at(const struct core *core, char dimension, struct text name)
{
    struct counter *counter = counter_at(core, dimension, name);
    return counter ? &counter->pace : NULL;
}

/* Empties the slices that lie between the last start and now. */
static void slide(struct pace *pace, uint64_t slice)
{
    if (slice <= pace->slice)
        return;
    uint64_t steps = slice - pace->slice;
    for (uint64_t i = 1; i <= steps && i <= PACE_SLICES; i++)
        pace->started[(pace->slice + i) % PACE_SLICES] = 0;
    if (pace->first == 0 || steps > PACE_SLICES)
        pace->first = slice;
    pace->slice = slice;
}

void pace_started(struct core *core, const struct rec_state *state)
{
    struct pace *pace = pace_at(core, 'q', state->queue);
    if (!pace)
        return;
    slide(pace, core->now.mono_ms / PACE_SLICE_MS + 1);
    pace->started[pace->slice % PACE_SLICES]++;
}

void pace_completed(struct core *core, const struct rec_state *state)
{
    struct pace *pace = pace_at(core, 't', state->type);
    if (!pace || core->now.wall_ms < state->started_at)
        return;
    double took = (double)(core->now.wall_ms - state->started_at);
    if (pace->runs < RUNS_WEIGHED)
        pace->runs++;
    pace->run_ms += (took - pace->run_ms) / pace->runs;
}

double pace_of_queue(const struct core *core, struct text queue)
{
    const struct pace *pace = pace_at(core, 'q', queue);
    uint64_t now = core->now.mono_ms / PACE_SLICE_MS + 1;
    if (!pace || pace->first == 0 || now - pace->slice >= PACE_SLICES)
        return 0;
    uint64_t oldest = now >= pace->first + PACE_SLICES ? now - (PACE_SLICES - 1) : pace->first;
    uint64_t starts = 0;
    for (uint64_t slice = oldest; slice <= pace->slice; slice++)
        starts += pace->started[slice % PACE_SLICES];
    double ms =
        (double)(core->now.mono_ms % PACE_SLICE_MS) + (double)(now - oldest) * PACE_SLICE_MS;
    return starts < STARTS_MIN || ms < 1 ? 0 : (double)starts * 1000.0 / ms;
}

static double fraction_of(struct slice encoded)
{
    struct wire_progress progress;
    struct fault fault;
    if (encoded.len == 0 ||
        shape_decode(encoded, &shape_progress, KEYS_NAMES, &progress, &fault) != 0)
        return 0;
    return progress.fraction.set && progress.fraction.value <= 1 ? progress.fraction.value : 0;
}

/* What is promised for a time that has passed is not known any more. */
uint64_t pace_completion(const struct core *core, const struct rec_state *state)
{
    const struct pace *pace = pace_at(core, 't', state->type);
    double fraction = fraction_of(state->progress), takes = 0;
    if (fraction > 0 && state->updated_at > state->started_at)
        takes = (double)(state->updated_at - state->started_at) / fraction;
    else if (pace && pace->runs > 0)
        takes = pace->run_ms;
    if (takes <= 0 || takes > (double)TIMEOUT_MAX_MS)
        return 0;
    uint64_t at = state->started_at + (uint64_t)takes;
    return at >= core->now.wall_ms ? at : 0;
}
