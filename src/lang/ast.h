/* The tree of a script: made by the parser (pass 1), resolved and typed in place by sema (pass 2),
 * read by the lowering (pass 3).
 *
 * Nodes live in the session arena. Fields below a "sema:" remark are zero after parsing. */
#ifndef LANG_AST_H
#define LANG_AST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"
#include "lang/token.h"

enum { MAX_KEYS = 9 };

enum type { TY_UNKNOWN, TY_LONG, TY_STRING, TY_STATS };
const char *type_name(enum type t); /* "unknown", "long", "string", "stats" */

struct expr;
struct stmt;
struct var;
struct function;
struct foreign_type; /* pointer type detail of a long (DWARF, BTF); owned by later passes */

typedef VEC(struct expr *) expr_list;
typedef VEC(struct stmt *) stmt_list;
typedef VEC(struct var *) var_list;

/* A literal: of an expression, an initialiser or a probe point argument. */
struct literal {
	const struct token *tok;
	bool is_string;
	int64_t num;
	const char *str; /* escapes evaluated, cut at a NUL; adjacent literals joined */
	uint32_t len;
	const char *raw; /* as written, for the pass-1 dump */
};

/* ------------------------------------------------------------------ expressions */

enum expr_kind {
	EX_NUMBER,     /* lit */
	EX_STRING,     /* lit */
	EX_SYMBOL,     /* name */
	EX_INDEX,      /* name[args] or hist[args]: base in hist if not NULL */
	EX_CALL,       /* name(args) */
	EX_BINARY,     /* op: + - * / % & | ^ << >> >>> */
	EX_LOGICAL,    /* op: && || */
	EX_COMPARE,    /* op: < <= > >= == != */
	EX_CONCAT,     /* left . right */
	EX_REGEX,      /* left =~ right (EX_STRING); op OP_NOTMATCH for !~ */
	EX_IN,	       /* args in name (or hist); a NULL argument is the wildcard "*" */
	EX_UNARY,      /* op: - + ! ~ ; operand left */
	EX_INCDEC,     /* op: ++ --; is_post; operand left */
	EX_ASSIGN,     /* op: = += ... .= <<< ; left, right */
	EX_TERNARY,    /* cond ? left : right */
	EX_PRINT,      /* print family; see struct print */
	EX_STAT,       /* @count(left) ...: stat */
	EX_HIST,       /* @hist_log(left), @hist_linear(left, low, high, step): hist parameters */
	EX_TARGET,     /* $name and accessors, suffix */
	EX_ATVAR,      /* @var("name", "module") and accessors, suffix */
	EX_CAST,       /* @cast(left, "type", "module") and accessors, suffix */
	EX_AUTOCAST,   /* left -> member ... on a typed expression */
	EX_DEFINED,    /* @defined(left) */
	EX_PROBEWRITE, /* @probewrite(name) */
	EX_ENTRY,      /* @entry(left) */
	EX_PERF,       /* @perf("name") */
	EX_CONST,      /* @const("token") */
	EX_ENUM,       /* @enum("NAME") */
	EX_ENUMNAME,   /* @enumname(left, "type", "module") */
	EX_REGISTER,   /* @kregister(left) @uregister(left): kernel_side */
	EX_DEREF,      /* @kderef(left = size, right = address) @uderef: kernel_side */
	EX_EMBEDDED,   /* %{ ... %} as a value or statement */
	EX_CONTEXT,    /* sema: context, number, size; left = address. What targets expand to */
};

/* Primitives of a traced program's state (EX_CONTEXT); longs. */
enum context_kind {
	CTX_REGISTER, /* number: DWARF register of the traced context, or one of those below */
	CTX_READ,     /* size bytes (1, 2, 4, 8) of user memory at left, sign- or zero-extended; faults */
	CTX_BIAS,     /* load bias of the probed object in this process */
	CTX_CALL,     /* of a kernel function: a number, the same at its entry and its return */
	CTX_ARG,      /* number: argument of the tracepoint or kernel function, from 0, as 64 bits */
	CTX_KREAD,    /* as CTX_READ, of kernel memory */
	CTX_KFIELD,   /* an offset or size in the kernel, by name: see dwarf/relocate.c */
};

