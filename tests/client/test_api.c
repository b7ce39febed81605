/* The public API against a fake broker: what is asked, what is answered, what goes wrong.
 * Must never need more than reeve.h to use it, as any program.
 */
#include "tests/testing.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/reeve.h"
#include "proto/pack.h"
#include "tests/client/fake_broker.h"

#define ID "0192d3a0-7c1e-7000-8000-00000000002a"

/* What the fake broker knows of one job, and what it saw. */
struct world {
    enum job_state status;
    uint64_t rev;
    bool ending, deaf_to_cancel;
    unsigned batches, jobs;
    char last_type[32];
    char idempotency_key[32];
    uint64_t priority;
    bool priority_set;
    struct uuid last_id;
};

static struct uuid job_id(void)
{
    struct uuid id;
    assert_good(uuid_parse(TEXT(ID), &id));
    return id;
}

static struct slice encoded(struct buf *bytes, const struct shape *shape, const void *value)
{
    size_t before = bytes->len;
    assert_good(shape_encode(bytes, shape, value, KEYS_NAMES));
    return (struct slice){bytes->at + before, bytes->len - before};
}

static struct slice packed_text(struct buf *bytes, const char *text)
{
    size_t before = bytes->len;
    assert_good(pack_text(bytes, text_of(text)));
    return (struct slice){bytes->at + before, bytes->len - before};
}

static bool say_error(struct message *answer, const char *code, const char *field)
{
    answer->id = MSG_ERROR;
    answer->error.code = text_of(code);
    answer->error.message = TEXT("it cannot be");
    answer->error.field = text_of(field);
    return true;
}

static bool say_job(const struct world *world, struct buf *bytes, struct message *answer)
{
    struct wire_job job = {
        .id = job_id(), .type = TEXT("count"), .status = world->status, .rev = world->rev};
    if (world->status == JOB_COMPLETED)
        job.result = packed_text(bytes, "done");
    answer->id = MSG_JOB_IS;
    answer->job_is.job = encoded(bytes, &shape_job, &job);
    answer->job_is.ending = world->ending;
    return true;
}

/* Types that begin with "bad" are refused one by one, "worse" as a whole batch. */
static bool say_submitted(struct world *world, const struct message *request, struct buf *bytes,
                          struct message *answer)
{
    struct list_iter iter;
    struct wire_spec spec;
    struct fault fault;
    size_t mark;
    uint32_t count = 0;
    world->batches++;
    snprintf(world->idempotency_key, sizeof world->idempotency_key, "%.*s",
             (int)request->submit.idempotency_key.len, request->submit.idempotency_key.at);
    assert_good(list_open(request->submit.jobs, &iter));
    assert_good(list_begin(bytes, &mark));
    for (; list_next(&iter, &shape_spec, KEYS_NAMES, &spec, &fault) == 1; count++) {
        struct wire_submit_answer item = {.id = spec.id, .status = JOB_PENDING};
        static struct buf inner;
        buf_clear(&inner);
        const struct wire_fault no = {.code = TEXT("QUEUE_FULL"), .message = TEXT("no room")};
        if (text_is(spec.type, "worse"))
            return say_error(answer, "STORE_FULL", "");
        if (text_is(spec.type, "bad") && request->submit.partial)
            item.error = encoded(&inner, &shape_fault, &no);
        else if (text_is(spec.type, "bad"))
            return say_error(answer, "INVALID_REQUEST", "jobs[0].type");
        if (request->submit.whole) {
            const struct wire_job job = {.id = spec.id, .type = spec.type};
            item.job = encoded(&inner, &shape_job, &job);
        }
        assert_good(shape_encode(bytes, &shape_submit_answer, &item, KEYS_NAMES));
        buf_fini(&inner);
        world->jobs++;
        world->priority = spec.priority.value;
        world->priority_set = spec.priority.set;
        world->last_id = spec.id;
        snprintf(world->last_type, sizeof world->last_type, "%.*s", (int)spec.type.len,
                 spec.type.at);
    }
    list_end(bytes, mark, count);
    answer->id = MSG_SUBMITTED;
    answer->submitted.jobs = buf_slice(bytes);
    return true;
}

