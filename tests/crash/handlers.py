"""Handlers for the crash tests, in shell, and how to find what is left of them.

Each handler writes into $CRASH, the fleet's folder. Must never match a process of another fleet:
a handler is known by the fleet's folder in its environment.
"""

import os

# The head of a handler: notes its pid, and complains if the attempt before it still lives on this
# host (L9).
TWINS = """#!/bin/sh
mine="$CRASH/pid.$REEVE_JOB_ID"
if [ -f "$mine" ] && kill -0 "$(cat "$mine")" 2>/dev/null; then
    echo "$REEVE_JOB_ID attempt $REEVE_ATTEMPT" >>"$CRASH/twins"
fi
echo $$ >"$mine"
"""

# The params say how long it takes.
NAP = TWINS + """
read -r params
echo "$REEVE_JOB_ID $REEVE_FENCE" >>"$CRASH/runs"
sleep "$params"
echo "{\\"fence\\": $REEVE_FENCE}"
"""

# Has children and grandchildren that ignore SIGTERM, one of them in a session of its own.
STUBBORN = """#!/bin/sh
trap '' TERM HUP INT
(trap '' TERM HUP; exec sleep 1000) &
setsid sh -c "trap '' TERM HUP; sleep 1000; true" &
echo "$REEVE_FENCE" >>"$CRASH/stubborn.runs"
while [ ! -e "$CRASH/enough" ]; do sleep 0.05; done
kill -9 $! 2>/dev/null
echo "{\\"fence\\": $REEVE_FENCE}"
"""

# Takes its worker down, at once: the keeper is its parent, the worker its grandparent.
POISON = """#!/bin/sh
echo "$REEVE_ATTEMPT" >>"$CRASH/poisoned"
while read -r name value; do
    [ "$name" = PPid: ] && worker=$value
done <"/proc/$PPID/status"
kill -9 "$worker"
sleep 1000
"""

# Ends when $CRASH/go.N is there, N being its attempt.
WAITING = """#!/bin/sh
echo "$$ $REEVE_FENCE" >>"$CRASH/started"
while [ ! -e "$CRASH/go.$REEVE_ATTEMPT" ]; do sleep 0.02; done
echo "{\\"fence\\": $REEVE_FENCE}"
echo "$REEVE_FENCE" >>"$CRASH/finished"
"""


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


def handlers_alive(folder):
    """The pids of all processes with CRASH=folder in their environment, the workers apart."""
    mark = f"CRASH={folder}".encode()
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
            if is_handler(pid, mark)]


def is_handler(pid, mark):
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            marked = mark in file.read().split(b"\0")
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            program = file.read().split(b"\0")[0]
    except OSError:
        return False  # it is gone, or not ours
    return marked and not program.endswith(b"reeve-worker")
