"""The table of what a first `up` uploads."""

from benchmarks.bucket import Upload, table


def test_each_row_is_a_ratio_to_the_first_of_its_stack() -> None:
    shown = table(
        [
            Upload("100 clients", "as it comes", 200, 8_000_000),
            Upload("100 clients", "gzip", 200, 2_000_000),
            Upload("a group", "as it comes", 10, 1_000_000),
        ]
    ).splitlines()
    assert shown[2] == "| 100 clients | as it comes | 200 | 8.00 | 1.000 |  |  |"
    assert shown[3] == "| 100 clients | gzip | 200 | 2.00 | 0.250 |  |  |"
    assert shown[4] == "| a group | as it comes | 10 | 1.00 | 1.000 |  |  |"


def test_requests_of_a_bucket_are_shown_by_kind() -> None:
    counted = {"requests": 9, "PUT": 4, "GET": 3, "COPY": 2, "bytes": 1_500_000}
    (row,) = table([Upload("own", "as it comes", 4, 1_400_000, counted)]).splitlines()[2:]
    assert row == "| own | as it comes | 4 | 1.40 | 1.000 | 9 (2 COPY, 3 GET, 4 PUT) | 1.50 |"