static bool say_revs(const struct world *world, struct buf *bytes, struct message *answer)
{
    const struct wire_standing standing = {job_id(), world->rev, world->status, world->ending, 0};
    assert_good(pack_array(bytes, 1));
    encoded(bytes, &shape_standing, &standing);
    answer->id = MSG_REVS;
    answer->revs.jobs = buf_slice(bytes);
    return true;
}

/* The one event that there is to fetch: the last. */
static bool say_events(const struct world *world, const struct message *request, struct buf *bytes,
                       struct message *answer)
{
    const struct wire_event event = {.job = job_id(),
                                     .rev = world->rev,
                                     .type = text_of(job_state_word(world->status)),
                                     .status = world->status};
    bool any = request->get_events.after < world->rev;
    assert_good(pack_array(bytes, any));
    if (any)
        encoded(bytes, &shape_event, &event);
    answer->id = MSG_EVENTS;
    answer->events.events = buf_slice(bytes);
    answer->events.oldest = 1;
    return true;
}

static bool say_list(const struct world *world, const struct message *request, struct buf *bytes,
                     struct message *answer)
{
    const struct wire_job job = {.id = job_id(), .status = world->status};
    assert_int_equal(request->list_jobs.limit.value, 7);
    struct list_iter iter;
    struct wire_filter filter;
    struct fault fault;
    assert_good(
        shape_decode(request->list_jobs.filter, &shape_filter, KEYS_NAMES, &filter, &fault));
    assert_good(list_open(filter.status, &iter));
    assert_int_equal(iter.count, 2);
    assert_good(pack_array(bytes, 1));
    encoded(bytes, &shape_job, &job);
    answer->id = MSG_JOBS;
    answer->jobs.jobs = buf_slice(bytes);
    answer->jobs.total = opt_of(12);
    answer->jobs.next_cursor = TEXT("c\"1");
    return true;
}

static bool answer(void *arg, const struct message *request, struct buf *bytes,
                   struct message *answer_out)
{
    struct world *world = arg;
    switch (request->id) {
    case MSG_SUBMIT:
        return say_submitted(world, request, bytes, answer_out);
    case MSG_GET_JOB:
        return uuid_eq(&request->get_job.id, &(struct uuid){{1}})
                   ? say_error(answer_out, "NOT_FOUND", "id")
                   : say_job(world, bytes, answer_out);
    case MSG_CANCEL:
        if (world->status == JOB_CANCELLED)
            return say_error(answer_out, "CONFLICT", "");
        world->status = JOB_CANCELLED;
        return !world->deaf_to_cancel && say_job(world, bytes, answer_out);
    case MSG_DELETE:
        return say_error(answer_out, "NOT_FOUND", "id");
    case MSG_LIST_JOBS:
        return say_list(world, request, bytes, answer_out);
    case MSG_GET_REVS:
        return say_revs(world, bytes, answer_out);
    case MSG_GET_EVENTS:
        return say_events(world, request, bytes, answer_out);
    case MSG_GET_RESULT:
        answer_out->id = MSG_RESULT;
        answer_out->result.result = packed_text(bytes, "done");
        return true;
    case MSG_GET_LOGS:
        answer_out->id = MSG_LOGS;
        answer_out->logs.total = 3;
        return true;
    case MSG_GET_ATTEMPTS:
        answer_out->id = MSG_ATTEMPTS;
        answer_out->attempts.total = 2;
        return true;
    case MSG_GET_QUESTION:
        encoded(bytes, &shape_question, &(struct wire_question){.n = 2, .kind = TEXT("confirm")});
        answer_out->id = MSG_QUESTION_IS;
        answer_out->question_is.question = buf_slice(bytes);
        return true;
    case MSG_ANSWER:
        if (request->answer.question != 2)
            return say_error(answer_out, "CONFLICT", "question");
        assert_true(request->answer.answer.len == 1 && *request->answer.answer.at == 0xc3);
        return say_job(world, bytes, answer_out);
    case MSG_GET_STATS:
        answer_out->id = MSG_STATS;
        answer_out->stats.total_submitted = opt_of(5);
        return true;
    default:
        return say_error(answer_out, "UNKNOWN_MESSAGE", "");
    }
}

/* --- one broker and one handle a test ------------------------------------------------------------
 */

