/* Setting, reading, pausing, running and previewing schedules.
 * Must never keep anything between calls.
 */
#include "client/schedules.h"

#include "client/answer.h"
#include "client/spec.h"
#include "proto/json.h"

static int take_schedule(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    int rc = json_from_shape(answer->schedule_is.schedule, &shape_schedule, &text);
    return answer_take(reeve, rc, &text, arg);
}

static int take_whole(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_whole(answer, &text), &text, arg);
}

/* --- set -------------------------------------------------------------------------------------- */

int schedules_set(struct reeve *reeve, const struct reeve_schedule *schedule, handle_use *use,
                  void *arg)
{
    struct buf scratch = {0}, spec = {0};
    struct message request = {.id = MSG_SET_SCHEDULE};
    struct msg_set_schedule *set = &request.set_schedule;
    if (schedule->spec.idempotency_key)
        return handle_fail(reeve, REEVE_INVALID_REQUEST, "idempotency_key",
                           "an idempotency key is for a single submit");
    int code = spec_encode(reeve, &schedule->spec, &scratch, &spec, NULL);
    set->name = text_of(schedule->name);
    set->cron = text_of(schedule->cron);
    set->zone = text_of(schedule->zone);
    set->spec = buf_slice(&spec);
    set->misfire = text_of(schedule->misfire);
    set->overlap = text_of(schedule->overlap);
    set->paused = schedule->paused;
    if (code == REEVE_OK)
        code = handle_call(reeve, &request, MSG_SCHEDULE_IS, use, arg);
    buf_fini(&scratch);
    buf_fini(&spec);
    return code;
}

int reeve_schedule_set(struct reeve *reeve, const struct reeve_schedule *schedule,
                       char **schedule_out)
{
    int code = handle_enter(reeve);
    return code == REEVE_OK ? schedules_set(reeve, schedule, take_schedule, schedule_out) : code;
}

/* --- one -------------------------------------------------------------------------------------- */

int schedules_get(struct reeve *reeve, const char *name, const char *owner, handle_use *use,
                  void *arg)
{
    struct message request = {.id = MSG_GET_SCHEDULE};
    request.get_schedule.name = text_of(name);
    request.get_schedule.of_owner = text_of(owner);
    return handle_call(reeve, &request, MSG_SCHEDULE_IS, use, arg);
}

int schedules_pause(struct reeve *reeve, const char *name, const char *owner, bool paused,
                    handle_use *use, void *arg)
{
    struct message request = {.id = paused ? MSG_PAUSE_SCHEDULE : MSG_RESUME_SCHEDULE};
    if (paused) {
        request.pause_schedule.name = text_of(name);
        request.pause_schedule.of_owner = text_of(owner);
    } else {
        request.resume_schedule.name = text_of(name);
        request.resume_schedule.of_owner = text_of(owner);
    }
    return handle_call(reeve, &request, MSG_SCHEDULE_IS, use, arg);
}

int reeve_schedule_get(struct reeve *reeve, const char *name, const char *owner,
                       char **schedule_out)
{
    int code = handle_enter(reeve);
    return code == REEVE_OK ? schedules_get(reeve, name, owner, take_schedule, schedule_out) : code;
}

int reeve_schedule_pause(struct reeve *reeve, const char *name, const char *owner,
                         char **schedule_out)
{
    int code = handle_enter(reeve);
    return code == REEVE_OK ? schedules_pause(reeve, name, owner, true, take_schedule, schedule_out)
                            : code;
}

int reeve_schedule_resume(struct reeve *reeve, const char *name, const char *owner,
                          char **schedule_out)
{
    int code = handle_enter(reeve);
    return code == REEVE_OK
               ? schedules_pause(reeve, name, owner, false, take_schedule, schedule_out)
               : code;
}

int reeve_schedule_delete(struct reeve *reeve, const char *name, const char *owner)
{
    struct message request = {.id = MSG_DELETE_SCHEDULE};
    int code = handle_enter(reeve);
    if (code != REEVE_OK)
        return code;
    request.delete_schedule.name = text_of(name);
    request.delete_schedule.of_owner = text_of(owner);
    code = handle_call(reeve, &request, MSG_SCHEDULE_DELETED, NULL, NULL);
    return code == REEVE_NOT_FOUND && reeve->resent ? REEVE_OK : code;
}

/* --- run -------------------------------------------------------------------------------------- */

static int take_job(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_job(answer, &text), &text, arg);
}

int reeve_schedule_run(struct reeve *reeve, const char *name, const char *owner,
                       char id_out[REEVE_ID_SIZE], char **job_out)
{
    struct message request = {.id = MSG_RUN_SCHEDULE};
    int code = handle_enter(reeve);
    if (code != REEVE_OK)
        return code;
    request.run_schedule.name = text_of(name);
    request.run_schedule.of_owner = text_of(owner);
    request.run_schedule.id = handle_new_id(reeve);
    if (id_out)
        uuid_format(&request.run_schedule.id, id_out);
    return handle_call(reeve, &request, MSG_JOB_IS, take_job, job_out);
}

/* --- lists ------------------------------------------------------------------------------------ */

int schedules_list(struct reeve *reeve, const struct reeve_schedule_filter *filter, handle_use *use,
                   void *arg)
{
    struct message request = {.id = MSG_GET_SCHEDULES};
    if (filter) {
        request.get_schedules.of_owner = text_of(filter->owner);
        request.get_schedules.limit = filter->limit;
        request.get_schedules.cursor = text_of(filter->cursor);
    }
    return handle_call(reeve, &request, MSG_SCHEDULES, use, arg);
}

int reeve_schedules(struct reeve *reeve, const struct reeve_schedule_filter *filter,
                    char **schedules_out)
{
    int code = handle_enter(reeve);
    return code == REEVE_OK ? schedules_list(reeve, filter, take_whole, schedules_out) : code;
}

int schedules_preview(struct reeve *reeve, const struct reeve_preview *preview, handle_use *use,
                      void *arg)
{
    struct message request = {.id = MSG_PREVIEW_SCHEDULE};
    request.preview_schedule.name = text_of(preview->name);
    request.preview_schedule.of_owner = text_of(preview->owner);
    request.preview_schedule.cron = text_of(preview->cron);
    request.preview_schedule.zone = text_of(preview->zone);
    request.preview_schedule.after = preview->after_ms;
    request.preview_schedule.count = preview->count;
    return handle_call(reeve, &request, MSG_PREVIEW, use, arg);
}

int reeve_schedule_preview(struct reeve *reeve, const struct reeve_preview *preview,
                           char **preview_out)
{
    int code = handle_enter(reeve);
    return code == REEVE_OK ? schedules_preview(reeve, preview, take_whole, preview_out) : code;
}
