# Two images from one file; `compose.yaml` runs both on one volume.
#   web      the dashboard, without torch             docker build --target web -t imae-web .
#   runner   trains the queue; also the command line  docker build --target runner -t imae-runner .
ARG BASE_IMAGE=python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS common
ARG PIP_ARGS=""
RUN useradd --uid 10001 --create-home imae && install -d -o imae -g imae /var/lib/imae
WORKDIR /opt/imae
RUN python3 -m venv /opt/venv
COPY requirements-web.txt requirements.txt ./
RUN /opt/venv/bin/pip install --no-cache-dir ${PIP_ARGS} -r requirements-web.txt
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/imae IMAE_HOME=/var/lib/imae IMAE_RUNNER=external \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
VOLUME /var/lib/imae

FROM common AS web
COPY .streamlit .streamlit
COPY app.py ./
COPY imae_core imae_core
COPY ui ui
COPY pages pages
USER imae
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
# loopback of a container cannot be reached from outside: publish the port on the host's loopback
CMD ["streamlit", "run", "app.py", "--server.address", "0.0.0.0"]

FROM common AS runner
ARG PIP_ARGS=""
# long runs compile their net, on a GPU too: that takes a compiler, and Python's headers, which the official images have
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
RUN /opt/venv/bin/pip install --no-cache-dir ${PIP_ARGS} -r requirements.txt
COPY imae_core imae_core
USER imae
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s CMD ["python3", "-m", "imae_core", "runner", "--check"]
CMD ["python3", "-m", "imae_core", "runner", "--for-ever"]
