#!/usr/bin/env python3
"""Random C programs that know the values of their variables.

    tests/random_program.py SEED          prints the program of that number

Functions have marks: places with a number, at which a list of expressions over the variables in scope
has values that the program's text determines. Compiled with -DTRUTH, a mark prints them:

    M5 $v3->m1=17 $v4[2]=-1

Otherwise a mark is an instruction whose address and number stand in the section .marks (two 64-bit
words each), and nothing keeps the variables alive: what the compiler has left of them is for the
debugger to find. `make(seed)` gives the text, for each mark the expressions as a script writes them, and the marks
that are entries of functions (which only the truth has: mark -> function).
"""
import random
import sys

HEAD = r"""
#include <stdint.h>
#include <stdio.h>
#include <string.h>
typedef long long ll;
typedef unsigned long long ull;
#ifdef TRUTH
#define MARK(id, show) do { printf("M%d", id); show; putchar('\n'); } while (0)
#define ENTRY(id, show) MARK(id, show)
#define V(text, value) printf(" " text "=%lld", (ll)(value))
#define F(text, value) do { double d_ = (value); ll l_; memcpy(&l_, &d_, 8); \
	printf(" " text "=%lld", l_); } while (0)
#define F4(text, value) do { float d_ = (value); unsigned l_; memcpy(&l_, &d_, 4); \
	printf(" " text "=%lld", (ll)l_); } while (0)
#else
#define ENTRY(id, show)
#define MARK(id, show) __asm__ volatile("nop\n990: nop\n\t.pushsection .marks,\"\",@progbits\n\t" \
	".quad 990b, " #id "\n\t.popsection" CLOBBER)
#endif
#define NOINLINE __attribute__((noinline))
#define HIDE(x) __asm__("" : "+r"(x))
volatile ll sink;
"""

SCALARS = [  # type, bits, signed
    ("signed char", 8, True), ("unsigned char", 8, False), ("char", 8, True), ("_Bool", 1, False),
    ("short", 16, True), ("unsigned short", 16, False), ("int", 32, True), ("unsigned", 32, False),
    ("ll", 64, True), ("ull", 64, False), ("enum e", 32, False), ("long", 64, True), ("int", 32, True),
    ("const int", 32, True), ("int32_t", 32, True), ("uint16_t", 16, False),
]
CLOBBERS = ['', ' ::: "memory"', ' ::: "memory"', ' ::: "rbx", "r12", "memory"', ' ::: "rdi", "rsi", "rdx", "memory"']


class Type:
    def __init__(self, text, scalar=True, members=None, kind="int"):
        self.text, self.scalar, self.members, self.kind = text, scalar, members, kind


