"""Prints what CloudFormation makes of a SAM template, in JSON: translate.py TEMPLATE"""
import json
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # which the translator asks for, and no account

from cfnlint.decode import cfn_yaml  # noqa: E402
from samtranslator.parser.parser import Parser  # noqa: E402
from samtranslator.translator.translator import Translator  # noqa: E402

template = json.loads(json.dumps(cfn_yaml.load(sys.argv[1])))
template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"  # as sam deploy does once it has uploaded the code
print(json.dumps(Translator({}, Parser()).translate(template, {}), indent=1))
