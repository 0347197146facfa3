/* Work that SIGKILL of this process does not break off. */
#ifndef KERN_SHIELD_H
#define KERN_SHIELD_H

#include <stdbool.h>

/* Runs fn(arg) in a process of its own that shares this one's memory and descriptors, in a session of its own,
 * with all signals blocked, and waits for it. The caller's thread stands still meanwhile.
 *
 * A kernel that sets or removes the breakpoints of uprobes gives up in a task that has been killed, and leaves
 * those that it has not come to ("failed to unregister, leaking uprobe"): they trap for as long as the traced
 * program lives. Who kills this process does not hit the other, which goes on to the end of fn and then closes
 * the descriptors. Where there can be no such process, fn runs here. */
bool kern_shielded(bool (*fn)(void *arg), void *arg);

#endif
