#!/bin/sh
# Builds the pages about the REST endpoints (Swagger UI and ReDoc) unless they are built; needs npm.
set -e
cd "$(dirname "$0")/.."
[ -f app/rest/static/docs.html ] && exit 0
cd rest-pages
npm ci --loglevel=error
exec npm run build --silent
