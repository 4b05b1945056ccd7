#!/usr/bin/env python3
"""Breaks the program on purpose, in one way after the other, and expects a test to notice: run.py [--all] [FILE] [WORD ...]

The bugs are in the `.toml` files beside this one: `limits.toml` those of the limits, `defences.toml` those of the front
door's defences. Each is put into a copy of the workspace, whose tests are then run until the first one fails; with --all
they are all run, so that everyone that notices is named. With the name of a file, only its bugs; with words, only bugs
whose sentence has one of them. A bug that no test notices is an error, and so is one that cannot be put in or does not
compile. With --look nothing is run: it only says which bugs cannot be put in any more.
"""

import argparse
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
# Always the same place, so that what is compiled for one bug serves for the next.
COPY = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "mutations"
# Not the workspace's own: cargo takes a crate of the copy for the one it was copied from, and would run it with the bug.
TARGET = COPY / "target"
# Tests read documents, dashboards and modules as well.
COPIED = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo", ".config", "crates"]
COPIED += ["deploy", "docs", "fuzz/corpus", "fuzz/fuzz_targets", "terraform", "tests/setup", "README.md", "Makefile"]
# Longer than all tests take; a bug may let them wait for ever.
DEADLINE = 300
# Longer than it takes to build them from nothing.
BUILD_DEADLINE = 1800
# What cargo-nextest says of a test that failed, was killed, or did not end.
FAILED = re.compile(r"^\s*(FAIL|TIMEOUT|SIG\w+|ABORT)\s+\[[^]]*\]\s+(?:\([^)]*\)\s+)?\S+ (\S+)$", re.MULTILINE)


class Unnoticed(Exception):
    """A mutation that no test has noticed, perhaps because it cannot be tried."""


def copy():
    """A fresh copy, in which only files that differ are newer than what was compiled of them."""
    wanted = {path: path.read_bytes() for path in files_of(ROOT)}
    for path in files_of(COPY):
        if ROOT / path.relative_to(COPY) not in wanted:
            path.unlink()
    for path, content in wanted.items():
        copied = COPY / path.relative_to(ROOT)
        if not copied.exists() or copied.read_bytes() != content:
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_bytes(content)


def files_of(workspace):
    for name in COPIED:
        everything = (workspace / name).rglob("*") if (workspace / name).is_dir() else [workspace / name]
        yield from (path for path in everything if path.is_file())


def changed(text, mutation):
    for edit in [mutation, *mutation.get("also", [])]:
        found = text.count(edit["find"])
        if found != 1:
            raise Unnoticed(f"what it replaces is there {found} times: {edit['find'].strip().splitlines()[0]}")
        text = text.replace(edit["find"], edit["replace"])
    return text


def suite_of(mutation):
    """Which tests must notice: of which crate, which of them, and whether as `make loom` runs them."""
    crate = mutation.get("tests", mutation["file"].split("/")[1])
    return crate, mutation.get("only", ""), mutation.get("loom", False)


def run_tests(suite, *options):
    crate, only, loom = suite
    command = ["cargo", "nextest", "run", "--locked", f"--package={crate}", *options]
    if only:
        command += ["--filterset", f"test({only})"]
    # Without shrinking: that some input fails is enough. Without files of past failures, which would help the next bug.
    environment = os.environ | {
        "CARGO_TARGET_DIR": str(TARGET),
        "CARGO_TERM_COLOR": "never",
        "PROPTEST_MAX_SHRINK_ITERS": "0",
        "PROPTEST_DISABLE_FAILURE_PERSISTENCE": "1",
        "INSTA_UPDATE": "no",
    }
    if loom:
        command += ["--lib", "loom_tests"]
        environment |= {"CARGO_TARGET_DIR": str(TARGET / "loom"), "RUSTFLAGS": "--cfg loom"}
    deadline = BUILD_DEADLINE if "--no-run" in options else DEADLINE
    return subprocess.run(
        command, cwd=COPY, env=environment, capture_output=True, text=True, timeout=deadline, stdin=subprocess.DEVNULL
    )


def built_and_run(suite):
    """How the tests end as they are."""
    built = run_tests(suite, "--no-run")
    return built if built.returncode else run_tests(suite)


def notice(mutation, everything):
    """The tests that notice a mutation."""
    path, suite = COPY / mutation["file"], suite_of(mutation)
    original = path.read_text()
    path.write_text(changed(original, mutation))
    try:
        if (built := run_tests(suite, "--no-run")).returncode:
            raise Unnoticed(f"it does not compile:\n{built.stderr}")
        ran = run_tests(suite, "--no-fail-fast" if everything else "--fail-fast")
    finally:
        path.write_text(original)
    failed = {name: "" if how == "FAIL" else f" ({how.lower()})" for how, name in FAILED.findall(ran.stderr)}
    if ran.returncode == 0:
        raise Unnoticed("no test notices")
    if not failed:
        raise Unnoticed(f"the tests cannot be run:\n{ran.stderr}")
    return [name + how for name, how in failed.items()]


def read():
    """All the bugs, each with the name of its file."""
    for file in sorted(HERE.glob("*.toml")):
        for mutation in tomllib.loads(file.read_text())["mutation"]:
            yield mutation | {"list": file.stem}


def look(mutations):
    """Says which of them cannot be put in."""
    stale = []
    for mutation in mutations:
        try:
            changed((ROOT / mutation["file"]).read_text(), mutation)
        except Unnoticed as error:
            stale.append(f"{mutation['bug']}: {mutation['file']}: {error}")
    if stale:
        sys.exit("\n".join(stale))
    print(f"{len(mutations)} mutations can be put in")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--look", action="store_true")
    options = parser.parse_args()
    mutations = list(read())
    files = {one["list"] for one in mutations} & set(options.words)
    words = set(options.words) - files
    chosen = [one for one in mutations if not files or one["list"] in files]
    chosen = [one for one in chosen if not words or any(word in one["bug"] for word in words)]
    if not chosen:
        sys.exit("there is no such mutation")
    if options.look:
        look(chosen)
        return
    copy()
    # Tests that fail anyway notice nothing.
    sound = {suite: built_and_run(suite) for suite in sorted({suite_of(mutation) for mutation in chosen})}
    print("| bug | noticed by |\n|---|---|", flush=True)
    unnoticed = []
    for mutation in chosen:
        try:
            if sound[suite_of(mutation)].returncode:
                raise Unnoticed(f"the tests fail without it too:\n{sound[suite_of(mutation)].stderr}")
            noticed = ", ".join(f"`{name}`" for name in notice(mutation, options.all))
        except (Unnoticed, subprocess.TimeoutExpired) as error:
            unnoticed.append(f"{mutation['bug']}: {error}")
            noticed = f"**{str(error).splitlines()[0]}**"
        print(f"| {mutation['bug']} | {noticed} |", flush=True)
    if unnoticed:
        print("", *unnoticed, sep="\n\n", file=sys.stderr)
        sys.exit(f"{len(unnoticed)} of {len(chosen)} mutations are not noticed")


if __name__ == "__main__":
    main()
