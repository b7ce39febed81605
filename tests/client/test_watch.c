/* The watch as a story: what is published, asked and answered, and what its owner gets of it.
 * Must never open a socket or read a clock.
 */
#include "tests/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "client/watch.h"
#include "proto/pack.h"
#include "tests/client/trace.h"

static const struct uuid JOB = {{1, 2, 3}};
static const struct uuid OTHER = {{9}};

static void put_news(void *arg, const struct watch_news *news)
{
    const char *status = job_state_word(news->status);
    unsigned long long rev = news->rev;
    switch (news->kind) {
    case WATCH_SNAPSHOT:
        trace_out(arg, "* snapshot %llu %s", rev, status);
        return;
    case WATCH_EVENT:
        CHECK(news->encoded.len > 0);
        trace_out(arg, "* event %llu %.*s", rev, (int)news->event->type.len, news->event->type.at);
        return;
    case WATCH_RESET:
        trace_out(arg, "* reset at %llu", rev);
        return;
    case WATCH_ENDED:
        trace_out(arg, "* ended %s at %llu", status, rev);
        return;
    case WATCH_GONE:
        trace_out(arg, "* gone %.*s", (int)news->error.code.len, news->error.code.at);
        return;
    }
}

/* --- messages out of a line's words --------------------------------------------------------------
 */

/* `rev:type/status`, a status of `-` being none. */
static void read_event(const char *word, struct wire_event *event, char type[32])
{
    char status[32] = "";
    unsigned long long rev = 0;
    CHECK(sscanf(word, "%llu:%31[^/]/%31s", &rev, type, status) == 3);
    *event = (struct wire_event){.job = JOB, .rev = rev, .type = text_of(type)};
    event->status = job_state_of(text_of(status));
}

/* `rev/status` or `rev/status/ending`. */
static void read_standing(const char *word, struct wire_standing *standing)
{
    char status[32] = "";
    unsigned long long rev = 0;
    CHECK(sscanf(word, "%llu/%31[^/]", &rev, status) == 2);
    *standing = (struct wire_standing){.job = JOB, .rev = rev};
    standing->status = job_state_of(text_of(status));
    standing->ending = strstr(word, "/ending") != NULL;
}

static struct slice encode_at(struct buf *out, const struct shape *shape, const void *value)
{
    size_t before = out->len;
    assert_good(shape_encode(out, shape, value, KEYS_NAMES));
    return (struct slice){out->at + before, out->len - before};
}

/* `events oldest standing event...` */
static void make_events(char *words, struct buf *bytes, struct message *message)
{
    struct wire_standing standing;
    struct wire_event event;
    char type[32];
    size_t mark;
    uint32_t count = 0;
    message->id = MSG_EVENTS;
    message->events.oldest = (uint64_t)atoi(strtok(words, " "));
    read_standing(strtok(NULL, " "), &standing);
    assert_good(list_begin(bytes, &mark));
    for (char *word; (word = strtok(NULL, " ")); count++) {
        read_event(word, &event, type);
        encode_at(bytes, &shape_event, &event);
    }
    list_end(bytes, mark, count);
    size_t list = bytes->len;
    struct slice encoded = encode_at(bytes, &shape_standing, &standing);
    message->events.events = (struct slice){bytes->at, list};
    message->events.standing = encoded;
}

static void make_revs(const char *word, struct buf *bytes, struct message *message)
{
    struct wire_standing standing;
    message->id = MSG_REVS;
    assert_good(pack_array(bytes, strcmp(word, "none") != 0 ? 2 : 0));
    if (strcmp(word, "none") != 0) {
        read_standing(word, &standing);
        const struct wire_standing other = {OTHER, 99, JOB_COMPLETED, false, 0};
        encode_at(bytes, &shape_standing, &other);
        encode_at(bytes, &shape_standing, &standing);
    }
    message->revs.jobs = buf_slice(bytes);
}

static void make_job(const char *word, struct buf *bytes, struct message *message)
{
    struct wire_standing standing;
    read_standing(word, &standing);
    const struct wire_job job = {.id = JOB, .rev = standing.rev, .status = standing.status};
    message->id = MSG_JOB_IS;
    message->job_is.job = encode_at(bytes, &shape_job, &job);
    message->job_is.ending = standing.ending;
}

