"""Functions of windows, held against a plain reading: short and long lists, in order of time and not, many windows of one list and few."""

import os

import numpy as np
import pytest

from schemas.codes import NULL, hold, text_of
from streams.engine.features.distinct import distincts, tops
from streams.engine.features.windows import Windows, anys, extremes, firsts, nearests, sums

SEEDS = range(8 if "NUMBA_DISABLE_JIT" in os.environ else 60)
TEXTS = np.array([0, *(hold(f"text {number}") for number in range(40))])


def lists(g):
    """Times, values and windows (begin, end, in order?, low, until) of some lists in one arena."""
    times, windows = [], []
    for _ in range(g.integers(1, 5)):
        size, at = int(g.choice((3, 30, 40, 200, 500))), sum(map(len, times))
        back = np.where(g.random(size) < g.choice((0, 0, 0.05, 0.5)), g.integers(0, 2000, size), 0)
        mine = 5000 + np.cumsum(g.integers(0, 20, size)) - back
        times.append(mine)
        end = np.sort(g.integers(0, size + 1, int(g.choice((1, 5, 100, 300)))))
        begin = np.minimum(np.maximum(end - g.choice((20, 60, 200)), 0), end)
        until = mine[np.maximum(end - 1, 0)] - np.where(g.random(len(end)) < 0.1, g.integers(-50, 1500, len(end)), 0)
        low = until - g.choice((50, 500, 5000)) - np.where(g.random(len(end)) < 0.1, 300, 0)
        ordered = [bool((np.diff(mine[b:e]) >= 0).all()) for b, e in zip(begin, end, strict=True)]
        windows.append(np.stack([begin + at, end + at, ordered, low, until]))
    return np.concatenate(times), np.concatenate(windows, axis=1)[:, g.permutation(sum(one.shape[1] for one in windows))]


@pytest.mark.parametrize("seed", SEEDS)
def test_functions_of_windows(seed):
    g = np.random.default_rng(seed)
    times, (begin, end, ordered, low, until) = lists(g)
    n = len(times)
    values = g.choice(np.array([NULL, 0, 1, 2, 3, -5, 2**61, -(2**62)]) if seed % 2 else np.append(np.arange(300), NULL), n)
    texts = g.choice(TEXTS[: 4 if seed % 3 else 41], n)
    windows = Windows.of((begin.copy(), end.copy(), ordered.astype(bool)), low.copy(), until.copy(), times)
    found = [
        windows.held, sums(windows, values), distincts(windows, values, NULL), distincts(windows, texts, 0), extremes(windows, values, smallest=False),
        extremes(windows, values, smallest=True), nearests(windows, values, NULL, first=True), nearests(windows, texts, 0, first=False),
        anys(windows, values), tops(windows, texts, values),
    ]  # fmt: skip
    listed = firsts(windows, texts, 0)
    for place in range(len(begin)):
        index = [k for k in range(begin[place], end[place]) if low[place] < times[k] <= until[place]]
        known = [k for k in index if values[k] != NULL]
        mine, words = [int(values[k]) for k in known], [int(texts[k]) for k in index if texts[k]]
        weights = {}
        for k in known:
            if texts[k]:
                weights[int(texts[k])] = weights.get(int(texts[k]), 0) + int(values[k])
        assert [column[place].item() for column in found] == [
            len(index), max(-(2**62), min(2**62, sum(mine))), len(set(mine)), len(set(words)), max(mine, default=NULL), min(mine, default=NULL),
            int(values[min(known, key=lambda k: times[k])]) if known else NULL,
            int(texts[max((k for k in reversed(index) if texts[k]), key=lambda k: times[k])]) if words else 0,
            1 in mine, min(weights, key=lambda word: (-weights[word], text_of(word))) if weights else 0,
        ]  # fmt: skip
        assert listed[place] == list(dict.fromkeys(words))[:32]
