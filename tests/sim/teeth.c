/* The names of planted bugs. Empty where the build has none. */
#include "tests/sim/teeth.h"

#include <stdio.h>
#include <string.h>

#include "base/tooth.h"

#ifdef REEVE_TEETH

static const struct {
    const char *name, *store, *what;
    enum tooth tooth;
} teeth[] = {
#define TOOTH_ROW(name, store, what) {#name, #store, what, TOOTH_##name},
#include "base/teeth.def"
#undef TOOTH_ROW
};

bool teeth_choose(const char *name)
{
    for (size_t i = 0; i < sizeof teeth / sizeof *teeth; i++)
        if (strcmp(teeth[i].name, name) == 0) {
            tooth_planted = teeth[i].tooth;
            return true;
        }
    return false;
}

void teeth_list(void)
{
    for (size_t i = 0; i < sizeof teeth / sizeof *teeth; i++)
        printf("%s %s %s\n", teeth[i].name, teeth[i].store, teeth[i].what);
}

#else

bool teeth_choose(const char *name)
{
    (void)name;
    return false;
}

void teeth_list(void)
{
}

#endif
