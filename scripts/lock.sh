#!/bin/sh
# Compiles requirements/*.txt, versions and hashes and no download address, from pyproject.toml: `make lock`.
set -eu
cd "$(dirname "$0")/.."
compile() {
    output=$1
    shift
    .boot/bin/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
        --no-emit-index-url --no-emit-find-links --no-annotate "$@" --output-file "requirements/$output"
}
compile dev.txt pyproject.toml --extra tgi --extra nvml --group planner --group glpk --group airflow --group test --group lint --group build
compile planner.txt --group planner --group airflow
compile plugin.txt pyproject.toml
compile plugin-tgi.txt pyproject.toml --extra tgi --extra nvml
echo "uv" | .boot/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
    --no-emit-index-url --no-emit-find-links - --output-file requirements/boot.txt
client() {
    echo "$2" | .boot/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate \
        --python-version 3.11 --no-emit-index-url --no-emit-find-links - --output-file "requirements/clients-$1.txt"
}
client text-generation "text-generation==0.7.0"
client huggingface-hub "huggingface_hub"
client openai "openai"
