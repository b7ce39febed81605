/* A request target, split at its slashes and decoded.
 * Must never read or write beyond the bytes it was given. Pure. */
#include "gateway/http/target.h"

#include "proto/utf8.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The byte that "%41" stands for; -1 where it is none. */
static int escaped_byte(const char *at, size_t left)
{
    if (left < 3)
        return -1;
    int high = hex_digit(at[1]), low = hex_digit(at[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Decodes in place; the result is never longer. false: a bad escape or character. */
static bool decode(char *at, size_t len, bool plus_is_blank, struct text *out)
{
    size_t to = 0;
    for (size_t from = 0; from < len; from++) {
        int c = (unsigned char)at[from];
        if (c == '%') {
            c = escaped_byte(at + from, len - from);
            from += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        if (c < 0x20 || c == 0x7f)
            return false;
        at[to++] = (char)c;
    }
    *out = (struct text){at, to};
    return utf8_valid(*out);
}

static const char *split_path(char *at, char *end, struct target *target)
{
    if (++at == end)
        return NULL;
    for (;;) {
        char *slash = memchr(at, '/', (size_t)(end - at));
        char *stop = slash ? slash : end;
        if (target->segment_count == TARGET_SEGMENTS_MAX)
            return "the path has too many parts";
        if (!decode(at, (size_t)(stop - at), false, &target->segments[target->segment_count++]))
            return "the path is not properly encoded";
        if (!slash)
            return NULL;
        at = slash + 1;
    }
}

/* "name=value", "name=" or "name". */
static bool decode_param(char *at, char *stop, struct target_param *out)
{
    char *equals = memchr(at, '=', (size_t)(stop - at));
    char *name_end = equals ? equals : stop;
    char *value = equals ? equals + 1 : stop;
    return decode(at, (size_t)(name_end - at), true, &out->name) &&
           decode(value, (size_t)(stop - value), true, &out->value);
}

static const char *split_query(char *at, char *end, struct target *target)
{
    while (at < end) {
        char *amp = memchr(at, '&', (size_t)(end - at));
        char *stop = amp ? amp : end;
        if (stop > at && target->param_count == TARGET_PARAMS_MAX)
            return "there are too many query parameters";
        if (stop > at && !decode_param(at, stop, &target->params[target->param_count++]))
            return "the query is not properly encoded";
        at = stop + 1;
    }
    return NULL;
}

/* Where the path of "http://host:port/path" starts; the target itself where it has no scheme. */
static char *skip_authority(char *raw, char *end)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(schemes[i]);
        if ((size_t)(end - raw) <= len || memcmp(raw, schemes[i], len) != 0)
            continue;
        char *slash = memchr(raw + len, '/', (size_t)(end - raw) - len);
        return slash ? slash : end;
    }
    return raw;
}

int target_parse(char *raw, size_t len, struct target *target_out, const char **problem_out)
{
    char *end = raw + len;
    char *copy = end + 1;
    target_out->segment_count = target_out->param_count = 0;
    memcpy(copy, raw, len);
    char *path = skip_authority(raw, end);
    char *question = memchr(path, '?', (size_t)(end - path));
    char *path_end = question ? question : end;
    target_out->path = (struct text){copy + (path - raw), (size_t)(path_end - path)};
    if (path == end || *path != '/')
        *problem_out = "the target must be a path that starts with '/'";
    else
        *problem_out = split_path(path, path_end, target_out);
    if (!*problem_out && question)
        *problem_out = split_query(question + 1, end, target_out);
    return *problem_out ? 1 : 0;
}

const struct target_param *target_param(const struct target *target, struct text name)
{
    for (size_t i = 0; i < target->param_count; i++) {
        if (text_eq(target->params[i].name, name))
            return &target->params[i];
    }
    return NULL;
}
