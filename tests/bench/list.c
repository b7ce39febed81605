/* list: with --jobs in the store, of several owners, types, queues and states, how long the first
 * page of each kind of list takes while other jobs come, run and end.
 * Must never measure a page that did not find what it should. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "proto/pack.h"
#include "tests/bench/figures.h"
#include "tests/bench/fleet.h"

enum { FILL_BATCH = 200, FILL_WINDOW = 20, ASKS_MAX = 20000, PAGE = 50 };
#define YEARS_MS (UINT64_C(10) * 365 * 24 * 3600 * 1000)

/* --- the jobs -------------------------------------------------------------------------------- */

/* Half of them are big's, the rest of twenty others; a fifth is of the type and queue that the
 * workers take, and so will be completed. */
static struct wire_spec spec_of(uint64_t n, char owner[8], char type[8], char queue[8],
                                struct buf *metadata)
{
    bool is_run = n % 5 == 0;
    uint64_t other = n / 10 % 20;
    snprintf(owner, 8, n % 2 == 0 ? "big" : "o%u", (unsigned)other);
    snprintf(type, 8, is_run ? "bench" : n % 9973 == 1 ? "seldom" : "t%u", (unsigned)(n / 5 % 5));
    snprintf(queue, 8, is_run ? "default" : "q%u", (unsigned)(n % 5));
    buf_clear(metadata);
    check(pack_map(metadata, 1), "metadata");
    check(pack_text(metadata, TEXT("k")), "metadata");
    check(pack_u64(metadata, n % 1000), "metadata");
    struct wire_spec spec = {.owner = text_of(n < 10 ? "rare" : owner),
                             .type = text_of(type),
                             .queue = text_of(queue),
                             .metadata = buf_slice(metadata)};
    bool few = n % 2 == 1 && other == 3 && n > 1000; /* o3 has some scheduled jobs, all old */
    if (n % 3 == 1 && !is_run && !few)
        spec.delay_ms = YEARS_MS;
    return spec;
}

static void send_jobs(struct link *link, uint64_t first)
{
    static struct buf jobs, metadata;
    struct message message = {.id = MSG_SUBMIT, .envelope.request = 1};
    size_t mark;
    buf_clear(&jobs);
    check(list_begin(&jobs, &mark), "jobs");
    for (uint64_t n = first; n < first + FILL_BATCH; n++) {
        char owner[8], type[8], queue[8];
        struct wire_spec spec = spec_of(n, owner, type, queue, &metadata);
        check(shape_encode(&jobs, &shape_spec, &spec, KEYS_NAMES), "a job");
    }
    list_end(&jobs, mark, FILL_BATCH);
    message.submit.jobs = buf_slice(&jobs);
    link_send(link, &message);
}

static void fill(struct link *link, uint64_t jobs)
{
    uint64_t sent = 0, answered = 0, began = clock_mono_us();
    while (answered < jobs) {
        for (; sent < jobs && sent - answered < FILL_WINDOW * FILL_BATCH; sent += FILL_BATCH)
            send_jobs(link, sent);
        answered += fleet_read_answers(link, FILL_BATCH, 30000);
    }
    double seconds = (double)(clock_mono_us() - began) / 1e6;
    struct setup setup = {.batch = FILL_BATCH, .window = FILL_BATCH * FILL_WINDOW};
    figure_add("list_jobs", (double)jobs, "jobs", setup);
    figure_add("list_fill", (double)jobs / seconds, "jobs/s", setup);
}

/* --- asking ---------------------------------------------------------------------------------- */

/* One kind of list: what it asks for, and how many jobs its first page must have at least. */
struct query {
    const char *p50, *p99;
    struct wire_filter filter;
    const char *state, *sort;
    uint64_t least;
};

#define NAMED(name) "list_" name "_p50", "list_" name "_p99"
static const struct query queries[] = {
    {NAMED("all"), {.system = false}, NULL, NULL, PAGE},
    {NAMED("status_pending"), {.system = false}, "pending", NULL, PAGE},
    {NAMED("status_completed"), {.system = false}, "completed", NULL, PAGE},
    {NAMED("status_cancelled"), {.system = false}, "cancelled", NULL, PAGE},
    {NAMED("owner_big"), {.owner = TEXT_INIT("big")}, NULL, NULL, PAGE},
    {NAMED("owner_rare"), {.owner = TEXT_INIT("rare")}, NULL, NULL, 10},
    {NAMED("type"), {.type = TEXT_INIT("t3")}, NULL, NULL, PAGE},
    {NAMED("queue"), {.queue = TEXT_INIT("q2")}, NULL, NULL, PAGE},
    {NAMED("owner_status"), {.owner = TEXT_INIT("o3")}, "cancelled", NULL, 10},
    {NAMED("owner_status_none"), {.owner = TEXT_INIT("big")}, "failed", NULL, 0},
    {NAMED("owner_type_queue"),
     {.owner = TEXT_INIT("o3"), .type = TEXT_INIT("t3"), .queue = TEXT_INIT("q2")},
     NULL,
     NULL,
     0},
    {NAMED("owner_type_few"),
     {.owner = TEXT_INIT("big"), .type = TEXT_INIT("seldom")},
     NULL,
     NULL,
     0},
    /* the hard ones: few fit, and no index is short */
    {NAMED("hard_owner_scheduled"), {.owner = TEXT_INIT("o3")}, "scheduled", NULL, 0},
    {NAMED("hard_disjoint"), {.owner = TEXT_INIT("big"), .group = TEXT_INIT("o1")}, NULL, NULL, 0},
    {NAMED("sorted_few"), {.owner = TEXT_INIT("rare")}, NULL, "name", 10},
    {NAMED("sorted_most"), {.type = TEXT_INIT("seldom")}, NULL, "updated_at", 0},
};

