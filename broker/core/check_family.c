/* The check's rules of unique keys, dependencies and deadlines. */
#include <string.h>

#include "base/endian.h"
#include "broker/core/check_rule.h"

bool check_awaits_start(const struct rec_state *s)
{
    bool before =
        s->status == JOB_SCHEDULED || s->status == JOB_PENDING || s->status == JOB_BLOCKED;
    return before && s->start_by && s->attempt == 0;
}

bool check_keeps_result(const struct rec_state *s)
{
    return s->status == JOB_COMPLETED && s->result_until && !s->result_gone;
}

/* It has not ended, or its handler is not gone. */
static bool is_alive(const struct rec_state *s)
{
    return !job_state_is_terminal(s->status) || s->ending;
}

/* The row of a job's unique key: 1, 0 there is none (told), -errno. */
static int key_row(struct check *check, const struct rec_state *s, const struct uuid *id,
                   struct rec_unique *row_out)
{
    struct wire_spec spec;
    struct fault fault;
    struct rec_key key;
    struct slice value;
    int rc = check_has(check, TABLE_SPEC, key_job(id), &value);
    if (rc <= 0)
        return rc;
    if (shape_decode(value, &shape_spec, KEYS_NUMBERS, &spec, &fault) != 0)
        return 0; /* check_spec tells */
    if (spec.unique_key.len == 0)
        return check_violated(check, "a unique key in its spec") < 0 ? -1 : 0;
    rc = check_has(check, TABLE_UNIQUE, key_unique(&key, s->owner, s->queue, spec.unique_key),
                   &value);
    if (rc == 1 && rec_unique_parse(value, row_out) != 0)
        return 0; /* check_unique tells */
    if (rc == 0)
        return check_violated(check, "a row of its unique key") < 0 ? -1 : 0;
    return rc;
}

/* Who is alive and has a key holds it, or waits for it. */
int check_state_key(struct check *check, const struct store_row *row)
{
    struct rec_state s;
    struct rec_unique unique;
    struct uuid id;
    int rc = check_state_of(check, row, &id, &s);
    if (rc != 0 || !s.keyed || !is_alive(&s))
        return rc;
    rc = key_row(check, &s, &id, &unique);
    if (rc <= 0 || uuid_eq(&unique.holder, &id))
        return rc < 0 ? rc : 0;
    if (!uuid_eq(&unique.waiter, &id) || s.status != JOB_BLOCKED)
        return check_violated(check, "that it has its unique key, or is blocked and waits for it");
    return 0;
}

static int check_party(struct check *check, const struct uuid *id, const char *who)
{
    struct rec_state s;
    int rc = check_job(check, id, &s);
    if (rc < 0 || (rc == 0 && is_alive(&s) && s.keyed))
        return rc;
    return check_violated(check, "a %s that is alive and has a key", who);
}

int check_unique(struct check *check, const struct store_row *row)
{
    struct rec_unique unique;
    if (rec_unique_parse(row->value, &unique) != 0)
        return check_violated(check, "one id or two");
    int rc = check_party(check, &unique.holder, "holder");
    if (rc >= 0 && !uuid_is_null(&unique.waiter))
        rc = check_party(check, &unique.waiter, "waiting job");
    return rc < 0 ? rc : 0;
}

/* --- dependencies ------------------------------------------------------------------------------
 */

enum { ERRAND_LEN = 16 + 1 + 8, ERRAND_CURSOR_MAX = 33 };

/* Is one of these errands on its way for the job? 1, 0, -errno. */
static int has_errand(struct check *check, const struct uuid *job, char kind)
{
    uint8_t what[17];
    struct rec_key key;
    struct store_rows rows = {0};
    memcpy(what, job->at, 16);
    what[16] = (uint8_t)kind;
    struct store_range range = {
        .table = TABLE_TIMER,
        .prefix = key_timer(&key, 0, TIMER_FAMILY, (struct slice){what, sizeof what}),
        .limit = 1};
    int rc = store_snapshot_scan(check->snapshot, &range, &rows);
    int found = rows.count > 0;
    store_rows_fini(&rows);
    return rc < 0 ? rc : found;
}

/* An errand's own row: job | c, d, p or u | stamp | where it goes on. Its job may be gone. */
int check_errand(struct check *check, uint64_t at, struct slice what)
{
    bool good = at == 0 && what.len >= ERRAND_LEN && what.len <= ERRAND_LEN + ERRAND_CURSOR_MAX &&
                strchr("cdpu", what.at[16]) && what.at[16] != 0;
    if (good && what.at[16] != 'c')
        good = get_be64(what.at + 17) == 0;
    return good ? 0 : check_violated(check, "an errand, at 0");
}

/* What a child and one of its parents have to say of each other. */
struct edge {
    const struct uuid *child, *parent;
    const struct rec_state *s; /* the child's */
    bool ended;                /* the parent has */
    uint64_t *open;
};

/* A child that is over is no longer needed by its parents, or they are about to be told. */
static int check_over(struct check *check, const struct edge *edge, bool over)
{
    if (over != is_alive(edge->s))
        return 0;
    int rc = has_errand(check, edge->child, 'p');
    return rc != 0 ? rc : check_violated(check, over ? "that it is over" : "that it is not over");
}

