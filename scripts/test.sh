#!/usr/bin/env bash
# Runs the suite; up to three tests that fail while others run beside them are run again alone, which decides.
set -uo pipefail
cd "$(dirname "$0")/.."
python="${VENV:-.venv}/bin/python"

# Its workers and the processes that they start read the same files: whoever compiles one first does it for all.
unset PYTHONDONTWRITEBYTECODE
"$python" -m pytest -n "${WORKERS:-3}" --dist loadscope --no-loadscope-reorder "$@"
code=$?
[ "$code" -eq 1 ] || exit "$code"

failed=$("$python" -c 'import json, pathlib
print(*json.loads(pathlib.Path(".pytest_cache/v/cache/lastfailed").read_text()), sep="\n")')
[ "$(printf '%s\n' "$failed" | wc -l)" -le 3 ] || exit 1
printf '\nFailed beside other tests; run again alone:\n%s\n\n' "$failed"
mapfile -t tests <<<"$failed"
"$python" -m pytest "${tests[@]}" || exit 1
printf '\nPassed alone, failed beside others (mend these):\n%s\n' "$failed"
