"""What guides need is what the installed schemas ask."""

from scripts import guide_needs


def test_the_file_is_that_of_the_schemas() -> None:
    assert guide_needs.PLACE.read_bytes() == guide_needs.text(), "run `python -m scripts.guide_needs`"
