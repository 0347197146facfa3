/* What the emitted programs, their C library (bpfrt/, compiled for BPF) and the stap process share:
 * the memory of a running handler, strings, values in tables, records in the ring buffer, errors.
 *
 * Included by clang -target bpf and by the native compiler: fixed-size types, no pointers. */
#ifndef BPFRT_ABI_H
#define BPFRT_ABI_H

#ifdef __bpf__
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
typedef signed char int8_t;
typedef short int16_t;
typedef int int32_t;
typedef long long int64_t;
#else
#include <stdint.h>
#endif

enum {
	RT_STR_BYTES = 512,	 /* MAXSTRINGLEN of handlers in the kernel: 511 bytes and a NUL */
	RT_OUT_BYTES = 8192 + 576, /* output of one handler before it is sent in between: what one
				  * printf may print, with the heads of 32 arguments */
	RT_FRAME_SLACK = 4096,	 /* behind every frame: pointers into it may be passed as struct rt_str */
	RT_STACK_DEPTH = 20,	 /* addresses of a stack: MAXBACKTRACE */
	RT_MAX_CALLS = 32,	 /* of an error that are told */
	RT_MAX_PLACES = 1 << 22, /* for loops over tables in one handler */
	RT_FRAMES_PER_CPU = 8,	 /* handlers that can be active on one CPU: nested, preempted, blocked */
};

/* A string slot. Slots are as long as their widest text needs (8 + width + 1, rounded up to 8); the
 * struct is what library functions may touch. s is NUL-terminated; bytes behind the NUL are
 * undefined. */
struct rt_str {
	uint32_t len;
	uint32_t token; /* RT_TOKEN_...: s holds a struct rt_token instead of text; 0: text */
	char s[RT_STR_BYTES];
};

/* Text that only user space can make: rendered when printed. */
enum rt_token_kind {
	RT_TOKEN_NONE,
	RT_TOKEN_USYM,	    /* usymname(a) in process pid */
	RT_TOKEN_USYMDATA,  /* usymdata(a) */
	RT_TOKEN_UMOD,	    /* umodname(a) */
	RT_TOKEN_USTACK,    /* ubacktrace(): stack a of the map of stacks; b: enum symbol_form */
	RT_TOKEN_KSTACK,    /* backtrace() */
	RT_TOKEN_KSYM,	    /* symname(a) */
	RT_TOKEN_KSYMDATA,
	RT_TOKEN_USOURCE,   /* usymfile(a), ...; b: enum symbol_source */
	RT_TOKEN_KSOURCE,   /* symfile(a), ... */
	RT_TOKEN_KMOD,	    /* modname(a) */
	RT_TOKEN_KCALLER,   /* caller() */
	RT_TOKEN_UBUILDID,  /* umodbuildid(a) */
};
/* b: how the addresses of a stack look (function library 3.6); what of a source line. */
enum symbol_form { SYM_NONE, SYM_FULL, SYM_FULLER, SYM_SIMPLE, SYM_BRIEF, SYM_DATA, SYM_SYMBOL, SYM_LINES };
enum rt_symbol_part { RT_SYMBOL_NAME, RT_SYMBOL_DATA, RT_SYMBOL_MODULE };
enum symbol_source { SYM_FILE, SYM_LINE, SYM_FILE_LINE };
struct rt_token {
	uint64_t a;
	uint32_t pid, b;
};

/* Keys of tables: one behind the other, longs as 8 bytes, strings as struct rt_str cut to
 * RT_KEY_STR_BYTES(width); every byte behind the text is zero. */
#define RT_KEY_STR_BYTES(width) (8 + (((width) + 1 + 7) & ~7u))

/* Values of tables. Every element starts with its place in the order of insertion. */
struct rt_long_value {
	uint64_t seq;
	int64_t n;
};
struct rt_str_value {
	uint64_t seq;
	struct rt_str str; /* cut to RT_KEY_STR_BYTES(width) */
};
struct rt_stat_value {
	uint64_t seq;
	int64_t count, sum, min, max;
	int64_t first;	       /* differences from it make the variance: */
	uint64_t d2_lo, d2_hi; /* sum of their squares; the sum of them is sum - count * first */
	int64_t buckets[];
};
/* What a statistics element begins with: then no addition needs to know whether it is the first. */
#define RT_STAT_NO_FIRST (-0x7fffffffffffffffll)
#define RT_STAT_INIT \
	{.min = 0x7fffffffffffffffll, .max = -0x7fffffffffffffffll - 1, .first = RT_STAT_NO_FIRST}

