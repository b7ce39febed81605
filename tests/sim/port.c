/* A store behind a store. Must never change what passes through it, but for planned failures. */
#include "tests/sim/port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "broker/store/store_lmdb.h"
#include "broker/store/store_mem.h"

struct port {
    struct store store;
    struct store *inner;
    enum port_kind kind;
    enum port_plan plan;
    uint64_t left; /* calls until it strikes */
    bool struck, dead, kept;
    struct uuid *touched;
    size_t touched_count, touched_cap;
    char dir[64];
};

struct view {
    struct store_snapshot snapshot;
    struct store *inner;
};

static struct port *of(struct store *store)
{
    return (struct port *)store;
}

static const struct port *of_const(const struct store *store)
{
    return (const struct port *)store;
}

/* --- failing ---------------------------------------------------------------------------------- */

static int die(struct port *port)
{
    port->struck = port->dead = true;
    return -EIO;
}

/* Every call passes here: 0, or -EIO from the planned one on. */
static int pass(struct port *port)
{
    if (port->dead)
        return -EIO;
    if (port->plan == PORT_DIES_AT && --port->left == 0)
        return die(port);
    return 0;
}

static void drop_batch(struct port *port)
{
    if (port->inner->phase != STORE_IDLE)
        store_abort(port->inner);
}

static int commit(struct store *store)
{
    struct port *port = of(store);
    int rc = pass(port);
    if (rc < 0 || port->plan == PORT_COMMIT_FAILS) {
        drop_batch(port);
        return rc < 0 ? rc : die(port);
    }
    if (port->plan == PORT_NO_ROOM) {
        drop_batch(port);
        port->plan = PORT_GOOD;
        port->struck = true;
        return -ENOSPC;
    }
    rc = store_commit(port->inner);
    port->kept = rc == 0;
    return rc == 0 && port->plan == PORT_COMMIT_LIES ? die(port) : rc;
}

/* --- what passes ------------------------------------------------------------------------------ */

static int begin(struct store *store)
{
    struct port *port = of(store);
    int rc = pass(port);
    port->kept = false;
    port->touched_count = 0;
    return rc < 0 ? rc : store_begin(port->inner);
}

static int get(struct store *store, enum store_table table, struct slice key,
               struct slice *value_out)
{
    int rc = pass(of(store));
    return rc < 0 ? rc : store_get(of(store)->inner, table, key, value_out);
}

static void touch(struct port *port, enum store_table table, struct slice key)
{
    struct uuid id;
    if (table != TABLE_STATE)
        return;
    CHECK(key.len == sizeof id.at);
    memcpy(id.at, key.at, sizeof id.at);
    for (size_t i = 0; i < port->touched_count; i++)
        if (uuid_eq(&port->touched[i], &id))
            return;
    if (port->touched_count == port->touched_cap) {
        port->touched_cap = port->touched_cap ? 2 * port->touched_cap : 64;
        port->touched = realloc(port->touched, port->touched_cap * sizeof id);
        CHECK(port->touched);
    }
    port->touched[port->touched_count++] = id;
}

static int put(struct store *store, enum store_table table, struct slice key, struct slice value)
{
    int rc = pass(of(store));
    if (rc < 0)
        return rc;
    touch(of(store), table, key);
    return store_put(of(store)->inner, table, key, value);
}

static int del(struct store *store, enum store_table table, struct slice key)
{
    int rc = pass(of(store));
    if (rc < 0)
        return rc;
    touch(of(store), table, key);
    return store_del(of(store)->inner, table, key);
}

static int scan(struct store *store, const struct store_range *range, struct store_rows *rows)
{
    int rc = pass(of(store));
    store_rows_clear(rows);
    return rc < 0 ? rc : store_scan(of(store)->inner, range, rows);
}

static int savepoint(struct store *store)
{
    int rc = pass(of(store));
    return rc < 0 ? rc : store_savepoint(of(store)->inner);
}

static void rollback(struct store *store)
{
    if (!of(store)->dead)
        store_rollback(of(store)->inner);
}

static void abort_batch(struct store *store)
{
    drop_batch(of(store));
}

static int info(struct store *store, struct store_info *info_out)
{
    return store_info(of(store)->inner, info_out);
}

/* --- views ------------------------------------------------------------------------------------ */

static int view_open(struct store *store, struct store_snapshot **snapshot_out)
{
    struct view *view = calloc(1, sizeof *view);
    CHECK(view && of(store)->inner->phase == STORE_IDLE);
    *view = (struct view){{store->ops}, of(store)->inner};
    *snapshot_out = &view->snapshot;
    return 0;
}

static int view_get(struct store_snapshot *base, enum store_table table, struct slice key,
                    struct slice *value_out)
{
    return store_get(((struct view *)base)->inner, table, key, value_out);
}

static int view_scan(struct store_snapshot *base, const struct store_range *range,
                     struct store_rows *rows)
{
    return store_scan(((struct view *)base)->inner, range, rows);
}

static void view_close(struct store_snapshot **base)
{
    free(*base);
    *base = NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

static void lmdb_open(struct port *port)
{
    const struct store_lmdb_options options = {
        .no_reserve = true, .unsafe_no_sync = true, .map_size = 64 << 20};
    char problem[256] = "";
    if (store_lmdb_open(port->dir, &options, &port->inner, problem, sizeof problem) == 0)
        return;
    fprintf(stderr, "%s: %s\n", port->dir, problem);
    exit(1);
}

static void lmdb_make(struct port *port)
{
    const char *root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(port->dir, sizeof port->dir, "%s/reeve-sim-XXXXXX", root);
    CHECK(mkdtemp(port->dir));
    lmdb_open(port);
}

static void lmdb_remove(const char *dir)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "lock", "reserve"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
}

static void close_port(struct store **store)
{
    struct port *port = of(*store);
    store_close(&port->inner);
    if (port->kind == PORT_LMDB)
        lmdb_remove(port->dir);
    free(port->touched);
    free(port);
    *store = NULL;
}

static const struct store_ops ops = {
    .begin = begin,
    .get = get,
    .put = put,
    .del = del,
    .scan = scan,
    .savepoint = savepoint,
    .rollback = rollback,
    .commit = commit,
    .abort = abort_batch,
    .snapshot_open = view_open,
    .snapshot_get = view_get,
    .snapshot_scan = view_scan,
    .snapshot_close = view_close,
    .info = info,
    .close = close_port,
};

struct store *port_new(enum port_kind kind)
{
    struct port *port = calloc(1, sizeof *port);
    CHECK(port);
    port->store.ops = &ops;
    port->kind = kind;
    if (kind == PORT_LMDB)
        lmdb_make(port);
    else
        CHECK((port->inner = store_mem_new()) != NULL);
    return &port->store;
}

void port_plan(struct store *store, enum port_plan plan, uint64_t nth)
{
    of(store)->plan = plan;
    of(store)->left = nth;
}

bool port_has_struck(const struct store *store)
{
    return of_const(store)->struck;
}

bool port_is_kept(const struct store *store)
{
    return of_const(store)->kept;
}

void port_restart(struct store *store)
{
    struct port *port = of(store);
    if (port->kind == PORT_MEM) {
        store_mem_crash(port->inner);
    } else {
        store_close(&port->inner);
        lmdb_open(port);
    }
    port->struck = port->dead = false;
    port->plan = PORT_GOOD;
    store->phase = STORE_IDLE;
}

const struct uuid *port_touched(const struct store *store, size_t *count_out)
{
    *count_out = of_const(store)->touched_count;
    return of_const(store)->touched;
}
