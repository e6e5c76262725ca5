#!/bin/sh
# Builds GraphiQL unless it is built from the files that there are, the documents among them. Where that cannot work, one line says why: only the page needs Node.
set -e
cd "$(dirname "$0")/.."
page=app/web/static/index.html
left_out="GraphiQL is left out, everything else works (later: make explorer)"
if [ -f "$page" ]; then
    newer=$(find explorer README.md docs/*.md -name node_modules -prune -o -type f -newer "$page" -print)
    [ -n "$newer" ] || exit 0
    left_out="GraphiQL stays as it was built before, everything else is new (later: make explorer)"
fi
if ! command -v npm >/dev/null 2>&1 || ! found=$(node --version 2>/dev/null); then
    echo "npm is not installed: $left_out"
    exit 0
fi
major=${found#v}
minor=${major#*.}
major=${major%%.*}
minor=${minor%%.*}
# What `engines` of explorer/package.json asks for: ^20.19.0 || >=22.12.0.
if [ "$major" -gt 22 ] || { [ "$major" -eq 22 ] && [ "$minor" -ge 12 ]; } || { [ "$major" -eq 20 ] && [ "$minor" -ge 19 ]; }; then
    echo "building GraphiQL from its npm packages, which takes half a minute"
    cd explorer
    npm ci --no-audit --no-fund --loglevel=error
    exec npm run build
fi
echo "Node $found cannot build GraphiQL, which needs 20.19 or 22.12: $left_out"
