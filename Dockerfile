# Two images of sigstep. `cli`: the command line, as nobody, on a read-only file system, with no use of a shell.
# `action` (the default): the Action's step for docker/action.yml, as the user that the runner demands.
#
# Pin the base that you reviewed:   --build-arg PYTHON_IMAGE=docker.io/library/python:3.13-slim@sha256:...
# Without a network at build time:  --build-arg PIP_OPTIONS="--no-index --find-links /wheels" and a volume on /wheels
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ARG PIP_OPTIONS=""
COPY requirements/action.txt /build/action.txt
RUN python3 -I -m venv --without-pip /opt/sigstep \
 && python3 -I -m pip --python /opt/sigstep/bin/python install --quiet --disable-pip-version-check --no-input --no-cache-dir \
      --no-deps --require-hashes --only-binary :all: ${PIP_OPTIONS} -r /build/action.txt
COPY src /opt/sigstep/src
# as an installed package would be: one line that names the sources, and byte code for a file system that takes no writes
RUN echo /opt/sigstep/src >"$(/opt/sigstep/bin/python -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/sigstep.pth" \
 && /opt/sigstep/bin/python -I -m compileall -q /opt/sigstep

FROM ${PYTHON_IMAGE} AS cli
COPY --from=build /opt/sigstep /opt/sigstep
ENV PYTHONUTF8=1 HOME=/tmp
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/opt/sigstep/bin/python", "-I", "-m", "sigstep"]
CMD ["--help"]

FROM ${PYTHON_IMAGE} AS action
COPY --from=build /opt/sigstep /opt/sigstep
ENV PYTHONUTF8=1
ENTRYPOINT ["/opt/sigstep/bin/python", "-I", "-m", "sigstep.action"]
