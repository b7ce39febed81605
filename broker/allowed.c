/* The list of keys.
 * Must never let a line through that it does not understand as a whole. */
#include "broker/allowed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/curve_key.h"
#include "base/file.h"
#include "proto/limits.h"
#include "proto/utf8.h"

struct allowed {
    struct core_auth *at; /* by key */
    size_t count;
    char *words; /* the memory behind their texts */
};

/* --- lines ------------------------------------------------------------------------------------ */

struct reader {
    struct allowed *allowed;
    struct text rest; /* what is left of the file */
    unsigned line;
    char *problem;
    size_t size;
};

static int wrong(const struct reader *reader, const char *what)
{
    snprintf(reader->problem, reader->size, "line %u: %s", reader->line, what);
    return -EINVAL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct text trimmed(struct text text)
{
    while (text.len > 0 && is_blank(text.at[0]))
        text.at++, text.len--;
    while (text.len > 0 && is_blank(text.at[text.len - 1]))
        text.len--;
    return text;
}

static bool next_line(struct reader *reader, struct text *line_out)
{
    if (reader->rest.len == 0)
        return false;
    const char *end = memchr(reader->rest.at, '\n', reader->rest.len);
    size_t len = end ? (size_t)(end - reader->rest.at) : reader->rest.len;
    *line_out = trimmed((struct text){reader->rest.at, len});
    len += end != NULL;
    reader->rest = (struct text){reader->rest.at + len, reader->rest.len - len};
    reader->line++;
    return true;
}

static struct text take_word(struct text *line)
{
    struct text word = {line->at, 0};
    while (word.len < line->len && !is_blank(line->at[word.len]))
        word.len++;
    *line = trimmed((struct text){line->at + word.len, line->len - word.len});
    return word;
}

static bool is_name(struct text text, size_t len_max)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20 || text.at[i] == 0x7f)
            return false;
    return text.len <= len_max && utf8_valid(text);
}

static int take_owner(const struct reader *reader, struct core_auth *auth)
{
    bool needed = auth->role == ROLE_PRODUCER || auth->role == ROLE_OBSERVER;
    if (text_is(auth->owner, "-"))
        auth->owner = (struct text){0};
    if (needed && auth->owner.len == 0)
        return wrong(reader, "a producer or an observer needs an owner: PUBLICKEY ROLE OWNER NAME");
    if (!is_name(auth->owner, OWNER_LEN_MAX))
        return wrong(reader, "an owner has at most 100 bytes of UTF-8 without control characters");
    return 0;
}

static int take_line(struct reader *reader, struct text line)
{
    struct allowed *allowed = reader->allowed;
    struct core_auth auth = {.listed = true};
    auth.key = take_word(&line);
    struct text role = take_word(&line);
    auth.owner = take_word(&line);
    auth.name = line;
    if (!curve_key_is_fit(auth.key))
        return wrong(reader, "expected a public key of 40 characters (Z85) first");
    if (!role_parse(role, &auth.role))
        return wrong(reader, "expected producer, worker, gateway, admin or observer after the key");
    int rc = take_owner(reader, &auth);
    if (rc < 0)
        return rc;
    if (!is_name(auth.name, NAME_LEN_MAX))
        return wrong(reader, "a name has at most 255 bytes of UTF-8 without control characters");
    if (allowed->count == ALLOWED_KEYS_MAX)
        return wrong(reader, "at most 10000 keys");
    allowed->at[allowed->count++] = auth;
    return 0;
}

