/* Schedules as people see them: one, a page of them, the next ticks. Reads only. */
#include <errno.h>
#include <string.h>

#include "broker/core/job.h"
#include "broker/core/name.h"
#include "broker/core/reply.h"
#include "broker/core/schedule_parts.h"

/* --- finding ---------------------------------------------------------------------------------- */

static int check_name(struct core *core, struct text name)
{
    if (name_is_fit(name, SCHEDULE_LEN_MAX))
        return 0;
    return refuse(core, WIRE_INVALID_REQUEST, "name",
                  "expected 1 to %d bytes without control characters", SCHEDULE_LEN_MAX);
}

int schedule_check_change(struct core *core, const struct session *session, struct text name)
{
    if (session->role == ROLE_OBSERVER)
        return refuse(core, WIRE_FORBIDDEN, "", "an observer changes nothing");
    return check_name(core, name);
}

int schedule_to_read(struct core *core, const struct caller *caller, struct text name,
                     struct text of_owner, struct schedule *s)
{
    struct text owner = of_owner.len ? of_owner : caller->owner;
    *s = (struct schedule){.owner = owner, .name = name};
    int rc = check_name(core, name);
    if (rc != 0)
        return rc;
    bool sees = caller->sees_all || text_eq(owner, caller->owner);
    rc = sees && name_is_fit(owner, OWNER_LEN_MAX) ? schedule_load(core, s) : STORE_NOT_FOUND;
    if (rc != STORE_NOT_FOUND)
        return rc;
    return refuse(core, WIRE_NOT_FOUND, "name", "there is no schedule '%.*s'", (int)name.len,
                  name.at);
}

int schedule_to_change(struct core *core, struct session *session, const struct message *message,
                       struct text name, struct text of_owner, struct schedule *s)
{
    struct caller caller = caller_of(session, message);
    int rc = schedule_check_change(core, session, name);
    return rc != 0 ? rc : schedule_to_read(core, &caller, name, of_owner, s);
}

/* --- showing ---------------------------------------------------------------------------------- */

static void fill(const struct schedule *s, struct wire_schedule *out)
{
    const struct rec_schedule *r = &s->r;
    *out = (struct wire_schedule){.name = s->name,
                                  .owner = s->owner,
                                  .cron = r->cron,
                                  .zone = r->zone,
                                  .misfire = r->misfire,
                                  .overlap = r->overlap,
                                  .paused = r->paused,
                                  .next_at = r->next_at,
                                  .last_at = r->last_at,
                                  .last_job = r->last_job,
                                  .runs = opt_of(r->runs),
                                  .missed = opt_of(r->missed),
                                  .skipped = opt_of(r->skipped),
                                  .last_error = r->last_error,
                                  .last_error_at = r->last_error_at,
                                  .created_at = r->created_at,
                                  .updated_at = r->updated_at};
}

/* Appends the schedule by names; `whole`: its spec with the params. */
static int render(struct core *core, const struct schedule *s, bool whole, struct buf *out)
{
    struct wire_schedule wire;
    struct wire_spec spec;
    fill(s, &wire);
    int rc = schedule_spec(core, s, &spec);
    if (rc < 0)
        return rc;
    if (!whole)
        spec.params = (struct slice){0};
    rc = shape_keep(&core->nested, &shape_spec, &spec, KEYS_NAMES, &wire.spec);
    return rc < 0 ? rc : shape_encode(out, &shape_schedule, &wire, KEYS_NAMES);
}

int schedule_answer(struct core *core, const struct schedule *s)
{
    struct message answer = {.id = MSG_SCHEDULE_IS};
    buf_clear(&core->rendered);
    int rc = render(core, s, true, &core->rendered);
    answer.schedule_is.schedule = buf_slice(&core->rendered);
    return rc < 0 ? rc : reply(core, &answer);
}

int handle_get_schedule(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_get_schedule *ask = &message->get_schedule;
    struct caller caller = caller_of(session, message);
    struct schedule s;
    int rc = schedule_to_read(core, &caller, ask->name, ask->of_owner, &s);
    return rc != 0 ? rc : schedule_answer(core, &s);
}

/* --- a page ----------------------------------------------------------------------------------- */

/* A cursor is the last schedule's owner and name with a line feed between. */
static int read_cursor(struct core *core, struct text cursor, struct rec_key *key,
                       struct slice *after_out)
{
    const char *feed = cursor.len ? memchr(cursor.at, '\n', cursor.len) : NULL;
    *after_out = (struct slice){0};
    if (cursor.len == 0)
        return 0;
    size_t len = feed ? (size_t)(feed - cursor.at) : 0;
    struct text owner = {cursor.at, len};
    struct text name = {cursor.at + len + 1, feed ? cursor.len - len - 1 : 0};
    if (!name_is_fit(owner, OWNER_LEN_MAX) || !name_is_fit(name, SCHEDULE_LEN_MAX))
        return refuse(core, WIRE_INVALID_REQUEST, "cursor",
                      "expected next_cursor of an earlier page");
    *after_out = key_schedule(key, 'h', owner, name);
    return 0;
}

