"""Settings: what a user mistypes is named with the way out; Kubernetes' own variables do no harm."""

import os
import warnings
from pathlib import Path

import pytest

from goldenpath.errors import BadInput, VolumeFault
from goldenpath.settings import KEYS, Settings, check_variables, load_settings
from goldenpath.settings import table as module
from tests.helpers.project import PROJECT

# What Kubernetes sets for a Service with one port, by its documentation ("Discovering services").
LINKS = """{0}_SERVICE_HOST=10.0.0.11
{0}_SERVICE_PORT=8080
{0}_SERVICE_PORT_HTTP=8080
{0}_PORT=tcp://10.0.0.11:8080
{0}_PORT_8080_TCP=tcp://10.0.0.11:8080
{0}_PORT_8080_TCP_PROTO=tcp
{0}_PORT_8080_TCP_PORT=8080
{0}_PORT_8080_TCP_ADDR=10.0.0.11"""


def written(folder: Path, text: str) -> Path:
    "Return a settings.ini with one section."
    (folder / "settings.ini").write_text(f"[any]\n{text}\n")
    return folder / "settings.ini"


def test_the_shipped_file_loads_and_holds_at_most_15_keys_each_with_a_comment():
    lines = (PROJECT / "settings.ini").read_text().splitlines()
    keys = [number for number, line in enumerate(lines) if "=" in line and not line.startswith("#")]
    assert len(keys) <= 15
    assert all(lines[number - 1].startswith("#") for number in keys)
    assert load_settings(PROJECT / "settings.ini", {}).model == "covid-death"


def test_every_key_has_a_description_and_none_ends_in_port_or_host():
    fields = module.Settings.model_fields
    assert all(fields[key].description for key in KEYS)
    assert not [key for key in KEYS if key.endswith(("port", "host"))]


def test_the_environment_wins_over_the_file_and_an_empty_variable_does_not(tmp_path):
    file = written(tmp_path, "workers = 2\nmodel = mine")
    settings = load_settings(file, {"GOLDENPATH_WORKERS": "3", "GOLDENPATH_MODEL": ""})
    assert (settings.workers, settings.model) == (3, "mine")


def test_goldenpath_data_is_another_name_of_the_source(tmp_path):
    file = written(tmp_path, "source = a.csv")
    assert load_settings(file, {"GOLDENPATH_DATA": "/b.csv"}).source == "/b.csv"
    both = {"GOLDENPATH_DATA": "/b.csv", "GOLDENPATH_SOURCE": "/c.csv"}
    assert load_settings(file, both).source == "/c.csv"


def test_service_links_of_services_named_like_us_are_ignored_without_a_word(tmp_path):
    links = "\n".join(LINKS.format(name) for name in ("GOLDENPATH", "GOLDENPATH_SERVING"))
    environ = dict(line.split("=", 1) for line in links.splitlines())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_settings(written(tmp_path, ""), environ) == load_settings(written(tmp_path, ""), {})


