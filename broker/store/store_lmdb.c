/* The tables in LMDB: the only code that includes lmdb.h. No DUPSORT, no MDB_WRITEMAP (it dies by
 * SIGBUS on a full disk), no MDB_NOSYNC but for tests, each named table one LMDB database.
 *
 * Must never let an LMDB code, cursor or pointer out, but for values that tree.h allows. To change
 * what rests in the file: see README.md, "changing the format".
 */
#include "broker/store/store_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/endian.h"
#include "base/log.h"
#include "base/random.h"
#include "base/tooth.h"
#include "broker/store/lmdb_file.h"
#include "broker/store/migrate.h"
#include "broker/store/record.h"
#include "broker/store/tree.h"

#define FILE_NAME "data.mdb"
#define NEW_NAME  "data.mdb.new"
#define LOCK_NAME "lock.mdb"

enum {
    MAP_SIZE = 1024 * 1024 * 1024,
    RESERVE_SIZE = 32 * 1024 * 1024,
    BATCH_SIZE = 64 * 1024 * 1024,
    CHECK_SIZE = 16 * 1024 * 1024,
    READERS_MAX = 126
};

#define NO_TABLE UINT_MAX /* an older file, only read: it has no such table */

struct tree {
    MDB_env *env;
    MDB_dbi tables[STORE_TABLE_COUNT];
    size_t map_size;
    bool read_only;
};

struct tree_view {
    struct tree *tree;
    MDB_txn *txn;
    bool held;      /* txn shows a commit */
    uint32_t fresh; /* bit per table: its cursor belongs to that commit and this map */
    MDB_cursor *cursors[STORE_TABLE_COUNT];
};
_Static_assert(STORE_TABLE_COUNT <= 32, "tree_view.fresh has 32 bits");

/* --- LMDB's words ---------------------------------------------------------------------------- */

static int translate(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return 0;
    case MDB_NOTFOUND:
        return STORE_NOT_FOUND;
    case MDB_MAP_FULL:
        return TREE_FULL;
    case ENOSPC:
    case EDQUOT:
        return -ENOSPC;
    case MDB_TXN_FULL:
        return -ENOMEM;
    case MDB_READERS_FULL:
        return -EMFILE;
    case MDB_PANIC: /* a head was half-written: only a new open recovers */
        return -ENOTRECOVERABLE;
    default:
        return rc > 0 ? -rc : -EUCLEAN;
    }
}

/* The same, with a line in the log where the errno alone would not tell what happened. */
static int traced(int rc, const char *doing)
{
    int result = translate(rc);
    if (result < 0 && rc < 0)
        log_error("store_failed", "%s: %s", doing, mdb_strerror(rc));
    return result;
}

/* LMDB found its file in a state that it can't be in. What was committed stays as it is. */
static void stop_on_damage(MDB_env *env, const char *what)
{
    (void)env;
    log_error("store_damaged", "%s is damaged, this program stops: %s", FILE_NAME, what);
    _exit(EXIT_FAILURE);
}

static MDB_val val_of(struct slice bytes)
{
    union {
        const void *from;
        void *to;
    } at = {bytes.len > 0 ? (const void *)bytes.at : ""};
    return (MDB_val){bytes.len, at.to};
}

static struct slice slice_of(MDB_val val)
{
    return (struct slice){val.mv_data, val.mv_size};
}

/* --- views ----------------------------------------------------------------------------------- */

int tree_view_new(struct tree *tree, struct tree_view **view_out)
{
    struct tree_view *view = calloc(1, sizeof *view);
    if (view)
        view->tree = tree;
    *view_out = view;
    return view ? 0 : -ENOMEM;
}

void tree_view_destroy(struct tree_view **view)
{
    if (!*view)
        return;
    for (size_t i = 0; i < STORE_TABLE_COUNT; i++)
        if ((*view)->cursors[i])
            mdb_cursor_close((*view)->cursors[i]);
    mdb_txn_abort((*view)->txn);
    free(*view);
    *view = NULL;
}

void tree_view_rest(struct tree_view *view)
{
    if (view->held)
        mdb_txn_reset(view->txn);
    view->held = false;
    view->fresh = 0;
}

