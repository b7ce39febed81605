/* The command parents: a row for each job that one depends on, page by page.
 * Must never hold more than one page.
 */
#include <stdio.h>
#include <stdlib.h>

#include "client/cli/cli.h"
#include "client/cli/print.h"
#include "client/cli/table.h"
#include "client/relatives.h"
#include "proto/json.h"

enum { PAGE_LIMIT = 200 };

static const char *const heads[] = {"ID", "STATUS", "RESULT", NULL};

struct pages {
    const struct cli *cli;
    struct table table;
    bool begun, any; /* something was printed; a parent was */
    uint64_t next;   /* 0: there are no more */
    uint64_t total;
};

static int add_row(struct pages *pages, const struct wire_parent *row)
{
    char id[UUID_TEXT_LEN + 1];
    struct buf text = {0};
    uuid_format(&row->id, id);
    int rc = row->result.len ? json_from_msgpack(row->result, &text) : 0;
    table_add(&pages->table, text_of(id));
    table_add(&pages->table, text_of(row->status ? job_state_word(row->status) : "(deleted)"));
    table_add(&pages->table, row->gone ? TEXT("(not kept any more)") : buf_text(&text));
    buf_fini(&text);
    return rc;
}

static void print_item(struct pages *pages, const struct wire_parent *row)
{
    struct buf text = {0};
    fputs(pages->any ? "," : "", stdout);
    if (json_from_struct(row, &shape_parent, &text) == 0)
        fwrite(text.at, 1, text.len, stdout);
    buf_fini(&text);
}

static int take_page(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct pages *pages = arg;
    struct list_iter iter;
    struct wire_parent row;
    struct fault fault;
    int rc = 0;
    if (pages->cli->settings.json && !pages->begun)
        fputs("{\"parents\":[", stdout);
    pages->begun = true;
    if (list_open(answer->parents.parents, &iter) != 0)
        return handle_fail(reeve, REEVE_SERVER_ERROR, "", "the broker's answer cannot be read");
    while (rc == 0 && list_next(&iter, &shape_parent, KEYS_NAMES, &row, &fault) == 1) {
        if (pages->cli->settings.json)
            print_item(pages, &row);
        else
            rc = add_row(pages, &row);
        pages->any = true;
    }
    pages->next = answer->parents.next;
    pages->total = opt_or(answer->parents.total, 0);
    return rc < 0 ? handle_fail_memory(reeve) : REEVE_OK;
}

static int all_pages(struct cli *cli, const struct uuid *id, struct pages *pages)
{
    int code;
    do {
        code = relatives_parents(cli->reeve, id, pages->next, PAGE_LIMIT, take_page, pages);
    } while (code == REEVE_OK && pages->next);
    return code;
}

/* The first page comes before anything is printed, so that a job that is not there is an error. */
int cli_parents(struct cli *cli)
{
    struct pages pages = {.cli = cli};
    struct uuid *ids;
    size_t count = 0;
    int status = cli_ids(cli, &ids, &count);
    if (status != EXIT_GOOD)
        return status;
    table_init(&pages.table, heads);
    int code = all_pages(cli, &ids[0], &pages);
    if (cli->settings.json && pages.begun)
        printf("],\"total\":%llu}\n", (unsigned long long)pages.total);
    if (!cli->settings.json)
        table_print(&pages.table);
    free(ids);
    return cli_failed(cli, code);
}
