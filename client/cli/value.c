/* JSON values given as words, files or standard input.
 * Must never send what is no JSON: it is said before the broker is asked.
 */
#include <errno.h>
#include <unistd.h>

#include "base/file.h"
#include "client/cli/cli.h"
#include "proto/json.h"

enum { VALUE_TEXT_MAX = 8 * 1024 * 1024 };

static int read_input(struct buf *out)
{
    char piece[65536];
    ssize_t got;
    while ((got = read(STDIN_FILENO, piece, sizeof piece)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        int rc = buf_append(out, piece, (size_t)got);
        if (rc < 0 || out->len > VALUE_TEXT_MAX)
            return rc < 0 ? rc : -EFBIG;
    }
    return 0;
}

/* The text behind the words: themselves, a file's, or standard input's. */
static int value_text(const struct cli *cli, const char *words, struct buf *out)
{
    int rc = words[0] != '@'            ? buf_append_text(out, text_of(words))
             : strcmp(words, "@-") == 0 ? read_input(out)
                                        : file_read_all(words + 1, VALUE_TEXT_MAX, out);
    if (rc == 0)
        return EXIT_GOOD;
    return settings_exit(
        settings_wrong(cli->table, "%s cannot be read: %s", words + 1, strerror(-rc)));
}

int cli_value(const struct cli *cli, const char *words, const char *what, struct buf *out)
{
    struct buf text = {0};
    struct fault fault;
    int status = value_text(cli, words, &text);
    int rc = status == EXIT_GOOD ? json_to_msgpack(buf_text(&text), out, &fault) : 0;
    buf_fini(&text);
    if (rc < 0)
        return cli_failed(cli, handle_fail_memory(cli->reeve));
    if (rc > 0)
        return settings_exit(settings_wrong(cli->table, "%s is not JSON: %s", what, fault.problem));
    return status;
}
