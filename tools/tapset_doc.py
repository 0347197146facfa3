#!/usr/bin/env python3
"""Prints a table of the tapset's functions, aliases and macros as Markdown.

usage: tools/tapset_doc.py [DIRECTORY]     default: tapset/ beside this script's folder
"""
import pathlib
import re
import sys

FUNCTION = re.compile(r"function (\w+)(?::(long|string))? \(([^)]*)\)\s*(?:%\{\s*(\w+)\s*%\})?")
ALIAS = re.compile(r"probe ([\w.]+) \+?= (.+)")
MACRO = re.compile(r"@define (\w+)(\([^)]*\))?")
IMPOSSIBLE = re.compile(r"no_\w+")
ROOT = pathlib.Path(__file__).resolve().parent.parent


def declarations(path):
    """Yields the comment right above each declaration, and the text from the declaration on."""
    text = path.read_text()
    comment = []
    at = 0
    for line in text.splitlines(keepends=True):
        if line.startswith("//"):
            comment.append(line[2:].strip())
        else:
            if line.startswith(("function ", "probe ", "@define ")):
                yield " ".join(comment), text[at:]
            comment = []
        at += len(line)


def calls(text):
    """Names called in the body of a function written in the script language."""
    body = re.split(r"\n}\n", text, maxsplit=1)[0]
    body = body[body.index("\n"):]
    return set(re.findall(r"\b(\w+)\s*\(", re.sub(r'"(?:\\.|[^"\\])*"', '""', body)))


def context_intrinsics():
    """Intrinsics that the C tables flag as answering for a traced context."""
    found = set()
    for path in (ROOT / "src" / "rt").glob("fn_*.c"):
        found |= set(re.findall(r'\{\s*"(\w+)"\s*,[^{}]*INTR_CONTEXT', path.read_text()))
    return found


def status_of(body, called, needs, weak):
    if body and IMPOSSIBLE.fullmatch(body):
        return "not possible"
    if called and called & needs:
        return "not possible (" + ", ".join(sorted(called & needs)) + ")"
    if body in weak:
        return "outside of a traced context: as SystemTap there"
    return "works everywhere" + ("" if called is None else " (script)")


def main():
    here = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tapset"
    functions, aliases, macros = [], [], []
    for path in sorted(here.glob("**/*.stp*")):
        for comment, text in declarations(path):
            if m := FUNCTION.match(text):
                name, result, parameters, body = m.groups()
                show = f"{name}({parameters})" + (f" : {result}" if result else "")
                functions.append((name, show, path.name, comment, body, None if body else calls(text)))
            elif m := ALIAS.match(text):
                aliases.append((m[1], m[2].rstrip(" {"), path.name, comment))
            elif m := MACRO.match(text):
                macros.append((m[1], m[1] + (m[2] or ""), path.name, comment))

    # What calls a function that is not possible is not either, if only in some cases.
    needs = {f[0] for f in functions if f[4] and IMPOSSIBLE.fullmatch(f[4])}
    while more := {f[0] for f in functions if f[5] and f[5] & needs} - needs:
        needs |= more

    print("# Functions, probe aliases and macros of the tapset\n")
    print(f"{len({f[0] for f in functions})} functions, {len(aliases)} aliases, {len(macros)} macros."
          " Names that begin with `__` are for the tapset itself.\n")
    print("| function | file | status | |\n|---|---|---|---|")
    weak = context_intrinsics()
    for name, show, file, comment, body, called in sorted(functions, key=lambda f: f[:2]):
        status = status_of(body, called, needs, weak)
        print(f"| `{show}` | {file} | {status} | {comment.replace('|', chr(92) + '|')} |")
    print("\n| alias | of | file | |\n|---|---|---|---|")
    for name, of, file, comment in sorted(aliases):
        print(f"| `{name}` | `{of}` | {file} | {comment} |")
    print("\n| macro | file | |\n|---|---|---|")
    for name, show, file, comment in sorted(macros):
        print(f"| `@{show}` | {file} | {comment} |")


if __name__ == "__main__":
    main()
