"""Functions of a program with more than 100 MB of debug information: listed, and one of them found.

bpftrace 0.17 reads no debug information for a list: it prints the symbols, without the functions that
were inlined everywhere and without files and lines. Its time is that of less work.
"""
import os
import resource
import statistics

import big
from measure import in_turn, peer, ratio, run


def processor_seconds(command):
    """Of all its threads: what other jobs on the machine disturb least."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _, peak, _ = run(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak


class Listing:
    def __init__(self, figures, stap, n, _scratch):
        self.f, self.stap, self.n = figures, stap, max(3, n // 4)

    def measure(self):
        if not self.f.wanted("listing"):
            return
        self.program, self.once = big.program()
        self.f.figure("listing.debug", big.debug_bytes(self.program) / 1e6, "MB of debug information")
        point = f'process("{self.program}").function'
        self.one("listing.all", ["-l", f'{point}("*")'])
        self.one("listing.name", ["-l", f'{point}("{self.once}")'])
        self.one("listing.vars", ["-L", f'{point}("{self.once}")'])
        why = peer()
        if why:
            self.f.missing("listing.bpftrace", why)
            return
        ours, theirs = in_turn([lambda: processor_seconds([self.stap, "-l", f'{point}("*")']),
                                lambda: processor_seconds(["bpftrace", "-l", f"uprobe:{self.program}:*"])],
                               self.n)
        self.f.figure("listing.bpftrace", statistics.median(t[0] for t in theirs), "s of processor time",
                      "symbols only")
        self.f.figure("listing.bpftrace.ratio", ratio([t[0] for t in theirs], [o[0] for o in ours]),
                      "times stap")

    def one(self, name, options):
        runs = [processor_seconds([self.stap, *options]) for _ in range(self.n)]
        walls = [run([self.stap, *options])[0] for _ in range(self.n)]
        self.f.figure(name, statistics.median(walls), "s")
        self.f.figure(name + ".cpu", statistics.median(r[0] for r in runs), "s of processor time",
                      f"{os.cpu_count()} processors")
        self.f.figure(name + ".peak", max(r[1] for r in runs) / 2**20, "MiB")
