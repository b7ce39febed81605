/* The parts under the store by themselves: the keymap against sorted arrays, dead stretches, the
 * bound of memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/store/dead.h"
#include "broker/store/overlay.h"
#include "tests/store/fixture.h"

enum { KEYS = 20000, KEY_BYTES = 48 };

struct keys {
    struct rec {
        uint8_t at[KEY_BYTES];
        size_t len;
    } at[KEYS];
};

static int rec_cmp(const void *a, const void *b)
{
    const struct rec *x = a;
    const struct rec *y = b;
    return text_cmp((struct text){(const char *)x->at, x->len},
                    (struct text){(const char *)y->at, y->len});
}

static struct slice rec_slice(const struct rec *rec)
{
    return (struct slice){rec->at, rec->len};
}

enum shape { SHORT, UPWARDS, DOWNWARDS, EARLY, EXTREME, SHAPES };

/* Keys that differ early, late, in length only; that come in order, or do not. */
static void make_key(struct rec *rec, enum shape shape, unsigned i, struct draw *draw)
{
    unsigned number = draw_below(draw, 4 * KEYS);
    char *at = (char *)rec->at;
    int len = 0;
    if (shape == SHORT)
        len = snprintf(at, KEY_BYTES, "%u", number);
    else if (shape == EARLY)
        len = snprintf(at, KEY_BYTES, "q%u/some/tail", number);
    else
        len = snprintf(at, KEY_BYTES, "queue/%020u", shape == UPWARDS ? i : KEYS - i);
    rec->len = (size_t)len;
    if (shape != EXTREME)
        return;
    rec->len = 1 + draw_below(draw, KEY_BYTES - 1);
    memset(rec->at, draw_below(draw, 3) == 0 ? 0 : 0xff, rec->len);
    rec->at[rec->len - 1] = (uint8_t)draw_below(draw, 256);
}

static void check_order(const struct keymap *map, const struct keys *keys, size_t count)
{
    struct keymap_place place = keymap_seek(map, (struct slice){0});
    for (size_t i = 0; i < count; i++, place = keymap_next(place)) {
        if (i > 0 && rec_cmp(&keys->at[i], &keys->at[i - 1]) == 0) {
            place = keymap_prev(place);
            continue;
        }
        assert_non_null(keymap_at(place));
        assert_true(slice_eq(keymap_key(keymap_at(place)), rec_slice(&keys->at[i])));
    }
    assert_null(keymap_at(place));
    assert_null(keymap_at(keymap_next(place)));
    place = keymap_last(map);
    for (size_t i = count; i > 0; i--) {
        if (i < count && rec_cmp(&keys->at[i], &keys->at[i - 1]) == 0)
            continue;
        assert_true(slice_eq(keymap_key(keymap_at(place)), rec_slice(&keys->at[i - 1])));
        place = keymap_prev(place);
    }
    assert_null(keymap_at(place));
}

/* keys are sorted: a seek finds the first that is not smaller. */
static void check_seeks(struct keymap *map, const struct keys *keys, struct draw *draw)
{
    for (int i = 0; i < 2000; i++) {
        struct rec probe = keys->at[draw_below(draw, KEYS)];
        if (draw_below(draw, 2) == 0)
            probe.at[draw_below(draw, (unsigned)probe.len)] = (uint8_t)draw_below(draw, 256);
        probe.len -= draw_below(draw, 4) == 0 ? draw_below(draw, (unsigned)probe.len) : 0;
        size_t low = 0;
        while (low < KEYS && rec_cmp(&keys->at[low], &probe) < 0)
            low++;
        const struct keymap_entry *entry = keymap_at(keymap_seek(map, rec_slice(&probe)));
        assert_true((entry != NULL) == (low < KEYS));
        if (!entry)
            continue;
        assert_true(slice_eq(keymap_key(entry), rec_slice(&keys->at[low])));
        bool same = rec_cmp(&keys->at[low], &probe) == 0;
        assert_true((keymap_find(map, rec_slice(&probe)) != NULL) == same);
    }
}

TEST(keymap_keeps_order)
{
    struct draw draw = {seed_of("keymap")};
    struct keys *keys = malloc(sizeof *keys);
    for (int shape = 0; shape < SHAPES; shape++) {
        struct arena arena;
        struct keymap map = {0};
        arena_init(&arena, 64 * 1024 * 1024);
        for (unsigned i = 0; i < KEYS; i++) {
            make_key(&keys->at[i], (enum shape)shape, i, &draw);
            struct slice key = rec_slice(&keys->at[i]);
            bool was_there = keymap_find(&map, key) != NULL;
            struct keymap_entry *entry = keymap_find_or_insert(&map, &arena, key);
            assert_non_null(entry);
            assert_int_equal(entry->kind, was_there);
            entry->kind = 1;
            assert_ptr_equal(keymap_find(&map, key), entry);
        }
        qsort(keys->at, KEYS, sizeof keys->at[0], rec_cmp);
        check_order(&map, keys, KEYS);
        check_seeks(&map, keys, &draw);
        arena_fini(&arena);
        assert_int_equal(arena.held, 0);
    }
    free(keys);
}

