"""From notebook to served model, measured: one library for exploring, training, batch and HTTP prediction on OpenShift AI

Modules:

- `goldenpath.rails.artifact`: A model folder: write its manifest, verify it before anything is believed, save and load the pipeline.
- `goldenpath.rails.checkout`: Whose library runs here: that of the project around the working folder, or another project's?
- `goldenpath.rails.contract`: The one definition of a record and its target, and everything that is derived from it.
- `goldenpath.rails.contracts.frames`: The vectorised check of a whole frame against a contract: the rules of one record, a column at a time.
- `goldenpath.rails.evaluation.gate`: The gate: which rules a candidate is held against, and the verdict that lists every one of them.
- `goldenpath.rails.evaluation.metrics`: How good a model's answers are: metrics, their bootstrap intervals, differences on the same rows.
- `goldenpath.rails.evaluation.pictures`: Plots of an evaluation and of a contrast; for steps and reports, never imported by the server.
- `goldenpath.rails.fastpath`: Compile a fitted pipeline to ONNX, run it, and compare its answers with scikit-learn's.
- `goldenpath.rails.notebook`: Is the export fresh: do a notebook's export cells say what the module says that runs in their place?
- `goldenpath.rails.onehot`: One-hot encoding before the compiled model: a dictionary finds a level sooner than a graph does.
- `goldenpath.rails.onnxgraph`: What a compiled model asks ONNX Runtime to do, read from its bytes before ONNX Runtime sees them.
- `goldenpath.rails.pipeline`: Pipelines: read the visual editor's file into a plain graph; run it on a copy of the project.
- `goldenpath.rails.pipelines.pipeline_check`: The silent traps of a pipeline file, found before anybody submits it.
- `goldenpath.rails.pipelines.rehearsal`: Will it run on the cluster? Every node of a pipeline as its pod would run it, on this machine.
- `goldenpath.rails.pipelines.rehearsal_pod`: One node as its pod would run it: the exact command and environment, in an empty folder.
- `goldenpath.rails.pipelines.rehearsal_python`: A Python as a pod has it: the packages of the runtime image at the image's versions, and not this project.
- `goldenpath.rails.pipelines.rehearsal_witness`: Inside a rehearsed pod: note what Python code looks for and does not find.
- `goldenpath.rails.pipelines.submission`: Submit a pipeline through Elyra, and wait by asking the Kubeflow Pipelines API itself.
- `goldenpath.rails.rows.formulas`: Cells that a spreadsheet would run as a formula, made plain text.
- `goldenpath.rails.rows.rowhash`: A hash of a whole source row that never changes: not with the row's place, the file's growth, the file's format, the date style, nor with the version of any library.
- `goldenpath.rails.rows.split`: Which side of the split a row stands on: train, validation or test, by its hash or by a date.
- `goldenpath.rails.rows.tables`: Read CSV and Parquet files of any size, from a path or a URL, as a stream of record batches.
- `goldenpath.rails.runs`: Runs: one folder under home for each execution, in which every step finds its input and leaves its output.
- `goldenpath.rails.store.mlserver`: Hand a version to a dedicated model server: a folder that MLServer's scikit-learn runtime serves as it is.
- `goldenpath.rails.store.parts`: What a fitted pipeline is made of: every part is looked at after loading and before it is asked.
- `goldenpath.rails.store.retention`: What may go: versions and runs that nobody needs, first moved aside, deleted after a grace time.
- `goldenpath.rails.store.signing`: Signatures of versions in the OpenSSF Model Signing format, made and checked with elliptic keys.
- `goldenpath.rails.store.trees`: Fitted trees, looked at before they are asked: scikit-learn follows their node numbers without a check.
- `goldenpath.rails.store.volume_race`: Can this volume be trusted? Two processes or pods race for names on it and compare what they saw.
- `goldenpath.rails.timing.wire`: A keep-alive HTTP connection that costs next to nothing, so that what is measured is the server.
- `goldenpath.rails.volume`: The one primitive for a shared volume: a complete folder appears under its name, or does not."""

__version__ = "0.1.0"

MODEL_VERSION = "1.0.0"
