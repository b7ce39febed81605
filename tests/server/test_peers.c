/* Peers: handles stay with routing ids as long as somebody may name them, and no longer. */
#include "tests/testing.h"

#include <stdio.h>

#include "broker/peers.h"

static struct slice id(const char *name)
{
    return text_slice(text_of(name));
}

static struct peers *fresh(void)
{
    struct peers *peers;
    assert_good(peers_new(&peers));
    return peers;
}

TEST(one_routing_id_has_one_handle)
{
    struct peers *peers = fresh();
    uint32_t a = peers_meet(peers, CORE_CLIENTS, id("a"));
    assert_int_not_equal(a, 0);
    assert_int_equal(peers_meet(peers, CORE_CLIENTS, id("a")), a);
    assert_int_not_equal(peers_meet(peers, CORE_WORKERS, id("a")), a);
    assert_int_not_equal(peers_meet(peers, CORE_CLIENTS, id("b")), a);
    assert_true(slice_eq(peers_route(peers, a), id("a")));
    assert_int_equal(peers_count(peers), 3);
    peers_destroy(&peers);
    assert_null(peers);
}

TEST(strangers_go_with_their_batch)
{
    struct peers *peers = fresh();
    uint32_t stays = peers_meet(peers, CORE_CLIENTS, id("says hello"));
    uint32_t goes = peers_meet(peers, CORE_CLIENTS, id("does not"));
    peers_keep(peers, stays);
    assert_int_equal(peers_route(peers, goes).len, 8);
    peers_sweep(peers);
    assert_int_equal(peers_route(peers, goes).len, 0);
    assert_int_equal(peers_meet(peers, CORE_CLIENTS, id("says hello")), stays);
    assert_int_not_equal(peers_meet(peers, CORE_CLIENTS, id("does not")), goes);
    peers_destroy(&peers);
}

TEST(forgotten_peers_stay_until_the_sweep)
{
    struct peers *peers = fresh();
    uint32_t a = peers_meet(peers, CORE_WORKERS, id("a"));
    peers_keep(peers, a);
    peers_forget(peers, a);
    assert_int_equal(peers_route(peers, a).len, 1);
    peers_keep(peers, a); /* hello again in the same batch */
    peers_sweep(peers);
    assert_int_equal(peers_route(peers, a).len, 1);
    peers_forget(peers, a);
    peers_sweep(peers);
    assert_int_equal(peers_route(peers, a).len, 0);
    peers_forget(peers, a);
    peers_keep(peers, a);
    peers_fail(peers, a, 0);
    assert_int_equal(peers_count(peers), 0);
    peers_destroy(&peers);
}

TEST(a_failed_peer_is_told_once_and_then_a_stranger)
{
    struct peers *peers = fresh();
    enum core_socket socket;
    uint64_t unsent;
    uint32_t told, a = peers_meet(peers, CORE_WORKERS, id("a"));
    peers_keep(peers, a);
    peers_fail(peers, a, 0);
    peers_fail(peers, a, 7); /* the first dispatch that was not sent */
    peers_fail(peers, a, 8);
    assert_int_equal(peers_route(peers, a).len, 0);
    peers_sweep(peers);
    assert_true(peers_any_failed(peers));
    assert_true(peers_take_failed(peers, &socket, &told, &unsent));
    assert_false(peers_any_failed(peers));
    assert_int_equal(told, a);
    assert_int_equal(unsent, 7);
    assert_int_equal(socket, CORE_WORKERS);
    assert_false(peers_take_failed(peers, &socket, &told, &unsent));
    assert_int_equal(peers_meet(peers, CORE_WORKERS, id("a")), a);
    peers_sweep(peers);
    assert_int_not_equal(peers_meet(peers, CORE_WORKERS, id("a")), a);
    peers_destroy(&peers);
}