struct stage {
    struct world world;
    struct fake_broker *fake;
    struct reeve *reeve;
};

static struct reeve *connect_to(const struct fake_broker *fake, uint32_t timeout_ms)
{
    struct reeve *reeve;
    struct reeve_options options = {
        .broker = fake_endpoint(fake), .timeout_ms = timeout_ms, .batch = 3, .window = 2};
    assert_int_equal(reeve_connect(&options, &reeve), REEVE_OK);
    return reeve;
}

static int set_up(void **state)
{
    static struct stage stage;
    stage = (struct stage){.world = {.status = JOB_PENDING, .rev = 1}};
    stage.fake = fake_start(answer, &stage.world, NULL);
    stage.reeve = connect_to(stage.fake, 0);
    *state = &stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    reeve_close(&stage->reeve);
    fake_free(stage->fake);
    return 0;
}

/* The world as it is now, and a change of it, while the broker's thread looks elsewhere. */
static struct world look(struct stage *stage)
{
    fake_lock(stage->fake);
    struct world world = stage->world;
    fake_unlock(stage->fake);
    return world;
}

static void change(struct stage *stage, enum job_state status, uint64_t rev)
{
    fake_lock(stage->fake);
    stage->world.status = status;
    stage->world.rev = rev;
    fake_unlock(stage->fake);
}

#define API_TEST(name) static void name(void **state)
#define STAGE()                   \
    struct stage *stage = *state; \
    struct reeve *reeve = stage->reeve

API_TEST(submits_one_job)
{
    STAGE();
    char id[REEVE_ID_SIZE], sent[REEVE_ID_SIZE];
    char *job = NULL;
    struct reeve_spec spec = {.type = "count", .params_json = "{\"n\": 1}"};
    assert_int_equal(reeve_submit(reeve, &spec, id, NULL), REEVE_OK);
    struct world world = look(stage);
    uuid_format(&world.last_id, sent);
    assert_string_equal(id, sent);
    assert_false(look(stage).priority_set);
    spec.has_priority = true;
    spec.id = "0192D3A07C1E7000800000000000002A";
    spec.idempotency_key = "once";
    assert_int_equal(reeve_submit(reeve, &spec, id, &job), REEVE_OK);
    assert_string_equal(id, ID);
    assert_string_equal(look(stage).idempotency_key, "once");
    assert_true(look(stage).priority_set);
    assert_string_equal(job, "{\"id\":\"" ID "\",\"type\":\"count\"}");
    reeve_free(job);
}

API_TEST(says_what_is_wrong_with_a_submit)
{
    STAGE();
    struct reeve_spec spec = {0};
    assert_int_equal(reeve_error(reeve)->code, REEVE_OK);
    assert_int_equal(reeve_submit(reeve, &spec, NULL, NULL), REEVE_INVALID_REQUEST);
    assert_string_equal(reeve_error(reeve)->field, "type");
    spec.type = "count";
    spec.params_json = "{\"n\": }";
    assert_int_equal(reeve_submit(reeve, &spec, NULL, NULL), REEVE_INVALID_REQUEST);
    assert_string_equal(reeve_error(reeve)->field, "params");
    spec.params_json = NULL;
    spec.params_msgpack = "\x81";
    spec.params_msgpack_size = 1;
    assert_int_equal(reeve_submit(reeve, &spec, NULL, NULL), REEVE_INVALID_REQUEST);
    spec.params_msgpack = NULL;
    spec.id = "no id";
    assert_int_equal(reeve_submit(reeve, &spec, NULL, NULL), REEVE_INVALID_REQUEST);
    assert_string_equal(reeve_error(reeve)->field, "id");
    assert_int_equal(look(stage).batches, 0);
    spec = (struct reeve_spec){.type = "bad"};
    assert_int_equal(reeve_submit(reeve, &spec, NULL, NULL), REEVE_INVALID_REQUEST);
    assert_string_equal(reeve_error(reeve)->name, "INVALID_REQUEST");
    assert_string_equal(reeve_error(reeve)->message, "it cannot be");
    assert_string_equal(reeve_error(reeve)->field, "type");
}

