"""A head on any body: causal or not, whatever the batch looks like."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tailorbird.errors import ModelError
from tailorbird.models.headed import Headed, load_body, pad_right
from tailorbird.task.types import Example

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "where", "is", "my", "parcel", "refund"]
WORDS += ["the", "a", "please", "late"]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random encoder of two layers with a vocabulary of a few words."""
    folder = tmp_path_factory.mktemp("bert")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    transformers.BertTokenizer(
        {w: i for i, w in enumerate(WORDS)}, model_max_length=12
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=12, initializer_range=0.5,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(params=["causal", "encoder"])
def base(request: pytest.FixtureRequest, bert: Path, checkpoint: Path) -> str:
    return str(bert if request.param == "encoder" else checkpoint)


def headed(base: str, adapter: str = "none", pooling: Any = None) -> tuple[Headed, Any]:
    body = load_body(base, adapter, None, 0)
    pooling = pooling or ("last" if body.looks_back_only else "mean")
    model = Headed(body.model, pooling, 3)
    torch.nn.init.normal_(model.head.weight)
    return model.eval(), body


def test_it_is_tried_out_whether_a_model_sees_ahead(bert: Path, checkpoint: Path) -> None:
    assert load_body(str(checkpoint), "none", None, 0).looks_back_only
    assert not load_body(str(bert), "none", None, 0).looks_back_only


@pytest.mark.parametrize("pooling", ["last", "mean", "cls"])
def test_padding_changes_no_logit(base: str, pooling: str) -> None:
    model, body = headed(base, pooling=pooling)
    texts = ("refund", "where is my parcel please", "the late parcel")
    rows = [body.tokens(Example("a", text))[0] for text in texts]
    together = model(**pad_right(rows, body.pad))
    for row, logits in zip(rows, together):
        torch.testing.assert_close(model(**pad_right([row], 0))[0], logits, rtol=1e-4, atol=1e-5)


def test_pooling_is_what_its_name_says(bert: Path) -> None:
    body = load_body(str(bert), "none", None, 0)
    inputs = pad_right([(2, 5, 6, 3)], 0)
    hidden = body.model(**inputs).last_hidden_state[0]
    wanted = {"last": hidden[-1], "mean": hidden.mean(dim=0), "cls": hidden[0]}
    for pooling, pooled in wanted.items():
        model = Headed(body.model, pooling, 2)
        torch.nn.init.normal_(model.head.weight)
        torch.testing.assert_close(model(**inputs)[0], model.head(pooled))


def test_long_inputs_are_cut_and_that_is_said(base: str) -> None:
    _, body = headed(base)
    tokens, cut = body.tokens(Example("a", "parcel " * 2000))
    assert cut
    assert len(tokens) == body.context
    assert not body.tokens(Example("a", "parcel"))[1]


@pytest.mark.parametrize(
    ("adapter", "changes"), [("none", False), ("lora", True), ("full", True), ("ia3", True)]
)
def test_what_an_adapter_may_change(checkpoint: Path, adapter: str, changes: bool) -> None:
    model, _ = headed(str(checkpoint), adapter)
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert {"head.weight", "head.bias"} <= trained
    assert any(n.startswith("body") for n in trained) == changes


def test_lora_attaches_to_an_encoder(bert: Path) -> None:
    model, body = headed(str(bert), "lora")
    model(**pad_right([body.tokens(Example("a", "refund"))[0]], 0)).sum().backward()
    grown = [n for n, p in model.named_parameters() if p.grad is not None and "lora_B" in n]
    assert grown


def test_virtual_tokens_are_refused(checkpoint: Path) -> None:
    with pytest.raises(ModelError, match="virtual tokens"):
        load_body(str(checkpoint), "prompt", None, 0)


def test_no_model_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no tokenizer can be loaded"):
        load_body(str(tmp_path), "none", None, 0)
