"""Deploys what sam build has built, when LocalStack is ready: it forgets everything when it ends.

LocalStack runs it by itself, because it lies in /etc/localstack/init/ready.d. It is boto3 only, so that it runs anywhere:

    AWS_ENDPOINT_URL  of the server; default http://localhost:4566
    DOZE_BUILT        folder that sam build has filled; default /build. Nothing is done where it is empty
    DOZE_STACK        name of the stack; default doze
    DOZE_PARAMETERS   of the template, as NAME=VALUE NAME=VALUE

It does what sam deploy does: uploads each function, says in the template where to, and makes the stack or changes it.
"""

import hashlib
import io
import os
import pathlib
import re
import zipfile

import boto3

BUCKET = "doze-functions"


def zipped(folder: pathlib.Path) -> bytes:
    """Returns a function's folder as Lambda takes it, the same for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(str(file.relative_to(folder)))
            entry.external_attr = 0o755 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()


def deploy(built: pathlib.Path, name: str, parameters: list[str]) -> dict[str, str]:
    """Deploys the stack, waits for it, and returns its outputs."""
    place = {
        "endpoint_url": os.environ.get("AWS_ENDPOINT_URL", "http://localhost:4566"),
        "region_name": os.environ.get("AWS_REGION", "us-east-1"),
        "aws_access_key_id": os.environ.get("AWS_ACCESS_KEY_ID", "test"),
        "aws_secret_access_key": os.environ.get("AWS_SECRET_ACCESS_KEY", "test"),
    }
    s3 = boto3.client("s3", config=boto3.session.Config(s3={"addressing_style": "path"}), **place)
    s3.create_bucket(Bucket=BUCKET)

    def upload(match: re.Match) -> str:
        function = match.group(2)
        code = zipped(built / function)
        key = f"{name}/{function}-{hashlib.sha256(code).hexdigest()}.zip"  # another name for other code, which is a change of the stack
        s3.put_object(Bucket=BUCKET, Key=key, Body=code)
        return f"{match.group(1)}CodeUri: s3://{BUCKET}/{key}"

    template = re.sub(r"(?m)^(\s+)CodeUri: (\w+Function)$", upload, (built / "template.yaml").read_text())
    s3.put_object(Bucket=BUCKET, Key=f"{name}/template.yaml", Body=template.encode())  # a request itself takes 51,200 bytes of one
    cloudformation = boto3.client("cloudformation", **place)
    stack = {
        "StackName": name,
        "TemplateURL": f"{place['endpoint_url']}/{BUCKET}/{name}/template.yaml",
        "Parameters": [dict(zip(("ParameterKey", "ParameterValue"), p.split("=", 1))) for p in parameters],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    try:
        cloudformation.create_stack(**stack)
        waiter = "stack_create_complete"
    except cloudformation.exceptions.AlreadyExistsException:  # where LocalStack remembers
        waiter = "stack_update_complete"
        try:
            cloudformation.update_stack(**stack)
        except cloudformation.exceptions.ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
            waiter = "stack_exists"
    cloudformation.get_waiter(waiter).wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0].get("Outputs", [])
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def main() -> None:
    built = pathlib.Path(os.environ.get("DOZE_BUILT", "/build"))
    if not (built / "template.yaml").exists():
        print(f"Doze: nothing to deploy, because {built} has no template.yaml: run sam build, see localstack/README.md")
        return
    name = os.environ.get("DOZE_STACK", "doze")
    outputs = deploy(built, name, os.environ.get("DOZE_PARAMETERS", "").split())
    print(f"Doze: the stack {name} is deployed. {outputs.get('Address', '')}")


main()
