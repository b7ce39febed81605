/* What handlers report on the way: numbered, coalesced, bounded, kept until it is stored.
 *
 * One batch is on its way at a time, so that what the broker takes sets the pace; what comes in
 * the meantime is gathered. A number is given when a report is first sent: what was coalesced or
 * dropped before has none. Must never lose the newest progress, stage or checkpoint. */
#include "worker/session_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/tooth.h"

/* Of one handler in one batch, so that a chatty one leaves room for others. */
enum { REPORTS_TURN = REPORT_ITEMS_MAX / 4 };

static struct slice value_of(const struct wire_report_item *item, enum report_kind *kind_out)
{
    if (item->progress.len) {
        *kind_out = REPORT_PROGRESS;
        return item->progress;
    }
    if (item->stage.len) {
        *kind_out = REPORT_STAGE;
        return item->stage;
    }
    if (item->log.len) {
        *kind_out = REPORT_LOG;
        return item->log;
    }
    if (item->step.len) {
        *kind_out = REPORT_STEP;
        return item->step;
    }
    *kind_out = REPORT_CHECKPOINT;
    return item->checkpoint;
}

static struct report *report_new(enum report_kind kind, uint64_t at, struct slice value)
{
    struct report *report = malloc(sizeof *report + value.len);
    if (!report)
        return NULL;
    *report = (struct report){.kind = kind, .at = at, .len = value.len};
    memcpy(report->bytes, value.at, value.len);
    return report;
}

static void dirty(struct wsession *session, struct hold *hold)
{
    if (hold->dirty)
        return;
    hold->dirty = true;
    DL_APPEND2(session->dirty, hold, dirty_prev, dirty_next);
}

static void undirty(struct wsession *session, struct hold *hold)
{
    if (!hold->dirty)
        return;
    hold->dirty = false;
    DL_DELETE2(session->dirty, hold, dirty_prev, dirty_next);
}

/* --- the list -------------------------------------------------------------------------------- */

/* Takes a report out and frees it. */
static void drop(struct wsession *session, struct reports *reports, struct report *report)
{
    session->flying -= report->flying;
    if (reports->unsent == report)
        reports->unsent = report->next;
    DL_DELETE(reports->first, report);
    reports->count--;
    reports->size -= report->len;
    free(report);
}

static bool over_bounds(const struct reports *reports)
{
    return reports->count > WSESSION_REPORTS_MAX || reports->size > WSESSION_REPORTS_SIZE_MAX;
}

/* The oldest log that was never sent; else the oldest of anything never sent, but `newest`. */
static struct report *victim(const struct reports *reports, const struct report *newest)
{
    struct report *oldest = NULL;
    for (struct report *at = reports->unsent; at; at = at->next) {
        if (at->n != 0 || at == newest)
            continue;
        if (at->kind == REPORT_LOG)
            return at;
        if (!oldest)
            oldest = at;
    }
    return oldest;
}

static void append(struct wsession *session, struct reports *reports, struct report *report)
{
    DL_APPEND(reports->first, report);
    if (!reports->unsent)
        reports->unsent = report;
    reports->count++;
    reports->size += report->len;
    while (over_bounds(reports)) {
        struct report *oldest = victim(reports, report);
        if (!oldest)
            return;
        reports->dropped += oldest->kind == REPORT_LOG;
        drop(session, reports, oldest);
    }
}

/* --- taking ---------------------------------------------------------------------------------- */

static uint64_t hash_text(uint64_t hash, struct text text)
{
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (uint8_t)text.at[i]) * UINT64_C(0x100000001b3);
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

/* Which stage in which status: updates within it may be coalesced. */
static uint64_t stage_key(struct slice value)
{
    struct wire_stage stage;
    struct fault fault;
    if (shape_decode(value, &shape_stage, KEYS_NAMES, &stage, &fault) != 0)
        return 0;
    return hash_text(hash_text(UINT64_C(0xcbf29ce484222325), stage.name), stage.status) | 1;
}

