# The service, from the lock and nothing else: the same packages, byte for byte, at each build.
FROM python:3.11.15-slim-trixie@sha256:90744cff8f32887f075c47d747a173ff333e9e98801667af93c357fa9f5e28ff AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
WORKDIR /opt/graph-service
COPY requirements-neo4j.lock ./
RUN /opt/venv/bin/python -m pip install --require-hashes -r requirements-neo4j.lock
COPY pyproject.toml README.md LICENSE ./
COPY graph_service graph_service
COPY loaders loaders
COPY queries queries
COPY api api
COPY synth synth
COPY client client
RUN /opt/venv/bin/python -m pip install --no-deps --no-build-isolation -e . \
    && /opt/venv/bin/python -m compileall -q /opt/graph-service

FROM python:3.11.15-slim-trixie@sha256:90744cff8f32887f075c47d747a173ff333e9e98801667af93c357fa9f5e28ff
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin graph-service \
    && install --directory --owner=10001 --group=10001 --mode=700 /var/lib/graph-service
COPY --from=build /opt /opt
ENV PATH=/opt/venv/bin:$PATH \
    GRAPH_SERVICE_HOME=/var/lib/graph-service/home \
    GRAPH_SERVICE_CACHE=/var/lib/graph-service/cache
WORKDIR /var/lib/graph-service
VOLUME /var/lib/graph-service
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=1m CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/ready', timeout=4)"]
ENTRYPOINT ["graph-service"]
CMD ["serve", "--host", "0.0.0.0"]
