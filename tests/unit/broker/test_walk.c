/* Walks against a plain loop over all jobs: random jobs, filters, directions, pauses, and changes
 * under way. REEVE_SEED repeats a run. */
#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "broker/core/counter.h"
#include "broker/core/job.h"
#include "broker/core/walk.h"
#include "broker/store/store_mem.h"
#include "proto/pack.h"

enum { JOBS_MAX = 4000, START = 1000000 };

struct model {
    struct uuid id;
    enum job_state status; /* JOB_NONE: gone */
    uint64_t created_at, completed_at;
    unsigned owner, type, queue, group, name, n;
    bool given, steady; /* of one walk: was given; fitted all the time */
};

struct world {
    struct store *store;
    struct core *core;
    struct effects effects;
    struct model jobs[JOBS_MAX];
    size_t count;
    uint64_t random;
};

static const char *const owners[] = {"ann", "bob", "bobby", "cy"};
static const char *const types[] = {"a", "b", "c"};
static const char *const queues[] = {"default", "mail", "reeve"};
static const char *const groups[] = {"g", "h"};
static const char *const names[] = {"alpha one", "alpha two", "beta", ""};

static unsigned draw(struct world *world, unsigned below)
{
    uint64_t z = world->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (unsigned)((z ^ (z >> 31)) % below);
}

/* The first of some words mostly, so that there are long and short lists. */
static unsigned mostly_first(struct world *world, unsigned count)
{
    return draw(world, 3) ? 0 : draw(world, count);
}

/* --- jobs --------------------------------------------------------------------------------------
 */

static void put_spec(struct world *world, const struct model *m)
{
    struct buf value = {0}, metadata = {0};
    struct wire_spec spec = {.id = m->id, .name = text_of(names[m->name])};
    assert_good(pack_map(&metadata, 1));
    assert_good(pack_text(&metadata, TEXT("n")));
    assert_good(pack_u64(&metadata, m->n));
    spec.metadata = buf_slice(&metadata);
    assert_good(shape_encode(&value, &shape_spec, &spec, KEYS_NUMBERS));
    assert_good(store_put(world->store, TABLE_SPEC, key_job(&m->id), buf_slice(&value)));
    buf_fini(&value);
    buf_fini(&metadata);
}

static void move(struct world *world, struct model *m, enum job_state to)
{
    struct job *job = &world->core->job;
    if (to == JOB_SCHEDULED)
        job->s.due_at = world->core->now.wall_ms + 1 + draw(world, 1000);
    assert_good(job_move(world->core, job, to));
    assert_good(job_save(world->core, job));
    m->status = to;
    m->completed_at = job->s.completed_at;
}

static void make_job(struct world *world)
{
    struct model *m = &world->jobs[world->count++];
    struct core *core = world->core;
    *m = (struct model){.created_at = START + draw(world, 400),
                        .owner = mostly_first(world, 4),
                        .type = mostly_first(world, 3),
                        .queue = mostly_first(world, 3),
                        .group = draw(world, 2),
                        .name = draw(world, 4),
                        .n = draw(world, 5)};
    put_be32(m->id.at, draw(world, 1000000));
    put_be32(m->id.at + 4, (uint32_t)world->count);
    put_spec(world, m);
    core->job.id = m->id;
    core->job.s = (struct rec_state){.created_at = m->created_at,
                                     .owner = text_of(owners[m->owner]),
                                     .type = text_of(types[m->type]),
                                     .queue = text_of(queues[m->queue]),
                                     .group = text_of(groups[m->group])};
    struct rec_state *s = &core->job.s;
    assert_good(counter_admit(core, s->queue, s->type, s->owner));
    move(world, m, draw(world, 3) ? JOB_PENDING : JOB_SCHEDULED);
}

/* Goes on with a job: any legal move, or away. */
static void change_job(struct world *world, struct model *m)
{
    struct job *job = &world->core->job;
    enum job_state to = (enum job_state)(1 + draw(world, JOB_STATE_COUNT - 1));
    if (m->status == JOB_NONE)
        return;
    assert_good(job_load(world->core, &m->id, job));
    if (job_state_is_terminal(m->status) && draw(world, 4) == 0) {
        assert_good(job_purge(world->core, job));
        m->status = JOB_NONE;
    } else if (job_state_may(m->status, to)) {
        move(world, m, to);
    }
}

