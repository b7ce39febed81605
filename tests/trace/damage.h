/* Plants damage into a store that is whole, and sees that the check finds it. */
#ifndef REEVE_TESTS_TRACE_DAMAGE_H
#define REEVE_TESTS_TRACE_DAMAGE_H

#include "broker/store/store.h"

/* Damages every row of the store in every way there is, one at a time, and mends it again. Says on
 * stderr what core_check did not notice. Returns how often that happened; *planted_out grows by how
 * much was planted. Inside no batch. */
int damage_everywhere(struct store *store, uint64_t *planted_out);

#endif
