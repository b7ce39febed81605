/* The check's recount of jobs by state, of all, of each queue, type and owner, against the counter
 * table. Holds one entry per name. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include <errno.h>
#include <stdlib.h>

#include "base/endian.h"
#include "broker/core/check_rule.h"

struct check_name {
    uint64_t count[JOB_STATE_COUNT]; /* [JOB_NONE]: of any state */
    uint32_t found;                  /* bit per state: there is a row of it */
    UT_hash_handle hh;
    size_t key_len;
    char key[1 + OWNER_LEN_MAX]; /* dimension, name */
};

static struct check_name *find(const struct check *check, const char *key, size_t len)
{
    struct check_name *name;
    HASH_FIND(hh, check->names, key, len, name);
    return name;
}

static struct check_name *make(struct check *check, const char *key, size_t len)
{
    struct check_name *name = calloc(1, sizeof *name);
    if (!name)
        return NULL;
    memcpy(name->key, key, name->key_len = len);
    HASH_ADD_KEYPTR(hh, check->names, name->key, name->key_len, name);
    if (find(check, key, len))
        return name;
    free(name); /* out of memory inside the table */
    return NULL;
}

/* The entry of a name, made where it is new. NULL: out of memory. */
static struct check_name *name_of(struct check *check, char dimension, struct text text)
{
    char key[sizeof((struct check_name *)0)->key];
    size_t len = text.len < sizeof key - 1 ? text.len : sizeof key - 1;
    key[0] = dimension;
    if (len > 0)
        memcpy(key + 1, text.at, len);
    struct check_name *name = find(check, key, 1 + len);
    return name ? name : make(check, key, 1 + len);
}

static int count(struct check *check, char dimension, struct text text, enum job_state status)
{
    struct check_name *name = name_of(check, dimension, text);
    if (!name)
        return -ENOMEM;
    name->count[status]++;
    name->count[JOB_NONE]++;
    return 0;
}

int check_count(struct check *check, const struct store_row *row)
{
    struct rec_state s;
    struct uuid id;
    int rc = check_state_of(check, row, &id, &s);
    if (rc == 0)
        rc = count(check, COUNT_ALL, TEXT(""), s.status);
    if (rc == 0)
        rc = count(check, COUNT_QUEUE, s.queue, s.status);
    if (rc == 0)
        rc = count(check, COUNT_TYPE, s.type, s.status);
    if (rc == 0)
        rc = count(check, COUNT_OWNER, s.owner, s.status);
    if (rc != 0 || !queue_is_system(s.queue))
        return rc;
    rc = count(check, COUNT_SYSTEM_TYPE, s.type, s.status);
    return rc == 0 ? count(check, COUNT_SYSTEM_OWNER, s.owner, s.status) : rc;
}

/* How many there are of a state; of JOB_NONE, how many were ever submitted, at least. */
int check_counter(struct check *check, const struct store_row *row)
{
    char dimension;
    struct text text;
    enum job_state status;
    if (key_counter_parse(row->key, &dimension, &text, &status) != 0 || row->value.len != 8)
        return check_violated(check, "a counter");
    struct check_name *name = name_of(check, dimension, text);
    if (!name)
        return -ENOMEM;
    name->found |= UINT32_C(1) << status;
    uint64_t is = get_be64(row->value.at);
    if (status == JOB_NONE ? is >= name->count[status] : is == name->count[status])
        return 0;
    return check_violated(check, "%s%llu, as there are; it says %llu",
                          status == JOB_NONE ? "at least " : "",
                          (unsigned long long)name->count[status], (unsigned long long)is);
}

/* Every name that has jobs has its counters. */
int check_counters_found(struct check *check)
{
    int rc = 0;
    check->table = TABLE_COUNTER;
    for (struct check_name *name = check->names; name && rc >= 0; name = name->hh.next) {
        struct text text = {name->key + 1, name->key_len - 1};
        for (unsigned i = 0; i < JOB_STATE_COUNT && rc >= 0; i++) {
            struct rec_key key;
            if (name->count[i] == 0 || name->found >> i & 1)
                continue;
            check->key = key_counter(&key, name->key[0], text, (enum job_state)i);
            rc = check_violated(check, "a row, since there are such jobs");
        }
    }
    return rc < 0 ? rc : 0;
}

void check_count_fini(struct check *check)
{
    struct check_name *name, *next;
    HASH_ITER(hh, check->names, name, next)
    {
        HASH_DEL(check->names, name);
        free(name);
    }
}
