"""Probes in programs: how soon they are armed, what a hit costs, how much can be printed.

The same is asked of bpftrace, in turn, where it is installed. A cost is what the traced program itself
measures; the floor is that of an empty program at the same place. Most of it is the trap, which drowns the
handler where traps are slow: so the kernel's own count of the time in BPF programs is given, too, less that
of an empty one.
"""
import glob
import os
import re
import signal
import statistics
import subprocess
import threading
import time

from measure import ROOT, in_turn, peer, ratio, run

CALLS, ROUNDS = 20000, 5
LINE_SECONDS = 20
HERE = os.path.dirname(os.path.abspath(__file__))

# What a handler does: for stap, for bpftrace.
HANDLERS = {
    "counter": ("global n probe POINT { n++ }", "PROBE { @ = count(); }"),
    "by_name": ("global t probe POINT { t[execname(), ppfunc()]++ }", "PROBE { @[comm, func] = count(); }"),
    "histogram": ("global s probe POINT { s <<< $n } probe end { print(@hist_log(s)) }",
                  "PROBE { @ = hist(arg0); }"),
    "string": ("global t probe POINT { t[user_string($name)]++ }",
               "PROBE { @[str(arg1)] = count(); }"),
    "print": ('probe POINT { printf("%d\\n", $n) }', 'PROBE { printf("%d\\n", arg0); }'),
    "return": ("global t probe POINT.return { t[$return & 7]++ }", "RETURN { @[retval & 7] = count(); }"),
}


def file_offset(path, symbol):
    """Where a function lies in its file."""
    nm = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
    address = int(re.search(rf"^([0-9a-f]+) [Tt] {symbol}$", nm, re.M).group(1), 16)
    headers = subprocess.run(["readelf", "-lW", path], capture_output=True, text=True, check=True).stdout
    for offset, vaddr, size in re.findall(
            r"LOAD +0x([0-9a-f]+) 0x([0-9a-f]+) 0x[0-9a-f]+ 0x([0-9a-f]+)", headers):
        if int(vaddr, 16) <= address < int(vaddr, 16) + int(size, 16):
            return address - int(vaddr, 16) + int(offset, 16)
    raise ValueError(symbol)


STATS = "/proc/sys/kernel/bpf_stats_enabled"


def program_ns(pid):
    """ns that the BPF programs of a process have run, for each run of the one that ran most often."""
    ns = runs = 0
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        try:
            with open(path) as f:
                m = re.search(r"run_time_ns:\s*(\d+)\s+run_cnt:\s*(\d+)", f.read())
        except OSError:
            continue
        if m:
            ns, runs = ns + int(m[1]), max(runs, int(m[2]))
    return ns / max(runs, 1)


class NoLine(Exception):
    """A tracer printed nothing, so there is no figure."""


class Tracer:
    """A tracer that runs: ready once it has printed its first line (and a while later)."""

    def __init__(self, command, settle=0.0):
        self.command = command
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL)
        self.first = self.line()
        time.sleep(settle)

    def line(self):
        """The next line of its output. NoLine, and it has ended: none within LINE_SECONDS."""
        too_long = threading.Timer(LINE_SECONDS, self.p.kill)
        too_long.start()
        line = self.p.stdout.readline()
        too_long.cancel()
        if not line:
            self.stop()
            name = "bpftrace" if "bpftrace" in " ".join(self.command) else os.path.basename(self.command[0])
            raise NoLine(f"no line from {name} within {LINE_SECONDS} s" if self.p.returncode == -signal.SIGKILL
                         else f"{name} ended with status {self.p.returncode}")
        return line

    def stop(self):
        """Asked again each second: a signal at the start may be lost on bpftrace."""
        for _ in range(LINE_SECONDS):
            self.p.send_signal(signal.SIGINT)
            try:
                self.p.communicate(timeout=1)
                return
            except subprocess.TimeoutExpired:
                pass
        self.p.kill()
        self.p.communicate()


def first_hit(command):
    """Seconds from exec to the first line, which the first hit prints."""
    start = time.perf_counter()
    tracer = Tracer(command)
    if b"Attaching" in tracer.first:
        tracer.line()
    seconds = time.perf_counter() - start
    tracer.stop()
    return seconds