void tree_view_forget(struct tree_view *view)
{
    view->fresh = 0;
}

int tree_view_hold(struct tree_view *view)
{
    if (view->held)
        return 0;
    int rc = view->txn ? mdb_txn_renew(view->txn)
                       : mdb_txn_begin(view->tree->env, NULL, MDB_RDONLY, &view->txn);
    if (rc != MDB_SUCCESS)
        return traced(rc, "begin to read");
    view->held = true;
    view->fresh = 0;
    return 0;
}

static int cursor_of(struct tree_view *view, enum store_table table, MDB_cursor **cursor_out)
{
    int rc = tree_view_hold(view);
    if (rc == 0 && view->tree->tables[table] == NO_TABLE)
        return STORE_NOT_FOUND;
    if (rc != 0)
        return rc;
    MDB_cursor **cursor = &view->cursors[table];
    if (!(view->fresh >> table & 1)) {
        rc = *cursor ? mdb_cursor_renew(view->txn, *cursor)
                     : mdb_cursor_open(view->txn, view->tree->tables[table], cursor);
        if (rc != MDB_SUCCESS)
            return traced(rc, "open a cursor");
        view->fresh |= UINT32_C(1) << table;
    }
    *cursor_out = *cursor;
    return 0;
}

int tree_view_get(struct tree_view *view, enum store_table table, struct slice key,
                  struct slice *value_out)
{
    MDB_cursor *cursor = NULL;
    int rc = cursor_of(view, table, &cursor);
    if (rc != 0)
        return rc;
    MDB_val at = val_of(key);
    MDB_val value;
    rc = traced(mdb_cursor_get(cursor, &at, &value, MDB_SET), "read");
    if (rc == 0)
        *value_out = slice_of(value);
    return rc;
}

static int layer_show(int rc, MDB_val key, MDB_val value, struct layer_row *row_out)
{
    if (rc != MDB_SUCCESS)
        return traced(rc, "scan");
    if (key.mv_size > STORE_KEY_MAX)
        return traced(MDB_CORRUPTED, "scan");
    *row_out = (struct layer_row){slice_of(key), slice_of(value), false};
    return 0;
}

/* To the last key below `from`: one step back from the first that is not. */
static int seek_below(MDB_cursor *cursor, struct slice from, MDB_val *key, MDB_val *value)
{
    int rc = MDB_NOTFOUND;
    if (from.len > 0) {
        *key = val_of(from);
        rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    }
    if (rc == MDB_NOTFOUND)
        return mdb_cursor_get(cursor, key, value, MDB_LAST);
    return rc == MDB_SUCCESS ? mdb_cursor_get(cursor, key, value, MDB_PREV) : rc;
}

static int layer_seek(struct layer *base, enum store_table table, struct slice from, bool reverse,
                      struct layer_row *row_out)
{
    struct tree_layer *layer = (struct tree_layer *)base;
    MDB_cursor *cursor = NULL;
    int rc = cursor_of(layer->view, table, &cursor);
    if (rc != 0)
        return rc;
    layer->cursor = cursor;
    MDB_val key = val_of(from);
    MDB_val value;
    if (reverse)
        rc = seek_below(cursor, from, &key, &value);
    else
        rc = mdb_cursor_get(cursor, &key, &value, from.len > 0 ? MDB_SET_RANGE : MDB_FIRST);
    return layer_show(rc, key, value, row_out);
}

static int layer_step(struct layer *base, bool reverse, struct layer_row *row_out)
{
    struct tree_layer *layer = (struct tree_layer *)base;
    MDB_val key;
    MDB_val value;
    int rc = mdb_cursor_get(layer->cursor, &key, &value, reverse ? MDB_PREV : MDB_NEXT);
    return layer_show(rc, key, value, row_out);
}

void tree_layer_init(struct tree_layer *layer, struct tree_view *view)
{
    *layer = (struct tree_layer){.layer = {.seek = layer_seek, .step = layer_step}, .view = view};
}

enum { FREE_RECORDS_MAX = 4096 /* measured at most; what is beyond counts as used */ };

