/* The settings of a queue as a value: read from its record, changed by a message, written back.
 * Touches neither memory nor store. */
#ifndef REEVE_BROKER_CORE_QUEUE_SETTINGS_H
#define REEVE_BROKER_CORE_QUEUE_SETTINGS_H

#include "broker/core/queue.h"

bool queue_settings_are_none(const struct queue_settings *settings);

/* Reads a record into settings ({0} before). 0, -ENOMEM, -EBADMSG. */
int queue_settings_read(struct slice record, struct queue_settings *settings);
int budget_settings_read(struct slice record, struct queue_settings *settings);

/* Encodes the record into core->record. 0, -ENOMEM. */
int queue_settings_write(struct core *core, const struct queue_settings *settings,
                         struct slice *record_out);
int budget_settings_write(struct core *core, const struct queue_settings *settings,
                          struct slice *record_out);

/* Appends the limits as a wire_queue_limits, with the rates as `meter` counts them (NULL: as set)
 * ; the defaults as a wire_queue_defaults. 0, -ENOMEM. */
int queue_pack_limits(struct core *core, const struct queue_settings *settings,
                      const struct meter *meter, struct buf *out);

/* What a message wants changed. Absent (empty, not set) = as it was. */
struct queue_change {
    bool pause, resume;
    struct slice limits;   /* a wire_queue_limits */
    struct slice defaults; /* a wire_queue_defaults */
    struct slice clear;    /* names of settings */
    bool is_budget;        /* knows only concurrency and rates */
};

/* Takes the change into the settings: first `clear`, then the rest. 0; REFUSED with the field
 * named; -ENOMEM. On a refusal the settings are of no use any more. */
int queue_settings_change(struct core *core, const struct queue_change *change,
                          struct queue_settings *settings);

/* The place of a group's own settings, or NULL. */
const struct group_setting *group_setting_find(const struct queue_settings *settings,
                                               struct text group);

int queue_settings_copy(const struct queue_settings *from, struct queue_settings *to); /* -ENOMEM */
void queue_settings_fini(struct queue_settings *settings);

#endif
