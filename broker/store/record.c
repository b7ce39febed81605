/* Keys built and taken apart, and the descriptors of what rests on disk.
 * Must never trust a byte of a key that it takes apart.
 */
#include "broker/store/record.h"

#include "base/check.h"
#include "base/endian.h"
#include "proto/descriptor.h"

SHAPE_DESCRIPTOR(rec_journal, rec_journal, FIELDS_REC_JOURNAL)
SHAPE_DESCRIPTOR(rec_state, rec_state, FIELDS_REC_STATE)
SHAPE_DESCRIPTOR(rec_idempotency, rec_idempotency, FIELDS_REC_IDEMPOTENCY)
SHAPE_DESCRIPTOR(rec_queue, rec_queue, FIELDS_REC_QUEUE)
SHAPE_DESCRIPTOR(rec_budget, rec_budget, FIELDS_REC_BUDGET)
SHAPE_DESCRIPTOR(rec_operation, rec_operation, FIELDS_REC_OPERATION)
SHAPE_DESCRIPTOR(rec_cause, rec_cause, FIELDS_REC_CAUSE)
SHAPE_DESCRIPTOR(rec_schedule, rec_schedule, FIELDS_REC_SCHEDULE)

/* The longest key of each kind. */
_Static_assert(1 + QUEUE_LEN_MAX + 1 + 1 + GROUP_LEN_MAX + 1 + TYPE_LEN_MAX + 1 + 8 + 8 + 16 <=
                   STORE_KEY_MAX,
               "a ready key fits");
_Static_assert(8 + 1 + OWNER_LEN_MAX + 1 + KEY_LEN_MAX <= STORE_KEY_MAX, "a timer key fits");
_Static_assert(1 + NAME_LEN_MAX + 1 + 1 <= STORE_KEY_MAX, "a counter key fits");
_Static_assert(1 + NAME_LEN_MAX + 1 + 1 + 8 + 16 <= STORE_KEY_MAX, "an index key fits");
_Static_assert(OWNER_LEN_MAX + 1 + QUEUE_LEN_MAX + 1 + KEY_LEN_MAX <= STORE_KEY_MAX,
               "a unique key fits");

/* --- building -------------------------------------------------------------------------------- */

static struct slice key_so_far(const struct rec_key *key)
{
    return (struct slice){key->at, key->len};
}

static void add_bytes(struct rec_key *key, const void *bytes, size_t len)
{
    CHECK(len <= sizeof key->at - key->len);
    if (len > 0)
        memcpy(key->at + key->len, bytes, len);
    key->len += len;
}

static void add_byte(struct rec_key *key, unsigned byte)
{
    uint8_t one = (uint8_t)byte;
    CHECK(byte <= UINT8_MAX);
    add_bytes(key, &one, 1);
}

static void add_u64(struct rec_key *key, uint64_t value)
{
    uint8_t bytes[8];
    put_be64(bytes, value);
    add_bytes(key, bytes, sizeof bytes);
}

static void add_uuid(struct rec_key *key, const struct uuid *id)
{
    add_bytes(key, id->at, sizeof id->at);
}

static void add_text(struct rec_key *key, struct text text)
{
    CHECK(text.len == 0 || !memchr(text.at, 0, text.len));
    add_bytes(key, text.at, text.len);
    add_byte(key, 0);
}

struct slice key_job(const struct uuid *job)
{
    return (struct slice){job->at, sizeof job->at};
}

struct slice key_job_n(struct rec_key *key, const struct uuid *job, uint64_t n)
{
    key->len = 0;
    add_uuid(key, job);
    add_u64(key, n);
    return key_so_far(key);
}

struct slice key_fence(struct rec_key *key, uint64_t fence)
{
    key->len = 0;
    add_u64(key, fence);
    return key_so_far(key);
}

struct slice key_status_prefix(struct rec_key *key, enum job_state status, bool system)
{
    key->len = 0;
    add_byte(key, (unsigned)status + (system ? KEY_SYSTEM : 0));
    return key_so_far(key);
}

struct slice key_status(struct rec_key *key, enum job_state status, bool system,
                        uint64_t created_at, const struct uuid *job)
{
    key_status_prefix(key, status, system);
    add_u64(key, created_at);
    add_uuid(key, job);
    return key_so_far(key);
}