/* Pages in LMDB's list of free ones: each record begins with its number of pages. */
static int count_free(MDB_txn *txn, uint64_t *pages_out)
{
    MDB_cursor *cursor = NULL;
    int rc = mdb_cursor_open(txn, 0, &cursor);
    if (rc != MDB_SUCCESS)
        return rc;
    *pages_out = 0;
    MDB_val key;
    MDB_val value;
    for (int i = 0; i < FREE_RECORDS_MAX && rc == MDB_SUCCESS; i++) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        size_t pages = 0;
        if (rc == MDB_SUCCESS && value.mv_size >= sizeof pages)
            memcpy(&pages, value.mv_data, sizeof pages);
        *pages_out += pages;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
}

int tree_view_measure(struct tree_view *view, uint64_t *used_out, uint64_t *free_out)
{
    int rc = tree_view_hold(view);
    if (rc != 0)
        return rc;
    MDB_envinfo info;
    MDB_stat stat;
    uint64_t pages = 0;
    rc = mdb_env_info(view->tree->env, &info);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_stat(view->tree->env, &stat);
    if (rc == MDB_SUCCESS)
        rc = count_free(view->txn, &pages);
    if (rc != MDB_SUCCESS)
        return traced(rc, "measure");
    uint64_t all = (uint64_t)info.me_last_pgno + 1;
    pages = pages < all ? pages : all;
    *used_out = (all - pages) * stat.ms_psize;
    *free_out = pages * stat.ms_psize;
    return 0;
}

/* The plain copy holds back a broker's commit for a moment, and takes free pages along; the compact
 * one does neither. Both show one commit, and keep its pages from being used again meanwhile. */
int tree_copy(struct tree *tree, int fd, bool compact)
{
    int rc = mdb_env_copyfd2(tree->env, fd, compact ? MDB_CP_COMPACT : 0);
    return rc == MDB_INCOMPATIBLE ? TREE_LEAKED : traced(rc, "copy");
}

/* --- changes --------------------------------------------------------------------------------- */

/* A table that changes are applied to, in key order. */
struct target {
    MDB_cursor *cursor;
    struct bound last; /* the table's last key before the changes */
    bool behind;       /* from here on, all changes are behind it: nothing to look up */
};

static int target_open(struct target *target, MDB_txn *txn, MDB_dbi table)
{
    int rc = mdb_cursor_open(txn, table, &target->cursor);
    if (rc != MDB_SUCCESS)
        return rc;
    MDB_val key;
    rc = mdb_cursor_get(target->cursor, &key, NULL, MDB_LAST);
    target->behind = rc == MDB_NOTFOUND;
    if (rc == MDB_SUCCESS && key.mv_size <= STORE_KEY_MAX)
        bound_set(&target->last, slice_of(key));
    else if (rc == MDB_SUCCESS)
        rc = MDB_CORRUPTED;
    return rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
}

/* What was put and deleted within the batch is a tombstone for a key that may never have been. */
static int apply_del(struct target *target, MDB_val key)
{
    if (target->behind)
        return MDB_SUCCESS;
    int rc = mdb_cursor_get(target->cursor, &key, NULL, MDB_SET);
    if (rc == MDB_SUCCESS)
        rc = mdb_cursor_del(target->cursor, 0);
    return rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
}

static int apply_one(struct target *target, const struct keymap_entry *entry)
{
    struct slice key = keymap_key(entry);
    if (!target->behind)
        target->behind = text_cmp(slice_text(key), slice_text(bound_slice(&target->last))) > 0;
    MDB_val at = val_of(key);
    if (entry->kind == OVERLAY_DEL && TOOTH(deletes_not_applied) && key.len == 8)
        return 0;
    if (entry->kind == OVERLAY_DEL)
        return apply_del(target, at);
    MDB_val value = val_of(overlay_value(entry));
    return mdb_cursor_put(target->cursor, &at, &value, target->behind ? MDB_APPEND : 0);
}