static struct world *world_new(uint64_t seed, size_t jobs)
{
    struct world *world = calloc(1, sizeof *world);
    struct core_config config;
    assert_non_null(world);
    world->random = seed;
    world->store = store_mem_new();
    core_config_init(&config);
    assert_good(
        core_new(&config, world->store, (struct core_now){1, START + 1000, 1}, &world->core));
    world->core->effects = &world->effects;
    assert_good(store_begin(world->store));
    for (size_t i = 0; i < jobs; i++)
        make_job(world);
    for (size_t i = 0; i < 4 * jobs; i++)
        change_job(world, &world->jobs[draw(world, (unsigned)world->count)]);
    return world;
}

static void world_destroy(struct world *world)
{
    store_abort(world->store);
    core_destroy(&world->core);
    store_close(&world->store);
    free(world);
}

/* --- filters -----------------------------------------------------------------------------------
 */

static struct filter some_filter(struct world *world)
{
    struct filter filter = {.statuses = 0};
    unsigned states = draw(world, 4);
    for (unsigned i = 0; i < states; i++)
        filter.statuses |= 1u << (1 + draw(world, JOB_STATE_COUNT - 1));
    if (states == 0)
        filter.statuses = ~1u;
    if (draw(world, 2))
        filter.owner = text_of(owners[draw(world, 4)]);
    if (draw(world, 3) == 0)
        filter.type = text_of(types[draw(world, 3)]);
    if (draw(world, 3) == 0)
        filter.queue = text_of(queues[draw(world, 3)]);
    if (draw(world, 6) == 0)
        filter.group = text_of(groups[draw(world, 2)]);
    if (draw(world, 8) == 0)
        filter.name = TEXT("alpha");
    if (draw(world, 5) == 0)
        filter.created_after = START + draw(world, 400);
    if (draw(world, 5) == 0)
        filter.created_before = START + draw(world, 400);
    filter.system = draw(world, 3) == 0 || text_is(filter.queue, "reeve");
    return filter;
}

static bool same(struct text wanted, const char *word)
{
    return wanted.len == 0 || text_is(wanted, word);
}

/* Written apart from filter.c, from what PROTOCOL.md says. */
static bool model_fits(const struct filter *f, const struct model *m)
{
    if (m->status == JOB_NONE || !(f->statuses >> m->status & 1))
        return false;
    if (!f->system && m->queue == 2)
        return false;
    if (m->created_at < f->created_after ||
        (f->created_before && m->created_at >= f->created_before))
        return false;
    return same(f->owner, owners[m->owner]) && same(f->type, types[m->type]) &&
           same(f->queue, queues[m->queue]) && same(f->group, groups[m->group]) &&
           (f->name.len == 0 || m->name < 2);
}

static int by_creation(const void *a_at, const void *b_at)
{
    const struct model *a = *(const struct model *const *)a_at;
    const struct model *b = *(const struct model *const *)b_at;
    if (a->created_at != b->created_at)
        return a->created_at < b->created_at ? -1 : 1;
    return uuid_cmp(&a->id, &b->id);
}

/* --- a store that stands still ------------------------------------------------------------------
 */

static size_t wanted_of(struct world *world, const struct filter *filter, bool oldest_first,
                        const struct model **wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < world->count; i++)
        if (model_fits(filter, &world->jobs[i]))
            wanted[count++] = &world->jobs[i];
    qsort(wanted, count, sizeof *wanted, by_creation);
    for (size_t i = 0; !oldest_first && i < count / 2; i++) {
        const struct model *swap = wanted[i];
        wanted[i] = wanted[count - 1 - i];
        wanted[count - 1 - i] = swap;
    }
    return count;
}

/* A new walk from where the last one stood, by way of the cursor's text. */
static void go_on(struct world *world, const struct filter *filter, struct walk_from *from,
                  struct walk **walk)
{
    char cursor[WALK_CURSOR_LEN];
    struct walk_place place = walk_place(*walk);
    walk_end(walk);
    if (place.set) {
        walk_place_format(&place, cursor);
        assert_good(walk_place_parse((struct text){cursor, sizeof cursor}, &from->place));
    }
    assert_good(walk_start(world->core, filter, from, walk));
}

static void compare(struct world *world, const struct filter *filter)
{
    static const uint32_t bounds[] = {1, 7, 100, 0};
    static const struct model *wanted[JOBS_MAX];
    struct walk_from from = {.oldest_first = draw(world, 2), .rows_max = bounds[draw(world, 4)]};
    size_t count = wanted_of(world, filter, from.oldest_first, wanted), found = 0;
    bool restless = draw(world, 2);
    struct walk *walk;
    int rc;
    assert_good(walk_start(world->core, filter, &from, &walk));
    while ((rc = walk_next(walk, &world->core->job)) != WALK_END) {
        assert_true(rc == WALK_JOB || rc == WALK_PAUSED);
        if (rc == WALK_JOB) {
            assert_true(found < count);
            assert_true(uuid_eq(&world->core->job.id, &wanted[found++]->id));
        }
        if (rc == WALK_PAUSED && !restless)
            walk_allow(walk, 3);
        else if (rc == WALK_PAUSED || (restless && draw(world, 10) == 0))
            go_on(world, filter, &from, &walk);
    }
    assert_int_equal(found, count);
    assert_int_equal(walk_has_more(walk), 0);
    walk_end(&walk);
}

