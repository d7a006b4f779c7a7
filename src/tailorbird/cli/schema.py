"""Print the JSON schema of task.yaml."""

EXAMPLES = "Example: tailorbird schema > task.schema.json"


def command() -> None:
    """Print the JSON schema of task.yaml, for editors and agents."""
    import json

    from tailorbird.task.task import TaskSpec

    print(json.dumps(TaskSpec.model_json_schema(), indent=2))