/* foreach: the elements that it goes over are a heap in the map of places, the next one first. */
struct rt_place {
	uint64_t sort; /* what it is sorted by, turned so that the smallest comes first */
	uint64_t seq;
	uint64_t key;  /* address of the element's key */
};
/* One that is at work; in the frame, with the element's key behind it. */
struct rt_foreach {
	uint64_t base, n, end; /* its first place; how many are left; the first one behind them */
	uint64_t limit, full;  /* the first one that is not there; true: it was wanted */
	int64_t remaining;     /* of the limit */
};
/* What a foreach over texts sorts by (rt_foreach_start()): offset of the text from the key, bytes of its
 * slot, direction; 0: numbers. */
#define RT_SORT_TEXT(bytes, down) ((uint64_t)(bytes) << 32 | (uint64_t)(down) << 63)

/* A global that several CPUs may want: who may use it (gen/lock.c, run/kmap.c).
 * 0: free; > 0: that many handlers do single atomic operations; < 0: one handler has it alone. */
struct rt_lock {
	int64_t holders;
	uint64_t stuck; /* somebody has waited in vain: others don't wait as long, until it is free again */
};

enum rt_stopping {
	RT_LIVE,
	RT_STOPPING, /* exit() was called, or user space ends */
	RT_STARTING, /* only handlers that save values for returns run (sema/entry.c) */
};

/* Shared by all CPUs and user space; one element of an mmapable array map. Scalars of the script
 * follow (gen_global.offset). */
struct rt_shared {
	uint64_t next_seq;    /* order of insertion into tables */
	uint32_t stopping;    /* enum rt_stopping; else than 0: no handlers */
	uint32_t target_pid;  /* -c, -x */
	uint64_t n_errors;
	uint64_t skipped_busy;	  /* no free frame on this CPU */
	uint64_t skipped_lock;	  /* a global stayed locked */
	uint64_t skipped_return;  /* the values that it wants from its entry were not saved */
	uint64_t unseen_returns;  /* of calls that are nested too deep (gen/nesting.c) */
	uint64_t lost_records;	  /* ring buffer full */
	uint64_t lost_bytes;
	uint64_t lost_stacks;	  /* not kept: too many different ones */
	uint64_t clock_offset;	  /* real time - bpf_ktime_get_ns(), refreshed by user space */
	uint64_t stap_pid;
	/* Loops over tables: how many places a handler takes; how many handlers of one CPU (or of all) may
	 * do so at the same time. */
	uint64_t region_places;
	uint32_t regions, regions_per_cpu;
	int64_t tz_gmtoff;	    /* tz_gmtoff(), tz_name() of the machine that it runs on */
	uint32_t tz_len, tz_token;  /* a struct rt_str: */
	char tz_text[24];
	/* In ns: more than threshold within interval is too much. What was too much, 0: nothing. */
	uint64_t overload_interval, overload_threshold, overload_spent, overload_within;
};

/* Counters of perf events (bpfrt/counter.c): what a thread has had, and how often it was switched away; what
 * a CPU's events were when the thread that runs there was switched in. */
enum { RT_COUNTERS = 8 };
struct rt_counts {
	uint64_t switches, n[RT_COUNTERS];
};
struct rt_counting {
	uint64_t switches, start[RT_COUNTERS];
};

/* Value of the map of stacks; its key is a 64-bit number made from the addresses, 0 for none. */
struct rt_stack {
	uint32_t n, reserved;
	uint64_t addrs[RT_STACK_DEPTH]; /* the latest first; zero behind n */
};

enum { RT_AT_OTHER, RT_AT_ENTRY, RT_AT_ANYWHERE }; /* no; yes; see at the instruction */
/* A stack on its way from the traced program (bpfrt/stack.c). */
struct rt_walk {
	uint64_t function; /* in a return probe: the one that returned; goes first */
	uint64_t at_entry; /* is the return address on top of the stack? */
	uint64_t at, low;  /* frame pointer; where the frame before it was */
	uint64_t trampoline, instance; /* pending return probes */
	struct rt_stack stack;
};