enum {
	CTX_SYSCALL = 17, /* number of the system call, beside the registers */
	CTX_FS_BASE = 58, /* thread pointer of x86-64 */
};

enum op {
	OP_NONE,
	OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MOD,
	OP_AND, OP_OR, OP_XOR, OP_SHL, OP_SAR, OP_SHR,
	OP_CONCAT,
	OP_LAND, OP_LOR,
	OP_LT, OP_LE, OP_GT, OP_GE, OP_EQ, OP_NE,
	OP_MATCH, OP_NOTMATCH,
	OP_NEG, OP_PLUS, OP_NOT, OP_INVERT, /* - + ! ~ */
	OP_INC, OP_DEC,
	OP_ASSIGN, /* "="; compound assignments are OP_ADD ... OP_CONCAT */
	OP_AGGREGATE, /* "<<<" */
};

enum stat_op { STAT_COUNT, STAT_SUM, STAT_MIN, STAT_MAX, STAT_AVG, STAT_VARIANCE };
const char *stat_op_name(enum stat_op s); /* "count", ... */

enum hist_kind { HIST_NONE, HIST_LOG, HIST_LINEAR };

struct hist {
	enum hist_kind kind;
	int64_t low, high, step; /* linear only */
};

/* What a statistics variable has to collect; sema merges it from all extractors of a variable. */
struct stat_spec {
	bool count, sum, min, max, avg, variance;
	int bit_shift; /* of @variance */
	struct hist hist;
	const struct token *hist_tok, *shift_tok; /* first declarations, for conflict messages */
};

enum accessor_kind { ACC_MEMBER, ACC_INDEX };

struct accessor {
	enum accessor_kind kind;
	const struct token *tok;
	const char *member; /* ACC_MEMBER, interned */
	struct expr *index; /* ACC_INDEX */
};

typedef VEC(struct accessor) accessor_list;

/* One component of a printf format. */
enum conv { CONV_LITERAL, CONV_DEC, CONV_UNSIGNED, CONV_HEX, CONV_HEX_UPPER, CONV_OCTAL,
	    CONV_POINTER, CONV_CHAR, CONV_STRING, CONV_MEMORY, CONV_MEMORY_HEX, CONV_BINARY };
/* Does a conversion take a string, when the script runs? Those that dump memory take the bytes that have been read. */
static inline bool fmt_takes_string(enum conv c)
{
	return c == CONV_STRING || c == CONV_MEMORY || c == CONV_MEMORY_HEX;
}
enum fmt_flag { FMT_ZERO = 1, FMT_PLUS = 2, FMT_SPACE = 4, FMT_LEFT = 8, FMT_ALT = 16 };
enum { FMT_NONE = -1, FMT_DYNAMIC = -2 }; /* of width and precision */

struct fmt_part {
	enum conv conv;
	unsigned flags;	       /* enum fmt_flag */
	int width, precision;  /* FMT_NONE, FMT_DYNAMIC (from an argument) or the number */
	const char *text;      /* CONV_LITERAL, evaluated */
	uint32_t len;
};

typedef VEC(struct fmt_part) fmt_parts;

/* The print family: [s]print[f|d][ln], print_char. */
struct print {
	const char *name; /* as written */
	bool to_string;	  /* s... forms: value is a string */
	bool formatted;	  /* ...f */
	bool delimited;	  /* ...d... */
	bool newline;	  /* ...ln */
	bool is_char;	  /* print_char */
	struct literal *format;	   /* formatted */
	struct literal *delimiter; /* delimited */
	struct expr *hist;	   /* print(@hist_...(x)): EX_HIST, then no args */
	fmt_parts parts;	   /* formatted: from the parser. Others: filled in by sema once the
				    * types of the arguments are known */
};

