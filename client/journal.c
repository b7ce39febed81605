/* Reading the broker's journal.
 * Must never keep anything between calls.
 */
#include "client/journal.h"

#include "client/answer.h"
#include "proto/pack.h"

/* "failed,cancelled" as a list of texts. 0, -ENOMEM. */
static int put_types(const char *types, struct buf *out)
{
    uint32_t count = 0;
    size_t mark;
    int rc = list_begin(out, &mark);
    while (rc == 0 && *types) {
        size_t len = strcspn(types, ",");
        if (len > 0) {
            rc = pack_text(out, (struct text){types, len});
            count++;
        }
        types += len + (types[len] == ',');
    }
    if (rc == 0)
        list_end(out, mark, count);
    return rc;
}

int journal_get(struct reeve *reeve, const struct reeve_journal_filter *filter, handle_use *use,
                void *arg)
{
    struct message request = {.id = MSG_GET_JOURNAL,
                              .get_journal = {.after = filter->after,
                                              .limit = filter->limit,
                                              .of_owner = text_of(filter->owner)}};
    struct buf types = {0};
    int rc = filter->types ? put_types(filter->types, &types) : 0;
    request.get_journal.types = buf_slice(&types);
    int code = rc < 0 ? handle_fail_status(reeve, rc)
                      : handle_call(reeve, &request, MSG_JOURNAL, use, arg);
    buf_fini(&types);
    return code;
}

static int take_journal(void *arg, struct reeve *reeve, const struct message *answer)
{
    struct buf text = {0};
    return answer_take(reeve, answer_whole(answer, &text), &text, arg);
}

int reeve_journal(struct reeve *reeve, const struct reeve_journal_filter *filter,
                  char **journal_out)
{
    static const struct reeve_journal_filter all;
    int code = handle_enter(reeve);
    return code == REEVE_OK ? journal_get(reeve, filter ? filter : &all, take_journal, journal_out)
                            : code;
}
