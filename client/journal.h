/* Reading the journal with the answer used as a struct; as jobs.h. Internal. */
#ifndef REEVE_CLIENT_JOURNAL_H
#define REEVE_CLIENT_JOURNAL_H

#include "client/handle.h"

/* journal. `filter` is not NULL. */
int journal_get(struct reeve *reeve, const struct reeve_journal_filter *filter, handle_use *use,
                void *arg);

#endif
