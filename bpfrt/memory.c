/* Memory of the traced program and of the kernel. */
#include "bpfrt.h"

/* Reads a string from user or kernel memory; its length, or < 0. dst is then empty. */
static inline long read_string(struct rt_str *dst, uint64_t cap, uint64_t addr, uint64_t max, bool user)
{
	uint64_t size = min64(limit(cap), max) + 1;
	long n;

	forget(size);
	if (size > RT_STR_BYTES)
		size = RT_STR_BYTES;
	n = user ? bpf_probe_read_user_str(dst->s, (uint32_t)size, (void *)addr)
		 : bpf_probe_read_kernel_str(dst->s, (uint32_t)size, (void *)addr);
	/* All that is wanted may lie right in front of what cannot be read, without a NUL. */
	if (n < 0 && size > 1 &&
	    (user ? bpf_probe_read_user(dst->s, (uint32_t)size - 1, (void *)addr)
		  : bpf_probe_read_kernel(dst->s, (uint32_t)size - 1, (void *)addr)) == 0)
		n = (long)size;
	set_len(dst, n > 0 ? (uint64_t)n - 1 : 0);
	return n;
}

long rt_user_string(struct rt_frame *f, struct rt_str *dst, uint64_t cap, uint64_t addr, uint64_t max)
{
	if (!f || !dst)
		return 0;
	if (read_string(dst, cap, addr, max, true) < 0)
		return fail(f, RT_E_USER_STRING, (int64_t)addr);
	return 0;
}

/* The first attempt takes no fault. If it fails, one byte of each page that the string may reach is
 * asked for, which brings the page in, and the string is read again. */
long rt_user_string_sleepable(struct rt_frame *f, struct rt_str *dst, uint64_t cap, uint64_t addr,
			      uint64_t max)
{
	uint64_t next = (addr | 4095) + 1;
	uint8_t byte;

	if (!f || !dst)
		return 0;
	if (read_string(dst, cap, addr, max, true) >= 0)
		return 0;
	if (bpf_copy_from_user(&byte, 1, (void *)addr) == 0) {
		if (read_string(dst, cap, addr, max, true) >= 0)
			return 0;
		if (bpf_copy_from_user(&byte, 1, (void *)next) == 0 &&
		    read_string(dst, cap, addr, max, true) >= 0)
			return 0;
	}
	return fail(f, RT_E_USER_STRING, (int64_t)addr);
}

long rt_kernel_string(struct rt_frame *f, struct rt_str *dst, uint64_t cap, uint64_t addr, uint64_t max)
{
	if (!f || !dst)
		return 0;
	if (read_string(dst, cap, addr, max, false) < 0)
		return fail(f, RT_E_KERNEL_STRING, (int64_t)addr);
	return 0;
}

/* ------------------------------------------------------------------ printable */

/* f->tmp quoted, or the address as a number if it was not to be read. */
static inline void quote(struct rt_frame *f, struct rt_room *dst, uint64_t cap, uint64_t addr,
			 uint64_t max, bool fault)
{
	if (!fault) {
		rt_text_strn(dst, cap, (const struct rt_room *)&f->tmp, (int64_t)max, 1);
		return;
	}
	set_len((struct rt_str *)dst, 0);
	rt_fmt_int(dst, cap, (int64_t)addr,
		   RT_CONV_POINTER | (uint64_t)RT_SPEC_NONE << RT_SPEC_PRECISION);
}

long rt_user_string_quoted(struct rt_frame *f, struct rt_room *dst, uint64_t cap, uint64_t addr)
{
	if (f && dst)
		quote(f, dst, cap, addr, 0,
		      read_string(&f->tmp, RT_MAX_TEXT, addr, RT_MAX_TEXT, true) < 0);
	return 0;
}

long rt_user_string_n_quoted(struct rt_frame *f, struct rt_room *dst, uint64_t cap, uint64_t addr,
			     uint64_t lens)
{
	if (f && dst)
		quote(f, dst, cap, addr, lens >> 32,
		      read_string(&f->tmp, RT_MAX_TEXT, addr, lens & 0xffffffff, true) < 0);
	return 0;
}

long rt_user_buffer_quoted(struct rt_frame *f, struct rt_room *dst, uint64_t cap, uint64_t addr,
			   uint64_t lens)
{
	uint64_t n = min64(lens & 0xffffffff, RT_MAX_TEXT);
	bool fault;

	if (!f || !dst)
		return 0;
	fault = bpf_probe_read_user(f->tmp.s, (uint32_t)bound(n), (void *)addr) < 0;
	set_len(&f->tmp, n);
	quote(f, dst, cap, addr, lens >> 32, fault);
	return 0;
}

/* ------------------------------------------------------------------ bytes and numbers */
static inline long read_bytes(struct rt_frame *f, struct rt_str *dst, uint64_t cap, uint64_t addr,
			      uint64_t n, bool user)
{
	n = min64(limit(cap), n);
	if ((user ? bpf_probe_read_user(dst->s, (uint32_t)bound(n), (void *)addr)
		  : bpf_probe_read_kernel(dst->s, (uint32_t)bound(n), (void *)addr)) < 0) {
		set_len(dst, 0);
		return fail(f, RT_E_READ, (int64_t)addr);
	}
	set_len(dst, n);
	return 0;
}

long rt_user_bytes(struct rt_frame *f, struct rt_str *dst, uint64_t cap, uint64_t addr, uint64_t n)
{
	return f && dst ? read_bytes(f, dst, cap, addr, n, true) : 0;
}

long rt_kernel_bytes(struct rt_frame *f, struct rt_str *dst, uint64_t cap, uint64_t addr, uint64_t n)
{
	return f && dst ? read_bytes(f, dst, cap, addr, n, false) : 0;
}

/* how: size in bytes, | 16: signed */
static inline long extend(uint64_t v, uint64_t how)
{
	uint64_t shift = 64 - 8 * (how & 15);

	v <<= shift & 63;
	return how & 16 ? (int64_t)v >> (shift & 63) : (long)(v >> (shift & 63));
}

static inline uint32_t read_size(uint64_t how)
{
	uint64_t size = how & 15;

	forget(size);
	return size > 8 ? 8 : (uint32_t)size;
}

long rt_user_read(struct rt_frame *f, uint64_t addr, uint64_t how)
{
	uint64_t v = 0;

	if (!f)
		return 0;
	if (bpf_probe_read_user(&v, read_size(how), (void *)addr) < 0) {
		fail(f, RT_E_READ, (int64_t)addr);
		return 0;
	}
	return extend(v, how);
}

long rt_user_read_sleepable(struct rt_frame *f, uint64_t addr, uint64_t how)
{
	uint64_t v = 0;

	if (!f)
		return 0;
	if (bpf_probe_read_user(&v, read_size(how), (void *)addr) < 0 &&
	    bpf_copy_from_user(&v, read_size(how), (void *)addr) < 0) {
		fail(f, RT_E_READ, (int64_t)addr);
		return 0;
	}
	return extend(v, how);
}

long rt_kernel_read(struct rt_frame *f, uint64_t addr, uint64_t how)
{
	uint64_t v = 0;

	if (!f)
		return 0;
	if (bpf_probe_read_kernel(&v, read_size(how), (void *)addr) < 0) {
		fail(f, RT_E_READ, (int64_t)addr);
		return 0;
	}
	return extend(v, how);
}
