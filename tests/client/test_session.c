/* The session as a story: what the broker does and says, and what the session makes of it.
 * Must never open a socket or read a clock.
 */
#include "tests/testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "client/session.h"
#include "tests/client/trace.h"

enum { TAGS = 26 };

struct player {
    struct client_session *session;
    bool blocked; /* the socket takes nothing */
    char tags[TAGS];
};

static const char *status_word(int status)
{
    switch (status) {
    case -ETIMEDOUT:
        return "timed out";
    case -ECONNREFUSED:
        return "refused";
    case -EMSGSIZE:
        return "too large";
    case -EPROTO:
        return "unreadable";
    default:
        return "answered";
    }
}

static void put_end(struct trace *trace, const struct client_session_end *end)
{
    const char *tag = end->tag;
    trace_out(trace, "= %c %s, sent %u", *tag, status_word(end->status), end->sends);
}

/* Takes out everything that should be sent and everything that has ended. */
static void drain(struct player *player, struct trace *trace)
{
    struct slice frame;
    struct message message;
    struct fault fault;
    struct client_session_end end;
    while (client_session_next_ended(player->session, trace->now_ms, &end))
        put_end(trace, &end);
    while (!player->blocked && client_session_next_send(player->session, &frame)) {
        assert_good(message_decode(frame, &message, &fault));
        trace_out(trace, "> %s #%llu", message_name(message.id),
                  (unsigned long long)message.envelope.request);
        client_session_sent(player->session, trace->now_ms);
    }
}

static void request(struct player *player, struct trace *trace, const char *line)
{
    char tag = 'a';
    unsigned long long within = 10000, size = 0;
    static char reason[8000];
    sscanf(line, "request %c within %llu", &tag, &within);
    sscanf(line, "request %c sized %llu", &tag, &size);
    memset(reason, 'x', sizeof reason);
    struct message message = {.id = MSG_CANCEL};
    message.cancel.reason = (struct text){reason, size};
    char *slot = &player->tags[tag - 'a'];
    *slot = tag;
    int rc = client_session_request(player->session, trace->now_ms, &message,
                                    trace->now_ms + within, slot);
    if (rc < 0)
        trace_out(trace, "* %s", rc == -EAGAIN ? "try again" : "too large");
}

/* `< word #n`, where n is the number of what is answered. */
static void receive(struct player *player, struct trace *trace, const char *line)
{
    char word[32] = "", code[32] = "";
    unsigned long long number = 0, size = 0;
    struct client_session_end end;
    struct message message = {.id = MSG_DELETED};
    sscanf(line, "< %31s #%llu %31s", word, &number, code);
    if (sscanf(line, "< welcome #%llu size %llu", &number, &size) >= 1) {
        message.id = MSG_WELCOME;
        message.welcome.message_size_max = size;
    } else if (strcmp(word, "pong") == 0) {
        message.id = MSG_PONG;
    } else if (strcmp(word, "error") == 0) {
        message.id = MSG_ERROR;
        message.error.code = text_of(code);
        message.error.message = TEXT("because");
    }
    message.envelope.request = number;
    bool bad = strcmp(word, "garbage") == 0;
    int ended = bad ? client_session_receive_bad(player->session, trace->now_ms, number, &end)
                    : client_session_receive(player->session, trace->now_ms, &message, &end);
    if (ended)
        put_end(trace, &end);
}

static void put_next(struct player *player, struct trace *trace)
{
    uint64_t at = client_session_next_deadline(player->session);
    if (at == UINT64_MAX)
        trace_out(trace, "? never");
    else
        trace_out(trace, "? %llu", (unsigned long long)at);
}

static void input(void *arg, struct trace *trace, const char *line)
{
    struct player *player = arg;
    if (strncmp(line, "request", 7) == 0)
        request(player, trace, line);
    else if (line[0] == '<')
        receive(player, trace, line);
    else if (strncmp(line, "abandon ", 8) == 0)
        client_session_abandon(player->session, &player->tags[line[8] - 'a']);
    else if (strcmp(line, "refuse") == 0)
        client_session_refuse(player->session, trace->now_ms, WIRE_UNAUTHORIZED, "no such key");
    else if (strcmp(line, "why?") == 0)
        trace_out(trace, "? %s",
                  client_session_refusal(player->session)
                      ? client_session_refusal(player->session)->problem
                      : "nothing");
    else if (strcmp(line, "leave") == 0)
        client_session_leave(player->session);
    else if (strcmp(line, "up?") == 0)
        trace_out(trace, "? %s", client_session_is_up(player->session) ? "up" : "down");
    else if (strcmp(line, "blocked") == 0 || strcmp(line, "writable") == 0)
        player->blocked = line[0] == 'b';
    else if (strcmp(line, "tick") == 0)
        client_session_tick(player->session, trace->now_ms);
    else
        CHECK(strcmp(line, "next") == 0);
    drain(player, trace);
    if (strcmp(line, "next") == 0)
        put_next(player, trace);
}