/* --- playing -------------------------------------------------------------------------------------
 */

static void answer(struct watch *watch, struct trace *trace, const char *line)
{
    char words[256];
    struct buf bytes = {0};
    struct message message = {0};
    char *rest = words + strcspn(line, " ");
    assert_good(buf_reserve(&bytes, 4096));
    snprintf(words, sizeof words, "%s", line);
    rest += *rest == ' ';
    if (strncmp(line, "job", 3) == 0)
        make_job(rest, &bytes, &message);
    else if (strncmp(line, "events", 6) == 0)
        make_events(rest, &bytes, &message);
    else if (strncmp(line, "revs", 4) == 0)
        make_revs(rest, &bytes, &message);
    else if (strncmp(line, "error", 5) == 0)
        message = (struct message){.id = MSG_ERROR, .error = {.code = text_of(rest)}};
    watch_answer(watch, trace->now_ms, message.id ? &message : NULL);
    buf_fini(&bytes);
}

static void published(struct watch *watch, struct trace *trace, const char *line)
{
    char type[32];
    struct buf bytes = {0};
    struct wire_event event;
    struct wire_standing standing;
    struct message message = {.id = MSG_EVENT_IS};
    const char *word = line + strcspn(line, " ") + 1;
    if (strncmp(line, "standing", 8) == 0) {
        read_standing(word, &standing);
        message.id = MSG_STANDING_IS;
        message.standing_is.standing = encode_at(&bytes, &shape_standing, &standing);
    } else {
        read_event(word, &event, type);
        if (strncmp(line, "foreign", 7) == 0)
            event.job = OTHER;
        message.event_is.event = encode_at(&bytes, &shape_event, &event);
    }
    watch_published(watch, trace->now_ms, &message);
    buf_fini(&bytes);
}

static void ask(struct watch *watch, struct trace *trace)
{
    struct buf scratch = {0};
    struct message request;
    enum watch_ask wanted = watch_next_ask(watch, trace->now_ms);
    if (wanted == WATCH_ASK_NOTHING)
        return;
    assert_good(watch_request(watch, wanted, &scratch, &request));
    if (request.id == MSG_GET_EVENTS)
        trace_out(trace, "> get_events after %llu", (unsigned long long)request.get_events.after);
    else
        trace_out(trace, "> %s", message_name(request.id));
    buf_fini(&scratch);
}

static void input(void *arg, struct trace *trace, const char *line)
{
    struct watch *watch = arg;
    if (line[0] == '<')
        answer(watch, trace, line + 2);
    else if (line[0] == '~')
        published(watch, trace, line + 2);
    else if (strcmp(line, "next") == 0)
        trace_out(trace, "? %lld", (long long)watch_next_deadline(watch));
    else if (strcmp(line, "blind") == 0)
        watch->blind = true;
    else
        CHECK(strcmp(line, "tick") == 0);
    ask(watch, trace);
}

static void play_after(struct opt_u64 after, const char *script)
{
    struct watch watch;
    struct trace trace = {.input = input, .arg = &watch};
    watch_init(&watch, &JOB, after, put_news, &trace);
    trace_run(&trace, script);
}

static void play(const char *script)
{
    play_after((struct opt_u64){0}, script);
}

TEST(follows_live_events_to_the_end)
{
    play("[0] tick\n"
         "[0] > get_job\n"
         "[1] < job 1/pending\n"
         "[1] * snapshot 1 pending\n"
         "[2] ~ event 2:running/running\n"
         "[2] * event 2 running\n"
         "[3] ~ event 3:progress/-\n"
         "[3] * event 3 progress\n"
         "[4] ~ event 4:completed/completed\n"
         "[4] * event 4 completed\n"
         "[4] * ended completed at 4\n"
         "[5] next\n"
         "[5] ? -1\n");
}

TEST(a_job_that_has_ended_ends_at_once)
{
    play("[0] tick\n"
         "[0] > get_job\n"
         "[1] < job 7/failed\n"
         "[1] * snapshot 7 failed\n"
         "[1] * ended failed at 7\n"
         "[2] ~ event 8:pending/pending\n");
}

