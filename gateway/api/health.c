/* Figures, and whether gateway and broker are well. */
#include "gateway/api/ask.h"
#include "gateway/api/job.h"
#include "gateway/api/routes.h"
#include "proto/json.h"

static void got_stats(struct request *request, const struct message *answer)
{
    struct buf body = {0};
    int rc = json_from_struct(&answer->stats, message_shape(MSG_STATS), &body);
    json_respond(request, 200, rc, &body);
}

void stats_get(struct request *request)
{
    if (ask_message(request, MSG_GET_STATS))
        ask(request, got_stats);
}

static void respond_word(struct request *request, const char *word)
{
    struct buf body = {0};
    int rc = buf_printf(&body, "{\"status\":\"%s\"}", word);
    json_respond(request, 200, rc, &body);
}

/* This process is alive; nothing more. */
void health_live(struct request *request)
{
    respond_word(request, "ok");
}

static void is_ready(struct request *request, const struct message *answer)
{
    (void)answer;
    respond_word(request, "ready");
}

/* The broker answers: a question about no job at all is the cheapest that goes through its core. */
void health_ready(struct request *request)
{
    if (ask_message(request, MSG_GET_REVS))
        ask(request, is_ready);
}
