/* The player of session_script.h. Must never know what a right answer is: rows say that. */
#include "tests/worker/session_script.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "proto/pack.h"
#include "tests/testing.h"

enum { WORDS_MAX = 16 };

struct words {
    char line[400];
    char *at[WORDS_MAX];
    size_t count;
};

static void split(const char *line, struct words *words)
{
    memset(words, 0, sizeof *words);
    snprintf(words->line, sizeof words->line, "%s", line);
    for (char *word = strtok(words->line, " "); word; word = strtok(NULL, " "))
        words->at[words->count++] = word;
    assert_true(words->count > 0);
}

/* "A1:500" → job A, fence 1; *rest_out is what follows the fence. */
static struct wsession_hold hold_of(const char *word, const char **rest_out)
{
    struct wsession_hold hold = {{{0}}, 0};
    char *end;
    memset(&hold.job, word[0], sizeof hold.job);
    hold.fence = strtoull(word + 1, &end, 10);
    if (rest_out)
        *rest_out = end;
    return hold;
}

/* --- events ---------------------------------------------------------------------------------- */

struct input {
    struct words words;
    struct buf list, value;
    struct message message;
    struct wire_report_item report;
    struct wire_done_item done;
    struct wsession_event event;
};

static void add_item(struct input *in, const char *word, enum message_id id)
{
    const char *rest;
    struct wsession_hold hold = hold_of(word, &rest);
    struct wire_hold held = {.job = hold.job, .fence = hold.fence};
    struct wire_dispatch_item dispatch = {
        .job = hold.job, .fence = hold.fence, .type = TEXT("t"), .queue = TEXT("default")};
    struct wire_settled_item settled = {.job = hold.job, .fence = hold.fence};
    struct wire_reported_item reported = {.job = hold.job, .fence = hold.fence};
    if (id == MSG_DISPATCH) {
        dispatch.timeout_ms = *rest == ':' ? strtoull(rest + 1, NULL, 10) : 0;
        assert_good(shape_encode(&in->list, &shape_dispatch_item, &dispatch, KEYS_NAMES));
    } else if (id == MSG_SETTLED) {
        settled.verdict = *rest == '!' ? TEXT("stale") : TEXT("accepted");
        assert_good(shape_encode(&in->list, &shape_settled_item, &settled, KEYS_NAMES));
    } else if (id == MSG_REPORTED) {
        reported.n = strtoull(rest + 1, NULL, 10);
        assert_good(shape_encode(&in->list, &shape_reported_item, &reported, KEYS_NAMES));
    } else {
        assert_good(shape_encode(&in->list, &shape_hold, &held, KEYS_NAMES));
    }
}

static struct slice list_of(struct input *in, enum message_id id)
{
    size_t mark;
    assert_good(list_begin(&in->list, &mark));
    for (size_t i = 1; i < in->words.count; i++)
        add_item(in, in->words.at[i], id);
    list_end(&in->list, mark, (uint32_t)in->words.count - 1);
    return buf_slice(&in->list);
}

static struct slice stop_list(struct input *in)
{
    size_t mark;
    struct wsession_hold hold = hold_of(in->words.at[1], NULL);
    struct wire_stop_item item = {.job = hold.job,
                                  .fence = hold.fence,
                                  .reason = text_of(in->words.at[2]),
                                  .grace_ms = strtoull(in->words.at[3], NULL, 10)};
    assert_good(list_begin(&in->list, &mark));
    assert_good(shape_encode(&in->list, &shape_stop_item, &item, KEYS_NAMES));
    list_end(&in->list, mark, 1);
    return buf_slice(&in->list);
}

