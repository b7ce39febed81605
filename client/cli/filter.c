/* Options as a filter.
 */
#include "client/cli/filter.h"

#include "base/clock.h"
#include "base/duration.h"
#include "base/rfc3339.h"
#include "client/cli/pairs.h"

int cli_time(const struct cli *cli, const char *option, const char *text, uint64_t *wall_ms_out)
{
    uint64_t age, now = clock_wall_ms();
    *wall_ms_out = 0;
    if (!text || rfc3339_parse(text_of(text), wall_ms_out) == 0)
        return EXIT_GOOD;
    if (duration_parse(text_of(text), &age) != 0)
        return settings_exit(settings_wrong(cli->table,
                                            "--%s: '%.80s' is no time; expected one like "
                                            "2026-01-31T12:00:00Z, or an age like 2h",
                                            option, text));
    *wall_ms_out = age < now ? now - age : 1;
    return EXIT_GOOD;
}

/* --status a,b --status c as "a,b,c". */
static int join_status(const struct settings_list *list, struct buf *out)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < list->count; i++)
        rc = buf_printf(out, "%s%s", i > 0 ? "," : "", list->at[i]);
    return rc == 0 ? buf_append(out, "", 1) : rc;
}

static int read_times(const struct cli *cli, struct reeve_filter *wanted)
{
    const struct cli_settings *s = &cli->settings;
    int status = cli_time(cli, "created-after", s->created_after, &wanted->created_after_ms);
    if (status == EXIT_GOOD)
        status = cli_time(cli, "created-before", s->created_before, &wanted->created_before_ms);
    if (status == EXIT_GOOD)
        status = cli_time(cli, "ended-before", s->ended_before, &wanted->ended_before_ms);
    return status;
}

int cli_filter_read(const struct cli *cli, struct cli_filter *filter_out)
{
    const struct cli_settings *s = &cli->settings;
    struct reeve_filter *wanted = &filter_out->wanted;
    *filter_out = (struct cli_filter){.wanted = {.type = s->of_type,
                                                 .queue = s->of_queue,
                                                 .owner = s->of_owner,
                                                 .group = s->of_group,
                                                 .name = s->of_name,
                                                 .cause = s->cause,
                                                 .system = s->system}};
    int status = EXIT_GOOD;
    if (join_status(&s->status, &filter_out->status) < 0)
        return cli_failed(cli, handle_fail_memory(cli->reeve));
    if (s->with_metadata.count > 0)
        status = cli_pairs(cli, "metadata", &s->with_metadata, &filter_out->metadata);
    if (status == EXIT_GOOD)
        status = read_times(cli, wanted);
    wanted->status = s->status.count ? (const char *)filter_out->status.at : NULL;
    wanted->metadata_json = s->with_metadata.count ? (const char *)filter_out->metadata.at : NULL;
    filter_out->narrows = wanted->status || wanted->type || wanted->queue || wanted->owner ||
                          wanted->group || wanted->name || wanted->cause || wanted->metadata_json ||
                          wanted->created_after_ms || wanted->created_before_ms ||
                          wanted->ended_before_ms;
    return status;
}

void cli_filter_fini(struct cli_filter *filter)
{
    buf_fini(&filter->status);
    buf_fini(&filter->metadata);
}
