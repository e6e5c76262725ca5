#!/bin/sh
# Installs the locked packages into the virtual environment, and shows how far it is: pip alone is silent for minutes.
#   scripts/install.sh PYTHON REQUIREMENTS
set -e
python=$1
locked=$2
total=$(grep -c '^[A-Za-z0-9]' "$locked")
folder=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
log=$(mktemp)
shown=
pip=
# What a shell starts in the background does not hear Ctrl+C.
trap 'rm -f "$log"; [ -z "$pip" ] || kill "$pip" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM

# A line that is written again on a terminal; elsewhere, in a log, a new line for each quarter.
show() {
    count=$2
    [ "$count" -le "$total" ] || count=$total
    if [ -t 1 ]; then
        bar=$(printf '%*s' $((count * 40 / total)) '' | tr ' ' '#')
        printf '\r  %-10s [%-40s] %3d of %d ' "$1" "$bar" "$count" "$total"
    elif [ "$1 $((count * 4 / total))" != "$shown" ]; then
        shown="$1 $((count * 4 / total))"
        echo "  $1 $count of $total"
    fi
}

echo "installing $total Python packages, which takes a minute or two the first time"
"$python" -m pip install --disable-pip-version-check --progress-bar off --require-hashes -r "$locked" >"$log" 2>&1 &
pip=$!
while kill -0 "$pip" 2>/dev/null; do
    sleep 1
    if grep -q '^Installing collected packages' "$log"; then
        show writing "$(ls -d "$folder"/*.dist-info 2>/dev/null | wc -l)"
    else
        show finding "$(grep -c -E '^(Collecting|Requirement already satisfied)' "$log" || true)"
    fi
done
[ ! -t 1 ] || echo
if ! wait "$pip"; then
    grep -E '^ *(ERROR|error|WARNING)' "$log" || tail -n 5 "$log"
    exit 1
fi
pip=
