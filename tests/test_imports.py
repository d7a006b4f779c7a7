"""Nothing heavy is imported until it is used: `tailorbird --help` is quick."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "sklearn", "pandas", "datasets", "peft", "sentence_transformers"}


@pytest.mark.parametrize(
    "module",
    [
        "tailorbird",
        "tailorbird.cli.main",
        "tailorbird.task.task",
        "tailorbird.task.benchmark",
        "tailorbird.approaches.base",
        "tailorbird.models.http",
        "tailorbird.testing",
    ],
)
def test_a_fresh_import_is_light(module: str):
    script = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    loaded = HEAVY & set(ended.stdout.split())
    assert not loaded, f"import {module} also imports {sorted(loaded)}"


def test_help_and_the_list_of_rungs_are_light():
    script = (
        "import sys\n"
        "from tailorbird.cli.main import main\n"
        "from tailorbird.registry import names\n"
        "assert 'fine_tuned' in names('approaches')\n"
        "sys.argv = ['tailorbird', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        f"print('LOADED', sorted({HEAVY!r} & {{name.split('.')[0] for name in sys.modules}}))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ended.stdout.splitlines()[-1:] == ["LOADED []"], ended.stdout[-300:] + ended.stderr


def test_every_public_name_loads_and_is_listed():
    import tailorbird

    assert sorted(tailorbird.__all__) == sorted(dir(tailorbird))
    for name in tailorbird.__all__:
        assert getattr(tailorbird, name) is not None
    with pytest.raises(AttributeError):
        _ = tailorbird.no_such_name