/* --- the list --------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
    return text_cmp(((const struct core_auth *)a)->key, ((const struct core_auth *)b)->key);
}

static int sort(struct reader *reader)
{
    struct allowed *allowed = reader->allowed;
    qsort(allowed->at, allowed->count, sizeof *allowed->at, by_key);
    for (size_t i = 1; i < allowed->count; i++) {
        if (!text_eq(allowed->at[i - 1].key, allowed->at[i].key))
            continue;
        snprintf(reader->problem, reader->size, "the key %.*s is there twice", AUTH_KEY_LEN,
                 allowed->at[i].key.at);
        return -EINVAL;
    }
    return 0;
}

static size_t lines_of(struct text file)
{
    size_t lines = 1;
    for (size_t i = 0; i < file.len; i++)
        lines += file.at[i] == '\n';
    return lines < ALLOWED_KEYS_MAX ? lines : ALLOWED_KEYS_MAX;
}

static struct allowed *make(struct text file)
{
    struct allowed *allowed = calloc(1, sizeof *allowed);
    if (!allowed)
        return NULL;
    allowed->at = calloc(lines_of(file), sizeof *allowed->at);
    allowed->words = malloc(file.len + 1);
    if (!allowed->at || !allowed->words) {
        allowed_destroy(&allowed);
        return NULL;
    }
    if (file.len > 0)
        memcpy(allowed->words, file.at, file.len);
    return allowed;
}

int allowed_parse(struct text file, struct allowed **allowed_out, char *problem, size_t size)
{
    struct allowed *allowed = make(file);
    struct text line;
    *allowed_out = NULL;
    if (!allowed) {
        snprintf(problem, size, "out of memory");
        return -ENOMEM;
    }
    struct reader reader = {allowed, {allowed->words, file.len}, 0, problem, size};
    int rc = 0;
    while (rc == 0 && next_line(&reader, &line))
        if (line.len > 0 && line.at[0] != '#')
            rc = take_line(&reader, line);
    if (rc == 0)
        rc = sort(&reader);
    if (rc < 0)
        allowed_destroy(&allowed);
    *allowed_out = allowed;
    return rc;
}

static int check_file(const char *path, char *problem, size_t size)
{
    struct stat found;
    int rc = stat(path, &found) == 0 ? 0 : -errno;
    if (rc == 0 && !S_ISREG(found.st_mode)) {
        snprintf(problem, size, "%s is no regular file", path);
        return -EINVAL;
    }
    if (rc == 0 && (found.st_mode & 022) != 0) {
        snprintf(problem, size,
                 "%s has mode %03o: others may change it and let themselves in; "
                 "chmod go-w %s",
                 path, (unsigned)found.st_mode & 0777, path);
        return -EPERM;
    }
    if (rc < 0)
        snprintf(problem, size, "%s: %s", path, strerror(-rc));
    return rc;
}

int allowed_read(const char *path, struct allowed **allowed_out, char *problem, size_t size)
{
    struct buf content = {0};
    char sentence[200];
    *allowed_out = NULL;
    int rc = check_file(path, problem, size);
    if (rc < 0)
        return rc;
    rc = file_read_all(path, ALLOWED_FILE_SIZE_MAX, &content);
    if (rc < 0)
        snprintf(problem, size, "%s: %s", path, strerror(-rc));
    else if ((rc = allowed_parse(buf_text(&content), allowed_out, sentence, sizeof sentence)) < 0)
        snprintf(problem, size, "%s: %s", path, sentence);
    buf_fini(&content);
    return rc;
}

void allowed_destroy(struct allowed **allowed)
{
    if (!*allowed)
        return;
    free((*allowed)->at);
    free((*allowed)->words);
    free(*allowed);
    *allowed = NULL;
}

size_t allowed_count(const struct allowed *allowed)
{
    return allowed->count;
}

const struct core_auth *allowed_find(const struct allowed *allowed, struct text key)
{
    const struct core_auth wanted = {.key = key};
    if (allowed->count == 0)
        return NULL;
    return bsearch(&wanted, allowed->at, allowed->count, sizeof *allowed->at, by_key);
}

static bool still_there(const struct allowed *now, const struct core_auth *was)
{
    const struct core_auth *is = allowed_find(now, was->key);
    return is && is->role == was->role && text_eq(is->owner, was->owner);
}

int allowed_revoked(const struct allowed *was, const struct allowed *now, struct text **keys_out,
                    size_t *count_out)
{
    struct text *keys = calloc(was->count + 1, sizeof *keys);
    size_t count = 0;
    *keys_out = keys;
    *count_out = 0;
    if (!keys)
        return -ENOMEM;
    for (size_t i = 0; i < was->count; i++)
        if (!still_there(now, &was->at[i]))
            keys[count++] = was->at[i].key;
    *count_out = count;
    return 0;
}
