"""Start-up, compiling, and what the interpreter does: no probe in the kernel, no privileges."""
import os
import re
import statistics

from measure import in_turn, median_run, peer, ratio, run

EMPTY = "probe begin { exit() }"
BIG = ["-DMAXACTION=100000000000", "-DMAXMAPENTRIES=1000000"]


class Language:
    def __init__(self, figures, stap, n, scratch):
        self.f, self.stap, self.n, self.scratch = figures, stap, n, scratch

    def measure(self):
        for part in (self.startup, self.startup_bpftrace, self.compile, self.interpreter, self.tables,
                     self.foreach):
            if self.f.wanted(part.__name__):
                part()

    def startup(self):
        stap, true = in_turn([lambda: run([self.stap, "-e", EMPTY])[0],
                              lambda: run(["/bin/true"])[0]], 5 * self.n)
        self.f.figure("startup", statistics.median(stap) * 1000, "ms")
        self.f.figure("startup.ratio", ratio(stap, true), "times /bin/true")
        # The kernel hands its peak on to a child at fork: only what is above ours can be seen.
        peak = run(["/bin/sh", "-c", 'exec "$0" "$@"', self.stap, "-e", EMPTY])[1]
        floor = run(["/bin/sh", "-c", 'exec "$0" "$@"', "/bin/true"])[1]
        note = "at most: what measures it needs as much" if peak <= floor * 1.1 else ""
        self.f.figure("startup.peak", peak / 2**20, "MiB", note)

    def startup_bpftrace(self):
        why = peer()
        if why:
            self.f.missing("startup.bpftrace", why)
            return
        ours, theirs = in_turn([lambda: run([self.stap, "-e", EMPTY])[0],
                                lambda: run(["bpftrace", "-e", "BEGIN { exit(); }"])[0]],
                               max(3, self.n // 4))
        self.f.figure("startup.bpftrace", statistics.median(theirs) * 1000, "ms")
        self.f.figure("startup.bpftrace.ratio", ratio(theirs, ours), "times stap")

    def compile(self):
        """A script of 10 000 lines through pass 3, after the time of an empty one."""
        lines = ["global count, table, spread"]
        for i in range(1000):
            lines += [f"function f{i}(a, b)", "{", f"\tif (a > b + {i})",
                      f"\t\treturn a * {i + 1} - b", f"\ttable[a, sprintf(\"%d-{i}\", b)]++",
                      f"\tspread <<< a & {i}", f"\tcount += strlen(\"text {i}\")",
                      "\treturn a + b", "}", f"probe timer.s({i + 1}) {{ count += f{i}({i}, count) }}"]
        lines.append("probe end { foreach ([a, b] in table) println(a, b, count, @count(spread)) }")
        path = os.path.join(self.scratch, "long.stp")
        with open(path, "w") as f:
            f.write("\n".join(lines) + "\n")
        whole, peak, _ = median_run([self.stap, "-p3", path])
        empty, _, _ = median_run([self.stap, "-p3", "-e", EMPTY])
        self.f.figure("compile.10000lines", (whole - empty) * 1000, "ms")
        self.f.figure("compile.10000lines.rate", len(lines) / (whole - empty), "lines/s")
        self.f.figure("compile.10000lines.peak", peak / 2**20, "MiB")

    def loop(self, name, count, body, unit, prelude="", per_round=1, use="0"):
        """Rate of a loop in a begin handler. What the body computes must end up in x, or `use` must
        read it: what nobody reads is not computed."""
        script = (f"{prelude}\nprobe begin {{ x = 0 start = gettimeofday_us()\n"
                  f"for (i = 0; i < {count}; i++) {{ {body} }}\n"
                  f"printf(\"%d %d\\n\", gettimeofday_us() - start, x) exit() }}\n"
                  f"probe timer.s(1000) {{ println({use}) }}")
        times = []
        for _ in range(3):
            out = run([self.stap, "-w"] + BIG + ["-e", script])[2]
            times.append(int(re.match(r"(\d+) ", out).group(1)))
        self.f.figure(name, count * per_round / (statistics.median(times) / 1e6), unit)

    def interpreter(self):
        # and, add, assign, compare, branch; the loop's own add, compare, branch.
        self.loop("interp.rate", 5000000, "x = x + (i & 7); if (x == 123) x = 1", "a second",
                  per_round=8)
        self.loop("interp.calls", 2000000, "x = f(x)", "a second",
                  prelude="function f(a) { return a + 1 }")
        self.loop("interp.sprintf", 500000, 'x += strlen(sprintf("%d:%s", i, "abc"))', "a second")

    def tables(self):
        for name, count, body, use in (
                ("update", 3000000, "t[i & 1023]++", "t[0]"),
                ("update.string", 2000000, 't["key", i & 1023]++', 't["", 0]'),
                ("aggregate", 3000000, "t[i & 1023] <<< i", "@count(t[0])"),
                ("insert.1million", 1000000, "t[i] = i", "t[0]")):
            self.loop("table." + name, count, body, "a second", prelude="global t", use=use)

    def foreach(self):
        """A million entries sorted by value and printed; the time of filling is taken off."""
        def script(rest):
            return ("global t probe begin { for (i = 0; i < 1000000; i++) "
                    f"t[i] = (i * 7919) % 1000003\n{rest} exit() }}\n"
                    "probe timer.s(1000) { println(t[1]) }")
        loop = 'foreach (k in t-) printf("%d %d\\n", k, t[k])'
        filling, _, _ = median_run([self.stap] + BIG + ["-e", script("")])
        whole, peak, _ = median_run([self.stap] + BIG + ["-e", script(loop)])
        self.f.figure("foreach.sorted.1million", (whole - filling) * 1000, "ms")
        self.f.figure("foreach.sorted.1million.peak", peak / 2**20, "MiB")