class Gen:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.out = [HEAD]
        self.n = 0
        self.marks = {}
        self.entries = {}
        self.structs = []
        self.globals = []
        self.fns = []

    def name(self, p):
        self.n += 1
        return "%s%d" % (p, self.n)

    def scalar(self):
        t = self.r.choice(SCALARS)
        return Type(t[0])

    def number(self):
        r = self.r
        return r.choice([str(r.randrange(0, 10)), str(r.randrange(0, 1 << 31)), "%dLL" % -r.randrange(1, 1 << 40),
                         "%dLL" % r.randrange(1 << 40, 1 << 62), str(-r.randrange(1, 200))])

    # ---- types

    def make_struct(self):
        r = self.r
        name = self.name("s")
        lines, members = [], []
        union = r.random() < .1
        for _ in range(r.randrange(1, r.choice([3, 5, 9]))):
            m = self.name("m")
            k = r.random()
            if k < .25:
                t = r.choice(["int", "unsigned", "ull", "ll", "short", "unsigned char", "_Bool", "unsigned short"])
                width = {"int": 32, "unsigned": 32, "ull": 64, "ll": 64, "short": 16, "unsigned char": 8,
                         "_Bool": 1, "unsigned short": 16}[t]
                w = r.randrange(1, width + 1)
                if t in ("ull", "ll") and r.random() < .5:
                    w = r.randrange(33, 65)
                lines.append("%s %s : %d;" % (t, m, w))
                members.append((m, Type(t)))
                if r.random() < .2:
                    lines.append("%s : 0;" % t)
            elif k < .35:
                n = r.randrange(1, 5)
                t = self.scalar()
                lines.append("%s %s[%d];" % (t.text.replace("const ", ""), m, n))
                members.append((m, Type(t.text, False, n, "array")))
            elif k < .42:
                t = self.scalar()
                lines.append("%s %s[2][3];" % (t.text.replace("const ", ""), m))
                members.append((m, Type(t.text, False, None, "matrix")))
            elif k < .5 and self.structs:
                t = r.choice(self.structs)
                lines.append("struct %s %s;" % (t.text[7:], m))
                members.append((m, t))
            elif k < .57:
                a, b = self.name("m"), self.name("m")
                lines.append("union { %s %s; %s %s; };" % ("ull", a, "int", b))
                members.append((a, Type("ull")))
                if r.random() < .5:
                    members[-1] = (b, Type("int"))
            elif k < .63:
                a, b = self.name("m"), self.name("m")
                lines.append("struct { short %s; ll %s; };" % (a, b))
                members += [(a, Type("short")), (b, Type("ll"))]
            elif k < .7:
                t = r.choice(["double", "float"])
                lines.append("%s %s;" % (t, m))
                members.append((m, Type(t, True, None, t)))
            else:
                t = self.scalar()
                lines.append("%s %s;" % (t.text.replace("const ", ""), m))
                members.append((m, Type(t.text.replace("const ", ""))))
        if union:
            members = members[:1]
        packed = " __attribute__((packed))" if r.random() < .12 and not any(
            t.kind in ("double", "float") for _, t in members) else ""
        self.out.append("%s %s {\n\t%s\n}%s;" % ("struct", name, "\n\t".join(lines) if not union else
                                               "union {\n\t\t%s\n\t};" % "\n\t\t".join(lines), packed))
        t = Type("struct " + name, False, members, "struct")
        self.structs.append(t)
        return t

    # Paths to scalars of an object: (C expression, script expression, kind).
    def paths(self, c, s, t, member=".", depth=0):
        if t.kind == "struct":
            out = []
            for m, mt in t.members:
                out += self.paths("%s%s%s" % (c, member, m), "%s->%s" % (s, m), mt, ".", depth + 1)
            return out
        if t.kind == "array":
            i = self.r.randrange(t.members)
            return [("%s[%d]" % (c, i), "%s[%d]" % (s, i), "int")]
        if t.kind == "matrix":
            i, k = self.r.randrange(2), self.r.randrange(3)
            return [("%s[%d][%d]" % (c, i, k), "%s[%d][%d]" % (s, i, k), "int")]
        return [(c, s, t.kind)]

    def assign(self, c, t, scope, ind):
        """Statements that fill the object c of type t."""
        lines = []
        if t.kind == "struct":
            for m, mt in t.members:
                lines += self.assign("%s.%s" % (c, m), mt, scope, ind)
        elif t.kind == "array":
            for i in range(t.members):
                lines.append("%s%s[%d] = (%s)(%s);" % (ind, c, i, t.text.replace("const ", ""), self.expr(scope)))
        elif t.kind == "matrix":
            v = self.expr(scope)
            lines.append("%sfor (int i_ = 0; i_ < 6; i_++) %s[i_ / 3][i_ %% 3] = (%s)((%s) + i_);" % (
                ind, c, t.text.replace("const ", ""), v))
        elif t.kind in ("double", "float"):
            lines.append("%s%s = (%s)((int)(%s)) / 4;" % (ind, c, t.kind, self.expr(scope)))
        else:
            lines.append("%s%s = (%s)(%s);" % (ind, c, t.text, self.expr(scope)))
        return lines

    # ---- expressions

    def leaf(self, scope):
        r = self.r
        if not scope or r.random() < .2:
            return self.number()
        c, s, kind = r.choice(scope)
        return "(ll)%s" % c if kind == "int" else self.number()

    def expr(self, scope, depth=0):
        r = self.r
        if depth > 2 or r.random() < .3:
            return self.leaf(scope)
        a, b = self.expr(scope, depth + 1), self.expr(scope, depth + 1)
        k = r.randrange(9)
        if k == 0:
            return "((ull)(%s) >> (%d))" % (a, r.randrange(1, 40))
        if k == 1:
            return "((ull)(%s) << %d)" % (a, r.randrange(1, 9))
        if k == 2:
            return "((%s) > (%s))" % (a, b)
        if k == 3:
            return "((%s)(%s) %s %d)" % (r.choice(["ll", "ull", "unsigned", "int"]), a, r.choice(["/", "%"]), r.randrange(2, 99))
        return "((ull)(%s) %s (ull)(%s))" % (a, r.choice(["+", "-", "*", "^", "&", "|", "+"]), b)

    # ---- functions

    def mark(self, scope, ind):
        r = self.r
        self.n += 1
        id = self.n
        chosen = [x for x in scope if r.random() < .8][:14]
        show = []
        for c, s, kind in chosen:
            m = "F" if kind == "double" else "F4" if kind == "float" else "V"
            show.append('%s("%s", %s)' % (m, s, c))
        self.marks[id] = [s for _, s, _ in chosen]
        return "%sMARK(%d, %s);" % (ind, id, "; ".join(show) or "(void)0")

    def param_type(self):
        r = self.r
        k = r.random()
        if k < .55 or not self.structs:
            return self.scalar()
        if k < .7:
            return r.choice(self.structs)
        if k < .9:
            t = r.choice(self.structs)
            return Type(t.text + " *", True, t, "pointer")
        if k < .95:
            return Type("double", True, None, "double")
        return Type("ll *", True, Type("ll"), "pointer")

    def var_paths(self, v, t):
        if t.kind == "pointer":
            if t.members.kind == "struct":
                return self.paths(v, "$" + v, t.members, "->")
            return [("%s[0]" % v, "$%s[0]" % v, "int"), ("*%s" % v, "*$%s" % v, "int")][:1]
        return self.paths(v, "$" + v, t)

    def block(self, scope, ind, depth, fn):
        """Statements; scope is extended by what they declare. Variables are never changed once they are
        in scope, unless a statement is behind all marks that show them."""
        r = self.r
        lines = []
        for _ in range(r.randrange(2, 6 if depth else 9)):
            k = r.random()
            if k < .35:
                v = self.name("v")
                if r.random() < .3 and self.structs:
                    t = r.choice(self.structs)
                    lines.append("%s%s %s;" % (ind, t.text, v))
                    lines += self.assign(v, t, scope, ind)
                    scope += self.paths(v, "$" + v, t)
                    if r.random() < .3:
                        p = self.name("p")
                        lines.append("%s%s *%s = &%s;" % (ind, t.text, p, v))
                        scope += self.paths(p, "$" + p, t, "->")
                elif r.random() < .12:
                    n = r.randrange(2, 6)
                    t = self.scalar()
                    tt = t.text.replace("const ", "")
                    vla = r.random() < .4
                    w = self.name("w")
                    if vla:
                        lines.append("%sint %s = %d; HIDE(%s);" % (ind, w, n, w))
                    lines.append("%s%s %s[%s];" % (ind, tt, v, w if vla else n))
                    lines.append("%sfor (int i_ = 0; i_ < %d; i_++) %s[i_] = (%s)((%s) * (ull)(i_ + 1));" % (
                        ind, n, v, tt, self.expr(scope)))
                    scope += self.paths(v, "$" + v, Type(tt, False, n, "array"))
                elif r.random() < .1:
                    lines.append("%sdouble %s = (double)(int)(%s) / 8;" % (ind, v, self.expr(scope)))
                    scope.append((v, "$" + v, "double"))
                else:
                    t = self.scalar()
                    if r.random() < .25:
                        lines.append("%s%s %s = (%s)(%s); HIDE(%s);" % (
                            ind, "ll", v, "ll", self.expr(scope), v))
                    else:
                        lines.append("%s%s %s = (%s)(%s);" % (ind, t.text, v, t.text, self.expr(scope)))
                    scope.append((v, "$" + v, "int"))
                    if r.random() < .15 and "const" not in t.text:
                        p = self.name("p")
                        lines.append("%s%s *%s = &%s;" % (ind, t.text if lines[-1].find("HIDE") < 0 else "ll", p, v))
                        scope.append(("%s[0]" % p, "$%s[0]" % p, "int"))
            elif k < .6:
                lines.append(self.mark(scope, ind))
            elif k < .68 and depth < 2:
                cond = self.expr(scope)
                like = r.choice(["(%s) & 1", "__builtin_expect((%s) & 1, 0)", "__builtin_expect((%s) & 1, 1)"]) % cond
                lines.append("%sif (%s) {" % (ind, like))
                lines += self.block(list(scope), ind + "\t", depth + 1, fn)
                if r.random() < .5:
                    lines.append("%s} else {" % ind)
                    lines += self.block(list(scope), ind + "\t", depth + 1, fn)
                lines.append("%s}" % ind)
            elif k < .76 and depth < 2:
                v = self.name("i")
                lines.append("%sfor (int %s = %d; %s < %d; %s++) {" % (ind, v, r.randrange(3), v, r.randrange(3, 6), v))
                lines += self.block(scope + [(v, "$" + v, "int")], ind + "\t", depth + 1, fn)
                lines.append("%s}" % ind)
            elif k < .93 and self.fns and depth < 2 and fn["calls"] < 3:
                fn["calls"] += 1
                v = self.name("v")
                lines += self.call(v, r.choice(self.fns[-6:]), scope, ind, r.random() < .6)
            else:
                lines.append("%ssink += (ll)(%s);" % (ind, self.expr(scope)))
        return lines

    def call(self, v, f, scope, ind, keep):
        lines, args = [], []
        for t in f["params"]:
            if t.kind == "struct":
                a = self.name("a")
                lines.append("%s%s %s;" % (ind, t.text, a))
                lines += self.assign(a, t, scope, ind)
                args.append(a)
            elif t.kind == "pointer":
                a = self.name("a")
                if t.members.kind == "struct":
                    lines.append("%s%s %s;" % (ind, t.members.text, a))
                    lines += self.assign(a, t.members, scope, ind)
                else:
                    lines.append("%sll %s = (ll)(%s);" % (ind, a, self.expr(scope)))
                args.append("&" + a)
            elif t.kind == "double":
                args.append("(double)(int)(%s) / 2" % self.expr(scope))
            else:
                args.append("(%s)(%s)" % (t.text, self.expr(scope)))
        rt = f["ret"]
        if keep:
            lines.append("%s%s %s = %s(%s);" % (ind, rt.text, v, f["name"], ", ".join(args)))
            scope += self.paths(v, "$" + v, rt)
        else:
            lines.append("%s%s(%s);" % (ind, f["name"], ", ".join(args)))
        return lines

    def function(self):
        r = self.r
        name = self.name("f")
        params = [self.param_type() for _ in range(r.choice([0, 1, 2, 3, 4, 5, 8]))]
        ret = self.scalar() if r.random() < .8 or not self.structs else r.choice(self.structs)
        ret = Type(ret.text.replace("const ", ""), ret.scalar, ret.members, ret.kind)
        fn = {"name": name, "params": params, "ret": ret, "calls": 0}
        names = [self.name("x") for _ in params]
        attr = r.choice(["static ", "static ", "", "static NOINLINE ", "static NOINLINE ", "NOINLINE ",
                         "static inline __attribute__((always_inline)) ", "__attribute__((cold)) ",
                         "NOINLINE "])
        scope = []
        for n, t in zip(names, params):
            scope += self.var_paths(n, t)
        for g in self.globals:
            if r.random() < .15:
                scope += self.paths(g[0], "$" + g[0], g[1])
        lines = ["%s%s %s(%s)" % (attr, ret.text, name,
                                  ", ".join("%s %s" % (t.text, n) for n, t in zip(names, params)) or "void"), "{"]
        lines.append("#undef CLOBBER\n#define CLOBBER %s" % r.choice(CLOBBERS))
        lines.append(self.mark([x for n, t in zip(names, params) for x in self.var_paths(n, t)], "\t").replace(
            "MARK", "ENTRY"))
        self.entries[self.n] = name
        if r.random() < .8:
            lines.append(self.mark(scope, "\t"))
        if r.random() < .15 and params:
            lines.append("\tif ((%s) == 77) return (%s){0};" % (self.expr(scope), ret.text) if ret.kind == "struct" else
                         "\tif ((%s) == 77) return 3;" % self.expr(scope))
        lines += self.block(scope, "\t", 0, fn)
        lines.append(self.mark(scope, "\t"))
        # Parameters that change behind all marks.
        for n, t in zip(names, params):
            if t.kind == "int" and "const" not in t.text and r.random() < .2:
                lines.append("\t%s = (%s)(%s + 1); sink += (ll)%s;" % (n, t.text, n, n))
        tail = [f for f in self.fns[-6:] if f["ret"].text == ret.text]
        if tail and r.random() < .3:
            call = self.call("", r.choice(tail), scope, "\t", False)
            lines += call[:-1] + ["\treturn " + call[-1].strip()]
        elif ret.kind == "struct":
            v = self.name("v")
            lines.append("\t%s %s;" % (ret.text, v))
            lines += self.assign(v, ret, scope, "\t")
            lines.append("\treturn %s;" % v)
        else:
            lines.append("\treturn (%s)(%s);" % (ret.text, self.expr(scope)))
        lines.append("}")
        self.out.append("\n".join(lines))
        self.fns.append(fn)

    def program(self):
        r = self.r
        self.out.append("enum e { E0, E1, E2 = 5, E3 = 4000000000u };")
        for _ in range(r.randrange(3, 9)):
            self.make_struct()
        for _ in range(r.randrange(2, 7)):
            v = self.name("g")
            t = self.scalar() if r.random() < .5 else r.choice(self.structs)
            t = Type(t.text.replace("const ", ""), t.scalar, t.members, t.kind)
            self.globals.append((v, t))
            self.out.append("%s%s%s %s;" % (r.choice(["static ", ""]), r.choice(["", "", "__thread "]), t.text, v))
        for _ in range(r.randrange(4, 14)):
            self.function()
        lines = ["#undef CLOBBER", '#define CLOBBER ::: "memory"', "int main(void)", "{", "\tll seed = %d; HIDE(seed);" % r.randrange(1, 1000)]
        for g, t in self.globals:
            lines += self.assign(g, t, [("seed", "", "int")], "\t")
        for f in self.fns[-5:]:
            lines += self.call(self.name("v"), f, [("seed", "", "int")], "\t", False)
        lines += ["\treturn 0;", "}"]
        self.out.append("\n".join(lines))
        return "\n".join(self.out) + "\n"


def make(seed):
    g = Gen(seed)
    return g.program(), g.marks, g.entries


if __name__ == "__main__":
    sys.stdout.write(make(int(sys.argv[1]))[0])
