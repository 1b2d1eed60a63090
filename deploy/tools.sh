#!/usr/bin/env bash
# Unpacks what checks deploy/ and the page into .tools/, without root: promtool and Prometheus, systemd-analyze, Chromium with the libraries
# that it needs and the machine has not (Debian packages), Helm and the schemas of compose, ServiceMonitor and ScaledObject (Go modules).
# What cannot be had here is named, and its tests say so.
set -u
cd "$(dirname "$0")/.."
tools=$PWD/.tools
mkdir -p "$tools/bin" "$tools/schemas" "$tools/apt/lists/partial" "$tools/apt/archives/partial"
exec 9> "$tools/.lock"
flock 9

missing() { echo "tools: $1: $2; the checks that need it are left out" >&2; }

apt=(-qq -o "Dir::State::Lists=$tools/apt/lists" -o "Dir::Cache=$tools/apt" -o "Dir::Cache::archives=$tools/apt/archives" -o "APT::Sandbox::User=$(id -un)" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=)

lists() { # what there is, asked for once
    command -v apt-get > /dev/null && command -v dpkg-deb > /dev/null || return 1
    [ -e "$tools/apt/.updated" ] || { apt-get "${apt[@]}" update > /dev/null && touch "$tools/apt/.updated"; }
}

debian() { # package...: unpacked below .tools/root
    lists || return 1
    (cd "$tools/apt/archives" && apt-get "${apt[@]}" download "$@" > /dev/null) || return 1
    for package in "$@"; do dpkg-deb -x "$tools/apt/archives/$package"_*.deb "$tools/root" || return 1; done
}

needed() { # package: its name, and those of what it depends on and is not installed here
    lists || return 1
    apt-get "${apt[@]}" --print-uris --no-install-recommends install "$1" | sed -n "s/^'[^']*' \([^_]*\)_.*/\1/p"
}

module() { # module version file target: one file of a Go module
    [ -s "$tools/schemas/$4" ] && return 0
    command -v go > /dev/null || return 1
    local folder
    folder=$(go mod download -json "$1@$2" 2> /dev/null | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    [ -n "$folder" ] && install -m 644 "$folder/$3" "$tools/schemas/$4"
}

if [ ! -x "$tools/root/usr/bin/promtool" ]; then
    debian prometheus || missing promtool "the Debian package prometheus could not be had"
fi
if ! command -v systemd-analyze > /dev/null && [ ! -x "$tools/root/usr/bin/systemd-analyze" ]; then
    debian systemd libsystemd-shared || missing systemd-analyze "the Debian package systemd could not be had"
fi
browsers="chromium chromium-browser google-chrome chrome"
# shellcheck disable=SC2046,SC2086  # lists of names
if ! command -v $browsers > /dev/null && [ ! -e "$tools/root/usr/lib/chromium/.whole" ]; then
    echo "Unpacking Chromium for the tests of the page (once; 124 MB of packages, or more where libraries are missing) ..."
    { packages=$(needed chromium) && [ -n "$packages" ] && debian $packages && touch "$tools/root/usr/lib/chromium/.whole" && rm -f "$tools"/apt/archives/*.deb; } ||
        missing Chromium "the Debian package chromium, or one that it needs, could not be had"
fi
if [ ! -x "$tools/bin/helm" ]; then
    { command -v go > /dev/null && GOBIN=$tools/bin GOFLAGS=-ldflags=-s go install helm.sh/helm/v3/cmd/helm@v3.17.3 2> /dev/null; } || missing helm "it is built as a Go module, and that failed"
fi
module github.com/compose-spec/compose-go/v2 v2.9.0 schema/compose-spec.json compose.json || missing "the schema of compose files" "no Go module of it could be had"
module github.com/prometheus-operator/prometheus-operator v0.82.0 example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml servicemonitor.yaml || missing "the schema of ServiceMonitor" "no Go module of it could be had"
module github.com/prometheus-operator/prometheus-operator v0.82.0 example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml prometheusrule.yaml || missing "the schema of PrometheusRule" "no Go module of it could be had"
module github.com/kedacore/keda/v2 v2.17.0 config/crd/bases/keda.sh_scaledobjects.yaml scaledobject.yaml || missing "the schema of ScaledObject" "no Go module of it could be had"
touch "$tools/.ready"
