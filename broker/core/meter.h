/* What one set of limits has counted, a queue's or a budget's: how many jobs run under it, and the
 * starts of its rates. Embedded in struct queue and struct budget.
 *
 * `running` lives in memory only: whoever grants and drops leases keeps it exact, and it is counted
 * anew when leases are read at start. Starts survive a restart: the marks that a batch changed
 * are written with it. Their times rest as wall time, since no other clock outlives the process:
 * where that clock was set back meanwhile, starts count longer, never shorter. */
#ifndef REEVE_BROKER_CORE_METER_H
#define REEVE_BROKER_CORE_METER_H

#include "broker/core/memory.h"
#include "broker/core/window.h"

struct meter {
    enum store_table table;   /* where its marks rest */
    struct text name;         /* under which name; borrowed from whoever embeds it */
    uint64_t concurrency_max; /* 0: no limit */
    uint64_t running;
    struct window *windows[QUEUE_RATES_MAX];
    size_t window_count;
    bool dirty;
    struct meter *next_dirty; /* among core->meters_dirty */
};

/* Makes its rates those of the list. A window that it had before goes on counting; the others begin
 * with nothing, and rows of those it has no more are deleted (`store_too`; without, as at start,
 * nothing is written). 0, -ENOMEM (nothing changed), -errno. */
int meter_set_rates(struct core *core, struct meter *meter, const struct wire_rate *rates,
                    size_t count, bool store_too);

/* A job starts, now. Its lease counts in `running` from lease_grant on, apart from this. */
void meter_start(struct core *core, struct meter *meter);

/* Writes the marks that have changed since the last call, of all meters. 0, -errno. */
int meters_save(struct core *core);

/* Reads its marks. 0, -errno, -EBADMSG. */
int meter_load(struct core *core, struct meter *meter);

/* Frees its windows; it must not be dirty (or all meters go). */
void meter_fini(struct meter *meter);

/* Appends its rates as a list of wire_rate with `used`. 0, -ENOMEM. */
int meter_pack_rates(const struct core *core, const struct meter *meter, struct buf *out);

#endif
