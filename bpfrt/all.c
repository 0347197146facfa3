/* The library as one unit, so that calls between its files need no linker. */
#include "string.c"
#include "out.c"
#include "memory.c"
#include "stat.c"
#include "lock.c"