static void take_stage(struct wsession *session, struct reports *reports, struct report *report)
{
    struct newest *newest = &reports->newest[REPORT_STAGE];
    uint64_t key = stage_key((struct slice){report->bytes, report->len});
    if (key != reports->stage_key) {
        if (newest->report)
            append(session, reports, newest->report);
        newest->report = NULL;
        newest->next_at = 0;
        reports->stage_key = key;
    }
    free(newest->report);
    newest->report = report;
}

int reports_take(struct wsession *session, struct hold *hold, const struct wire_report_item *item)
{
    enum report_kind kind;
    struct slice value = value_of(item, &kind);
    struct report *report = report_new(kind, item->at ? item->at : session->now.wall_ms, value);
    if (!report)
        return -ENOMEM;
    struct reports *reports = &hold->reports;
    if (kind == REPORT_LOG || kind == REPORT_STEP) {
        append(session, reports, report);
    } else if (kind == REPORT_STAGE) {
        take_stage(session, reports, report);
    } else {
        free(reports->newest[kind].report);
        reports->newest[kind].report = report;
    }
    dirty(session, hold);
    return 0;
}

/* --- sending --------------------------------------------------------------------------------- */

/* A line in the log where lines are missing. */
static int tell_gap(struct wsession *session, struct reports *reports)
{
    if (reports->dropped == 0)
        return 0;
    char text[100];
    int len = snprintf(text, sizeof text, "%llu log lines were dropped here: too many at once",
                       (unsigned long long)reports->dropped);
    struct wire_log log = {
        .at = session->now.wall_ms, .level = TEXT("warning"), .message = {text, (size_t)len}};
    struct buf encoded = {0};
    int rc = shape_encode(&encoded, &shape_log, &log, KEYS_NAMES);
    struct report *report =
        rc == 0 ? report_new(REPORT_LOG, session->now.wall_ms, buf_slice(&encoded)) : NULL;
    buf_fini(&encoded);
    if (!report)
        return -ENOMEM;
    struct report *before = reports->unsent;
    while (before && before->n != 0)
        before = before->next;
    DL_PREPEND_ELEM(reports->first, before, report);
    if (reports->unsent == before)
        reports->unsent = report;
    reports->count++;
    reports->size += report->len;
    reports->dropped = 0;
    return 0;
}

/* Moves the newest values that are due into the list. */
static void join(struct wsession *session, struct reports *reports, bool all)
{
    uint64_t now = session->now.mono_ms;
    for (unsigned kind = 0; kind < REPORT_KINDS; kind++) {
        struct newest *newest = &reports->newest[kind];
        if (!newest->report || (!all && newest->next_at > now))
            continue;
        append(session, reports, newest->report);
        newest->report = NULL;
        newest->next_at = kind == REPORT_CHECKPOINT ? 0 : now + WSESSION_PROGRESS_MS;
    }
}

static bool has_newest(const struct reports *reports)
{
    for (unsigned kind = 0; kind < REPORT_KINDS; kind++)
        if (reports->newest[kind].report)
            return true;
    return false;
}

static int send_one(struct wsession *session, struct hold *hold, struct report *report)
{
    struct slice value = {report->bytes, report->len};
    if (report->n == 0 || TOOTH(reports_renumbered))
        report->n = ++hold->reports.n;
    struct wire_report_item item = {
        .job = hold->id.job, .fence = hold->id.fence, .n = report->n, .at = report->at};
    struct slice *const members[REPORT_KINDS] = {&item.progress, &item.stage, &item.log,
                                                 &item.checkpoint, &item.step};
    *members[report->kind] = value;
    int rc = report->alone ? batch_send(session) : 0;
    if (rc == 0)
        rc = batch_add(session, MSG_REPORT, &shape_report_item, &item, &report->request);
    if (rc == 0 && report->alone)
        rc = batch_send(session);
    if (rc < 0)
        return rc;
    report->flying = true;
    session->flying++;
    session->flew_at = session->now.mono_ms;
    hold->reports.unsent = report->next;
    return 0;
}

