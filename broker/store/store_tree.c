/* A store over a tree: the batch in an overlay, commits, the latch, the reserve, snapshots.
 * Must never report a commit that failed, nor go on after the medium failed.
 */
#include "broker/store/tree.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"

struct store_tree {
    struct store store;
    struct tree *tree;
    struct data_dir dir;
    struct overlay overlay;
    struct dead dead;
    struct tree_view *view; /* below the overlay; at rest outside of batches, or soon after */
    int failed;             /* the latch: 0 or what the medium said */
    pthread_rwlock_t growing;
};

struct snapshot {
    struct store_snapshot snapshot;
    struct store_tree *store;
    struct tree_view *view;
    struct buf value; /* of the last get: the tree may grow under a pointer into it */
};

static struct store_tree *of(struct store *store)
{
    return (struct store_tree *)store;
}

/* Latches what only a new open can mend. */
static int noted(struct store_tree *store, int rc)
{
    if (rc < 0 && rc != -ENOSPC && rc != -ENOMEM)
        store->failed = rc;
    return rc;
}

static void forget_batch(struct store_tree *store)
{
    overlay_reset(&store->overlay);
    dead_clear(&store->dead);
    tree_view_rest(store->view);
}

/* --- batches --------------------------------------------------------------------------------- */

static int begin(struct store *base)
{
    struct store_tree *store = of(base);
    if (store->failed)
        return store->failed;
    tree_view_rest(store->view);
    return 0;
}

static int get(struct store *base, enum store_table table, struct slice key,
               struct slice *value_out)
{
    struct store_tree *store = of(base);
    if (store->failed)
        return store->failed;
    switch (overlay_get(&store->overlay, table, key, value_out)) {
    case OVERLAY_PUT:
        return 0;
    case OVERLAY_DEL:
        return STORE_NOT_FOUND;
    case OVERLAY_NOTHING:
        break;
    }
    return noted(store, tree_view_get(store->view, table, key, value_out));
}

static int put(struct store *base, enum store_table table, struct slice key, struct slice value)
{
    struct store_tree *store = of(base);
    if (store->failed)
        return store->failed;
    int rc = overlay_put(&store->overlay, table, key, value);
    if (rc == 0)
        dead_touch(&store->dead, table, key);
    return rc;
}

static int del(struct store *base, enum store_table table, struct slice key)
{
    struct slice value;
    int rc = get(base, table, key, &value);
    return rc == 0 ? overlay_del(&of(base)->overlay, table, key) : rc;
}

static int scan(struct store *base, const struct store_range *range, struct store_rows *rows)
{
    struct store_tree *store = of(base);
    store_rows_clear(rows);
    if (store->failed)
        return store->failed;
    struct overlay_layer above;
    struct tree_layer below;
    overlay_layer_init(&above, &store->overlay);
    tree_layer_init(&below, store->view);
    struct layer *layers[] = {&above.layer, &below.layer};
    return noted(store, merge_scan(layers, 2, &store->dead, range, rows));
}

static int savepoint(struct store *base)
{
    struct store_tree *store = of(base);
    overlay_mark(&store->overlay);
    return store->failed;
}

static void rollback(struct store *base)
{
    struct store_tree *store = of(base);
    if (overlay_undo(&store->overlay))
        dead_clear(&store->dead);
}

static int grow(struct store_tree *store)
{
    pthread_rwlock_wrlock(&store->growing);
    int rc = tree_grow(store->tree);
    pthread_rwlock_unlock(&store->growing);
    if (rc == 0)
        return 0;
    store->failed = rc;
    return rc;
}

/* On a full disk the reserve makes room for what must go on; who tries again asks for less. */
static int commit(struct store *base)
{
    struct store_tree *store = of(base);
    if (store->failed)
        return store->failed;
    tree_view_rest(store->view);
    int rc = tree_apply(store->tree, &store->overlay);
    while (rc == TREE_FULL) {
        rc = grow(store);
        if (rc == 0)
            rc = tree_apply(store->tree, &store->overlay);
    }
    if (rc == -EIO && data_dir_is_full(&store->dir))
        rc = -ENOSPC;
    if (rc == -ENOSPC)
        data_dir_release(&store->dir);
    if (rc == 0)
        forget_batch(store);
    return noted(store, rc);
}

static void abort_batch(struct store *base)
{
    forget_batch(of(base));
}

/* --- snapshots ------------------------------------------------------------------------------- */