struct expr {
	enum expr_kind kind;
	enum op op;
	const struct token *tok;
	struct expr *cond, *left, *right;
	expr_list args; /* call, print arguments; index and `in` keys (NULL = "*") */
	const char *name; /* symbol, function, array, target variable with its "$"; interned */
	union {
		struct literal *lit;	 /* NUMBER STRING; first literal of ATVAR CAST PERF CONST ENUM
					  * ENUMNAME (the variable name, the type or the token) */
		struct print *print;	 /* PRINT */
		struct {		 /* STAT, HIST */
			enum stat_op stat;
			int bit_shift; /* @variance(x, shift) */
			struct hist hist_param;
		};
		const char *embedded;	 /* EMBEDDED */
		struct {		 /* CONTEXT */
			enum context_kind context;
			int32_t number;
			uint8_t size;
			bool is_signed;
		};
	};
	struct literal *module; /* second literal of ATVAR, CAST, ENUMNAME; or NULL */
	struct expr *hist;	/* INDEX, IN over a histogram: the EX_HIST base */
	accessor_list accessors;
	uint8_t suffix;	    /* pretty printing: 0, 1 for "$", 2 for "$$" */
	bool address_of;    /* leading & */
	bool is_post;	    /* INCDEC */
	bool kernel_side;   /* REGISTER, DEREF */
	bool parenthesized; /* was written in ( ) */
	uint16_t height;    /* of the tree below: bounds the recursion of all passes */

	/* sema: */
	enum type type;
	const char *why;	   /* TARGET...: why it could not be resolved; NULL: no context */
	const struct token *why_tok; /* the accessor that `why` is about, or NULL */
	struct var *var;	   /* SYMBOL INDEX IN (array), PROBEWRITE */
	VEC(struct function *) fns; /* CALL: the candidates in order; `next` goes to the following */
	struct foreign_type *detail;
};

/* ------------------------------------------------------------------ statements */

enum stmt_kind {
	ST_NULL,
	ST_BLOCK,   /* body */
	ST_EXPR,    /* expr */
	ST_IF,	    /* expr, then, otherwise (may be NULL) */
	ST_LOOP,    /* while and for: init, cond (expr; NULL: endless), step; then = body */
	ST_FOREACH, /* see struct foreach; then = body */
	ST_TRY,	    /* then, otherwise = catch block; name = catch variable or NULL */
	ST_RETURN,  /* expr or NULL */
	ST_DELETE,  /* expr */
	ST_BREAK,
	ST_CONTINUE,
	ST_NEXT,
	ST_EMBEDDED, /* text in name */
};

struct foreach {
	struct expr *value;  /* EX_SYMBOL or NULL */
	expr_list keys;	     /* EX_SYMBOLs */
	const char *name;    /* the array; NULL if hist */
	const struct token *name_tok;
	struct expr *hist;   /* EX_HIST or NULL */
	bool sliced;
	expr_list slice;     /* NULL element = "*" */
	int sort_dir;	     /* 0 none, +1 ascending, -1 descending */
	int sort_column;     /* 0 value, k = key k */
	bool sort_by_stat;   /* sort_stat counts (else statistics sort by count) */
	enum stat_op sort_stat;
	struct expr *limit;
	/* sema: */
	struct var *array;
};

struct stmt {
	enum stmt_kind kind;
	const struct token *tok;
	stmt_list body;
	struct expr *init, *expr, *step;
	struct stmt *then, *otherwise;
	struct foreach *foreach;
	const char *name;
	bool is_while; /* LOOP written as while */
	/* sema: */
	struct var *var; /* TRY: catch variable */
};

/* ------------------------------------------------------------------ declarations */

enum var_kind { VAR_LOCAL, VAR_PARAM, VAR_GLOBAL };

struct var {
	enum var_kind kind;
	const char *name; /* interned */
	const struct token *tok;
	bool is_private;  /* visible in its own source only */
	bool wrap;	  /* declared with % */
	int64_t maxsize;  /* declared [n], else 0 */
	struct literal *init;

	/* sema: */
	enum type type;	     /* of the scalar, or of the elements */
	int arity;	     /* globals: -1 unknown, 0 scalar, else number of keys */
	enum type key_type[MAX_KEYS];
	const struct token *type_tok, *arity_tok, *key_tok[MAX_KEYS]; /* where first inferred */
	struct stat_spec stat;
	bool used;	     /* survives elision */
	unsigned n_reads, n_writes; /* uses in bodies, counted by elide.c */
	bool elision_reported;
	bool auto_print;     /* unread user global: printed at the end */
	struct foreign_type *detail;
	int id;		     /* number in its function, handler or the program: for the lowering */
};