static int apply_table(struct tree *tree, MDB_txn *txn, const struct overlay *overlay,
                       enum store_table table)
{
    struct keymap_place place;
    const struct keymap_entry *entry = overlay_seek(overlay, table, (struct slice){0}, &place);
    if (!entry)
        return MDB_SUCCESS;
    struct target target;
    int rc = target_open(&target, txn, tree->tables[table]);
    for (; entry && rc == MDB_SUCCESS; entry = overlay_next(&place))
        rc = apply_one(&target, entry);
    return rc; /* cursors of a write transaction end with it */
}

int tree_apply(struct tree *tree, const struct overlay *overlay)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(tree->env, NULL, 0, &txn);
    if (rc != MDB_SUCCESS)
        return traced(rc, "begin to write");
    for (unsigned table = 0; table < STORE_TABLE_COUNT && rc == MDB_SUCCESS; table++)
        rc = apply_table(tree, txn, overlay, (enum store_table)table);
    if (rc != MDB_SUCCESS)
        mdb_txn_abort(txn);
    else
        rc = mdb_txn_commit(txn);
    return rc == MDB_MAP_FULL ? TREE_FULL : traced(rc, "commit");
}

int tree_grow(struct tree *tree)
{
    if (tree->map_size > SIZE_MAX / 4)
        return -EFBIG;
    int rc = traced(mdb_env_set_mapsize(tree->env, tree->map_size * 2), "grow the map");
    if (rc == 0)
        tree->map_size *= 2;
    return rc;
}

/* --- opening --------------------------------------------------------------------------------- */

static int damaged(const struct data_dir *dir, const struct problem *problem, const char *what)
{
    return problem_set(problem, -EUCLEAN, "%s/%s %s; nothing was changed", dir->path, FILE_NAME,
                       what);
}

/* An LMDB result at opening, in a sentence. */
static int refused(const struct data_dir *dir, const struct problem *problem, int rc)
{
    if (rc == MDB_INVALID || rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_PANIC)
        return damaged(dir, problem, "is damaged");
    if (rc == MDB_VERSION_MISMATCH)
        return damaged(dir, problem, "was written by another version of LMDB");
    return problem_set(problem, translate(rc), "%s/%s: %s", dir->path, FILE_NAME, mdb_strerror(rc));
}

void tree_close(struct tree **tree)
{
    if (!*tree)
        return;
    mdb_env_close((*tree)->env);
    free(*tree);
    *tree = NULL;
}

static int env_new(size_t map_size, MDB_env **env_out)
{
    int rc = mdb_env_create(env_out);
    if (rc != MDB_SUCCESS) {
        *env_out = NULL;
        return rc;
    }
    rc = mdb_env_set_maxdbs(*env_out, STORE_TABLE_COUNT);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_maxreaders(*env_out, READERS_MAX);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_mapsize(*env_out, map_size);
    if (rc == MDB_SUCCESS)
        rc = mdb_env_set_assert(*env_out, stop_on_damage);
    return rc;
}

static int open_tables(struct tree *tree, MDB_txn *txn, unsigned flags)
{
    int rc = MDB_SUCCESS;
    for (unsigned i = 0; i < STORE_TABLE_COUNT && rc == MDB_SUCCESS; i++)
        rc = mdb_dbi_open(txn, store_table_name((enum store_table)i), flags, &tree->tables[i]);
    return rc;
}

static int put_meta(struct tree *tree, MDB_txn *txn, const char *name, struct slice bytes)
{
    MDB_val key = val_of(text_slice(text_of(name)));
    MDB_val value = val_of(bytes);
    return mdb_put(txn, tree->tables[TABLE_META], &key, &value, 0);
}

static int write_birth(struct tree *tree, MDB_txn *txn)
{
    uint8_t format[4];
    put_be32(format, FORMAT_VERSION);
    struct uuid instance = uuid_v7(clock_wall_ms(), random_u64(), random_u64());
    int rc = open_tables(tree, txn, MDB_CREATE);
    if (rc == MDB_SUCCESS)
        rc = put_meta(tree, txn, META_FORMAT, (struct slice){format, sizeof format});
    if (rc == MDB_SUCCESS)
        rc = put_meta(tree, txn, META_INSTANCE, (struct slice){instance.at, sizeof instance.at});
    return rc;
}