/* Addresses of the kernel that are no frames of what was traced: of those at the top of a stack, what
 * lies above the last frame in one of the ranges goes, with it (run/attach.c fills them in). */
enum { RT_OWN_RANGES = 3, RT_RAW_FRAMES = RT_STACK_DEPTH + 8 };
struct rt_own_frames {
	struct rt_range {
		uint64_t low, size;
	} v[RT_OWN_RANGES];
};

/* Where members lie in the running kernel's structures: pending return probes. All 0: unknown. */
struct rt_uprobe_layout {
	uint32_t task_uprobes, task_mm; /* of task_struct: utask, mm */
	uint32_t instances;		/* of uprobe_task */
	uint32_t original, chained, next, stack; /* of return_instance */
	uint32_t mm_area, area_address; /* mm_struct: uprobes_state.xol_area; xol_area.vaddr */
	uint32_t dispatch, address; /* uprobe_task: vaddr; uprobe_dispatch_data: bp_addr */
};

/* A table of names of flags (rt/flags.h): an entry is in the text if the bits under its mask have the
 * value. They are taken away then; entries with the value 0 look at what was given. */
struct rt_flag {
	uint32_t mask, value, len;
	char text[52];
};
enum { RT_FLAGS_MAX = 63 };
struct rt_flag_table {
	struct rt_flag v[RT_FLAGS_MAX + 1]; /* up to one with len 0; what follows may be anything */
};

/* The memory of a handler that runs. Registers of the IR and string slots follow. */
struct rt_frame {
	uint32_t busy;
	uint32_t inst;	     /* number of the probe instance (gen_image.insts) */
	uint64_t bias;	     /* load bias of the probed object in this process */
	int32_t error;	     /* enum rt_error of the error on its way */
	uint32_t error_place; /* index into gen_image.places */
	int64_t error_arg;   /* address, index, ... */
	uint32_t actions;    /* counted against MAXACTION */
	uint32_t state;	     /* number of the spot where the handler's next part goes on */
	uint32_t out_used;
	uint32_t token_pos;  /* of tokenize() */
	uint64_t started;    /* -t: bpf_ktime_get_ns() at the start of the handler */
	uint64_t aside;	     /* by bit: globals that the handler did not get (gen/emit_lock.c) */
	/* Overload protection (bpfrt/overload.c): hits; when the running one began, if it is measured; how many
	 * of the next ones are in any case; the current interval, what was spent in it. */
	uint64_t hits, measured_at, closely, interval_start, spent;
	uint32_t verdict, reserved; /* on the packet, of netfilter probes */
	/* Script functions that are not inlined: how deep in them; what recursive calls have kept; places
	 * of the calls that an error has left (gen_image.places). */
	uint32_t nesting, stack_used, n_calls, calls[RT_MAX_CALLS], reserved_2;
	/* Loops over tables: the part of the map of places that the handler has for itself. */
	uint64_t places, places_end;
	/* Probes on the life of processes (gen/life.c): */
	uint64_t task, ids;  /* the task in question; pid in the upper half, tid in the lower */
	uint64_t foreign;    /* it is not one that runs here: an existing one, or a child */
	uint64_t ino, dev;   /* of the executable; 0: unknown */
	uint64_t regs[21];   /* of the current task in user mode: struct pt_regs */
	struct rt_str error_text; /* RT_E_TEXT, and what catch (e) reads */
	struct rt_str token_text; /* tokenize(): what is being taken apart */
	struct rt_str tmp, tmp_2; /* of library functions */
	uint64_t scratch[16];	  /* likewise: what loops count, so that the verifier doesn't */
	struct rt_walk walk;
	char out[RT_OUT_BYTES + RT_STR_BYTES + 64]; /* records on their way, see struct rt_item */
};

enum rt_error {
	RT_E_NONE,
	RT_E_TEXT,	  /* frame->error_text */
	RT_E_DIV0,	  /* division by 0 */
	RT_E_FULL,	  /* Array overflow...; arg: global */
	RT_E_EMPTY,	  /* empty aggregate */
	RT_E_HIST_INDEX,  /* histogram index out of range */
	RT_E_READ,	  /* read fault [man error::fault] at 0x%lx */
	RT_E_WRITE,	  /* write fault [man error::fault] at 0x%lx */
	RT_E_USER_STRING, /* user string copy fault -14 at 0x%lx [man error::fault] */
	RT_E_USER_COPY,	  /* user long copy fault at ... */
	RT_E_KERNEL_STRING,
	RT_E_MAXACTION,
	RT_E_MAXNESTING,
	RT_E_POSITION,	  /* Position out of bounds */
	RT_E_REGISTER,	  /* register access fault */
	RT_E_RANGE,	  /* range too wide */
	RT_E_ARGUMENT,	  /* cannot access arg(%d) */
	RT_E_ABORT,	  /* abort(): ends the handler silently */
};