enum rec_class class_of(enum job_state status)
{
    switch (status) {
    case JOB_COMPLETED:
        return CLASS_COMPLETED;
    case JOB_FAILED:
        return CLASS_FAILED;
    case JOB_CANCELLED:
        return CLASS_CANCELLED;
    default:
        return CLASS_ACTIVE;
    }
}

struct slice key_index_prefix(struct rec_key *key, char dimension, struct text name,
                              enum rec_class class, bool system)
{
    key->len = 0;
    add_byte(key, (uint8_t)dimension);
    add_text(key, name);
    add_byte(key, (unsigned)class + (system ? KEY_SYSTEM : 0));
    return key_so_far(key);
}

struct slice key_index(struct rec_key *key, char dimension, struct text name, enum rec_class class,
                       bool system, uint64_t created_at, const struct uuid *job)
{
    key_index_prefix(key, dimension, name, class, system);
    add_u64(key, created_at);
    add_uuid(key, job);
    return key_so_far(key);
}

struct slice key_timer(struct rec_key *key, uint64_t at, enum rec_timer kind, struct slice what)
{
    key->len = 0;
    add_u64(key, at);
    add_byte(key, kind);
    add_bytes(key, what.at, what.len);
    return key_so_far(key);
}

struct slice key_idempotency(struct rec_key *key, struct text owner, struct text name)
{
    key->len = 0;
    add_text(key, owner);
    add_bytes(key, name.at, name.len);
    return key_so_far(key);
}

struct slice key_cause(struct rec_key *key, uint64_t cause)
{
    key->len = 0;
    add_u64(key, cause);
    return key_so_far(key);
}

struct slice key_cause_job(struct rec_key *key, uint64_t cause, uint64_t ended_at,
                           const struct uuid *job)
{
    key_cause(key, cause);
    add_u64(key, ended_at);
    add_uuid(key, job);
    return key_so_far(key);
}

struct slice key_unique(struct rec_key *key, struct text owner, struct text queue, struct text name)
{
    key->len = 0;
    add_text(key, owner);
    add_text(key, queue);
    add_bytes(key, name.at, name.len);
    return key_so_far(key);
}

struct slice key_children(struct rec_key *key, const struct uuid *parent, bool over)
{
    key->len = 0;
    add_uuid(key, parent);
    add_byte(key, over);
    return key_so_far(key);
}

struct slice key_child(struct rec_key *key, const struct uuid *parent, bool over,
                       const struct uuid *child)
{
    key_children(key, parent, over);
    add_uuid(key, child);
    return key_so_far(key);
}

struct slice key_schedule(struct rec_key *key, char row, struct text owner, struct text name)
{
    key->len = 0;
    add_byte(key, (unsigned char)row);
    add_text(key, owner);
    add_bytes(key, name.at, name.len);
    return key_so_far(key);
}

struct slice key_schedule_what(struct rec_key *key, char row, struct slice what)
{
    key->len = 0;
    add_byte(key, (unsigned char)row);
    add_bytes(key, what.at, what.len);
    return key_so_far(key);
}

struct slice key_counter(struct rec_key *key, char dimension, struct text name,
                         enum job_state status)
{
    key->len = 0;
    add_byte(key, (uint8_t)dimension);
    add_text(key, name);
    add_byte(key, status);
    return key_so_far(key);
}

struct slice key_limit_name(struct rec_key *key, struct text name)
{
    key->len = 0;
    add_text(key, name);
    return key_so_far(key);
}

struct slice key_limit_rate(struct rec_key *key, struct text name, uint64_t window_ms)
{
    key_limit_name(key, name);
    add_u64(key, window_ms);
    return key_so_far(key);
}

struct slice key_limit_mark(struct rec_key *key, struct text name, uint64_t window_ms,
                            unsigned slot)
{
    key_limit_rate(key, name, window_ms);
    add_byte(key, slot);
    return key_so_far(key);
}

struct slice key_limit(struct rec_key *key, struct text name)
{
    return key_limit_mark(key, name, 0, 0);
}

