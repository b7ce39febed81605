/* What client.c, actions.c and spices.c share. Must never be included elsewhere. */
#ifndef REEVE_TESTS_SIM_CLIENT_PARTS_H
#define REEVE_TESTS_SIM_CLIENT_PARTS_H

#include "base/buf.h"
#include "client/session.h"
#include "proto/codec.h"
#include "tests/sim/client.h"
#include "tests/sim/net.h"
#include "tests/sim/oracle.h"

enum { ASKS_MAX = 24 };

/* A request on its way. */
struct ask {
    bool open;
    enum message_id id;
    struct uuid job;
    struct deed *deed; /* of a submit */
    uint64_t asked_at;
};

struct client {
    struct world *world;
    struct stream stream;
    struct line line;
    struct occurrence wake;
    struct uuid id;
    uint64_t epoch;
    struct text role, owner;
    bool is_gateway;
    struct client_session *session;
    struct ask asks[ASKS_MAX];
    uint64_t act_at;
    uint64_t submitted; /* jobs, so far */
    uint64_t jobs_max;
    uint64_t keys;
    struct buf list;
};

/* Sends the message as a request; whoever has its end is in `ask` (copied). False: there is no room
 * for it now. */
bool sim_client_ask(struct client *client, struct message *message, const struct ask *ask);
/* Asks for this deed, for the first time or again. */
void sim_client_submit(struct client *client, struct deed *deed);
/* On whose behalf it speaks now. */
struct text sim_client_owner(struct client *client);

/* clang-format off */
#define ACTION(name, percent, weight, what) void act_##name(struct client *client);
#define SPICE(name, percent, what) \
    void spice_##name(struct client *client, struct wire_spec *spec);
#define FEATURE(name, percent, what)
/* clang-format on */
#include "tests/sim/features.def"
#undef ACTION
#undef SPICE
#undef FEATURE

#endif
