/* Following jobs to their end: a watch for each, fed from the connection.
 * Must never end because the broker is away, and never leave a subscription behind.
 */
#include "client/follow.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "proto/pack.h"

struct follower {
    struct watch watch;
    struct follow *follow;
    size_t index; /* as the program numbers them */
    bool subscribed;
};

struct follow {
    struct reeve *reeve;
    struct follower *at; /* ordered by id */
    size_t count, left;  /* left: not done yet */
    follow_news *on_news;
    void *arg;
    int code; /* not REEVE_OK: it ends */
    bool asking_revs;
    struct buf scratch;
};

/* --- news ------------------------------------------------------------------------------------- */

static void deliver(void *arg, const struct watch_news *news)
{
    struct follower *follower = arg;
    struct follow *follow = follower->follow;
    if (follow->code != REEVE_OK)
        return;
    follow->reeve->inside = true;
    int rc = follow->on_news(follow->arg, follower->index, news);
    follow->reeve->inside = false;
    if (rc != 0)
        follow->code = handle_fail(follow->reeve, REEVE_STOPPED, "", "stopped by its callback");
}

static int by_id(const void *a, const void *b)
{
    const struct follower *first = a, *second = b;
    return uuid_cmp(&first->watch.job, &second->watch.job);
}

static struct follower *find(const struct follow *follow, const struct uuid *job)
{
    const struct follower key = {.watch.job = *job};
    return bsearch(&key, follow->at, follow->count, sizeof key, by_id);
}

static bool job_of(const struct message *message, struct uuid *job_out)
{
    struct wire_event event;
    struct wire_standing standing;
    struct fault fault;
    if (message->id == MSG_EVENT_IS &&
        shape_decode(message->event_is.event, &shape_event, KEYS_NAMES, &event, &fault) == 0) {
        *job_out = event.job;
        return true;
    }
    if (message->id == MSG_STANDING_IS &&
        shape_decode(message->standing_is.standing, &shape_standing, KEYS_NAMES, &standing,
                     &fault) == 0) {
        *job_out = standing.job;
        return true;
    }
    return false;
}

static void on_published(void *arg, const struct message *message)
{
    struct follow *follow = arg;
    struct uuid job;
    struct follower *follower = job_of(message, &job) ? find(follow, &job) : NULL;
    if (follower)
        watch_published(&follower->watch, clock_mono_ms(), message);
}

/* --- asking ----------------------------------------------------------------------------------- */

/* A session that is refused will not come right by waiting; anything else may. */
static const struct message *usable(struct follow *follow, const struct message *answer, int status)
{
    if (status == -ECONNREFUSED && follow->code == REEVE_OK)
        follow->code = handle_fail_status(follow->reeve, status);
    return status == 0 ? answer : NULL;
}

static void on_answer(void *arg, const struct message *answer, int status)
{
    struct follower *follower = arg;
    watch_answer(&follower->watch, clock_mono_ms(), usable(follower->follow, answer, status));
}

/* One get_revs is for all that want one: those whose watch has it asked. */
static void on_revs(void *arg, const struct message *answer, int status)
{
    struct follow *follow = arg;
    uint64_t now_ms = clock_mono_ms();
    const struct message *revs = usable(follow, answer, status);
    follow->asking_revs = false;
    for (size_t i = 0; i < follow->count; i++) {
        if (follow->at[i].watch.asked == WATCH_ASK_REVS)
            watch_answer(&follow->at[i].watch, now_ms, revs);
    }
}

static int ask_one(struct follow *follow, struct follower *follower, enum watch_ask ask)
{
    struct message request;
    int rc = watch_request(&follower->watch, ask, &follow->scratch, &request);
    if (rc == 0)
        rc = conn_call(follow->reeve->conn, &request, follow->reeve->timeout_ms, on_answer,
                       follower);
    return rc;
}

static int ask_revs(struct follow *follow, uint32_t count)
{
    struct message request = {.id = MSG_GET_REVS};
    buf_clear(&follow->scratch);
    int rc = pack_array(&follow->scratch, count);
    for (size_t i = 0; rc == 0 && i < follow->count; i++) {
        if (follow->at[i].watch.asked == WATCH_ASK_REVS)
            rc = pack_uuid(&follow->scratch, &follow->at[i].watch.job);
    }
    request.get_revs.ids = buf_slice(&follow->scratch);
    if (rc == 0)
        rc = conn_call(follow->reeve->conn, &request, follow->reeve->timeout_ms, on_revs, follow);
    follow->asking_revs = rc == 0;
    return rc;
}

/* Lets every watch ask. What could not be asked, and a rev while a get_revs is still under way, is
 * asked again a little later. */
