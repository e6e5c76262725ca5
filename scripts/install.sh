#!/bin/sh
# Installs the locked packages into the virtual environment, and says how far it is: pip alone is silent for minutes.
#   scripts/install.sh PYTHON REQUIREMENTS
set -e
python=$1
locked=$2
total=$(grep -c '^[A-Za-z0-9]' "$locked")
echo "installing $total Python packages, which takes a minute or two the first time"
status=$(mktemp)
trap 'rm -f "$status"' EXIT
{
    "$python" -m pip install --disable-pip-version-check --progress-bar off --require-hashes -r "$locked" 2>&1 ||
        echo failed >"$status"
} | awk -v total="$total" '
    /^(Collecting|Requirement already satisfied)/ { done++; if (done % 25 == 0 || done == total) show("found " done " of " total) }
    /^Installing collected packages/ { show("writing them") }
    /^(ERROR|error|WARNING|  *ERROR)/ { print; next }
    function show(text) { print "  " text; fflush() }
'
[ ! -s "$status" ]