/* A blocked child has taken note of how its parent stands, or is about to be told. */
static int check_settled(struct check *check, const struct edge *edge, bool settled)
{
    *edge->open += !settled;
    if (edge->s->status != JOB_BLOCKED || settled == edge->ended)
        return 0;
    int rc = has_errand(check, edge->parent, 'd');
    return rc != 0 ? rc : check_violated(check, "an errand that tells it of its parent");
}

static int check_edge(struct check *check, const struct edge *edge)
{
    struct rec_key key;
    struct slice value;
    bool over = false;
    int found =
        check_has(check, TABLE_CHILD, key_child(&key, edge->parent, over, edge->child), &value);
    if (found == 0) {
        over = true;
        found =
            check_has(check, TABLE_CHILD, key_child(&key, edge->parent, over, edge->child), &value);
    }
    if (found <= 0)
        return found < 0 ? found : check_violated(check, "a row of it for each of its parents");
    bool settled = value.len > 0;
    int rc = check_over(check, edge, over);
    return rc < 0 ? rc : check_settled(check, edge, settled);
}

/* A parent that is gone took its rows along. */
static int check_parent_of(struct check *check, struct edge *edge, const struct store_row *row)
{
    struct uuid parent;
    struct rec_state s;
    if (key_uuid_parse(row->value, &parent) != 0)
        return 0; /* check_parent tells */
    edge->parent = &parent;
    int rc = check_job(check, &parent, &s);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    edge->ended = job_state_is_terminal(s.status);
    return check_edge(check, edge);
}

/* A blocked job that no parent holds waits for its key, or is about to be let go. */
static int check_blocked(struct check *check, const struct uuid *id, const struct rec_state *s)
{
    struct rec_unique unique = {0};
    if (s->status != JOB_BLOCKED || s->open_parents > 0)
        return 0;
    int rc = s->keyed ? key_row(check, s, id, &unique) : 0;
    if (rc < 0 || (rc == 1 && uuid_eq(&unique.waiter, id)))
        return rc;
    rc = has_errand(check, id, 'u');
    return rc != 0 ? rc : check_violated(check, "something that it waits for");
}

int check_state_parents(struct check *check, const struct store_row *row)
{
    struct rec_state s;
    struct uuid id;
    uint64_t open = 0;
    struct store_rows rows = {0};
    int rc = check_state_of(check, row, &id, &s);
    if (rc != 0 || (s.parents == 0 && s.status != JOB_BLOCKED))
        return rc;
    rc = check_blocked(check, &id, &s); /* first: the texts of `s` live until a parent is read */
    if (rc < 0)
        return rc;
    struct edge edge = {.child = &id, .s = &s, .open = &open};
    struct store_range range = {
        .table = TABLE_PARENT, .prefix = key_job(&id), .limit = DEPENDS_MAX + 1};
    rc = store_snapshot_scan(check->snapshot, &range, &rows);
    for (size_t i = 0; i < rows.count && rc >= 0; i++)
        rc = check_parent_of(check, &edge, &rows.at[i]);
    if (rc >= 0 && rows.count != s.parents)
        rc = check_violated(check, "%llu parents", (unsigned long long)s.parents);
    store_rows_fini(&rows);
    if (rc >= 0 && s.status == JOB_BLOCKED && open != s.open_parents)
        rc = check_violated(check, "%llu open parents", (unsigned long long)s.open_parents);
    return rc < 0 ? rc : 0;
}

/* Its state, or STORE_NOT_FOUND: it waits for the sweep of a deleted one. */
static int relative(struct check *check, const struct uuid *id, struct rec_state *state_out)
{
    int rc = check_job(check, id, state_out);
    if (rc != STORE_NOT_FOUND)
        return rc;
    rc = check_wants(check, true, TABLE_TOMBSTONE, key_job(id));
    return rc < 0 ? rc : STORE_NOT_FOUND;
}

int check_child(struct check *check, const struct store_row *row)
{
    struct uuid parent, child;
    struct rec_state s;
    bool over;
    if (key_child_parse(row->key, &parent, &over, &child) != 0 || row->value.len > 1 ||
        (row->value.len == 1 && row->value.at[0] != 1))
        return check_violated(check, "a key of this table, and its flag");
    int rc = relative(check, &child, &s);
    if (rc == 0 && s.parents == 0)
        rc = check_violated(check, "a child that has parents");
    if (rc < 0)
        return rc;
    rc = relative(check, &parent, &s);
    if (rc == 0 && !s.has_children)
        rc = check_violated(check, "a parent that knows of its children");
    return rc < 0 ? rc : 0;
}

int check_parent(struct check *check, const struct store_row *row)
{
    struct uuid id, parent;
    struct rec_state s;
    int rc = check_job_or_deleted(check, row->key, &id, &s);
    if (rc == 0)
        rc = check_series(check, &check->parent, &id, row, 0, s.parents);
    if (rc >= 0)
        rc = check_uuid(check, row->value, &parent);
    return rc < 0 ? rc : 0;
}
