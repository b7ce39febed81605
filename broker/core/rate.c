/* Rates from a ring of small counts. Knows no jobs. */
#include "broker/core/rate.h"

#include <string.h>

void rate_count(struct core *core, enum rate_kind kind, uint32_t count)
{
    uint64_t slice = core->now.mono_ms / RATE_BUCKET_MS;
    size_t i = (size_t)(slice % RATE_BUCKETS);
    if (core->rates.bucket[i] != slice) {
        core->rates.bucket[i] = slice;
        memset(core->rates.count[i], 0, sizeof core->rates.count[i]);
    }
    core->rates.count[i][kind] += count;
}

double rate_of(const struct core *core, enum rate_kind kind, uint64_t window_ms)
{
    uint64_t slice = core->now.mono_ms / RATE_BUCKET_MS;
    uint64_t slices = window_ms / RATE_BUCKET_MS;
    uint64_t sum = 0;
    for (size_t i = 0; i < RATE_BUCKETS; i++)
        if (core->rates.bucket[i] <= slice && core->rates.bucket[i] + slices > slice)
            sum += core->rates.count[i][kind];
    return (double)sum * 1000.0 / (double)window_ms;
}
