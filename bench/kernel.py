"""Probes in the kernel: what counting at tracepoints and system calls costs, how soon it is armed, what
a profile takes of the machine.

A cost is what a program measures that makes system calls, less the same without a tracer. It is compared
with that of a program of a few instructions (floor.c), and of bpftrace, in turn.
"""
import os
import re
import statistics
import subprocess
import time

from measure import ROOT, in_turn, peer, ratio, run
from user import HERE, NoLine, Tracer, first_hit

CALLS, ROUNDS = 50000, 5

# For stap, for bpftrace.
COUNTING = {
    "tracepoint": ('global n probe kernel.trace("sys_enter") { n++ }',
                   "tracepoint:raw_syscalls:sys_enter { @ = count(); }"),
    "syscall": ("global n probe syscall.getppid { n++ }",
                "tracepoint:syscalls:sys_enter_getppid { @ = count(); }"),
    "syscalls": ("global c probe syscall.* { c[execname(), name]++ }",
                 "tracepoint:raw_syscalls:sys_enter { @[comm, args->id] = count(); }"),
}
PROFILE = ('global bts probe timer.profile.freq.hz(997) { bts[backtrace(), ubacktrace()] <<< 1 } '
           'probe end { foreach ([k, u] in bts- limit 10) { print_stack(k) print_ustack(u) } }')


# bpftrace looks for tracepoints in tracefs: where nobody has mounted it, for itself alone.
PEER = ["unshare", "--mount", "sh", "-c", "test -d /sys/kernel/tracing/events || "
        'mount -t tracefs none /sys/kernel/tracing; exec bpftrace -B none -e "$0"']


def memory(pid):
    """Peak of the resident memory of a process that runs, in MiB; 0: it has ended."""
    with open(f"/proc/{pid}/status") as f:
        peak = re.search(r"VmHWM:\s+(\d+)", f.read())
    return int(peak.group(1)) / 1024 if peak else 0