static int send_some(struct wsession *session, struct hold *hold, bool all, uint32_t max)
{
    struct reports *reports = &hold->reports;
    join(session, reports, all);
    int rc = tell_gap(session, reports);
    for (uint32_t i = 0; rc == 0 && reports->unsent && i < max; i++)
        rc = send_one(session, hold, reports->unsent);
    if (!reports->unsent && !has_newest(reports))
        undirty(session, hold);
    return rc;
}

int reports_send_all(struct wsession *session, struct hold *hold)
{
    return hold->dirty ? send_some(session, hold, true, UINT32_MAX) : 0;
}

int reports_send_due(struct wsession *session)
{
    if (session->flying > 0)
        return 0;
    struct hold *hold, *next;
    int rc = 0;
    DL_FOREACH_SAFE2(session->dirty, hold, next, dirty_next)
    {
        if (rc < 0 || session->flying > REPORT_ITEMS_MAX - REPORTS_TURN)
            break;
        rc = send_some(session, hold, false, REPORTS_TURN);
        if (hold->dirty && hold->reports.unsent) { /* has more: the others come first now */
            undirty(session, hold);
            dirty(session, hold);
            break;
        }
    }
    return rc;
}

uint64_t reports_next(const struct wsession *session)
{
    uint64_t next = UINT64_MAX;
    if (session->flying > 0)
        return next;
    struct hold *hold;
    DL_FOREACH2(session->dirty, hold, dirty_next)
    {
        if (hold->reports.unsent)
            return 0;
        for (unsigned kind = 0; kind < REPORT_KINDS; kind++) {
            const struct newest *newest = &hold->reports.newest[kind];
            if (newest->report && newest->next_at < next)
                next = newest->next_at;
        }
    }
    return next;
}

/* --- answers --------------------------------------------------------------------------------- */

static void stored_up_to(struct wsession *session, struct hold *hold, uint64_t n)
{
    struct reports *reports = &hold->reports;
    while (reports->first && reports->first->n != 0 && reports->first->n <= n)
        drop(session, reports, reports->first);
    if (!reports->unsent && !has_newest(reports))
        undirty(session, hold);
}

int reports_stored(struct wsession *session, const struct msg_reported *reported)
{
    struct list_iter iter;
    struct wire_reported_item item;
    struct fault fault;
    int more;
    if (list_open(reported->items, &iter) != 0)
        return effect_note(session, "the broker's `reported` has no list of items");
    while ((more = list_next(&iter, &shape_reported_item, KEYS_NAMES, &item, &fault)) == 1) {
        struct hold *hold = hold_find(session, &item.job, item.fence);
        if (hold)
            stored_up_to(session, hold, item.n);
    }
    return more < 0 ? effect_note(session, "the broker's `reported` can't be read") : 0;
}

uint32_t reports_in(const struct hold *hold, uint64_t request)
{
    uint32_t count = 0;
    for (struct report *at = hold->reports.first; at != hold->reports.unsent; at = at->next)
        count += at->request == request;
    return count;
}

void reports_refused(struct wsession *session, struct hold *hold, uint64_t request, bool drop_it)
{
    struct report *at = hold->reports.first;
    while (at != hold->reports.unsent) {
        struct report *next = at->next;
        if (at->request == request && drop_it)
            drop(session, &hold->reports, at);
        else if (at->request == request)
            at->alone = true;
        at = next;
    }
    if (!drop_it)
        reports_resend(session, hold);
}

void reports_resend(struct wsession *session, struct hold *hold)
{
    struct reports *reports = &hold->reports;
    for (struct report *at = reports->first; at != reports->unsent; at = at->next) {
        session->flying -= at->flying;
        at->flying = false;
    }
    reports->unsent = reports->first;
    if (reports->unsent || has_newest(reports))
        dirty(session, hold);
}

void reports_fini(struct wsession *session, struct hold *hold)
{
    struct reports *reports = &hold->reports;
    while (reports->first)
        drop(session, reports, reports->first);
    for (unsigned kind = 0; kind < REPORT_KINDS; kind++)
        free(reports->newest[kind].report);
    undirty(session, hold);
}