TEST(repeats_and_strangers_are_left_out)
{
    play("[0] tick\n"
         "[0] > get_job\n"
         "[1] < job 3/running\n"
         "[1] * snapshot 3 running\n"
         "[2] ~ event 2:pending/pending\n"
         "[2] ~ event 3:running/running\n"
         "[2] ~ foreign 4:completed/completed\n"
         "[3] ~ event 4:log/-\n"
         "[3] * event 4 log\n"
         "[3] ~ event 4:log/-\n");
}

TEST(a_missing_event_is_fetched)
{
    play("[0] tick\n"
         "[0] > get_job\n"
         "[1] < job 1/pending\n"
         "[1] * snapshot 1 pending\n"
         "[2] ~ event 4:log/-\n"
         "[2] > get_events after 1\n"
         "[3] ~ event 5:log/-\n"
         "[4] < events 1 4/running 2:running/running 3:log/- 4:log/-\n"
         "[4] * event 2 running\n"
         "[4] * event 3 log\n"
         "[4] * event 4 log\n"
         "[4] > get_events after 4\n"
         "[5] ~ event 5:log/-\n"
         "[5] * event 5 log\n"
         "[6] ~ event 6:completed/completed\n"
         "[6] * event 6 completed\n"
         "[6] * ended completed at 6\n"
         "[7] < events 1 6/completed 5:log/- 6:completed/completed\n");
}

TEST(the_lost_last_event_is_noticed)
{
    play("[0]    tick\n"
         "[0]    > get_job\n"
         "[1]    < job 2/running\n"
         "[1]    * snapshot 2 running\n"
         "[1]    next\n"
         "[1]    ? 2001\n"
         "[2001] tick\n"
         "[2001] > get_revs\n"
         "[2002] < revs 2/running\n"
         "[3000] ~ event 3:log/-\n"
         "[3000] * event 3 log\n"
         "[4002] tick\n"
         "[5000] tick\n"
         "[5000] > get_revs\n"
         "[5001] < revs 4/completed\n"
         "[5001] > get_events after 3\n"
         "[5002] < events 1 4/completed 4:completed/completed\n"
         "[5002] * event 4 completed\n"
         "[5002] * ended completed at 4\n");
}

TEST(a_standing_after_a_reconnect_shows_what_was_missed)
{
    play("[0] tick\n"
         "[0] > get_job\n"
         "[1] < job 2/running\n"
         "[1] * snapshot 2 running\n"
         "[2] ~ standing 3/completed\n"
         "[2] > get_events after 2\n"
         "[3] < events 1 3/completed 3:completed/completed\n"
         "[3] * event 3 completed\n"
         "[3] * ended completed at 3\n");
}

TEST(a_cancelled_running_job_ends_when_its_handler_is_gone)
{
    play("[0] tick\n"
         "[0] > get_job\n"
         "[1] < job 2/running\n"
         "[1] * snapshot 2 running\n"
         "[2] ~ event 3:cancelled/cancelled\n"
         "[2] * event 3 cancelled\n"
         "[3] ~ event 4:log/-\n"
         "[3] * event 4 log\n"
         "[4] ~ event 5:ended/cancelled\n"
         "[4] * event 5 ended\n"
         "[4] * ended cancelled at 5\n");
}

TEST(the_broker_knows_better_whether_a_handler_is_still_there)
{
    play("[0]    tick\n"
         "[0]    > get_job\n"
         "[1]    < job 2/running\n"
         "[1]    * snapshot 2 running\n"
         "[2]    ~ event 3:cancelled/cancelled\n"
         "[2]    * event 3 cancelled\n"
         "[2002] tick\n"
         "[2002] > get_revs\n"
         "[2003] < revs 3/cancelled/ending\n"
         "[4003] tick\n"
         "[4003] > get_revs\n"
         "[4004] < revs 3/cancelled\n"
         "[4004] * ended cancelled at 3\n");
}