/* Where members lie in the running kernel's structures, for rt_find_task(). */
struct rt_task_layout {
	uint32_t thread_pid, links;    /* of task_struct */
	uint32_t first_namespace, tasks; /* of pid */
	uint32_t ids;		       /* of pid_namespace: where the tree's root is */
	uint32_t node_shift, node_slots; /* of xa_node */
	uint32_t reserved;
};

/* Names of rt_ctime(): three letters and a blank each, the first one lowest. */
struct rt_calendar {
	uint32_t days[8], months[16]; /* from Sunday; from March */
};

/* How a histogram is drawn. */
struct rt_hist {
	uint32_t log, buckets;
	int64_t low, step; /* linear ones */
	int64_t width, elision; /* HIST_WIDTH, HIST_ELISION */
};

/* Texts with a NUL each in user memory, and which of them. */
struct rt_words {
	uint64_t at, end;
	int64_t first, last;
};

/* What rt_wide_string() stumbles over. */
enum rt_wide { RT_WIDE_GOOD, RT_WIDE_FAULT, RT_WIDE_INVALID };

/* A conversion of sprintf() as the library's functions take it, in 64 bits:
 *	conv | flags << RT_SPEC_FLAGS | width << RT_SPEC_WIDTH | precision << RT_SPEC_PRECISION
 * Conversions and flags are numbered as in lang/ast.h. No width is 0, no precision RT_SPEC_NONE;
 * what comes from an argument is cut to 0..8192 first, as printf does. */
enum rt_conv {
	RT_CONV_LITERAL,
	RT_CONV_DEC,
	RT_CONV_UNSIGNED,
	RT_CONV_HEX,
	RT_CONV_HEX_UPPER,
	RT_CONV_OCTAL,
	RT_CONV_POINTER,
	RT_CONV_CHAR,
	RT_CONV_STRING,
	RT_CONV_MEMORY,
	RT_CONV_MEMORY_HEX,
	RT_CONV_BINARY,
};
enum {
	RT_FMT_ZERO = 1,
	RT_FMT_PLUS = 2,
	RT_FMT_SPACE = 4,
	RT_FMT_LEFT = 8,
	RT_FMT_ALT = 16,
	RT_SPEC_FLAGS = 8,
	RT_SPEC_WIDTH = 16,
	RT_SPEC_PRECISION = 32,
	RT_SPEC_NONE = 0xffff,
};
#define RT_SPEC(conv, flags, width, precision)                                           \
	((uint64_t)(conv) | (uint64_t)(flags) << RT_SPEC_FLAGS |                         \
	 (uint64_t)(uint16_t)(width) << RT_SPEC_WIDTH |                                  \
	 (uint64_t)(uint16_t)(precision) << RT_SPEC_PRECISION)

/* A regular expression for the kernel, made from the plain tables of rt/regex.h. A state is a row of
 * cells: what it accepts, then, by byte class, the first cell of the next state's row. So there are
 * n_states * (n_classes + 1) cells, RT_REGEX_CELLS at most. In the map, what follows the cells in use
 * may be anything (the next expression, too), but sizeof(struct rt_regex) bytes must be there. */
enum { RT_REGEX_CELLS = 1 << 16, RT_REGEX_NOW = 1, RT_REGEX_AT_END = 2, RT_REGEX_NEVER = 4 };
struct rt_regex {
	uint32_t start; /* cell of the first state's row */
	uint32_t reserved;
	uint8_t byte_class[256];
	uint16_t cells[RT_REGEX_CELLS];
};

/* The same with groups: the program of the expression (rt/regex_internal.h). A cell is an instruction (its
 * enum rt_group_op, x << 16, y << 32) or, behind them, a quarter of a set of bytes; x of RT_GROUP_SET is
 * the cell that its set begins at. Up to RT_GROUP_CELLS are in use; what follows may be anything. */