TEST(a_failed_stranger_is_not_told)
{
    struct peers *peers = fresh();
    enum core_socket socket;
    uint64_t unsent;
    uint32_t told;
    peers_fail(peers, peers_meet(peers, CORE_CLIENTS, id("a")), 0);
    peers_sweep(peers);
    assert_false(peers_take_failed(peers, &socket, &told, &unsent));
    peers_destroy(&peers);
}

TEST(routing_ids_have_limits)
{
    struct peers *peers = fresh();
    uint8_t longest[ROUTING_ID_MAX + 1] = {1};
    assert_int_equal(peers_meet(peers, CORE_CLIENTS, (struct slice){longest, 0}), 0);
    assert_int_equal(peers_meet(peers, CORE_CLIENTS, (struct slice){longest, 256}), 0);
    assert_int_not_equal(peers_meet(peers, CORE_CLIENTS, (struct slice){longest, 255}), 0);
    peers_destroy(&peers);
}

/* The one silent for longest makes room; a newcomer is refused until it has. */
TEST(there_are_never_more_than_the_limit)
{
    struct peers *peers = fresh();
    char name[16];
    enum core_socket socket;
    uint64_t unsent;
    uint32_t told, first = 0, second = 0;
    for (int i = 0; i < PEERS_MAX; i++) {
        snprintf(name, sizeof name, "%d", i);
        uint32_t handle = peers_meet(peers, CORE_CLIENTS, id(name));
        first = i == 0 ? handle : first;
        second = i == 1 ? handle : second;
        peers_keep(peers, handle);
    }
    assert_int_equal(peers_meet(peers, CORE_CLIENTS, id("0")), first);
    assert_int_equal(peers_meet(peers, CORE_CLIENTS, id("new")), 0);
    assert_true(peers_take_failed(peers, &socket, &told, &unsent));
    assert_int_equal(told, second);
    peers_sweep(peers);
    assert_int_not_equal(peers_meet(peers, CORE_CLIENTS, id("new")), 0);
    assert_int_equal(peers_count(peers), PEERS_MAX);
    peers_destroy(&peers);
}

/* A routing id is free again when its connection is gone; what was meant for the old one must not
 * reach the new one. */
TEST(another_key_under_the_same_routing_id)
{
    const char *one = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
    const char *two = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    struct peers *peers = fresh();
    enum core_socket socket;
    uint64_t unsent;
    uint32_t told, a = peers_meet(peers, CORE_CLIENTS, id("a"));
    assert_true(peers_prove(peers, a, one));
    peers_keep(peers, a);
    assert_true(peers_prove(peers, a, one));
    assert_false(peers_prove(peers, a, two));
    assert_int_equal(peers_route(peers, a).len, 0);
    assert_true(peers_take_failed(peers, &socket, &told, &unsent));
    assert_int_equal(told, a);
    peers_sweep(peers);
    uint32_t b = peers_meet(peers, CORE_CLIENTS, id("a"));
    assert_int_not_equal(b, a);
    assert_true(peers_prove(peers, b, two));
    assert_false(peers_prove(peers, a, one)); /* gone */
    peers_destroy(&peers);
}

TEST(without_keys_all_prove_the_same)
{
    struct peers *peers = fresh();
    uint32_t a = peers_meet(peers, CORE_CLIENTS, id("a"));
    assert_true(peers_prove(peers, a, ""));
    assert_true(peers_prove(peers, a, ""));
    assert_false(peers_prove(peers, a, "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"));
    peers_destroy(&peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_routing_id_has_one_handle),
        cmocka_unit_test(strangers_go_with_their_batch),
        cmocka_unit_test(forgotten_peers_stay_until_the_sweep),
        cmocka_unit_test(a_failed_peer_is_told_once_and_then_a_stranger),
        cmocka_unit_test(a_failed_stranger_is_not_told),
        cmocka_unit_test(routing_ids_have_limits),
        cmocka_unit_test(there_are_never_more_than_the_limit),
        cmocka_unit_test(another_key_under_the_same_routing_id),
        cmocka_unit_test(without_keys_all_prove_the_same),
    };
    return TESTS_RUN(tests);
}
