"""A program with more than 100 MB of debug information, made by machine: C++ as large programs have it.

Compiling that much takes minutes. Sources of two kinds are compiled, one full of instances of the
standard library's templates, one of plain structures and small functions that get inlined; then
their objects are copied with another name of the same length in the place of their namespace's, so
that all that is linked has symbols, strings and debug information of its own. The program is kept
in build/ until this file changes.
"""
import hashlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from measure import ROOT

SOURCES, COPIES = 4, 8
FLAGS = ["-std=c++17", "-g", "-c"]


def namespace(number):
    return f"unit_{number:03d}"


def templates(number):
    """Instances of containers, algorithms and lambdas."""
    return f"""
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace {namespace(number)} {{
template <int N> struct entry {{ int key; std::string text; std::shared_ptr<entry> next; }};
template <int N> class store {{
\tstd::map<std::string, entry<N>> by_text;
\tstd::unordered_map<int, std::function<int(const entry<N> &)>> visitors;
\tstd::vector<std::unique_ptr<entry<N>>> owned;
public:
\tint insert(int key, const std::string &text)
\t{{
\t\tauto e = std::make_unique<entry<N>>();
\t\te->key = key + N;
\t\tby_text[text] = *e;
\t\tvisitors[key] = [key](const entry<N> &x) {{ return x.key * key; }};
\t\towned.push_back(std::move(e));
\t\tstd::sort(owned.begin(), owned.end(), [](auto &a, auto &b) {{ return a->key < b->key; }});
\t\treturn visitors[key](*owned.back());
\t}}
}};
template <int N> int run(int key)
{{
\tstore<N> s;
\tint r = s.insert(key, "text");
\tif constexpr (N > 0)
\t\tr += run<N - 1>(key);
\treturn r;
}}
int main_{number}(int key) {{ return run<16 + {number}>(key); }}
}}
int {namespace(number)}_entry(int key) {{ return {namespace(number)}::main_{number}(key); }}
"""


def plain(number):
    """Structures, static functions and methods, most of them inlined."""
    parts = [f"namespace {namespace(number)} {{"]
    for i in range(300):
        parts.append(f"""
struct record_{i} {{
\tint id; long total; const char *name; union {{ int whole; double real; }} u;
\tstruct {{ short low, high; }} range; record_{i} *next;
\tint add(int value, long weight) {{ int old = id; id += value; total += weight * old; return old; }}
\tlong mean() const {{ return id ? total / id : 0; }}
}};
static inline long sum_{i}(record_{i} *r, int n)
{{
\tlong sum = 0;
\tfor (int k = 0; k < n; k++) {{ long part = r->mean(); sum += part + r->add(k, n); }}
\treturn sum;
}}
long work_{i}(record_{i} *r, int n, const char *label)
{{
\tlong a = sum_{i}(r, n);
\tif (label) {{ long b = sum_{i}(r->next, n + 1); a ^= b; }}
\treturn a;
}}""")
    parts.append(f"}}\nint {namespace(number)}_entry(int key) {{ return key; }}\n")
    return "\n".join(parts)


def compile_source(directory, number):
    """The object of a source, and its copies."""
    kind, level = (templates, "-O1") if number % 2 else (plain, "-O2")
    source, name = os.path.join(directory, f"{number:03d}.cc"), namespace(number).encode()
    first = os.path.join(directory, f"{number:03d}.o")
    with open(source, "w") as f:
        f.write(kind(number))
    subprocess.run(["g++", *FLAGS, level, "-o", first, source], check=True)
    with open(first, "rb") as f:
        content = f.read()
    objects = [first]
    for copy in range(1, COPIES):
        to = number + copy * SOURCES
        objects.append(os.path.join(directory, f"{to:03d}.o"))
        with open(objects[-1], "wb") as f:
            f.write(content.replace(name, namespace(to).encode()))
    return objects


def program():
    """(path, name of a function that is there once) of the program, which is built if need be."""
    with open(__file__, "rb") as f:
        key = hashlib.sha256(f.read()).hexdigest()[:12]
    directory = os.path.join(ROOT, "build", "bench", key)
    path = os.path.join(directory, "big")
    if not os.path.exists(path):
        start = time.perf_counter()
        print("building a program with much debug information ...", file=sys.stderr, flush=True)
        os.makedirs(directory, exist_ok=True)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = sum(pool.map(lambda i: compile_source(directory, i), range(SOURCES)), [])
        entries = [namespace(i) + "_entry" for i in range(SOURCES * COPIES)]
        source = os.path.join(directory, "main.cc")
        with open(source, "w") as f:
            f.writelines(f"int {e}(int);\n" for e in entries)
            f.write("int main(int argc, char **)\n{\n\tint r = 0;\n")
            f.writelines(f"\tr += {e}(argc);\n" for e in entries)
            f.write("\treturn r & 1;\n}\n")
        subprocess.run(["g++", "-g", "-o", path + ".new", source, *objects], check=True)
        os.rename(path + ".new", path)
        for o in objects:
            os.unlink(o)
        print(f"built in {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return path, namespace(SOURCES) + "_entry"


def debug_bytes(path):
    """Size of the sections with debug information."""
    out = subprocess.run(["size", "-A", path], capture_output=True, text=True, check=True).stdout
    return sum(int(line.split()[1]) for line in out.splitlines() if line.startswith(".debug"))


if __name__ == "__main__":
    print(program()[0])
