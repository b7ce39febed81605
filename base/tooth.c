/* Which planted bug this process has. Empty in every build that is shipped. */
#include "base/tooth.h"

#ifdef REEVE_TEETH
enum tooth tooth_planted = TOOTH_NONE;
#else
typedef int tooth_none; /* a file in C is not empty */
#endif
