#!/bin/sh
# Prints a Python 3.11 or newer that really runs: a version manager's shim may be on the path and still fail.
for name in "${PYTHON:-python3.14}" python3.14 python3.13 python3.12 python3.11 python3 /usr/bin/python3; do
    found=$(command -v "$name" 2>/dev/null) || continue
    if "$found" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        echo "$found"
        exit 0
    fi
done
echo "this needs Python 3.11 or newer with venv (Debian: apt-get install python3 python3-venv)" >&2
exit 1
