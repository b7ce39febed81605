/* Any bytes as a list of keys and as a key file: what is accepted is as it should be. */
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/curve_key.h"
#include "broker/allowed.h"

static void read_list(struct text file)
{
    struct allowed *allowed;
    struct text *keys;
    size_t count;
    char problem[200] = "";
    int rc = allowed_parse(file, &allowed, problem, sizeof problem);
    CHECK((rc == 0) == (allowed != NULL) && (rc == 0) == (problem[0] == '\0'));
    if (rc != 0)
        return;
    CHECK(allowed_revoked(allowed, allowed, &keys, &count) == 0 && count == 0);
    CHECK(allowed_find(allowed, (struct text){file.at, file.len < 40 ? file.len : 40}) == NULL ||
          curve_key_is_fit((struct text){file.at, 40}));
    free(keys);
    allowed_destroy(&allowed);
}

static void read_pair(struct text file)
{
    struct curve_pair pair;
    char problem[200] = "";
    int rc = curve_pair_parse(file, &pair, problem, sizeof problem);
    CHECK((rc == 0) == (problem[0] == '\0'));
    if (rc == 0)
        CHECK(curve_key_is_fit(text_of(pair.public_key)) &&
              curve_key_is_fit(text_of(pair.secret_key)));
    else
        CHECK(pair.secret_key[0] == '\0' && pair.public_key[0] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
    struct text file = {(const char *)at, len};
    read_list(file);
    read_pair(file);
    return 0;
}