struct slice key_ready_queue(struct rec_key *key, struct text queue)
{
    key->len = 0;
    add_text(key, queue);
    return key_so_far(key);
}

/* High priorities first, so they stand in the key as what is missing to the highest. */
struct slice key_ready_priority(struct rec_key *key, struct text queue, uint64_t priority)
{
    CHECK(priority <= PRIORITY_MAX);
    key_ready_queue(key, queue);
    add_byte(key, PRIORITY_MAX - (unsigned)priority);
    return key_so_far(key);
}

struct slice key_ready_group(struct rec_key *key, struct text queue, uint64_t priority,
                             struct text group)
{
    key_ready_priority(key, queue, priority);
    add_text(key, group);
    return key_so_far(key);
}

struct slice key_ready_lane(struct rec_key *key, struct text queue, uint64_t priority,
                            struct text group, struct text type)
{
    key_ready_group(key, queue, priority, group);
    add_text(key, type);
    return key_so_far(key);
}

struct slice key_ready(struct rec_key *key, const struct rec_state *state, const struct uuid *job)
{
    char name[1 + QUEUE_LEN_MAX] = READY_ALONE;
    struct text queue = state->queue;
    if (state->alone) {
        CHECK(queue.len <= QUEUE_LEN_MAX);
        memcpy(name + 1, queue.at, queue.len);
        queue = (struct text){name, 1 + queue.len};
    }
    key_ready_lane(key, queue, state->priority, state->group, state->type);
    add_u64(key, state->ready_at);
    add_u64(key, state->ready_seq);
    add_uuid(key, job);
    return key_so_far(key);
}

/* --- taking apart ---------------------------------------------------------------------------- */

/* Each take_ cuts its part off the front of `rest`. 0, or 1 where there is no such part. */
static int take_byte(struct slice *rest, unsigned *byte_out)
{
    if (rest->len < 1)
        return 1;
    *byte_out = rest->at[0];
    *rest = (struct slice){rest->at + 1, rest->len - 1};
    return 0;
}

static int take_u64(struct slice *rest, uint64_t *value_out)
{
    if (rest->len < 8)
        return 1;
    *value_out = get_be64(rest->at);
    *rest = (struct slice){rest->at + 8, rest->len - 8};
    return 0;
}

static int take_text(struct slice *rest, size_t len_max, struct text *text_out)
{
    const uint8_t *end = rest->len > 0 ? memchr(rest->at, 0, rest->len) : NULL;
    if (!end || (size_t)(end - rest->at) > len_max)
        return 1;
    size_t len = (size_t)(end - rest->at);
    *text_out = (struct text){(const char *)rest->at, len};
    *rest = (struct slice){end + 1, rest->len - len - 1};
    return 0;
}

static int take_state(struct slice *rest, enum job_state *status_out)
{
    unsigned byte;
    if (take_byte(rest, &byte) != 0 || byte >= JOB_STATE_COUNT)
        return 1;
    *status_out = (enum job_state)byte;
    return 0;
}

int key_schedule_parse(struct slice key, char *row_out, struct text *owner_out,
                       struct text *name_out)
{
    unsigned row;
    if (take_byte(&key, &row) != 0 || (row != 'h' && row != 's') ||
        take_text(&key, OWNER_LEN_MAX, owner_out) != 0 || key.len == 0 ||
        key.len > SCHEDULE_LEN_MAX)
        return 1;
    *row_out = (char)row;
    *name_out = slice_text(key);
    return 0;
}

int key_uuid_parse(struct slice bytes, struct uuid *job_out)
{
    if (bytes.len != sizeof job_out->at)
        return 1;
    memcpy(job_out->at, bytes.at, sizeof job_out->at);
    return 0;
}

static int take_lane(struct slice *rest, struct rec_ready *ready)
{
    unsigned missing;
    if (rest->len > 0 && rest->at[0] == (uint8_t)READY_ALONE[0]) {
        ready->alone = true;
        *rest = (struct slice){rest->at + 1, rest->len - 1};
    }
    if (take_text(rest, QUEUE_LEN_MAX, &ready->queue) != 0 || take_byte(rest, &missing) != 0 ||
        missing > PRIORITY_MAX)
        return 1;
    ready->priority = PRIORITY_MAX - missing;
    return take_text(rest, GROUP_LEN_MAX, &ready->group) != 0 ||
           take_text(rest, TYPE_LEN_MAX, &ready->type) != 0;
}

