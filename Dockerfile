# The gateway in one image: `serve` by default; `migrate`, `seed-demo` and `token` are the same image with another command.

FROM node:22-slim AS explorer
WORKDIR /src/explorer
# The page's collection of operations is made from these.
COPY README.md /src/
COPY docs/ /src/docs/
COPY explorer/package.json explorer/package-lock.json explorer/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY explorer/ ./
# The build writes its bundle to /src/app/web/static.
RUN npm run build


FROM node:22-slim AS rest-pages
WORKDIR /src/rest-pages
COPY rest-pages/ ./
# The build writes the pages to /src/app/rest/static.
RUN npm ci --no-audit --no-fund && npm run build


FROM python:3.14-slim AS wheels
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/billing
ENV PATH=/opt/billing/bin:$PATH
WORKDIR /src
# Every dependency by its hash, in a layer of its own, so that changes of the code do not rebuild it.
COPY requirements.txt ./
RUN pip install --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY app/ app/
COPY --from=explorer /src/app/web/static/ app/web/static/
COPY --from=rest-pages /src/app/rest/static/ app/rest/static/
RUN pip install --no-deps . && pip check


FROM python:3.14-slim
# The uid is a number, so that an orchestrator can see that it is not root. Only the volume is writable.
RUN groupadd --system --gid 10001 billing \
    && useradd --system --uid 10001 --gid billing --home-dir /var/lib/billing --shell /usr/sbin/nologin billing \
    && install --directory --owner=billing --group=billing --mode=0700 /var/lib/billing
COPY --from=wheels /opt/billing /opt/billing
# Loopback is unreachable from outside a container, so the default address is every interface.
ENV PATH=/opt/billing/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BILLING_HOST=0.0.0.0 \
    BILLING_PORT=8000 \
    BILLING_ADMIN_HOST=0.0.0.0 \
    BILLING_ADMIN_PORT=8001 \
    BILLING_VAR_DIR=/var/lib/billing
WORKDIR /var/lib/billing
USER 10001:10001
EXPOSE 8000 8001
# Liveness, not readiness: a database that is down is no reason to restart the process.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f\"http://127.0.0.1:{os.environ['BILLING_ADMIN_PORT']}/health/live\", timeout=4)"]
ENTRYPOINT ["billing"]
CMD ["serve"]
