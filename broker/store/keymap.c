/* The B+-tree behind keymap.h.
 *
 * In a node all keys share their first `skip` bytes; `heads` holds the eight bytes after those, as
 * big-endian numbers, zero-padded. Equal heads are told apart by the keys themselves. An inner
 * node's entries[i] is a key that none of children[i] is smaller than, and all of those before it
 * are.
 *
 * Must never hold a key whose first `skip` bytes differ from its node's others.
 */
#include "broker/store/keymap.h"

#include "base/check.h"
#include "base/endian.h"

enum {
    FANOUT = 32,
    DEPTH_MAX = 16 /* of inner nodes: far more entries than memory */
};

struct keymap_node {
    uint16_t count;
    uint16_t skip;
    uint64_t heads[FANOUT];
    struct keymap_entry *entries[FANOUT];
    struct keymap_node *prev, *next; /* leaves only */
    struct keymap_node *children[];  /* inner nodes only: FANOUT of them */
};

/* The way from the root to a leaf: the child taken in each inner node. */
struct path {
    struct keymap_node *node[DEPTH_MAX];
    unsigned index[DEPTH_MAX];
};

static uint64_t head_of(const uint8_t *key, size_t len, size_t skip)
{
    if (len >= skip + 8)
        return get_be64(key + skip);
    uint8_t padded[8] = {0};
    memcpy(padded, key + skip, len - skip);
    return get_be64(padded);
}

static size_t shared_prefix(struct slice a, struct slice b)
{
    size_t max = a.len < b.len ? a.len : b.len;
    size_t len = 0;
    while (len < max && a.at[len] == b.at[len])
        len++;
    return len;
}

/* The order of a key against an entry's, where the first `skip` bytes are known to be equal. */
static int compare(struct slice key, const struct keymap_entry *entry, size_t skip)
{
    size_t both = key.len < entry->key_len ? key.len : entry->key_len;
    int order = both <= skip ? 0 : memcmp(key.at + skip, entry->key + skip, both - skip);
    return order != 0 ? order : (key.len > entry->key_len) - (key.len < entry->key_len);
}

/* Where a key stands against what all keys of the node begin with. */
static int compare_prefix(const struct keymap_node *node, struct slice key)
{
    if (node->skip == 0)
        return 0;
    size_t both = key.len < node->skip ? key.len : node->skip;
    int order = memcmp(key.at, node->entries[0]->key, both);
    return order != 0 ? order : -(key.len < node->skip);
}

/* How many heads of the node are smaller. Without branches that depend on keys: those would be
 * guessed wrong half of the time. */
static unsigned rank_by_head(const struct keymap_node *node, uint64_t head)
{
    const uint64_t *at = node->heads;
    for (unsigned left = node->count; left > 0;) {
        unsigned half = (left + 1) / 2;
        at += at[half - 1] < head ? half : 0;
        left -= half;
    }
    return (unsigned)(at - node->heads);
}

