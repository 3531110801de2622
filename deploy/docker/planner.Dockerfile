# The planner in an Airflow image. Build from the repository's root:
#   docker build -f deploy/docker/planner.Dockerfile -t freesh-planner .
# The same image serves as api-server, scheduler, dag-processor and worker; docs/airflow.md says what each needs.
ARG AIRFLOW_IMAGE=apache/airflow:3.3.2-python3.12
FROM ${AIRFLOW_IMAGE}

COPY requirements/planner.txt /opt/freesh/requirements/planner.txt
RUN pip install --no-cache-dir --require-hashes -r /opt/freesh/requirements/planner.txt

COPY LICENSE /opt/freesh/LICENSE
COPY freesh_plugin /opt/freesh/freesh_plugin
COPY models /opt/freesh/models
COPY dags /opt/freesh/dags

ENV PYTHONPATH=/opt/freesh
ENV AIRFLOW__CORE__DAGS_FOLDER=/opt/freesh/dags
ENV AIRFLOW__CORE__LOAD_EXAMPLES=False
