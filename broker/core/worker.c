/* A worker's queues, types, slots and name, as its hello told them. */
#include "broker/core/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "broker/core/gather.h"
#include "broker/core/name.h"
#include "broker/core/reply.h"

static int check_names(struct core *core, struct slice list, const char *field, size_t len_max)
{
    struct list_iter iter;
    struct text name;
    int more;
    if (list_open(list, &iter) != 0)
        return refuse(core, WIRE_INVALID_REQUEST, field, "expected a list of names");
    while ((more = list_next_text(&iter, &name)) == 1)
        if (!name_is_fit(name, len_max))
            return refuse(core, WIRE_INVALID_REQUEST, field,
                          "expected names of 1 to %zu bytes without control characters", len_max);
    return more == 0 ? 0 : refuse(core, WIRE_INVALID_REQUEST, field, "expected a list of names");
}

int worker_check(struct core *core, const struct msg_hello *hello)
{
    int rc = check_names(core, hello->queues, "queues", QUEUE_LEN_MAX);
    return rc != 0 ? rc : check_names(core, hello->types, "types", TYPE_LEN_MAX);
}

/* Copies a list of names behind `at`; returns how many. */
static size_t copy_names(struct slice list, struct text *names, char **at)
{
    struct list_iter iter;
    struct text name;
    size_t count = 0;
    CHECK(list_open(list, &iter) == 0);
    while (list_next_text(&iter, &name) == 1) {
        memcpy(*at, name.at, name.len);
        names[count++] = (struct text){*at, name.len};
        *at += name.len;
    }
    return count;
}

static uint32_t count_of(struct slice list)
{
    struct list_iter iter;
    CHECK(list_open(list, &iter) == 0);
    return iter.count;
}

static int set_names(struct worker *worker, const struct msg_hello *hello)
{
    static const char preset[] = "default";
    uint32_t queues = count_of(hello->queues), types = count_of(hello->types);
    struct text *names = calloc((size_t)queues + types + 1, sizeof *names);
    char *words = malloc(hello->queues.len + hello->types.len + sizeof preset);
    if (!names || !words) {
        free(names);
        free(words);
        return -ENOMEM;
    }
    free(worker->queues);
    free(worker->words);
    char *at = words;
    worker->words = words;
    worker->queues = names;
    worker->queue_count = copy_names(hello->queues, names, &at);
    if (worker->queue_count == 0)
        names[worker->queue_count++] = TEXT("default");
    worker->types = names + worker->queue_count;
    worker->type_count = copy_names(hello->types, worker->types, &at);
    worker->queue_turn = 0;
    worker->mark.lane.is_set = false;
    return 0;
}

void worker_set_slots(struct worker *worker, uint64_t slots)
{
    worker->slots = worker->draining ? 0 : (uint32_t)slots;
}

int worker_set(struct session *session, const struct msg_hello *hello, uint64_t wall_ms)
{
    if (!session->worker)
        session->worker = calloc(1, sizeof *session->worker);
    struct worker *worker = session->worker;
    if (!worker)
        return -ENOMEM;
    if (worker->since == 0)
        worker->since = wall_ms;
    worker->pid = hello->pid;
    snprintf(worker->program, sizeof worker->program, "%.*s", (int)hello->program.len,
             hello->program.len ? hello->program.at : "");
    worker_set_slots(worker, hello->slots);
    struct wire_worker_ref ref = {.name = hello->name, .host = hello->host};
    buf_clear(&worker->ref);
    int rc = shape_encode(&worker->ref, &shape_worker_ref, &ref, KEYS_NAMES);
    return rc < 0 ? rc : set_names(worker, hello);
}

bool worker_takes(const struct worker *worker, struct text type)
{
    for (size_t i = 0; i < worker->type_count; i++)
        if (text_eq(worker->types[i], type))
            return true;
    return worker->type_count == 0;
}

void worker_destroy(struct worker **worker)
{
    struct worker *w = *worker;
    *worker = NULL;
    if (!w)
        return;
    CHECK(!w->leases);
    free(w->queues); /* types are behind them */
    free(w->words);
    buf_fini(&w->ref);
    gather_fini(w);
    free(w);
}