static int snapshot_open(struct store *base, struct store_snapshot **snapshot_out)
{
    struct store_tree *store = of(base);
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot)
        return -ENOMEM;
    snapshot->snapshot.ops = base->ops;
    snapshot->store = store;
    pthread_rwlock_rdlock(&store->growing);
    int rc = tree_view_new(store->tree, &snapshot->view);
    if (rc == 0)
        rc = tree_view_hold(snapshot->view);
    if (rc != 0)
        tree_view_destroy(&snapshot->view);
    pthread_rwlock_unlock(&store->growing);
    *snapshot_out = rc == 0 ? &snapshot->snapshot : NULL;
    if (rc != 0)
        free(snapshot);
    return rc;
}

static int snapshot_get(struct store_snapshot *base, enum store_table table, struct slice key,
                        struct slice *value_out)
{
    struct snapshot *snapshot = (struct snapshot *)base;
    struct slice value = {0};
    buf_clear(&snapshot->value);
    pthread_rwlock_rdlock(&snapshot->store->growing);
    tree_view_forget(snapshot->view);
    int rc = tree_view_get(snapshot->view, table, key, &value);
    if (rc == 0)
        rc = buf_append(&snapshot->value, value.at, value.len);
    pthread_rwlock_unlock(&snapshot->store->growing);
    if (rc == 0)
        *value_out = buf_slice(&snapshot->value);
    return rc;
}

static int snapshot_scan(struct store_snapshot *base, const struct store_range *range,
                         struct store_rows *rows)
{
    struct snapshot *snapshot = (struct snapshot *)base;
    struct tree_layer only;
    pthread_rwlock_rdlock(&snapshot->store->growing);
    tree_view_forget(snapshot->view);
    tree_layer_init(&only, snapshot->view);
    struct layer *layers[] = {&only.layer};
    int rc = merge_scan(layers, 1, NULL, range, rows);
    pthread_rwlock_unlock(&snapshot->store->growing);
    return rc;
}

static void snapshot_close(struct store_snapshot **base)
{
    struct snapshot *snapshot = (struct snapshot *)*base;
    pthread_rwlock_rdlock(&snapshot->store->growing);
    tree_view_destroy(&snapshot->view);
    pthread_rwlock_unlock(&snapshot->store->growing);
    buf_fini(&snapshot->value);
    free(snapshot);
    *base = NULL;
}

/* --- the rest -------------------------------------------------------------------------------- */

/* Called now and then, so also the place where a reserve that was used comes back. */
static int info(struct store *base, struct store_info *info_out)
{
    struct store_tree *store = of(base);
    if (store->failed)
        return store->failed;
    uint64_t pages = 0;
    int rc = tree_view_measure(store->view, &info_out->used_bytes, &pages);
    if (base->phase == STORE_IDLE)
        tree_view_rest(store->view);
    if (rc != 0)
        return noted(store, rc);
    data_dir_reserve(&store->dir);
    uint64_t room = data_dir_free(&store->dir) + pages;
    uint64_t missing = store->dir.reserve_held ? 0 : store->dir.reserve_size;
    info_out->free_bytes = room > missing ? room - missing : 0;
    return 0;
}

static void close_store(struct store **base)
{
    struct store_tree *store = of(*base);
    tree_view_destroy(&store->view);
    tree_close(&store->tree);
    overlay_fini(&store->overlay);
    data_dir_close(&store->dir);
    pthread_rwlock_destroy(&store->growing);
    free(store);
    *base = NULL;
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
    .snapshot_open = snapshot_open,
    .snapshot_get = snapshot_get,
    .snapshot_scan = snapshot_scan,
    .snapshot_close = snapshot_close,
    .info = info,
    .close = close_store,
};

/* Snapshots under way must not keep a commit from growing the tree for ever. */
static void lock_init(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t kind;
    CHECK(pthread_rwlockattr_init(&kind) == 0);
    CHECK(pthread_rwlockattr_setkind_np(&kind, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0);
    CHECK(pthread_rwlock_init(lock, &kind) == 0);
    pthread_rwlockattr_destroy(&kind);
}

struct tree *store_tree_of(struct store *store)
{
    return of(store)->tree;
}

const struct data_dir *store_tree_dir(struct store *store)
{
    return &of(store)->dir;
}

int store_tree_new(struct tree *tree, struct data_dir *dir, size_t batch_size_max,
                   struct store **store_out)
{
    struct store_tree *store = calloc(1, sizeof *store);
    if (!store) {
        tree_close(&tree);
        data_dir_close(dir);
        return -ENOMEM;
    }
    store->store.ops = &ops;
    store->tree = tree;
    store->dir = *dir;
    store->dir.path = NULL;
    overlay_init(&store->overlay, batch_size_max);
    lock_init(&store->growing);
    int rc = tree_view_new(tree, &store->view);
    *store_out = &store->store;
    if (rc != 0)
        close_store(store_out);
    return rc;
}