static int path_in(const struct data_dir *dir, const char *name, char path[PATH_MAX])
{
    int len = snprintf(path, PATH_MAX, "%s/%s", dir->path, name);
    return len < 0 || len >= PATH_MAX ? ENAMETOOLONG : 0;
}

static int create_under(struct tree *tree, const struct data_dir *dir, const char *name)
{
    char path[PATH_MAX];
    int rc = path_in(dir, name, path);
    MDB_txn *txn = NULL;
    if (rc == MDB_SUCCESS)
        rc = mdb_env_open(tree->env, path, MDB_NOSUBDIR | MDB_NOTLS, 0600);
    if (rc == MDB_SUCCESS)
        rc = mdb_txn_begin(tree->env, NULL, 0, &txn);
    if (rc != MDB_SUCCESS)
        return rc;
    rc = write_birth(tree, txn);
    if (rc == MDB_SUCCESS)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

/* A new file is made whole and durable under another name: so what bears the right name and is not
 * whole is damaged, never half-made. */
static int create(const struct data_dir *dir, const struct problem *problem)
{
    data_dir_remove(dir, NEW_NAME);
    data_dir_remove(dir, NEW_NAME "-lock");
    struct tree tree = {0};
    int rc = env_new(MAP_SIZE, &tree.env);
    if (rc == MDB_SUCCESS)
        rc = create_under(&tree, dir, NEW_NAME);
    if (tree.env)
        mdb_env_close(tree.env);
    data_dir_remove(dir, NEW_NAME "-lock");
    if (rc == MDB_SUCCESS && renameat(dir->fd, NEW_NAME, dir->fd, FILE_NAME) < 0)
        rc = errno;
    if (rc == MDB_SUCCESS)
        rc = -data_dir_sync(dir);
    if (rc == MDB_SUCCESS)
        return 0;
    data_dir_remove(dir, NEW_NAME);
    return refused(dir, problem, rc);
}

/* LMDB makes lock.mdb when a whole file is opened: where it is, there were tables once. */
static int create_if_new(const struct data_dir *dir, const struct problem *problem)
{
    if (data_dir_has(dir, FILE_NAME))
        return 0;
    if (data_dir_has(dir, LOCK_NAME))
        return damaged(dir, problem,
                       "is gone, yet this directory held jobs: put it back, or remove lock.mdb too "
                       "to start with nothing");
    return create(dir, problem);
}

static int check_file(const struct data_dir *dir, const char *name, uint64_t size_max,
                      struct lmdb_file_facts *facts_out, const struct problem *problem)
{
    char path[PATH_MAX];
    int rc = -path_in(dir, name, path);
    int fd = rc == 0 ? openat(dir->fd, name, O_RDONLY | O_CLOEXEC) : -1;
    if (rc == 0 && fd < 0)
        rc = -errno;
    if (rc < 0)
        return problem_set(problem, rc, "%s/%s: %s", dir->path, name, strerror(-rc));
    rc = lmdb_file_check(fd, path, size_max, facts_out, problem);
    close(fd);
    return rc;
}

static int check_format(const struct tree *tree, const struct data_dir *dir, MDB_txn *txn,
                        const struct problem *problem)
{
    MDB_dbi meta = tree->tables[TABLE_META];
    MDB_val key = val_of(text_slice(TEXT(META_FORMAT)));
    MDB_val value;
    int rc = mdb_get(txn, meta, &key, &value);
    if (rc == MDB_NOTFOUND || (rc == MDB_SUCCESS && value.mv_size != 4))
        return damaged(dir, problem, "is an LMDB file, but no store of Reeve's");
    if (rc != MDB_SUCCESS)
        return refused(dir, problem, rc);
    uint32_t format = get_be32(value.mv_data);
    if (format > FORMAT_VERSION)
        return problem_set(problem, -ENOTSUP,
                           "%s/%s was written by a newer Reeve: format %u, this one knows %d; "
                           "nothing was changed",
                           dir->path, FILE_NAME, format, FORMAT_VERSION);
    if (format == 0)
        return damaged(dir, problem, "has a format that never was");
    if (format < FORMAT_VERSION && tree->read_only)
        return problem_set(
            problem, -ENOTSUP,
            "%s/%s was written by an older Reeve: format %u, this one reads %d; start "
            "this one's broker on it once, which brings it up to date",
            dir->path, FILE_NAME, format, FORMAT_VERSION);
    key = val_of(text_slice(TEXT(META_INSTANCE)));
    rc = mdb_get(txn, meta, &key, &value);
    if (rc == MDB_NOTFOUND || (rc == MDB_SUCCESS && value.mv_size != sizeof(struct uuid)))
        return damaged(dir, problem, "has lost its identity");
    return rc == MDB_SUCCESS ? 0 : refused(dir, problem, rc);
}

/* An older file that is only read lacks tables. */
static int look_for_tables(struct tree *tree, MDB_txn *txn)
{
    int rc = MDB_SUCCESS;
    for (unsigned i = 0; i < STORE_TABLE_COUNT && rc == MDB_SUCCESS; i++) {
        rc = mdb_dbi_open(txn, store_table_name((enum store_table)i), 0, &tree->tables[i]);
        if (rc == MDB_NOTFOUND) {
            tree->tables[i] = NO_TABLE;
            rc = MDB_SUCCESS;
        }
    }
    return rc;
}

/* Tables that this version knows and the file does not yet have; writes only where some are. */
static int add_tables(struct tree *tree, const struct data_dir *dir, const struct problem *problem)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(tree->env, NULL, 0, &txn);
    if (rc != MDB_SUCCESS)
        return refused(dir, problem, rc);
    rc = open_tables(tree, txn, MDB_CREATE);
    if (rc == MDB_SUCCESS)
        rc = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    return rc == MDB_SUCCESS ? 0 : refused(dir, problem, rc);
}

