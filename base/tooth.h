/* Planted bugs, to see that the simulator catches them.
 *
 * In a build with -DREEVE_TEETH=ON, TOOTH(name) is true in a process that was told to have the bug
 * of that name in teeth.def; tests/run teeth has each of them caught. In every other build TOOTH is
 * the constant false, and nothing of all this is in the programs: a test looks. */
#ifndef REEVE_BASE_TOOTH_H
#define REEVE_BASE_TOOTH_H

#include <stdbool.h>

#ifdef REEVE_TEETH
enum tooth {
    TOOTH_NONE,
#define TOOTH_ROW(name, store, what) TOOTH_##name,
#include "base/teeth.def"
#undef TOOTH_ROW
};

/* The one bug that this process has. */
extern enum tooth tooth_planted;

#define TOOTH(name) (tooth_planted == TOOTH_##name)
#else
#define TOOTH(name) false
#endif

#endif