static void send_query(struct link *link, const struct query *query)
{
    static struct buf states, filter;
    struct wire_filter wire = query->filter;
    struct message message = {.id = MSG_LIST_JOBS, .envelope.request = 1};
    buf_clear(&states);
    buf_clear(&filter);
    if (query->state) {
        check(pack_array(&states, 1), "a filter");
        check(pack_text(&states, text_of(query->state)), "a filter");
    }
    wire.status = buf_slice(&states);
    check(shape_encode(&filter, &shape_filter, &wire, KEYS_NAMES), "a filter");
    message.list_jobs.filter = buf_slice(&filter);
    message.list_jobs.sort = text_of(query->sort);
    message.list_jobs.limit = opt_of(PAGE);
    link_send(link, &message);
}

/* Asks once; returns the answer's total. */
static uint64_t ask(struct link *link, const struct query *query)
{
    struct message answer;
    struct list_iter jobs;
    zmq_msg_t frame;
    send_query(link, query);
    if (!link_receive(link, &frame, 30000))
        die("a list was not answered");
    link_read(&frame, MSG_JOBS, &answer);
    if (list_open(answer.jobs.jobs, &jobs) != 0 || jobs.count < query->least)
        die("%s found %u jobs", query->p50, jobs.count);
    uint64_t total = answer.jobs.total.value;
    zmq_msg_close(&frame);
    return total;
}

static void measure(struct link *link, const struct query *query, uint64_t millis,
                    struct setup setup)
{
    static double samples[ASKS_MAX];
    size_t count = 0;
    uint64_t until = clock_mono_ms() + millis;
    while (count < ASKS_MAX && (count < 20 || clock_mono_ms() < until)) {
        uint64_t began = clock_mono_us();
        ask(link, query);
        samples[count++] = (double)(clock_mono_us() - began) / 1000;
    }
    figure_add(query->p50, percentile(samples, count, 50), "ms", setup);
    figure_add(query->p99, percentile(samples, count, 99), "ms", setup);
}

/* --- the run --------------------------------------------------------------------------------- */

static void wait_for(struct link *link, const struct query *query, uint64_t total)
{
    uint64_t until = clock_mono_ms() + 600000;
    while (ask(link, query) < total) {
        if (clock_mono_ms() > until)
            die("%s never came to %lu jobs", query->p50, (unsigned long)total);
        sleep_ms(50);
    }
}

/* The jobs of one queue are cancelled, by an operation of the broker's. */
static void cancel_queue(struct link *link, uint64_t jobs)
{
    const struct query done = {"cancelled", NULL, {.queue = TEXT_INIT("q1")}, "cancelled", NULL, 0};
    struct buf filter = {0};
    struct wire_filter wire = {.queue = TEXT("q1")};
    struct message answer, message = {.id = MSG_START_OPERATION, .envelope.request = 1};
    zmq_msg_t frame;
    check(shape_encode(&filter, &shape_filter, &wire, KEYS_NAMES), "a filter");
    message.start_operation.kind = TEXT("cancel");
    message.start_operation.filter = buf_slice(&filter);
    random_bytes(message.start_operation.id.at, sizeof message.start_operation.id.at);
    link_send(link, &message);
    if (!link_receive(link, &frame, 30000))
        die("an operation was not answered");
    link_read(&frame, MSG_OPERATION_IS, &answer);
    zmq_msg_close(&frame);
    buf_fini(&filter);
    wait_for(link, &done, jobs / 5);
}

void bench_list(const struct bench_options *options)
{
    static struct fleet fleet;
    const struct query done = {"completed", NULL, {.queue = TEXT_INIT("default")},
                               "completed", NULL, 0};
    struct setup setup = {.window = 100, .workers = 1, .batch = 1};
    uint64_t jobs = (options->jobs + FILL_BATCH - 1) / FILL_BATCH * FILL_BATCH;
    struct daemon daemon;
    struct link link;
    daemon_start(&daemon, options);
    fleet_open(&fleet, &daemon, setup, (uint32_t)options->payload);
    link_open_admin(&link, fleet.context, daemon.clients);
    fill(&link, jobs);
    cancel_queue(&link, jobs);
    fleet_add_workers(&fleet);
    wait_for(&link, &done, jobs / 5);
    fleet_flow(&fleet);
    sleep_ms(options->seconds / 5);
    uint64_t settled = atomic_load(&fleet.settled), began = clock_mono_us();
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        measure(&link, &queries[i], options->seconds, setup);
    double seconds = (double)(clock_mono_us() - began) / 1e6;
    double lives = (double)(atomic_load(&fleet.settled) - settled);
    figure_add("list_life", lives / seconds, "jobs/s", setup);
    link_close(&link);
    fleet_close(&fleet, true);
    daemon_stop(&daemon);
    daemon_remove(&daemon);
}
