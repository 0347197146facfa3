#include "rt/intrinsic.h"
const struct intrinsic rt_context_fns[] = {{0}};