/* Opens what is there without a write, so that a full disk does not keep a broker from starting. */
static int find_tables(struct tree *tree, const struct data_dir *dir, const struct problem *problem)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(tree->env, NULL, MDB_RDONLY, &txn);
    if (rc != MDB_SUCCESS)
        return refused(dir, problem, rc);
    rc = mdb_dbi_open(txn, store_table_name(TABLE_META), 0, &tree->tables[TABLE_META]);
    int result = rc == MDB_SUCCESS
                     ? check_format(tree, dir, txn, problem)
                     : damaged(dir, problem, "is an LMDB file, but no store of Reeve's");
    if (result == 0)
        rc = tree->read_only ? look_for_tables(tree, txn) : open_tables(tree, txn, 0);
    if (result < 0 || rc != MDB_SUCCESS)
        mdb_txn_abort(txn);
    else
        rc = mdb_txn_commit(txn);
    if (result < 0 || rc == MDB_SUCCESS)
        return result;
    return rc == MDB_NOTFOUND ? add_tables(tree, dir, problem) : refused(dir, problem, rc);
}

static size_t map_for(uint64_t map_size, uint64_t size_used)
{
    while (map_size / 4 * 3 < size_used)
        map_size *= 2;
    return map_size;
}

static uint64_t or_default(uint64_t value, uint64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

static int open_env(struct tree *tree, const struct data_dir *dir,
                    const struct store_lmdb_options *options)
{
    unsigned flags = MDB_NOTLS | (options->unsafe_no_sync ? (unsigned)MDB_NOSYNC : 0) |
                     (options->read_only ? (unsigned)MDB_RDONLY : 0);
    char path[PATH_MAX];
    if (!options->new_file)
        return mdb_env_open(tree->env, dir->path, flags, 0600);
    int rc = path_in(dir, NEW_NAME, path);
    return rc == 0 ? mdb_env_open(tree->env, path, flags | MDB_NOSUBDIR, 0600) : rc;
}

/* The file is whole. The map begins with room to spare, so that growing is rare. */
static int open_tree(struct tree *tree, const struct data_dir *dir, uint64_t size_used,
                     const struct store_lmdb_options *options, const struct problem *problem)
{
    tree->map_size = map_for(or_default(options->map_size, MAP_SIZE), size_used);
    tree->read_only = options->read_only;
    int rc = env_new(tree->map_size, &tree->env);
    if (rc == MDB_SUCCESS)
        rc = open_env(tree, dir, options);
    if (rc != MDB_SUCCESS)
        return refused(dir, problem, rc);
    if (options->read_only)
        data_dir_adopt(dir, LOCK_NAME);
    return find_tables(tree, dir, problem);
}

static int new_tree(struct data_dir *dir, uint64_t size_used,
                    const struct store_lmdb_options *options, struct tree **tree_out,
                    const struct problem *problem)
{
    struct tree *tree = calloc(1, sizeof *tree);
    if (!tree)
        return problem_set(problem, -ENOMEM, "out of memory");
    int rc = open_tree(tree, dir, size_used, options, problem);
    if (rc != 0)
        tree_close(&tree);
    *tree_out = tree;
    return rc;
}

/* Nobody else may open it: the caller sees to that. All of it is looked over. */
static int open_held(struct data_dir *dir, const struct store_lmdb_options *options,
                     struct tree **tree_out, const struct problem *problem)
{
    struct lmdb_file_facts facts = {0};
    int rc = data_dir_look(dir, dir->path, problem);
    if (rc == 0)
        rc = check_file(dir, options->new_file ? NEW_NAME : FILE_NAME, UINT64_MAX, &facts, problem);
    return rc == 0 ? new_tree(dir, facts.size_used, options, tree_out, problem) : rc;
}

/* Beside the broker that has it mapped, and so has looked it over; or while brokers are held off,
 * for as long as that takes. */
static int open_to_read(struct data_dir *dir, const struct store_lmdb_options *options,
                        struct tree **tree_out, const struct problem *problem)
{
    struct lmdb_file_facts facts = {0};
    int rc = data_dir_look(dir, dir->path, problem);
    if (rc == 0)
        rc = data_dir_claim(dir, FILE_NAME, false, problem);
    if (rc < 0)
        return rc;
    facts.size_used = data_dir_claimed_size(dir);
    if (data_dir_hold_off(dir))
        rc = check_file(dir, FILE_NAME, or_default(options->check_size_max, CHECK_SIZE), &facts,
                        problem);
    if (rc == 0)
        rc = new_tree(dir, facts.size_used, options, tree_out, problem);
    data_dir_let_go(dir);
    return rc;
}

/* What an interrupted copy left behind is nobody's. */
static int open_to_write(struct data_dir *dir, const struct store_lmdb_options *options,
                         struct tree **tree_out, const struct problem *problem)
{
    struct lmdb_file_facts facts = {0};
    int rc = data_dir_open(dir, dir->path, problem);
    if (rc < 0)
        return rc;
    data_dir_remove(dir, NEW_NAME);
    data_dir_remove(dir, NEW_NAME "-lock");
    rc = create_if_new(dir, problem);
    if (rc == 0)
        rc = check_file(dir, FILE_NAME, or_default(options->check_size_max, CHECK_SIZE), &facts,
                        problem);
    if (rc == 0)
        rc = new_tree(dir, facts.size_used, options, tree_out, problem);
    if (rc == 0 && !options->no_reserve)
        dir->reserve_size = or_default(options->reserve_size, RESERVE_SIZE);
    return rc;
}

int store_lmdb_open(const char *path, const struct store_lmdb_options *options,
                    struct store **store_out, char *problem_at, size_t problem_size)
{
    static const struct store_lmdb_options defaults;
    struct problem problem = {problem_at, problem_size};
    struct data_dir dir = {.path = path, .fd = -1, .lock_fd = -1, .reserve_fd = -1, .claim_fd = -1};
    struct tree *tree = NULL;
    *store_out = NULL;
    if (!options)
        options = &defaults;
    int rc = options->held        ? open_held(&dir, options, &tree, &problem)
             : options->read_only ? open_to_read(&dir, options, &tree, &problem)
                                  : open_to_write(&dir, options, &tree, &problem);
    if (rc < 0) {
        data_dir_close(&dir);
        return rc;
    }
    data_dir_reserve(&dir);
    rc = store_tree_new(tree, &dir, or_default(options->batch_size_max, BATCH_SIZE), store_out);
    if (rc < 0)
        return problem_set(&problem, rc, "out of memory");
    rc = options->read_only ? 0 : migrate(*store_out, &problem);
    if (rc < 0)
        store_close(store_out);
    return rc;
}
