#include "rt/intrinsic.h"
const struct intrinsic rt_fp_fns[] = {{0}};