def test_an_unknown_variable_warns_with_the_nearest(tmp_path):
    with pytest.warns(UserWarning, match=r"GOLDENPATH_SORCE is not a setting.*mean 'GOLDENPATH_SOURCE'"):
        load_settings(written(tmp_path, ""), {"GOLDENPATH_SORCE": "x"})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("gate_margn = 0.1", r"unknown key 'gate_margn' \(value '0.1'\); did you mean 'gate_margin'\?"),
        ("zzzzzz = 1", "unknown key 'zzzzzz'.*known keys: model, source"),
        ("workers = two", "workers = 'two' is not allowed; allowed: a whole number from 1 to 256"),
        ("workers = 0", "workers = '0' is not allowed"),
        ("max_rejected = 1%", "max_rejected = '1%' is not allowed; allowed: a share from 0 to 1"),
        ("gate_margin = nan", "gate_margin = 'nan' is not allowed"),
        ("model = Big Model", "model = 'Big Model' is not allowed; allowed: small letters"),
        ("split = hash 0.5 0.5", "split = 'hash 0.5 0.5' is not allowed: .* three shares; allowed: `hash"),
        ("threshold = best", "threshold = 'best' is not allowed: 'best' is not a number .*; allowed: best_"),
        ("threshold = recall>=2", "threshold = 'recall>=2' is not allowed: 2 is not from 0 to 1; allowed"),
        ("threshold = recall>=x", "is not allowed: 'x' is not a number such as 0.8; allowed: best_f1"),
        ("threshold = accuracy>=0.5", "is not allowed: 'accuracy' is neither recall nor precision; allow"),
        ("threshold = 1.5", "threshold = '1.5' is not allowed: 1.5 is not from 0 to 1; allowed: best_f1"),
        ("threshold = nan", "threshold = 'nan' is not allowed: 'nan' is not a number"),
        (
            "gate_floors = auc>=0.8",
            "is not allowed: 'auc' is not a metric; did you mean 'roc_auc'",
        ),
        ("gate_floors = mae>=5", "is not allowed: of mae, less is better: write mae<=5; allowed"),
        ("gate_floors = r2<=1", "is not allowed: of r2, more is better: write r2>=1; allowed"),
        ("gate_floors = mae<=few", "is not allowed: 'few' is not a number such as 12.5; allowed"),
        ("coverage = 1", "coverage = '1' is not allowed; allowed: share of outcomes within the interval"),
        ("gate_floors = roc_auc=0.8", "gate_floors = 'roc_auc=0.8' is not allowed: 'roc_auc=0.8' has no >="),
        ("gate_floors = f1>=0.1, f1>=0.2", "is not allowed: f1 is there twice; allowed: `roc_auc>=0.8"),
        ("gate_floors = f1>=80", "gate_floors = 'f1>=80' is not allowed: 80 is not from 0 to 1; allowed"),
        ("slices = sex, age, sex", "slices = 'sex, age, sex' is not allowed: sex is there twice; allowed: "),
        ("auto_promote = maybe", "auto_promote = 'maybe' is not allowed; allowed: auto, yes or no"),
        (
            "listen = 8080",
            "listen = '8080' is not allowed: it does not have the form ADDRESS:NUMBER; allowed: a",
        ),
        ("listen = 127.0.0.1:65536", "is not allowed: TCP numbers end at 65535; allowed: address and TCP"),
        ("server_url = localhost:8080", "is not allowed: it does not begin with http:// or https:// and a h"),
        ("server_url = http://", "is not allowed: it does not begin with http:// or https:// and a host;"),
        ("server_url = http://model:http", "server_url = 'http://model:http' is not allowed: Port could not"),
        ("server_url = https://model:70000/x", "is not allowed: Port out of range 0-65535; allowed: address"),
        ("max_body = 5", r"max_body = '5' is not allowed; allowed: largest .* in bytes \(at least 1000\)$"),
        ("memo = -1", r"remembered per worker; 0: off \(at least 0, at most 10000000\)$"),
        ("poll_seconds = -1", r"two looks at the roles; 0: never \(at least 0, at most 3600\)$"),
        ("workers = 0", r"a whole number from 1 to 256$"),
        ("cors_origins = *", r"cors_origins = '\*' is not allowed; allowed: .*such as https://portal"),
        ("cors_origins = https://a.example/", "cors_origins = 'https://a.example/' is not allowed"),
        ("cors_origins = https://a.example, *", r"cors_origins = 'https://a.example, \*' is not allowed"),
        (
            "backend = v2",
            "BACKEND_URL = '' is not allowed: backend = v2 needs it; allowed: address of the v2",
        ),
        ("workers = 1\n[other]\nworkers = 2", r"\[other\]: key 'workers' is in the file twice"),
        ("workers = 1\nworkers = 2", "is not a settings file:.*'workers'"),
        ("just words", "is not a settings file"),
    ],
)
def test_a_wrong_line_is_named_with_its_value_and_what_is_allowed(tmp_path, line, message):
    with pytest.raises(BadInput, match=message) as caught:
        load_settings(written(tmp_path, line), {})
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value) or line == "backend = v2"  # which names what is missing


@pytest.mark.parametrize("origins", ["", "http://localhost:3000", "https://a.example, https://b-c.example"])
def test_origins_that_are_allowed(tmp_path, origins):
    assert load_settings(written(tmp_path, f"cors_origins = {origins}"), {}).cors_origins == tuple(
        origins.replace(",", " ").split()
    )