API_TEST(submits_many_in_batches)
{
    STAGE();
    struct reeve_spec specs[20];
    struct reeve_submitted answers[20];
    for (int i = 0; i < 20; i++)
        specs[i] = (struct reeve_spec){.type = "count"};
    specs[4].type = "bad";
    specs[5].params_json = "nonsense";
    specs[6].idempotency_key = "not here";
    assert_int_equal(reeve_submit_many(reeve, specs, 20, answers), REEVE_OK);
    assert_int_equal(look(stage).jobs, 18);
    assert_true(look(stage).batches >= 6);
    for (int i = 0; i < 20; i++) {
        int expected = i == 4   ? REEVE_QUEUE_FULL
                       : i == 5 ? REEVE_INVALID_REQUEST
                       : i == 6 ? REEVE_INVALID_REQUEST
                                : REEVE_OK;
        assert_int_equal(answers[i].code, expected);
        assert_int_equal(strlen(answers[i].id), i == 5 || i == 6 ? 0 : 36);
    }
    assert_string_equal(answers[4].message, "no room");
    assert_int_equal(reeve_submit_many(reeve, specs, 0, answers), REEVE_OK);
}

API_TEST(a_batch_that_fails_ends_the_sending)
{
    STAGE();
    struct reeve_spec specs[30];
    struct reeve_submitted answers[30];
    for (int i = 0; i < 30; i++)
        specs[i] = (struct reeve_spec){.type = i == 4 ? "worse" : "count"};
    assert_int_equal(reeve_submit_many(reeve, specs, 30, answers), REEVE_STORE_FULL);
    assert_string_equal(reeve_error(reeve)->name, "STORE_FULL");
    assert_int_equal(answers[0].code, REEVE_OK);
    assert_int_equal(answers[4].code, REEVE_STORE_FULL);
    assert_int_equal(answers[29].code, REEVE_STORE_FULL);
    assert_true(look(stage).batches <= 4);
}

API_TEST(reads_and_changes)
{
    STAGE();
    char *text = NULL;
    enum reeve_state now;
    struct reeve_filter filter = {.status = "failed,pending", .limit = 7};
    assert_int_equal(reeve_get(reeve, ID, &text), REEVE_OK);
    assert_non_null(strstr(text, "\"status\":\"pending\""));
    reeve_free(text);
    assert_int_equal(reeve_status(reeve, ID, &now), REEVE_OK);
    assert_int_equal(now, REEVE_PENDING);
    assert_string_equal(reeve_state_name(now), "pending");
    assert_int_equal(reeve_list(reeve, &filter, &text), REEVE_OK);
    assert_string_equal(text, "{\"jobs\":[{\"id\":\"" ID "\",\"status\":\"pending\"}],\"total\":12,"
                              "\"total_capped\":false,\"limit\":7,\"has_more\":true,"
                              "\"next_cursor\":\"c\\\"1\"}");
    reeve_free(text);
    assert_int_equal(reeve_result(reeve, ID, &text), REEVE_OK);
    assert_string_equal(text, "\"done\"");
    reeve_free(text);
    assert_int_equal(reeve_logs(reeve, ID, NULL, &text), REEVE_OK);
    assert_string_equal(text, "{\"logs\":[],\"total\":3,\"next\":0,\"dropped\":0}");
    reeve_free(text);
    assert_int_equal(reeve_attempts(reeve, ID, &text), REEVE_OK);
    assert_string_equal(text, "{\"attempts\":[],\"total\":2}");
    reeve_free(text);
    assert_int_equal(reeve_question(reeve, ID, &text), REEVE_OK);
    assert_string_equal(text, "{\"n\":2,\"kind\":\"confirm\"}");
    reeve_free(text);
    assert_int_equal(reeve_answer(reeve, ID, "true", 2, &text), REEVE_OK);
    assert_non_null(strstr(text, "\"status\":\"pending\""));
    reeve_free(text);
    assert_int_equal(reeve_answer(reeve, ID, "true", 1, NULL), REEVE_CONFLICT);
    assert_int_equal(reeve_answer(reeve, ID, "{yes", 2, NULL), REEVE_INVALID_REQUEST);
    assert_string_equal(reeve_error(reeve)->field, "answer");
    assert_int_equal(reeve_stats(reeve, &text), REEVE_OK);
    assert_string_equal(text, "{\"total_submitted\":5}");
    reeve_free(text);
    assert_int_equal(reeve_cancel(reeve, ID, "why not", NULL), REEVE_OK);
    assert_int_equal(reeve_cancel(reeve, ID, NULL, NULL), REEVE_CONFLICT);
    assert_int_equal(reeve_delete(reeve, ID), REEVE_NOT_FOUND);
    assert_int_equal(reeve_retry(reeve, ID, NULL), REEVE_UNSUPPORTED_VERSION);
    assert_int_equal(reeve_get(reeve, "nothing", &text), REEVE_INVALID_REQUEST);
}

