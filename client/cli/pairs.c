/* KEY=VALUE options as a JSON object.
 */
#include "client/cli/pairs.h"

#include "proto/json.h"

static bool is_last(const struct settings_list *list, size_t index, size_t key_len)
{
    for (size_t i = index + 1; i < list->count; i++) {
        if (strncmp(list->at[i], list->at[index], key_len + 1) == 0)
            return false;
    }
    return true;
}

static int add_pair(struct buf *out, const char *pair, size_t key_len)
{
    int rc = out->len > 1 ? buf_append(out, ",", 1) : 0;
    if (rc == 0)
        rc = json_quote(out, (struct text){pair, key_len});
    if (rc == 0)
        rc = buf_append(out, ":", 1);
    return rc == 0 ? json_quote(out, text_of(pair + key_len + 1)) : rc;
}

int cli_pairs(const struct cli *cli, const char *option, const struct settings_list *list,
              struct buf *out)
{
    int rc = buf_append(out, "{", 1);
    for (size_t i = 0; rc == 0 && i < list->count; i++) {
        size_t key_len = strcspn(list->at[i], "=");
        if (key_len == 0 || list->at[i][key_len] != '=')
            return settings_exit(
                settings_wrong(cli->table, "--%s: '%s' is not KEY=VALUE", option, list->at[i]));
        if (is_last(list, i, key_len))
            rc = add_pair(out, list->at[i], key_len);
    }
    if (rc == 0)
        rc = buf_append(out, "}", 2);
    return rc < 0 ? cli_failed(cli, handle_fail_memory(cli->reeve)) : EXIT_GOOD;
}