static uint64_t seed(void)
{
    const char *text = getenv("REEVE_SEED");
    uint64_t value = text ? strtoull(text, NULL, 10) : 20260101;
    print_message("REEVE_SEED=%llu\n", (unsigned long long)value);
    return value;
}

TEST(walks_find_what_a_plain_loop_finds)
{
    static const size_t sizes[] = {0, 1, 40, 3000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct world *world = world_new(seed() + i, sizes[i]);
        for (int n = 0; n < 150; n++) {
            struct filter filter = some_filter(world);
            compare(world, &filter);
        }
        world_destroy(world);
    }
}

/* --- while jobs come and go ---------------------------------------------------------------------
 */

static struct model *model_of(struct world *world, const struct uuid *id)
{
    for (size_t i = 0; i < world->count; i++)
        if (uuid_eq(&world->jobs[i].id, id))
            return &world->jobs[i];
    return NULL;
}

static void disturb(struct world *world, const struct filter *filter)
{
    for (unsigned n = draw(world, 4); n > 0; n--) {
        struct model *m = &world->jobs[draw(world, (unsigned)world->count)];
        change_job(world, m);
        m->steady &= model_fits(filter, m);
    }
    if (world->count < JOBS_MAX && draw(world, 4) == 0)
        make_job(world);
}

static void walk_disturbed(struct world *world, const struct filter *filter)
{
    struct walk_from from = {.oldest_first = draw(world, 2),
                             .rows_max = draw(world, 3) ? 0 : 1 + draw(world, 50)};
    struct walk *walk;
    int rc;
    for (size_t i = 0; i < world->count; i++) {
        world->jobs[i].given = false;
        world->jobs[i].steady = model_fits(filter, &world->jobs[i]);
    }
    assert_good(walk_start(world->core, filter, &from, &walk));
    while ((rc = walk_next(walk, &world->core->job)) != WALK_END) {
        if (rc == WALK_JOB) {
            struct model *m = model_of(world, &world->core->job.id);
            assert_true(m && !m->given && model_fits(filter, m));
            m->given = true;
        } else {
            go_on(world, filter, &from, &walk);
        }
        disturb(world, filter);
    }
    walk_end(&walk);
    for (size_t i = 0; i < world->count; i++)
        assert_true(!world->jobs[i].steady || world->jobs[i].given);
}

TEST(walks_give_each_job_once_while_jobs_come_and_go)
{
    for (uint64_t i = 0; i < 8; i++) {
        struct world *world = world_new(seed() + 100 + i, 300 + 100 * i);
        for (int n = 0; n < 20; n++) {
            struct filter filter = some_filter(world);
            walk_disturbed(world, &filter);
        }
        world_destroy(world);
    }
}

/* --- bounds -------------------------------------------------------------------------------------
 */

TEST(an_empty_list_reads_nothing)
{
    struct world *world = world_new(seed(), 500);
    struct filter filter = {.statuses = ~1u, .owner = TEXT("nobody"), .type = TEXT("a")};
    struct walk_from from = {.rows_max = 1};
    struct walk *walk;
    assert_good(walk_start(world->core, &filter, &from, &walk));
    assert_int_equal(walk_next(walk, &world->core->job), WALK_END);
    walk_end(&walk);
    filter = (struct filter){.statuses = ~1u, .nothing = true};
    assert_good(walk_start(world->core, &filter, &from, &walk));
    assert_int_equal(walk_next(walk, &world->core->job), WALK_END);
    walk_end(&walk);
    world_destroy(world);
}

TEST(texts_that_are_no_place_are_refused)
{
    struct walk_place place;
    assert_good(walk_place_parse(TEXT(""), &place));
    assert_false(place.set);
    assert_int_equal(walk_place_parse(TEXT("00"), &place), 1);
    assert_int_equal(
        walk_place_parse(TEXT("00000000000000000000000000000000000000000000000g"), &place), 1);
    assert_false(place.set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_find_what_a_plain_loop_finds),
        cmocka_unit_test(walks_give_each_job_once_while_jobs_come_and_go),
        cmocka_unit_test(an_empty_list_reads_nothing),
        cmocka_unit_test(texts_that_are_no_place_are_refused),
    };
    return TESTS_RUN(tests);
}
