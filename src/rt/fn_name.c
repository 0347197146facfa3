#include "rt/intrinsic.h"
const struct intrinsic rt_name_fns[] = {{0}};
