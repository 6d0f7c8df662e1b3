from supervisor_zerg.core.effects import STATS_TIMEOUT_S, ReadStats, Sleep


def test_effects_are_values():
    assert ReadStats(("/a",)) == ReadStats(("/a",), STATS_TIMEOUT_S)
    assert Sleep(0.5) == Sleep(0.5)
