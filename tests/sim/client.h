/* A client's process: the real session of client/session.h, and somebody behind it who submits,
 * cancels, retries, deletes and reads. What it asks comes from the tables in features.def. */
#ifndef REEVE_TESTS_SIM_CLIENT_H
#define REEVE_TESTS_SIM_CLIENT_H

#include "tests/sim/world.h"

struct client *sim_client_new(struct world *world, size_t index);
void sim_client_destroy(struct client **client);

void sim_client_kill(struct client *client); /* and it starts anew at once */
void sim_client_break_line(struct client *client);
void sim_client_cut_line(struct client *client, uint64_t ms);
/* Asks for nothing new. */
void sim_client_rest(struct client *client, uint64_t until);

/* Reads every job once more, a few at a time; false when all is read and answered. */
bool sim_client_audit(struct client *client, size_t *place);
bool sim_client_is_idle(const struct client *client); /* no request is open */

#endif