static void ask_all(struct follow *follow, uint64_t now_ms)
{
    uint32_t quiet = 0;
    bool blind = conn_is_blind(follow->reeve->conn);
    for (size_t i = 0; i < follow->count; i++) {
        struct follower *follower = &follow->at[i];
        follower->watch.blind = blind;
        enum watch_ask ask = watch_next_ask(&follower->watch, now_ms);
        if (ask == WATCH_ASK_REVS && follow->asking_revs)
            watch_answer(&follower->watch, now_ms, NULL);
        else if (ask == WATCH_ASK_REVS)
            quiet++;
        else if (ask != WATCH_ASK_NOTHING && ask_one(follow, follower, ask) < 0)
            watch_answer(&follower->watch, now_ms, NULL);
    }
    if (quiet > 0 && ask_revs(follow, quiet) < 0)
        on_revs(follow, NULL, -ENOMEM);
}

static uint64_t next_deadline(const struct follow *follow)
{
    uint64_t at = UINT64_MAX;
    for (size_t i = 0; i < follow->count; i++) {
        uint64_t next = watch_next_deadline(&follow->at[i].watch);
        at = next < at ? next : at;
    }
    return at;
}

/* --- from begin to end ------------------------------------------------------------------------ */

/* Ends the subscriptions of those that are done. */
static void count_left(struct follow *follow)
{
    follow->left = 0;
    for (size_t i = 0; i < follow->count; i++) {
        struct follower *follower = &follow->at[i];
        follow->left += !watch_is_done(&follower->watch);
        if (watch_is_done(&follower->watch) && follower->subscribed) {
            conn_unsubscribe(follow->reeve->conn, &follower->watch.job);
            follower->subscribed = false;
        }
    }
}

static int run(struct follow *follow, uint64_t until_ms)
{
    for (;;) {
        count_left(follow);
        if (follow->code != REEVE_OK || follow->left == 0)
            return follow->code;
        uint64_t now_ms = clock_mono_ms();
        if (now_ms >= until_ms)
            return handle_fail(follow->reeve, REEVE_TIMEOUT, "", "the time is up");
        ask_all(follow, now_ms);
        uint64_t next = next_deadline(follow);
        int code = handle_turn(follow->reeve, next < until_ms ? next : until_ms);
        if (code != REEVE_OK)
            return code;
    }
}

static int start(struct follow *follow, const struct uuid *ids, struct opt_u64 after)
{
    for (size_t i = 0; i < follow->count; i++) {
        follow->at[i] = (struct follower){.follow = follow, .index = i};
        watch_init(&follow->at[i].watch, &ids[i], after, deliver, &follow->at[i]);
    }
    qsort(follow->at, follow->count, sizeof *follow->at, by_id);
    conn_on_event(follow->reeve->conn, on_published, follow);
    for (size_t i = 0; i < follow->count; i++) {
        struct follower *follower = &follow->at[i];
        follower->watch.arg = follower; /* it has moved */
        if (i > 0 && by_id(follower - 1, follower) == 0)
            return handle_fail(follow->reeve, REEVE_INVALID_REQUEST, "id", "a job is named twice");
        int rc = conn_subscribe(follow->reeve->conn, &follower->watch.job);
        if (rc < 0)
            return handle_fail_status(follow->reeve, rc);
        follower->subscribed = true;
    }
    return REEVE_OK;
}

static void finish(struct follow *follow)
{
    struct conn *conn = follow->reeve->conn;
    conn_on_event(conn, NULL, NULL);
    conn_abandon(conn, follow);
    for (size_t i = 0; i < follow->count; i++) {
        struct follower *follower = &follow->at[i];
        if (follower->watch.asked != WATCH_ASK_NOTHING)
            conn_abandon(conn, follower);
        if (follower->subscribed)
            conn_unsubscribe(conn, &follower->watch.job);
    }
    free(follow->at);
    buf_fini(&follow->scratch);
}

int follow_run(struct reeve *reeve, const struct uuid *ids, size_t count,
               const struct reeve_follow_options *options, follow_news *on_news, void *arg)
{
    const struct reeve_follow_options none = {0};
    options = options ? options : &none;
    struct follow follow = {.reeve = reeve, .count = count, .on_news = on_news, .arg = arg};
    uint64_t until_ms = options->timeout_ms ? clock_mono_ms() + options->timeout_ms : UINT64_MAX;
    if (count > FOLLOW_JOBS_MAX)
        return handle_fail(reeve, REEVE_INVALID_REQUEST, "id", "at most %d jobs are followed",
                           FOLLOW_JOBS_MAX);
    follow.at = calloc(count ? count : 1, sizeof *follow.at);
    if (!follow.at)
        return handle_fail_memory(reeve);
    int code = start(&follow, ids, (struct opt_u64){options->after, options->has_after});
    if (code == REEVE_OK)
        code = run(&follow, until_ms);
    finish(&follow);
    return code;
}
