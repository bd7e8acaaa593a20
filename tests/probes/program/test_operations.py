from __future__ import annotations

import pytest
import torch

from probes.program import operations
from probes.program.operations import ATEN, SIZES, known, listed, missing, overload


def test_this_torch_has_all_of_them():
    assert missing() == []
    assert all(isinstance(overload(name), torch._ops.OpOverload) for name in ATEN)


def test_all_are_pure_by_torchs_own_schema():
    for name in ATEN:
        schema = overload(name)._schema
        assert not schema.is_mutable, name
        assert not any(a.alias_info and a.alias_info.is_write for a in schema.arguments), name


def test_none_reads_files_gives_numbers_to_python_or_hands_out_old_memory():
    packets = {name.partition(".")[0] for name in ATEN}
    forbidden = {
        *("from_file", "item", "_local_scalar_dense", "as_strided", "set_", "resize_", "empty"),
        *("empty_like", "new_empty", "empty_strided", "_reinterpret_tensor", "is_nonzero"),
    }
    assert not packets & forbidden
    assert not {name for name in packets if name.endswith("_") or "random_" in name}


def test_an_older_torch_lacks_some_and_nothing_raises(monkeypatch):
    monkeypatch.setattr(operations, "ATEN", ATEN | {"rms_norm_of_2030.default", "add.Nonsense"})
    assert missing() == ["add.Nonsense", "rms_norm_of_2030.default"]
    for name in missing():
        assert listed(name)
        assert not known(name)


def test_what_is_not_listed_is_not_known():
    for name in ("os.system", "__class__.__init__", "relu_.default", "relu", "", "a.b.c"):
        assert not listed(name)
        assert not known(name)


def test_sizes_are_pythons_numbers():
    assert SIZES["size.add"](3, 4) == 7
    assert SIZES["size.floordiv"](7, 2) == 3
    assert SIZES["size.max"](3, 4) == 4
    with pytest.raises(OverflowError, match="a size of"):
        SIZES["size.mul"](1 << 62, 1 << 62)
