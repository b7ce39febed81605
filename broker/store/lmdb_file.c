/* The file of LMDB 0.9, read by pread alone: metas, list of free pages, trees from the root down.
 *
 * The layout is that of LMDB's data version 1 on a 64-bit machine, in the machine's byte order:
 *   page   number u64 | pad u16 | flags u16 | lower u16 | upper u16 (overflow: pages u32)
 *   meta   page | magic u32 | version u32 | address u64 | map u64 | free tree | main tree
 *          | last page u64 | transaction u64
 *   tree   pad u32 (page size in the free tree's) | flags u16 | depth u16 | branch, leaf and
 *          overflow pages u64 each | entries u64 | root u64
 *   node   size or page, low u16 | high u16 | flags u16 | key's size u16 | key | data
 * Meta n is written by the transactions with n as their lowest bit, so the two are neighbours.
 *
 * Must never believe a number before it is checked against the file's size.
 */
#include "broker/store/lmdb_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(size_t) == 8, "the layout is that of 64-bit machines");

enum {
    PAGE_HEAD = 16,
    META_SIZE = 152,
    TREE_SIZE = 48,
    NODE_HEAD = 8,
    KEY_MAX = 511,
    DEPTH_MAX = 32,
    PAGE_SIZE_MIN = 512,
    PAGE_SIZE_MAX = 65536
};

enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum { NODE_BIG = 1, NODE_TREE = 2 };
enum { FLAGS_INTEGER_KEYS = 0x08, FLAGS_NO_SUBDIR = 0x4000 };

#define LMDB_MAGIC   UINT32_C(0xBEEFC0DE)
#define LMDB_VERSION 1
#define NO_PAGE      UINT64_MAX

enum tree_kind { TREE_FREE, TREE_MAIN, TREE_NAMED };

struct tree_head {
    uint32_t pad;
    uint16_t flags, depth;
    uint64_t root;
};

struct meta {
    struct tree_head free, main;
    uint64_t last, txn;
};

/* A page still to be looked at; `levels` counts down to 1 at the leaves. */
struct visit {
    uint64_t page;
    uint16_t levels;
    enum tree_kind kind;
};

struct checker {
    int fd;
    const char *name;
    const struct problem *problem;
    uint64_t size;      /* of the file */
    uint64_t page_size; /* a power of two */
    uint64_t last;      /* the highest page number in use; the file may end before it */
    uint8_t *used;      /* a bit per page that a tree refers to */
    uint8_t *unused;    /* a bit per page in the list of free ones */
    uint8_t *page;      /* what is being looked at */
    struct visit *queue;
    size_t head, tail, cap;
    uint64_t budget; /* pages of tables still to be read */
};

struct node {
    uint64_t page;  /* branch: the child */
    uint32_t size;  /* leaf: of the data */
    uint16_t flags; /* leaf */
    uint16_t key_len;
    const uint8_t *key, *data;
};