class User:
    def __init__(self, figures, stap, n, scratch):
        self.f, self.stap, self.n, self.scratch = figures, stap, n, scratch
        self.target = os.path.join(scratch, "target")

    def measure(self):
        parts = [p for p in (self.armed, self.hit, self.many, self.lines) if self.f.wanted(p.__name__)]
        if not parts:
            return
        if os.geteuid() != 0:
            self.f.missing("user probes", "they need root")
            return
        self.why_no_peer = peer()
        if self.why_no_peer:
            self.f.missing("bpftrace", self.why_no_peer)
        self.compile(["-O2", "-fno-omit-frame-pointer"], os.path.join(HERE, "target.c"), self.target)
        for part in parts:
            try:
                part()
            except NoLine as e:
                self.f.missing(part.__name__, e)

    def compile(self, flags, source, to, *more):
        subprocess.run(["gcc", "-g", *flags, "-o", to, source, *more], check=True)

    # ------------------------------------------------------------ start-up

    def armed(self):
        """From exec to a probe that counts in a program that runs."""
        busy = subprocess.Popen([self.target, "0"])
        stap = [self.stap, "-e", f'global n probe process("{self.target}").function("work") '
                '{ if (n++ == 0) println("hit") }']
        theirs = ["bpftrace", "-B", "none", "-e", f'uprobe:{self.target}:work {{ @n++; if (@n == 1) {{ printf("hit\\n"); }} }}']
        try:
            ours, true = in_turn([lambda: first_hit(stap), lambda: run(["/bin/true"])[0]], self.n)
            self.f.figure("armed", statistics.median(ours) * 1000, "ms")
            self.f.figure("armed.over_true", statistics.median(a - b for a, b in zip(ours, true)) * 1000,
                          "ms more than /bin/true")
            if not self.why_no_peer:
                ours, other = in_turn([lambda: first_hit(stap), lambda: first_hit(theirs)],
                                      max(3, self.n // 4))
                self.f.figure("armed.bpftrace", statistics.median(other) * 1000, "ms")
                self.f.figure("armed.bpftrace.ratio", ratio(other, ours), "times stap")
        finally:
            busy.kill()
            busy.wait()

    # ------------------------------------------------------------ cost of a hit

    def cost(self, command, settle):
        tracer = Tracer(command, settle)
        ns = float(run([self.target, str(CALLS), str(ROUNDS)])[2])
        tracer.stop()
        return ns

    def counted(self, command, settle):
        """The least of a few rounds: what interrupts a program counts as its time."""
        least = []
        for _ in range(3):
            tracer = Tracer(command, settle)
            run([self.target, str(CALLS), "1"])
            least.append(program_ns(tracer.p.pid))
            tracer.stop()
        return min(least)

    def programs(self, name, commands):
        """The time in programs: empty, stap, bpftrace."""
        with open(STATS) as f:
            before = f.read()
        try:
            with open(STATS, "w") as f:
                f.write("1")
            empty, *others = [self.counted(*c) for c in commands]
        except OSError as e:
            self.f.missing(f"hit.{name}.program", e)
            return
        finally:
            with open(STATS, "w") as f:
                f.write(before)
        for suffix, ns in zip(("program", "program.bpftrace"), others):
            self.f.figure(f"hit.{name}.{suffix}", ns - empty, "ns in the program, more than an empty one")

    def hit(self):
        empty = os.path.join(self.scratch, "empty")
        self.compile(["-O2", "-D_GNU_SOURCE", "-I", os.path.join(ROOT, "src")],
                     os.path.join(HERE, "empty.c"), empty,
                     os.path.join(os.path.dirname(self.stap), "libtapir.a"))
        floor = [empty, self.target, str(file_offset(self.target, "work"))]
        for name, (ours, theirs) in HANDLERS.items():
            if not self.f.wanted("hit." + name):
                continue
            point = f'process("{self.target}").function("work")'
            script = ours.replace("POINT", point) + ' probe begin { println("armed") }'
            other = (theirs.replace("PROBE", f"uprobe:{self.target}:work")
                     .replace("RETURN", f"uretprobe:{self.target}:work"))
            commands = [(floor, 0), ([self.stap, "-e", script], 0.05)]
            if not self.why_no_peer:
                commands.append((["bpftrace", "-B", "none", "-e", other], 1))
            values = in_turn([lambda c=c: self.cost(*c) for c in commands], max(3, self.n // 4))
            self.f.figure(f"hit.{name}", statistics.median(values[1]), "ns")
            if name != "return":
                self.f.figure(f"hit.{name}.ratio", ratio(values[1], values[0]), "times an empty program")
            if not self.why_no_peer:
                self.f.figure(f"hit.{name}.bpftrace", ratio(values[2], values[1]), "times stap")
            if name != "return":
                self.programs(name, commands)

    # ------------------------------------------------------------ many places

    def many(self):
        """10 000 functions of one program: armed, and removed."""
        source, program = os.path.join(self.scratch, "many.c"), os.path.join(self.scratch, "many")
        with open(source, "w") as f:
            for i in range(10000):
                f.write(f"__attribute__((noipa)) int function_{i}(int n) {{ return n + {i}; }}\n")
            f.write("int main(void) { return function_0(0); }\n")
        self.compile(["-O1"], source, program)
        script = (f'global n probe process("{program}").function("function_*") {{ n++ }} '
                  'probe begin { println("armed") }')
        armed, removed = [], []
        for _ in range(3):
            start = time.perf_counter()
            tracer = Tracer([self.stap, "-e", script])
            ready = time.perf_counter()
            tracer.stop()
            armed.append(ready - start)
            removed.append(time.perf_counter() - ready)
        self.f.figure("many.armed", statistics.median(armed), "s for 10 000 functions")
        self.f.figure("many.removed", statistics.median(removed), "s")

    # ------------------------------------------------------------ output

    def lines(self):
        """Lines of a handler that prints so many at a hit that the trap does not count, to a file."""
        calls, each = 20000, 100
        out = os.path.join(self.scratch, "lines")
        script = (f'probe process("{self.target}").function("work") {{ for (i = 0; i < {each}; i++) '
                  'printf("%d %s\\n", $n, "a line of text") }')
        start = time.perf_counter()
        p = subprocess.run([self.stap, "-o", out, "-c", f"{self.target} {calls}", "-e", script],
                           capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        with open(out) as f:
            written = sum(1 for _ in f)
        lost = sum(int(n) for n in re.findall(r"(\d+) lost messages", p.stderr))
        self.f.figure("lines", written / seconds, "a second, to a file")
        self.f.figure("lines.missing", calls * each - written, "lines",
                      f"{lost} records reported as lost")
