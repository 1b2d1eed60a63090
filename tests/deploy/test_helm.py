"""The Helm chart: lints, renders for several installations, and each object is right by the API's schema."""

from __future__ import annotations

import functools
import json
import subprocess
import tomllib

import jsonschema
import kubernetes_validate
import pytest
import yaml

from streams.settings import HINTS, PREFIX, checked
from tests.deploy.conftest import DEPLOY

CHART = DEPLOY / "helm" / "kairos"
KUBERNETES = "1.31"
EVERYTHING = {
    "replicas": 4,
    "settings": {"brokers": "b1:9093,b2:9093", "security": "sasl_ssl", "sasl_user": "kairos", "app": "kairos-cn", "batch_records": 50000, "allow_plaintext": False},
    "events": {"balance.low": {"low": 500}},
    "secrets": {"saslPassword": "pw", "ca": "ca", "tls": "tls", "metricsToken": "token"},
    "referenceVolume": {"persistentVolumeClaim": {"claimName": "reference"}},
    "definitionsVolume": {"configMap": {"name": "definitions"}},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True},
    "networkPolicy": {"extraEgress": [{"ports": [{"port": 4318, "protocol": "TCP"}]}]},
    "keda": {"enabled": True, "authenticationRef": "kafka"},
    "topicsJob": {"enabled": True},
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "podAnnotations": {"a": "b"},
    "imagePullSecrets": [{"name": "registry"}],
}
INSTALLATIONS = {"defaults": {}, "everything": EVERYTHING, "bare": {"networkPolicy": {"enabled": False}, "podDisruptionBudget": {"enabled": False}, "spread": False}}
CUSTOM = {"ServiceMonitor": "servicemonitor.yaml", "PrometheusRule": "prometheusrule.yaml", "ScaledObject": "scaledobject.yaml"}


@pytest.fixture(scope="module")
def helm(tool):
    path = tool("helm")

    def call(*words, values=None) -> tuple[int, str, str]:
        done = subprocess.run(
            [path, *map(str, words), *(["-f", "-"] if values is not None else [])], input=json.dumps(values), capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, done.stdout, done.stderr

    return call


@pytest.fixture(scope="module")
def objects(helm):
    @functools.cache
    def render(name: str) -> list[dict]:
        code, out, err = helm("template", "release", CHART, "--kube-version", f"{KUBERNETES}.0", values=INSTALLATIONS[name])
        assert code == 0, err
        return [document for document in yaml.safe_load_all(out) if document]

    return render


def of_kind(objects, kind):
    return [document for document in objects if document["kind"] == kind]


def test_the_chart_lints(helm):
    code, out, err = helm("lint", "--strict", CHART)
    assert code == 0, out + err


@pytest.mark.parametrize("name", INSTALLATIONS)
def test_every_object_is_right_by_the_schema_of_its_api(objects, schema, name):
    for document in objects(name):
        if document["kind"] in CUSTOM:
            crd = schema(CUSTOM[document["kind"]])
            version = next(v for v in crd["spec"]["versions"] if document["apiVersion"].endswith("/" + v["name"]))
            assert not list(jsonschema.Draft7Validator(version["schema"]["openAPIV3Schema"]).iter_errors(document))
        else:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_everything_that_can_be_switched_on_is_rendered(objects):
    kinds = {document["kind"] for document in objects("everything")}
    assert kinds == {
        *("StatefulSet", "Service", "ServiceAccount", "ConfigMap", "PodDisruptionBudget", "NetworkPolicy", "ServiceMonitor"),
        *("PrometheusRule", "ScaledObject", "Job"),
    }
    assert {document["kind"] for document in objects("bare")} == {"StatefulSet", "Service", "ServiceAccount", "ConfigMap"}


@pytest.mark.parametrize("name", INSTALLATIONS)
def test_the_settings_file_is_one_that_a_worker_takes(objects, name):
    (config,) = of_kind(objects(name), "ConfigMap")
    given = tomllib.loads(config["data"]["kairos.toml"])
    assert checked(given, "kairos.toml")["brokers"]
    if name == "everything":
        assert given["batch_records"] == 50_000
        assert given["events"] == {"balance.low": {"low": 500}}


@pytest.mark.parametrize("name", INSTALLATIONS)
def test_pods_are_hardened_probed_and_have_a_member_id_of_their_own(objects, name):
    (workers,) = of_kind(objects(name), "StatefulSet")
    pod = workers["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert container["readinessProbe"]["httpGet"]["path"] == container["startupProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"] >= 900
    assert pod["terminationGracePeriodSeconds"] >= 15
    environment = {variable["name"]: variable for variable in container["env"]}
    assert environment["KAIROS_INSTANCE"]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    assert {key.removeprefix(PREFIX).lower() for key in environment} - {"config"} <= HINTS.keys()
    assert not any("secretKeyRef" in str(variable) for variable in environment.values()), "secrets come as files"
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts.keys() == {volume["name"] for volume in pod["volumes"]}
    for variable in environment.values():
        path = variable.get("value", "")
        if path.startswith("/"):
            assert any(path.startswith(mounted) for mounted in mounts.values()), path


def test_the_number_of_workers_is_keda_s_where_it_scales(objects):
    assert "replicas" not in of_kind(objects("everything"), "StatefulSet")[0]["spec"]
    (scaled,) = of_kind(objects("everything"), "ScaledObject")
    assert {trigger["metadata"]["topic"] for trigger in scaled["spec"]["triggers"]} == {"raw.usage", "raw.billing", "raw.service", "raw.network"}
    assert {trigger["metadata"]["consumerGroup"] for trigger in scaled["spec"]["triggers"]} == {"kairos-cn"}


def test_the_network_policy_lets_out_what_is_asked_for_and_no_more(objects):
    def ports(name):
        (policy,) = of_kind(objects(name), "NetworkPolicy")
        return {rule["port"] for egress in policy["spec"]["egress"] for rule in egress["ports"]}

    assert ports("defaults") == {53, 9093}
    assert ports("everything") == {53, 9093, 4318}


def test_the_rules_are_those_of_deploy_prometheus(objects):
    (rule,) = of_kind(objects("everything"), "PrometheusRule")
    assert rule["spec"] == yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text("utf-8"))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"replicas": "two"}, "replicas"),
        ({"replica": 3}, "replica"),
        ({"settings": {"brokers": "b:1", "instance": "x"}}, "settings"),
        ({"settings": {"app": "x", "brokers": None}}, "brokers"),
        ({"secrets": {"metricsToken": ""}}, "metricsToken"),
        ({"keda": {"lagThreshold": "many"}}, "lagThreshold"),
    ],
)
def test_values_that_do_not_fit_are_refused(helm, values, says):
    code, _, err = helm("template", "release", CHART, "--kube-version", f"{KUBERNETES}.0", values=values)
    assert code != 0
    assert says in err
