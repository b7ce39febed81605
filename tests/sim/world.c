/* The clock, the agenda and chance. Must never know who lives in the world. */
#include "tests/sim/world.h"

#include "base/check.h"

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct stream stream_of(uint64_t seed, uint64_t salt)
{
    return (struct stream){mix(seed * UINT64_C(0x9e3779b97f4a7c15) + mix(salt))};
}

uint64_t draw(struct stream *stream, uint64_t below)
{
    stream->state += UINT64_C(0x9e3779b97f4a7c15);
    return below ? mix(stream->state) % below : 0;
}

bool chance(struct stream *stream, uint64_t percent)
{
    return draw(stream, 100) < percent;
}

uint64_t draw_wait(struct stream *stream, uint64_t mean)
{
    uint64_t wait = draw(stream, mean + mean / 4);
    while (chance(stream, 15))
        wait += draw(stream, 2 * mean);
    return wait + 1;
}

bool has_feature(const struct world *world, enum feature feature)
{
    return world->features[feature];
}

bool has_fault(const struct world *world, enum fault_kind fault)
{
    return world->faults[fault] && !world->healing;
}

uint64_t wall_ms(const struct world *world)
{
    return (uint64_t)((int64_t)world->now + world->wall_offset);
}

/* --- the agenda ------------------------------------------------------------------------------- */

/* In one number: when, and whose turn within the millisecond. */
enum { ORDER_BITS = 24 };

void world_at(struct world *world, struct occurrence *occurrence, uint64_t when)
{
    uint64_t order = world->order++ & ((UINT64_C(1) << ORDER_BITS) - 1);
    uint64_t key = (when > world->now ? when : world->now) << ORDER_BITS | order;
    if (heap_has(&occurrence->node)) {
        heap_update(&world->agenda, &occurrence->node, key);
        return;
    }
    occurrence->node.key = key;
    CHECK(heap_push(&world->agenda, &occurrence->node) == 0);
}

void world_never(struct world *world, struct occurrence *occurrence)
{
    heap_remove(&world->agenda, &occurrence->node);
}

bool world_step(struct world *world, uint64_t until)
{
    struct heap_node *node = heap_peek(&world->agenda);
    if (!node || node->key >> ORDER_BITS >= until) {
        world->now = until;
        return false;
    }
    struct occurrence *next = HEAP_ENTRY(node, struct occurrence, node);
    world->now = node->key >> ORDER_BITS;
    heap_pop(&world->agenda);
    next->happen(next->arg);
    return true;
}
