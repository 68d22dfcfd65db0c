from pathlib import Path

import pytest

from storage.files import write_atomically
from storage.owner_only import foreign_readers, others_can_read

USER = "S-1-5-21-1111111111-2222222222-3333333333-1001"


def test_a_private_file_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "金鑰 資料" / "keys.json"
    write_atomically(path, b"{}", private=True)
    assert not others_can_read(path)
    assert path.read_bytes() == b"{}"


@pytest.mark.parametrize(
    ("sddl", "foreign"),
    [
        (f"D:P(A;;FA;;;{USER})", False),
        (f"D:PAI(A;;FA;;;{USER})(A;;FA;;;SY)(A;;FA;;;BA)", False),
        (f"D:P(A;;FA;;;{USER})S:(AU;SAFA;FA;;;WD)", False),
        (f"D:P(D;;FR;;;WD)(A;;FA;;;{USER})", False),
        ("D:P", False),
        (f"D:AI(A;ID;FA;;;{USER})(A;ID;0x1200a9;;;BU)", True),
        ("D:P(A;;FR;;;WD)", True),
        ("D:(A;;FA;;;S-1-5-21-1-2-3-1002)", True),
        ("D:NO_ACCESS_CONTROL", True),
        ("", True),
        ("O:BAG:BA", True),
    ],
)
def test_access_lists(sddl: str, foreign: bool) -> None:
    assert foreign_readers(sddl, USER) == foreign