static void play_with(struct client_session_config *config, const char *script)
{
    struct player player = {0};
    struct trace trace = {.input = input, .arg = &player};
    config->role = TEXT("producer");
    if (config->bytes_max == 0)
        config->bytes_max = 1 << 20;
    if (config->requests_max == 0)
        config->requests_max = 8;
    assert_good(client_session_new(config, &player.session));
    trace_run(&trace, script);
    client_session_destroy(&player.session);
}

static void play(const char *script)
{
    struct client_session_config config = {0};
    play_with(&config, script);
}

TEST(says_hello_first_and_holds_requests_until_welcome)
{
    play("[0]  request a\n"
         "[0]  > hello #2\n"
         "[0]  request b\n"
         "[10] < welcome #2\n"
         "[10] > cancel #1\n"
         "[10] > cancel #3\n"
         "[20] < deleted #3\n"
         "[20] = b answered, sent 1\n"
         "[21] < deleted #1\n"
         "[21] = a answered, sent 1\n"
         "[22] < deleted #1\n"
         "[22] next\n"
         "[22] ? never\n");
}

TEST(repeats_hello_with_longer_and_longer_pauses)
{
    play("[0]     tick\n"
         "[0]     > hello #1\n"
         "[0]     next\n"
         "[0]     ? 2000\n"
         "[1999]  tick\n"
         "[2000]  tick\n"
         "[2000]  > hello #2\n"
         "[6000]  tick\n"
         "[6000]  > hello #3\n"
         "[14000] tick\n"
         "[14000] > hello #4\n"
         "[24000] tick\n"
         "[24000] > hello #5\n"
         "[24000] next\n"
         "[24000] ? 34000\n");
}

TEST(sends_everything_unanswered_again_after_a_restart)
{
    play("[0]    tick\n"
         "[0]    > hello #1\n"
         "[1]    < welcome #1\n"
         "[2]    request a\n"
         "[2]    > cancel #2\n"
         "[3]    request b\n"
         "[3]    > cancel #3\n"
         "[4]    request c\n"
         "[4]    > cancel #4\n"
         "[5]    < deleted #3\n"
         "[5]    = b answered, sent 1\n"
         "[2002] tick\n"
         "[2002] > ping #5\n"
         "[2003] < error #5 UNKNOWN_SESSION\n"
         "[2003] > hello #6\n"
         "[2003] up?\n"
         "[2003] ? down\n"
         "[2004] request d\n"
         "[2005] < welcome #6\n"
         "[2005] > cancel #2\n"
         "[2005] > cancel #4\n"
         "[2005] > cancel #7\n"
         "[2006] < deleted #4\n"
         "[2006] = c answered, sent 2\n"
         "[2007] < error #2 CONFLICT\n"
         "[2007] = a answered, sent 2\n");
}

TEST(many_unknown_sessions_cause_one_hello)
{
    play("[0] tick\n"
         "[0] > hello #1\n"
         "[1] < welcome #1\n"
         "[2] request a\n"
         "[2] > cancel #2\n"
         "[2] request b\n"
         "[2] > cancel #3\n"
         "[3] < error #2 UNKNOWN_SESSION\n"
         "[3] > hello #4\n"
         "[3] < error #3 UNKNOWN_SESSION\n"
         "[4] < welcome #4\n"
         "[4] > cancel #2\n"
         "[4] > cancel #3\n"
         "[5] < deleted #2\n"
         "[5] = a answered, sent 1\n");
}

TEST(pings_only_while_something_is_open)
{
    play("[0]    tick\n"
         "[0]    > hello #1\n"
         "[1]    < welcome #1\n"
         "[9000] tick\n"
         "[9000] next\n"
         "[9000] ? never\n"
         "[9000] request a within 60000\n"
         "[9000] > cancel #2\n"
         "[9000] next\n"
         "[9000] ? 11000\n"
         "[11000] tick\n"
         "[11000] > ping #3\n"
         "[11001] < pong #3\n"
         "[13000] tick\n"
         "[13000] > ping #4\n"
         "[13001] < pong #4\n"
         "[13002] < deleted #2\n"
         "[13002] = a answered, sent 1\n"
         "[20000] tick\n"
         "[20000] next\n"
         "[20000] ? never\n");
}