enum rt_group_op {
	RT_GROUP_SET,
	RT_GROUP_SPLIT,
	RT_GROUP_JUMP,
	RT_GROUP_SAVE,
	RT_GROUP_BOL,
	RT_GROUP_EOL,
	RT_GROUP_MATCH,
};
enum { RT_GROUP_INSTS = 512, RT_GROUP_CELLS = 2048, RT_GROUP_WORDS = 1024, RT_GROUPS_MAX = 32 };
struct rt_group_program {
	uint32_t n_groups; /* with the whole match */
	uint32_t words;	   /* of a thread's bounds in rt_groups.threads; RT_GROUP_WORDS hold all threads */
	uint64_t cells[RT_GROUP_CELLS];
};
/* Start and end of each group. */
enum { RT_GROUP_NONE = 0xffff };
union rt_bounds {
	uint16_t at[2 * RT_GROUPS_MAX];
	uint64_t words[RT_GROUPS_MAX / 2];
};
enum rt_matched { RT_MATCHED, RT_MATCH_FAILED, RT_NO_SUCH_GROUP };
/* In the frame of handlers that ask for groups: the last match, and the simulation that finds where
 * they are (bpfrt/regex.c). */
struct rt_groups {
	uint32_t n_groups; /* of the expression; 0: there was no match, or it failed */
	uint32_t reserved;
	struct rt_str text;
	union rt_bounds match, path; /* path: of the one being walked */
	uint64_t step;	 /* one for each place in each text; never starts again */
	uint64_t at;	 /* place in the text */
	uint64_t pc, started;
	uint64_t reads;	 /* the list of threads that came here; the other one waits for the next byte */
	uint64_t next, n_here, n_later, n_todo;
	uint64_t mark[RT_GROUP_INSTS]; /* the step in which the instruction was walked */
	uint32_t todo[RT_GROUP_INSTS];
	uint16_t pcs[2][RT_GROUP_INSTS];
	uint64_t threads[2][RT_GROUP_WORDS + RT_GROUPS_MAX / 2];
};

/* Ring buffer: a record is one handler's output: struct rt_record, then items, each 8-byte aligned. */
struct rt_record {
	uint32_t inst;
	uint32_t tid;
	uint32_t pid;
	uint32_t flags;
};
enum rt_item_kind {
	RT_ITEM_PRINT = 1, /* a: format number; then the arguments: longs 8 bytes, strings as
			    * struct rt_arg_str */
	RT_ITEM_ERROR,	   /* a: enum rt_error; then struct rt_item_error, text */
	RT_ITEM_EXIT,	   /* exit() was called */
	RT_ITEM_WARN,	   /* one string */
	RT_ITEM_LOG,	   /* one string; a newline is added */
	RT_ITEM_SYSTEM,	   /* one string */
	RT_ITEM_KERNEL_LOG, /* one string for the kernel's log, after a digit for its level */
	RT_ITEM_HIST,	   /* a: global, b: 0 scalar; a struct rt_stat_value with buckets follows */
	RT_ITEM_ROTATE,	   /* switch_file() */
	RT_ITEM_STACK,	   /* print_backtrace(), ...; a: enum symbol_form and RT_STACK_...; then a
			    * struct rt_stack */
	RT_ITEM_USYMBOLS,  /* print_ustack(): one string, a stack as text */
	RT_ITEM_KSYMBOLS,  /* print_stack() */
	RT_ITEM_ADD,	   /* a: global that somebody had for himself; then struct rt_item_add, the key */
};
enum { RT_STACK_FORM = 0xff, RT_STACK_RETURN = 0x100, RT_STACK_KERNEL = 0x200 };
struct rt_item {
	uint16_t kind, a;
	uint32_t bytes; /* of what follows, padded to 8 */
};
struct rt_arg_str {
	uint32_t len, token; /* then len bytes (token: sizeof(struct rt_token)), padded to 8 */
};
struct rt_item_add {
	int64_t n;
	uint64_t place; /* in the script */
};
struct rt_item_error {
	int64_t arg;
	uint32_t place, n_calls; /* > 0: 1 + so many calls; then RT_MAX_CALLS numbers of 4 bytes follow.
				  * Then, for RT_E_TEXT, a struct rt_arg_str */
};

#endif
