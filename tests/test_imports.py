"""The layers of the design, read from the import statements."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "imae_core").rglob("*.py"))
PAGES = sorted((ROOT / "pages").glob("*.py"))


def imports(path):
    """Every module that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def roots(path):
    return {name.partition(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_core_knows_no_dashboard(path):
    assert not roots(path) & {"streamlit", "plotly", "ui", "pages"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_pages_import_neither_torch_nor_each_other(path):
    assert not roots(path) & {"torch", "torchvision", "pages"}


@pytest.mark.parametrize("folder", ["losses", "noise", "analysis"])
def test_pure_packages_do_no_io(folder):
    for path in (ROOT / "imae_core" / folder).rglob("*.py"):
        assert not roots(path) & {"pathlib", "os", "io", "shutil", "sqlite3", "pyarrow", "json"}, path
        assert "open(" not in path.read_text(), path


def test_training_knows_neither_store_nor_folder():
    for path in (ROOT / "imae_core" / "training").rglob("*.py"):
        assert not any(name.startswith("imae_core.runs") for name in imports(path)), path


def test_only_the_ui_and_the_pages_import_streamlit():
    for path in [ROOT / "app.py", *(ROOT / "ui").rglob("*.py"), *PAGES]:
        assert not roots(path) & {"torch", "torchvision"}, path
    assert "streamlit" not in roots(ROOT / "ui" / "figures.py"), "figures are pure"


def test_the_command_line_needs_no_dashboard():
    """A GPU node has no Streamlit and no Plotly: train's modules must come without them."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('streamlit', 'plotly'), None));"
        "import imae_core.cli, imae_core.runs.execute, imae_core.runs.worker, imae_core.runs.runner"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pages_core_and_runner_do_not_load_torch():
    code = (
        "import sys, imae_core.cli, imae_core.runs.runner, imae_core.runs.status, imae_core.runs.submit, imae_core.recipes;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_whole_run_loads_nothing_that_only_some_runs_need(home):
    """TorchDynamo, which torch's own optimisers load, makes each start a second longer."""
    code = (
        "import sys; from pathlib import Path; from imae_core.recipes import make_config; from imae_core.runs.execute import execute;"
        "from imae_core.runs.submit import create_run; import imae_core.runs.worker, imae_core.runs.together;"
        "config = make_config('digits', (1, 8, 8), 1297, epochs=1, num_train=100, device='cpu');"
        "assert execute(create_run(Path(sys.argv[1]), config)) == 'done';"
        "print(*{'sklearn', 'scipy', 'torch._dynamo'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, home], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []
