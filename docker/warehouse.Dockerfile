# The one image of ours: HDFS, metastore, Spark, jobs and the Jenkins agent; docker/entrypoint.sh
# says which of them a container becomes. amd64 and arm64. It holds no secret and no data.
# Build from the project's root:  docker compose build
FROM python:3.11.16-slim-bookworm AS warehouse

# Jenkins wants its agents on the Java that it runs on itself, which is newer than this Debian's.
COPY --from=jenkins/jenkins:2.580.1-lts-jdk21 /opt/java/openjdk /opt/jenkins-java

# Debian keeps only the newest build of a stable release's package, so a version cannot be pinned.
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends openjdk-17-jre-headless tini \
  && rm -rf /var/lib/apt/lists/* \
  && groupadd --gid 10001 warehouse \
  && useradd --uid 10001 --gid 10001 --create-home --shell /bin/bash warehouse \
  && install --directory --owner=warehouse --group=warehouse --mode=0700 /data /backups

# What changes seldom comes first. All of it belongs to root: a job cannot change the code.
WORKDIR /opt/warehouse
COPY requirements.txt constraints.txt ./
RUN python -m venv .venv \
  && .venv/bin/pip install --no-cache-dir --use-pep517 --requirement requirements.txt
COPY embedded embedded
COPY cluster cluster
COPY jobs/__init__.py jobs/__init__.py
COPY jobs/common jobs/common
RUN .venv/bin/python -m embedded tools && .venv/bin/python -m cluster jars && chmod -R a+rX .jars
COPY . .
RUN .venv/bin/python -m compileall -q jobs cluster embedded generators

# Caches of libraries go where a read-only container may write.
ENV WAREHOUSE_ROOT=/opt/warehouse \
  JENKINS_AGENT_JAVA_HOME=/opt/jenkins-java \
  WAREHOUSE_HOME=/data/home \
  MPLCONFIGDIR=/tmp/matplotlib \
  TZ=UTC
USER 10001:10001
VOLUME /data
ENTRYPOINT ["/usr/bin/tini", "--", "/opt/warehouse/docker/entrypoint.sh"]

# What the project's own checks need on top: the agent of the pipeline `ci`.
FROM warehouse AS ci
USER 0:0
# hadolint ignore=DL3008
RUN apt-get update \
  && apt-get install --yes --no-install-recommends git make \
  && rm -rf /var/lib/apt/lists/*
USER 10001:10001
