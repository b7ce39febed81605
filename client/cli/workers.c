/* The commands workers and drain.
 * Must never guess which worker is meant: a name that two have is refused.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "client/cli/cli.h"
#include "client/cli/print.h"
#include "client/cli/table.h"
#include "client/workers.h"

static const char *const heads[] = {"ID",    "NAME",  "HOST",  "PID",   "QUEUES",
                                    "TYPES", "SLOTS", "STATE", "SINCE", NULL};

static void add_names(struct table *table, struct slice names, const char *none)
{
    struct buf words = {0};
    struct list_iter iter;
    struct text name;
    int rc = list_open(names, &iter);
    while (rc == 0 && list_next_text(&iter, &name) == 1)
        rc = buf_printf(&words, "%s%.*s", words.len ? "," : "", (int)name.len, name.at);
    table_add(table, words.len ? buf_text(&words) : text_of(none));
    buf_fini(&words);
}

static void add(struct table *table, const struct wire_worker *worker)
{
    char id[REEVE_ID_SIZE], span[PRINT_SPAN_SIZE];
    uint64_t now = clock_wall_ms();
    uuid_format(&worker->id, id);
    print_span(now > worker->since ? now - worker->since : 0, span);
    table_add(table, text_of(id));
    table_add(table, worker->name.len ? worker->name : TEXT("-"));
    table_add(table, worker->host.len ? worker->host : TEXT("-"));
    table_printf(table, "%" PRIu64, worker->pid);
    add_names(table, worker->queues, "default");
    add_names(table, worker->types, "any");
    table_printf(table, "%" PRIu64 "/%" PRIu64, worker->busy.value, worker->slots.value);
    table_add(table, text_of(worker->away ? "away" : worker->draining ? "draining" : "ready"));
    table_add(table, text_of(span));
}

/* One page of workers is printed, or looked through for a name; `last` is where the next begins. */
struct page {
    struct table table;
    struct text name; /* looked for */
    struct uuid last, found;
    unsigned matches;
    bool more;
};

static int take(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct page *page = arg;
    struct list_iter iter;
    struct wire_worker worker;
    struct fault fault;
    (void)reeve;
    page->more = answer->workers.more;
    if (list_open(answer->workers.workers, &iter) != 0)
        return REEVE_OK;
    while (list_next(&iter, &shape_worker, KEYS_NAMES, &worker, &fault) == 1) {
        page->last = worker.id;
        if (page->name.len == 0)
            add(&page->table, &worker);
        else if (text_eq(worker.name, page->name) && page->matches++ == 0)
            page->found = worker.id;
    }
    return REEVE_OK;
}

static int walk(struct cli *cli, struct page *page)
{
    int code;
    do {
        bool first = uuid_is_null(&page->last);
        struct uuid after = page->last;
        code = workers_list(cli->reeve, first ? NULL : &after, LIST_LIMIT_MAX, take, page);
    } while (code == REEVE_OK && page->more);
    return code;
}

int cli_workers(struct cli *cli)
{
    struct page page = {0};
    char *json = NULL;
    int code;
    if (cli->settings.json) {
        code = reeve_workers(cli->reeve, NULL, LIST_LIMIT_MAX, &json);
        print_json(json);
        return cli_failed(cli, code);
    }
    table_init(&page.table, heads);
    code = walk(cli, &page);
    table_print(&page.table);
    return cli_failed(cli, code);
}

/* An id, or a name that one worker has. EXIT_GOOD or an exit status, told on stderr. */
static int find(struct cli *cli, const char *word, struct uuid *id_out)
{
    struct page page = {.name = text_of(word)};
    if (uuid_parse(text_of(word), id_out) == 0)
        return EXIT_GOOD;
    int code = walk(cli, &page);
    *id_out = page.found;
    if (code != REEVE_OK || page.matches == 1)
        return cli_failed(cli, code);
    fprintf(stderr, "%s: %s '%.80s'\n", cli->table->program,
            page.matches ? "say which by its id: several workers have the name"
                         : "there is no worker with the id or name",
            word);
    return EXIT_FAILED;
}

static int drain_one(struct cli *cli, const struct uuid *id)
{
    char text[REEVE_ID_SIZE];
    char *json = NULL;
    uuid_format(id, text);
    int code = reeve_drain(cli->reeve, text, cli->settings.json ? &json : NULL);
    print_json(json);
    if (code == REEVE_OK && !cli->settings.json)
        printf("%s draining\n", text);
    return cli_failed(cli, code);
}

int cli_drain(struct cli *cli)
{
    int status = EXIT_GOOD;
    for (size_t i = 1; i < cli->words.count && status != EXIT_TRY_AGAIN; i++) {
        struct uuid id;
        int own = find(cli, cli->words.at[i], &id);
        if (own == EXIT_GOOD)
            own = drain_one(cli, &id);
        status = own != EXIT_GOOD ? own : status;
    }
    return status;
}
