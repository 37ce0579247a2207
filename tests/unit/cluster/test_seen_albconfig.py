"""How often a cluster is asked for an AlbConfig by those who only look."""

from __future__ import annotations

from typing import Any

import pytest

from alb_mutual_tls.cluster.cluster import Cluster


class Api:
    """Answers with how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def get(self, path: str) -> dict[str, Any]:
        self.asked += 1
        return {"metadata": {"name": path.rpartition("/")[2]}, "asked": self.asked}

    def patch(self, path: str, operations: list[Any], manager: str) -> dict[str, Any]:
        return self.get(path)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made, api = Cluster(), Api()
    monkeypatch.setattr(made, "_use", lambda: api)
    return made


def test_one_read_serves_all_who_look_and_each_writer_looks_for_itself(cluster: Cluster) -> None:
    seen = [cluster.seen_albconfig("alb") for _ in range(50)]
    assert [one and one["asked"] for one in seen] == [1] * 50
    assert (cluster.albconfig("alb") or {})["asked"] == 2
    assert (cluster.seen_albconfig("other") or {})["asked"] == 3


def test_a_write_makes_what_was_seen_void(cluster: Cluster) -> None:
    cluster.seen_albconfig("alb")
    cluster.patch_albconfig("alb", [])
    assert (cluster.seen_albconfig("alb") or {})["asked"] == 3
