# The site in a container; see docs/deployment.md. It only writes to /data.
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS build
RUN python3 -m venv /uv && /uv/bin/pip install --no-cache-dir uv==0.13.9
ENV UV_PYTHON=python3.13 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
WORKDIR /app
COPY pyproject.toml uv.lock .python-version ./
RUN /uv/bin/uv sync --locked --no-dev --extra postgres --no-cache
COPY . .
RUN SECRET_KEY=only-for-building .venv/bin/python manage.py collectstatic --no-input --verbosity=0 \
    && .venv/bin/python -m compileall -q accounts catalog integrations selections wrong_opinions \
    && find staticfiles .venv -name '*.map*' -delete # 20 MB, for debuggers of other people's scripts

FROM ${BASE}
RUN useradd --uid 10001 --home-dir /data --shell /usr/sbin/nologin opinions \
    && install --directory --owner=opinions --mode=700 /data
COPY --from=build /app /app
ENV PATH=/app/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    DATABASE_URL=sqlite:////data/wrong_opinions.db CACHE_DIR=/data/cache BACKUP_DIR=/data/backups TMPDIR=/data
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
CMD ["gunicorn", "--bind=0.0.0.0:8000"]