static uint16_t u16_at(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t u32_at(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint64_t u64_at(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static int damaged(const struct checker *check, const char *what)
{
    return problem_set(check->problem, -EUCLEAN, "%s %s; nothing was changed", check->name, what);
}

static int damaged_page(const struct checker *check, uint64_t page, const char *what)
{
    return problem_set(check->problem, -EUCLEAN,
                       "%s is damaged: page %" PRIu64 " %s; nothing was changed", check->name, page,
                       what);
}

static int read_at(const struct checker *check, void *out, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(check->fd, (uint8_t *)out + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return problem_set(check->problem, -errno, "%s can't be read: %s", check->name,
                               strerror(errno));
        if (got == 0)
            return damaged(check, "is damaged: it ends too early");
        done += (size_t)got;
    }
    return 0;
}

/* --- metas ----------------------------------------------------------------------------------- */

static struct tree_head tree_at(const uint8_t *at)
{
    return (struct tree_head){u32_at(at), u16_at(at + 4), u16_at(at + 6), u64_at(at + 40)};
}

static int read_meta(const struct checker *check, uint64_t number, struct meta *meta_out)
{
    uint8_t bytes[META_SIZE];
    int rc = read_at(check, bytes, sizeof bytes, number * check->page_size);
    if (rc < 0)
        return rc;
    if (u32_at(bytes + 16) != LMDB_MAGIC || u16_at(bytes + 10) != PAGE_META)
        return damaged(check, "is damaged, or no LMDB file at all");
    if (u32_at(bytes + 20) != LMDB_VERSION)
        return damaged(check, "was written by another version of LMDB, or is damaged");
    if (u64_at(bytes) != number)
        return damaged_page(check, number, "is not itself");
    *meta_out = (struct meta){tree_at(bytes + 40), tree_at(bytes + 88), u64_at(bytes + 136),
                              u64_at(bytes + 144)};
    return 0;
}

static bool is_page_size(uint64_t size)
{
    return size >= PAGE_SIZE_MIN && size <= PAGE_SIZE_MAX && (size & (size - 1)) == 0;
}

/* Both metas are checked against each other; the later one counts. */
static int read_metas(struct checker *check, struct meta *meta_out)
{
    struct meta metas[2];
    int rc = read_meta(check, 0, &metas[0]);
    if (rc < 0)
        return rc;
    if (!is_page_size(metas[0].free.pad))
        return damaged(check, "is damaged: its page size can't be");
    check->page_size = metas[0].free.pad;
    rc = read_meta(check, 1, &metas[1]);
    if (rc < 0)
        return rc;
    uint64_t even = metas[0].txn;
    uint64_t odd = metas[1].txn;
    bool fresh = even == 0 && odd == 0;
    bool neighbours = even % 2 == 0 && odd % 2 == 1 && (even + 1 == odd || odd + 1 == even);
    if (metas[1].free.pad != check->page_size || (!fresh && !neighbours))
        return damaged(check, "is damaged: its two heads contradict each other");
    *meta_out = metas[odd > even];
    check->last = meta_out->last;
    return 0;
}

/* --- pages ----------------------------------------------------------------------------------- */

static bool bit(const uint8_t *bits, uint64_t index)
{
    return bits[index / 8] >> (index % 8) & 1;
}

static void set_bit(uint8_t *bits, uint64_t index)
{
    bits[index / 8] |= (uint8_t)(1u << (index % 8));
}

static uint64_t pages_in_file(const struct checker *check)
{
    return check->size / check->page_size;
}

/* Marks pages that a tree refers to: they must be there, and belong to nobody else. */
static int take_pages(struct checker *check, uint64_t page, uint64_t count)
{
    if (page < 2 || page > check->last || count > check->last - page + 1)
        return damaged_page(check, page, "is referred to, and out of range");
    if (page + count > pages_in_file(check))
        return damaged_page(check, page, "is missing, the file was cut off");
    for (uint64_t i = page; i < page + count; i++) {
        if (bit(check->used, i) || bit(check->unused, i))
            return damaged_page(check, i, "is in use twice");
        set_bit(check->used, i);
    }
    return 0;
}

static int enqueue(struct checker *check, uint64_t page, uint16_t levels, enum tree_kind kind)
{
    int rc = take_pages(check, page, 1);
    if (rc < 0)
        return rc;
    if (check->tail == check->cap) {
        size_t cap = check->cap == 0 ? 256 : check->cap * 2;
        struct visit *queue = realloc(check->queue, cap * sizeof *queue);
        if (!queue)
            return problem_set(check->problem, -ENOMEM, "out of memory");
        check->queue = queue;
        check->cap = cap;
    }
    check->queue[check->tail++] = (struct visit){page, levels, kind};
    return 0;
}

static int enqueue_tree(struct checker *check, const struct tree_head *tree, enum tree_kind kind)
{
    unsigned flags = kind == TREE_FREE ? tree->flags & ~(unsigned)FLAGS_NO_SUBDIR : tree->flags;
    if (flags != (kind == TREE_FREE ? FLAGS_INTEGER_KEYS : 0) || tree->depth > DEPTH_MAX ||
        (tree->root == NO_PAGE) != (tree->depth == 0))
        return damaged(check, "is damaged: the head of a tree can't be");
    return tree->root == NO_PAGE ? 0 : enqueue(check, tree->root, tree->depth, kind);
}

static int read_page(struct checker *check, const struct visit *visit, unsigned *count_out)
{
    uint8_t *page = check->page;
    int rc = read_at(check, page, check->page_size, visit->page * check->page_size);
    if (rc < 0)
        return rc;
    unsigned lower = u16_at(page + 12);
    unsigned upper = u16_at(page + 14);
    if (u64_at(page) != visit->page ||
        u16_at(page + 10) != (visit->levels > 1 ? PAGE_BRANCH : PAGE_LEAF))
        return damaged_page(check, visit->page, "is not what it should be");
    if (lower <= PAGE_HEAD || lower % 2 != 0 || lower > upper || upper > check->page_size)
        return damaged_page(check, visit->page, "has bounds that can't be");
    *count_out = (lower - PAGE_HEAD) / 2;
    return 0;
}

static uint32_t joined(const uint8_t *node)
{
    bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    uint32_t first = u16_at(node);
    uint32_t second = u16_at(node + 2);
    return little ? first | second << 16 : second | first << 16;
}

static int read_node(const struct checker *check, const struct visit *visit, unsigned index,
                     struct node *node_out)
{
    const uint8_t *page = check->page;
    size_t offset = u16_at(page + PAGE_HEAD + (size_t)index * 2);
    if (offset < u16_at(page + 14) || offset % 2 != 0 || offset + NODE_HEAD > check->page_size)
        return damaged_page(check, visit->page, "has an entry outside of itself");
    const uint8_t *at = page + offset;
    bool leaf = visit->levels == 1;
    node_out->flags = u16_at(at + 4);
    node_out->size = joined(at);
    node_out->page = leaf ? 0 : joined(at) | (uint64_t)node_out->flags << 32;
    node_out->key_len = u16_at(at + 6);
    node_out->key = at + NODE_HEAD;
    node_out->data = node_out->key + node_out->key_len;
    bool big = leaf && (node_out->flags & NODE_BIG);
    size_t inside = !leaf ? 0 : big ? sizeof(uint64_t) : node_out->size;
    size_t room = check->page_size - offset - NODE_HEAD;
    if (node_out->key_len > KEY_MAX || node_out->key_len > room ||
        inside > room - node_out->key_len)
        return damaged_page(check, visit->page, "has an entry that is too long");
    return 0;
}

/* The first key of a branch page is not used and may be empty. */
static bool in_order(const struct visit *visit, unsigned index, const struct node *before,
                     const struct node *node)
{
    bool branch = visit->levels > 1;
    if (branch && index == 0)
        return true;
    bool first = index == (branch ? 1 : 0);
    if (visit->kind == TREE_FREE)
        return node->key_len == sizeof(uint64_t) &&
               (first || u64_at(before->key) < u64_at(node->key));
    if (node->key_len == 0 || first)
        return node->key_len > 0;
    size_t both = before->key_len < node->key_len ? before->key_len : node->key_len;
    int order = memcmp(before->key, node->key, both);
    return order < 0 || (order == 0 && before->key_len < node->key_len);
}

/* --- data ------------------------------------------------------------------------------------ */

/* Data in pages of its own: one head, then all of it. *offset_out: where in the file. */
static int take_big(struct checker *check, const struct node *node, uint64_t *offset_out)
{
    uint64_t page = u64_at(node->data);
    uint64_t count = (PAGE_HEAD - 1 + (uint64_t)node->size) / check->page_size + 1;
    int rc = take_pages(check, page, count);
    if (rc < 0)
        return rc;
    uint8_t head[PAGE_HEAD];
    rc = read_at(check, head, sizeof head, page * check->page_size);
    if (rc < 0)
        return rc;
    if (u64_at(head) != page || u16_at(head + 10) != PAGE_OVERFLOW || u32_at(head + 12) < count)
        return damaged_page(check, page, "is not what it should be");
    *offset_out = page * check->page_size + PAGE_HEAD;
    return u32_at(head + 12) == count ? 0
                                      : take_pages(check, page + count, u32_at(head + 12) - count);
}

static int free_page(struct checker *check, uint64_t page)
{
    if (page < 2 || page > check->last)
        return damaged_page(check, page, "is listed as free, and out of range");
    if (bit(check->used, page) || bit(check->unused, page))
        return damaged_page(check, page, "is free and in use");
    set_bit(check->unused, page);
    return 0;
}

/* A record of the free list: a count, then so many page numbers. */
static int free_inside(struct checker *check, const struct node *node)
{
    uint64_t count = node->size >= 8 ? u64_at(node->data) : UINT64_MAX;
    if (node->size < 8 || count > node->size / 8 - 1)
        return damaged(check, "is damaged: its list of free pages can't be");
    int rc = 0;
    for (uint64_t i = 1; i <= count && rc == 0; i++)
        rc = free_page(check, u64_at(node->data + i * 8));
    return rc;
}

static int free_big(struct checker *check, const struct node *node)
{
    uint64_t offset;
    uint64_t chunk[512];
    int rc = take_big(check, node, &offset);
    if (rc == 0)
        rc = read_at(check, chunk, 8, offset);
    if (rc < 0)
        return rc;
    uint64_t left = chunk[0];
    if (left > node->size / 8 - 1)
        return damaged(check, "is damaged: its list of free pages can't be");
    for (offset += 8; left > 0 && rc == 0;) {
        uint64_t count = left < 512 ? left : 512;
        rc = read_at(check, chunk, count * 8, offset);
        for (uint64_t i = 0; i < count && rc == 0; i++)
            rc = free_page(check, chunk[i]);
        offset += count * 8;
        left -= count;
    }
    return rc;
}

static int check_leaf_node(struct checker *check, const struct visit *visit,
                           const struct node *node)
{
    unsigned allowed = visit->kind == TREE_MAIN ? NODE_BIG | NODE_TREE : NODE_BIG;
    if ((node->flags & ~allowed) != 0 || node->flags == (NODE_BIG | NODE_TREE))
        return damaged_page(check, visit->page, "has an entry of an unknown kind");
    if (visit->kind == TREE_FREE)
        return node->flags & NODE_BIG ? free_big(check, node) : free_inside(check, node);
    if (node->flags & NODE_TREE) {
        if (node->size != TREE_SIZE)
            return damaged_page(check, visit->page, "has a tree without a head");
        struct tree_head tree = tree_at(node->data);
        return enqueue_tree(check, &tree, TREE_NAMED);
    }
    uint64_t offset;
    return node->flags & NODE_BIG ? take_big(check, node, &offset) : 0;
}

/* --- the walk -------------------------------------------------------------------------------- */

static int check_page(struct checker *check, const struct visit *visit)
{
    unsigned count = 0;
    int rc = read_page(check, visit, &count);
    struct node before = {0};
    for (unsigned i = 0; i < count && rc == 0; i++) {
        struct node node;
        rc = read_node(check, visit, i, &node);
        if (rc == 0 && !in_order(visit, i, &before, &node))
            rc = damaged_page(check, visit->page, "has entries out of order");
        if (rc == 0)
            rc = visit->levels > 1
                     ? enqueue(check, node.page, (uint16_t)(visit->levels - 1), visit->kind)
                     : check_leaf_node(check, visit, &node);
        before = node;
    }
    return rc;
}

/* From the roots down, level by level, until all is seen or the budget is used up. */
static int walk(struct checker *check, bool bounded)
{
    int rc = 0;
    while (check->head < check->tail && rc == 0 && (!bounded || check->budget > 0)) {
        struct visit visit = check->queue[check->head++];
        rc = check_page(check, &visit);
        check->budget -= check->budget > 0 ? 1 : 0;
    }
    return rc;
}

/* A file may end before its last page where what is missing is free. */
static int check_tail(const struct checker *check)
{
    for (uint64_t page = pages_in_file(check); page <= check->last; page++)
        if (!bit(check->unused, page))
            return damaged_page(check, page, "is missing, the file was cut off");
    return 0;
}

/* The free list first and wholly: it tells which pages may be missing. */
static int check_trees(struct checker *check, const struct meta *meta)
{
    int rc = enqueue_tree(check, &meta->free, TREE_FREE);
    if (rc == 0)
        rc = walk(check, false);
    if (rc == 0)
        rc = check_tail(check);
    if (rc == 0)
        rc = enqueue_tree(check, &meta->main, TREE_MAIN);
    return rc == 0 ? walk(check, true) : rc;
}

static int check_metas(struct checker *check, struct meta *meta_out)
{
    if (check->size == 0)
        return damaged(check, "is empty, and should not be");
    int rc = read_metas(check, meta_out);
    if (rc < 0)
        return rc;
    /* Free pages at the end may be missing, but a file does not promise what it never was. */
    if (check->last < 1 || check->last > INT64_MAX / PAGE_SIZE_MAX ||
        check->last / 64 > pages_in_file(check) + 65536)
        return damaged(check, "is damaged: it was cut off, or its size can't be");
    return 0;
}

int lmdb_file_check(int fd, const char *name, uint64_t size_max, struct lmdb_file_facts *facts_out,
                    const struct problem *problem)
{
    struct checker check = {.fd = fd, .name = name, .problem = problem, .page_size = 4096};
    struct stat found;
    if (fstat(fd, &found) < 0)
        return problem_set(problem, -errno, "%s: %s", name, strerror(errno));
    if (!S_ISREG(found.st_mode))
        return damaged(&check, "is no regular file");
    check.size = (uint64_t)found.st_size;
    struct meta meta;
    int rc = check_metas(&check, &meta);
    if (rc < 0)
        return rc;
    check.budget = size_max / check.page_size;
    check.used = calloc(check.last / 8 + 1, 1);
    check.unused = calloc(check.last / 8 + 1, 1);
    check.page = malloc(check.page_size);
    if (check.used && check.unused && check.page)
        rc = check_trees(&check, &meta);
    else
        rc = problem_set(problem, -ENOMEM, "out of memory");
    facts_out->size_used = (check.last + 1) * check.page_size;
    free(check.used);
    free(check.unused);
    free(check.page);
    free(check.queue);
    return rc;
}