def test_a_wrong_variable_is_named_by_its_own_name(tmp_path):
    with pytest.raises(BadInput, match=r"^GOLDENPATH_WORKERS = 'x' is not allowed; allowed: a whole number"):
        load_settings(written(tmp_path, ""), {"GOLDENPATH_WORKERS": "x"})


def test_a_variable_that_is_not_text_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"^GOLDENPATH_USER = 'ada \\udcff' is not UTF-8; write it as text$"):
        load_settings(written(tmp_path, ""), {"GOLDENPATH_USER": os.fsdecode(b"ada \xff")})


def test_values_are_parsed_and_comments_behind_them_are_cut(tmp_path):
    file = written(tmp_path, "slices = a, b,  # two\ngate_floors = roc_auc>=0.8, recall >= .1")
    settings = load_settings(file, {})
    assert settings.slices == ("a", "b")
    assert settings.gate_floors == {"roc_auc": 0.8, "recall": 0.1}


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("best_f1", "best_f1", 0),
        ("recall>=0.8", "recall", 0.8),
        ("precision >= .5", "precision", 0.5),
        ("0.3", "fixed", 0.3),
        ("1", "fixed", 1),
        ("0", "fixed", 0),
    ],
)
def test_threshold_rules_that_are_allowed(tmp_path, text, kind, value):
    rule = load_settings(written(tmp_path, f"threshold = {text}"), {}).threshold
    assert (rule.kind, rule.value, str(rule)) == (kind, value, text)


def test_a_changed_copy_is_read_as_the_file_is(tmp_path):
    settings = load_settings(written(tmp_path, "split = day 2020-11-01 2020-12-01\nslices = a, b"), {})
    changed = settings.changed(threshold="recall>=0.8")
    assert changed.threshold.kind == "recall"
    assert changed.model_copy(update={"threshold": settings.threshold}) == settings
    with pytest.raises(
        BadInput, match=r"^threshold = '7' is not allowed: 7 is not from 0 to 1; allowed: best"
    ):
        settings.changed(threshold="7")


def test_from_the_notebooks_folder_the_link_leads_to_the_project(tmp_path, monkeypatch):
    written(tmp_path, "workers = 7")
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "settings.ini").symlink_to("../settings.ini")
    monkeypatch.chdir(tmp_path / "notebooks")
    settings = load_settings(environ={})
    assert (settings.workers, settings.folder) == (7, tmp_path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"settings cannot be read from .*absent.ini"):
        load_settings(tmp_path / "absent.ini", {})


def test_home_is_the_mount_where_there_is_one_else_the_projects_volume(tmp_path, monkeypatch):
    settings = load_settings(written(tmp_path, ""), {})
    assert settings.home_folder({}) == tmp_path / "volume"
    monkeypatch.setattr(module, "MOUNT", Path("/proc"))  # a mount on every Linux, and nobody may write to it
    assert settings.home_folder({}) == Path("/proc")


def test_relative_paths_start_from_the_project_and_not_from_the_working_folder(tmp_path, monkeypatch):
    settings = load_settings(written(tmp_path, "home = shared\nsource = rows/*.csv"), {})
    monkeypatch.chdir("/")
    assert settings.home_folder({}) == tmp_path / "shared"
    assert settings.data_source({}) == str(tmp_path / "rows/*.csv")


def test_a_copy_of_the_settings_still_resolves_against_the_project(tmp_path):
    (tmp_path / "copy").mkdir()
    settings = load_settings(written(tmp_path / "copy", ""), {"GOLDENPATH_PROJECT": str(tmp_path)})
    assert settings.home_folder({}) == tmp_path / "volume"


def test_in_a_pod_a_missing_volume_is_an_error(tmp_path):
    pod = {"ELYRA_RUNTIME_ENV": "kfp"}
    with pytest.raises(VolumeFault, match=r"/mnt/goldenpath is not mounted in this pod"):
        load_settings(written(tmp_path, ""), {}).home_folder(pod)
    with pytest.raises(VolumeFault, match=r"home .*/absent is not in this pod"):
        load_settings(written(tmp_path, "home = absent"), {}).home_folder(pod)
    (tmp_path / "there").mkdir()
    assert load_settings(written(tmp_path, "home = there"), {}).home_folder(pod) == tmp_path / "there"


def test_a_home_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    settings = load_settings(written(tmp_path, "home = file/volume"), {})
    with pytest.raises(VolumeFault, match=r"home .*/file/volume cannot be made"):
        settings.writable_home({})