TEST(an_empty_keymap_has_nothing)
{
    struct keymap map = {0};
    assert_null(keymap_find(&map, word("a")));
    assert_null(keymap_at(keymap_seek(&map, word("a"))));
    assert_null(keymap_at(keymap_last(&map)));
    assert_null(keymap_at(keymap_prev(keymap_last(&map))));
}

/* A full overlay refuses, and keeps what it has. */
TEST(memory_is_bounded)
{
    struct overlay overlay;
    static uint8_t big[100 * 1024];
    overlay_init(&overlay, 1024 * 1024);
    for (int round = 0; round < 3; round++) {
        char key[16] = "k0";
        int rc = 0;
        int puts = 0;
        for (; rc == 0; puts++) {
            snprintf(key, sizeof key, "k%d", puts);
            rc = overlay_put(&overlay, TABLE_SPEC, word(key),
                             (struct slice){big, puts % 2 ? 600 : sizeof big});
        }
        assert_int_equal(rc, -ENOMEM);
        assert_true(puts > 8 && overlay.arena.held <= 1024 * 1024);
        struct slice value;
        assert_int_equal(overlay_get(&overlay, TABLE_SPEC, word(key), &value), OVERLAY_NOTHING);
        assert_int_equal(overlay_get(&overlay, TABLE_SPEC, word("k1"), &value), OVERLAY_PUT);
        assert_int_equal(value.len, 600);
        overlay_reset(&overlay);
        assert_int_equal(overlay_get(&overlay, TABLE_SPEC, word("k1"), &value), OVERLAY_NOTHING);
    }
    overlay_fini(&overlay);
}

/* The same key again and again within one event takes no more memory. */
TEST(rewriting_is_free)
{
    struct overlay overlay;
    overlay_init(&overlay, 1024 * 1024);
    for (int i = 0; i < 100000; i++)
        assert_good(overlay_put(&overlay, TABLE_STATE, word("job"),
                                word("forty bytes or so of a "
                                     "state that changes")));
    overlay_fini(&overlay);
}

static const struct dead_range *found(const struct dead *dead, const char *key)
{
    return dead_find(dead, TABLE_READY, word(key));
}

TEST(dead_stretches)
{
    static struct dead dead;
    struct slice to = word("m");
    assert_null(found(&dead, "b"));
    dead_note(&dead, TABLE_READY, word("b"), &to);
    assert_null(found(&dead, "a"));
    assert_non_null(found(&dead, "b"));
    assert_non_null(found(&dead, "lzzz"));
    assert_null(found(&dead, "m"));
    assert_null(dead_find(&dead, TABLE_TIMER, word("c")));
    to = word("x");
    dead_note(&dead, TABLE_READY, word("m"), &to); /* goes on where the first ends */
    assert_int_equal(dead.count, 1);
    assert_non_null(found(&dead, "p"));
    dead_touch(&dead, TABLE_TIMER, word("c"));
    assert_non_null(found(&dead, "p"));
    dead_touch(&dead, TABLE_READY, word("g"));
    assert_non_null(found(&dead, "c"));
    assert_null(found(&dead, "g"));
    assert_null(found(&dead, "p"));
    dead_touch(&dead, TABLE_READY, word("b"));
    assert_null(found(&dead, "b"));
    assert_int_equal(dead.count, 0);
    dead_note(&dead, TABLE_READY, word("b"), NULL);
    assert_non_null(found(&dead, "zzzz"));
    assert_true(found(&dead, "b")->endless);
    dead_touch(&dead, TABLE_READY, word("q"));
    assert_null(found(&dead, "zzzz"));
    assert_non_null(found(&dead, "pzzz"));
    dead_clear(&dead);
    assert_null(found(&dead, "c"));
}

TEST(more_stretches_than_can_be_remembered)
{
    static struct dead dead;
    for (int i = 0; i < 100; i++) {
        char from[16];
        char to[16];
        snprintf(from, sizeof from, "%03da", i);
        snprintf(to, sizeof to, "%03db", i);
        struct slice end = word(to);
        dead_note(&dead, TABLE_READY, word(from), &end);
        assert_non_null(found(&dead, from));
        assert_null(found(&dead, to));
        assert_true(dead.count <= DEAD_RANGES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keymap_keeps_order),
        cmocka_unit_test(an_empty_keymap_has_nothing),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(rewriting_is_free),
        cmocka_unit_test(dead_stretches),
        cmocka_unit_test(more_stretches_than_can_be_remembered),
    };
    return TESTS_RUN(tests);
}