TEST(pings_always_if_told_to)
{
    struct client_session_config config = {.always_ping = true};
    play_with(&config, "[0]    tick\n"
                       "[0]    > hello #1\n"
                       "[1]    < welcome #1\n"
                       "[2001] tick\n"
                       "[2001] > ping #2\n"
                       "[2002] < pong #2\n"
                       "[4001] tick\n"
                       "[4001] > ping #3\n"
                       "[6001] tick\n"
                       "[6001] > ping #4\n"
                       "[8001] tick\n"
                       "[8001] > ping #5\n"
                       "[9999] up?\n"
                       "[9999] ? up\n"
                       "[10001] tick\n"
                       "[10001] > hello #6\n"
                       "[10001] up?\n"
                       "[10001] ? down\n"
                       "[10500] < welcome #6\n"
                       "[10500] up?\n"
                       "[10500] ? up\n");
}

TEST(silence_means_greeting_again)
{
    play("[0]    tick\n"
         "[0]    > hello #1\n"
         "[1]    < welcome #1\n"
         "[100]  request a within 60000\n"
         "[100]  > cancel #2\n"
         "[2100] tick\n"
         "[2100] > ping #3\n"
         "[4100] tick\n"
         "[4100] > ping #4\n"
         "[4100] next\n"
         "[4100] ? 6100\n"
         "[6100] tick\n"
         "[6100] > hello #5\n"
         "[6200] < welcome #5\n"
         "[6200] > cancel #2\n");
}

TEST(one_lost_request_is_sent_again_while_others_go_on)
{
    play("[0]    tick\n"
         "[0]    > hello #1\n"
         "[1]    < welcome #1\n"
         "[100]  request a within 60000\n"
         "[100]  > cancel #2\n"
         "[2100] tick\n"
         "[2100] > ping #3\n"
         "[2101] < pong #3\n"
         "[4100] tick\n"
         "[4100] > ping #4\n"
         "[4101] < pong #4\n"
         "[4200] request b within 60000\n"
         "[4200] > cancel #5\n"
         "[6100] tick\n"
         "[6100] > ping #6\n"
         "[6101] < pong #4\n"
         "[6102] < pong #6\n"
         "[6102] > cancel #2\n"
         "[6103] < deleted #2\n"
         "[6103] = a answered, sent 2\n");
}

TEST(ends_what_is_over_time_sent_or_not)
{
    play("[0]   blocked\n"
         "[0]   request a within 50\n"
         "[0]   next\n"
         "[0]   ? 50\n"
         "[50]  tick\n"
         "[50]  = a timed out, sent 0\n"
         "[60]  request b within 100\n"
         "[60]  writable\n"
         "[60]  > hello #3\n"
         "[61]  < welcome #3\n"
         "[61]  > cancel #2\n"
         "[62]  request c within 10\n"
         "[62]  > cancel #4\n"
         "[72]  tick\n"
         "[72]  = c timed out, sent 1\n"
         "[160] tick\n"
         "[160] = b timed out, sent 1\n"
         "[161] < deleted #2\n");
}

TEST(what_cannot_be_sent_stays_and_goes_out_once)
{
    play("[0] tick\n"
         "[0] > hello #1\n"
         "[1] < welcome #1\n"
         "[2] blocked\n"
         "[2] request a\n"
         "[3] request b\n"
         "[9] writable\n"
         "[9] > cancel #2\n"
         "[9] > cancel #3\n"
         "[9] tick\n");
}

TEST(refuses_more_than_it_may_hold)
{
    struct client_session_config config = {.requests_max = 2, .bytes_max = 200};
    play_with(&config, "[0] blocked\n"
                       "[0] request a\n"
                       "[0] request b\n"
                       "[0] request c\n"
                       "[0] * try again\n"
                       "[0] abandon a\n"
                       "[0] request c sized 300\n"
                       "[0] * try again\n"
                       "[0] request c sized 30\n"
                       "[5] writable\n"
                       "[5] > hello #6\n");
}

TEST(never_sends_more_than_the_broker_takes)
{
    play("[0] request a sized 500\n"
         "[0] > hello #2\n"
         "[0] request b\n"
         "[1] < welcome #2 size 300\n"
         "[1] = a too large, sent 0\n"
         "[1] > cancel #3\n"
         "[2] request c sized 500\n"
         "[2] * too large\n");
}

TEST(a_refused_session_ends_its_requests_and_tries_again)
{
    play("[0]     request a\n"
         "[0]     > hello #2\n"
         "[1]     < error #2 UNSUPPORTED_VERSION\n"
         "[1]     = a refused, sent 0\n"
         "[2]     request b\n"
         "[2]     = b refused, sent 0\n"
         "[2]     next\n"
         "[2]     ? 10001\n"
         "[10001] tick\n"
         "[10001] > hello #4\n"
         "[10002] < welcome #4\n"
         "[10003] request c\n"
         "[10003] > cancel #5\n");
}

/* In the handshake: nothing can be sent, and all that waits ends; a connection that comes about
 * after all begins with hello. */