/* As soon as the cancel is there, and swallowed, the broker is started anew. */
static void *restart_after_cancel(void *arg)
{
    struct stage *stage = arg;
    struct fake_broker *first = stage->fake;
    while (fake_count(first, MSG_CANCEL) == 0)
        sched_yield();
    fake_stop(first);
    stage->world.deaf_to_cancel = false;
    stage->fake = fake_start(answer, &stage->world, first);
    fake_free(first);
    return NULL;
}

API_TEST(a_cancel_whose_answer_was_lost_counts)
{
    STAGE();
    pthread_t thread;
    char *job = NULL;
    fake_lock(stage->fake);
    stage->world.deaf_to_cancel = true;
    fake_unlock(stage->fake);
    assert_good(pthread_create(&thread, NULL, restart_after_cancel, stage));
    assert_int_equal(reeve_cancel(reeve, ID, NULL, &job), REEVE_OK);
    assert_good(pthread_join(thread, NULL));
    assert_non_null(strstr(job, "\"status\":\"cancelled\""));
    reeve_free(job);
}

/* Here the only copy that reached a session is the one that is refused. */
API_TEST(a_cancel_that_came_too_late_does_not)
{
    STAGE();
    struct fake_broker *first = stage->fake;
    assert_int_equal(reeve_stats(reeve, NULL), REEVE_OK);
    fake_stop(first);
    stage->world.status = JOB_CANCELLED;
    stage->fake = fake_start(answer, &stage->world, first);
    fake_free(first);
    assert_int_equal(reeve_cancel(reeve, ID, NULL, NULL), REEVE_CONFLICT);
}

API_TEST(waits_until_the_job_has_ended)
{
    STAGE();
    enum reeve_state end;
    char *job = NULL;
    assert_int_equal(reeve_wait(reeve, ID, 50, &end, NULL), REEVE_TIMEOUT);
    change(stage, JOB_COMPLETED, 2);
    assert_int_equal(reeve_wait(reeve, ID, 0, &end, &job), REEVE_OK);
    assert_int_equal(end, REEVE_COMPLETED);
    assert_non_null(strstr(job, "\"result\":\"done\""));
    reeve_free(job);
    assert_int_equal(reeve_wait(reeve, "01000000000000000000000000000000", 0, &end, NULL),
                     REEVE_NOT_FOUND);
}

struct seen {
    struct stage *stage;
    char kinds[32];
    size_t count;
    size_t stop_after;
    int inner;
};

/* The first news make the job complete: its event is fetched, as nothing is published. */
static int on_news(void *arg, const struct reeve_news *news)
{
    struct seen *seen = arg;
    assert_true(seen->count + 1 < sizeof seen->kinds);
    seen->kinds[seen->count++] = (char)('0' + news->kind);
    assert_string_equal(news->id, ID);
    if (news->kind == REEVE_SNAPSHOT) {
        assert_non_null(strstr(news->json, "\"type\":\"count\""));
        seen->inner = reeve_stats(seen->stage->reeve, NULL);
        change(seen->stage, JOB_COMPLETED, 2);
    }
    if (news->kind == REEVE_EVENT) {
        assert_string_equal(news->type, "completed");
        assert_non_null(strstr(news->json, "\"rev\":2"));
    }
    return seen->count == seen->stop_after;
}

