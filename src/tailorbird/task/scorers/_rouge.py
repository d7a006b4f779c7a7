"""ROUGE (Lin 2004, Text Summarization Branches Out), through rouge-score, without stemming."""

from functools import cache
from typing import Any

from tailorbird.extras import need
from tailorbird.task.types import Example, Prediction, Score


def rouge(kind: str, words: int, example: Example, prediction: Prediction) -> Score:
    """F1 of `kind`; not marked where the target has fewer than `words` words of a-z and 0-9.

    rouge-score sees no other letters: there, even the target itself would score 0.
    """
    scorer = _scorer(kind)
    target = str(example.target)
    if len(_tokenizer().tokenize(target)) < words:
        return Score(None, f"the target has fewer than {words} words of a-z and 0-9")
    return Score(float(scorer.score(target, prediction.text)[kind].fmeasure))


@cache
def _scorer(kind: str) -> Any:
    need("rouge_score")
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer([kind], tokenizer=_tokenizer())


@cache
def _tokenizer() -> Any:
    from rouge_score.tokenizers import DefaultTokenizer

    return DefaultTokenizer()
