"""Tailorbird's decoder on the same items."""

import json
import sys
import time
from pathlib import Path

BEGUN = float(sys.argv[2])


def main() -> None:
    from tailorbird.threads import wait_briefly

    wait_briefly()  # as the command line does
    job = json.loads(sys.argv[1])
    from tailorbird.models.base import Sampling
    from tailorbird.models.decoding import Decoder
    from tailorbird.models.local import load_parts
    from tailorbird.store import read_jsonl

    model, tokenizer = load_parts(job["model"])
    rows = read_jsonl(Path(job["items"]))
    started, cpu = time.time(), time.process_time()
    prompts = tokenizer([r["prompt"] for r in rows], add_special_tokens=False).input_ids
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    decoder = Decoder(model, frozenset([end]), tokenizer.pad_token_id)
    if job["kind"] == "generate":
        answers = decoder.generate(prompts, Sampling(max_tokens=job["tokens"]))
        said = tokenizer.batch_decode(answers)
    else:
        options = [
            tokenizer(f" {option}", add_special_tokens=False).input_ids
            for option in rows[0]["options"]
        ]
        said = [[sum(values) for values in row] for row in decoder.score(prompts, options)]
    row = {
        "until_first": started - BEGUN, "seconds": time.time() - started,
        "cpu_seconds": time.process_time() - cpu, "said": said,
    }  # fmt: skip
    print("RESULT " + json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
