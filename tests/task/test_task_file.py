"""task.yaml: what is refused, and in which words."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from building import SPEC, spec

from tailorbird.errors import TaskError
from tailorbird.task.task import load_spec

FULL: dict[str, Any] = SPEC | {
    "data": {
        "all": [{"path": "rows.json", "key": "rows"}],
        "splits": {"by": "random", "test": 0.3},
        "columns": {"input": "question", "fields": ["topic"]},
    },
    "outputs": {"max_tokens": 20},
    "documents": {"path": "docs", "chunk_words": 60},
    "bar": {
        "primary": {"metric": "label", "at_least": 0.9},
        "guards": [{"metric": "latency_p95", "at_most": 2}],
    },
    "budget": {"minutes": 5, "prices": {"machine_hour": 0.1}},
}


def write(folder: Path, content: Any) -> Path:
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    (folder / "task.yaml").write_text(text, encoding="utf-8")
    return folder


def put(path: str, value: Any, remove: bool = False) -> dict[str, Any]:
    """FULL with one (dotted) key set, or removed."""
    out = copy.deepcopy(FULL)
    *way, last = path.split(".")
    inner: Any = out
    for part in way:
        inner = inner[int(part) if part.isdigit() else part]
    if remove:
        del inner[last]
    else:
        inner[last] = value
    return out


def refusal(folder: Path, content: Any, overrides: dict[str, Any] | None = None) -> str:
    with pytest.raises(TaskError) as caught:
        load_spec(write(folder, content), overrides)
    return str(caught.value)


# ---- what is read ----------------------------------------------------------------------------


def test_a_full_file_is_read_from_its_folder_or_by_name(tmp_path: Path):
    write(tmp_path, FULL)
    read = load_spec(tmp_path)
    assert read == load_spec(tmp_path / "task.yaml")
    assert read.data.all[0].key == "rows"
    assert read.data.splits is not None
    assert (read.data.splits.test, read.data.splits.dev) == (0.3, 0.1)
    assert read.budget.prices.machine_hour == 0.1
    assert [str(c) for c in read.bar.criteria] == ["label >= 0.9", "latency_p95 <= 2"]


@pytest.mark.parametrize(
    "study", ["clinc150", "insurance-email", "procedure-qa", "vagov-procedures"]
)
def test_the_studies_are_read(study: str):
    assert load_spec(Path(__file__).parents[2] / "studies" / study).name == study


def test_files_may_be_one_path_or_several(tmp_path: Path):
    data = {"train": "a.jsonl", "dev": ["b.jsonl"], "test": [{"path": "c.json", "key": "x.y"}]}
    read = load_spec(write(tmp_path, SPEC | {"data": data})).data
    assert [f.path for f in (*read.train, *read.dev, *read.test)] == [
        "a.jsonl",
        "b.jsonl",
        "c.json",
    ]


# ---- unknown, missing and wrong keys ---------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("gaol", "goal"),
        ("data.trian", "train"),
        ("data.all.0.pth", "path"),
        ("data.splits.tset", "test"),
        ("data.columns.inputs", "input"),
        ("outputs.max_token", "max_tokens"),
        ("documents.chunk_word", "chunk_words"),
        ("bar.gaurds", "guards"),
        ("bar.primary.metrics", "metric"),
        ("bar.guards.0.atmost", "at_most"),
        ("budget.minute", "minutes"),
        ("budget.prices.machine_hours", "machine_hour"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_at_every_level(
    path: str, near: str, tmp_path: Path
):
    said = refusal(tmp_path, put(path, 1))
    assert f'unknown key "{path}"; did you mean "{near}"?' in said
    assert "task.yaml" in said


def test_an_unknown_key_near_to_none_gets_the_list(tmp_path: Path):
    assert "known: goal" not in refusal(tmp_path, put("zzz", 1))
    assert 'unknown key "zzz"; known: audits, bar, budget,' in refusal(tmp_path, put("zzz", 1))


@pytest.mark.parametrize(
    "path", ["name", "goal", "kind", "data", "bar", "rungs", "bar.primary", "documents.path"]
)
def test_a_missing_key_is_named(path: str, tmp_path: Path):
    assert f'missing key "{path}"' in refusal(tmp_path, put(path, None, remove=True))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "../escape"),
        ("name", ""),
        ("goal", 3),
        ("kind", "classify"),
        ("seed", "x"),
        ("data", []),
        ("data.all", 3),
        ("data.splits.by", "magic"),
        ("data.splits.test", 1.5),
        ("data.splits.dev", 0),
        ("outputs.max_tokens", 0),
        ("outputs.max_tokens", "many"),
        ("outputs.labels", "yes"),
        ("documents.chunk_words", 3),
        ("bar.primary", 0.8),
        ("bar.primary.at_least", "high"),
        ("bar.margin", 0),
        ("bar.proof", "hope"),
        ("budget.minutes", -1),
        ("budget.prices.machine_hour", -0.1),
        ("rungs", []),
        ("rungs", "majority"),
        ("rungs", [3]),
        ("rungs", [{"majority": 3}]),
        ("rungs", [{"majority": {}, "linear": {}}]),
        ("rungs", [{"approach": ["majority"], "name": "x"}]),
        ("rungs", [{"approach": ["majority"]}]),
        ("rungs", [{"approach": "few_shot", "settings": ["shots"]}]),
        ("rungs", [{"few_shot": {"name": 3}}]),
        ("rungs", [{3: {}}]),
        ("rungs", [None]),
    ],
)
def test_a_wrong_value_is_refused_by_its_key(path: str, value: Any, tmp_path: Path):
    assert f'"{path}' in refusal(tmp_path, put(path, value))


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path):
    said = refusal(tmp_path, put("gaol", 1) | {"seed": "x"})
    assert 'unknown key "gaol"' in said
    assert '"seed"' in said


# ---- combinations that cannot be -------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("data", {"train": "a"}, "either all"),
        ("data", {"all": "a", "test": "b"}, "either all"),
        ("data", {"all": "a", "train": "b"}, "no train or dev"),
        ("data", {"train": "a", "test": "b", "splits": {}}, "no data.all"),
        ("data", {"all": "a", "format": "alpaca", "columns": {}}, "format is alpaca"),
        ("bar.primary", {"metric": "label"}, "exactly one"),
        ("bar.primary", {"metric": "label", "at_least": 1, "at_most": 2}, "exactly one"),
        ("bar.primary", {"metric": "lable", "at_least": 1}, 'did you mean "label"'),
        ("bar.primary", {"metric": "latency_p95", "at_most": 1}, "is not a scorer"),
        ("bar.guards", [{"metric": "latency_p59", "at_most": 1}], 'did you mean "latency_p9'),
    ],
)
def test_a_wrong_combination_is_refused(path: str, value: Any, said: str, tmp_path: Path):
    assert said in refusal(tmp_path, put(path, value))


# ---- rungs -----------------------------------------------------------------------------------


def rungs(*entries: Any) -> list[tuple[str, str, dict[str, Any]]]:
    return [(r.name, r.approach, r.settings) for r in spec(rungs=list(entries)).rungs]


def test_rungs_are_names_or_names_with_settings():
    assert rungs("majority", {"few_shot": {"shots": 3}}, {"linear": None}, {"rag": {}}) == [
        ("majority", "majority", {}),
        ("few_shot", "few_shot", {"shots": 3}),
        ("linear", "linear", {}),
        ("rag", "rag", {}),
    ]


def test_the_long_spelling_means_the_same():
    short = rungs({"few_shot": {"shots": 3, "name": "few"}})
    assert rungs({"approach": "few_shot", "name": "few", "settings": {"shots": 3}}) == short


def test_a_spec_written_out_reads_back():
    first = spec(rungs=["majority", {"few_shot": {"shots": 3}}, {"few_shot": {"shots": 5}}])
    assert type(first).model_validate(first.model_dump(mode="json")) == first


def test_two_rungs_of_one_approach_are_told_apart_by_their_settings():
    names = [name for name, *_ in rungs({"few_shot": {"shots": 1}}, {"few_shot": {"shots": 2}})]
    assert names == ["few_shot(shots=1)", "few_shot(shots=2)"]


@pytest.mark.parametrize(
    "entries",
    [
        ["majority", "majority"],
        [{"few_shot": {"name": "x"}}, {"linear": {"name": "x"}}],
        [{"few_shot": {"name": "linear"}}, "linear"],
        [{"few_shot": {"shots": 1}}, {"few_shot": {"shots": 1}}],
    ],
)
def test_two_rungs_of_one_name_are_refused(entries: list[Any]):
    with pytest.raises(TaskError, match="two rungs are called"):
        spec(rungs=entries)


def test_an_unknown_rung_is_refused_with_the_nearest():
    with pytest.raises(TaskError, match='unknown rung "fewshot"; did you mean "few_shot"'):
        spec(rungs=["fewshot"])


# ---- files and overrides ---------------------------------------------------------------------


@pytest.mark.parametrize("content", ["a: [", "- 1\n- 2", "text", "", "a: b: c", "\t- x"])
def test_what_is_no_mapping_is_refused(content: str, tmp_path: Path):
    assert "task.yaml" in refusal(tmp_path, content)


def test_other_encodings_are_refused(tmp_path: Path):
    (tmp_path / "task.yaml").write_bytes("goal: für".encode("utf-16"))
    with pytest.raises(TaskError, match="not valid YAML"):
        load_spec(tmp_path)


def test_yaml_runs_no_code(tmp_path: Path):
    assert "not valid YAML" in refusal(tmp_path, "a: !!python/object/apply:os.getcwd []")


def test_a_missing_file_says_how_to_write_one(tmp_path: Path):
    with pytest.raises(TaskError, match="no task file") as caught:
        load_spec(tmp_path / "nowhere")
    assert "tailorbird new" in str(caught.value.hint)


def test_overrides_set_dotted_keys(tmp_path: Path):
    read = load_spec(
        write(tmp_path, FULL),
        {"bar.primary.at_least": 0.5, "budget.prices.currency": "GBP", "seed": 7, "model": "other"},
    )
    assert (read.bar.primary.at_least, read.seed, read.model) == (0.5, 7, "other")
    assert (read.budget.prices.currency, read.budget.prices.machine_hour) == ("GBP", 0.1)


def test_overrides_make_the_sections_that_they_need(tmp_path: Path):
    assert load_spec(write(tmp_path, SPEC), {"outputs.max_tokens": 5}).outputs.max_tokens == 5


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("goal.x", "holds no keys"),
        ("rungs.0", "holds no keys"),
        ("bar.primery.at_least", 'unknown key "bar.primery"'),
        ("sed", 'did you mean "seed"'),
        ("", "unknown key"),
    ],
)
def test_a_wrong_override_is_refused(key: str, said: str, tmp_path: Path):
    assert said in refusal(tmp_path, FULL, {key: 1})


def test_overrides_keep_what_they_do_not_name(tmp_path: Path):
    write(tmp_path, FULL)
    before = (tmp_path / "task.yaml").read_text()
    load_spec(tmp_path, {"seed": 3})
    assert (tmp_path / "task.yaml").read_text() == before
    assert load_spec(tmp_path).seed == 0


# ---- the digest ------------------------------------------------------------------------------


def test_the_digest_is_of_what_all_rungs_share():
    """Rungs, model, bar and budget change no answer of another rung."""
    bar = {"primary": {"metric": "label", "at_least": 0.1}}
    shared = ({}, {"rungs": ["linear"]}, {"model": "m"}, {"bar": bar}, {"budget": {"minutes": 1}})
    assert {spec(**change).digest for change in shared} == {spec().digest}
    for change in ({"seed": 1}, {"goal": "Other."}, {"outputs": {"max_tokens": 9}}):
        assert spec(**change).digest != spec().digest, change
