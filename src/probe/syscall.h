/* Probes at system calls, for the families that stand on them. */
#ifndef PROBE_SYSCALL_H
#define PROBE_SYSCALL_H

#include <stdbool.h>

struct expr;
struct session;
struct probe_inst;
struct str;
struct token;

/* An instance at the entry or the return of the call that the kernel names so ("openat"), NULL: there is
 * none. Its family, syscall_family, knows the call's parameters ($dfd); point and name are the caller's. */
struct probe_inst *syscall_instance(struct session *s, const char *name, bool is_return);

enum { SYSCALL_ARGS = 6 };
/* A register at a system call, by its DWARF number or CTX_SYSCALL; argument n, from 1 on, which is the same at
 * the return. */
struct expr *syscall_register(struct session *s, const struct token *tok, int number);
struct expr *syscall_argument(struct session *s, const struct token *tok, unsigned n);
/* A text with the first n arguments, or (n = 0, is_return) the result, by this format; takes the format. */
struct expr *syscall_text(struct session *s, const struct token *tok, struct str *format, unsigned n,
			  bool is_return);

#endif