/* How many entries of the node are smaller than the key; *found_out: the next one is the key. */
static unsigned rank(const struct keymap_node *node, struct slice key, bool *found_out)
{
    *found_out = false;
    if (node->count == 0 || key.len == 0)
        return 0;
    int order = compare_prefix(node, key);
    if (order != 0)
        return order < 0 ? 0 : node->count;
    uint64_t head = head_of(key.at, key.len, node->skip);
    unsigned low = rank_by_head(node, head);
    unsigned high = low;
    while (high < node->count && node->heads[high] == head)
        high++;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        order = compare(key, node->entries[middle], node->skip);
        if (order == 0) {
            *found_out = true;
            return middle;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static unsigned child_rank(const struct keymap_node *node, struct slice key)
{
    bool found;
    unsigned index = rank(node, key, &found);
    return found || index == 0 ? index : index - 1;
}

static struct keymap_node *leaf_of(const struct keymap *map, struct slice key)
{
    struct keymap_node *node = map->root;
    for (unsigned level = map->depth; level > 0; level--)
        node = node->children[child_rank(node, key)];
    return node;
}

/* A key is often asked for again at once: read, then written. */
static bool is_recent(const struct keymap *map, struct slice key)
{
    return map->recent && slice_eq(keymap_key(map->recent), key);
}

struct keymap_entry *keymap_find(struct keymap *map, struct slice key)
{
    if (!map->root)
        return NULL;
    if (is_recent(map, key))
        return map->recent;
    struct keymap_node *leaf = leaf_of(map, key);
    bool found;
    unsigned index = rank(leaf, key, &found);
    if (!found)
        return NULL;
    map->recent = leaf->entries[index];
    return map->recent;
}

static struct keymap_node *new_node(struct arena *arena, bool inner)
{
    size_t children = inner ? FANOUT * sizeof(struct keymap_node *) : 0;
    struct keymap_node *node = arena_alloc(arena, sizeof *node + children);
    if (node) {
        node->count = node->skip = 0;
        node->prev = node->next = NULL;
    }
    return node;
}

static void set_skip(struct keymap_node *node, size_t skip)
{
    node->skip = (uint16_t)skip;
    for (unsigned i = 0; i < node->count; i++)
        node->heads[i] = head_of(node->entries[i]->key, node->entries[i]->key_len, skip);
}

/* Keys are in order: what the first and the last share, all share. */
static void refresh_skip(struct keymap_node *node)
{
    if (node->count > 1)
        set_skip(node, shared_prefix(keymap_key(node->entries[0]),
                                     keymap_key(node->entries[node->count - 1])));
}

/* Lowers `skip` to what a new key shares with the node's. */
static void make_fit(struct keymap_node *node, struct slice key)
{
    if (node->count == 0)
        node->skip = key.len < node->skip ? (uint16_t)key.len : node->skip;
    else if (compare_prefix(node, key) != 0)
        set_skip(node, shared_prefix(key, keymap_key(node->entries[0])));
}

static void insert_at(struct keymap_node *node, unsigned index, struct keymap_entry *entry,
                      struct keymap_node *child)
{
    CHECK(node->count < FANOUT && index <= node->count);
    make_fit(node, keymap_key(entry));
    unsigned behind = node->count - index;
    memmove(node->heads + index + 1, node->heads + index, behind * sizeof node->heads[0]);
    memmove(node->entries + index + 1, node->entries + index, behind * sizeof node->entries[0]);
    if (child) {
        memmove(node->children + index + 1, node->children + index,
                behind * sizeof node->children[0]);
        node->children[index] = child;
    }
    node->entries[index] = entry;
    node->count++;
    node->heads[index] = head_of(entry->key, entry->key_len, node->skip);
    if (node->count == 4 || node->count == FANOUT / 2)
        refresh_skip(node);
}

/* Moves what stands at `from` and behind into the empty node `right`. */
static void move_behind(struct keymap_node *left, unsigned from, struct keymap_node *right,
                        bool inner)
{
    unsigned count = left->count - from;
    memcpy(right->entries, left->entries + from, count * sizeof left->entries[0]);
    if (inner)
        memcpy(right->children, left->children + from, count * sizeof left->children[0]);
    right->count = (uint16_t)count;
    left->count = (uint16_t)from;
    refresh_skip(left);
    if (count > 0)
        refresh_skip(right);
    else
        right->skip = left->skip; /* a guess; the first key will fit it */
}

static void link_behind(struct keymap_node *left, struct keymap_node *right)
{
    right->prev = left;
    right->next = left->next;
    if (left->next)
        left->next->prev = right;
    left->next = right;
}

/* Makes room in a full node. Keys that come in order leave full nodes behind, others half full
 * ones. Sets *index_out to where the entry goes in the node that is returned. */
static struct keymap_node *split(struct keymap_node *left, struct keymap_node *right, bool inner,
                                 unsigned *index_out)
{
    unsigned index = *index_out;
    unsigned middle = index == FANOUT ? FANOUT : FANOUT / 2;
    move_behind(left, middle, right, inner);
    if (!inner)
        link_behind(left, right);
    if (index < middle || (index == middle && middle < FANOUT))
        return left;
    *index_out = index - middle;
    return right;
}

/* Nodes that an insert will need, made before anything is changed. */
struct spare_nodes {
    struct keymap_node *at[DEPTH_MAX + 2];
    unsigned count, used;
};

static int prepare(const struct keymap *map, struct arena *arena, const struct path *path,
                   const struct keymap_node *leaf, struct spare_nodes *spare)
{
    spare->count = spare->used = 0;
    if (leaf->count < FANOUT)
        return 0;
    spare->at[spare->count++] = new_node(arena, false);
    unsigned level = map->depth;
    while (level > 0 && path->node[level - 1]->count == FANOUT) {
        spare->at[spare->count++] = new_node(arena, true);
        level--;
    }
    if (level == 0)
        spare->at[spare->count++] = new_node(arena, true);
    for (unsigned i = 0; i < spare->count; i++)
        if (!spare->at[i])
            return -1;
    return 0;
}

static void grow_root(struct keymap *map, struct keymap_node *root, struct keymap_node *right)
{
    CHECK(map->depth + 1 < DEPTH_MAX);
    insert_at(root, 0, map->root->entries[0], map->root);
    insert_at(root, 1, right->entries[0], right);
    map->root = root;
    map->depth++;
}

/* Puts a new right neighbour of the leaf into the inner nodes, splitting upwards. */
static void insert_above(struct keymap *map, const struct path *path, struct keymap_node *right,
                         struct spare_nodes *spare)
{
    for (unsigned level = map->depth; level > 0; level--) {
        struct keymap_node *node = path->node[level - 1];
        unsigned index = path->index[level - 1] + 1;
        if (node->count < FANOUT) {
            insert_at(node, index, right->entries[0], right);
            return;
        }
        struct keymap_node *behind = spare->at[spare->used++];
        struct keymap_node *half = split(node, behind, true, &index);
        insert_at(half, index, right->entries[0], right);
        right = behind;
    }
    grow_root(map, spare->at[spare->used++], right);
}

static struct keymap_entry *new_entry(struct arena *arena, struct slice key)
{
    CHECK(key.len <= UINT16_MAX);
    struct keymap_entry *entry = arena_alloc(arena, sizeof *entry + key.len);
    if (!entry)
        return NULL;
    memset(entry, 0, sizeof *entry);
    entry->key_len = (uint16_t)key.len;
    if (key.len > 0)
        memcpy(entry->key, key.at, key.len);
    return entry;
}

/* A key smaller than all goes into the first leaf, and becomes the bound of all nodes above it. */
static void lower_bounds(struct keymap *map, const struct path *path, struct keymap_entry *entry)
{
    struct slice key = keymap_key(entry);
    for (unsigned level = 0; level < map->depth; level++) {
        struct keymap_node *node = path->node[level];
        if (path->index[level] > 0 || compare(key, node->entries[0], 0) > 0)
            return;
        make_fit(node, key);
        node->entries[0] = entry;
        node->heads[0] = head_of(entry->key, entry->key_len, node->skip);
    }
}

static struct keymap_node *leaf_with_path(struct keymap *map, struct slice key, struct path *path)
{
    struct keymap_node *node = map->root;
    for (unsigned level = 0; level < map->depth; level++) {
        path->node[level] = node;
        path->index[level] = child_rank(node, key);
        node = node->children[path->index[level]];
    }
    return node;
}

static struct keymap_entry *insert(struct keymap *map, struct arena *arena, struct slice key,
                                   const struct path *path, struct keymap_node *leaf,
                                   unsigned index)
{
    struct spare_nodes spare;
    struct keymap_entry *entry = new_entry(arena, key);
    if (!entry || prepare(map, arena, path, leaf, &spare) < 0)
        return NULL;
    if (index == 0)
        lower_bounds(map, path, entry);
    if (leaf->count < FANOUT) {
        insert_at(leaf, index, entry, NULL);
        return entry;
    }
    struct keymap_node *right = spare.at[spare.used++];
    struct keymap_node *half = split(leaf, right, false, &index);
    insert_at(half, index, entry, NULL);
    insert_above(map, path, right, &spare);
    map->tail = map->tail->next ? map->tail->next : map->tail;
    return entry;
}

/* Keys mostly come in order: behind the last one there is nothing to search. */
static bool goes_behind_all(const struct keymap *map, struct slice key)
{
    const struct keymap_node *tail = map->tail;
    return tail->count > 0 && tail->count < FANOUT &&
           compare(key, tail->entries[tail->count - 1], 0) > 0;
}

struct keymap_entry *keymap_find_or_insert(struct keymap *map, struct arena *arena,
                                           struct slice key)
{
    if (!map->root)
        map->root = map->tail = new_node(arena, false);
    if (!map->root)
        return NULL;
    if (is_recent(map, key))
        return map->recent;
    struct path path;
    struct keymap_node *leaf = map->tail;
    unsigned index = leaf->count;
    bool found = false;
    if (!goes_behind_all(map, key)) {
        leaf = leaf_with_path(map, key, &path);
        index = rank(leaf, key, &found);
    }
    struct keymap_entry *entry =
        found ? leaf->entries[index] : insert(map, arena, key, &path, leaf, index);
    map->recent = entry ? entry : map->recent;
    return entry;
}

/* A place behind a leaf's last entry is the next leaf's first. */
static struct keymap_place settled(struct keymap_node *leaf, unsigned index)
{
    if (leaf && index == leaf->count) {
        leaf = leaf->next;
        index = 0;
    }
    return (struct keymap_place){leaf, index};
}

struct keymap_place keymap_seek(const struct keymap *map, struct slice key)
{
    if (!map->root)
        return (struct keymap_place){0};
    struct keymap_node *leaf = leaf_of(map, key);
    bool found;
    unsigned index = rank(leaf, key, &found);
    return settled(leaf, index);
}

struct keymap_place keymap_last(const struct keymap *map)
{
    struct keymap_node *node = map->root;
    for (unsigned level = map->depth; level > 0; level--)
        node = node->children[node->count - 1];
    if (!node || node->count == 0)
        return (struct keymap_place){0};
    return (struct keymap_place){node, node->count - 1u};
}

struct keymap_entry *keymap_at(struct keymap_place place)
{
    return place.leaf ? place.leaf->entries[place.index] : NULL;
}

struct keymap_place keymap_next(struct keymap_place place)
{
    return place.leaf ? settled(place.leaf, place.index + 1) : place;
}

struct keymap_place keymap_prev(struct keymap_place place)
{
    if (!place.leaf)
        return place;
    if (place.index > 0)
        return (struct keymap_place){place.leaf, place.index - 1};
    struct keymap_node *leaf = place.leaf->prev;
    return (struct keymap_place){leaf, leaf ? leaf->count - 1u : 0};
}
