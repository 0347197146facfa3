// A constructor and destructor that exist twice: for complete objects and for base parts.
struct Base {
	int b;
	Base() : b(1) {}
};

struct Foo : virtual Base {
	int x;
	Foo(int n);
	~Foo();
};

__attribute__((noinline)) Foo::Foo(int n)
{
	x = n + b;
}

__attribute__((noinline)) Foo::~Foo()
{
	x = 0;
}

struct Bar : Foo {
	Bar() : Foo(3) {}
};

int main()
{
	Foo f(1);
	Bar b;

	return f.x + b.x - 6;
}
