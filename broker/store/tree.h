/* The tables on disk: read views, and changes applied in one durable transaction. Internal to
 * broker/store; store_lmdb.c is behind it, store_tree.c above it.
 *
 * Must never show a change before its transaction is durable. Results as in store.h, but nothing
 * latches here, and TREE_FULL. One thread applies; a view belongs to one thread at a time. While
 * tree_grow runs, no other thread may be in here. */
#ifndef REEVE_BROKER_STORE_TREE_H
#define REEVE_BROKER_STORE_TREE_H

#include "broker/store/data_dir.h"
#include "broker/store/merge.h"

enum {
    TREE_FULL = 2,  /* tree_apply: nothing was changed; tree_grow, then again */
    TREE_LEAKED = 3 /* tree_copy, compact: the file has pages that nothing refers to */
};

struct tree;
void tree_close(struct tree **tree); /* after all its views; NULL is fine */

/* All changes of the overlay, durable when it returns 0; on any other result none of them. A full
 * disk may show as -EIO, since LMDB says so of a write that ended too early. The views of the
 * calling thread are at rest. */
int tree_apply(struct tree *tree, const struct overlay *overlay);

/* Doubles the room for tables (address space, not disk). Views stay valid; the places of their
 * cursors don't. After an error the tree is unusable. */
int tree_grow(struct tree *tree);

/* Writes the last commit as a whole file to `fd`, which stands at the start of an empty one; with
 * `compact` without free pages. Blocks; does not sync. 0, TREE_LEAKED, -ENOSPC, -errno. */
int tree_copy(struct tree *tree, int fd, bool compact);

/* The tables as of one commit: the last one when the view was first used after it was new or at
 * rest. Pages freed since then stay taken, so it should rest soon. */
struct tree_view;
int tree_view_new(struct tree *tree, struct tree_view **view_out);
void tree_view_destroy(struct tree_view **view);
void tree_view_rest(struct tree_view *view);

/* Takes hold of the last commit now, not at first use. */
int tree_view_hold(struct tree_view *view);

/* Forgets where its cursors are: before each use of a view that tree_grow may have gone under. */
void tree_view_forget(struct tree_view *view);

/* The value lives until the view rests or the tree grows. */
int tree_view_get(struct tree_view *view, enum store_table table, struct slice key,
                  struct slice *value_out);

/* Bytes of the file in use, and those in pages that deletes gave back. */
int tree_view_measure(struct tree_view *view, uint64_t *used_out, uint64_t *free_out);

struct tree_layer {
    struct layer layer;
    struct tree_view *view;
    void *cursor;
};
void tree_layer_init(struct tree_layer *layer, struct tree_view *view);

/* What a store made by store_tree_new stands on: borrowed until its close. */
struct tree *store_tree_of(struct store *store);
const struct data_dir *store_tree_dir(struct store *store);

/* The store above a tree: takes the tree and the directory, also when it fails. 0 or -ENOMEM. */
int store_tree_new(struct tree *tree, struct data_dir *dir, size_t batch_size_max,
                   struct store **store_out);

#endif
