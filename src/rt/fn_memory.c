#include "rt/intrinsic.h"
const struct intrinsic rt_memory_fns[] = {{0}};
