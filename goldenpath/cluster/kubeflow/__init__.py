"""A pipeline file as a pipeline of Kubeflow Pipelines itself, without Elyra: exported here, run in pods."""
