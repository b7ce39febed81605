/* Bugs that are planted on purpose (base/teeth.def), chosen by name. */
#ifndef REEVE_TESTS_SIM_TEETH_H
#define REEVE_TESTS_SIM_TEETH_H

#include <stdbool.h>

/* From now on the process has this bug. False: there is none of that name in this build. */
bool teeth_choose(const char *name);
/* One line each: its name, the store that shows it, what it is. */
void teeth_list(void);

#endif
