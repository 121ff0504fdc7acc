#!/usr/bin/env python3
"""Checks proto/openapi.yaml: that it is OpenAPI 3.1, that its examples fit its schemas, and that
it names what the code has: routes, error codes, request fields, version.

The validator comes from PyPI, into a virtual environment under build/ that is kept."""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.join(ROOT, "build", "venv-openapi")
PINNED = ["openapi-spec-validator==0.9.0", "PyYAML==6.0.3"]


def enter_venv():
    """Runs this script again inside the virtual environment, made when it is not there."""
    python = os.path.join(VENV, "bin", "python")
    done = os.path.join(VENV, "installed")
    wanted = "\n".join(PINNED)
    if not os.path.exists(done) or open(done).read() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet",
                        "--disable-pip-version-check", *PINNED], check=True)
        with open(done, "w") as marker:
            marker.write(wanted)
    os.execv(python, [python, os.path.abspath(__file__)])


if sys.prefix != VENV:
    enter_venv()

import openapi_spec_validator  # noqa: E402
import yaml  # noqa: E402
from openapi_schema_validator import OAS31Validator  # noqa: E402
from referencing import Registry, Resource  # noqa: E402
from referencing.jsonschema import DRAFT202012  # noqa: E402


def source(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


SPEC = yaml.safe_load(source("proto/openapi.yaml"))
REGISTRY = Registry().with_resource(
    "urn:spec", Resource(contents=SPEC, specification=DRAFT202012))
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


def resolve(node):
    while "$ref" in node:
        target = SPEC
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("%5B", "[").replace("%5D", "]")]
        node = target
    return node


def absolute(schema):
    """The schema with its references pointing into the registry's document."""
    if isinstance(schema, dict):
        return {k: "urn:spec" + v if k == "$ref" else absolute(v) for k, v in schema.items()}
    return [absolute(v) for v in schema] if isinstance(schema, list) else schema


def operations():
    for path, item in SPEC["paths"].items():
        for method in METHODS & set(item):
            yield path, method, item[method]


def media_examples():
    """(where, schema, value) of every example in a response."""
    for path, method, operation in operations():
        for status, response in operation["responses"].items():
            for kind, media in resolve(response).get("content", {}).items():
                where = f"{method.upper()} {path} {status} {kind}"
                values = [e["value"] for e in media.get("examples", {}).values()]
                values += [media["example"]] if "example" in media else []
                for value in values:
                    yield where, media["schema"], value


def error_rows():
    """code -> HTTP status, from the table in proto/api_error.c."""
    rows = re.findall(r'\[API_\w+\] = \{"(\w+)", (\d+),', source("proto/api_error.c"))
    return {code: int(status) for code, status in rows if code != "ok"}


def test_it_is_valid_openapi_3_1():
    assert SPEC["openapi"].startswith("3.1.")
    openapi_spec_validator.validate(SPEC)


def test_every_example_fits_its_schema():
    examples = list(media_examples())
    assert len(examples) >= 12, len(examples)
    for where, schema, value in examples:
        errors = list(OAS31Validator(absolute(schema), registry=REGISTRY).iter_errors(value))
        assert not errors, f"{where}: {errors[0].message}"


def test_an_example_that_is_wrong_would_be_noticed():
    schema = absolute({"$ref": "#/components/schemas/Error"})
    wrong = {"error": {"message": "m", "type": "server_error", "param": None, "code": "nonsense"}}
    assert list(OAS31Validator(schema, registry=REGISTRY).iter_errors(wrong))


def test_its_routes_are_the_servers():
    rows = re.findall(r'\{\s*"(GET|PUT|POST|DELETE|PATCH)",\s*"(/[^"]*)"',
                      source("server/routes.c"))
    assert rows, "no route found in server/routes.c"
    served = set(rows)
    described = {(method.upper(), path) for path, method, _ in operations()}
    assert served == described, f"only served {served - described}, " \
                                f"only described {described - served}"


def test_its_error_codes_are_the_servers():
    rows = error_rows()
    assert len(rows) >= 10, rows
    listed = set(SPEC["components"]["schemas"]["ErrorCode"]["enum"])
    assert set(rows) == listed, set(rows) ^ listed


def test_each_error_code_says_its_own_status():
    noted = dict(re.findall(r"^ +- (\w+) # (\d{3})$", source("proto/openapi.yaml"), re.M))
    noted = {code: int(status) for code, status in noted.items()}
    assert noted == error_rows(), set(noted.items()) ^ set(error_rows().items())


def test_every_error_status_is_described():
    described = {int(s) for _, _, operation in operations() for s in operation["responses"]}
    assert set(error_rows().values()) <= described, set(error_rows().values()) - described


def test_every_answer_has_a_request_id():
    for path, method, operation in operations():
        for status, response in operation["responses"].items():
            assert "X-Request-Id" in resolve(response)["headers"], (path, method, status)


def fields_of(path, name="fields"):
    """The fields that a table takes and does not refuse."""
    table = re.search(r"static const struct request_field " + name + r"\[\] = \{(.*?)\n\};",
                      source(path), re.S).group(1)
    known = dict(re.findall(r'\{"([^"]+)",\s+FIELD_(?:SCALAR|LIST|OBJECT),\s+(\w+),', table))
    return {name for name, take in known.items() if take != "refuse"}


def test_its_request_fields_are_the_servers():
    schemas = SPEC["components"]["schemas"]
    transcription = "proto/transcription_request.c"
    fields = {"transcription": fields_of(transcription, "decoding_rows")
                               | fields_of(transcription, "transcription_rows"),
              "alignment": fields_of("proto/alignment_request.c"),
              "search": fields_of("proto/search_request.c")}
    for kind, own in fields.items():
        taken = fields_of("proto/audio_request.c") | own
        assert own and len(taken) >= 7, (kind, taken)
        described = set(schemas[kind.title() + "Fields"]["properties"])
        assert taken == described, (kind, taken ^ described)


def test_its_fields_to_decode_again_are_the_servers():
    path = "proto/transcription_request.c"
    known = fields_of(path, "decoding_rows") | fields_of(path, "redecode_rows")
    described = set(SPEC["components"]["schemas"]["RedecodeFields"]["properties"])
    assert "id" in known and known == described, known ^ described


def test_its_encodings_are_the_decoders():
    known = set(re.findall(r'\{"([\w-]+)", RAW_\w+\}', source("audio/decode.c")))
    fields = SPEC["components"]["schemas"]["TranscriptionFields"]["properties"]
    assert known == set(fields["encoding"]["enum"]), known ^ set(fields["encoding"]["enum"])


def test_its_version_is_the_programs():
    version = re.search(r"^VERSION := (\S+)$", source("Makefile"), re.M).group(1)
    assert SPEC["info"]["version"] == version, version


def main():
    passed = failed = 0
    for name, test in list(globals().items()):
        if not name.startswith("test_"):
            continue
        try:
            test()
            passed += 1
        except Exception as error:  # a test that breaks has failed; the others still run
            failed += 1
            print(f"{name}: {type(error).__name__}: {str(error)[:300]}")  # some quote it all
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
