"""Print the JSON schema of task.yaml."""

from tailorbird.cli.options import print_json

EXAMPLES = "Example: tailorbird schema > task.schema.json"


def command() -> None:
    """Print the JSON schema of task.yaml, for editors and agents."""
    from tailorbird.task.task import TaskSpec

    print_json(TaskSpec.model_json_schema())
