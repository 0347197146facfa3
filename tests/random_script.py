"""Makes a random script of begin probes: generate(seed). The same seed gives the same script.

Every program is well typed, ends, and does the same each time it runs: no clocks, no addresses, no
process numbers. Run-time errors (division by zero, full tables, empty statistics) are wanted.
KERNEL is False where handlers in the kernel cannot do a construct: then it is left out. """
import random

NUMBERS = [0, 1, -1, 2, 3, 7, 8, 10, 63, 64, 65, 100, 127, 128, 255, 256, 1000, 65535, 65536,
           0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, -2147483648, -2147483649,
           9223372036854775807, -9223372036854775808, -9223372036854775807, 1 << 62, -7, -100,
           4611686018427387903, 0x123456789abcdef0, 0xdeadbeef]
STRINGS = ["", "a", "ab", "abc", "b", "B", "hello world", "%d%s", "\\n", "\\t|", "x" * 31, "x" * 32,
           "long " * 20, "y" * 127, "z" * 200, "\\\\", "\\\"q\\\"", "0", "-12", "0x1f", "017", "12ab",
           " 5", "\\x01", "\\377", "\\x80z", "a,b;c", ",,a,,b", "tapir"]

REGEXES = ["a", "b+", "", "^$", "(a)|(b)", "(a*)(b*)", "(a|ab)(c|bc)?", "([a-z]+) ([a-z]+)", "^(.)(.*)$", "([^,]*),(.*)",
           "((.)(.)){2}", "(x|y|z){3}(x)*$", "([0-9]+)|(0x[0-9a-f]+)", "(l(o)?n?g? ?)*$", "[^a-z]+", "(-)?([0-9]*)"]


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.lines = []
        self.depth = 0
        self.loops = 0
        self.readonly = set()
        self.in_function = False
        self.functions = []  # name, parameter types, result type
        self.counter = 0

    # ---- pieces

    def chance(self, p):
        return self.r.random() < p

    def number(self):
        if self.chance(0.5):
            n = self.r.choice(NUMBERS)
        elif self.chance(0.7):
            n = self.r.randint(-20, 20)
        else:
            n = self.r.randint(-(1 << 63), (1 << 63) - 1)
        return f"({n})" if n < 0 else str(n)

    def literal(self):
        return '"' + self.r.choice(STRINGS) + '"'

    def long_name(self):
        return self.r.choice(self.longs + self.global_longs)

    def long(self, depth=0):
        r = self.r
        if depth > 3 or self.chance(0.25):
            return self.number() if self.chance(0.4) else self.long_name()
        kind = r.randrange(22)
        if kind < 7:
            op = r.choice(["+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", ">>>", "+", "-"])
            right = self.long(depth + 1)
            if op == "%" and right.startswith("("):
                right = " " + right
            if op in "/%" and self.chance(0.7):
                right = str(r.choice([1, 2, 3, 7, 10, 1000, 4294967296]))
            return f"({self.long(depth + 1)} {op} {right})"
        if kind < 9:
            op = r.choice(["==", "!=", "<", "<=", ">", ">="])
            return f"({self.long(depth + 1)} {op} {self.long(depth + 1)})"
        if kind == 9:
            op = r.choice(["==", "!=", "<", "<=", ">", ">="])
            return f"({self.string(depth + 1)} {op} {self.string(depth + 1)})"
        if kind == 10:
            return f"({r.choice(['-', '~', '!', '+'])}{self.long(depth + 1)})"
        if kind == 11:
            return f"({self.long(depth + 1)} {r.choice(['&&', '||'])} {self.long(depth + 1)})"
        if kind == 12:
            return f"({self.long(depth + 1)} ? {self.long(depth + 1)} : {self.long(depth + 1)})"
        if kind == 13:
            return r.choice([
                lambda: f"strlen({self.string(depth + 1)})",
                lambda: f"strtol({self.string(depth + 1)}, {r.choice([0, 2, 8, 10, 16, 36])})",
                lambda: f"isinstr({self.string(depth + 1)}, {self.string(depth + 1)})",
                lambda: f"strpos({self.string(depth + 1)}, {self.string(depth + 1)})",
                lambda: f"isdigit({self.string(depth + 1)})",
                lambda: f"stringat({self.string(depth + 1)}, {r.randint(-1, 6)})",
                lambda: f"htonl({self.long(depth + 1)})",
                lambda: f"ntohs({self.long(depth + 1)})",
                lambda: f"fp_{r.choice(['add', 'sub', 'mul', 'div', 'rem', 'lt', 'le', 'eq'])}"
                        f"({self.fp(depth)}, {self.fp(depth)})",
                lambda: f"fp_sqrt({self.fp(depth)})",
                lambda: f"fp_to_long({self.fp(depth)}, {r.randint(0, 5)}, 0)",
            ])()
        if kind < 16:
            return self.table_read("long", depth)
        if kind == 16:
            name, keys, _ = r.choice(self.tables)
            return f"({self.key_list(keys, depth, True)} in {name})"
        if kind == 17:
            name, keys = r.choice(self.stats)
            index = f"[{self.keys(keys, depth)}]" if keys else ""
            if self.chance(0.15):
                return f"{self.histogram(name, index)}[{r.randint(-1, 12) if self.chance(0.5) else r.randint(60, 70)}]"
            return f"@{r.choice(['count', 'sum', 'min', 'max', 'avg', 'count', 'sum'])}({name}{index})"
        if kind == 18 and self.chance(0.3):
            return f"@{r.choice(['variance', 'variance', 'avg', 'count'])}(v{r.choice(['0', '1[' + self.key('long', depth) + ']'])})"
        if kind == 18:
            fns = [f for f in self.functions if f[2] == "long"]
            if fns:
                return self.call(r.choice(fns), depth)
        if kind == 19:
            v = self.writable("long")
            return f"({v}{r.choice(['++', '--'])})" if self.chance(0.5) else f"({r.choice(['++', '--'])}{v})"
        if kind == 20:
            return f"({self.writable('long')} {r.choice(['=', '+=', '-=', '|='])} {self.long(depth + 1)})"
        return self.long_name()

    def fp(self, depth):
        r = self.r
        return r.choice([
            lambda: f"long_to_fp({self.long(depth + 2)})",
            lambda: f"string_to_fp({self.string(depth + 2)})",
            lambda: "string_to_fp(\"" + r.choice(["0.1", "-2.5", "1e300", "1e-310", "inf", "3", "0x1.8p-3"]) + "\")",
            lambda: self.long(depth + 2),
        ])()

    def writable(self, kind):
        own = self.longs if kind == "long" else self.strs
        glob = self.global_longs if kind == "long" else self.global_strs
        names = [n for n in own + glob if n not in self.readonly]
        return self.r.choice(names)

    def string(self, depth=0):
        r = self.r
        if depth > 3 or self.chance(0.3):
            return self.literal() if self.chance(0.5) else r.choice(self.strs + self.global_strs)
        kind = r.randrange(14)
        if kind < 3:
            return f"({self.string(depth + 1)} . {self.string(depth + 1)})"
        if kind < 6:
            return self.sprintf(depth)
        if kind == 6:
            return f"({self.long(depth + 1)} ? {self.string(depth + 1)} : {self.string(depth + 1)})"
        if kind == 7:
            return self.table_read("string", depth)
        if kind == 8:
            fns = [f for f in self.functions if f[2] == "string"]
            if fns:
                return self.call(r.choice(fns), depth)
        if kind == 9 and self.chance(0.15):
            name, keys = r.choice(self.stats)
            return f"sprint({self.histogram(name, f'[{self.keys(keys, depth)}]' if keys else '')})"
        if kind == 9:
            return r.choice([
                lambda: f"substr({self.string(depth + 1)}, {r.randint(-2, 12)}, {r.randint(-2, 40)})",
                lambda: f"str_replace({self.string(depth + 1)}, {self.literal()}, {self.literal()})",
                lambda: f"text_str({self.string(depth + 1)})",
                lambda: f"fp_to_string({self.fp(depth)}, {r.randint(-1, 20)})",
                lambda: f"text_strn({self.string(depth + 1)}, {r.randint(-1, 40)}, {r.randint(0, 1)})",
                lambda: f"tokenize({self.string(depth + 1)}, \"{r.choice(',l ')}\")",
                lambda: f"substr({self.string(depth + 1)}, {self.long(depth + 2)}, {self.long(depth + 2)})",
            ])()
        if kind == 10:
            return f"({self.writable('string')} {r.choice(['=', '.='])} {self.string(depth + 1)})"
        return r.choice(self.strs + self.global_strs)

    def conversion(self, depth, dynamic=True):
        r = self.r
        flag = r.choice(["", "", "", "0", "-", "+", " ", "#"])
        width = r.choice(["", "", str(r.randint(1, 40)), "*" if dynamic else "12"])
        precision = r.choice(["", "", "." + str(r.randint(0, 25)), ".*" if dynamic else ".3"])
        conv = r.choice("ddixXoupssssc")
        if conv in "sc" and flag == "0":
            flag = ""
        if conv == "c":
            flag, precision = r.choice(["", "#", "-"]), ""
        values = []
        for part in (width, precision):
            if part.endswith("*"):
                values.append(self.r.choice([str(r.randint(-3, 50)), self.small(depth)]))
        if conv == "s":
            values.append(self.string(depth + 1))
        elif conv == "c":
            values.append(str(r.randint(32, 126)) if self.chance(0.8) else str(r.choice([1, 10, 39, 92, 200, 255])))
        else:
            values.append(self.long(depth + 1))
        return "%" + flag + width + precision + r.choice(["", "", "l"] if conv in "diuxo" else [""]) + conv, values

    def small(self, depth):
        return f"({self.long(depth + 1)} & 31)"

    def format(self, depth):
        text, values = "", []
        for _ in range(self.r.randint(1, 4)):
            text += self.r.choice(["", "", " ", "x=", "%%", ":", "\\t"])
            conv, v = self.conversion(depth)
            text += conv
            values += v
        return text, values

    def sprintf(self, depth):
        kind = self.r.randrange(4)
        if kind == 0:
            return f"sprint({self.any(depth + 1)}, {self.any(depth + 1)})"
        if kind == 1:
            return f"sprintd(\"{self.r.choice([',', '%', ' -> '])}\", {self.any(depth + 1)}, {self.any(depth + 1)})"
        text, values = self.format(depth + 1)
        return f"sprintf(\"{text}\", {', '.join(values)})"

    def any(self, depth):
        return self.long(depth) if self.chance(0.5) else self.string(depth)

    def histogram(self, name, index):
        return self.hists[name].replace("(" + name, "(" + name + index)

    def call(self, fn, depth):
        if fn in self.recursive:
            # The first parameter says how deep.
            rest = [self.long(depth + 1) if t == "long" else self.string(depth + 1) for t in fn[1][1:]]
            return f"{fn[0]}({', '.join([str(self.r.randint(0, 5))] + rest)})"
        args = [self.long(depth + 1) if t == "long" else self.string(depth + 1) for t in fn[1]]
        return f"{fn[0]}({', '.join(args)})"

    def key(self, kind, depth):
        if kind == "long":
            return str(self.r.randint(0, 3)) if self.chance(0.7) else self.long(depth + 2)
        return self.r.choice(['"a"', '"b"', '""', '"key"']) if self.chance(0.7) else self.string(depth + 2)

    def keys(self, kinds, depth):
        return ", ".join(self.key(k, depth) for k in kinds)

    def key_list(self, kinds, depth, in_operator=False):
        return f"[{self.keys(kinds, depth)}]"

    def table_read(self, kind, depth):
        fit = [t for t in self.tables if t[2] == kind]
        if not fit:
            return self.number() if kind == "long" else self.literal()
        name, keys, _ = self.r.choice(fit)
        return f"{name}[{self.keys(keys, depth)}]"

    # ---- statements

    def put(self, text):
        self.lines.append("\t" * (self.depth + 1) + text)

    def block(self, size):
        self.depth += 1
        for _ in range(self.r.randint(1, size)):
            self.statement()
        self.depth -= 1

    def print(self):
        kind = self.r.randrange(6)
        if kind == 0:
            self.put(f"println({self.any(0)})")
        elif kind == 1:
            self.put(f"printdln(\",\", {self.any(0)}, {self.any(0)}, {self.any(0)})")
        elif kind == 2:
            self.put(f"print({self.any(0)}, \"\\n\")")
        else:
            text, values = self.format(0)
            self.put(f"printf(\"{text}\\n\", {', '.join(values)})")

    def statement(self):
        r = self.r
        kind = r.randrange(30)
        if self.depth > 3 and kind >= 18:
            kind = r.randrange(18)
        if self.chance(0.04):
            return self.match()
        if kind < 3:
            self.put(f"{self.writable('long')} {r.choice(['=', '=', '+=', '-=', '*=', '&=', '|=', '^=', '<<=', '>>='])} {self.long()}")
        elif kind < 6:
            self.put(f"{self.writable('string')} {r.choice(['=', '=', '.='])} {self.string()}")
        elif kind < 9:
            name, keys, value = r.choice(self.tables)
            index = self.keys(keys, 1)
            if value == "string":
                self.put(f"{name}[{index}] {r.choice(['=', '=', '.='])} {self.string(1)}")
            elif self.chance(0.3):
                self.put(f"{name}[{index}]{r.choice(['++', '--'])}")
            else:
                self.put(f"{name}[{index}] {r.choice(['=', '=', '+=', '-=', '^=', '*='])} {self.long(1)}")
        elif kind == 9 and self.chance(0.4):
            self.put(f"v{r.choice(['0', '1[' + self.key('long', 1) + ']'])} <<< {self.long(1)} % 100000")
        elif kind < 11:
            name, keys = r.choice(self.stats)
            index = f"[{self.keys(keys, 1)}]" if keys else ""
            self.put(f"{name}{index} <<< {self.long(1)}")
        elif kind == 11:
            name, keys, _ = r.choice(self.tables)
            self.put(f"delete {name}[{self.keys(keys, 1)}]")
        elif kind == 12:
            if self.chance(0.5):
                self.put(f"delete {self.writable(r.choice(['long', 'string']))}")
            else:
                name, keys = r.choice(self.stats)
                index = f"[{self.keys(keys, 1)}]" if keys else ""
                self.put(f"delete {name}{index}")
        elif kind < 18:
            self.print()
        elif kind < 21:
            self.put(f"if ({self.long()}) {{")
            self.block(3)
            if self.chance(0.5):
                self.put("} else {")
                self.block(3)
            self.put("}")
        elif kind < 24 and self.loops < 2:
            self.counter += 1
            v = f"i{self.counter}"
            self.loops += 1
            self.readonly.add(v)
            self.longs.append(v)
            n = r.randint(0, 6)
            if self.chance(0.5):
                self.put(f"for ({v} = 0; {v} < {n}; {v}++) {{")
                self.block(3)
            else:
                self.put(f"{v} = 0")
                self.put(f"while ({v}++ < {n}) {{")
                self.block(3)
            if self.chance(0.3):
                self.depth += 1
                self.put(f"if ({self.long(2)}) {r.choice(['break', 'continue'])}")
                self.print()
                self.depth -= 1
            self.put("}")
            self.loops -= 1
        elif kind < 27:
            self.counter += 1
            v = f"e{self.counter}"
            self.put("try {")
            self.block(3)
            if self.chance(0.3):
                self.depth += 1
                self.put(f"error({self.string(1)})")
                self.depth -= 1
            self.put(f"}} catch ({v}) {{")
            self.depth += 1
            self.put(f"println(\"caught \", {v})")
            self.depth -= 1
            self.strs.append(v)
            if self.chance(0.3):
                self.block(2)
            self.put("}")
            if v not in self.strs:
                self.strs.append(v)
        elif kind == 27:
            self.foreach()
        elif kind == 28:
            name, keys = r.choice(self.stats)
            index = f"[{self.keys(keys, 1)}]" if keys else ""
            if self.chance(0.7):
                self.put(f"if (@count({name}{index})) println({self.histogram(name, index)})")
            else:
                self.put(f"print({self.histogram(name, index)})")
        elif kind == 29 and self.chance(0.15):
            self.put(f"if ({self.long()}) next" if not self.in_function else ";")
        else:
            self.print()

    def match(self):
        """Groups of a match; sometimes of one that there is not."""
        r = self.r
        sure = r.random()
        regex = r.choice(REGEXES)
        numbers = [f"matched({n})" for n in range(regex.count("(") + 1)] + ["matched_str()", "ngroups()"]
        if sure >= 0.8:
            numbers += [f"matched({r.randint(-1, 5)})", f"matched({self.long(2)})"]
        groups = [r.choice(numbers) for _ in range(r.randint(1, 3))]
        if sure < 0.8:
            self.put(f"if ({self.string()} =~ \"{regex}\") {{")
        elif sure < 0.97:
            self.put(f"try {{ println({self.string()} !~ \"{regex}\")")
        else:
            self.put("{")
        self.depth += 1
        self.put("println(" + ", \"|\", ".join(groups) + ")")
        self.depth -= 1
        if 0.8 <= sure < 0.97:
            self.counter += 1
            self.put(f"}} catch (e{self.counter}) {{ println(\"caught \", e{self.counter})")
            self.strs.append(f"e{self.counter}")
        self.put("}")

    def foreach(self, nested=False):
        """Nothing may change the table in its body."""
        if not self.use_foreach:
            return self.print()
        r = self.r
        name, keys, value = r.choice(self.tables + [(n, k, "stats") for n, k in self.stats if k])
        self.counter += 1
        names = [f"k{self.counter}_{n}" for n in range(len(keys))]
        sort = r.choice(["", "", "+", "-"])
        place = r.randrange(len(names) + 1)
        marked = [n + (sort if k == place else "") for k, n in enumerate(names)]
        after = sort if place == len(names) else ""
        limit = f" limit {r.randint(-1, 5)}" if self.chance(0.3) else ""
        if value == "stats":
            after = f" @{r.choice(['count', 'sum', 'min', 'max', 'avg'])}{sort}" if after else ""
            shown = f"@{r.choice(['count', 'sum', 'avg'])}({name}[{', '.join(names)}])"
        else:
            shown = f"{name}[{', '.join(names)}]"
        self.put(f"foreach ([{', '.join(marked)}] in {name}{after}{limit}) {{")
        self.depth += 1
        self.put(f"printdln(\",\", {', '.join(names)}, {shown})")
        if not nested and self.chance(0.4):
            self.foreach(True)
        if self.chance(0.2):
            self.put(f"if ({self.number()} == {names[0] if keys[0] == 'long' else 'strlen(' + names[0] + ')'}) {r.choice(['break', 'continue'])}")
        self.depth -= 1
        self.put("}")

    # ---- whole

    def declare(self, top, before):
        """What may be read although the loop or try block that would set it is elided."""
        for k in range(before + 1, self.counter + 1):
            text = " ".join(self.lines[top:])
            if f"i{k} " in text or f"(i{k}" in text:
                self.lines.insert(top, f"\ti{k} = 0")
            elif f"(e{k})" in text:
                self.lines.insert(top, f"\te{k} = \"\"")

    def function(self, n):
        r = self.r
        kinds = [r.choice(["long", "string"]) for _ in range(r.randint(0, 3))]
        result = r.choice(["long", "string"])
        names = [f"p{k}" for k in range(len(kinds))]
        self.longs = [m for m, k in zip(names, kinds) if k == "long"] + ["l"]
        self.strs = [m for m, k in zip(names, kinds) if k == "string"] + ["s"]
        self.readonly = set()
        self.in_function = True
        self.lines.append(f"function f{n}:{result}({', '.join(f'{m}:{k}' for m, k in zip(names, kinds))})\n{{")
        top, before = len(self.lines), self.counter
        self.put("l = 0; s = \"\"")
        for _ in range(r.randint(0, 3)):
            self.statement()
        if self.chance(0.3):
            self.put(f"if ({self.long(2)}) return {self.long(1) if result == 'long' else self.string(1)}")
        self.put(f"return {self.long(1) if result == 'long' else self.string(1)}")
        self.declare(top, before)
        self.lines.append("}")
        self.in_function = False
        self.functions.append((f"f{n}", kinds, result))

    def recursion(self, n):
        """Calls itself (and, every other, the one before) with a smaller first argument."""
        r = self.r
        kinds = ["long"] + [r.choice(["long", "string"]) for _ in range(r.randint(0, 2))]
        result = r.choice(["long", "string"])
        own = (f"r{n}", kinds, result)
        names = [f"p{k}" for k in range(len(kinds))]
        self.longs = [m for m, k in zip(names, kinds) if k == "long"] + ["l"]
        self.strs = [m for m, k in zip(names, kinds) if k == "string"] + ["s"]
        self.readonly = {"p0"}
        self.in_function = True
        self.lines.append(f"function r{n}:{result}({', '.join(f'{m}:{k}' for m, k in zip(names, kinds))})\n{{")
        top, before = len(self.lines), self.counter
        self.put("l = 0; s = \"\"")
        for _ in range(r.randint(0, 2)):
            self.statement()
        self.put(f"if (p0 <= 0) return {self.long(2) if result == 'long' else self.string(2)}")
        self.declare(top, before)

        def again():
            rest = [self.long(2) if t == "long" else self.string(2) for t in kinds[1:]]
            return f"r{n}({', '.join(['p0 - ' + str(r.randint(1, 2))] + rest)})"
        value = again()
        if self.chance(0.4):
            self.put(f"try {{ {'l' if result == 'long' else 's'} = {again()} }} catch (x) {{ s = s . x }}")
        if result == "long":
            value = f"{value} {r.choice('+-*^')} {self.long(2)}"
        else:
            value = f"{value} . {self.string(2)}"
        self.put(f"return {value}")
        self.lines.append("}")
        self.in_function = False
        self.functions.append(own)
        self.recursive.append(own)

    def whole(self):
        r = self.r
        self.recursive = []
        self.use_foreach = self.chance(0.3)
        self.global_longs = ["g0", "g1"]
        self.global_strs = ["h0", "h1"]
        self.tables, self.stats, self.hists = [], [], {}
        declared = [f"g0 = {r.choice(NUMBERS)}", "g1", f"h0 = {self.literal()}", "h1"]
        for n in range(r.randint(1, 4)):
            keys = [r.choice(["long", "string"]) for _ in range(r.choice([1, 1, 2, 3]))]
            if n == 0:
                value = "long"
            else:
                value = r.choice(["long", "string"])
            size = r.choice(["", "", "[3]", "[100]"])
            self.tables.append((f"t{n}", keys, value))
            declared.append(f"t{n}{size}")
        for n in range(r.randint(1, 2)):
            keys = [r.choice(["long", "string"]) for _ in range(r.choice([0, 0, 1, 2]))]
            self.stats.append((f"s{n}", keys))
            declared.append(f"s{n}" + (r.choice(["", "", "[2]"]) if keys else ""))
            low = r.randint(-100, 100)
            self.hists[f"s{n}"] = r.choice([f"@hist_log(s{n})",
                                            f"@hist_linear(s{n}, {low}, {low + r.randint(1, 200)}, {r.randint(5, 20)})"])
        # One use of everything, so that types are always known.
        declared += ["v0", "v1"]
        self.lines.append("global " + ", ".join(declared) + "\n")
        for n in range(r.randint(0, 3)):
            self.function(n)
        for n in range(r.choice([0, 0, 1, 2])):
            self.recursion(n)
        # An uncaught error ends the session; what other begin probes do then is no matter here.
        last = r.choice([0, 0, 1])
        for n in range(last + 1):
            self.longs = ["a", "b", "c"]
            self.strs = ["x", "y"]
            self.readonly = set()
            self.lines.append("probe begin\n{")
            top, before = len(self.lines), self.counter
            self.put("exit()" if n == last else "try {")
            self.put(f"a = {self.number()}; b = {self.number()}; c = 0; x = {self.literal()}; y = \"\"")
            if n == 0:
                self.put("g1 = 0; h1 = \"\"; v0 <<< 1; v1[1] <<< 2")
                for name, keys, value in self.tables:
                    index = ", ".join("1" if k == "long" else '"a"' for k in keys)
                    self.put(f"{name}[{index}] = " + (self.number() if value == "long" else self.literal()))
                    self.put(f"println({name}[{index}])")
                for name, keys in self.stats:
                    index = "[" + ", ".join("1" if k == "long" else '"a"' for k in keys) + "]" if keys else ""
                    self.put(f"{name}{index} <<< {self.number()}")
            for _ in range(r.randint(3, 14) if self.chance(0.97) else r.randint(100, 200)):
                self.statement()
            self.put("printdln(\"|\", a, b, c, x, y, g0, g1, h0, h1)")
            for name, keys, value in self.tables:
                index = ", ".join("1" if k == "long" else '"a"' for k in keys)
                self.put(f"println({name}[{index}])")
            for name, keys in self.stats:
                index = "[" + ", ".join("1" if k == "long" else '"a"' for k in keys) + "]" if keys else ""
                self.put(f"printdln(\" \", @count({name}{index}), @sum({name}{index}))")
            self.declare(top, before)
            if n != last:
                self.put("} catch (uncaught) { println(\"first: \", uncaught) }")
            self.lines.append("}\n")
        return "\n".join(self.lines) + "\n"


def generate(seed):
    return Generator(seed).whole()


if __name__ == "__main__":
    import sys
    print(generate(int(sys.argv[1])), end="")