TEST(a_refused_connection_ends_its_requests_and_greets_when_it_stands)
{
    play("[0]    blocked\n"
         "[0]    request a\n"
         "[5]    refuse\n"
         "[5]    = a refused, sent 0\n"
         "[5]    why?\n"
         "[5]    ? no such key\n"
         "[6]    request b\n"
         "[6]    = b refused, sent 0\n"
         "[6]    next\n"
         "[6]    ? never\n"
         "[9000] writable\n"
         "[9000] > hello #3\n"
         "[9001] < welcome #3\n"
         "[9001] why?\n"
         "[9001] ? nothing\n"
         "[9002] request c\n"
         "[9002] > cancel #4\n");
}

TEST(a_key_off_the_list_asks_hello_for_the_reason)
{
    play("[0]  request a\n"
         "[0]  > hello #2\n"
         "[1]  < welcome #2\n"
         "[1]  > cancel #1\n"
         "[2]  request b\n"
         "[2]  > cancel #3\n"
         "[10] < error #1 UNAUTHORIZED\n"
         "[10] = a answered, sent 1\n"
         "[10] > hello #4\n"
         "[11] < error #4 UNAUTHORIZED\n"
         "[11] = b refused, sent 1\n");
}

TEST(a_broker_that_is_not_ready_is_asked_again)
{
    play("[0]    request a\n"
         "[0]    > hello #2\n"
         "[1]    < error #2 UNAVAILABLE\n"
         "[1]    next\n"
         "[1]    ? 4001\n"
         "[4001] tick\n"
         "[4001] > hello #3\n"
         "[4002] < welcome #3\n"
         "[4002] > cancel #1\n");
}

TEST(an_unreadable_answer_ends_its_request_only)
{
    play("[0] tick\n"
         "[0] > hello #1\n"
         "[1] < welcome #1\n"
         "[2] request a\n"
         "[2] > cancel #2\n"
         "[2] request b\n"
         "[2] > cancel #3\n"
         "[3] < garbage #2\n"
         "[3] = a unreadable, sent 1\n"
         "[3] < garbage #0\n"
         "[4] < deleted #3\n"
         "[4] = b answered, sent 1\n");
}

TEST(leaves_with_bye)
{
    play("[0] tick\n"
         "[0] > hello #1\n"
         "[1] < welcome #1\n"
         "[2] request a\n"
         "[2] > cancel #2\n"
         "[3] leave\n"
         "[3] > bye #3\n"
         "[4] tick\n");
}

/* Numbers of requests that stay open are passed over when the slots come round. */
TEST(long_open_requests_do_not_stand_in_the_way)
{
    struct client_session_config config = {.requests_max = 2};
    play_with(&config, "[0] tick\n"
                       "[0] > hello #1\n"
                       "[1] < welcome #1\n"
                       "[2] request a\n"
                       "[2] > cancel #2\n"
                       "[2] request b\n"
                       "[2] > cancel #3\n"
                       "[3] < deleted #3\n"
                       "[3] = b answered, sent 1\n"
                       "[3] request b\n"
                       "[3] > cancel #5\n"
                       "[4] < deleted #5\n"
                       "[4] = b answered, sent 1\n"
                       "[4] < deleted #2\n"
                       "[4] = a answered, sent 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_hello_first_and_holds_requests_until_welcome),
        cmocka_unit_test(repeats_hello_with_longer_and_longer_pauses),
        cmocka_unit_test(sends_everything_unanswered_again_after_a_restart),
        cmocka_unit_test(many_unknown_sessions_cause_one_hello),
        cmocka_unit_test(pings_only_while_something_is_open),
        cmocka_unit_test(pings_always_if_told_to),
        cmocka_unit_test(silence_means_greeting_again),
        cmocka_unit_test(one_lost_request_is_sent_again_while_others_go_on),
        cmocka_unit_test(ends_what_is_over_time_sent_or_not),
        cmocka_unit_test(what_cannot_be_sent_stays_and_goes_out_once),
        cmocka_unit_test(refuses_more_than_it_may_hold),
        cmocka_unit_test(never_sends_more_than_the_broker_takes),
        cmocka_unit_test(a_refused_session_ends_its_requests_and_tries_again),
        cmocka_unit_test(a_refused_connection_ends_its_requests_and_greets_when_it_stands),
        cmocka_unit_test(a_key_off_the_list_asks_hello_for_the_reason),
        cmocka_unit_test(a_broker_that_is_not_ready_is_asked_again),
        cmocka_unit_test(an_unreadable_answer_ends_its_request_only),
        cmocka_unit_test(leaves_with_bye),
        cmocka_unit_test(long_open_requests_do_not_stand_in_the_way),
    };
    return TESTS_RUN(tests);
}
