/* What a worker says that is not so: old fences, wrong jobs, things it never held. A lie never
 * names a dispatch that is alive: a hostile worker with a valid fence is not what is promised
 * against. */
#include <stdlib.h>

#include "base/check.h"
#include "tests/sim/oracle.h"
#include "tests/sim/trace.h"
#include "tests/sim/worker_parts.h"

static struct wsession_hold make_up(struct worker *worker)
{
    struct stream *stream = &worker->stream;
    struct wsession_hold lie = {0};
    size_t past = worker->past_count < PAST_MAX ? worker->past_count : PAST_MAX;
    if (past > 0)
        lie = worker->past[draw(stream, past)];
    if (past == 0 || chance(stream, 30))
        oracle_any_job(worker->world, stream, &lie.job);
    if (chance(stream, 50))
        lie.fence = 1 + draw(stream, oracle_fence_max(worker->world));
    return lie;
}

static void begin_list(struct worker *worker, size_t *mark)
{
    buf_clear(&worker->scratch);
    CHECK(list_begin(&worker->scratch, mark) == 0);
}

static struct slice lie_done(struct worker *worker, const struct wsession_hold *lie)
{
    static const char *const outcomes[] = {"completed", "failed", "again", "released", "ended"};
    struct wire_done_item item = {.job = lie->job,
                                  .fence = lie->fence,
                                  .outcome = text_of(outcomes[draw(&worker->stream, 5)])};
    size_t mark;
    begin_list(worker, &mark);
    CHECK(shape_encode(&worker->scratch, &shape_done_item, &item, KEYS_NAMES) == 0);
    list_end(&worker->scratch, mark, 1);
    return buf_slice(&worker->scratch);
}

static struct slice lie_report(struct worker *worker, const struct wsession_hold *lie)
{
    struct wire_report_item item = {.job = lie->job, .fence = lie->fence, .n = 1000};
    size_t mark;
    buf_clear(&worker->value);
    CHECK(pack_marked(&worker->value, 0, 0, 0) == 0);
    item.checkpoint = buf_slice(&worker->value);
    begin_list(worker, &mark);
    CHECK(shape_encode(&worker->scratch, &shape_report_item, &item, KEYS_NAMES) == 0);
    list_end(&worker->scratch, mark, 1);
    return buf_slice(&worker->scratch);
}

void sim_worker_lie(struct worker *worker)
{
    struct world *world = worker->world;
    struct wsession_hold lie = make_up(worker);
    struct message message = {0};
    if (!worker->session || worker->still_until || oracle_is_alive(world, &lie.job, lie.fence))
        return;
    trace_note(world, "%s lies", worker->line.name);
    if (chance(&worker->stream, 70)) {
        message.id = MSG_DONE;
        message.done.items = lie_done(worker, &lie);
    } else {
        message.id = MSG_REPORT;
        message.report.items = lie_report(worker, &lie);
    }
    struct buf frame = {0};
    message.envelope.request = UINT64_C(1) << 60; /* no request of the session's own */
    CHECK(message_encode(&frame, &message) == 0);
    net_say(&worker->line, buf_slice(&frame));
    buf_fini(&frame);
}
