"""Every known trap of a pipeline is found, one test each; the project's own pipelines have none."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from goldenpath.cluster.checks.travel import carried
from goldenpath.cluster.pipeline_file import read_pipeline
from tests.helpers.pipeline_edits import add_code, check, edit, edit_notebook, only
from tests.helpers.project import PROJECT


@pytest.mark.parametrize("name", ["train", "batch", "monitor", "retrain"])
def test_the_projects_own_pipelines_have_no_trap(name):
    assert [str(trap) for trap in check(PROJECT, name)] == []


def test_the_small_project_has_none_either(project):
    assert check(project) == []


def test_a_name_with_an_underscore(project):
    (project / "pipelines" / "train.pipeline").rename(project / "pipelines" / "my_train.pipeline")
    trap = only(check(project, "my_train"))
    assert trap.kind == "name"
    assert "'my_train' passes validation and breaks the export; rename the file" in str(trap)


@pytest.mark.parametrize("place", ["app_data", "properties"])
def test_a_runtime_type_even_an_empty_one(project, place):
    def change(primary, properties, said):
        (primary["app_data"] if place == "app_data" else properties)["runtime_type"] = ""

    edit(project, change)
    assert only(check(project)).kind == "runtime-type"


def test_a_runtime_that_is_not_generic(project):
    edit(project, lambda primary, properties, said: properties.pop("runtime"))
    assert only(check(project)).kind == "runtime"


def test_an_older_format(project):
    edit(project, lambda primary, properties, said: primary["app_data"].update(version=7))
    assert only(check(project)).kind == "version"


def test_pipeline_parameters(project):
    edit(project, lambda primary, properties, said: properties.update(pipeline_parameters=[{"name": "seed"}]))
    assert only(check(project)).kind == "parameters"


def test_a_pipeline_without_steps(project):
    edit(project, lambda primary, properties, said: primary["nodes"].clear())
    assert only(check(project)).kind == "empty"


def test_a_file_that_cannot_be_read(project):
    (project / "pipelines" / "train.pipeline").write_text("{")
    assert only(check(project)).kind == "unreadable"


def test_a_label_that_will_be_rewritten(project):
    edit(project, lambda primary, properties, said: primary["nodes"][0]["app_data"].update(label="Read data"))
    trap = only(check(project))
    assert (trap.kind, trap.level) == ("label", "warning")


def test_a_node_that_the_editor_cannot_draw(project):
    edit(project, lambda primary, properties, said: primary["nodes"][0]["app_data"]["ui_data"].pop("x_pos"))
    assert only(check(project)).kind == "ui"


@pytest.mark.parametrize(
    "image", ["", "python", "owner/image:1", "quay.io/owner/image", "quay.io/owner/image:"]
)
def test_an_image_without_registry_or_tag(project, image):
    def change(primary, properties, said):
        properties["pipeline_defaults"]["runtime_image"] = image
        for node in said:
            node["runtime_image"] = image

    edit(project, change)
    assert {trap.kind for trap in check(project)} == {"image"}


@pytest.mark.parametrize(
    "image",
    [
        "quay.io/owner/image:1.0",
        "localhost:5000/owner/image:1",
        "r.io/a/b/c:1",
        f"r.io/a/b@sha256:{'0' * 64}",
    ],
)
def test_images_that_are_fine(project, image):
    edit(project, lambda primary, properties, said: [node.update(runtime_image=image) for node in said])
    assert check(project) == []


@pytest.mark.parametrize(
    ("name", "value"), [("cpu", 0.5), ("memory", 1.5), ("gpu", "1"), ("cpu_limit", "500m")]
)
def test_a_resource_that_is_no_whole_number(project, name, value):
    edit(project, lambda primary, properties, said: said[0].update({name: value}))
    trap = only(check(project))
    assert trap.kind == "resources"
    assert f"{name} = {value}" in trap.problem


def test_caching_left_on(project):
    edit(
        project, lambda primary, properties, said: properties["pipeline_defaults"].pop("disable_node_caching")
    )
    assert {trap.kind for trap in check(project)} == {"caching"}


def test_shared_memory_that_is_dropped(project):
    size = {"kubernetes_shared_mem_size": {"size": 2, "units": "G"}}
    edit(project, lambda primary, properties, said: said[0].update(size))
    assert only(check(project)).kind == "shared-memory"


def test_no_volume(project):
    edit(project, lambda primary, properties, said: properties["pipeline_defaults"].pop("mounted_volumes"))
    trap = only(check(project))  # once, for all steps
    assert (trap.kind, trap.where) == ("no-volume", "data, train")


@pytest.mark.parametrize("path", ["/opt/app-root/src", "/opt/app-root", "/opt/app-root/src/data", "/"])
def test_a_volume_over_the_working_folder(project, path):
    volumes = [{"path": path, "pvc_name": "goldenpath"}]
    edit(project, lambda primary, properties, said: said[0].update(mounted_volumes=volumes))
    assert only(check(project)).kind == "volume-path"


@pytest.mark.parametrize("option", [{"sub_path": "team"}, {"read_only": True}])
def test_volume_options_that_are_dropped(project, option):
    volumes = [{"path": "/mnt/goldenpath", "pvc_name": "goldenpath"} | option]
    edit(project, lambda primary, properties, said: said[0].update(mounted_volumes=volumes))
    assert only(check(project)).kind == "volume-options"


@pytest.mark.parametrize("name", ["02_data", "05_train"])
def test_a_notebook_that_was_renamed_is_the_one_thing_that_is_said(project, name):
    (project / "notebooks" / f"{name}.ipynb").rename(project / "notebooks" / f"{name}_2.ipynb")
    trap = only(check(project))
    assert trap.kind == "notebook"
    assert trap.remedy == f"correct the node's file name; did you mean '{name}_2.ipynb'?"


def test_a_dependency_that_fits_no_file(project):
    edit(project, lambda primary, properties, said: said[0]["dependencies"].append("helpers.py"))
    trap = only(check(project))
    assert (trap.kind, trap.remedy) == ("dependency", "correct it, or drop it")


def test_a_link_that_is_gone_is_said_once_with_the_command_that_makes_it(project):
    shutil.copytree(PROJECT / "runtime-images", project / "runtime-images")
    (project / "notebooks" / "goldenpath").unlink()
    trap = only(check(project))
    assert (trap.kind, trap.where) == ("dependency", "data, train")
    assert trap.remedy == "make the link again: ln -s ../goldenpath notebooks/goldenpath"


@pytest.mark.parametrize("pattern", ["../goldenpath/*.py", "/etc/hosts"])
def test_a_dependency_above_the_notebook(project, pattern):
    edit(project, lambda primary, properties, said: said[0]["dependencies"].append(pattern))
    assert only(check(project)).kind == "parent-folder"


def test_two_patterns_for_one_tree(project):
    edit(project, lambda primary, properties, said: said[0]["dependencies"].append("goldenpath/runs/*.py"))
    assert only(check(project)).kind == "two-patterns"


def test_sub_packages_left_behind(project):
    edit(project, lambda primary, properties, said: said[0].update(include_subdirectories=False))
    trap = only(check(project))
    assert trap.kind == "sub-packages"
    assert "02_data.ipynb needs goldenpath/" in trap.problem


@pytest.mark.parametrize("pattern", ["goldenpath/report/templates/*.jinja", "goldenpath/steps/*.csv"])
def test_data_of_the_library_left_behind(project, pattern: str):
    edit(project, lambda primary, properties, said: said[0]["dependencies"].remove(pattern))
    trap = only(check(project))
    assert trap.where == "data"
    assert pattern.rpartition("*")[0] in trap.problem


def test_a_local_module_left_behind(project):
    (project / "notebooks" / "helpers.py").touch()
    edit_notebook(project, add_code("import helpers"))
    trap = only(check(project))
    assert trap.kind == "left-behind"
    assert "05_train.ipynb needs helpers.py" in trap.problem


def test_settings_left_behind(project):
    edit(project, lambda primary, properties, said: said[1]["dependencies"].remove("settings.ini"))
    assert "05_train.ipynb needs settings.ini" in only(check(project)).problem


def test_a_variable_that_is_misspelt(project):
    variables = [{"env_var": "SEDE", "value": "7"}]
    edit(project, lambda primary, properties, said: said[1].update(env_vars=variables))
    trap = only(check(project))
    assert trap.kind == "variable"
    assert trap.remedy == "did you mean SEED?"


def test_a_variable_of_the_defaults_needs_one_reader_and_is_named_once(project):
    def change(name):
        variables = [{"env_var": name, "value": "7"}]
        edit(
            project,
            lambda primary, properties, said: properties["pipeline_defaults"].update(env_vars=variables),
        )

    change("SEED")
    edit_notebook(project, lambda notebook: notebook["cells"].pop(2), "02_data")  # its parameters cell
    assert "variable" not in {trap.kind for trap in check(project)}
    change("SEDE")
    (trap,) = [trap for trap in check(project) if trap.kind == "variable"]
    assert str(trap) == "train: the pipeline sets SEDE, which none of its steps reads; did you mean 'SEED'?"


def test_settings_may_be_set_as_variables(project):
    variables = [{"env_var": "GOLDENPATH_SOURCE", "value": "/mnt/x.csv"}, {"env_var": "SEED", "value": "7"}]
    edit(project, lambda primary, properties, said: said[1].update(env_vars=variables))
    assert check(project) == []


def test_a_variable_of_the_wrong_type(project):
    variables = [{"env_var": "SEED", "value": "seven"}]
    edit(project, lambda primary, properties, said: said[1].update(env_vars=variables))
    trap = only(check(project))
    assert trap.kind == "variable-value"
    assert "SEED = 'seven' is not of type int" in trap.problem


def test_a_variable_with_two_values(project):
    def change(primary, properties, said):
        said[0]["env_vars"] = [{"env_var": "SEED", "value": "7"}]
        said[1]["env_vars"] = [{"env_var": "SEED", "value": "8"}]

    edit(project, change)
    trap = only(check(project))
    assert (trap.kind, trap.level) == ("variables-differ", "warning")


@pytest.mark.parametrize("metadata", [{}, {"kernelspec": {"name": "python3"}}])
def test_a_notebook_without_kernelspec(project, metadata):
    edit_notebook(project, lambda notebook: notebook.update(metadata=metadata))
    assert only(check(project)).kind == "kernelspec"


def test_a_notebook_without_the_parameters_tag(project):
    def change(notebook):
        for cell in notebook["cells"]:
            cell["metadata"] = {}

    edit_notebook(project, change)
    assert only(check(project)).kind == "parameters-tag"


def test_a_parameter_over_several_lines(project):
    def change(notebook):
        cell = next(cell for cell in notebook["cells"] if cell["metadata"].get("tags"))
        cell["source"] += '\nrule: str = os.environ.get(\n    "RULE", ""\n)  # too long'

    edit_notebook(project, change)
    assert only(check(project)).kind == "parameter-line"


def test_the_run_name_of_elyra(project):
    edit_notebook(project, add_code("import os\nos.environ['ELYRA_RUN_NAME']"))
    assert only(check(project)).kind == "run-name"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Elyra's imports
def test_what_is_said_to_travel_is_what_elyra_packs(project):
    "The same archive by Elyra's own code."
    import tarfile

    from elyra.util.archive import create_temp_archive

    node = read_pipeline(project / "pipelines" / "train.pipeline").nodes[0]
    shutil.rmtree(project / "goldenpath" / "__pycache__", ignore_errors=True)
    names = [node.file.name, *node.parameters["dependencies"]]
    for deep in (True, False):
        chosen = node.model_copy(update={"parameters": node.parameters | {"include_subdirectories": deep}})
        archive = create_temp_archive(
            f"{project.parent.name}.tgz", str(node.file.parent), names, recursive=deep
        )
        with tarfile.open(archive) as packed:
            files = {member.name for member in packed if member.isfile()}
        Path(archive).unlink()
        assert carried(chosen) == files - {node.file.name}


ARCHIVE = """
import sys
from elyra.util.archive import create_temp_archive

name, folder, *files = sys.argv[1:]
create_temp_archive(name, folder, files, recursive=True, require_complete=True)
"""


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_elyra_packs_every_step_whatever_the_hash_seed(tmp_path, seed):
    "Two patterns for one tree would fail for more than half of all seeds."
    node = read_pipeline(PROJECT / "pipelines" / "train.pipeline").nodes[0]
    words = [f"{tmp_path.name}.tgz", str(node.file.parent), node.file.name, *node.parameters["dependencies"]]
    environ = os.environ | {"PYTHONHASHSEED": seed, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", ARCHIVE, *words], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