struct function {
	const char *name;
	const struct token *tok;
	bool is_private;
	enum type declared_type; /* TY_UNKNOWN if not written */
	var_list params;	 /* their declared types in var.type */
	const enum type *param_types; /* as written */
	int priority;		 /* small first; default 0 user, 1 library */
	struct stmt *body;	 /* NULL: embedded */
	const char *embedded;	 /* text between %{ and %}, or NULL */
	struct function *same_name; /* the next one of the source; the last has the first */

	/* sema: */
	enum type type;
	const struct token *type_tok;
	var_list locals;
	struct function *next_overload; /* what `next` calls; NULL in the last one */
	const struct intrinsic *intrinsic; /* builtin sources: body is an intrinsic (rt/intrinsic.h) */
	bool used;
	bool pure; /* no side effects: calls may be elided */
	bool elision_reported;
	struct foreign_type *detail;
	int id;
};

/* Probe points. */
struct component {
	const struct token *tok;
	const char *name; /* interned; may hold "*" and "**" */
	struct literal *arg;
};

struct probe_point {
	VEC(struct component) comps;
	bool optional;	 /* "?" or "!" */
	bool sufficient; /* "!" */
	struct expr *condition;
	const struct token *tok; /* first token */
};

typedef VEC(struct probe_point *) point_list;

struct probe {
	const struct token *tok; /* the keyword */
	bool is_alias;
	bool epilogue_style;   /* alias +=: body goes behind the user's */
	point_list names;      /* alias: the names it defines */
	point_list points;
	struct stmt *body;     /* alias: prologue, or the epilogue of += */
	struct stmt *epilogue; /* alias = p { } , { } */
	bool is_private;

	/* sema: */
	const char *text; /* "names = points" for the derivation of instances; made when needed */
};

/* One parsed source. */
struct script {
	const struct source *src;
	var_list globals;
	VEC(struct function *) functions;
	struct map functions_by_name; /* the last of each */
	VEC(struct probe *) probes;
	VEC(struct probe *) aliases;
	VEC(const struct token *) embedded; /* top-level %{ %} */

	/* sema: */
	bool used;    /* library: something in it is used, so that its probes belong to the session */
	bool derived; /* they have been derived */
};

/* ------------------------------------------------------------------ operations on trees (ast.c) */

struct expr *expr_make(struct arena *a, enum expr_kind kind, const struct token *tok);
struct expr *expr_number(struct arena *a, const struct token *tok, int64_t value);
/* A call of the function of that name, still without arguments. */
struct expr *expr_call(struct arena *a, const struct token *tok, const char *name);
struct stmt *stmt_make(struct arena *a, enum stmt_kind kind, const struct token *tok);
/* A function becomes one of the script's. */
void script_add_function(struct arena *a, struct script *sc, struct function *f);
/* Deep copies (sema fields as they are). */
struct expr *expr_clone(struct arena *a, const struct expr *e);
struct stmt *stmt_clone(struct arena *a, const struct stmt *s);

/* Walks a statement in evaluation order and calls on_expr for every expression slot, parents before
 * children, and on_stmt for every statement slot; either may be NULL, may replace *slot, and returns
 * whether to go on into the children of what *slot now holds. Covers every expression of the tree:
 * accessor indexes, slices, limits, histogram bases, keys and value variables of foreach included. */
struct ast_visitor {
	bool (*on_expr)(struct ast_visitor *v, struct expr **slot);
	bool (*on_stmt)(struct ast_visitor *v, struct stmt **slot);
	void *data;
};
void ast_walk_stmt(struct ast_visitor *v, struct stmt **slot);
void ast_walk_expr(struct ast_visitor *v, struct expr **slot);

/* Source-like text in the arena: expressions as the pass-1 dump prints them ("(a) + (b)"); probe
 * points as `pp()` and messages show them: kernel.function("f").return?  */
const char *expr_text(struct arena *a, const struct expr *e);
const char *point_text(struct arena *a, const struct probe_point *p);

#endif
