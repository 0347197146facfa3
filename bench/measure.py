"""What the programs of this folder share: running commands, taking turns, printing figures.

Figures are medians, and ratios of commands that ran in turn: machines are noisy, and their speed
drifts. Nothing here judges a figure.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(command, **more):
    """(seconds, peak memory in bytes, standard output) of a finished command."""
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE,
                             **more)
        err = p.stderr.read()
        _, status, usage = os.wait4(p.pid, 0)
        seconds = time.perf_counter() - start
        p.stderr.close()
        p.returncode = os.waitstatus_to_exitcode(status)
        if p.returncode != 0:
            sys.exit(f"bench: {command[0]} {command[1][:60]}: status {p.returncode}\n"
                     + err.decode(errors="replace")[:2000])
        out.seek(0)
        return seconds, usage.ru_maxrss * 1024, out.read(1 << 20).decode(errors="replace")


def in_turn(runs, n):
    """The values of n calls of each function, A B A B ..., after one that does not count."""
    values = [[] for _ in runs]
    for i in range(n + 1):
        for k, one in enumerate(runs):
            value = one()
            if i:
                values[k].append(value)
    return values


def ratio(above, below):
    """Median of the ratios pair by pair: both were measured one after the other."""
    return statistics.median(a / b for a, b in zip(above, below))


def median_run(command, n=3):
    runs = [run(command) for _ in range(n)]
    return statistics.median(r[0] for r in runs), max(r[1] for r in runs), runs[0][2]


def peer():
    """Why bpftrace cannot be measured here, or None."""
    if not shutil.which("bpftrace"):
        return "bpftrace is not installed"
    if os.geteuid() != 0:
        return "bpftrace needs root"
    if subprocess.run(["bpftrace", "-e", "BEGIN { exit(); }"], capture_output=True).returncode != 0:
        return "bpftrace cannot run here"
    return None


class Figures:
    """Prints figures as they come and keeps them for --json."""

    def __init__(self, words):
        self.words, self.figures = words, {}

    def wanted(self, name):
        """A part by the name of one of its figures, or the other way round."""
        return not self.words or any(w in name or name in w for w in self.words)

    def figure(self, name, value, unit, note=""):
        self.figures[name] = {"value": value, "unit": unit}
        text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
        print(f"{name:32} {text:>14} {unit}" + (f"   {note}" if note else ""), flush=True)

    def missing(self, name, why):
        print(f"{name}: not measured, {why}", flush=True)

    def write(self, path):
        with open(path, "w") as f:
            json.dump({"machine": os.uname().machine, "kernel": os.uname().release,
                       "cpus": os.cpu_count(), "figures": self.figures}, f, indent=1)
            f.write("\n")