static void say(struct input *in, enum message_id id)
{
    struct message *message = &in->message;
    in->event.kind = WSESSION_MESSAGE;
    in->event.message = message;
    message->id = id;
    switch (id) {
    case MSG_WELCOME:
        message->welcome = (struct msg_welcome){
            .heartbeat_ms = 2000, .lost_after_ms = 10000, .message_size_max = 400000};
        message->welcome.stale = list_of(in, id);
        break;
    case MSG_BEAT:
        message->beat.stale = list_of(in, id);
        break;
    case MSG_DISPATCH:
        message->dispatch.jobs = list_of(in, id);
        break;
    case MSG_SETTLED:
        message->settled.items = list_of(in, id);
        break;
    case MSG_REPORTED:
        message->reported.items = list_of(in, id);
        break;
    case MSG_STOP:
        message->stop.items = stop_list(in);
        break;
    default:
        message->error.code = text_of(in->words.at[1]);
        message->error.message = TEXT("because");
        message->envelope.request = strtoull(in->words.at[2], NULL, 10);
    }
}

static void report(struct input *in)
{
    char **word = in->words.at;
    struct wire_progress progress = {0};
    struct wire_stage stage = {0};
    struct wire_log log = {.level = TEXT("info")};
    in->event.kind = WSESSION_REPORT;
    in->event.hold = hold_of(word[1], NULL);
    in->event.report = &in->report;
    if (strcmp(word[0], "progress") == 0) {
        progress.fraction = f64_of(strtod(word[2], NULL));
        assert_good(shape_encode(&in->value, &shape_progress, &progress, KEYS_NAMES));
        in->report.progress = buf_slice(&in->value);
    } else if (strcmp(word[0], "stage") == 0) {
        stage.name = text_of(word[2]);
        stage.status = text_of(word[3]);
        if (word[4])
            stage.progress = f64_of(strtod(word[4], NULL));
        assert_good(shape_encode(&in->value, &shape_stage, &stage, KEYS_NAMES));
        in->report.stage = buf_slice(&in->value);
    } else if (strcmp(word[0], "log") == 0) {
        log.message = text_of(word[2]);
        assert_good(shape_encode(&in->value, &shape_log, &log, KEYS_NAMES));
        in->report.log = buf_slice(&in->value);
    } else {
        assert_good(pack_u64(&in->value, strtoull(word[2], NULL, 10)));
        in->report.checkpoint = buf_slice(&in->value);
    }
}

static void done(struct input *in)
{
    struct wire_failure failure = {.type = text_of(in->words.at[3])};
    in->event.kind = WSESSION_FINISHED;
    in->event.hold = hold_of(in->words.at[1], NULL);
    in->event.done = &in->done;
    in->done.outcome = text_of(in->words.at[2]);
    struct wire_box box = {.pid = 42};
    if (in->words.count == 4 && strcmp(in->words.at[3], "boxed") == 0) {
        assert_good(shape_encode(&in->value, &shape_box, &box, KEYS_NAMES));
        in->done.box = buf_slice(&in->value);
        return;
    }
    if (in->words.count < 4)
        return;
    assert_good(shape_encode(&in->value, &shape_failure, &failure, KEYS_NAMES));
    in->done.error = buf_slice(&in->value);
}

static void read_event(struct input *in)
{
    static const struct {
        const char *word;
        enum wsession_event_kind kind;
        enum message_id id;
    } rows[] = {
        {"tick", WSESSION_TICK, 0},       {"drain", WSESSION_DRAIN, 0},
        {"release", WSESSION_RELEASE, 0}, {"sendfail", WSESSION_SEND_FAILED, 0},
        {"welcome", 0, MSG_WELCOME},      {"beat", 0, MSG_BEAT},
        {"dispatch", 0, MSG_DISPATCH},    {"settled", 0, MSG_SETTLED},
        {"reported", 0, MSG_REPORTED},    {"stop", 0, MSG_STOP},
        {"error", 0, MSG_ERROR},
    };
    const char *word = in->words.at[0];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(word, rows[i].word) != 0)
            continue;
        in->event.kind = rows[i].kind;
        if (rows[i].id)
            say(in, rows[i].id);
        return;
    }
    if (strcmp(word, "done") == 0)
        done(in);
    else
        report(in);
}

/* --- effects --------------------------------------------------------------------------------- */

static void put_hold(struct buf *out, const struct uuid *job, uint64_t fence)
{
    buf_printf(out, "%c%llu", job->at[0], (unsigned long long)fence);
}

static void put_held(struct buf *out, const char *word, uint64_t slots, struct slice list)
{
    struct list_iter iter;
    struct wire_hold hold;
    struct fault fault;
    buf_printf(out, "%s(%llu [", word, (unsigned long long)slots);
    assert_good(list_open(list, &iter));
    while (list_next(&iter, &shape_hold, KEYS_NAMES, &hold, &fault) == 1) {
        buf_printf(out, iter.index > 1 ? " " : "");
        put_hold(out, &hold.job, hold.fence);
    }
    buf_printf(out, "])");
}

static void put_report(struct buf *out, const struct wire_report_item *item)
{
    struct fault fault;
    struct wire_progress progress;
    struct wire_stage stage;
    struct wire_log log;
    struct wire_step step;
    put_hold(out, &item->job, item->fence);
    buf_printf(out, ".%llu ", (unsigned long long)item->n);
    if (item->progress.len) {
        assert_good(shape_decode(item->progress, &shape_progress, KEYS_NAMES, &progress, &fault));
        buf_printf(out, "%g", progress.fraction.value);
    } else if (item->stage.len) {
        assert_good(shape_decode(item->stage, &shape_stage, KEYS_NAMES, &stage, &fault));
        buf_printf(out, "%.*s:%.*s", (int)stage.name.len, stage.name.at, (int)stage.status.len,
                   stage.status.at);
        if (stage.progress.set)
            buf_printf(out, ":%g", stage.progress.value);
    } else if (item->log.len) {
        assert_good(shape_decode(item->log, &shape_log, KEYS_NAMES, &log, &fault));
        buf_printf(out, "'%.*s'", (int)log.message.len, log.message.at);
    } else if (item->step.len) {
        assert_good(shape_decode(item->step, &shape_step, KEYS_NAMES, &step, &fault));
        buf_printf(out, "%.*s/%.*s", (int)step.step.len, step.step.at, (int)step.reason.len,
                   step.reason.at);
    } else {
        buf_printf(out, "checkpoint");
    }
}

static void put_reports(struct buf *out, struct slice list)
{
    struct list_iter iter;
    struct wire_report_item item;
    struct fault fault;
    assert_good(list_open(list, &iter));
    uint32_t shown = iter.count > 8 ? 3 : iter.count;
    while (list_next(&iter, &shape_report_item, KEYS_NAMES, &item, &fault) == 1) {
        if (iter.index > shown)
            continue;
        buf_printf(out, iter.index > 1 ? " " : "");
        put_report(out, &item);
    }
    if (shown < iter.count)
        buf_printf(out, " +%u", iter.count - shown);
}

static void put_box(struct buf *out, struct slice encoded)
{
    struct fault fault;
    struct wire_box box;
    if (encoded.len == 0)
        return;
    assert_good(shape_decode(encoded, &shape_box, KEYS_NAMES, &box, &fault));
    buf_printf(out, "[%llu]", (unsigned long long)box.pid);
}

static void put_results(struct buf *out, struct slice list)
{
    struct list_iter iter;
    struct wire_done_item item;
    struct wire_failure failure;
    struct fault fault;
    assert_good(list_open(list, &iter));
    while (list_next(&iter, &shape_done_item, KEYS_NAMES, &item, &fault) == 1) {
        buf_printf(out, iter.index > 1 ? " " : "");
        put_hold(out, &item.job, item.fence);
        buf_printf(out, " %.*s", (int)item.outcome.len, item.outcome.at);
        if (item.stopped.len)
            buf_printf(out, "/%.*s", (int)item.stopped.len, item.stopped.at);
        put_box(out, item.box);
        if (item.error.len == 0)
            continue;
        assert_good(shape_decode(item.error, &shape_failure, KEYS_NAMES, &failure, &fault));
        buf_printf(out, ":%.*s", (int)failure.type.len, failure.type.at);
    }
}

