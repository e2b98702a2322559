# Written by bailey init. It is yours now.

FROM python:{{.Version}}-slim AS build
WORKDIR /app
{{- if eq .Manager "uv"}}
COPY --from=ghcr.io/astral-sh/uv:0.9.0 /uv /usr/local/bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
# What changes seldom comes first, so that it is done seldom.
COPY pyproject.toml uv.lock ./
RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-dev --no-install-project
COPY . .
RUN --mount=type=cache,target=/root/.cache/uv uv sync --locked --no-dev --no-editable
{{- else if eq .Manager "poetry"}}
ENV POETRY_VIRTUALENVS_IN_PROJECT=true POETRY_NO_INTERACTION=1
RUN --mount=type=cache,target=/root/.cache/pip pip install poetry==2.1.3
# What changes seldom comes first, so that it is done seldom.
COPY pyproject.toml poetry.lock ./
RUN --mount=type=cache,target=/root/.cache/pypoetry poetry install --only main --no-root
COPY . .
{{- else if eq .Manager "pip"}}
RUN python -m venv .venv
# What changes seldom comes first, so that it is done seldom.
COPY requirements.txt ./
RUN --mount=type=cache,target=/root/.cache/pip .venv/bin/pip install{{if .Hashes}} --require-hashes{{end}} -r requirements.txt
COPY . .
{{- else if eq .Manager "project"}}
RUN python -m venv .venv
COPY . .
RUN --mount=type=cache,target=/root/.cache/pip .venv/bin/pip install .
{{- else}}
COPY . .
{{- end}}

# The program can read its files and write none of them.
FROM python:{{.Version}}-slim
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY --from=build /app /app
USER 65532:65532
ENTRYPOINT [{{range $i, $word := .Program}}{{if $i}}, {{end}}"{{$word}}"{{end}}]