TEST(a_cancelled_pending_job_ends_at_once)
{
    play("[0] tick\n"
         "[0] > get_job\n"
         "[1] < job 1/pending\n"
         "[1] * snapshot 1 pending\n"
         "[2] ~ event 2:cancelled/cancelled\n"
         "[2] * event 2 cancelled\n"
         "[2] * ended cancelled at 2\n");
}

TEST(a_snapshot_of_an_ending_job_waits_for_ended)
{
    play("[0] tick\n"
         "[0] > get_job\n"
         "[1] < job 3/cancelled/ending\n"
         "[1] * snapshot 3 cancelled\n"
         "[2] ~ event 4:ended/-\n"
         "[2] * event 4 ended\n"
         "[2] * ended cancelled at 4\n");
}

TEST(what_comes_before_the_snapshot_is_not_lost)
{
    play("[0] tick\n"
         "[0] > get_job\n"
         "[1] ~ standing 1/pending\n"
         "[2] ~ event 3:running/running\n"
         "[3] < job 2/pending\n"
         "[3] * snapshot 2 pending\n"
         "[3] > get_events after 2\n"
         "[4] < events 1 3/running 3:running/running\n"
         "[4] * event 3 running\n");
}

TEST(resumes_after_a_rev_also_of_an_ended_job)
{
    play_after(opt_of(2), "[0] tick\n"
                          "[0] > get_job\n"
                          "[1] < job 4/completed\n"
                          "[1] * snapshot 4 completed\n"
                          "[1] > get_events after 2\n"
                          "[2] < events 1 4/completed 3:running/running 4:completed/completed\n"
                          "[2] * event 3 running\n"
                          "[2] * event 4 completed\n"
                          "[2] * ended completed at 4\n");
}

/* A job that failed and was retried: the first end is none. */
TEST(an_end_in_the_middle_of_a_replay_is_none)
{
    play_after(opt_of(0), "[0] tick\n"
                          "[0] > get_job\n"
                          "[1] < job 3/pending\n"
                          "[1] * snapshot 3 pending\n"
                          "[1] > get_events after 0\n"
                          "[2] < events 1 3/pending 1:pending/pending 2:failed/failed "
                          "3:pending/pending\n"
                          "[2] * event 1 pending\n"
                          "[2] * event 2 failed\n"
                          "[2] * event 3 pending\n"
                          "[3] ~ event 4:running/running\n"
                          "[3] * event 4 running\n");
}

TEST(a_rev_from_the_future_is_not_believed)
{
    play_after(opt_of(50), "[0] tick\n"
                           "[0] > get_job\n"
                           "[1] < job 4/running\n"
                           "[1] * snapshot 4 running\n"
                           "[2] ~ event 5:log/-\n"
                           "[2] * event 5 log\n");
}

TEST(starts_again_where_events_are_no_longer_kept)
{
    play_after(opt_of(1), "[0] tick\n"
                          "[0] > get_job\n"
                          "[1] < job 9/running\n"
                          "[1] * snapshot 9 running\n"
                          "[1] > get_events after 1\n"
                          "[2] < events 5 9/running 5:log/- 6:log/-\n"
                          "[2] * reset at 1\n"
                          "[2] > get_job\n"
                          "[3] < job 9/running\n"
                          "[3] * snapshot 9 running\n"
                          "[4] ~ event 10:completed/completed\n"
                          "[4] * event 10 completed\n"
                          "[4] * ended completed at 10\n");
}

TEST(a_hole_in_an_answer_is_none_to_jump_over)
{
    play("[0] tick\n"
         "[0] > get_job\n"
         "[1] < job 1/running\n"
         "[1] * snapshot 1 running\n"
         "[2] ~ event 5:log/-\n"
         "[2] > get_events after 1\n"
         "[3] < events 1 5/running 2:log/- 4:log/- 5:log/-\n"
         "[3] * event 2 log\n"
         "[3] * reset at 2\n"
         "[3] > get_job\n"
         "[4] < job 5/running\n"
         "[4] * snapshot 5 running\n");
}

