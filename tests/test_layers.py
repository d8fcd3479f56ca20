from importlinter.cli import lint_imports


def test_a_module_imports_only_what_its_layer_may() -> None:
    assert lint_imports(no_cache=True) == 0