static void put_message(struct buf *out, struct slice frame)
{
    struct message message;
    struct fault fault;
    assert_good(message_decode(frame, &message, &fault));
    unsigned long long request = message.envelope.request;
    if (message.id == MSG_HELLO) {
        assert_true(text_is(message.hello.role, "worker"));
        put_held(out, "hello", message.hello.slots, message.hello.running);
    } else if (message.id == MSG_HEARTBEAT) {
        put_held(out, "beat", message.heartbeat.slots, message.heartbeat.running);
    } else if (message.id == MSG_REPORT) {
        buf_printf(out, "report#%llu(", request);
        put_reports(out, message.report.items);
        buf_printf(out, ")");
    } else if (message.id == MSG_DONE) {
        buf_printf(out, "done#%llu(", request);
        put_results(out, message.done.items);
        buf_printf(out, ")");
    } else {
        buf_printf(out, "%s", message_name(message.id));
    }
}

static void put_effect(struct buf *out, const struct wsession_effects *effects,
                       const struct wsession_effect *effect)
{
    static const char *const plain[] = {[WSESSION_RECONNECT] = "reconnect",
                                        [WSESSION_WELCOMED] = "welcomed",
                                        [WSESSION_NOTE] = "note",
                                        [WSESSION_REFUSED] = "refused",
                                        [WSESSION_ENDED] = "ended"};
    if (effect->kind == WSESSION_SEND) {
        put_message(out, wsession_effect_bytes(effects, effect));
    } else if (effect->kind == WSESSION_RUN || effect->kind == WSESSION_STOP) {
        bool run = effect->kind == WSESSION_RUN;
        buf_printf(out, run ? "run(" : "stop(");
        put_hold(out, &effect->hold.job, effect->hold.fence);
        if (!run)
            buf_printf(out, " %s %llu", wsession_reason_word(effect->reason),
                       (unsigned long long)effect->grace_ms);
        buf_printf(out, ")");
    } else {
        buf_printf(out, "%s", plain[effect->kind]);
    }
}

/* --- playing --------------------------------------------------------------------------------- */

static void play_row(struct wsession *session, const struct script_row *row,
                     struct wsession_effects *effects)
{
    struct input in;
    memset(&in, 0, sizeof in);
    split(row->in, &in.words);
    bool many = strcmp(in.words.at[0], "logs") == 0;
    unsigned long times = many ? strtoul(in.words.at[2], NULL, 10) : 1;
    if (many)
        in.words.at[0][3] = 0;
    read_event(&in);
    in.event.now = (struct wsession_now){row->at, 1000000 + row->at, 0};
    for (unsigned long i = 0; i < times; i++)
        assert_good(wsession_step(session, &in.event, effects));
    assert_good(wsession_flush(session, in.event.now, effects));
    assert_true(wsession_next_deadline(session) > row->at); /* its loop may sleep */
    buf_fini(&in.list);
    buf_fini(&in.value);
}

void script_play(uint32_t slots, const struct script_row *rows, size_t count)
{
    struct text queue = TEXT("default"), type = TEXT("t");
    struct wsession_config config = {.id = {{1}},
                                     .epoch = 1,
                                     .program = TEXT("test"),
                                     .name = TEXT("w"),
                                     .host = TEXT("h"),
                                     .pid = 1,
                                     .queues = &queue,
                                     .queue_count = 1,
                                     .types = &type,
                                     .type_count = 1,
                                     .slots = slots,
                                     .grace_ms = 10000};
    struct wsession *session;
    struct wsession_effects effects = {0};
    struct buf out = {0};
    assert_good(wsession_new(&config, &session));
    for (size_t i = 0; i < count; i++) {
        wsession_effects_clear(&effects);
        buf_clear(&out);
        play_row(session, &rows[i], &effects);
        for (size_t at = 0; at < effects.count; at++) {
            buf_printf(&out, at ? " " : "");
            put_effect(&out, &effects, &effects.at[at]);
        }
        buf_append(&out, "", 1);
        if (rows[i].out && strcmp((char *)out.at, rows[i].out) != 0)
            fail_msg("[%llu] %s\n  expected %s\n  got      %s", (unsigned long long)rows[i].at,
                     rows[i].in, rows[i].out, (char *)out.at);
    }
    buf_fini(&out);
    wsession_effects_fini(&effects);
    wsession_destroy(&session);
}
