// Functions of all kinds: methods, overloads, namespaces, templates, inlines, an alias.
#include <stdint.h>
#include <stdio.h>

struct Foo {
	int x;
	Foo() : x(1) {}
	~Foo() { x = 0; }
	int add(int y, const char *s);
	bool operator<(const Foo &o) const { return x < o.x; }
	operator bool() const { return x != 0; }
	int operator()(int n) { return n + x; }
};

int Foo::add(int y, const char *s)
{
	return x + y + s[0];
}

static int st(long q) { return (int)q + 1; }

static inline __attribute__((always_inline)) int tiny(uint32_t n) { return (int)n * 2; }

extern "C" int cfun(uint32_t n, const char *str, double d, uint64_t a[])
{
	return tiny(n) + str[0] + (int)d + (int)a[0];
}
extern "C" int cfun_alias(uint32_t n, const char *str, double d, uint64_t a[])
	__attribute__((alias("cfun")));

namespace ns {
int f(int a) { return a; }
struct In {
	int go(int a) { return a + 1; }
};
namespace { int anon_fn(int a) { return a + 2; } }
int call(int a) { return anon_fn(a); }
}

int f(int a, int b) { return a - b; }

template <typename T> T mx(T a, T b) { return a > b ? a : b; }

int main(int argc, char **argv)
{
	Foo f1;
	ns::In in;
	uint64_t v[1] = {7};
	auto lambda = [](int k) { return k + 1; };
	int r = f1.add(argc, argv[0]) + st(3);

	r += cfun((uint32_t)argc, argv[0], 1.5, v) + ns::f(2) + f(3, 4);
	r += in.go(1) + ns::call(1) + mx<int>(1, 2) + (int)mx<double>(1.0, 2.0);
	r += lambda(1) + f1(2) + (f1 ? 1 : 0) + (f1 < f1);
	r += tiny((uint32_t)r);
	printf("%d\n", r);
	return 0;
}
