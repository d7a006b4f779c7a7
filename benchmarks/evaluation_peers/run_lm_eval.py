"""lm-evaluation-harness, its hf backend: one task of ours, answers or choices."""

import json
import sys
import time
from pathlib import Path

BEGUN = float(sys.argv[2])
YAML = """task: {kind}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {items}}}}}
test_split: test
num_fewshot: 0
doc_to_text: prompt
"""
GENERATE = """output_type: generate_until
doc_to_target: answer
generation_kwargs: {{until: ["<|im_end|>"], max_gen_toks: {tokens}, do_sample: false}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
"""
CHOOSE = """output_type: multiple_choice
doc_to_choice: options
doc_to_target: label
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
"""


def main() -> None:
    job = json.loads(sys.argv[1])
    folder, kind = Path(job["scratch"]), job["kind"]
    task = YAML.format(kind=kind, items=job["items"])
    task += GENERATE.format(tokens=job["tokens"]) if kind == "generate" else CHOOSE
    (folder / f"{kind}.yaml").write_text(task, encoding="utf-8")
    from lm_eval import evaluator, simple_evaluate
    from lm_eval.tasks import TaskManager

    clock = {}
    whole = evaluator.evaluate

    def timed(*args, **kwargs):  # type: ignore[no-untyped-def]
        clock["started"], cpu = time.time(), time.process_time()
        found = whole(*args, **kwargs)
        clock["seconds"] = time.time() - clock["started"]
        clock["cpu_seconds"] = time.process_time() - cpu
        return found

    evaluator.evaluate = timed
    found = simple_evaluate(
        model="hf", model_args=f"pretrained={job['model']},dtype=float32", tasks=[kind],
        task_manager=TaskManager(include_path=str(folder)), batch_size=16, device="cpu",
        bootstrap_iters=0, log_samples=True,
    )  # fmt: skip
    samples = sorted(found["samples"][kind], key=lambda s: s["doc_id"])
    if kind == "generate":
        said = [s["resps"][0][0] for s in samples]
    else:
        said = [[choice[0][0] for choice in s["resps"]] for s in samples]
    row = {
        "until_first": clock["started"] - BEGUN, "seconds": clock["seconds"],
        "cpu_seconds": clock["cpu_seconds"], "said": said,
    }  # fmt: skip
    print("RESULT " + json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
