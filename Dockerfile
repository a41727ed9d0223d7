# The environment without the code: the clone is mounted, so data, results and figures stay in it.
# docs/environment.md has the commands.
ARG BASE=docker.io/library/python:3.11-slim-bookworm
FROM ${BASE}

# Results name the commit of the code that made them.
RUN apt-get update && apt-get install --yes --no-install-recommends git && rm -rf /var/lib/apt/lists/*
COPY run requirements.lock requirements-gpu.lock /opt/ossum/
RUN /opt/ossum/run pip --version && rm -rf ~/.cache

# Any user may run it, also one that the image does not know, who has neither a name nor a home there.
ENV PATH=/opt/ossum/.venv/bin:$PATH PYTHONPATH=/ossum HOME=/tmp LOGNAME=ossum
USER 1000:1000
WORKDIR /ossum
CMD ["snakemake", "--cores", "all", "figures", "--configfile", "config/smoke.yaml"]