int key_ready_parse(struct slice key, struct rec_ready *ready_out)
{
    *ready_out = (struct rec_ready){0};
    if (take_lane(&key, ready_out) != 0 || take_u64(&key, &ready_out->at) != 0 ||
        take_u64(&key, &ready_out->arrival) != 0)
        return 1;
    return key_uuid_parse(key, &ready_out->job);
}

int key_timer_parse(struct slice key, uint64_t *at_out, enum rec_timer *kind_out,
                    struct slice *what_out)
{
    unsigned kind;
    if (take_u64(&key, at_out) != 0 || take_byte(&key, &kind) != 0)
        return 1;
    if (kind < TIMER_DUE || kind > TIMER_KIND_LAST || key.len == 0)
        return 1;
    *kind_out = (enum rec_timer)kind;
    *what_out = key;
    return 0;
}

int key_status_parse(struct slice key, enum job_state *status_out, bool *system_out,
                     uint64_t *created_out, struct uuid *job_out)
{
    unsigned byte;
    if (take_byte(&key, &byte) != 0)
        return 1;
    *system_out = byte & KEY_SYSTEM;
    byte &= ~(unsigned)KEY_SYSTEM;
    if (byte == JOB_NONE || byte >= JOB_STATE_COUNT || take_u64(&key, created_out) != 0)
        return 1;
    *status_out = (enum job_state)byte;
    return key_uuid_parse(key, job_out);
}

int key_index_parse(struct slice key, struct rec_index *index_out)
{
    unsigned dimension, class;
    *index_out = (struct rec_index){0};
    if (take_byte(&key, &dimension) != 0 || take_text(&key, NAME_LEN_MAX, &index_out->name) != 0 ||
        take_byte(&key, &class) != 0 || take_u64(&key, &index_out->created_at) != 0)
        return 1;
    index_out->dimension = (char)dimension;
    index_out->system = class & KEY_SYSTEM;
    class &= ~(unsigned)KEY_SYSTEM;
    if (class < CLASS_ACTIVE || class > CLASS_LAST)
        return 1;
    index_out->class = (enum rec_class) class;
    return key_uuid_parse(key, &index_out->job);
}

int key_counter_parse(struct slice key, char *dimension_out, struct text *name_out,
                      enum job_state *status_out)
{
    unsigned dimension;
    if (take_byte(&key, &dimension) != 0 || take_text(&key, NAME_LEN_MAX, name_out) != 0 ||
        take_state(&key, status_out) != 0 || key.len != 0)
        return 1;
    *dimension_out = (char)dimension;
    return 0;
}

int key_limit_parse(struct slice key, struct text *name_out, uint64_t *window_ms_out)
{
    unsigned slot;
    if (take_text(&key, NAME_LEN_MAX, name_out) != 0 || take_u64(&key, window_ms_out) != 0)
        return 1;
    return take_byte(&key, &slot) != 0 || key.len != 0 || (*window_ms_out == 0 && slot != 0);
}

int key_child_parse(struct slice key, struct uuid *parent_out, bool *over_out,
                    struct uuid *child_out)
{
    if (key.len != 16 + 1 + 16 || key.at[16] > 1)
        return 1;
    *over_out = key.at[16] == 1;
    return key_uuid_parse((struct slice){key.at, 16}, parent_out) != 0 ||
           key_uuid_parse((struct slice){key.at + 17, 16}, child_out) != 0;
}

_Static_assert(sizeof(struct rec_unique) == 32, "a unique row is its two ids");

struct slice rec_unique_bytes(const struct rec_unique *unique)
{
    return (struct slice){unique->holder.at, uuid_is_null(&unique->waiter) ? 16 : 32};
}

int rec_unique_parse(struct slice value, struct rec_unique *unique_out)
{
    *unique_out = (struct rec_unique){0};
    if (value.len != 16 && value.len != 32)
        return 1;
    memcpy(unique_out, value.at, value.len);
    return uuid_is_null(&unique_out->holder);
}