def cpu_time(pid):
    """CPU time of a process that runs, in seconds; None: it has ended."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return None if fields[0] == "Z" else (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Kernel:
    def __init__(self, figures, stap, n, scratch):
        self.f, self.stap, self.n, self.scratch = figures, stap, n, scratch
        self.calls, self.floor = (os.path.join(scratch, name) for name in ("calls", "floor"))

    def measure(self):
        parts = [p for p in (self.counting, self.start, self.sweep, self.profile) if self.f.wanted("kernel." + p.__name__)]
        if not parts:
            return
        if os.geteuid() != 0:
            self.f.missing("kernel probes", "they need root")
            return
        self.why_no_peer = peer() or self.no_tracefs()
        if self.why_no_peer:
            self.f.missing("bpftrace", self.why_no_peer)
        for flags in ((self.calls, "calls.c"),
                      (self.floor, "floor.c", os.path.join(os.path.dirname(self.stap), "libtapir.a"))):
            to, source, *more = flags
            subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", "-I", os.path.join(ROOT, "src"), "-o", to,
                            os.path.join(HERE, source), *more], check=True)
        for part in parts:
            try:
                part()
            except NoLine as e:
                self.f.missing("kernel." + part.__name__, e)

    def no_tracefs(self):
        done = subprocess.run(PEER + ["tracepoint:raw_syscalls:sys_enter { exit(); }"], capture_output=True,
                              check=False)
        return None if done.returncode == 0 else "bpftrace finds no tracepoints here"

    def cost(self, command, settle):
        """ns of a call, and the tracer's memory."""
        tracer = Tracer(command, settle)
        ns = float(run([self.calls, str(CALLS), str(ROUNDS)])[2])
        mib = memory(tracer.p.pid)
        tracer.stop()
        return ns, mib

    def bare(self):
        return float(run([self.calls, str(CALLS), str(ROUNDS)])[2])

    def counting(self):
        for name, (ours, theirs) in COUNTING.items():
            script = ours + ' probe begin { println("armed") }'
            runs = [self.bare, lambda: self.cost([self.floor], 0),
                    lambda: self.cost([self.stap, "-e", script], 0.1)]
            if not self.why_no_peer:
                runs.append(lambda: self.cost(PEER + [theirs], 1))
            bare, floor, mine, *other = in_turn(runs, max(3, self.n // 4))
            # Whole calls: the difference to the bare one is noise on a busy machine.
            self.f.figure(f"kernel.{name}", statistics.median(m[0] - b for m, b in zip(mine, bare)),
                          "ns an event")
            self.f.figure(f"kernel.{name}.floor", ratio([m[0] for m in mine], [f[0] for f in floor]),
                          "times a call with a hash update")
            self.f.figure(f"kernel.{name}.memory", max(m[1] for m in mine), "MiB")
            if other:
                self.f.figure(f"kernel.{name}.bpftrace", ratio([o[0] for o in other[0]], [m[0] for m in mine]),
                              "times a call under stap")

    def start(self):
        """From exec to the first system call that is counted."""
        script = ('global c, n probe syscall.* { c[execname(), name]++; if (n++ == 0) println("hit") }')
        theirs = "tracepoint:raw_syscalls:sys_enter { @[comm, args->id] = count(); @n++; if (@n == 1) { printf(\"hit\\n\"); } }"

        runs = [lambda: first_hit([self.stap, "-e", script]), lambda: run(["/bin/true"])[0]]
        if not self.why_no_peer:
            runs.append(lambda: first_hit(PEER + [theirs]))
        ours, true, *other = in_turn(runs, max(3, self.n // 4))
        self.f.figure("kernel.start", statistics.median(a - b for a, b in zip(ours, true)) * 1000,
                      "ms more than /bin/true")
        if other:
            self.f.figure("kernel.start.bpftrace", ratio(other[0], ours), "times stap")

    def sweep(self):
        """The same with the arguments of all calls as text: hundreds of programs."""
        script = 'probe syscall.* { printf("%s(%s)\\n", name, argstr) }'
        sweep, true = in_turn([lambda: first_hit([self.stap, "-e", script]), lambda: run(["/bin/true"])[0]], 3)
        self.f.figure("kernel.sweep", statistics.median(a - b for a, b in zip(sweep, true)) * 1000,
                      "ms more than /bin/true")

    def profile(self):
        """A profile with both stacks: its handlers' time and the CPU time of stap, of that of all CPUs."""
        seconds, edge = 7, 1
        busy = subprocess.Popen([self.calls, "1000000000", "1"])
        out = os.path.join(self.scratch, "profile")
        try:
            with open(out, "w") as f:
                tracer = subprocess.Popen([self.stap, "-t", "-DMAXMAPENTRIES=20000", "-e", PROFILE, "-T",
                                           str(seconds)], stdout=f, stderr=subprocess.STDOUT,
                                          stdin=subprocess.DEVNULL)
                time.sleep(edge)
                start, began = cpu_time(tracer.pid), time.monotonic()
                time.sleep(seconds - 2 * edge)
                end, ended = cpu_time(tracer.pid), time.monotonic()
                usage = os.wait4(tracer.pid, 0)[2]
        finally:
            busy.kill()
            busy.wait()
        with open(out) as f:
            text = f.read()
        report = re.search(r"hits: (\d+), cycles: \d+min/(\d+)avg", text)
        if not report or start is None or end is None:
            raise NoLine("stap has ended early: " + text[-500:])
        hits, mean = map(int, report.groups())
        self.f.figure("kernel.profile.handlers", hits * mean / 1e9 / seconds / os.cpu_count() * 100,
                      "% of the CPUs", f"{hits} samples, {mean} ns each")
        self.f.figure("kernel.profile.stap", (end - start) / (ended - began) / os.cpu_count() * 100, "% of the CPUs",
                      "while it samples")
        self.f.figure("kernel.profile.edges", (usage.ru_utime + usage.ru_stime - (end - start)) * 1000, "ms",
                      "CPU time before and behind: compiling, names, printing")
        self.f.figure("kernel.profile.memory", usage.ru_maxrss / 1024, "MiB")