def test_a_home_that_is_a_link_to_a_missing_mount_is_named(tmp_path):
    (tmp_path / "volume").symlink_to(tmp_path / "mnt")
    with pytest.raises(VolumeFault, match=r"/volume is a link to .*/mnt, which is not there: mount it"):
        load_settings(written(tmp_path, ""), {}).writable_home({})


def test_data_is_looked_for_in_home_then_in_the_project_then_drawn(tmp_path):
    settings = load_settings(written(tmp_path, ""), {})
    assert settings.data_source({}) == "synthetic"
    for folder in (tmp_path / "data", tmp_path / "volume" / "data"):
        folder.mkdir(parents=True)
        (folder / ".gitkeep").touch()
        (folder / "rows.csv").touch()
        assert settings.data_source({}) == str(folder / "rows.csv")
    (tmp_path / "volume" / "data" / "more.parquet").touch()
    with pytest.raises(BadInput, match=r"holds 2 data files: name one"):
        settings.data_source({})


def test_a_pod_never_draws_a_stand_in_unless_told(tmp_path):
    pod = {"ELYRA_RUNTIME_ENV": "kfp"}
    with pytest.raises(BadInput, match=r"no rows in .*say `source = synthetic`"):
        load_settings(written(tmp_path, f"home = {tmp_path}"), {}).data_source(pod)
    assert load_settings(written(tmp_path, "source = synthetic"), {}).data_source(pod) == "synthetic"


def test_promotion_is_automatic_only_where_home_is_the_projects_own(tmp_path):
    assert load_settings(written(tmp_path, ""), {}).promotes({})
    elsewhere = load_settings(written(tmp_path, "home = /srv/shared"), {})
    assert not elsewhere.promotes({})
    assert load_settings(written(tmp_path, "home = /srv\nauto_promote = yes"), {}).promotes({})
    (tmp_path / "far").mkdir()
    (tmp_path / "near").mkdir()
    (tmp_path / "near" / "volume").symlink_to(tmp_path / "far")
    assert not load_settings(written(tmp_path / "near", ""), {}).promotes({})


def test_who_is_the_user_else_git_else_the_workbench(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_git_email", lambda folder: "")
    settings = load_settings(written(tmp_path, ""), {})
    assert settings.who_am_i({"NB_PREFIX": "/notebook/team/mona"}) == "mona"
    assert "@" in settings.who_am_i({})
    assert load_settings(written(tmp_path, "user = ada"), {}).who_am_i({}) == "ada"


def test_without_a_setting_the_model_has_the_name_of_the_projects_folder(tmp_path, monkeypatch):
    folder = tmp_path / "Churn of 2026_"
    folder.mkdir()
    assert load_settings(written(folder, "workers = 2"), {}).model == "churn-of-2026"
    assert load_settings(written(folder, "model = sales"), {}).model == "sales"
    monkeypatch.chdir(folder)
    assert Settings().model == "churn-of-2026"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TOKENS", "TOKENS_FILE"),
        ("TOKEN", "TOKENS_FILE"),
        ("TOKEN_FILE", "TOKENS_FILE"),
        ("TOKENS_PATH", "TOKENS_FILE"),
        ("VERIFY_KEYS", "VERIFY_KEY"),
        ("REQUIRE_SIGNATURES", "REQUIRE_SIGNATURE"),
        ("BEHIND_LOGINS", "BEHIND_LOGIN"),
    ],
)
def test_a_misspelt_variable_that_would_protect_a_server_is_refused(name: str, meant: str):
    says = f"variable GOLDENPATH_{name} is not a setting, and GOLDENPATH_{meant} protects the server; correct"
    with pytest.raises(BadInput, match=says):
        check_variables({f"GOLDENPATH_{name}": "value"})


def test_other_variables_stop_no_server():
    harmless = {
        "GOLDENPATH_WORKRES": "4",
        "GOLDENPATH_TOKENS_FILE": "file",
        "TOKENS": "x",
        "GOLDENPATH_TOKEN": "",
    }
    check_variables({**harmless, "GOLDENPATH_PORT_8080_TCP": "tcp://10.0.0.1", "GOLDENPATH_DATA": "rows.csv"})
