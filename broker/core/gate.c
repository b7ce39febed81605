/* The order of the gates, and the only place where it stands. Reads only. */
#include "broker/core/gate.h"

static bool close_at(struct gate_verdict *verdict, enum gate gate, uint64_t max, uint64_t in_use)
{
    static const char *const reasons[] = {"", "paused", "rate_limit", "queue_limit", "group_limit"};
    *verdict =
        (struct gate_verdict){.gate = gate, .reason = reasons[gate], .max = max, .in_use = in_use};
    return false;
}

/* Of several rates that are used up, the one that opens last: all must be open. */
static bool rates_are_open(const struct core *core, const struct meter *meter,
                           struct gate_verdict *verdict)
{
    uint64_t now = core->now.mono_ms, last = 0;
    for (size_t i = 0; i < meter->window_count; i++) {
        const struct window *window = meter->windows[i];
        uint64_t opens = window_opens(window, now);
        if (opens <= last)
            continue;
        close_at(verdict, GATE_RATE_LIMIT, window->max, window_used(window, now));
        verdict->window_ms = window->window_ms;
        verdict->opens_mono = last = opens;
        verdict->opens_at = core->now.wall_ms + (opens - now);
    }
    return last == 0;
}

static bool has_slot(const struct meter *meter, struct gate_verdict *verdict)
{
    if (meter->concurrency_max == 0 || meter->running < meter->concurrency_max)
        return true;
    return close_at(verdict, GATE_QUEUE_LIMIT, meter->concurrency_max, meter->running);
}

static bool of_budget(const struct budget *budget, struct gate_verdict *verdict)
{
    verdict->budget = (struct text){budget->name, budget->name_len};
    return false;
}

bool gate_queue_at(const struct core *core, const struct queue *queue, struct gate_verdict *verdict)
{
    *verdict = (struct gate_verdict){.reason = ""};
    if (!queue)
        return true;
    const struct budget *budget = queue->budget;
    if (queue->settings.paused)
        return close_at(verdict, GATE_PAUSED, 0, queue->meter.running);
    if (!rates_are_open(core, &queue->meter, verdict))
        return false;
    if (budget && !rates_are_open(core, &budget->meter, verdict))
        return of_budget(budget, verdict);
    if (!has_slot(&queue->meter, verdict))
        return false;
    return !budget || has_slot(&budget->meter, verdict) || of_budget(budget, verdict);
}

bool gate_group_at(const struct queue *queue, struct text group, struct gate_verdict *verdict)
{
    *verdict = (struct gate_verdict){.reason = ""};
    uint64_t max = queue ? queue_group_max(queue, group) : 0;
    uint64_t running = max ? queue_group_running(queue, group) : 0;
    if (max == 0 || running < max)
        return true;
    return close_at(verdict, GATE_GROUP_LIMIT, max, running);
}

bool gate_queue(const struct core *core, struct text queue, struct gate_verdict *verdict_out)
{
    return gate_queue_at(core, queue_find(core, queue), verdict_out);
}

bool gate_group(const struct core *core, struct text queue, struct text group,
                struct gate_verdict *verdict_out)
{
    return gate_group_at(queue_find(core, queue), group, verdict_out);
}