static int append_row(struct core *core, const struct store_row *row, char *cursor)
{
    char kind;
    struct schedule s;
    struct fault fault;
    if (key_schedule_parse(row->key, &kind, &s.owner, &s.name) != 0 ||
        shape_decode(row->value, &shape_rec_schedule, KEYS_NUMBERS, &s.r, &fault) != 0)
        return -EBADMSG;
    memcpy(cursor, s.owner.at, s.owner.len);
    cursor[s.owner.len] = '\n';
    memcpy(cursor + s.owner.len + 1, s.name.at, s.name.len);
    cursor[s.owner.len + 1 + s.name.len] = '\0';
    return render(core, &s, false, &core->answer);
}

/* One row more than the page is read: is there a next one? */
static int make_page(struct core *core, const struct store_range *range)
{
    char cursor[SCHEDULE_CURSOR_MAX + 1];
    size_t mark;
    uint32_t count = 0;
    struct message answer = {.id = MSG_SCHEDULES};
    int rc = store_scan(core->store, range, &core->rows);
    buf_clear(&core->answer);
    if (rc == 0)
        rc = list_begin(&core->answer, &mark);
    size_t most = core->rows.count < range->limit ? core->rows.count : range->limit - 1;
    for (; rc == 0 && count < most && core->answer.len < PAGE_SIZE_MAX; count++)
        rc = append_row(core, &core->rows.at[count], cursor);
    if (rc < 0)
        return rc;
    list_end(&core->answer, mark, count);
    answer.schedules.schedules = buf_slice(&core->answer);
    if (count > 0 && count < core->rows.count)
        answer.schedules.next_cursor = text_of(cursor);
    return reply(core, &answer);
}

int handle_get_schedules(struct core *core, struct session *session, const struct message *message)
{
    const struct msg_get_schedules *ask = &message->get_schedules;
    struct caller caller = caller_of(session, message);
    struct text owner = ask->of_owner.len || caller.sees_all ? ask->of_owner : caller.owner;
    struct rec_key prefix, after;
    struct store_range range = {.table = TABLE_SCHEDULE,
                                .prefix = {(const uint8_t *)"h", 1},
                                .limit =
                                    1 + (ask->limit ? (size_t)ask->limit : LIST_LIMIT_DEFAULT)};
    if (!caller.sees_all && !text_eq(owner, caller.owner))
        return refuse(core, WIRE_FORBIDDEN, "of_owner", "only an admin sees others' schedules");
    if (owner.len && !name_is_fit(owner, OWNER_LEN_MAX))
        return refuse(core, WIRE_INVALID_REQUEST, "of_owner", "expected an owner's name");
    if (owner.len)
        range.prefix = key_schedule(&prefix, 'h', owner, (struct text){0});
    int rc = read_cursor(core, ask->cursor, &after, &range.after);
    return rc != 0 ? rc : make_page(core, &range);
}

/* --- a preview -------------------------------------------------------------------------------- */

static int append_tick(struct core *core, const struct schedule_rule *rule, uint64_t at)
{
    char local[ZONE_TIME_SIZE];
    struct wire_tick tick = {.at = at};
    zone_format(rule->zone, at, local);
    tick.local = text_of(local);
    return shape_encode(&core->answer, &shape_tick, &tick, KEYS_NAMES);
}

static int preview(struct core *core, const struct schedule *s, const struct schedule_rule *rule,
                   uint64_t after, uint64_t most)
{
    size_t mark;
    uint32_t count = 0;
    struct message answer = {.id = MSG_PREVIEW};
    buf_clear(&core->answer);
    int rc = list_begin(&core->answer, &mark);
    while (rc == 0 && count < most && (after = schedule_next(s, rule, after)) != 0) {
        rc = append_tick(core, rule, after);
        count++;
    }
    if (rc < 0)
        return rc;
    list_end(&core->answer, mark, count);
    answer.preview.ticks = buf_slice(&core->answer);
    answer.preview.zone = s->r.zone;
    return reply(core, &answer);
}

/* Of a schedule that there is, or of an expression that one might be made with now. */
int handle_preview_schedule(struct core *core, struct session *session,
                            const struct message *message)
{
    const struct msg_preview_schedule *ask = &message->preview_schedule;
    struct caller caller = caller_of(session, message);
    uint64_t after = ask->after ? ask->after : core->now.wall_ms;
    struct schedule s = {
        .r = {.cron = ask->cron, .zone = ask->zone.len ? ask->zone : TEXT("UTC"), .anchor = after}};
    struct schedule_rule rule;
    int rc = 0;
    if ((ask->name.len > 0) == (ask->cron.len > 0))
        return refuse(core, WIRE_INVALID_REQUEST, "cron", "expected either cron or name");
    if (ask->name.len)
        rc = schedule_to_read(core, &caller, ask->name, ask->of_owner, &s);
    if (rc == 0)
        rc = schedule_rule_of(core, s.r.cron, s.r.zone, &rule);
    if (rc != 0)
        return rc;
    return preview(core, &s, &rule, after, ask->count ? ask->count : PREVIEW_DEFAULT);
}
