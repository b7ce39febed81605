/* Amounts of bytes as people write them.
 * Must never depend on a locale, nor wrap around.
 */
#include "base/size.h"

#define SIZE_TEXT_MAX ((uint64_t)INT64_MAX)

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_word(struct text text, const char *word)
{
    for (size_t i = 0; i < text.len; i++) {
        if (word[i] == '\0' || lower(text.at[i]) != word[i])
            return false;
    }
    return word[text.len] == '\0';
}

/* How many bits the unit shifts by, or -1 when it is no unit. */
static int unit_bits(struct text unit)
{
    static const char letters[] = "kmgt";
    if (unit.len == 0 || is_word(unit, "b"))
        return 0;
    char letter = lower(unit.at[0]);
    const char *found = letter == '\0' ? NULL : strchr(letters, letter);
    struct text after = {unit.at + 1, unit.len - 1};
    if (!found || (after.len > 0 && !is_word(after, "b") && !is_word(after, "ib")))
        return -1;
    return 10 * (int)(found - letters + 1);
}

int size_parse(struct text text, uint64_t *bytes_out)
{
    uint64_t number = 0;
    size_t digits = 0;
    bool too_big = false;
    if (text.len == 0)
        return SIZE_UNREADABLE;
    for (; digits < text.len && text.at[digits] >= '0' && text.at[digits] <= '9'; digits++) {
        uint64_t digit = (uint64_t)(text.at[digits] - '0');
        too_big = too_big || number > (SIZE_TEXT_MAX - digit) / 10;
        number = too_big ? 0 : number * 10 + digit;
    }
    int bits = unit_bits((struct text){text.at + digits, text.len - digits});
    if (digits == 0 || bits < 0)
        return SIZE_UNREADABLE;
    if (too_big || number > SIZE_TEXT_MAX >> bits)
        return SIZE_TOO_BIG;
    *bytes_out = number << bits;
    return 0;
}