API_TEST(follows_a_job)
{
    STAGE();
    const char *ids[] = {ID, ID};
    struct seen seen = {.stage = stage};
    assert_int_equal(reeve_follow(reeve, ids, 1, NULL, on_news, &seen), REEVE_OK);
    assert_string_equal(seen.kinds, "124");
    assert_int_equal(seen.inner, REEVE_BUSY);
    seen = (struct seen){.stage = stage, .stop_after = 1};
    assert_int_equal(reeve_follow(reeve, ids, 1, NULL, on_news, &seen), REEVE_STOPPED);
    assert_int_equal(reeve_follow(reeve, ids, 2, NULL, on_news, &seen), REEVE_INVALID_REQUEST);
    assert_int_equal(reeve_stats(reeve, NULL), REEVE_OK);
}

API_TEST(without_a_broker_it_gives_up)
{
    STAGE();
    fake_stop(stage->fake);
    struct reeve *other = connect_to(stage->fake, 100);
    uint64_t before = clock_mono_ms();
    assert_int_equal(reeve_stats(other, NULL), REEVE_UNAVAILABLE);
    assert_true(clock_mono_ms() - before >= 100);
    assert_non_null(strstr(reeve_error(other)->message, fake_endpoint(stage->fake)));
    reeve_close(&other);
    (void)reeve;
}

API_TEST(a_refused_session_is_told)
{
    STAGE();
    fake_refuse(stage->fake, "UNSUPPORTED_VERSION");
    assert_int_equal(reeve_stats(reeve, NULL), REEVE_UNSUPPORTED_VERSION);
    assert_non_null(strstr(reeve_error(reeve)->message, "says no"));
}

TEST(codes_and_states_have_the_words_of_the_tables)
{
    assert_string_equal(reeve_code_name(REEVE_OK), "OK");
    assert_string_equal(reeve_code_name(REEVE_INVALID_REQUEST), "INVALID_REQUEST");
    assert_string_equal(reeve_code_name(REEVE_UNAUTHORIZED), "UNAUTHORIZED");
    assert_string_equal(reeve_code_name(REEVE_FORBIDDEN), "FORBIDDEN");
    assert_string_equal(reeve_code_name(REEVE_NOT_FOUND), "NOT_FOUND");
    assert_string_equal(reeve_code_name(REEVE_CONFLICT), "CONFLICT");
    assert_string_equal(reeve_code_name(REEVE_GONE), "GONE");
    assert_string_equal(reeve_code_name(REEVE_PAYLOAD_TOO_LARGE), "PAYLOAD_TOO_LARGE");
    assert_string_equal(reeve_code_name(REEVE_IDEMPOTENCY_MISMATCH), "IDEMPOTENCY_MISMATCH");
    assert_string_equal(reeve_code_name(REEVE_RATE_LIMITED), "RATE_LIMITED");
    assert_string_equal(reeve_code_name(REEVE_QUEUE_FULL), "QUEUE_FULL");
    assert_string_equal(reeve_code_name(REEVE_STORE_FULL), "STORE_FULL");
    assert_string_equal(reeve_code_name(REEVE_UNAVAILABLE), "UNAVAILABLE");
    assert_string_equal(reeve_code_name(REEVE_SERVER_ERROR), "SERVER_ERROR");
    assert_string_equal(reeve_code_name(REEVE_UNSUPPORTED_VERSION), "UNSUPPORTED_VERSION");
    assert_string_equal(reeve_code_name(REEVE_TIMEOUT), "TIMEOUT");
    assert_string_equal(reeve_code_name(99), "UNKNOWN");
    assert_string_equal(reeve_code_name(-1), "UNKNOWN");
    assert_string_equal(reeve_state_name(REEVE_WAITING), "waiting");
    assert_string_equal(reeve_state_name((enum reeve_state)77), "none");
}

#define API(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        API(submits_one_job),
        API(says_what_is_wrong_with_a_submit),
        API(submits_many_in_batches),
        API(a_batch_that_fails_ends_the_sending),
        API(reads_and_changes),
        API(a_cancel_whose_answer_was_lost_counts),
        API(a_cancel_that_came_too_late_does_not),
        API(waits_until_the_job_has_ended),
        API(follows_a_job),
        API(without_a_broker_it_gives_up),
        API(a_refused_session_is_told),
        cmocka_unit_test(codes_and_states_have_the_words_of_the_tables),
    };
    return TESTS_RUN(tests);
}