TEST(an_empty_answer_does_not_go_round_for_ever)
{
    play("[0] tick\n"
         "[0] > get_job\n"
         "[1] < job 2/running\n"
         "[1] * snapshot 2 running\n"
         "[2] ~ event 9:log/-\n"
         "[2] > get_events after 2\n"
         "[3] < events 0 2/running\n"
         "[3] * reset at 2\n"
         "[3] > get_job\n"
         "[4] < job 2/running\n"
         "[4] * snapshot 2 running\n"
         "[4] next\n"
         "[4] ? 2004\n");
}

TEST(asks_again_after_what_passes_and_gives_up_on_what_does_not)
{
    play("[0]    tick\n"
         "[0]    > get_job\n"
         "[1]    < nothing\n"
         "[1]    next\n"
         "[1]    ? 1001\n"
         "[1001] tick\n"
         "[1001] > get_job\n"
         "[1002] < error UNAVAILABLE\n"
         "[2002] tick\n"
         "[2002] > get_job\n"
         "[2003] < error NOT_FOUND\n"
         "[2003] * gone NOT_FOUND\n"
         "[2004] tick\n");
}

/* Where no events come in, a short job is noticed soon and a long one costs little. */
TEST(without_events_it_asks_often_at_first)
{
    play("[0]   blind\n"
         "[0]   > get_job\n"
         "[1]   < job 1/pending\n"
         "[1]   * snapshot 1 pending\n"
         "[51]  tick\n"
         "[51]  > get_revs\n"
         "[52]  < revs 1/pending\n"
         "[152] tick\n"
         "[152] > get_revs\n"
         "[153] < revs 2/running\n"
         "[153] > get_events after 1\n"
         "[154] < events 1 2/running 2:running/running\n"
         "[154] * event 2 running\n"
         "[155] next\n"
         "[155] ? 204\n"
         "[204] tick\n"
         "[204] > get_revs\n"
         "[205] < revs 2/running\n"
         "[205] next\n"
         "[205] ? 305\n");
}

TEST(a_deleted_job_is_gone)
{
    play("[0]    tick\n"
         "[0]    > get_job\n"
         "[1]    < job 2/running\n"
         "[1]    * snapshot 2 running\n"
         "[2]    ~ event 3:deleted/-\n"
         "[2]    * event 3 deleted\n"
         "[2]    * gone GONE\n");
    play("[0]    tick\n"
         "[0]    > get_job\n"
         "[1]    < job 2/pending\n"
         "[1]    * snapshot 2 pending\n"
         "[2001] tick\n"
         "[2001] > get_revs\n"
         "[2002] < revs none\n"
         "[2002] * gone NOT_FOUND\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_live_events_to_the_end),
        cmocka_unit_test(a_job_that_has_ended_ends_at_once),
        cmocka_unit_test(repeats_and_strangers_are_left_out),
        cmocka_unit_test(a_missing_event_is_fetched),
        cmocka_unit_test(the_lost_last_event_is_noticed),
        cmocka_unit_test(a_standing_after_a_reconnect_shows_what_was_missed),
        cmocka_unit_test(a_cancelled_running_job_ends_when_its_handler_is_gone),
        cmocka_unit_test(the_broker_knows_better_whether_a_handler_is_still_there),
        cmocka_unit_test(a_cancelled_pending_job_ends_at_once),
        cmocka_unit_test(a_snapshot_of_an_ending_job_waits_for_ended),
        cmocka_unit_test(what_comes_before_the_snapshot_is_not_lost),
        cmocka_unit_test(resumes_after_a_rev_also_of_an_ended_job),
        cmocka_unit_test(an_end_in_the_middle_of_a_replay_is_none),
        cmocka_unit_test(a_rev_from_the_future_is_not_believed),
        cmocka_unit_test(starts_again_where_events_are_no_longer_kept),
        cmocka_unit_test(a_hole_in_an_answer_is_none_to_jump_over),
        cmocka_unit_test(an_empty_answer_does_not_go_round_for_ever),
        cmocka_unit_test(asks_again_after_what_passes_and_gives_up_on_what_does_not),
        cmocka_unit_test(without_events_it_asks_often_at_first),
        cmocka_unit_test(a_deleted_job_is_gone),
    };
    return TESTS_RUN(tests);
}
